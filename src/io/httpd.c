#include "io/httpd.h"

#include "core/address.h"
#include "core/limits.h"
#include "core/util.h"
#include "io/httpd_answer.h"
#include "io/log.h"
#include "io/mhd_load.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG         128
#define ACCEPT_BURST    16   /* connections accepted in one turn of the loop */
#define ACCEPT_PAUSE_MS 1000 /* after an accept() that found no descriptor or memory */
#define SEND_BUFFER                                                                                                    \
    (64 << 10) /* bytes: a slow reader shall not get megabytes of old values, nor cost them                            \
                */

struct listener {
    uv_poll_t poll;
    struct httpd *h;
    struct listener *next;
    int fd;
    struct sockaddr_storage address;
};

struct conn {
    struct conn *next, **link;
    struct httpd *h;
    int fd; /* the library's; we only shut it down */
    struct address_ip ip;
    int64_t deadline_ms;
    char *target;   /* of the request in hand, as it came; NULL: none yet */
    bool announced; /* its header was seen whole: the library's next call wants the answer */
};

struct httpd {
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_idle_t again; /* while the library has more to do at once */
    uv_poll_t poll;  /* on the library's epoll descriptor */
    const struct mhd *mhd;
    struct MHD_Daemon *daemon; /* NULL until the first client */
    struct listener *listeners;
    bool accepting;
    int64_t accept_at_ms; /* not before this */
    struct {
        int fd;
        struct address_ip ip;
    } arriving; /* the connection that is being handed to the library */
    struct conn *conns;
    unsigned n_conns;
    struct httpd_routes routes;
    uint64_t accepted, requests, refused, timed_out;
    unsigned n_handles; /* what httpd_close() waits for */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void *zalloc(size_t size)
{
    void *p = must(calloc(1, size));
    return p;
}

static int64_t now_ms(const struct httpd *h)
{
    return (int64_t)uv_now(h->loop);
}

/* ---- connections, as the library tells of them ---- */

static unsigned count_of_ip(const struct httpd *h, const struct address_ip *ip)
{
    unsigned n = 0;

    for (const struct conn *c = h->conns; c; c = c->next)
        n += memcmp(&c->ip, ip, sizeof *ip) == 0;
    return n;
}

static void conn_add(struct httpd *h, void **context)
{
    struct conn *c = zalloc(sizeof *c);

    c->h = h;
    c->fd = h->arriving.fd;
    c->ip = h->arriving.ip;
    c->deadline_ms = now_ms(h) + HTTPD_REQUEST_MS;
    c->next = h->conns;
    if (c->next)
        c->next->link = &c->next;
    c->link = &h->conns;
    h->conns = c;
    h->n_conns++;
    h->accepted++;
    *context = c;
}

static void conn_remove(struct conn *c)
{
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->h->n_conns--;
    free(c->target);
    free(c);
}

static void on_connection(void *ctx, struct MHD_Connection *mc, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    (void)mc;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        conn_add(ctx, context);
    else
        conn_remove(*context);
}

/* The request line is there. The library takes the text apart in place, and in its own way: keep a copy. */
static void *on_target(void *ctx, const char *target, struct MHD_Connection *mc)
{
    struct httpd *h = ctx;
    struct conn *c = h->mhd->get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    free(c->target);
    c->target = strndup(target, HTTPD_TARGET_MAX + 1);
    if (!c->target)
        abort();
    return c;
}

/* Called once when the header is whole, and again for the answer. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *mc, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_len, void **con_cls)
{
    struct httpd *h = ctx;
    struct conn *c = *con_cls;
    bool body = httpd_has_body(h->mhd, mc);

    (void)url, (void)version, (void)data, (void)data_len;
    if (!body && !c->announced) {
        c->announced = true;
        return MHD_YES;
    }
    h->requests++;
    c->deadline_ms = now_ms(h) + HTTPD_REPLY_MS;
    if (body)
        return httpd_refuse_body(h->mhd, mc);
    return httpd_answer(&h->routes, h->mhd, mc, method, c->target, address_is_loopback(&c->ip));
}

static void on_completed(void *ctx, struct MHD_Connection *mc, void **con_cls, enum MHD_RequestTerminationCode code)
{
    struct conn *c = *con_cls;

    (void)ctx, (void)mc, (void)code;
    free(c->target);
    c->target = NULL;
    c->announced = false;
    c->deadline_ms = now_ms(c->h) + HTTPD_REQUEST_MS;
}

static void on_library_log(void *ctx, const char *fmt, va_list ap)
{
    char text[256];

    (void)ctx;
    vsnprintf(text, sizeof text, fmt, ap);
    log_detail("http: %s", text);
}

/* ---- the library on the loop ---- */

static void on_acceptable(uv_poll_t *p, int status, int events);
static void on_timer(uv_timer_t *t);

static void on_again(uv_idle_t *i);

/* The library knows no time limits here: it wants to go on at once, or waits for its descriptor. At once is
 * the next turn of the loop, by an idle handle: a timer of 0 ms that is set in its own callback runs before
 * all else. */
static void arm_again(struct httpd *h)
{
    MHD_UNSIGNED_LONG_LONG wish;

    if (h->daemon && h->mhd->get_timeout(h->daemon, &wish) == MHD_YES)
        uv_idle_start(&h->again, on_again);
    else
        uv_idle_stop(&h->again);
}

/* Wake up for what comes first: a deadline, or the end of a pause. Nothing: no wake-up. */
static void arm_timer(struct httpd *h)
{
    int64_t now = now_ms(h), at = INT64_MAX;

    for (const struct conn *c = h->conns; c; c = c->next)
        if (c->deadline_ms < at)
            at = c->deadline_ms;
    if (h->accept_at_ms > now && h->accept_at_ms < at)
        at = h->accept_at_ms;
    if (at == INT64_MAX)
        uv_timer_stop(&h->timer);
    else
        uv_timer_start(&h->timer, on_timer, at > now ? (uint64_t)(at - now) : 1, 0);
}

/* While all connections are taken, clients wait in the backlog. */
static void update_accepting(struct httpd *h)
{
    bool on = h->n_conns < LIMIT_HTTP_CONNECTIONS && now_ms(h) >= h->accept_at_ms;

    if (on == h->accepting)
        return;
    h->accepting = on;
    for (struct listener *l = h->listeners; l; l = l->next) {
        if (on)
            uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
        else
            uv_poll_stop(&l->poll);
    }
}

static void run(struct httpd *h)
{
    if (h->daemon)
        h->mhd->run(h->daemon);
    update_accepting(h);
    arm_again(h);
    arm_timer(h);
}

static void on_again(uv_idle_t *i)
{
    run(i->data);
}

static void on_timer(uv_timer_t *t)
{
    struct httpd *h = t->data;

    for (struct conn *c = h->conns; c; c = c->next) {
        if (c->deadline_ms > now_ms(h))
            continue;
        h->timed_out++;
        c->deadline_ms = INT64_MAX;
        shutdown(c->fd, SHUT_RDWR); /* the library sees the end and lets go of it */
    }
    run(h);
}

static void on_news(uv_poll_t *p, int status, int events)
{
    (void)status, (void)events;
    run(p->data);
}

static int start_library(struct httpd *h)
{
    const char *error;

    h->mhd = mhd_load(&error);
    if (!h->mhd) {
        log_error("http: %s: no page can be served", error);
        return -1;
    }
    h->daemon =
        h->mhd->start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, h,
                             MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL, MHD_OPTION_CONNECTION_LIMIT,
                             LIMIT_HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTPD_MEMORY,
                             MHD_OPTION_URI_LOG_CALLBACK, on_target, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                             MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_END);
    if (!h->daemon) {
        log_error("http: libmicrohttpd does not start: %s: no page can be served", strerror(errno));
        return -1;
    }
    uv_poll_init(h->loop, &h->poll, h->mhd->get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    h->poll.data = h;
    h->n_handles++;
    uv_poll_start(&h->poll, UV_READABLE, on_news);
    return 0;
}

/* ---- listening ---- */

static void handle_closed(struct httpd *h)
{
    if (--h->n_handles || !h->closed)
        return;
    h->closed(h->closed_ctx);
    free(h);
}

static void on_handle_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    struct httpd *h = l->h;

