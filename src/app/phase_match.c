/* The verb `phase-match`: which phase each clamp of an FLX board sits on, and which way round, told by some seconds of
 * its angle and current (pitfall 24). It proposes and explains; what it came to is stored by a call of its own, as a
 * patch like any other, and only while the settings are those under which it was measured.
 *
 *   POST phase-match ─► seconds of all clamps (PHASE_SECONDS each) ─► judged ─► job done, with its result
 *                           └─► job failed: a clamp is silent, the board is lost, the settings have changed
 *   POST phase-match/apply ─► 404, 409, or the desk ─► as PATCH settings */
#include "app/app.h"

#include "app/desk.h"
#include "app/desk_reply.h"
#include "core/jsonw.h"
#include "core/phase_survey.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/httpd.h"
#include "io/log.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#define VERB      "phase-match"
#define PATH      "/api/v1/phase-match"
#define LOOK_MS   200   /* the newest readings are looked at so often, while a job runs */
#define SETTLE_MS 3000  /* so long readings may come that were measured under the settings before */
#define SILENT_MS 10000 /* without a second of a clamp: it fails */
#define BODY_MAX  1024

static_assert(JOB_LINE >= PHASE_WHY, "a reason fits");

struct phase_job {
    struct app *app;
    job_handle job;
    bool running;
    int64_t changed_ms; /* monotonic, when the settings of the clamps came in force */
    struct phase_survey survey;
    struct {
        sensor_handle alpha, irms;
    } clamp[PHASE_CLAMPS];
    uv_timer_t look;
    service_done done;
    void *done_ctx;
};

/* Why the board does not run; false: it does. */
static bool is_off(const struct phase_job *m, const char *words, char why[PHASE_WHY])
{
    const struct fact_value *board = &m->app->facts.v[FACT_BOARD];

    if (!board->on)
        snprintf(why, PHASE_WHY, "%s%s%.100s", words, board->reason[0] ? ": " : "", board->reason);
    return !board->on;
}

/* ---- the end ---- */

static void finish(struct phase_job *m, enum job_state state)
{
    const struct phase_survey *s = &m->survey;
    struct jsonw w;

    uv_timer_stop(&m->look);
    m->running = false;
    jobs_line(&m->app->jobs, m->job, "%s", s->proposal.summary);
    log_info("phase match: %s", s->proposal.summary);
    jsonw_init(&w);
    phase_survey_write(s, &w);
    jsonw_raw(&w, "", 1);
    app_job_end(m->app, m->job, state, w.buf);
}

static void fail(struct phase_job *m, const char *why)
{
    phase_survey_fail(&m->survey, why);
    finish(m, JOB_FAILED);
}

static void judge(struct phase_job *m)
{
    const struct phase_survey *s = &m->survey;

    phase_survey_judge(&m->survey);
    for (size_t i = 0; i < PHASE_CLAMPS; i++)
        if (s->clamp[i].on)
            jobs_line(&m->app->jobs, m->job, "port %zu (%s): %s", i + 1, s->clamp[i].name, s->proposal.why[i]);
    finish(m, JOB_DONE);
}

/* ---- measuring ---- */

/* A second is told by one message of the board: both readings have its moment. */
static void take(struct phase_job *m, size_t clamp)
{
    const struct sensor *alpha = sensors_get(&m->app->sensors, m->clamp[clamp].alpha),
                        *irms = sensors_get(&m->app->sensors, m->clamp[clamp].irms);
    const struct sensor_latest *a = alpha ? &alpha->latest[READING_GAUGE] : NULL,
                               *i = irms ? &irms->latest[READING_GAUGE] : NULL;

    if (a && i && sensor_latest_known(a) && a->mono_ms == i->mono_ms)
        phase_survey_take(&m->survey, clamp, a->mono_ms, a->milli, i->milli);
}

static void on_look(uv_timer_t *t)
{
    struct phase_job *m = t->data;
    char why[PHASE_WHY];
    int silent;

    for (size_t i = 0; i < PHASE_CLAMPS; i++)
        take(m, i);
    silent = phase_survey_silent(&m->survey, app_mono_ms(m->app), SILENT_MS);
    if (is_off(m, "the board is not running any more", why)) {
        fail(m, why);
    } else if (silent >= 0) {
        snprintf(why, sizeof why, "the clamp at port %d (%s) has given no reading for %d s", silent + 1,
                 m->survey.clamp[silent].name, SILENT_MS / 1000);
        fail(m, why);
    } else if (phase_survey_percent(&m->survey) == 100) {
        judge(m);
    } else {
        jobs_percent(&m->app->jobs, m->job, phase_survey_percent(&m->survey));
    }
}

