/* The service that has the HTTP server listen where the settings say: in the plain, with TLS (http_tls.c), and on the
 * control socket (http_control.c). It never answers a request itself. */
#include "app/http_impl.h"
#include "app/secrets.h"

#include "core/address.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/httpd.h"
#include "io/log.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000

struct place {
    struct sockaddr_storage address;
    bool listening;
    int error; /* of the last try, told already; 0: none */
};

struct service_state {
    struct app *app;
    uv_timer_t retry; /* for places that could not be had */
    uint64_t delay_ms;
    struct place *places;
    size_t n_places;
    struct http_tls tls;
    struct http_control control;
    service_done done;
    void *done_ctx;
};

static void try_all(struct service_state *s);

static void on_key(void *ctx)
{
    struct service_state *s = ctx;

    http_tls_apply(&s->tls, s->app->settings);
    try_all(s);
}

static void *service_http_new(struct app *a)
{
    struct service_state *s = must(calloc(1, sizeof *s));

    s->app = s->tls.app = s->control.app = a;
    uv_timer_init(a->loop, &s->retry);
    s->retry.data = s;
    a->httpd = httpd_new(a->loop);
    secret_watch(a, SECRET_HTTP_TLS_KEY, on_key, s);
    stats_add(&a->stats, httpd_stats, a->httpd);
    return s;
}

static void try_place(struct service_state *s, struct place *p)
{
    char name[ADDRESS_MAX];
    int rc = httpd_listen(s->app->httpd, (const struct sockaddr *)&p->address);

    address_format(name, &p->address);
    p->listening = rc == 0;
    if (p->listening)
        log_info("http: %s: listening", name);
    else if (rc != p->error)
        log_error("http: %s: %s; trying again", name, strerror(-rc));
    p->error = rc;
}

static void on_retry(uv_timer_t *t)
{
    try_all(t->data);
}

/* Listen wherever it is wanted and not so yet; what fails is tried again, ever more seldom. */
static void try_all(struct service_state *s)
{
    bool missing = !http_tls_try(&s->tls);

    for (size_t i = 0; i < s->n_places; i++) {
        if (!s->places[i].listening)
            try_place(s, &s->places[i]);
        missing |= !s->places[i].listening;
    }
    if (missing)
        uv_timer_start(&s->retry, on_retry, s->delay_ms, 0);
    s->delay_ms = s->delay_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : s->delay_ms * 2;
}

static struct place *find(struct place *places, size_t n, const struct sockaddr_storage *address)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&places[i].address, address, sizeof *address) == 0)
            return &places[i];
    return NULL;
}

/* Add to a list that has room; one that stands there already, or is no address, is left out. */
static void want(struct place *list, size_t *n, int parsed, const struct sockaddr_storage *address, const char *text)
{
    if (parsed < 0)
        log_error("http: %s: not an IPv4 or IPv6 address to listen on", text);
    else if (!find(list, *n, address))
        list[(*n)++] = (struct place){.address = *address};
}

static void service_http_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct service_state *s = self;
    struct place *list = must(calloc(next->http.n_extra_listen + 1, sizeof *list));
    struct sockaddr_storage address;
    size_t n = 0;

    (void)old;
    want(list, &n, address_set(&address, next->http.listen, next->http.port), &address, next->http.listen);
    for (size_t i = 0; i < next->http.n_extra_listen; i++)
        want(list, &n, address_parse(&address, next->http.extra_listen[i]), &address, next->http.extra_listen[i]);
    for (size_t i = 0; i < s->n_places; i++) {
        struct place *kept = find(list, n, &s->places[i].address);
        if (kept)
            *kept = s->places[i];
        else
            httpd_unlisten(s->app->httpd, (const struct sockaddr *)&s->places[i].address);
    }
    free(s->places);
    s->places = list;
    s->n_places = n;
    s->delay_ms = RETRY_MIN_MS;
    uv_timer_stop(&s->retry);
    http_tls_apply(&s->tls, next);
    http_control_apply(&s->control, next);
    try_all(s);
}

static void service_http_stop(void *self)
{
    struct service_state *s = self;

    uv_timer_stop(&s->retry);
    httpd_stop(s->app->httpd);
}

static void on_httpd_closed(void *ctx)
{
    struct service_state *s = ctx;
    service_done done = s->done;
    void *done_ctx = s->done_ctx;

    free(s->places);
    http_tls_fini(&s->tls);
    http_control_fini(&s->control);
    free(s);
    done(done_ctx);
}

static void on_retry_closed(uv_handle_t *handle)
{
    struct service_state *s = handle->data;
    struct httpd *h = s->app->httpd;

    stats_remove(&s->app->stats, httpd_stats, h);
    s->app->httpd = NULL;
    httpd_close(h, on_httpd_closed, s);
}

static void service_http_close(void *self, service_done done, void *ctx)
{
    struct service_state *s = self;

    s->done = done;
    s->done_ctx = ctx;
    uv_close((uv_handle_t *)&s->retry, on_retry_closed);
}

const struct service service_http = {
    .name = "http",
    .new = service_http_new,
    .apply = service_http_apply,
    .stop = service_http_stop,
    .close = service_http_close,
};
