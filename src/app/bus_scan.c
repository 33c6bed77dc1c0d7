/* The verb `bus-scan`: which units answer on a line, at which speed, and what they may be. The bus's meters keep their
 * seconds: each request of a scan waits for room. It sets nothing.
 *
 *   models are loaded, one a turn ─► each speed: each unit is asked ─► who answered is asked what tells its model
 *
 * At one speed alone, those that were silent are asked a second time, by the other function. */
#include "app/bus_scan.h"

#include "core/mb_decode.h"
#include "core/mb_frame.h"
#include "core/mb_words.h"
#include "core/settings.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERB "bus-scan"
#define PATH "/api/v1/bus-scan"

#define TIMEOUT_GUESS_MS 300 /* at least: who is there may think a little */
#define PROBE_WORDS      2   /* many meters hold nothing that is shorter */
#define GUESSES          5

/* ---- where it is ---- */

static int passes(const struct bus_scan *s)
{
    return s->n_speeds == 1 ? 2 : 1;
}

static struct speed speed_now(const struct bus_scan *s)
{
    return s->speeds[s->speed].baud ? s->speeds[s->speed] : s->own;
}

static bool at_own_speed(const struct bus_scan *s)
{
    struct speed now = speed_now(s);

    return now.baud == s->own.baud && now.parity == s->own.parity;
}

static void say_percent(struct bus_scan *s)
{
    int64_t units = s->to - s->from + 1;
    int64_t done = ((int64_t)s->speed * passes(s) + s->pass) * units + (s->unit - s->from);

    jobs_percent(&s->j.app->jobs, s->j.job, (int)(100 * done / (units * passes(s) * (int64_t)s->n_speeds)));
}

/* "unit 3", with its speed where there is more than one. */
static const char *unit_name(const struct bus_scan *s, char text[48])
{
    struct speed v = speed_now(s);

    if (s->j.serial && s->n_speeds > 1)
        snprintf(text, 48, "unit %d (%d %c)", s->unit, v.baud, v.parity);
    else
        snprintf(text, 48, "unit %d", s->unit);
    return text;
}

/* The meter of the settings that has this unit, or NULL. */
static const struct meter_settings *configured(const struct bus_scan *s)
{
    const struct settings *set = s->j.app->settings;

    for (size_t i = 0; i < set->n_buses && !s->j.borrowed && at_own_speed(s); i++) {
        const struct bus_settings *bus = &set->buses[i];
        for (size_t k = 0; strcmp(bus->key, s->j.bus) == 0 && k < bus->n_meters; k++)
            if (bus->meters[k].unit == s->unit)
                return &bus->meters[k];
    }
    return NULL;
}

/* ---- asking ---- */

static void ask(struct bus_scan *s, int function, int address, int count, int timeout_ms)
{
    struct mb_ask a = {.unit = s->unit,
                       .function = function,
                       .address = address,
                       .count = count,
                       .timeout_ms = timeout_ms,
                       .baud = s->speeds[s->speed].baud,
                       .parity = s->speeds[s->speed].parity,
                       .stop_bits = s->stop_bits};

    bus_job_ask(&s->j, &a);
}

static void ask_unit(struct bus_scan *s)
{
    ask(s, s->pass == 0 ? 4 : 3, 0, PROBE_WORDS, s->timeout_ms);
}

static void finish(struct bus_scan *s)
{
    struct jsonw w;

    jobs_line(&s->j.app->jobs, s->j.job, "%zu unit%s answered", s->n_found, s->n_found == 1 ? "" : "s");
    jsonw_close(&s->result, ']');
    jsonw_close(&s->result, '}');
    w = s->result;
    jsonw_init(&s->result);
    bus_job_done(&s->j, &w);
}

/* To the next unit, pass or speed. False at the end. */
static bool step(struct bus_scan *s)
{
    s->again = false;
    do {
        if (++s->unit <= s->to)
            continue;
        s->unit = s->from;
        if (++s->pass < passes(s))
            continue;
        s->pass = 0;
        s->speed++;
        memset(s->found, 0, sizeof s->found);
        if (s->speed == s->n_speeds)
            return false;
    } while (s->found[s->unit]);
    return true;
}

static void go_on(struct bus_scan *s)
{
    if (!step(s)) {
        finish(s);
        return;
    }
    say_percent(s);
    ask_unit(s);
}

/* ---- one was found ---- */

