/* The three calls to the Flukso server (flukso-api.md), and what their answers lead to. */
#include "app/flukso_impl.h"

#include "app/forwarder.h"
#include "core/flukso_answer.h"
#include "core/flukso_body.h"
#include "core/flukso_digest.h"
#include "core/http_date.h"
#include "io/log.h"
#include "io/sysinfo.h"

#include <stdio.h>
#include <string.h>

static const char agent[] = "Fluksometer v" FLUKSOD_VERSION;

static void post(struct flukso *f, enum flukso_call call, const char *what, const char *id, const struct jsonw *body,
                 web_done done)
{
    char url[FLUKSO_URL], digest[FLUKSO_DIGEST_LEN + 1], digest_header[FLUKSO_DIGEST_LEN + 16];
    size_t n = strlen(f->url);

    snprintf(url, sizeof url, "%s%s%s/%s", f->url, n && f->url[n - 1] == '/' ? "" : "/", what, id);
    flukso_digest(f->key, body->buf, body->len, digest);
    snprintf(digest_header, sizeof digest_header, "X-Digest: %s", digest);
    const char *headers[] = {"Content-Type: application/json", "X-Version: 1.0", digest_header};
    f->call = call;
    f->calls++;
    web_post(f->web,
             &(struct web_request){.url = url,
                                   .headers = headers,
                                   .n_headers = ARRAY_LEN(headers),
                                   .user_agent = agent,
                                   .ca_file = f->ca_file,
                                   .body = body->buf,
                                   .len = body->len},
             done, f);
}

/* ---- what all answers have in common ---- */

static struct answer_in to_core(struct flukso *f, const struct web_answer *w)
{
    int64_t date = w->header[WEB_DATE] ? http_date_parse(w->header[WEB_DATE]) : 0;

    if (w->status && date)
        clock_server(&f->app->clock, date, app_unix_s(f->app));
    return forwarder_answer(f->app, w);
}

/* L3: the globe blinks at each 200 or 204. */
static void reached(struct flukso *f)
{
    f->failures = 0;
    f->failed_call = FLUKSO_CALL_NONE;
    facts_pulse(&f->app->facts, FACT_SERVER, f->url, app_mono_ms(f->app));
}

static void succeeded(struct flukso *f)
{
    reached(f);
    f->failing = false;
    f->last_ok_s = app_unix_s(f->app);
}

static void note_error(struct flukso *f, const char *text)
{
    f->failing = true;
    snprintf(f->last_error, sizeof f->last_error, "%.*s", ANSWER_TEXT - 1, text);
}

static void globe_off(struct flukso *f, const char *text)
{
    f->failed++;
    note_error(f, text);
    facts_set(&f->app->facts, FACT_SERVER, false, text, app_mono_ms(f->app));
}

/* The server's trouble or the way there: nothing is called for a while. What was called has a wait of its own, which
 * grows while other calls succeed: returned is when that ends. */
static int64_t back_off(struct flukso *f, const struct answer *a, const struct web_answer *w, unsigned *failures)
{
    int64_t now_ms = app_mono_ms(f->app);
    int64_t wait_ms = flukso_wait_ms(f, ++f->failures), own_ms = flukso_wait_ms(f, ++*failures);
    char text[ANSWER_TEXT + 64];

    if (a->retry_after_s * 1000 > wait_ms)
        wait_ms = a->retry_after_s * 1000;
    forwarder_failure(f->app, a, w, text);
    if (strncmp(text, f->last_error, ANSWER_TEXT - 1) != 0 || f->failures == 1)
        log_warn("flukso: %s: %s; rows are kept, tried again within %lld s", f->url, text,
                 (long long)(f->interval_ms > wait_ms ? f->interval_ms : wait_ms) / 1000);
    globe_off(f, text);
    f->failed_call = f->call;
    f->not_before_ms = now_ms + wait_ms;
    flukso_errand_outage(f, w->status, text);
    return now_ms + (own_ms > wait_ms ? own_ms : wait_ms);
}

static bool is_outage(const struct answer *a)
{
    return a->kind == ANSWER_SERVER || a->kind == ANSWER_TRANSPORT;
}

