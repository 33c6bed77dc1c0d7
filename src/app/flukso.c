/* The Flukso reporter: counters that wait in the store go to the Flukso server, with a heartbeat and the sensors'
 * configuration (flukso-api.md, V1, V3, L3). One call at a time over one connection; while it waits for an answer, MQTT
 * and all else go on. It never deletes a row (the store does, when all have passed it), never upgrades anything, and
 * sends no measurement before the time is agreed.
 *
 *     due? ─► heartbeat ─► configurations ─► rows that wait, the sensors in turn ─► a new round of rows
 *     an outage stops them all for a while; what people must mend stops one sensor                              */
#include "app/flukso_impl.h"

#include "app/forwarder.h"
#include "app/secrets.h"
#include "core/ident.h"
#include "io/files.h"
#include "io/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOOK_MS 10000 /* while the clock is not agreed: NTP may set it at any time */

/* V3: the first report within five minutes of the start, spread over the devices that a power cut starts together. */
#define FIRST_BEAT_MS     1000
#define FIRST_BEAT_SPREAD 9000
#define FIRST_MS          15000
#define FIRST_SPREAD      225000

int64_t flukso_wait_ms(const struct flukso *f, unsigned failures)
{
    return forwarder_wait_ms(failures, FLUKSO_BASE_MS, f->interval_ms);
}

void flukso_sensor_moved(struct flukso *f, struct flukso_sensor *s, int64_t newest_s, int64_t newest_milli)
{
    const struct thin_row *last = flukso_batch_last(&s->batch);

    s->series = store_series(f->app->store, s->id, READING_COUNTER); /* another file may have given it another number */
    struct store_position p = store_position(f->app->store, STORE_FLUKSO, s->series);
    bool done = flukso_batch_done(&s->batch);

    if (last)
        p.at = (struct store_key){last->key_s, last->era, s->series};
    if (done) {
        p.at = s->seen;
        f->rows_thinned += (uint64_t)s->passed - s->batch.n;
    }
    if (newest_s) {
        p.newest_s = newest_s;
        p.newest_milli = newest_milli;
    }
    store_moved(f->app->store, &p, done ? s->passed : 0);
}

bool flukso_searching(const struct flukso_sensor *s)
{
    return s->batch.row || s->batch.suspect;
}

/* ---- what is due ---- */

static bool try_config(struct flukso *f, int64_t now_ms)
{
    for (size_t k = 0; k < f->n_sensors; k++) {
        size_t i = (f->config_turn + k) % f->n_sensors;
        struct flukso_sensor *s = &f->sensors[i];
        if (s->config == FLUKSO_CONFIG_OK || now_ms < s->config_ms)
            continue;
        f->config_turn = i + 1;
        flukso_call_config(f, i);
        return true;
    }
    return false;
}

static bool has_rows(const struct flukso_sensor *s, int64_t now_ms)
{
    return !flukso_batch_done(&s->batch) && now_ms >= s->retry_ms;
}

/* The next sensor in turn that has rows to send. */
static bool try_rows(struct flukso *f, int64_t now_ms)
{
    for (size_t k = 0; k < f->n_sensors; k++) {
        size_t i = (f->turn + k) % f->n_sensors;
        if (!has_rows(&f->sensors[i], now_ms))
            continue;
        f->turn = i + 1;
        flukso_call_rows(f, i);
        return true;
    }
    return false;
}

static bool any_more(const struct flukso *f)
{
    for (size_t i = 0; i < f->n_sensors; i++)
        if (flukso_batch_done(&f->sensors[i].batch) && f->sensors[i].more)
            return true;
    return false;
}

/* When all batches are sent, what they stood for may go. */
static void maybe_purge(struct flukso *f)
{
    if (!f->purge_due)
        return;
    for (size_t i = 0; i < f->n_sensors; i++)
        if (!flukso_batch_done(&f->sensors[i].batch))
            return;
    f->purge_due = false;
    store_flush(f->app->store, NULL, NULL); /* the places first */
    store_purge(f->app->store);
}

static bool start_round(struct flukso *f)
{
    for (size_t i = 0; i < f->n_sensors; i++)
        if (flukso_batch_done(&f->sensors[i].batch))
            f->sensors[i].more = false;
    f->purge_due = true;
    flukso_round_start(f);
    return true;
}

/* A round that is due comes before rows that wait: a sensor whose calls fail must not keep the others from theirs. One
 * for what did not fit into the batches before comes after them, so that all sensors have their turn. */
static bool try_report(struct flukso *f, int64_t now_ms)
{
    if (!f->n_sensors)
        return false;
    if (now_ms >= f->report_ms)
        return start_round(f);
    if (try_rows(f, now_ms))
        return true;
    maybe_purge(f);
    return any_more(f) && start_round(f);
}

static bool try_call(struct flukso *f, enum flukso_call call, int64_t now_ms, bool agreed)
{
    if (call == FLUKSO_CALL_CONFIG)
        return try_config(f, now_ms);
    if (call == FLUKSO_CALL_ROWS)
        return agreed && try_report(f, now_ms);
    if (now_ms < f->beat_ms)
        return false;
    flukso_call_heartbeat(f);
    return true;
}

