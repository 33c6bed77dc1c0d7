#include "io/web.h"

#include "core/util.h"
#include "io/curl_load.h"
#include "io/web_explain.h"
#include "io/web_job.h"
#include "io/web_reply.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum web_state { IDLE, DOOMED, RUNNING, CLOSING };

/* What libcurl wants to know of one descriptor, or what the client itself of the kept connection. libuv lets go of the
 * descriptor's number in uv_close() at once, so a new watch may have the same while this memory waits for its callback.
 */
struct watch {
    uv_poll_t poll;
    struct web *web;
    struct watch *next;
    int fd;
};

struct web {
    enum web_state state;
    uv_loop_t *loop;
    const struct curl *c; /* NULL: not loaded yet */
    CURLM *multi;         /* owns the kept connection; NULL: there is none, and no request */
    CURL *easy;           /* the request under way, or NULL */
    uv_timer_t due;       /* libcurl's own time-outs; and the turn in which a doomed request is told */
    uv_timer_t stall;
    struct watch *watches;
    unsigned handles; /* open handles of the loop: the memory goes with the last */
    bool opened;      /* the request opened a socket */
    bool connected;   /* and that one, or one of those, came through */
    bool again;       /* the request is on its second connection */
    int broken;       /* a watch could not be made: libuv's code */
    struct web_job job;
    struct web_reply reply;
    enum web_failure failure; /* of the request, with its words */
    char error[WEB_ERROR_MAX];
    char detail[CURL_ERROR_SIZE]; /* libcurl's own words */
    web_done done;
    void *ctx;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* ---- what is watched ---- */

static void release(struct web *w)
{
    if (--w->handles > 0)
        return;
    void (*closed)(void *ctx) = w->closed;
    void *ctx = w->closed_ctx;
    free(w);
    if (closed)
        closed(ctx);
}

static void on_closed(uv_handle_t *h)
{
    release(h->data);
}

static void on_watch_closed(uv_handle_t *h)
{
    struct watch *x = h->data;
    struct web *w = x->web;

    free(x);
    release(w);
}

static struct watch **find_watch(struct web *w, int fd)
{
    struct watch **x = &w->watches;

    while (*x && (*x)->fd != fd)
        x = &(*x)->next;
    return x;
}

static void unwatch(struct web *w, int fd)
{
    struct watch **at = find_watch(w, fd), *x = *at;

    if (!x)
        return;
    *at = x->next;
    uv_close((uv_handle_t *)&x->poll, on_watch_closed);
}

/* 0, or libuv's code. */
static int watch(struct web *w, int fd, int events, uv_poll_cb cb)
{
    struct watch *x = *find_watch(w, fd);

    if (!x) {
        x = must(calloc(1, sizeof *x));
        int rc = uv_poll_init(w->loop, &x->poll, fd);
        if (rc < 0) {
            free(x);
            return rc;
        }
        x->poll.data = x;
        x->web = w;
        x->fd = fd;
        x->next = w->watches;
        w->watches = x;
        w->handles++;
    }
    return uv_poll_start(&x->poll, events, cb);
}

/* ---- one request's life ---- */

static void drop_connection(struct web *w)
{
    if (w->multi)
        w->c->multi_cleanup(w->multi);
    w->multi = NULL;
    while (w->watches) /* none is left by now, but a closed descriptor must never stay polled */
        unwatch(w, w->watches->fd);
}

static void end_transfer(struct web *w)
{
    if (w->easy) {
        w->c->multi_remove_handle(w->multi, w->easy);
        w->c->easy_cleanup(w->easy);
    }
    w->easy = NULL;
    uv_timer_stop(&w->due); /* last: libcurl may have set it once more */
    uv_timer_stop(&w->stall);
}

static void give_up(struct web *w)
{
    end_transfer(w);
    drop_connection(w);
    web_job_clear(&w->job, w->c);
    web_reply_clear(&w->reply);
}

/* The last act of a request: its owner may post the next one from inside, or close. */
static void tell(struct web *w, int status)
{
    struct web_reply reply = w->reply;
    char error[WEB_ERROR_MAX] = "";
    struct web_answer a = {.status = status, .error = error, .body = ""};

    if (status) {
        memcpy(a.header, reply.header, sizeof reply.header);
        a.body = reply.body ? reply.body : "";
        a.len = reply.len;
    } else {
        a.failure = w->failure;
        memcpy(error, w->error, sizeof error);
    }
    memset(&w->reply, 0, sizeof w->reply);
    web_job_clear(&w->job, w->c);
    w->state = IDLE;
    w->done(w->ctx, &a);
    web_reply_clear(&reply);
}

static void on_due(uv_timer_t *t);

/* It cannot start. The next turn of the loop tells it, for done() must not come from inside web_post(). */
static void doom(struct web *w)
{
    w->state = DOOMED;
    uv_timer_start(&w->due, on_due, 0, 0);
}

/* The kept connection became readable: its end, or words that nobody asked for. A connection of libcurl's cache can be
 * closed in no other way than with all of it. */
static void on_idle_news(uv_poll_t *poll, int status, int events)
{
    struct watch *x = poll->data;

    (void)status;
    (void)events;
    drop_connection(x->web);
}

/* After a complete answer: keep the connection if the server does. */
static void keep_connection(struct web *w)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    w->c->easy_getinfo(w->easy, CURLINFO_ACTIVESOCKET, &fd);
    end_transfer(w);
    if (fd == CURL_SOCKET_BAD || watch(w, fd, UV_READABLE, on_idle_news) < 0)
        drop_connection(w);
}

