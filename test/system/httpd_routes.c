#include "httpd_routes.h"

#include "core/address.h"
#include "core/query.h"
#include "core/util.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct promise {
    struct promise *next, **link;
    struct http_later *later; /* NULL: kept */
    uv_timer_t timer;
};

struct stream {
    struct stream *next, **link;
    struct http_stream *handle;
    size_t seen;      /* bytes of said[] */
    unsigned hiccups; /* times that it wakes itself, then waits */
    bool flood;
};

static struct httpd *httpd;
static uv_loop_t *loop;
static uv_signal_t reload;
static struct promise *promises;
static struct stream *streams;
static char said[1u << 16];
static size_t said_len;
static unsigned asked, handled, opened, ended;

/* ---- the gate ---- */

static bool gate(void *ctx, struct http_request *q, enum http_need need, struct http_reply *r)
{
    static char user[32]; /* the server copies it */
    const char *token = http_header(q, "X-Token");

    (void)ctx;
    asked++;
    if (q->body_len || q->body[0])
        abort();
    if (need == HTTP_LOGIN) {
        if (!http_header(q, "X-Cross"))
            return true;
        http_error(r, 403, "from another site");
        return false;
    }
    if (!token || (strcmp(token, "read") != 0 && strcmp(token, "write") != 0)) {
        http_error(r, 401, "log in");
        return false;
    }
    if (need == HTTP_WRITE && strcmp(token, "write") != 0) {
        http_error(r, 403, "read only");
        return false;
    }
    snprintf(user, sizeof user, "token %s", token);
    q->user = user;
    return true;
}

/* ---- answers at once ---- */

static void echo(void *ctx, const struct http_request *q, struct http_reply *r)
{
    static const char *const vias[] = {"tcp", "tls", "socket"};

    (void)ctx;
    handled++;
    if (q->body[q->body_len] || (q->via == HTTP_SOCKET) != !q->peer)
        abort();
    r->status = 201;
    r->type = "application/octet-stream";
    r->body = must(malloc(q->body_len + 1));
    memcpy(r->body, q->body, q->body_len);
    r->len = q->body_len;
    http_header_add(r, "X-Via", vias[q->via]);
    http_header_add(r, "X-User", q->user ? q->user : "nobody");
    http_header_add(r, "X-Rest", q->rest[0] ? q->rest : "-");
    http_header_add(r, "X-Loopback", q->loopback ? "yes" : "no");
}

static void remove_item(void *ctx, const struct http_request *q, struct http_reply *r)
{
    (void)ctx;
    handled++;
    r->status = 204;
    http_header_add(r, "X-Rest", q->rest);
    http_header_add(r, "Cache-Control", "max-age=1");
    http_header_add(r, "X-Bad", "a\r\nX-Smuggled: b"); /* is left out */
}

static void state(void *ctx, const struct http_request *q, struct http_reply *r)
{
    char *text = must(malloc(256));
    unsigned owed = 0, live = 0;

    (void)ctx, (void)q;
    for (const struct promise *p = promises; p; p = p->next)
        owed++;
    for (const struct stream *s = streams; s; s = s->next)
        live++;
    int n = snprintf(text, 256, "{\"asked\":%u,\"handled\":%u,\"owed\":%u,\"live\":%u,\"opened\":%u,\"ended\":%u}",
                     asked, handled, owed, live, opened, ended);
    http_json(r, 200, text, (size_t)n);
}

/* ---- later ---- */

static void on_promise_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void promise_end(struct promise *p)
{
    *p->link = p->next;
    if (p->next)
        p->next->link = p->link;
    uv_close((uv_handle_t *)&p->timer, on_promise_closed);
}

static void keep(struct promise *p)
{
    struct http_reply r = {.status = 200};

    promise_end(p);
    http_error(&r, 202, "late");
    http_header_add(&r, "X-Late", "yes");
    http_answer(p->later, &r);
}

static void on_due(uv_timer_t *t)
{
    keep(t->data);
}

/* GET …/later?ms=N; without ms never; ms=0 within the handler */
static void later(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct promise *p = must(calloc(1, sizeof *p));
    char text[16];

    (void)ctx, (void)r;
    handled++;
    p->later = http_later(q);
    uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    p->next = promises;
    if (p->next)
        p->next->link = &p->next;
    p->link = &promises;
    promises = p;
    int len = query_get(q->query, "ms", text, sizeof text);
    if (len == QUERY_ABSENT)
        return;
    uint64_t ms = len > 0 ? strtoull(text, NULL, 10) : 0;
    if (ms == 0)
        keep(p);
    else
        uv_timer_start(&p->timer, on_due, ms, 0);
}

/* ---- streams ---- */

static size_t more(void *ctx, char *dst, size_t size)
{
    struct stream *s = ctx;

    if (s->flood) {
        memset(dst, 'x', size);
        return size;
    }
    if (s->hiccups) {
        s->hiccups--;
        http_wake(s->handle);
        return HTTP_WAIT;
    }
    size_t n = said_len - s->seen < size ? said_len - s->seen : size;
    if (n == 0)
        return HTTP_WAIT;
    const char *dot = memchr(said + s->seen, '.', n); /* the end */
    if (dot)
        n = (size_t)(dot - said) - s->seen;
    memcpy(dst, said + s->seen, n);
    s->seen += n;
    return n;
}

