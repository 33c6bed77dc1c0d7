/* The forwarder to an InfluxDB, or whatever takes its line protocol: gauges and counters of all sensors, each row that
 * the store has. One post at a time; while it waits for an answer, MQTT and all else go on. It never thins, never
 * deletes a row (the store does, when all have passed it) and never posts a row again that was taken, but after a
 * crash, which does no harm.
 *
 *   WAITING ── interval, or tried again ─► FLUSHING ─► READING ─► POSTING ── all of it is taken ─► READING …
 *      ▲                                                  │          │ ▲
 *      ├───── nothing left ───────────────────────────────┘          │ └── a part is taken or refused: the next part
 *      └───── an outage: a while; what people must mend: an hour ────┘
 *
 * A failed batch is not kept: its rows are read again when it is tried again, with what is known of them then. */
#include "app/forwarder.h"
#include "app/influx_impl.h"
#include "app/secrets.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/log.h"

#include <string.h>

#define FIRST_MS 5000 /* after the start, and after a change of settings */

/* ---- settings ---- */

static void forget_settings(struct influx *f)
{
    free(f->shown);
    free(f->ca_file);
    free(f->token_file);
    f->shown = f->ca_file = f->token_file = NULL;
}

static char *copy(const char *text)
{
    return text ? must(strdup(text)) : NULL;
}

/* Who the rows are of, by the settings. */
static bool same_sensors(const struct settings *a, const struct settings *b)
{
    bool same = a->n_sensors == b->n_sensors && strcmp(a->device.id, b->device.id) == 0;

    for (size_t i = 0; same && i < a->n_sensors; i++) {
        const struct sensor_settings *x = &a->sensors[i], *y = &b->sensors[i];
        same = x->enable == y->enable && x->type == y->type && x->class == y->class && strcmp(x->id, y->id) == 0 &&
               forwarder_same_text(x->name, y->name);
    }
    return same;
}

/* Nothing of what the forwarder is about changed, and nothing is wrong that may have been mended. */
static bool undisturbed(const struct influx *f, const struct settings *old, const struct settings *next)
{
    return old && !f->failures && !f->stopped && !f->trouble[0] && old->influx.interval == next->influx.interval &&
           forwarder_same_text(old->storage.path, next->storage.path) &&
           forwarder_same_text(old->influx.url, next->influx.url) &&
           forwarder_same_text(old->influx.ca_file, next->influx.ca_file) &&
           forwarder_same_text(old->influx.token_file, next->influx.token_file) &&
           forwarder_same_text(old->influx.db, next->influx.db) &&
           forwarder_same_text(old->influx.org, next->influx.org) &&
           forwarder_same_text(old->influx.bucket, next->influx.bucket) && same_sensors(old, next);
}

static void influx_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct influx *f = self;
    bool was_on = f->state != INFLUX_OFF;

    if (was_on && undisturbed(f, old, next))
        return;
    influx_drop(f);
    forget_settings(f);
    f->trouble[0] = '\0';
    f->failures = 0;
    f->stopped = false;
    if (!next->influx.url) {
        if (was_on)
            store_flush(f->app->store, NULL, NULL); /* first, or rows in memory would come after what goes now */
        store_reader_off(f->app->store, STORE_INFLUX);
        if (was_on)
            log_note("influx: switched off; its place in the store is given up");
        return;
    }
    f->shown = copy(next->influx.url);
    f->ca_file = copy(next->influx.ca_file);
    f->token_file = secret_file(f->app, SECRET_INFLUX_TOKEN, next);
    f->version_1 = !next->influx.bucket;
    f->interval_ms = (int64_t)next->influx.interval * 1000;
    if (influx_url(&(struct influx_target){next->influx.url, next->influx.db, next->influx.org, next->influx.bucket},
                   f->url, sizeof f->url) < 0)
        abort(); /* the settings' limits and rules see to it */
    store_reader_on(f->app->store, STORE_INFLUX, THIN_NONE);
    f->names = influx_names_new(f->app);
    if (!was_on)
        log_info("influx: rows go to %s every %d s", f->shown, next->influx.interval);
    influx_wait(f, app_mono_ms(f->app) + FIRST_MS);
}