static void put_head(struct bus_scan *s, const struct meter_settings *m)
{
    struct jsonw *w = &s->result;

    jsonw_open(w, NULL, '{');
    jsonw_int(w, "unit", s->unit);
    if (s->j.serial) {
        char parity[2] = {speed_now(s).parity, '\0'};
        jsonw_int(w, "baud", speed_now(s).baud);
        jsonw_str(w, "parity", parity);
    } else {
        jsonw_null(w, "baud");
        jsonw_null(w, "parity");
    }
    jsonw_milli(w, "ms", s->took_us);
    jsonw_str(w, "configured", m ? m->key : NULL);
}

static void put_model(struct bus_scan *s, const char *id, bool sure, const char *why)
{
    jsonw_open(&s->result, NULL, '{');
    jsonw_str(&s->result, "id", id);
    jsonw_bool(&s->result, "sure", sure);
    jsonw_str(&s->result, "why", why);
    jsonw_close(&s->result, '}');
}

/* What its answers hold, if it is such a model. */
static void put_values(struct bus_scan *s, const struct meter_model *m)
{
    char name[QUANTITY_NAME];
    int64_t milli;

    for (size_t i = 0; m && i < m->n_registers; i++) {
        const struct meter_register *reg = &m->registers[i];
        for (size_t k = 0; k < s->n_answers; k++) {
            const struct guess_answer *a = &s->answers[k];
            if (!a->ok || a->read.function != reg->function || reg->address < a->read.address ||
                reg->address + reg->words > a->read.address + a->read.words)
                continue;
            if (mb_decode(m, reg, a->words + (reg->address - a->read.address), &milli) == MB_VALUE)
                jsonw_milli(&s->result, quantity_name(reg->quantity, name), milli);
            break;
        }
    }
}

static void say_found(struct bus_scan *s, const char *what)
{
    char unit[48];

    s->n_found++;
    jobs_line(&s->j.app->jobs, s->j.job, "%s answers in %d ms: %s", unit_name(s, unit), (int)(s->took_us / 1000), what);
}

static void found_configured(struct bus_scan *s, const struct meter_settings *m)
{
    char what[JOB_LINE];

    put_head(s, m);
    jsonw_open(&s->result, "models", '[');
    put_model(s, m->model_id, true, "the settings say so");
    jsonw_close(&s->result, ']');
    jsonw_open(&s->result, "values", '{');
    jsonw_close(&s->result, '}');
    jsonw_close(&s->result, '}');
    snprintf(what, sizeof what, "meter %s of the settings, %s", m->key, m->model_id);
    say_found(s, what);
    go_on(s);
}

static void found_guessed(struct bus_scan *s)
{
    struct guess guesses[GUESSES];
    size_t n = meter_guess_judge((const struct meter_model *const *)s->models, s->n_models, s->answers, s->n_answers,
                                 guesses, GUESSES);
    char what[JOB_LINE] = "its model is not known";

    put_head(s, NULL);
    jsonw_open(&s->result, "models", '[');
    for (size_t i = 0; i < n; i++)
        put_model(s, guesses[i].model->id, guesses[i].sure, guesses[i].why);
    jsonw_close(&s->result, ']');
    jsonw_open(&s->result, "values", '{');
    put_values(s, n ? guesses[0].model : NULL);
    jsonw_close(&s->result, '}');
    jsonw_close(&s->result, '}');
    if (n)
        snprintf(what, sizeof what, "%s%s (%s)", guesses[0].sure ? "" : "likely ", guesses[0].model->id,
                 guesses[0].why);
    say_found(s, what);
    s->guessing = false;
    go_on(s);
}

/* ---- what may it be ---- */

static void ask_guess(struct bus_scan *s)
{
    if (s->at == s->n_reads && !s->more) {
        s->more = true;
        s->at = 0;
        s->n_reads = meter_guess_more((const struct meter_model *const *)s->models, s->n_models, s->answers,
                                      s->n_answers, s->reads, GUESS_READS);
    }
    if (s->at == s->n_reads) {
        found_guessed(s);
        return;
    }
    const struct guess_read *r = &s->reads[s->at];
    ask(s, r->function, r->address, r->words, s->timeout_ms > TIMEOUT_GUESS_MS ? s->timeout_ms : TIMEOUT_GUESS_MS);
}

static void guess_answered(struct bus_scan *s, const struct bus_answer *a)
{
    const struct guess_read *r = &s->reads[s->at++];
    struct guess_answer *own = &s->answers[s->n_answers++];

    *own = (struct guess_answer){.read = *r, .ok = a->outcome == MB_OK && a->n_words >= r->words};
    if (own->ok)
        memcpy(own->words, a->words, r->words * sizeof own->words[0]);
    ask_guess(s);
}

