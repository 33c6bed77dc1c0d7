#include "io/httpd_inner.h"

#include "core/util.h"

#include <stdlib.h>

struct http_later {
    struct httpd_conn *conn; /* NULL: nobody waits any more */
};

struct http_later *http_later(const struct http_request *q)
{
    struct http_later *l = must(calloc(1, sizeof *l));

    if (q->conn->later || q->conn->stream)
        abort();
    l->conn = q->conn;
    q->conn->later = l;
    return l;
}

/* The reply is queued when the library comes again; within the handler, when that returns. */
static void give(struct httpd_conn *c, struct http_reply *r)
{
    c->answer = *r;
    *r = (struct http_reply){.status = 0};
    c->state = CONN_ANSWERED;
    httpd_go_on(c);
}

void http_answer(struct http_later *l, struct http_reply *r)
{
    struct httpd_conn *c = l->conn;

    free(l);
    if (c) {
        c->later = NULL;
        give(c, r);
    } else {
        httpd_reply_drop(r);
    }
}

void httpd_later_wait(struct httpd_conn *c)
{
    c->state = CONN_LATER;
    c->deadline_ms = httpd_now_ms(c->h) + HTTP_LATER_MS;
    httpd_pause(c);
}

void httpd_later_expire(struct httpd_conn *c)
{
    struct http_reply r = {.status = 0};

    c->later->conn = NULL;
    c->later = NULL;
    httpd_refuse(c, &r, MHD_HTTP_GATEWAY_TIMEOUT, "this took too long; it may still be going on");
    give(c, &r);
}

void httpd_later_end(struct httpd_conn *c)
{
    if (c->later)
        c->later->conn = NULL;
    c->later = NULL;
    if (c->state == CONN_ANSWERED)
        httpd_reply_drop(&c->answer);
}