static bool needs_people(const struct answer *a)
{
    return a->kind == ANSWER_HEADERS || a->kind == ANSWER_DIGEST || a->kind == ANSWER_PROVISIONING;
}

static void done_with(struct flukso *f)
{
    f->call = FLUKSO_CALL_NONE;
    flukso_step(f);
}

/* Tried so often without another sensor's call that succeeds, a heartbeat that does must be enough to blame a row. */
#define PATIENCE 12

/* Does a heartbeat's success show that it is a row that the server refuses, not every report? Not while it refuses
 * those of several sensors: then it may be its database. */
static bool beat_is_evidence(const struct flukso *f)
{
    size_t refused = 0, patient = 0;

    for (size_t i = 0; i < f->n_sensors; i++) {
        bool suspect = f->sensors[i].batch.row > 0;
        refused += suspect;
        patient += suspect && f->sensors[i].failures < PATIENCE;
    }
    return refused <= 1 || patient == 0;
}

/* ---- heartbeat ---- */

/* The reply is the server's only when its digest is. */
static bool take_reply(struct flukso *f, const struct web_answer *w)
{
    int64_t timestamp;

    if (!flukso_digest_matches(f->key, w->body, w->len, w->header[WEB_DIGEST])) {
        snprintf(f->beat_text, sizeof f->beat_text, "the reply's digest is wrong: it is discarded");
        return false;
    }
    if (flukso_reply_heartbeat(w->body, w->len, &f->upgrade, &timestamp) < 0) {
        snprintf(f->beat_text, sizeof f->beat_text, "the reply has no timestamp: it is discarded");
        return false;
    }
    clock_server(&f->app->clock, timestamp, app_unix_s(f->app));
    f->beat_text[0] = '\0';
    return true;
}

static void on_heartbeat(void *ctx, const struct web_answer *w)
{
    struct flukso *f = ctx;
    struct answer_in in = to_core(f, w);
    struct answer a;
    int64_t now_ms = app_mono_ms(f->app);
    bool good = false;

    flukso_answer_device(&a, &in);
    if (is_outage(&a)) {
        f->beat_ms = back_off(f, &a, w, &f->beat_failures);
        done_with(f);
        return;
    }
    if (a.kind == ANSWER_OK) {
        reached(f);
        good = take_reply(f, w);
        f->reset = f->reset && !good;
        f->others_ok += good && beat_is_evidence(f);
        if (good)
            succeeded(f);
    } else {
        snprintf(f->beat_text, sizeof f->beat_text, "%s", a.text);
        if (!needs_people(&a))
            globe_off(f, a.text);
    }
    if (!good) {
        log_warn("flukso: heartbeat: %s", f->beat_text);
        note_error(f, f->beat_text);
    }
    f->beat_failures = good ? 0 : f->beat_failures + 1;
    /* A host without NTP is told the time by the heartbeat: until that agrees, it comes more often. */
    bool soon = (!good && !needs_people(&a)) || f->app->clock.state != CLOCK_SYNCED;
    f->beat_ms = now_ms + (soon ? flukso_wait_ms(f, f->beat_failures + 2) : FLUKSO_BEAT_MS);
    flukso_errand_beat(f, w->status, good ? "" : f->beat_text);
    done_with(f);
}

void flukso_call_heartbeat(struct flukso *f)
{
    struct sysinfo_memory m;
    struct jsonw w;
    char ip[46], port[8];

    sysinfo_memory(&m);
    sysinfo_address(ip);
    snprintf(port, sizeof port, "%d", f->app->settings->http.port);
    jsonw_init(&w);
    flukso_body_heartbeat(&w, &(struct flukso_heartbeat){.version = flukso_version_number(FLUKSOD_VERSION),
                                                         .reset = f->reset,
                                                         .unix_s = app_unix_s(f->app),
                                                         .uptime_s = sysinfo_uptime_s(),
                                                         .mem_total = m.total,
                                                         .mem_free = m.free,
                                                         .mem_cached = m.cached,
                                                         .mem_buffers = m.buffers,
                                                         .ip = ip[0] ? ip : NULL,
                                                         .port = port});
    post(f, FLUKSO_CALL_BEAT, "device", f->app->settings->device.id, &w, on_heartbeat);
    jsonw_free(&w);
}

/* ---- configuration ---- */

