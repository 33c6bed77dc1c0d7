/* /api/v1/lines: the lines with telegrams, how each is and what its meter said last. Of all lines there are no more
 * than one turn of the loop may visit (SETTINGS_LINES), and one has no more values (LINE_VALUES). */
#include "app/app.h"
#include "app/lines.h"

#include "core/jsonw.h"
#include "core/line_body.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/httpd.h"

#include <stdlib.h>

#define PATH "/api/v1/lines"

struct api_lines {
    struct app *app;
};

static void answer_all(void *ctx, const struct http_request *q, struct http_reply *r)
{
    const struct app *app = ((struct api_lines *)ctx)->app;
    struct line_view v;
    struct jsonw w;

    (void)q;
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_open(&w, "lines", '[');
    for (size_t i = 0; i < app->settings->n_lines; i++)
        if (lines_view(app->lines, app->settings->lines[i].key, &v))
            line_body_brief(&w, &v);
    jsonw_close(&w, ']');
    jsonw_close(&w, '}');
    jsonw_raw(&w, "\n", 1);
    http_json(r, 200, w.buf, w.len);
}

static void answer_one(void *ctx, const struct http_request *q, struct http_reply *r)
{
    const struct app *app = ((struct api_lines *)ctx)->app;
    struct line_value_view value;
    struct line_view v;
    struct jsonw w;

    if (!lines_view(app->lines, q->rest, &v)) {
        http_error(r, 404, "no line has this key");
        return;
    }
    jsonw_init(&w);
    line_body_open(&w, &v);
    for (size_t i = 0; i < v.n_values; i++)
        if (lines_value(app->lines, q->rest, i, &value))
            line_body_value(&w, &value);
    line_body_close(&w, &v);
    jsonw_raw(&w, "\n", 1);
    http_json(r, 200, w.buf, w.len);
}

static void *api_lines_new(struct app *app)
{
    static const struct http_route routes[] = {
        {"GET", PATH, HTTP_READ, 0, answer_all},
        {"GET", PATH "/*", HTTP_READ, 0, answer_one},
    };
    struct api_lines *s = must(calloc(1, sizeof *s));

    s->app = app;
    httpd_routes(app->httpd, routes, ARRAY_LEN(routes), s);
    return s;
}

/* Nothing to compare: the lines themselves do. */
static void api_lines_apply(void *self, const struct settings *old, const struct settings *next)
{
    (void)self, (void)old, (void)next;
}

static void api_lines_stop(void *self)
{
    struct api_lines *s = self;

    httpd_unroute(s->app->httpd, s);
}

static void api_lines_close(void *self, service_done done, void *ctx)
{
    free(self);
    done(ctx);
}

const struct service service_api_lines = {
    .name = "api_lines",
    .new = api_lines_new,
    .apply = api_lines_apply,
    .stop = api_lines_stop,
    .close = api_lines_close,
};