    free(l);
    handle_closed(h);
}

static void listener_close(struct listener **link)
{
    struct listener *l = *link;

    *link = l->next;
    uv_close((uv_handle_t *)&l->poll, on_listener_closed);
    close(l->fd);
}

/* False when there is nothing more to accept for now. */
static bool accept_one(struct httpd *h, int listen_fd)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    int fd = accept4(listen_fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            return false;
        log_warn("http: no connection can be accepted: %s", strerror(errno));
        h->accept_at_ms = now_ms(h) + ACCEPT_PAUSE_MS;
        return false;
    }
    h->arriving.fd = fd;
    h->arriving.ip = address_ip(&peer);
    if (count_of_ip(h, &h->arriving.ip) >= LIMIT_HTTP_PER_IP) {
        h->refused++;
        close(fd);
    } else if (h->mhd->add_connection(h->daemon, fd, (struct sockaddr *)&peer, len) != MHD_YES) {
        h->refused++;
    }
    return true;
}

static void on_acceptable(uv_poll_t *p, int status, int events)
{
    struct listener *l = p->data;
    struct httpd *h = l->h;

    (void)status, (void)events;
    if (!h->daemon && start_library(h) < 0) {
        while (h->listeners)
            listener_close(&h->listeners);
        return;
    }
    for (int i = 0; i < ACCEPT_BURST && h->n_conns < LIMIT_HTTP_CONNECTIONS; i++)
        if (!accept_one(h, l->fd))
            break;
    run(h);
}

