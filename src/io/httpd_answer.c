#include "io/httpd_inner.h"

#include "core/query.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A request on its way to its handler. */
struct call {
    char path[HTTPD_TARGET_MAX + 1], star[HTTPD_TARGET_MAX + 1];
    char allow[HTTPD_ALLOW_MAX]; /* methods that the path does know, when it is another */
    struct http_request q;
    struct http_reply r;
    const struct httpd_entry *entry;
};

const char *http_header(const struct http_request *q, const char *name)
{
    return q->mhd->lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

/* Where the path goes on behind what matches, or NULL; of a star, star gets what it stands for. */
static const char *match(const char *route, const char *path, char *star)
{
    size_t len = strcspn(route, "*"), member;

    if (route[len] == '\0') {
        bool prefix = len && route[len - 1] == '/';
        return strncmp(path, route, len) == 0 && (prefix || path[len] == '\0') ? path + len : NULL;
    }
    if (strncmp(path, route, len) != 0)
        return NULL;
    member = strcspn(path + len, "/");
    if (member == 0 || strcmp(path + len + member, route + len + 1) != 0)
        return NULL;
    memcpy(star, path + len, member);
    star[member] = '\0';
    return star;
}

static void allow_add(char allow[HTTPD_ALLOW_MAX], const char *method)
{
    size_t len = strlen(allow);

    snprintf(allow + len, HTTPD_ALLOW_MAX - len, "%s%s%s", len ? ", " : "", method,
             strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

static void find_entry(const struct httpd *h, struct call *k)
{
    const char *method = strcmp(k->q.method, "HEAD") == 0 ? "GET" : k->q.method;

    for (size_t i = 0; i < h->n_routes; i++) {
        const char *rest = match(h->routes[i].route.path, k->path, k->star);
        if (!rest)
            continue;
        if (strcmp(h->routes[i].route.method, method) == 0) {
            k->q.rest = rest;
            k->entry = &h->routes[i];
            return;
        }
        allow_add(k->allow, h->routes[i].route.method);
    }
}

/* True: there is a route; else k->r says why not. */
static bool look_up(struct httpd_conn *c, struct MHD_Connection *mc, const char *method, struct call *k)
{
    size_t path_len = strcspn(c->target, "?");
    const struct httpd_arrival *from = &c->from;

    k->allow[0] = '\0';
    k->entry = NULL;
    k->r = (struct http_reply){.status = MHD_HTTP_OK};
    k->q = (struct http_request){.method = method,
                                 .path = k->path,
                                 .rest = "",
                                 .query = c->target[path_len] ? c->target + path_len + 1 : "",
                                 .loopback = from->via == HTTP_SOCKET || address_is_loopback(&from->ip),
                                 .via = from->via,
                                 .peer = from->via == HTTP_SOCKET ? NULL : (const struct sockaddr *)&from->peer,
                                 .body = "",
                                 .mhd = c->h->mhd,
                                 .connection = mc,
                                 .conn = c};
    c->api = strncmp(c->target, "/api/", 5) == 0;
    if (strlen(c->target) > HTTPD_TARGET_MAX) {
        httpd_refuse(c, &k->r, MHD_HTTP_URI_TOO_LONG, "the address is too long");
        return false;
    }
    if (query_decode(c->target, path_len, false, k->path, sizeof k->path) < 0) {
        httpd_refuse(c, &k->r, MHD_HTTP_BAD_REQUEST, "the path is not well encoded");
        return false;
    }
    c->api = strncmp(k->path, "/api/", 5) == 0;
    find_entry(c->h, k);
    if (!k->entry && k->allow[0]) {
        httpd_refuse(c, &k->r, MHD_HTTP_METHOD_NOT_ALLOWED, "this path does not know the method");
        http_header_add(&k->r, "Allow", k->allow);
    } else if (!k->entry) {
        httpd_refuse(c, &k->r, MHD_HTTP_NOT_FOUND, "nothing is here");
    }
    return k->entry != NULL;
}

static bool ask_gate(const struct httpd *h, struct call *k)
{
    enum http_need need = k->entry->route.need;

    if (need == HTTP_OPEN)
        return true;
    if (h->gate)
        return h->gate(h->gate_ctx, &k->q, need, &k->r);
    k->q.user = k->q.via == HTTP_SOCKET ? "socket" : k->q.loopback ? "loopback" : NULL;
    if (need == HTTP_LOGIN || k->q.loopback)
        return true;
    httpd_refuse(k->q.conn, &k->r, MHD_HTTP_FORBIDDEN, "this is for clients on the gateway itself (loopback) only");
    return false;
}

/* True: go on; the user's name is kept until the request ends. */
static bool may(struct httpd_conn *c, struct call *k)
{
    if (!ask_gate(c->h, k))
        return false;
    snprintf(c->user, sizeof c->user, "%s", k->q.user ? k->q.user : "");
    return true;
}

static void refuse_body(struct httpd_conn *c, struct http_reply *r, unsigned status, size_t max)
{
    char text[80];

    if (status == MHD_HTTP_CONTENT_TOO_LARGE && max)
        snprintf(text, sizeof text, "a body here has %zu bytes at most", max);
    else
        snprintf(text, sizeof text, "%s",
                 status == MHD_HTTP_CONTENT_TOO_LARGE ? "a request here has no body"
                 : status == MHD_HTTP_BAD_REQUEST     ? "the size of the body is not well given"
                                                      : "too many bodies at a time; please try again");
    httpd_refuse(c, r, status, text);
}

/* Outside the API, a body that no route takes is too much, whatever the method and path. */
enum MHD_Result httpd_admit(struct httpd_conn *c, struct MHD_Connection *mc, const char *method)
{
    struct call k;
    uint64_t size;
    enum httpd_framing framing = httpd_framing(c->h->mhd, mc, &size);
    size_t max = 0;

    if (look_up(c, mc, method, &k)) {
        max = k.entry->route.body_max;
        unsigned refusal = may(c, &k) ? httpd_body_begin(c, framing, size, max) : 0;
        if (c->state == CONN_BODY)
            return MHD_YES;
        if (refusal)
            refuse_body(c, &k.r, refusal, max);
    } else if (!c->api) {
        httpd_reply_drop(&k.r);
        refuse_body(c, &k.r, MHD_HTTP_CONTENT_TOO_LARGE, 0);
    }
    c->lingers = true;
    return httpd_queue(c, mc, &k.r, true);
}

/* Routes may have come and gone since the header, so they are looked up again; the gate was asked already when there
 * is a body. False: k->r is the answer. */
static bool is_admitted(struct httpd_conn *c, struct MHD_Connection *mc, const char *method, struct call *k)
{
    if (!look_up(c, mc, method, k))
        return false;
    if (c->state == CONN_WHOLE)
        return may(c, k);
    if (c->state == CONN_BODY)
        return true;
    refuse_body(c, &k->r, c->body.refusal, k->entry->route.body_max);
    return false;
}

static void handle(struct httpd_conn *c, struct call *k)
{
    k->q.user = c->user[0] ? c->user : NULL;
    if (c->body.len) {
        k->q.body = c->body.buf;
        k->q.body_len = c->body.len;
    }
    k->entry->route.handler(k->entry->ctx, &k->q, &k->r);
    httpd_body_free(c);
    if (!k->r.more) {
        free(c->stream);
        c->stream = NULL;
    }
}

enum MHD_Result httpd_answer(struct httpd_conn *c, struct MHD_Connection *mc, const char *method)
{
    struct call k;
    bool over = c->state == CONN_OVER;

    if (c->state != CONN_ANSWERED && is_admitted(c, mc, method, &k)) {
        handle(c, &k);
        if (c->later) {
            httpd_later_wait(c);
            return MHD_YES;
        }
    }
    if (c->state == CONN_ANSWERED) {
        k.r = c->answer;
        c->answer = (struct http_reply){.status = 0};
    }
    /* libmicrohttpd 0.9.75 sends the end of a body in pieces even to a HEAD */
    return httpd_queue(c, mc, &k.r, over || (k.r.more && strcmp(method, "HEAD") == 0));
}
