#include "io/httpd_inner.h"

#include "core/util.h"

#include <stdlib.h>

/* A reply in pieces, whether it may wait or not. */
struct http_stream {
    struct httpd_conn *conn;
    struct http_reply reply;
    bool endless; /* asked for by http_stream() */
    bool waiting; /* more said so: the connection is paused */
    bool woken;   /* while more was not waiting: it shall be asked again */
};

struct http_stream *http_stream(const struct http_request *q)
{
    struct http_stream *s = must(calloc(1, sizeof *s));

    if (q->conn->later || q->conn->stream)
        abort();
    s->conn = q->conn;
    s->endless = true;
    q->conn->stream = s;
    return s;
}

void http_wake(struct http_stream *s)
{
    if (!s->waiting) {
        s->woken = true;
        return;
    }
    s->waiting = false;
    httpd_go_on(s->conn);
}

/* That the library asks means that the client took what there was. */
static ssize_t on_more(void *ctx, uint64_t pos, char *dst, size_t size)
{
    struct http_stream *s = ctx;
    struct httpd_conn *c = s->conn;

    (void)pos;
    if (c->gone) /* of an error the library would not let go at once */
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (s->endless)
        c->deadline_ms = httpd_now_ms(c->h) + HTTPD_REPLY_MS;
    s->woken = false;
    size_t n = s->reply.more(s->reply.ctx, dst, size);
    if (n == 0 || (n == HTTP_WAIT && !s->endless))
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n != HTTP_WAIT)
        return (ssize_t)n;
    if (!s->woken) {
        s->waiting = true;
        c->deadline_ms = INT64_MAX;
        httpd_pause(c);
    }
    return 0;
}

static void on_no_more(void *ctx)
{
    struct http_stream *s = ctx;

    if (s->reply.done)
        s->reply.done(s->reply.ctx);
    free(s);
}

struct MHD_Response *httpd_pieces(struct httpd_conn *c, const struct http_reply *r)
{
    struct http_stream *s = c->stream ? c->stream : must(calloc(1, sizeof *s));

    c->stream = NULL;
    s->conn = c;
    s->reply = *r;
    return c->h->mhd->create_response_from_callback(MHD_SIZE_UNKNOWN, HTTPD_MEMORY / 2, on_more, s, on_no_more);
}
