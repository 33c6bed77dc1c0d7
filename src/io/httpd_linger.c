/* Who sends a body hears its refusal only when it has done so, and not at all when the connection was reset before:
 * that is what the kernel does to bytes that nobody reads. So the socket stays open a little while, behind the
 * library's back and with its sending half shut, and what comes is thrown away. */
#include "io/httpd_inner.h"

#include "core/limits.h"
#include "core/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define LINGER_MS    3000
#define LINGER_BYTES (2u << 20)
#define READ_BURST   8 /* pieces in one turn of the loop */

struct httpd_linger {
    uv_poll_t poll;
    struct httpd *h;
    struct httpd_linger *next, **link;
    int fd;
    int64_t until_ms;
    size_t left; /* bytes that may still come */
};

static void on_linger_closed(uv_handle_t *handle)
{
    struct httpd_linger *l = handle->data;
    struct httpd *h = l->h;

    free(l);
    httpd_handle_closed(h);
}

static void linger_end(struct httpd_linger *l)
{
    *l->link = l->next;
    if (l->next)
        l->next->link = l->link;
    l->h->n_lingers--;
    uv_close((uv_handle_t *)&l->poll, on_linger_closed);
    close(l->fd);
}

/* False at its end. */
static bool throw_away(struct httpd_linger *l)
{
    static char piece[16384];
    ssize_t n = read(l->fd, piece, sizeof piece);

    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    if ((size_t)n > l->left)
        return false;
    l->left -= (size_t)n;
    return true;
}

static void on_bytes(uv_poll_t *p, int status, int events)
{
    struct httpd_linger *l = p->data;

    (void)status, (void)events;
    for (int i = 0; i < READ_BURST; i++) {
        if (throw_away(l))
            continue;
        linger_end(l);
        return;
    }
}

void httpd_linger(struct httpd_conn *c)
{
    struct httpd *h = c->h;
    int fd = h->stopped || h->n_lingers >= LIMIT_HTTP_LINGERS ? -1 : fcntl(c->from.fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return;
    shutdown(fd, SHUT_WR); /* of TLS, the library leaves it to its close */
    struct httpd_linger *l = must(calloc(1, sizeof *l));
    l->h = h;
    l->fd = fd;
    l->until_ms = httpd_now_ms(h) + LINGER_MS;
    l->left = LINGER_BYTES;
    l->poll.data = l;
    uv_poll_init(h->loop, &l->poll, fd);
    h->n_handles++;
    uv_poll_start(&l->poll, UV_READABLE, on_bytes);
    l->next = h->lingers;
    if (l->next)
        l->next->link = &l->next;
    l->link = &h->lingers;
    h->lingers = l;
    h->n_lingers++;
}

int64_t httpd_lingers_due_ms(const struct httpd *h)
{
    int64_t at = INT64_MAX;

    for (const struct httpd_linger *l = h->lingers; l; l = l->next)
        if (l->until_ms < at)
            at = l->until_ms;
    return at;
}

void httpd_lingers_end(struct httpd *h, int64_t until_ms)
{
    for (struct httpd_linger *l = h->lingers, *next; l; l = next) {
        next = l->next;
        if (l->until_ms <= until_ms)
            linger_end(l);
    }
}