static socklen_t address_len(const struct sockaddr *a)
{
    return a->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static int open_listening(const struct sockaddr *address)
{
    int on = 1, off = 0, buffer = SEND_BUFFER;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer); /* connections inherit it */
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, address, address_len(address)) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int rc = -errno;
    close(fd);
    return rc;
}

int httpd_listen(struct httpd *h, const struct sockaddr *address)
{
    int fd = open_listening(address);

    if (fd < 0)
        return fd;
    struct listener *l = zalloc(sizeof *l);
    l->h = h;
    l->fd = fd;
    memcpy(&l->address, address, address_len(address));
    l->poll.data = l;
    uv_poll_init(h->loop, &l->poll, fd);
    h->n_handles++;
    l->next = h->listeners;
    h->listeners = l;
    if (h->accepting)
        uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
    return 0;
}

void httpd_unlisten(struct httpd *h, const struct sockaddr *address)
{
    for (struct listener **l = &h->listeners; *l; l = &(*l)->next) {
        if (memcmp(&(*l)->address, address, address_len(address)) != 0)
            continue;
        listener_close(l);
        return;
    }
}

/* ---- the whole ---- */

struct httpd *httpd_new(uv_loop_t *loop)
{
    struct httpd *h = zalloc(sizeof *h);

    h->loop = loop;
    h->accepting = true;
    uv_timer_init(loop, &h->timer);
    uv_idle_init(loop, &h->again);
    h->timer.data = h->again.data = h;
    h->n_handles = 2;
    return h;
}

void httpd_route(struct httpd *h, const char *method, const char *path, http_handler handler, void *ctx)
{
    struct httpd_routes *r = &h->routes;

    if (r->n == HTTPD_ROUTES)
        abort();
    r->v[r->n].method = method;
    r->v[r->n].path = path;
    r->v[r->n].handler = handler;
    r->v[r->n++].ctx = ctx;
}

void httpd_unroute(struct httpd *h, const void *ctx)
{
    struct httpd_routes *r = &h->routes;
    size_t kept = 0;

    for (size_t i = 0; i < r->n; i++)
        if (r->v[i].ctx != ctx)
            r->v[kept++] = r->v[i];
    r->n = kept;
}

void httpd_stats(void *ctx, stat_emit emit, void *emit_ctx)
{
    const struct httpd *h = ctx;
    const struct stat_value all[] = {
        {"http_connections", NULL, STAT_GAUGE, h->n_conns, "HTTP connections open now."},
        {"http_accepted_total", NULL, STAT_COUNTER, (int64_t)h->accepted, "HTTP connections accepted."},
        {"http_requests_total", NULL, STAT_COUNTER, (int64_t)h->requests, "HTTP requests answered."},
        {"http_refused_total", NULL, STAT_COUNTER, (int64_t)h->refused,
         "HTTP connections closed at once: too many from one address."},
        {"http_timeouts_total", NULL, STAT_COUNTER, (int64_t)h->timed_out,
         "HTTP connections closed because their time was over."},
    };

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        emit(emit_ctx, &all[i]);
}

const char *httpd_library_version(const struct httpd *h)
{
    return h->mhd ? h->mhd->get_version() : NULL;
}

/* libuv lets go of the epoll descriptor before the library closes it. */
void httpd_stop(struct httpd *h)
{
    while (h->listeners)
        listener_close(&h->listeners);
    uv_timer_stop(&h->timer);
    uv_idle_stop(&h->again);
    if (!h->daemon)
        return;
    uv_close((uv_handle_t *)&h->poll, on_handle_closed);
    h->mhd->stop_daemon(h->daemon);
    h->daemon = NULL;
}

void httpd_close(struct httpd *h, void (*cb)(void *ctx), void *ctx)
{
    httpd_stop(h);
    h->closed = cb;
    h->closed_ctx = ctx;
    uv_close((uv_handle_t *)&h->timer, on_handle_closed);
    uv_close((uv_handle_t *)&h->again, on_handle_closed);
}
