#include "io/httpd_inner.h"

#include "core/util.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int64_t httpd_now_ms(const struct httpd *h)
{
    return (int64_t)uv_now(h->loop);
}

/* ---- the library's turns ---- */

static void on_timer(uv_timer_t *t);

static void on_again(uv_idle_t *i)
{
    httpd_run(i->data);
}

void httpd_run_soon(struct httpd *h)
{
    h->wanted = true;
    if (!h->stopped)
        uv_idle_start(&h->again, on_again);
}

static bool wants_more(const struct httpd *h)
{
    MHD_UNSIGNED_LONG_LONG wish;

    for (const struct httpd_engine *e = h->engines; e; e = e->next)
        if (h->mhd->get_timeout(e->daemon, &wish) == MHD_YES)
            return true;
    return false;
}

/* The library knows no time limits here: it wants to go on at once, or waits for its descriptor. At once is
 * the next turn of the loop, by an idle handle: a timer of 0 ms that is set in its own callback runs before
 * all else. */
static void arm_again(struct httpd *h)
{
    if (h->wanted || wants_more(h))
        uv_idle_start(&h->again, on_again);
    else
        uv_idle_stop(&h->again);
}

/* Wake up for what comes first: a deadline, or the end of a pause. Nothing: no wake-up. */
static void arm_timer(struct httpd *h)
{
    int64_t now = httpd_now_ms(h), at = httpd_lingers_due_ms(h);

    for (const struct httpd_conn *c = h->conns; c; c = c->next)
        if (c->deadline_ms < at)
            at = c->deadline_ms;
    if (h->accept_at_ms > now && h->accept_at_ms < at)
        at = h->accept_at_ms;
    if (at == INT64_MAX)
        uv_timer_stop(&h->timer);
    else
        uv_timer_start(&h->timer, on_timer, at > now ? (uint64_t)(at - now) : 1, 0);
}

void httpd_run(struct httpd *h)
{
    h->wanted = false;
    for (struct httpd_engine *e = h->engines; e; e = e->next)
        h->mhd->run(e->daemon);
    httpd_lobby_admit(h);
    httpd_engines_reap(h);
    httpd_update_accepting(h);
    arm_again(h);
    arm_timer(h);
}

static void on_timer(uv_timer_t *t)
{
    struct httpd *h = t->data;

    for (struct httpd_conn *c = h->conns; c; c = c->next) {
        if (c->deadline_ms > httpd_now_ms(h))
            continue;
        h->timed_out++;
        c->deadline_ms = INT64_MAX;
        if (c->waits)
            httpd_lobby_expire(c);
        else if (c->state == CONN_LATER)
            httpd_later_expire(c);
        else
            shutdown(c->from.fd, SHUT_RDWR); /* the library sees the end and lets go of it */
    }
    httpd_lingers_end(h, httpd_now_ms(h));
    httpd_run(h);
}

void httpd_drop_user(struct httpd *h, const char *user)
{
    for (struct httpd_conn *c = h->conns; c; c = c->next)
        if (c->state == CONN_REPLYING && strcmp(c->user, user) == 0)
            shutdown(c->from.fd, SHUT_RDWR);
}

/* ---- the whole ---- */

struct httpd *httpd_new(uv_loop_t *loop)
{
    struct httpd *h = must(calloc(1, sizeof *h));

    h->loop = loop;
    uv_timer_init(loop, &h->timer);
    uv_idle_init(loop, &h->again);
    h->timer.data = h->again.data = h;
    h->n_handles = 2;
    return h;
}

void httpd_routes(struct httpd *h, const struct http_route *routes, size_t n, void *ctx)
{
    if (n > HTTPD_ROUTES - h->n_routes)
        abort();
    for (size_t i = 0; i < n; i++)
        h->routes[h->n_routes++] = (struct httpd_entry){routes[i], ctx};
}

void httpd_route(struct httpd *h, const char *method, const char *path, http_handler handler, void *ctx)
{
    const struct http_route route = {method, path, HTTP_OPEN, 0, handler};

    httpd_routes(h, &route, 1, ctx);
}

void httpd_unroute(struct httpd *h, const void *ctx)
{
    size_t kept = 0;

    for (size_t i = 0; i < h->n_routes; i++)
        if (h->routes[i].ctx != ctx)
            h->routes[kept++] = h->routes[i];
    h->n_routes = kept;
}

const struct http_route *httpd_nth_route(const struct httpd *h, size_t n)
{
    return n < h->n_routes ? &h->routes[n].route : NULL;
}

void httpd_set_gate(struct httpd *h, http_gate gate, void *ctx)
{
    h->gate = gate;
    h->gate_ctx = ctx;
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
        {"http_body_bytes", NULL, STAT_GAUGE, (int64_t)h->body_bytes, "Memory for bodies of HTTP requests."},
    };

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        emit(emit_ctx, &all[i]);
}

const char *httpd_library_version(const struct httpd *h)
{
    return h->mhd ? h->mhd->get_version() : NULL;
}

void httpd_stop(struct httpd *h)
{
    h->stopped = true;
    httpd_close_listeners(h);
    httpd_lingers_end(h, INT64_MAX);
    uv_timer_stop(&h->timer);
    uv_idle_stop(&h->again);
    for (struct httpd_conn *c = h->conns; c; c = c->next)
        httpd_go_on(c); /* the library wants no paused one at its end */
    httpd_unwatch(h);
    httpd_engines_close(h);
}

void httpd_handle_closed(struct httpd *h)
{
    if (--h->n_handles || !h->closed)
        return;
    h->closed(h->closed_ctx);
    free(h);
}

static void on_handle_closed(uv_handle_t *handle)
{
    httpd_handle_closed(handle->data);
}

void httpd_close(struct httpd *h, void (*cb)(void *ctx), void *ctx)
{
    httpd_stop(h);
    h->closed = cb;
    h->closed_ctx = ctx;
    uv_close((uv_handle_t *)&h->timer, on_handle_closed);
    uv_close((uv_handle_t *)&h->again, on_handle_closed);
}