static void done(void *ctx)
{
    struct stream *s = ctx;

    ended++;
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    free(s);
}

static void stream(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct stream *s = must(calloc(1, sizeof *s));

    (void)ctx;
    handled++;
    opened++;
    s->flood = strcmp(q->rest, "flood") == 0;
    s->hiccups = strcmp(q->rest, "hiccups") == 0 ? 3 : 0;
    s->seen = said_len;
    s->handle = http_stream(q);
    s->next = streams;
    if (s->next)
        s->next->link = &s->next;
    s->link = &streams;
    streams = s;
    r->type = "text/event-stream";
    r->more = more;
    r->done = done;
    r->ctx = s;
}

/* The handle is not used: the server takes it back. */
static void no_stream(void *ctx, const struct http_request *q, struct http_reply *r)
{
    (void)ctx;
    http_stream(q);
    http_error(r, 503, "no stream today");
}

static void say(void *ctx, const struct http_request *q, struct http_reply *r)
{
    (void)ctx;
    if (q->body_len > sizeof said - said_len) {
        http_error(r, 503, "all was said");
        return;
    }
    memcpy(said + said_len, q->body, q->body_len);
    said_len += q->body_len;
    for (struct stream *s = streams; s; s = s->next) {
        http_wake(s->handle);
        http_wake(s->handle);
    }
    r->status = 204;
}

static void drop_user(void *ctx, const struct http_request *q, struct http_reply *r)
{
    (void)ctx;
    httpd_drop_user(httpd, q->rest);
    r->status = 204;
}

/* ---- the whole ---- */

static const struct http_route routes[] = {
    {"GET", "/api/probe/state", HTTP_OPEN, 0, state},
    {"GET", "/api/probe/read", HTTP_READ, 0, echo},
    {"POST", "/api/probe/login", HTTP_LOGIN, 1024, echo},
    {"POST", "/api/probe/echo", HTTP_WRITE, 1000, echo},
    {"POST", "/api/probe/big", HTTP_WRITE, 1u << 20, echo},
    {"POST", "/api/probe/open", HTTP_OPEN, 1000, echo},
    {"PUT", "/api/probe/items/*/value", HTTP_WRITE, 1000, echo},
    {"GET", "/api/probe/items/*", HTTP_READ, 0, echo},
    {"DELETE", "/api/probe/items/*", HTTP_WRITE, 0, remove_item},
    {"POST", "/probe/echo", HTTP_WRITE, 1000, echo},
    {"GET", "/api/probe/later", HTTP_READ, 0, later},
    {"POST", "/api/probe/later", HTTP_WRITE, 1000, later},
    {"POST", "/api/probe/say", HTTP_WRITE, 1000, say},
    {"GET", "/api/probe/nostream", HTTP_READ, 0, no_stream},
    {"GET", "/api/probe/streams/*", HTTP_READ, 0, stream},
    {"DELETE", "/api/probe/users/*", HTTP_WRITE, 0, drop_user},
};

static char *file_text(const char *name)
{
    const char *path = getenv(name);
    FILE *f = path ? fopen(path, "r") : NULL;
    char *text = must(calloc(1, 1u << 16));

    if (f) {
        size_t n = fread(text, 1, (1u << 16) - 1, f);
        text[n] = '\0';
        fclose(f);
    }
    return text;
}

static void listen_tls(void)
{
    struct sockaddr_storage a;
    char *cert = file_text("HTTPD_CERT"), *key = file_text("HTTPD_KEY");

    if (address_parse(&a, getenv("HTTPD_TLS")) < 0)
        abort();
    httpd_unlisten(httpd, (struct sockaddr *)&a);
    int rc = httpd_listen_tls(httpd, (struct sockaddr *)&a, cert, key);
    memset(cert, 'x', strlen(cert)); /* neither is kept */
    memset(key, 'x', strlen(key));
    free(cert);
    free(key);
    printf("tls: %s\n", rc ? strerror(-rc) : "listening");
}

static void listen_socket(void)
{
    const char *path = getenv("HTTPD_SOCKET");

    httpd_unlisten_socket(httpd, path);
    int rc = httpd_listen_socket(httpd, path);
    printf("socket: %s\n", rc ? strerror(-rc) : "listening");
}

static void listen_anew(void)
{
    if (getenv("HTTPD_SOCKET"))
        listen_socket();
    if (getenv("HTTPD_TLS"))
        listen_tls();
}

static void on_reload(uv_signal_t *sig, int signum)
{
    (void)sig, (void)signum;
    listen_anew();
}

void routes_start(struct httpd *h, uv_loop_t *l)
{
    httpd = h;
    loop = l;
    httpd_routes(h, routes, ARRAY_LEN(routes), &httpd);
    if (getenv("HTTPD_GATE"))
        httpd_set_gate(h, gate, NULL);
    listen_anew();
    uv_signal_init(l, &reload);
    uv_signal_start(&reload, on_reload, SIGUSR2);
}

void routes_end(void)
{
    while (promises)
        keep(promises);
    uv_close((uv_handle_t *)&reload, NULL);
    if (streams || opened != ended)
        abort();
}