static void on_config(void *ctx, const struct web_answer *w)
{
    struct flukso *f = ctx;
    struct flukso_sensor *s = &f->sensors[f->at];
    struct answer_in in = to_core(f, w);
    struct answer a;

    flukso_answer_sensor(&a, &in);
    if (is_outage(&a)) {
        s->config_ms = back_off(f, &a, w, &s->config_failures);
        done_with(f);
        return;
    }
    if (a.kind == ANSWER_OK) {
        succeeded(f);
        f->others_ok++;
        s->config = FLUKSO_CONFIG_OK;
    } else {
        if (strcmp(s->config_text, a.text) != 0)
            log_warn("flukso: %s: its configuration was not taken: %s", s->name, a.text);
        note_error(f, a.text);
        if (a.kind == ANSWER_KEEP || a.kind == ANSWER_STALE)
            reached(f);
        else if (!needs_people(&a))
            globe_off(f, a.text);
        s->config = FLUKSO_CONFIG_FAILED;
        s->config_ms =
            app_mono_ms(f->app) + (needs_people(&a) ? FLUKSO_SLOW_MS : flukso_wait_ms(f, ++s->config_failures));
    }
    snprintf(s->config_text, sizeof s->config_text, "%s", a.text);
    flukso_errand_config(f, s, w->status, a.text);
    done_with(f);
}

void flukso_call_config(struct flukso *f, size_t sensor)
{
    f->at = sensor;
    post(f, FLUKSO_CALL_CONFIG, "sensor", f->sensors[sensor].id, &f->sensors[sensor].config_body, on_config);
}

/* ---- measurements ---- */

static void quarantine(struct flukso *f, struct flukso_sensor *s, const struct thin_row *row, const char *text)
{
    const struct store_row refused = {.unix_s = row->unix_s, .milli = row->value, .era = row->era, .series = s->series};

    f->rows_quarantined++;
    log_error("flukso: %s: the server cannot take the row [%lld,%lld]: %s; it is kept apart, the rest goes on", s->name,
              (long long)row->unix_s, (long long)row->value / 1000, text);
    forwarder_quarantine(f->app, STORE_FLUKSO, &refused, 1, text);
}

void flukso_say_ahead(struct flukso *f, struct flukso_sensor *s, int64_t ahead_s)
{
    snprintf(s->text, sizeof s->text, "the server has a row from %lld s ahead and takes none until then",
             (long long)ahead_s);
    if (!f->ahead_said)
        log_warn("flukso: %s: %s; its rows are kept, tried again each hour", s->name, s->text);
    f->ahead_said = true;
}

static void say(struct flukso *f, struct flukso_sensor *s, const struct answer *a, const char *what)
{
    if (strcmp(s->text, a->text) != 0)
        log_warn("flukso: %s: %s; %s", s->name, a->text, what);
    note_error(f, a->text);
    snprintf(s->text, sizeof s->text, "%s", a->text);
}

/* A row may be to blame, or the server: the batch decides, and wants to see other calls succeed before it blames one.
 * Where one row after the other is refused and none is taken, it is rather the server: the search goes on slowly. */
static void on_suspicion(struct flukso *f, struct flukso_sensor *s, const struct answer *a)
{
    int64_t now_ms = app_mono_ms(f->app), wait_ms;
    struct thin_row refused;
    enum flukso_batch_step step = flukso_batch_answer(&s->batch, a, f->others_ok, &refused);
    bool slow = s->refusals >= FLUKSO_REFUSALS;

    if (a->kind == ANSWER_STALE)
        reached(f);
    else
        globe_off(f, a->text);
    say(f, s, a, "its rows are kept and tried again");
    if (step == FLUKSO_BATCH_REFUSED) {
        s->refusals++;
        quarantine(f, s, &refused, a->text);
        flukso_sensor_moved(f, s, 0, 0);
    }
    if (step != FLUKSO_BATCH_SAME && !slow) {
        s->failures = 0;
        s->retry_ms = 0;
        return;
    }
    s->more = true;
    s->failures++;
    wait_ms = s->batch.suspect && !slow ? FLUKSO_SEARCH_MS : flukso_wait_ms(f, s->failures);
    s->retry_ms = now_ms + (wait_ms > a->retry_after_s * 1000 ? wait_ms : a->retry_after_s * 1000);
    if (s->batch.row + 1 >= FLUKSO_BATCH_REFUSALS && s->batch.others == f->others_ok)
        f->beat_ms = now_ms; /* nothing else is due that could succeed */
}