/* ---- status ---- */

static const char *why_waiting(const struct influx *f)
{
    if (f->state == INFLUX_OFF)
        return "influx.url is not set";
    if (f->trouble[0])
        return f->trouble;
    return f->app->clock.state == CLOCK_UNSET ? "this host's clock was never set" : "";
}

static void influx_status(void *self, struct jsonw *w)
{
    const struct influx *f = self;

    forwarder_status(w, f->app,
                     &(struct forwarder_status){.on = f->state != INFLUX_OFF,
                                                .url = f->shown,
                                                .waits_for = why_waiting(f),
                                                .reader = STORE_INFLUX,
                                                .last_ok_s = f->last_ok_s,
                                                .last_error = f->last_error,
                                                .rows_sent = f->rows_sent,
                                                .rows_quarantined = f->rows_quarantined,
                                                .next_ms = f->state == INFLUX_WAITING ? f->next_ms : 0});
}

static void influx_stats(void *self, stat_emit emit, void *ctx)
{
    const struct influx *f = self;
    const struct store *store = f->app->store;
    const struct stat_value v[] = {
        {"influx_posts_total", NULL, STAT_COUNTER, (int64_t)f->posts, "Posts to the database."},
        {"influx_posts_failed_total", NULL, STAT_COUNTER, (int64_t)f->failed,
         "Posts that the database did not answer with success."},
        {"influx_rows_sent_total", NULL, STAT_COUNTER, (int64_t)f->rows_sent, "Rows that the database took."},
        {"influx_rows_quarantined_total", NULL, STAT_COUNTER, (int64_t)f->rows_quarantined,
         "Rows that the database cannot take, kept apart."},
        {"influx_rows_waiting", NULL, STAT_GAUGE, store_waiting(store, STORE_INFLUX),
         "Rows that wait for the database."},
        {"influx_oldest_age_seconds", NULL, STAT_GAUGE, store_oldest_age_s(store, STORE_INFLUX),
         "Age of the oldest row that waits for the database."},
        {"influx_last_success_seconds", NULL, STAT_GAUGE, f->last_ok_s, "Unix second of the last post that succeeded."},
        {"influx_stopped", NULL, STAT_GAUGE, f->stopped, "1 while people must mend something."},
    };

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit(ctx, &v[i]);
}

/* ---- life ---- */

static void on_token(void *ctx)
{
    struct influx *f = ctx;

    influx_apply(f, f->app->settings, f->app->settings);
}

static void *influx_new(struct app *app)
{
    struct influx *f = must(calloc(1, sizeof *f));

    f->app = app;
    f->web = web_new(app->loop);
    uv_timer_init(app->loop, &f->timer);
    f->timer.data = f;
    stats_add(&app->stats, influx_stats, f);
    secret_watch(app, SECRET_INFLUX_TOKEN, on_token, f);
    app_section(app, &(struct status_section){"influx", influx_status, NULL, f});
    return f;
}

static void influx_stop(void *self)
{
    influx_drop(self);
}

static void influx_release(void *self)
{
    struct influx *f = self;

    forget_settings(f);
    free(f);
}

static void influx_close(void *self, service_done done, void *ctx)
{
    struct influx *f = self;

    stats_remove(&f->app->stats, influx_stats, f);
    app_section_end(f->app, f);
    forwarder_close(f->web, &f->timer, &(struct forwarder_end){influx_release, f, done, ctx});
}

const struct service service_influx = {
    .name = "influx",
    .new = influx_new,
    .apply = influx_apply,
    .stop = influx_stop,
    .close = influx_close,
};
