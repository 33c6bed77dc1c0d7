/* The library does not watch a suspended connection at all. Here an epoll of our own sees when its client closes, so
 * that no place is held for nobody; a client that closes only its sending half is taken to be gone, as the library
 * does. */
#include "io/httpd_inner.h"

#include "core/util.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 32

struct httpd_watch {
    uv_poll_t poll;
    struct httpd *h;
    int fd; /* epoll */
};

/* Level-triggered: what does not fit into one turn comes in the next. */
static void on_ends(uv_poll_t *p, int status, int events)
{
    struct httpd_watch *w = p->data;
    struct epoll_event ended[EVENTS];
    int n = epoll_wait(w->fd, ended, EVENTS, 0);

    (void)status, (void)events;
    for (int i = 0; i < n; i++) {
        struct httpd_conn *c = ended[i].data.ptr;
        c->gone = true;
        httpd_go_on(c);
    }
}

int httpd_watch(struct httpd *h)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd < 0)
        return -errno;
    struct httpd_watch *w = must(calloc(1, sizeof *w));
    w->h = h;
    w->fd = fd;
    w->poll.data = w;
    uv_poll_init(h->loop, &w->poll, fd);
    h->n_handles++;
    uv_poll_start(&w->poll, UV_READABLE, on_ends);
    h->watch = w;
    return 0;
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct httpd_watch *w = handle->data;
    struct httpd *h = w->h;

    free(w);
    httpd_handle_closed(h);
}

void httpd_unwatch(struct httpd *h)
{
    struct httpd_watch *w = h->watch;

    if (!w)
        return;
    h->watch = NULL;
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
    close(w->fd);
}

void httpd_pause(struct httpd_conn *c)
{
    struct epoll_event e = {.events = EPOLLRDHUP, .data.ptr = c};

    c->paused = true;
    c->h->mhd->suspend_connection(c->mc);
    if (!c->waits)
        epoll_ctl(c->h->watch->fd, EPOLL_CTL_ADD, c->from.fd, &e); /* a failure means: its end is noticed later */
}

void httpd_go_on(struct httpd_conn *c)
{
    if (!c->paused)
        return;
    c->paused = false;
    epoll_ctl(c->h->watch->fd, EPOLL_CTL_DEL, c->from.fd, NULL);
    c->h->mhd->resume_connection(c->mc);
    httpd_run_soon(c->h); /* without a thread, the library wakes nobody */
}
