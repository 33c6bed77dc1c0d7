#include "io/httpd_answer.h"

#include "core/query.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALLOW_MAX 64

const char *http_header(const struct http_request *q, const char *name)
{
    return q->mhd->lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

void http_text(struct http_reply *r, unsigned status, const char *text)
{
    r->status = status;
    r->len = strlen(text) + 1;
    r->body = must(malloc(r->len));
    memcpy(r->body, text, r->len - 1);
    r->body[r->len - 1] = '\n';
}

static ssize_t on_more(void *ctx, uint64_t pos, char *dst, size_t size)
{
    const struct http_reply *r = ctx;
    size_t n = r->more(r->ctx, dst, size);

    (void)pos;
    return n ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static void on_no_more(void *ctx)
{
    struct http_reply *r = ctx;

    r->done(r->ctx);
    free(r);
}

static struct MHD_Response *response_in_pieces(const struct mhd *mhd, const struct http_reply *r)
{
    struct http_reply *copy = must(malloc(sizeof *copy));

    *copy = *r;
    return mhd->create_response_from_callback(MHD_SIZE_UNKNOWN, HTTPD_MEMORY / 2, on_more, copy, on_no_more);
}

/* Hand a reply to the library, with one header more (or NULL). */
static enum MHD_Result queue(const struct mhd *mhd, struct MHD_Connection *mc, const struct http_reply *r,
                             const char *header, const char *value)
{
    struct MHD_Response *resp =
        r->more ? response_in_pieces(mhd, r) : mhd->create_response_from_buffer(r->len, r->body, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result rc;

    if (!resp)
        abort();
    mhd->add_response_header(resp, "Content-Type", r->type ? r->type : "text/plain; charset=utf-8");
    if (header)
        mhd->add_response_header(resp, header, value);
    rc = mhd->queue_response(mc, r->status, resp);
    mhd->destroy_response(resp);
    return rc;
}

bool httpd_has_body(const struct mhd *mhd, struct MHD_Connection *mc)
{
    const char *len = mhd->lookup_connection_value(mc, MHD_HEADER_KIND, "Content-Length");

    return (len && strcmp(len, "0") != 0) || mhd->lookup_connection_value(mc, MHD_HEADER_KIND, "Transfer-Encoding");
}

enum MHD_Result httpd_refuse_body(const struct mhd *mhd, struct MHD_Connection *mc)
{
    struct http_reply r = {.status = 0};

    http_text(&r, MHD_HTTP_CONTENT_TOO_LARGE, "a request here has no body");
    return queue(mhd, mc, &r, "Connection", "close");
}

static bool path_matches(const char *route, const char *path)
{
    size_t len = strlen(route);

    return route[len - 1] == '/' ? strncmp(path, route, len) == 0 : strcmp(path, route) == 0;
}

static void allow_add(char allow[ALLOW_MAX], const char *method)
{
    size_t len = strlen(allow);

    snprintf(allow + len, ALLOW_MAX - len, "%s%s%s", len ? ", " : "", method,
             strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

/* Let the route's handler fill the reply. allow gets the methods that the path does know, when it is another.
 */
static void dispatch(const struct httpd_routes *routes, struct http_request *q, struct http_reply *r,
                     char allow[ALLOW_MAX])
{
    const char *method = strcmp(q->method, "HEAD") == 0 ? "GET" : q->method;

    for (size_t i = 0; i < routes->n; i++) {
        if (!path_matches(routes->v[i].path, q->path))
            continue;
        if (strcmp(routes->v[i].method, method) == 0) {
            allow[0] = '\0';
            q->rest = q->path + strlen(routes->v[i].path);
            routes->v[i].handler(routes->v[i].ctx, q, r);
            return;
        }
        allow_add(allow, routes->v[i].method);
    }
    if (allow[0])
        http_text(r, MHD_HTTP_METHOD_NOT_ALLOWED, "this path does not know the method");
    else
        http_text(r, MHD_HTTP_NOT_FOUND, "nothing is here");
}

enum MHD_Result httpd_answer(const struct httpd_routes *routes, const struct mhd *mhd, struct MHD_Connection *mc,
                             const char *method, const char *target, bool loopback)
{
    char path[HTTPD_TARGET_MAX + 1], allow[ALLOW_MAX] = "";
    size_t path_len = strcspn(target, "?");
    struct http_request q = {.method = method,
                             .path = path,
                             .query = target[path_len] ? target + path_len + 1 : "",
                             .loopback = loopback,
                             .mhd = mhd,
                             .connection = mc};
    struct http_reply r = {.status = MHD_HTTP_OK};

    if (strlen(target) > HTTPD_TARGET_MAX)
        http_text(&r, MHD_HTTP_URI_TOO_LONG, "the address is too long");
    else if (query_decode(target, path_len, false, path, sizeof path) < 0)
        http_text(&r, MHD_HTTP_BAD_REQUEST, "the path is not well encoded");
    else
        dispatch(routes, &q, &r, allow);
    if (r.more && strcmp(method, "HEAD") == 0)
        return queue(mhd, mc, &r, "Connection",
                     "close"); /* libmicrohttpd 0.9.75 sends the end of a body nevertheless */
    return queue(mhd, mc, &r, allow[0] ? "Allow" : NULL, allow);
}