static void guess(struct bus_scan *s)
{
    s->guessing = true;
    s->more = false;
    s->at = s->n_answers = 0;
    s->n_reads = meter_guess_reads((const struct meter_model *const *)s->models, s->n_models, s->reads, GUESS_READS);
    ask_guess(s);
}

/* ---- is somebody there ---- */

static bool is_there(const struct bus_answer *a)
{
    return a->outcome == MB_OK || (a->outcome == MB_EXCEPTION && !mb_exception_is_absence(a->exception));
}

static void unit_answered(struct bus_scan *s, const struct bus_answer *a)
{
    const struct meter_settings *m;
    char unit[48];

    if (is_there(a)) {
        s->found[s->unit] = true;
        s->took_us = a->took_us;
        m = configured(s);
        if (m)
            found_configured(s, m);
        else
            guess(s);
    } else if ((a->outcome == MB_CRC || a->outcome == MB_BAD) && !s->again) {
        s->again = true;
        ask_unit(s);
    } else {
        if (a->outcome == MB_CRC || a->outcome == MB_BAD)
            jobs_line(&s->j.app->jobs, s->j.job,
                      "%s: something came, but no sound answer: two meters of one unit id, or another speed",
                      unit_name(s, unit));
        go_on(s);
    }
}

static void on_answered(void *ctx, const struct bus_answer *a)
{
    struct bus_scan *s = ctx;

    if (s->guessing)
        guess_answered(s, a);
    else
        unit_answered(s, a);
}

/* ---- the job ---- */

static void add_id(void *ctx, const char *id)
{
    struct bus_scan *s = ctx;

    s->ids = grown(s->ids, s->n_ids, sizeof *s->ids);
    snprintf(s->ids[s->n_ids++], METER_MODEL_ID, "%s", id);
}

/* One a turn. A file that cannot be used is none that a unit may be. */
static void on_load(uv_timer_t *t)
{
    struct bus_scan *s = t->data;
    char error[METER_ERROR];

    if (s->loaded == s->n_ids) {
        uv_timer_stop(t);
        ask_unit(s);
        return;
    }
    const struct meter_finder *finder = s->j.app->meters;
    struct meter_model *m = finder->find(finder->ctx, s->ids[s->loaded++], error);
    if (m)
        s->models[s->n_models++] = m;
    else
        jobs_line(&s->j.app->jobs, s->j.job, "a model is left out: %s", error);
}

static void on_ready(struct bus_job *j)
{
    struct bus_scan *s = (struct bus_scan *)j;

    if (j->app->meters)
        j->app->meters->list(j->app->meters->ctx, add_id, s);
    s->models = must(calloc(s->n_ids + 1, sizeof *s->models));
    uv_timer_start(&j->timer, on_load, 0, 1);
}

static void on_halted(struct bus_job *j)
{
    struct bus_scan *s = (struct bus_scan *)j;

    for (size_t i = 0; i < s->n_models; i++)
        meter_model_free(s->models[i]);
    free(s->models);
    free(s->ids);
    jsonw_free(&s->result);
    s->models = NULL;
    s->ids = NULL;
    s->n_models = s->n_ids = s->loaded = 0;
}

static int start(void *self, job_handle handle, const struct cJSON *args, char error[JOB_LINE])
{
    struct bus_scan *s = self;

    if (bus_scan_parse(s, args, error) < 0 || bus_job_begin(&s->j, handle, error) < 0)
        return -1;
    s->speed = s->n_found = 0;
    s->pass = 0;
    s->unit = s->from;
    s->again = s->guessing = false;
    memset(s->found, 0, sizeof s->found);
    jsonw_init(&s->result);
    jsonw_open(&s->result, NULL, '{');
    jsonw_open(&s->result, "found", '[');
    return 0;
}

static void cancel(void *self, job_handle handle)
{
    (void)handle;
    bus_job_halt(self);
}

struct bus_job *bus_scan_new(struct app *app)
{
    struct bus_scan *s = must(calloc(1, sizeof *s));

    s->j = (struct bus_job){.app = app, .answered = on_answered, .ready = on_ready, .halted = on_halted};
    uv_timer_init(app->loop, &s->j.timer);
    s->j.timer.data = &s->j;
    jsonw_init(&s->result);
    jobs_add_verb(&app->jobs, &(struct verb){VERB, PATH, start, cancel, s});
    return &s->j;
}
