/* The local JSON API (local-api.md): /sensor/<id>, out of the window of 60 seconds that this service keeps.
 * It never answers for a sensor that is not enabled. */
#include "app/app.h"

#include "core/jsonw.h"
#include "core/local_api.h"
#include "core/settings.h"
#include "core/window.h"
#include "core/util.h"
#include "io/httpd.h"

#include <stdlib.h>

struct api_local {
    struct app *app;
    struct window window;
    bool enable;
};

static void answer(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct api_local *s = ctx;
    const struct sensor *sensor = sensors_find(&s->app->sensors, q->rest);
    struct window_pair pairs[WINDOW_SECONDS];
    struct local_api_request request;
    char error[LOCAL_API_ERROR];
    struct jsonw w;

    if (!s->enable) {
        http_text(r, 404, "the local API is switched off (local_api.enable in the settings)");
        return;
    }
    if (!sensor) {
        http_text(r, 404, "no such sensor, or it is not enabled");
        return;
    }
    if (local_api_check(&request, q->query, http_header(q, "X-Version"), sensor->unit[READING_GAUGE], error) < 0) {
        http_text(r, 400, error);
        return;
    }
    int64_t now_s = app_unix_s(s->app);
    jsonw_init(&w);
    local_api_write(&w, &request, pairs, now_s ? window_pairs(&s->window, sensor->handle, now_s, pairs) : 0);
    r->type = "application/json";
    r->body = w.buf;
    r->len = w.len;
}

static void *api_local_new(struct app *a)
{
    struct api_local *s = must(calloc(1, sizeof *s));

    s->app = a;
    window_init(&s->window);
    a->window = &s->window;
    if (hub_attach(&a->hub, window_take, &s->window) < 0)
        abort(); /* more sinks than the hub was built for */
    httpd_route(a->httpd, "GET", "/sensor/", answer, s);
    return s;
}

static void api_local_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct api_local *s = self;

    (void)old;
    s->enable = next->local_api.enable;
}

static void api_local_stop(void *self)
{
    struct api_local *s = self;

    httpd_unroute(s->app->httpd, s);
}

static void api_local_close(void *self, service_done done, void *ctx)
{
    struct api_local *s = self;

    hub_detach(&s->app->hub, window_take, &s->window);
    s->app->window = NULL;
    window_fini(&s->window);
    free(s);
    done(ctx);
}

const struct service service_api_local = {
    .name = "api_local",
    .new = api_local_new,
    .apply = api_local_apply,
    .stop = api_local_stop,
    .close = api_local_close,
};
