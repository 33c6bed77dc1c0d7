#include "io/tcp_line.h"

#include "io/mb_names.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RETRY_MIN_MS 500
#define READ_SIZE    4096
#define PROBES       3 /* of TCP_LINE_DEAD_S */

enum tcp_line_state { SHUT, LOOKING, CONNECTING, OPEN, WAITING };

/* One connection. It frees itself when libuv lets go of it, so that the next may begin at once. */
struct connection {
    uv_tcp_t tcp;
    uv_connect_t request;
    struct tcp_line *line; /* NULL: let go */
};

struct tcp_line {
    const struct tty_callbacks *cb;
    void *ctx;
    uv_loop_t *loop;
    enum tcp_line_state state;
    uv_timer_t timer; /* CONNECTING: it takes too long; WAITING: the next try */
    uv_async_t woken; /* LOOKING: the name was found, or not */
    struct mb_look_up *look_up;
    struct addrinfo *list, *next; /* CONNECTING: next: the address to be tried after this one */
    struct connection *connection;
    char *host;
    int port;
    unsigned retry_ms;
    uint64_t open_ms;           /* OPEN: since when, by the loop */
    char reason[MB_LINK_ERROR]; /* the last one said */
    char buffer[READ_SIZE];
    int closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void look_up(struct tcp_line *t);
static void try_next(struct tcp_line *t, const char *failed);

/* ---- letting go ---- */

static void on_connection_closed(uv_handle_t *h)
{
    free(h->data);
}

static void let_go(struct tcp_line *t)
{
    uv_timer_stop(&t->timer);
    if (t->look_up)
        mb_look_up_free(t->look_up);
    t->look_up = NULL;
    if (t->list)
        freeaddrinfo(t->list);
    t->list = t->next = NULL;
    if (!t->connection)
        return;
    t->connection->line = NULL;
    uv_close((uv_handle_t *)&t->connection->tcp, on_connection_closed);
    t->connection = NULL;
}

static void on_retry(uv_timer_t *timer)
{
    look_up(timer->data);
}

static void wait_and_retry(struct tcp_line *t, const char *reason)
{
    char said[MB_LINK_ERROR];

    snprintf(said, sizeof said, "%s", reason);
    let_go(t);
    if (t->state == OPEN && uv_now(t->loop) - t->open_ms >= TCP_LINE_RETRY_MAX_MS)
        t->retry_ms = RETRY_MIN_MS; /* not of one that says "port in use" and hangs up, and again */
    t->state = WAITING;
    uv_timer_start(&t->timer, on_retry, t->retry_ms, 0);
    t->retry_ms = t->retry_ms * 2 < TCP_LINE_RETRY_MAX_MS ? t->retry_ms * 2 : TCP_LINE_RETRY_MAX_MS;
    if (strcmp(said, t->reason) == 0)
        return;
    memcpy(t->reason, said, sizeof said);
    t->cb->lost(t->ctx, t->reason);
}

/* ---- open ---- */

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *buf)
{
    struct connection *c = h->data;

    (void)wanted;
    *buf = c->line ? uv_buf_init(c->line->buffer, READ_SIZE) : uv_buf_init(NULL, 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = stream->data;

    if (!c->line || n == 0)
        return;
    struct tcp_line *t = c->line;
    if (n < 0) {
        wait_and_retry(t, n == UV_EOF ? "the other end closed the connection" : uv_strerror((int)n));
        return;
    }
    t->cb->bytes(t->ctx, buf->base, (size_t)n);
}

/* A peer without power is missed in time. */
static void watch_peer(uv_tcp_t *tcp)
{
    int fd, probes = PROBES, every = TCP_LINE_DEAD_S / (PROBES + 1), unheard = TCP_LINE_DEAD_S * 1000;

    uv_tcp_nodelay(tcp, 1);
    uv_tcp_keepalive(tcp, 1, (unsigned)every);
    if (uv_fileno((uv_handle_t *)tcp, &fd) < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard, sizeof unheard);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct connection *c = request->data;

    if (!c->line)
        return;
    struct tcp_line *t = c->line;
    if (status < 0) {
        try_next(t, uv_strerror(status));
        return;
    }
    uv_timer_stop(&t->timer);
    freeaddrinfo(t->list);
    t->list = t->next = NULL;
    watch_peer(&c->tcp);
    t->state = OPEN;
    t->open_ms = uv_now(t->loop);
    t->reason[0] = '\0';
    if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) < 0)
        wait_and_retry(t, "it cannot be read");
    else
        t->cb->opened(t->ctx);
}