static void start(struct web *w);

/* Did the server close a kept connection before it saw the request? libcurl itself tries again on a new one unless it
 * noticed while it was sending. */
static bool was_stale(struct web *w, CURLcode code)
{
    return (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING) && !w->opened &&
           !w->reply.answering && !w->again;
}

static void finish(struct web *w, CURLcode code, bool stalled)
{
    struct web_trace trace = {&w->job, &w->reply, w->detail, w->opened, w->connected, stalled};
    long status = 0;

    if (was_stale(w, code)) {
        end_transfer(w);
        drop_connection(w);
        w->again = true;
        start(w);
        return;
    }
    w->c->easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK && w->reply.headed && status >= 200) { /* 1xx: the real one never came */
        keep_connection(w);
        tell(w, (int)status);
        return;
    }
    w->failure = web_explain(w->c, w->easy, code, &trace, w->error);
    end_transfer(w);
    drop_connection(w);
    tell(w, 0);
}

/* libcurl works on what happened; then look whether the request is done. */
static void act(struct web *w, curl_socket_t fd, int events)
{
    int running, left;
    CURLMsg *m;

    w->c->multi_socket_action(w->multi, fd, events, &running);
    while ((m = w->c->multi_info_read(w->multi, &left)))
        if (m->msg == CURLMSG_DONE) {
            finish(w, m->data.result, false);
            return;
        }
    if (!w->broken)
        return;
    snprintf(w->detail, sizeof w->detail, "socket: %s", uv_strerror(w->broken));
    finish(w, CURLE_ABORTED_BY_CALLBACK, false);
}

/* ---- what the loop calls ---- */

static void on_stall(uv_timer_t *t)
{
    finish(t->data, CURLE_OPERATION_TIMEDOUT, true);
}

