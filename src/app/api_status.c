/* /api/v1/status and /metrics: the gateway as JSON and as Prometheus text, for who has the right to read.
 * It never gathers what it shows before it is asked. */
#include "app/app.h"
#include "app/pieces.h"
#include "app/view.h"

#include "core/jsonw.h"
#include "core/metrics_body.h"
#include "core/status_body.h"
#include "core/status_view.h"
#include "core/util.h"
#include "io/httpd.h"

#include <stdlib.h>

struct api_status {
    struct pieces pieces;
};

static bool write_status(struct app *app, void *state, struct jsonw *w)
{
    struct view view;

    view_fill(&view, app);
    return status_body_more(state, &view.v, w);
}

static bool write_metrics(struct app *app, void *state, struct jsonw *w)
{
    struct view view;

    view_fill(&view, app);
    return metrics_body_more(state, &view.v, w);
}

static void answer_status(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct api_status *s = ctx;

    (void)q;
    if (!pieces_answer(&s->pieces, r, "application/json", write_status, sizeof(struct status_body),
                       s->pieces.app->sensors.n_used, STATUS_PIECE_SENSORS))
        http_error(r, 503, pieces_busy);
}

static void answer_metrics(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct api_status *s = ctx;

    (void)q;
    if (!pieces_answer(&s->pieces, r, METRICS_CONTENT_TYPE, write_metrics, sizeof(struct metrics_body),
                       s->pieces.app->sensors.n_used, STATUS_PIECE_SENSORS))
        http_text(r, 503, pieces_busy);
}

static const struct http_route routes[] = {
    {"GET", "/api/v1/status", HTTP_READ, 0, answer_status},
    {"GET", "/metrics", HTTP_READ, 0, answer_metrics},
};

static void *api_status_new(struct app *a)
{
    struct api_status *s = must(calloc(1, sizeof *s));

    s->pieces.app = a;
    httpd_routes(a->httpd, routes, ARRAY_LEN(routes), s);
    return s;
}

/* Nothing to compare: an answer shows the settings that are in force when it is written. */
static void api_status_apply(void *self, const struct settings *old, const struct settings *next)
{
    (void)self, (void)old, (void)next;
}

static void api_status_stop(void *self)
{
    struct api_status *s = self;

    httpd_unroute(s->pieces.app->httpd, s);
}

/* The server has stopped by now (services stop before any closes): no answer is on its way. */
static void api_status_close(void *self, service_done done_cb, void *ctx)
{
    free(self);
    done_cb(ctx);
}

const struct service service_api_status = {
    .name = "api_status",
    .new = api_status_new,
    .apply = api_status_apply,
    .stop = api_status_stop,
    .close = api_status_close,
};
