/* /api/v1/status and /metrics: the gateway as JSON and as Prometheus text, for who has the right to read.
 * It never gathers what it shows before it is asked. */
#include "app/app.h"
#include "app/view.h"

#include "core/jsonw.h"
#include "core/metrics_body.h"
#include "core/status_body.h"
#include "core/status_view.h"
#include "core/util.h"
#include "io/httpd.h"

#include <stdlib.h>
#include <string.h>

/* No turn of the loop visits more sensors than this; an answer writes up to two pieces in one. */
#define TURN_SENSORS 256

struct api_status {
    struct app *app;
    size_t answers; /* on their way */
};

/* One answer on its way: the piece in hand, and where the writing stands. */
struct answer {
    struct api_status *service;
    bool (*write)(struct answer *a, const struct status_view *v); /* append a piece; false at the end */
    union {
        struct status_body status;
        struct metrics_body metrics;
    };
    struct jsonw piece;
    size_t sent; /* bytes of the piece */
};

static bool write_status(struct answer *a, const struct status_view *v)
{
    return status_body_more(&a->status, v, &a->piece);
}

static bool write_metrics(struct answer *a, const struct status_view *v)
{
    return metrics_body_more(&a->metrics, v, &a->piece);
}

static bool next_piece(struct answer *a)
{
    struct view view;

    view_fill(&view, a->service->app);
    a->piece.len = a->sent = 0;
    return a->write(a, &view.v);
}

static size_t more(void *ctx, char *dst, size_t size)
{
    struct answer *a = ctx;

    if (a->sent == a->piece.len && !next_piece(a))
        return 0;
    size_t n = a->piece.len - a->sent < size ? a->piece.len - a->sent : size;
    memcpy(dst, a->piece.buf + a->sent, n);
    a->sent += n;
    return n;
}

static void done(void *ctx)
{
    struct answer *a = ctx;

    a->service->answers--;
    jsonw_free(&a->piece);
    free(a);
}

static bool is_busy(const struct api_status *s)
{
    size_t each = s->app->sensors.n_used;

    if (each > 2 * STATUS_PIECE_SENSORS)
        each = 2 * STATUS_PIECE_SENSORS;
    return (s->answers + 1) * each > TURN_SENSORS;
}

static void start(struct api_status *s, struct http_reply *r, const char *type,
                  bool (*write)(struct answer *, const struct status_view *))
{
    if (is_busy(s)) {
        static const char busy[] = "as many as can be answered at a time are being answered; please try again";
        if (write == write_status)
            http_error(r, 503, busy);
        else
            http_text(r, 503, busy);
        return;
    }
    struct answer *a = must(calloc(1, sizeof *a));
    a->service = s;
    s->answers++;
    a->write = write;
    r->type = type;
    r->more = more;
    r->done = done;
    r->ctx = a;
}

static void answer_status(void *ctx, const struct http_request *q, struct http_reply *r)
{
    (void)q;
    start(ctx, r, "application/json", write_status);
}

static void answer_metrics(void *ctx, const struct http_request *q, struct http_reply *r)
{
    (void)q;
    start(ctx, r, METRICS_CONTENT_TYPE, write_metrics);
}

static const struct http_route routes[] = {
    {"GET", "/api/v1/status", HTTP_READ, 0, answer_status},
    {"GET", "/metrics", HTTP_READ, 0, answer_metrics},
};

static void *api_status_new(struct app *a)
{
    struct api_status *s = must(calloc(1, sizeof *s));

    s->app = a;
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

    httpd_unroute(s->app->httpd, s);
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