/* Begin what is due; a kind of call that failed last comes last, so that no kind keeps the others from theirs. */
static bool try_all(struct flukso *f, int64_t now_ms, bool agreed)
{
    static const enum flukso_call kinds[] = {FLUKSO_CALL_BEAT, FLUKSO_CALL_CONFIG, FLUKSO_CALL_ROWS};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i] != f->failed_call && try_call(f, kinds[i], now_ms, agreed))
            return true;
    return f->failed_call != FLUKSO_CALL_NONE && try_call(f, f->failed_call, now_ms, agreed);
}

static void arm(struct flukso *f, int64_t now_ms, bool agreed);

void flukso_step(struct flukso *f)
{
    int64_t now_ms = app_mono_ms(f->app);

    if (!f->on || f->call != FLUKSO_CALL_NONE || f->round)
        return;
    app_unix_s(f->app); /* the clock may have stepped meanwhile */
    bool agreed = f->app->clock.state == CLOCK_SYNCED;
    if (f->was_agreed && !agreed && f->beat_ms > now_ms)
        f->beat_ms = now_ms; /* the clock stepped: the server is asked, not in an hour */
    f->was_agreed = agreed;
    if (now_ms < f->not_before_ms || !try_all(f, now_ms, agreed))
        arm(f, now_ms, agreed);
}

static void on_timer(uv_timer_t *t)
{
    flukso_step(t->data);
}

static void arm(struct flukso *f, int64_t now_ms, bool agreed)
{
    int64_t next = f->beat_ms;

    for (size_t i = 0; i < f->n_sensors; i++) {
        const struct flukso_sensor *s = &f->sensors[i];
        if (s->config != FLUKSO_CONFIG_OK && s->config_ms < next)
            next = s->config_ms;
        if (agreed && !flukso_batch_done(&s->batch) && s->retry_ms < next)
            next = s->retry_ms;
    }
    if (agreed && f->n_sensors && f->report_ms < next)
        next = f->report_ms;
    if (!agreed && next > now_ms + LOOK_MS)
        next = now_ms + LOOK_MS;
    if (next < f->not_before_ms)
        next = f->not_before_ms;
    uv_timer_start(&f->timer, on_timer, next > now_ms ? (uint64_t)(next - now_ms) : 1, 0);
}

/* ---- settings ---- */

/* The key that is saved, of the settings, or of its file; false with why_off set. */
static bool find_key(struct flukso *f, const struct settings *next)
{
    char *text = NULL;
    size_t len = 0;
    int err = secret_read(f->app, SECRET_DEVICE_KEY, f->key, sizeof f->key);

    if (err != -ENOENT) {
        f->why_off = err < 0 ? "the saved device.key cannot be read" : "the saved device.key has not 32 characters";
        return err == FLUKSO_KEY;
    }
    if (next->device.key) {
        snprintf(f->key, sizeof f->key, "%s", next->device.key);
        return true;
    }
    f->why_off = "no device.key is set: the Flukso server would not know this device";
    if (!next->device.key_file)
        return false;
    err = files_read(next->device.key_file, 256, &text, &len);
    f->why_off = "device.key_file cannot be read";
    if (err < 0) {
        log_error("flukso: %s: %s", next->device.key_file, strerror(-err));
        return false;
    }
    len = strcspn(text, "\r\n");
    bool good = len == FLUKSO_KEY;
    if (good)
        snprintf(f->key, sizeof f->key, "%.*s", FLUKSO_KEY, text);
    f->why_off = "device.key_file does not begin with a line of 32 characters";
    explicit_bzero(text, len);
    free(text);
    return good;
}

/* Nothing of what the reporter is about changed, and nothing is wrong that may have been mended. */
static bool undisturbed(const struct flukso *f, const struct settings *old, const struct settings *next)
{
    bool good = !f->failures && !f->failing && !f->beat_text[0];

    for (size_t i = 0; i < f->n_sensors; i++)
        good = good && !f->sensors[i].stopped && !f->sensors[i].text[0] && !f->sensors[i].config_text[0];
    return good && old && forwarder_same_text(old->flukso.url, next->flukso.url) &&
           forwarder_same_text(old->flukso.ca_file, next->flukso.ca_file) &&
           forwarder_same_text(old->storage.path, next->storage.path) &&
           old->flukso.interval == next->flukso.interval && strcmp(old->device.id, next->device.id) == 0 &&
           flukso_sensors_same(f, next);
}

/* The time within a spread that is this device's own. */
static int64_t jitter_ms(const struct settings *s, const char *what, int64_t spread_ms)
{
    char id[IDENT_LEN + 1];

    ident_derive(s->device.id, what, id);
    id[8] = '\0';
    return (int64_t)(strtoull(id, NULL, 16) % (uint64_t)spread_ms);
}

static void switch_off(struct flukso *f)
{
    f->on = false;
    uv_timer_stop(&f->timer);
    flukso_sensors_set(f, &(struct settings){0});
    store_reader_off(f->app->store, STORE_FLUKSO);
    facts_set(&f->app->facts, FACT_SERVER, false, f->why_off, app_mono_ms(f->app));
    if (f->said != f->why_off)
        log_note("flukso: nothing is reported: %s", f->why_off);
    f->said = f->why_off;
}

