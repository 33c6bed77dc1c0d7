/* GET /api/v1: what can be called, as the server's table of routes has it; schemas/openapi.yaml says what each means.
 * A star in a path stands for one member of it, a slash at its end for all that follows. */
#include "app/app.h"

#include "core/jsonw.h"
#include "core/util.h"
#include "io/httpd.h"

struct api_index {
    struct app *app;
};

static void answer(void *ctx, const struct http_request *q, struct http_reply *r)
{
    static const char *const needs[] = {
        [HTTP_OPEN] = "open", [HTTP_LOGIN] = "login", [HTTP_READ] = "read", [HTTP_WRITE] = "write"};
    const struct httpd *h = ((struct api_index *)ctx)->app->httpd;
    const struct http_route *route;
    struct jsonw w;

    (void)q;
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_str(&w, "version", FLUKSOD_VERSION);
    jsonw_open(&w, "calls", '[');
    for (size_t i = 0; (route = httpd_nth_route(h, i)); i++) {
        jsonw_open(&w, NULL, '{');
        jsonw_str(&w, "method", route->method);
        jsonw_str(&w, "path", route->path);
        jsonw_str(&w, "need", needs[route->need]);
        jsonw_int(&w, "body_max", (int64_t)route->body_max);
        jsonw_close(&w, '}');
    }
    jsonw_close(&w, ']');
    jsonw_close(&w, '}');
    jsonw_raw(&w, "\n", 1);
    http_json(r, 200, w.buf, w.len);
}

static void *index_new(struct app *app)
{
    static const struct http_route route = {"GET", "/api/v1", HTTP_READ, 0, answer};
    struct api_index *s = must(calloc(1, sizeof *s));

    s->app = app;
    httpd_routes(app->httpd, &route, 1, s);
    return s;
}

static void index_apply(void *self, const struct settings *old, const struct settings *next)
{
    (void)self, (void)old, (void)next;
}

static void index_stop(void *self)
{
    httpd_unroute(((struct api_index *)self)->app->httpd, self);
}

static void index_close(void *self, service_done done, void *ctx)
{
    free(self);
    done(ctx);
}

const struct service service_api_index = {
    .name = "api_index",
    .new = index_new,
    .apply = index_apply,
    .stop = index_stop,
    .close = index_close,
};
