/* /api/v1/models: the models of meters that there are, from their files at the moment when somebody asks. The files are
 * read in the pool, one question at a time: dozens of them would hold up the loop. */
#include "app/app.h"

#include "core/jsonw.h"
#include "core/meter_model.h"
#include "core/models_body.h"
#include "core/util.h"
#include "io/httpd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api_models {
    struct app *app;
    struct question *first; /* at work, those that wait behind it */
    service_done done;      /* closing, when that is answered */
    void *done_ctx;
};

struct question {
    struct api_models *owner;
    struct question *next;
    struct http_later *later;
    uv_work_t work;
    const struct meter_finder *meters;
    char id[METER_MODEL_ID]; /* "": all */
    struct jsonw answer;
    bool found;
    char error[METER_ERROR];
};

/* ---- in the pool: nothing but the question is touched ---- */

static void write_line(void *ctx, const char *id)
{
    struct question *q = ctx;
    struct meter_model *m = q->meters->find(q->meters->ctx, id, q->error);

    models_body_line(&q->answer, id, m, q->error);
    meter_model_free(m);
}

static void write_all(struct question *q)
{
    jsonw_open(&q->answer, NULL, '{');
    jsonw_open(&q->answer, "models", '[');
    q->meters->list(q->meters->ctx, write_line, q);
    jsonw_close(&q->answer, ']');
    jsonw_close(&q->answer, '}');
    q->found = true;
}

static void write_one(struct question *q)
{
    struct meter_model *m = q->meters->find(q->meters->ctx, q->id, q->error);

    q->found = m != NULL;
    if (m)
        models_body_whole(&q->answer, m);
    meter_model_free(m);
}

static void run(uv_work_t *work)
{
    struct question *q = work->data;

    if (q->id[0])
        write_one(q);
    else
        write_all(q);
    jsonw_raw(&q->answer, "\n", 1);
}

/* ---- on the loop ---- */

static void answer(struct question *q)
{
    struct http_reply r = {.status = 200};
    char why[METER_ERROR + METER_MODEL_ID + 32];

    if (q->found) {
        http_json(&r, 200, q->answer.buf, q->answer.len);
    } else {
        jsonw_free(&q->answer);
        snprintf(why, sizeof why, "no model %s: %s", q->id, q->error);
        http_error(&r, 404, why);
    }
    http_answer(q->later, &r);
}

static void on_ran(uv_work_t *work, int status);

static void start_first(struct api_models *s)
{
    if (s->first && uv_queue_work(s->app->loop, &s->first->work, run, on_ran) < 0)
        abort();
}

static void on_ran(uv_work_t *work, int status)
{
    struct question *q = work->data;
    struct api_models *s = q->owner;

    (void)status; /* nobody cancels it */
    s->first = q->next;
    answer(q);
    free(q);
    start_first(s);
    if (!s->first && s->done) {
        service_done done = s->done;
        void *ctx = s->done_ctx;
        free(s);
        done(ctx);
    }
}

static void ask(struct api_models *s, const struct http_request *request, const char *id)
{
    struct question *q = must(calloc(1, sizeof *q)), **end = &s->first;

    q->owner = s;
    q->work.data = q;
    q->meters = s->app->meters;
    q->later = http_later(request);
    snprintf(q->id, sizeof q->id, "%s", id);
    jsonw_init(&q->answer);
    while (*end)
        end = &(*end)->next;
    *end = q;
    if (s->first == q)
        start_first(s);
}

static void answer_all(void *ctx, const struct http_request *q, struct http_reply *r)
{
    (void)r;
    ask(ctx, q, "");
}

static void answer_one(void *ctx, const struct http_request *q, struct http_reply *r)
{
    if (meter_model_id_valid(q->rest))
        ask(ctx, q, q->rest);
    else
        http_error(r, 404, "no model has such a name: a-z, 0-9, - and _, 47 characters at most");
}

static void *api_models_new(struct app *a)
{
    static const struct http_route routes[] = {
        {"GET", "/api/v1/models", HTTP_READ, 0, answer_all},
        {"GET", "/api/v1/models/*", HTTP_READ, 0, answer_one},
    };
    struct api_models *s = must(calloc(1, sizeof *s));

    s->app = a;
    httpd_routes(a->httpd, routes, ARRAY_LEN(routes), s);
    return s;
}

/* Nothing to compare: models are no settings. */
static void api_models_apply(void *self, const struct settings *old, const struct settings *next)
{
    (void)self, (void)old, (void)next;
}

static void api_models_stop(void *self)
{
    struct api_models *s = self;

    httpd_unroute(s->app->httpd, s);
}

static void api_models_close(void *self, service_done done, void *ctx)
{
    struct api_models *s = self;

    if (s->first) {
        s->done = done;
        s->done_ctx = ctx;
        return;
    }
    free(s);
    done(ctx);
}

const struct service service_api_models = {
    .name = "api_models",
    .new = api_models_new,
    .apply = api_models_apply,
    .stop = api_models_stop,
    .close = api_models_close,
};