/* ---- on the way there ---- */

static void on_too_long(uv_timer_t *timer)
{
    try_next(timer->data, "no answer");
}

static void connect_to(struct tcp_line *t, const struct sockaddr *address)
{
    struct connection *c = must(calloc(1, sizeof *c));
    int rc;

    uv_tcp_init(t->loop, &c->tcp);
    c->line = t;
    c->tcp.data = c->request.data = c;
    t->connection = c;
    rc = uv_tcp_connect(&c->request, &c->tcp, address, on_connected);
    if (rc < 0)
        try_next(t, uv_strerror(rc));
    else
        uv_timer_start(&t->timer, on_too_long, TCP_LINE_CONNECT_MS, 0);
}

/* The next address; behind the last one it is `failed`. */
static void try_next(struct tcp_line *t, const char *failed)
{
    struct addrinfo *list = t->list, *a = t->next;
    char reason[MB_LINK_ERROR];

    t->list = t->next = NULL; /* let_go() lets go of the connection alone */
    let_go(t);
    t->list = list;
    t->next = a ? a->ai_next : NULL;
    if (a) {
        t->state = CONNECTING;
        connect_to(t, a->ai_addr);
        return;
    }
    snprintf(reason, sizeof reason, "%s", failed);
    wait_and_retry(t, reason);
}

static void found(struct tcp_line *t)
{
    char error[MB_LINK_ERROR];
    int rc = mb_look_up_take(t->look_up, &t->list, error);

    if (rc == 0)
        return;
    if (rc < 0) {
        wait_and_retry(t, error);
        return;
    }
    mb_look_up_free(t->look_up);
    t->look_up = NULL;
    t->next = t->list;
    try_next(t, "it has no address");
}

static void on_woken(uv_async_t *async)
{
    struct tcp_line *t = async->data;

    if (t->state == LOOKING && t->look_up)
        found(t);
}

static void wake(void *ctx)
{
    struct tcp_line *t = ctx;

    uv_async_send(&t->woken);
}

/* The thread that looks it up takes no signals: they are the loop's. */
static void look_up(struct tcp_line *t)
{
    sigset_t all, before;

    t->state = LOOKING;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    t->look_up = mb_look_up_new(t->host, t->port, wake, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    uv_async_send(&t->woken); /* where it could not even begin nobody else would */
}

/* ---- for the owner ---- */

struct tcp_line *tcp_line_new(uv_loop_t *loop, const struct tty_callbacks *cb, void *ctx)
{
    struct tcp_line *t = must(calloc(1, sizeof *t));

    t->cb = cb;
    t->ctx = ctx;
    t->loop = loop;
    uv_timer_init(loop, &t->timer);
    uv_async_init(loop, &t->woken, on_woken);
    t->timer.data = t->woken.data = t;
    return t;
}

void tcp_line_open(struct tcp_line *t, const char *host, int port)
{
    tcp_line_shut(t);
    t->host = must(strdup(host));
    t->port = port;
    t->retry_ms = RETRY_MIN_MS;
    look_up(t);
}

void tcp_line_shut(struct tcp_line *t)
{
    let_go(t);
    free(t->host);
    t->host = NULL;
    t->reason[0] = '\0';
    t->state = SHUT;
}

int tcp_line_write(struct tcp_line *t, const char *p, size_t n)
{
    const uv_buf_t buf = uv_buf_init((char *)p, (unsigned)n);

    if (t->state != OPEN)
        return UV_ENOTCONN;
    int done = uv_try_write((uv_stream_t *)&t->connection->tcp, &buf, 1);
    return done == (int)n ? 0 : done < 0 ? done : UV_EAGAIN;
}

static void on_closed(uv_handle_t *h)
{
    struct tcp_line *t = h->data;

    if (--t->closing > 0)
        return;
    t->closed(t->closed_ctx);
    free(t);
}

void tcp_line_close(struct tcp_line *t, void (*done)(void *ctx), void *ctx)
{
    tcp_line_shut(t);
    t->closed = done;
    t->closed_ctx = ctx;
    t->closing = 2;
    uv_close((uv_handle_t *)&t->timer, on_closed);
    uv_close((uv_handle_t *)&t->woken, on_closed);
}
