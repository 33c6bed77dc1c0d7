#include "io/httpd_inner.h"

#include "core/util.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIRST_CAP 1024
#define DROP_MAX  (256u << 10) /* bytes beyond the limit that are still read, for the sake of the answer */

/* Digits alone; the library refuses the others itself, and a size beyond 2^64 too. */
static uint64_t size_of(const char *text)
{
    return strtoull(text, NULL, 10);
}

enum httpd_framing httpd_framing(const struct mhd *mhd, struct MHD_Connection *mc, uint64_t *size)
{
    const char *coding = mhd->lookup_connection_value(mc, MHD_HEADER_KIND, "Transfer-Encoding");
    const char *len = mhd->lookup_connection_value(mc, MHD_HEADER_KIND, "Content-Length");

    *size = 0;
    if (coding)
        return strcasecmp(coding, "chunked") == 0 && !len ? BODY_CHUNKED : BODY_NONSENSE;
    if (!len)
        return BODY_NONE;
    *size = size_of(len);
    return *size ? BODY_SIZED : BODY_NONE;
}

/* Room for n bytes and the end. */
static bool reserve(struct httpd_conn *c, size_t n)
{
    struct httpd_body *b = &c->body;
    size_t cap = n + 1;

    if (cap - b->cap > HTTPD_BODIES_MAX - c->h->body_bytes)
        return false;
    b->buf = must(realloc(b->buf, cap));
    c->h->body_bytes += cap - b->cap;
    b->cap = cap;
    return true;
}

unsigned httpd_body_begin(struct httpd_conn *c, enum httpd_framing framing, uint64_t size, size_t max)
{
    if (framing == BODY_NONSENSE)
        return MHD_HTTP_BAD_REQUEST;
    if (max == 0 || size > max)
        return MHD_HTTP_CONTENT_TOO_LARGE;
    if (framing == BODY_SIZED && !reserve(c, (size_t)size))
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    c->body.max = max;
    c->state = CONN_BODY;
    return 0;
}

/* Of a body in chunks nobody knows the size: the room doubles. */
static bool grow(struct httpd_conn *c, size_t len)
{
    struct httpd_body *b = &c->body;
    size_t wanted = b->len + len, n = b->cap > FIRST_CAP ? b->cap : FIRST_CAP;

    while (n < wanted)
        n *= 2;
    return wanted < b->cap || reserve(c, n < b->max ? n : b->max);
}

/* The library can answer before a body or behind it, not amid: its rest is read and dropped. */
static void give_up(struct httpd_conn *c, unsigned status)
{
    const struct httpd_body over = {.max = c->body.max, .dropped = c->body.len, .refusal = status};

    httpd_body_free(c);
    c->body = over;
    c->state = CONN_OVER;
}

bool httpd_body_take(struct httpd_conn *c, const char *data, size_t len)
{
    struct httpd_body *b = &c->body;

    if (c->state == CONN_BODY) {
        if (len > b->max - b->len)
            give_up(c, MHD_HTTP_CONTENT_TOO_LARGE);
        else if (!grow(c, len))
            give_up(c, MHD_HTTP_SERVICE_UNAVAILABLE);
    }
    if (c->state != CONN_BODY) {
        b->dropped += len;
        return b->dropped <= b->max + DROP_MAX;
    }
    memcpy(b->buf + b->len, data, len);
    b->len += len;
    b->buf[b->len] = '\0';
    return true;
}

void httpd_body_free(struct httpd_conn *c)
{
    c->h->body_bytes -= c->body.cap;
    if (c->body.buf)
        explicit_bzero(c->body.buf, c->body.len); /* it may hold a password */
    free(c->body.buf);
    memset(&c->body, 0, sizeof c->body);
}