static void switch_on(struct flukso *f, const struct settings *next)
{
    int64_t now_ms = app_mono_ms(f->app);
    int64_t spread_ms = f->interval_ms - FIRST_MS < FIRST_SPREAD ? f->interval_ms - FIRST_MS : FIRST_SPREAD;

    f->on = true;
    f->reset = true;
    f->said = NULL;
    f->beat_ms = f->not_before_ms = now_ms + FIRST_BEAT_MS + jitter_ms(next, "heartbeat", FIRST_BEAT_SPREAD);
    f->report_ms = now_ms + FIRST_MS + jitter_ms(next, "report", spread_ms);
    facts_set(&f->app->facts, FACT_SERVER, false, "not called yet", now_ms);
    log_info("flukso: reports to %s every %lld s", f->url, (long long)f->interval_ms / 1000);
}

static void flukso_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct flukso *f = self;
    bool was_on = f->on, same_server = forwarder_same_text(f->url, next->flukso.url) &&
                                       forwarder_same_text(f->ca_file, next->flukso.ca_file);
    char key[sizeof f->key];

    memcpy(key, f->key, sizeof key);
    bool on = next->flukso.enable && find_key(f, next);
    heard_apply(&f->heard);
    bool same_key = memcmp(key, f->key, sizeof key) == 0;
    explicit_bzero(key, sizeof key);
    if (on && was_on && same_key && undisturbed(f, old, next))
        return;
    web_cancel(f->web);
    f->call = f->failed_call = FLUKSO_CALL_NONE;
    flukso_round_drop(f);
    free(f->url);
    free(f->ca_file);
    f->url = must(strdup(next->flukso.url));
    f->ca_file = next->flukso.ca_file ? must(strdup(next->flukso.ca_file)) : NULL;
    f->interval_ms = (int64_t)next->flukso.interval * 1000;
    f->failures = 0;
    f->ahead_said = false;
    f->not_before_ms = 0;
    if (!next->flukso.enable)
        f->why_off = "reporting is switched off (flukso.enable)";
    if (!on) {
        switch_off(f);
        flukso_errand_settings(f);
        return;
    }
    store_reader_on(f->app->store, STORE_FLUKSO, THIN_SPEC);
    flukso_sensors_set(f, next);
    if (!was_on)
        switch_on(f, next);
    else if (!same_server || f->beat_text[0])
        f->beat_ms = 0;
    if (f->report_ms > app_mono_ms(f->app) + f->interval_ms)
        f->report_ms = app_mono_ms(f->app) + f->interval_ms;
    uv_timer_start(&f->timer, on_timer, 1, 0);
    flukso_errand_settings(f);
}

/* There is a sensor more to report. */
static void on_heard(void *ctx)
{
    struct flukso *f = ctx;

    if (f->on)
        flukso_apply(f, f->app->settings, f->app->settings);
}

/* Another key lifts what the one before was refused for, and shows itself at once. */
static void on_key(void *ctx)
{
    struct flukso *f = ctx;

    f->beat_ms = 0;
    flukso_apply(f, f->app->settings, f->app->settings);
}

/* ---- life ---- */

static void *flukso_new(struct app *app)
{
    struct flukso *f = must(calloc(1, sizeof *f));

    f->app = app;
    f->why_off = "";
    f->web = web_new(app->loop);
    uv_timer_init(app->loop, &f->timer);
    f->timer.data = f;
    heard_init(&f->heard, app, on_heard, f);
    flukso_errands_offer(f);
    secret_watch(app, SECRET_DEVICE_KEY, on_key, f);
    stats_add(&app->stats, flukso_stats, f);
    app_section(app, &(struct status_section){"flukso", flukso_status_top, flukso_status_sensor, f});
    return f;
}

static void flukso_stop(void *self)
{
    struct flukso *f = self;

    f->on = false;
    flukso_errands_drop(f);
    heard_stop(&f->heard);
    uv_timer_stop(&f->timer);
    web_cancel(f->web);
    flukso_round_drop(f);
}

static void flukso_release(void *self)
{
    struct flukso *f = self;

    flukso_sensors_free(f);
    explicit_bzero(f->key, sizeof f->key);
    free(f->url);
    free(f->ca_file);
    free(f);
}

static void on_heard_closed(void *ctx)
{
    struct flukso *f = ctx;

    forwarder_close(f->web, &f->timer, &(struct forwarder_end){flukso_release, f, f->done, f->done_ctx});
}

static void flukso_close(void *self, service_done done, void *ctx)
{
    struct flukso *f = self;

    f->done = done;
    f->done_ctx = ctx;
    stats_remove(&f->app->stats, flukso_stats, f);
    app_section_end(f->app, f);
    heard_close(&f->heard, on_heard_closed, f);
}

const struct service service_flukso = {
    .name = "flukso",
    .new = flukso_new,
    .apply = flukso_apply,
    .stop = flukso_stop,
    .close = flukso_close,
};