static void on_due(uv_timer_t *t)
{
    struct web *w = t->data;

    if (w->state == DOOMED)
        tell(w, 0);
    else if (w->state == RUNNING)
        act(w, CURL_SOCKET_TIMEOUT, 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *x = poll->data;
    struct web *w = x->web;
    int fd = x->fd, flags = 0;
    struct sockaddr_storage peer;

    if (status < 0) {
        /* The socket has an error, and libuv has stopped watching. Let libcurl run into it and name it; where it does
         * not, it must go on being called, until the stall timer ends that. */
        uv_poll_start(poll, UV_READABLE, on_poll);
        act(w, fd, CURL_CSELECT_IN | CURL_CSELECT_OUT);
        return;
    }
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    /* Before a socket is opened, the watch is that of the look-up. */
    if (w->opened && !w->connected)
        w->connected = getpeername(fd, (struct sockaddr *)&peer, &(socklen_t){sizeof peer}) == 0;
    uv_timer_start(&w->stall, on_stall, WEB_STALL_MS, 0);
    act(w, fd, flags);
}

/* ---- what libcurl calls ---- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *own)
{
    static const int events[] = {
        [CURL_POLL_IN] = UV_READABLE, [CURL_POLL_OUT] = UV_WRITABLE, [CURL_POLL_INOUT] = UV_READABLE | UV_WRITABLE};
    struct web *w = ctx;
    int rc = 0;

    (void)easy;
    (void)own;
    if (what == CURL_POLL_REMOVE)
        unwatch(w, fd);
    else
        rc = watch(w, fd, events[what], on_poll);
    if (rc < 0)
        w->broken = rc;
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *ctx)
{
    struct web *w = ctx;

    (void)multi;
    if (ms < 0)
        uv_timer_stop(&w->due);
    else
        uv_timer_start(&w->due, on_due, (uint64_t)ms, 0);
    return 0;
}

/* Helpers that the daemon starts must not inherit it. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct web *w = ctx;

    (void)purpose;
    w->opened = true;
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* Whatever libcurl said before: libuv must not poll a descriptor that is closed. */
static int on_close(void *ctx, curl_socket_t fd)
{
    unwatch(ctx, fd);
    return close(fd);
}

/* ---- starting ---- */

/* 0, or not, as web_job_set(). */
static int set_options(struct web *w)
{
    const struct curl *c = w->c;
    int bad = web_job_set(&w->job, c, w->easy) | web_reply_set(&w->reply, c, w->easy);

    bad |= c->easy_setopt(w->easy, CURLOPT_ERRORBUFFER, w->detail);
    bad |= c->easy_setopt(w->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    bad |= c->easy_setopt(w->easy, CURLOPT_OPENSOCKETDATA, w);
    bad |= c->easy_setopt(w->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    bad |= c->easy_setopt(w->easy, CURLOPT_CLOSESOCKETDATA, w);
    return bad;
}

static void make_multi(struct web *w)
{
    const struct curl *c = w->c;

    w->multi = must(c->multi_init());
    if (c->multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_socket) ||
        c->multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w) ||
        c->multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_timer) ||
        c->multi_setopt(w->multi, CURLMOPT_TIMERDATA, w) || c->multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, 1L))
        abort();
}

/* Hand the request to libcurl, which begins in the next turn of the loop; or doom it. */
static void start(struct web *w)
{
    while (w->watches) /* the kept connection is libcurl's again */
        unwatch(w, w->watches->fd);
    if (!w->multi)
        make_multi(w);
    w->easy = must(w->c->easy_init());
    w->detail[0] = '\0';
    w->opened = w->connected = false;
    w->broken = 0;
    w->state = RUNNING;
    if (set_options(w) || w->c->multi_add_handle(w->multi, w->easy)) {
        end_transfer(w);
        drop_connection(w);
        w->failure = WEB_OTHER;
        snprintf(w->error, sizeof w->error, "libcurl lacks an option that is needed, or memory");
        doom(w);
        return;
    }
    uv_timer_start(&w->stall, on_stall, WEB_STALL_MS, 0);
}

/* false: it is doomed. */
static bool take(struct web *w, const struct web_request *r)
{
    const char *why = NULL;

    if (!w->c)
        w->c = curl_load(&why);
    if (w->c)
        w->failure = web_job_take(&w->job, w->c, r, w->error);
    else
        w->failure = WEB_OTHER;
    if (why)
        snprintf(w->error, sizeof w->error, "libcurl cannot be loaded: %s", why);
    if (w->failure)
        doom(w);
    return !w->failure;
}

void web_post(struct web *w, const struct web_request *r, web_done done, void *ctx)
{
    if (w->state != IDLE)
        abort();
    w->done = done;
    w->ctx = ctx;
    w->again = false;
    if (take(w, r))
        start(w);
}

/* ---- the client itself ---- */

struct web *web_new(uv_loop_t *loop)
{
    struct web *w = must(calloc(1, sizeof *w));

    w->loop = loop;
    uv_timer_init(loop, &w->due);
    uv_timer_init(loop, &w->stall);
    w->due.data = w->stall.data = w;
    w->handles = 2;
    return w;
}

bool web_busy(const struct web *w)
{
    return w->state == DOOMED || w->state == RUNNING;
}

void web_cancel(struct web *w)
{
    if (!web_busy(w))
        return;
    give_up(w);
    w->state = IDLE;
}

void web_close(struct web *w, void (*done)(void *ctx), void *ctx)
{
    give_up(w);
    w->state = CLOSING;
    w->closed = done;
    w->closed_ctx = ctx;
    uv_close((uv_handle_t *)&w->due, on_closed);
    uv_close((uv_handle_t *)&w->stall, on_closed);
}