static void find_sensors(struct phase_job *m)
{
    const struct settings *s = m->app->settings;

    memset(m->clamp, 0, sizeof m->clamp);
    for (size_t i = 0; i < s->n_sensors; i++) {
        const struct sensor_settings *x = &s->sensors[i];
        const struct sensor *sensor = x->enable && x->made == MADE_PORT ? sensors_find(&m->app->sensors, x->id) : NULL;
        int port = sensor ? s->port[x->made_of].port : 0;
        if (port < 1 || port > PHASE_CLAMPS)
            continue;
        if (x->subtype == SUBTYPE_ALPHA)
            m->clamp[port - 1].alpha = sensor->handle;
        else if (x->subtype == SUBTYPE_IRMS)
            m->clamp[port - 1].irms = sensor->handle;
    }
}

/* What was measured before this may have been under other settings. */
static int64_t fresh_from(const struct phase_job *m)
{
    const struct fact_value *board = &m->app->facts.v[FACT_BOARD];
    int64_t from = app_mono_ms(m->app), changed = m->changed_ms > board->since_ms ? m->changed_ms : board->since_ms;

    return changed + SETTLE_MS > from ? changed + SETTLE_MS : from;
}

static int start(void *self, job_handle j, const cJSON *args, char error[JOB_LINE])
{
    struct phase_job *m = self;

    (void)args;
    if (phase_survey_init(&m->survey, m->app->settings, fresh_from(m), error) < 0 ||
        is_off(m, "the board is not running", error))
        return -1;
    find_sensors(m);
    m->job = j;
    m->running = true;
    jobs_line(&m->app->jobs, j, "measuring for %d s; under a steady, ohmic load (a kettle) it tells best",
              PHASE_SECONDS);
    uv_timer_start(&m->look, on_look, LOOK_MS, LOOK_MS);
    return 0;
}

static void halt(struct phase_job *m)
{
    uv_timer_stop(&m->look);
    m->running = false;
}

static void cancel(void *self, job_handle j)
{
    (void)j;
    halt(self);
}

/* ---- storing it ---- */

/* The result of the job that the body names; NULL: answered. */
static cJSON *result_of(struct phase_job *m, const cJSON *body, struct http_reply *r)
{
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "job"));
    const struct job *j;

    jobs_expire(&m->app->jobs, app_mono_ms(m->app));
    j = id ? jobs_find(&m->app->jobs, id) : NULL;
    if (!cJSON_IsObject(body))
        http_error(r, 400, "the body is no JSON object");
    else if (!id)
        http_error(r, 422, "job is missing: the id of a phase match that is done");
    else if (!j || strcmp(j->verb->name, VERB) != 0)
        http_error(r, 404, "no phase match has this id; one that ended is kept for ten minutes");
    else if (j->state != JOB_DONE)
        http_error(r, 409, j->state == JOB_RUNNING ? "this phase match has not ended yet" : "this phase match failed");
    else
        return cJSON_Parse(j->result);
    return NULL;
}

/* By the etag it is not stored if another change that waits is brought in force before it. */
static void answer_apply(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct phase_job *m = ctx;
    cJSON *body = desk_body(q->body, q->body_len, r), *result = body ? result_of(m, body, r) : NULL;
    char why[PHASE_WHY];

    if (result) {
        const cJSON *patch = phase_survey_patch(result, m->app->settings, why);
        if (patch)
            desk_reply_patch(m->app, patch, desk_etag(m->app->desk), q);
        else
            http_error(r, 409, why);
    }
    cJSON_Delete(result);
    cJSON_Delete(body);
}

/* ---- the service ---- */

static void on_closed(uv_handle_t *h)
{
    struct phase_job *m = h->data;
    service_done done = m->done;
    void *ctx = m->done_ctx;

    free(m);
    done(ctx);
}

static void *phase_match_new(struct app *app)
{
    static const struct http_route routes[] = {{"POST", PATH "/apply", HTTP_WRITE, BODY_MAX, answer_apply}};
    struct phase_job *m = must(calloc(1, sizeof *m));

    m->app = app;
    uv_timer_init(app->loop, &m->look);
    m->look.data = m;
    jobs_add_verb(&app->jobs, &(struct verb){VERB, PATH, start, cancel, m});
    httpd_routes(app->httpd, routes, ARRAY_LEN(routes), m);
    return m;
}

static void phase_match_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct phase_job *m = self;
    struct phase_survey before;
    char why[PHASE_WHY];

    if (m->running && !phase_survey_holds(&m->survey, next))
        fail(m, "the settings of the clamps have changed meanwhile: match again");
    else if (m->running)
        find_sensors(m);
    if (old && phase_survey_init(&before, old, 0, why) == 0 && !phase_survey_holds(&before, next))
        m->changed_ms = app_mono_ms(m->app);
}

static void phase_match_stop(void *self)
{
    struct phase_job *m = self;

    httpd_unroute(m->app->httpd, m);
    halt(m);
}

static void phase_match_close(void *self, service_done done, void *ctx)
{
    struct phase_job *m = self;

    m->done = done;
    m->done_ctx = ctx;
    uv_close((uv_handle_t *)&m->look, on_closed);
}

const struct service service_phase_match = {
    .name = "phase_match",
    .new = phase_match_new,
    .apply = phase_match_apply,
    .stop = phase_match_stop,
    .close = phase_match_close,
};
