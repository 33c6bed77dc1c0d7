#include "io/httpd_inner.h"

#include "core/limits.h"
#include "core/util.h"
#include "io/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG          128
#define ACCEPT_BURST     16         /* connections accepted in one turn of the loop */
#define ACCEPT_BURST_TLS 2          /* the same: each costs a signature */
#define ACCEPT_PAUSE_MS  1000       /* after an accept() that found no descriptor or memory */
#define SEND_BUFFER      (64 << 10) /* bytes: a slow reader shall not get megabytes of old values, nor cost them */

/* ---- accepting ---- */

static void on_acceptable(uv_poll_t *p, int status, int events);

static bool has_place(const struct httpd_listener *l)
{
    const struct httpd *h = l->h;
    bool room =
        l->via == HTTP_SOCKET ? h->n_socket < LIMIT_HTTP_SOCKET : h->n_conns - h->n_socket < LIMIT_HTTP_CONNECTIONS;

    return room && httpd_now_ms(h) >= h->accept_at_ms;
}

void httpd_update_accepting(struct httpd *h)
{
    for (struct httpd_listener *l = h->listeners; l; l = l->next) {
        bool on = has_place(l);
        if (on == l->accepting)
            continue;
        l->accepting = on;
        if (on)
            uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
        else
            uv_poll_stop(&l->poll);
    }
}

static unsigned count_of_ip(const struct httpd *h, const struct address_ip *ip)
{
    unsigned n = 0;

    for (const struct httpd_conn *c = h->conns; c; c = c->next)
        n += memcmp(&c->from.ip, ip, sizeof *ip) == 0;
    return n;
}

/* False when there is nothing more to accept for now. */
static bool accept_one(struct httpd_listener *l)
{
    struct httpd *h = l->h;
    struct httpd_arrival *a = &h->arriving;
    socklen_t len = sizeof a->peer;

    memset(a, 0, sizeof *a);
    a->via = l->via;
    a->fd = accept4(l->fd, (struct sockaddr *)&a->peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (a->fd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            return false;
        log_warn("http: no connection can be accepted: %s", strerror(errno));
        h->accept_at_ms = httpd_now_ms(h) + ACCEPT_PAUSE_MS;
        return false;
    }
    a->engine = l->engine ? l->engine : h->plain;
    if (l->via != HTTP_SOCKET)
        a->ip = address_ip(&a->peer);
    if (l->via != HTTP_SOCKET && count_of_ip(h, &a->ip) >= LIMIT_HTTP_PER_IP) {
        h->refused++;
        close(a->fd);
    } else if (h->mhd->add_connection(a->engine->daemon, a->fd, (struct sockaddr *)&a->peer, len) != MHD_YES) {
        h->refused++;
    } else if (l->via == HTTP_TLS) {
        httpd_lobby_enter(h->conns); /* the newest stands first */
    }
    return true;
}

static void on_acceptable(uv_poll_t *p, int status, int events)
{
    struct httpd_listener *l = p->data;
    struct httpd *h = l->h;

    (void)status, (void)events;
    if (!l->engine && !h->plain && (httpd_load(h) < 0 || !(h->plain = httpd_engine_new(h, NULL, NULL)))) {
        httpd_close_listeners(h);
        return;
    }
    for (int i = 0; i < ACCEPT_BURST && has_place(l); i++)
        if (!accept_one(l))
            break;
    httpd_run(h);
}

/* ---- listening ---- */

static void on_listener_closed(uv_handle_t *handle)
{
    struct httpd_listener *l = handle->data;
    struct httpd *h = l->h;

    free(l);
    httpd_handle_closed(h);
}

static void listener_close(struct httpd_listener **link)
{
    struct httpd_listener *l = *link;

    *link = l->next;
    uv_close((uv_handle_t *)&l->poll, on_listener_closed);
    close(l->fd);
    if (l->engine)
        httpd_engine_retire(l->engine);
    if (l->via == HTTP_SOCKET)
        httpd_socket_remove(&l->file);
}

void httpd_close_listeners(struct httpd *h)
{
    while (h->listeners)
        listener_close(&h->listeners);
}

static struct httpd_listener *listener_new(struct httpd *h, int fd, enum http_via via)
{
    struct httpd_listener *l = must(calloc(1, sizeof *l));

    l->h = h;
    l->fd = fd;
    l->via = via;
    l->poll.data = l;
    uv_poll_init(h->loop, &l->poll, fd);
    h->n_handles++;
    l->next = h->listeners;
    h->listeners = l;
    httpd_update_accepting(h);
    return l;
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
    memcpy(&listener_new(h, fd, HTTP_TCP)->address, address, address_len(address));
    return 0;
}

static struct httpd_listener *find_tls(struct httpd *h, const struct sockaddr *address)
{
    for (struct httpd_listener *l = h->listeners; l; l = l->next)
        if (l->via == HTTP_TLS && memcmp(&l->address, address, address_len(address)) == 0)
            return l;
    return NULL;
}

/* Connections that there are go on with the pair of before. */
static int renew(struct httpd_listener *l, const char *cert_pem, const char *key_pem)
{
    struct httpd_engine *e = httpd_engine_new(l->h, cert_pem, key_pem);

    if (!e)
        return -EINVAL;
    httpd_engine_retire(l->engine);
    l->engine = e;
    return 0;
}

int httpd_listen_tls(struct httpd *h, const struct sockaddr *address, const char *cert_pem, const char *key_pem)
{
    struct httpd_listener *there = find_tls(h, address);

    if (!cert_pem || !key_pem) /* never without TLS */
        return -EINVAL;
    if (there)
        return renew(there, cert_pem, key_pem);
    if (httpd_load(h) < 0)
        return -ELIBACC;
    int fd = open_listening(address);
    if (fd < 0)
        return fd;
    struct httpd_engine *e = httpd_engine_new(h, cert_pem, key_pem);
    if (!e) {
        close(fd);
        return -EINVAL;
    }
    struct httpd_listener *l = listener_new(h, fd, HTTP_TLS);
    l->engine = e;
    memcpy(&l->address, address, address_len(address));
    return 0;
}

int httpd_listen_socket(struct httpd *h, const char *path)
{
    struct httpd_socket_file file;
    int fd = httpd_socket_open(&file, path);

    if (fd < 0)
        return fd;
    listener_new(h, fd, HTTP_SOCKET)->file = file;
    return 0;
}

void httpd_unlisten(struct httpd *h, const struct sockaddr *address)
{
    for (struct httpd_listener **l = &h->listeners; *l; l = &(*l)->next) {
        if (memcmp(&(*l)->address, address, address_len(address)) != 0)
            continue;
        listener_close(l);
        return;
    }
}

void httpd_unlisten_socket(struct httpd *h, const char *path)
{
    for (struct httpd_listener **l = &h->listeners; *l; l = &(*l)->next) {
        if ((*l)->via != HTTP_SOCKET || strcmp((*l)->file.path, path) != 0)
            continue;
        listener_close(l);
        return;
    }
}