static void on_taken(struct flukso *f, struct flukso_sensor *s, const struct answer *a)
{
    const struct thin_row *last;
    struct thin_row none;
    size_t n = s->batch.taken, stale = s->batch.stale;

    succeeded(f);
    f->others_ok++;
    s->stopped = false;
    s->failures = 0;
    s->retry_ms = 0;
    s->text[0] = '\0';
    (void)!flukso_batch_answer(&s->batch, a, f->others_ok, &none);
    f->rows_sent += s->batch.taken - n;
    f->rows_stale += s->batch.stale - stale;
    last = flukso_batch_last(&s->batch);
    if (s->batch.taken > n) {
        s->refusals = 0;
        s->sent_s = last->unix_s;
        s->sent_milli = last->value;
    }
    flukso_sensor_moved(f, s, a->last_s > last->unix_s ? a->last_s : last->unix_s, last->value);
}

/* The server has a row from ahead of the time: until then it takes none, and what waits goes on waiting. A server that
 * was mended, or whose text said nonsense, is found out by trying now and then. */
static void on_ahead(struct flukso *f, struct flukso_sensor *s, int64_t last_s)
{
    struct store_position p = store_position(f->app->store, STORE_FLUKSO, s->series);
    int64_t ahead_s = last_s - app_unix_s(f->app);

    reached(f);
    s->stopped = false;
    flukso_say_ahead(f, s, ahead_s);
    note_error(f, s->text);
    s->retry_ms = app_mono_ms(f->app) + (ahead_s < FLUKSO_SLOW_MS / 1000 ? ahead_s * 1000 : FLUKSO_SLOW_MS);
    flukso_batch_fini(&s->batch);
    p.newest_s = last_s;
    p.newest_milli = FLUKSO_UNKNOWN;
    store_moved(f->app->store, &p, 0);
}

static void on_kept(struct flukso *f, struct flukso_sensor *s, const struct answer *a)
{
    reached(f);
    say(f, s, a, "its rows are kept");
    s->more = true;
    s->retry_ms = app_mono_ms(f->app) + flukso_wait_ms(f, ++s->failures);
}

static void on_stopped(struct flukso *f, struct flukso_sensor *s, const struct answer *a)
{
    say(f, s, a, "its rows are kept; tried again each hour and when the settings change");
    s->stopped = s->more = true;
    s->retry_ms = app_mono_ms(f->app) + FLUKSO_SLOW_MS;
}

static void on_rows(void *ctx, const struct web_answer *w)
{
    struct flukso *f = ctx;
    struct flukso_sensor *s = &f->sensors[f->at];
    struct answer_in in = to_core(f, w);
    struct answer a;

    flukso_answer_sensor(&a, &in);
    bool stale = a.kind == ANSWER_STALE;
    if (is_outage(&a)) {
        s->more = true;
        s->retry_ms = back_off(f, &a, w, &s->failures);
    } else if (needs_people(&a)) {
        on_stopped(f, s, &a);
    } else if (stale && a.last_s > app_unix_s(f->app) + CLOCK_AGREE_S) {
        on_ahead(f, s, a.last_s);
    } else if (a.kind == ANSWER_OK || (stale && flukso_batch_explains(&s->batch, &a))) {
        on_taken(f, s, &a);
    } else if (a.kind == ANSWER_KEEP) {
        on_kept(f, s, &a);
    } else {
        on_suspicion(f, s, &a);
    }
    done_with(f);
}

void flukso_call_rows(struct flukso *f, size_t sensor)
{
    struct flukso_sensor *s = &f->sensors[sensor];
    struct jsonw w;
    size_t n;
    const struct thin_row *rows = flukso_batch_window(&s->batch, &n);

    jsonw_init(&w);
    flukso_body_measurements(&w, rows, n);
    f->at = sensor;
    post(f, FLUKSO_CALL_ROWS, "sensor", s->id, &w, on_rows);
    jsonw_free(&w);
}
