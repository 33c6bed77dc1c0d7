/* A Modbus TCP server in front of each bus that wants one (buses[].proxy), so that another program may read meters on a
 * line that this one has. Reads alone, in their turn behind the seconds (app/buses.h); without a password, as Modbus
 * has none, and so on loopback unless the settings say otherwise. */
#include "app/bus_proxy_impl.h"

#include "core/address.h"
#include "core/limits.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/log.h"

#include <stdlib.h>
#include <string.h>

#define BACKLOG  16
#define AGAIN_MS 5000 /* an address that is not there yet, or a port that somebody has */

void proxy_handle_closed(struct bus_proxy *p)
{
    if (--p->handles > 0 || !p->done)
        return;
    service_done done = p->done;
    void *ctx = p->done_ctx;
    free(p);
    done(ctx);
}

/* ---- listening ---- */

static void on_listener_closed(uv_handle_t *handle)
{
    struct proxy_listener *l = handle->data;
    struct bus_proxy *p = l->proxy;

    free(l);
    proxy_handle_closed(p);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct proxy_listener *l = server->data;

    if (status == 0)
        proxy_accept(l->line);
    else
        log_warn("bus %s: proxy: no connection can be accepted: %s", l->line->bus, uv_strerror(status));
}

/* 0, or a code of libuv's. */
static int listen_now(struct proxy_line *line)
{
    struct bus_proxy *p = line->proxy;
    struct sockaddr_storage address;

    if (address_set(&address, line->listen, line->port) < 0)
        return UV_EINVAL;
    struct proxy_listener *l = must(calloc(1, sizeof *l));
    l->proxy = p;
    l->line = line;
    l->tcp.data = l;
    uv_tcp_init(p->app->loop, &l->tcp);
    p->handles++;
    int rc = uv_tcp_bind(&l->tcp, (const struct sockaddr *)&address, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
    if (rc == 0)
        line->listener = l;
    else
        uv_close((uv_handle_t *)&l->tcp, on_listener_closed);
    return rc;
}

static void on_again(uv_timer_t *timer);

static void listen_all(struct bus_proxy *p)
{
    bool all = true;

    for (struct proxy_line *l = p->lines; l; l = l->next) {
        int rc = l->listener ? 0 : listen_now(l);
        if (rc < 0 && !l->told)
            log_warn("bus %s: proxy: %s port %d: %s; it is tried again", l->bus, l->listen, l->port, uv_strerror(rc));
        else if (rc == 0 && (l->told || l->fresh))
            log_info("bus %s: proxy: %s port %d: listening", l->bus, l->listen, l->port);
        l->told = rc < 0;
        l->fresh = false;
        all &= rc == 0;
    }
    if (all)
        uv_timer_stop(&p->again);
    else
        uv_timer_start(&p->again, on_again, AGAIN_MS, 0);
}

static void on_again(uv_timer_t *timer)
{
    listen_all(timer->data);
}

/* ---- settings ---- */

static void line_close(struct proxy_line **at)
{
    struct proxy_line *l = *at;
    struct proxy_client *next;

    *at = l->next;
    if (l->listener)
        uv_close((uv_handle_t *)&l->listener->tcp, on_listener_closed);
    for (struct proxy_client *c = l->proxy->clients; c; c = next) {
        next = c->next;
        if (strcmp(c->bus, l->bus) == 0)
            proxy_client_close(c);
    }
    free(l->listen);
    free(l);
}

static bool wants(const struct bus_settings *b)
{
    return b->enable && b->proxy.port > 0;
}

static bool same(const struct proxy_line *l, const struct bus_settings *b)
{
    return strcmp(l->bus, b->key) == 0 && l->port == b->proxy.port && l->serial == (b->device != NULL) &&
           strcmp(l->listen, b->proxy.listen) == 0;
}

static bool is_wanted(const struct proxy_line *l, const struct settings *s)
{
    for (size_t i = 0; i < s->n_buses; i++)
        if (wants(&s->buses[i]) && same(l, &s->buses[i]))
            return true;
    return false;
}

static void line_new(struct bus_proxy *p, const struct bus_settings *b)
{
    struct proxy_line *l = must(calloc(1, sizeof *l));

    l->proxy = p;
    snprintf(l->bus, sizeof l->bus, "%s", b->key);
    l->serial = b->device != NULL;
    l->listen = must(strdup(b->proxy.listen));
    l->port = b->proxy.port;
    l->fresh = true;
    l->next = p->lines;
    p->lines = l;
}

static void apply(void *self, const struct settings *old, const struct settings *next)
{
    struct bus_proxy *p = self;
    size_t n = 0;

    (void)old;
    for (struct proxy_line **at = &p->lines; *at;) {
        if (is_wanted(*at, next)) {
            at = &(*at)->next;
            n++;
        } else {
            line_close(at);
        }
    }
    for (size_t i = 0; i < next->n_buses; i++) {
        const struct bus_settings *b = &next->buses[i];
        bool there = !wants(b);
        for (const struct proxy_line *l = p->lines; l && !there; l = l->next)
            there = same(l, b);
        if (!there && n == LIMIT_PROXY)
            log_warn("bus %s: proxy: there can be %d at most", b->key, LIMIT_PROXY);
        else if (!there)
            line_new(p, b), n++;
    }
    listen_all(p);
}

/* ---- service ---- */

static void proxy_stats(void *self, stat_emit emit, void *ctx)
{
    struct bus_proxy *p = self;
    const struct stat_value v[] = {
        {"bus_proxy_clients", NULL, STAT_GAUGE, (int64_t)p->n_clients, "Clients of the buses' proxies."},
        {"bus_proxy_requests_total", NULL, STAT_COUNTER, (int64_t)p->requests, "Requests of clients."},
        {"bus_proxy_answers_total", NULL, STAT_COUNTER, (int64_t)p->answers, "Requests that a meter answered."},
        {"bus_proxy_failed_total", NULL, STAT_COUNTER, (int64_t)p->failed,
         "Requests that no meter answered, or that found no turn."},
        {"bus_proxy_refused_total", NULL, STAT_COUNTER, (int64_t)p->refused,
         "Requests that were none, or would have been no read."},
        {"bus_proxy_turned_away_total", NULL, STAT_COUNTER, (int64_t)p->turned_away, "Clients that found no place."},
    };

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit(ctx, &v[i]);
}

static void *new (struct app *app)
{
    struct bus_proxy *p = must(calloc(1, sizeof *p));

    p->app = app;
    p->again.data = p;
    uv_timer_init(app->loop, &p->again);
    p->handles = 1;
    stats_add(&app->stats, proxy_stats, p);
    return p;
}

static void stop(void *self)
{
    struct bus_proxy *p = self;

    while (p->lines)
        line_close(&p->lines);
    uv_timer_stop(&p->again);
}

static void on_timer_closed(uv_handle_t *handle)
{
    proxy_handle_closed(handle->data);
}

static void close_service(void *self, service_done done, void *ctx)
{
    struct bus_proxy *p = self;

    stats_remove(&p->app->stats, proxy_stats, p);
    p->done = done;
    p->done_ctx = ctx;
    uv_close((uv_handle_t *)&p->again, on_timer_closed);
}

const struct service service_bus_proxy = {"bus_proxy", new, apply, stop, close_service};
