/* The keeper: readings of the hub become rows of the store and marks of the ledger, and counter states are restored
 * before any source starts. It never decides who wants rows (forwarders do) and never waits for the disk. */
#include "app/app.h"
#include "core/ledger_marks.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/store.h"

#include <string.h>

#define SOON_MS  20   /* what is urgent waits for what comes with it in the same answer of a board */
#define APART_MS 2000 /* … and is not written more often than this: a spoilt line may be urgent each second */
#define DAY_S    ((int64_t)86400)
#define MEGABYTE ((int64_t)1000000)

/* What belongs to a sensor, beside its slot. */
struct slot {
    sensor_handle handle;
    unsigned generation;            /* of the store's numbers */
    struct ledger_entry *entry;     /* of its counter; NULL: not looked up yet, or none */
    uint32_t series[READING_KINDS]; /* numbers; 0: not asked yet */
};

struct keeper {
    struct app *app;
    struct store *store;
    struct slot *slots;
    size_t n_slots;
    uv_timer_t soon;
    int64_t urgent_ms; /* of the last urgent write */
    service_done done;
    void *done_ctx;
};

static struct slot *slot_of(struct keeper *k, const struct reading *r)
{
    size_t i = sensor_slot(r->sensor);

    if (i >= k->n_slots) {
        size_t n = k->app->sensors.n_slots;
        k->slots = must(realloc(k->slots, n * sizeof *k->slots));
        memset(k->slots + k->n_slots, 0, (n - k->n_slots) * sizeof *k->slots);
        k->n_slots = n;
    }
    struct slot *x = &k->slots[i];
    if (x->handle != r->sensor || x->generation != store_generation(k->store))
        *x = (struct slot){.handle = r->sensor, .generation = store_generation(k->store)};
    return x;
}

static const char *id_of(const struct keeper *k, const struct reading *r)
{
    return sensors_get(&k->app->sensors, r->sensor)->id;
}

static uint32_t series_of(struct keeper *k, const struct reading *r)
{
    struct slot *x = slot_of(k, r);

    if (!x->series[r->kind])
        x->series[r->kind] = store_series(k->store, id_of(k, r), r->kind);
    return x->series[r->kind];
}

/* Each reading of a counter, also of one that did not change: it tells until when it stood. */
static void mark(struct keeper *k, const struct reading *r)
{
    struct slot *x = slot_of(k, r);

    if (!x->entry)
        x->entry = ledger_find(&k->app->ledger, id_of(k, r));
    ledger_clock(&k->app->ledger, r->unix_s, r->mono_ms, k->app->clock.state == CLOCK_SYNCED);
    if (x->entry)
        ledger_marks_feed(x->entry, r->milli);
}

/* Counters when they changed, gauges as they come; both only when somebody wants them. */
static void on_reading(void *ctx, const struct reading *r)
{
    struct keeper *k = ctx;

    if (r->kind == READING_COUNTER)
        mark(k, r);
    if (r->kind == READING_COUNTER && !r->changed)
        return;
    uint32_t series = series_of(k, r);
    if (store_wanted(k->store, series))
        store_add(k->store, series, r->milli, r->unix_s, r->mono_ms);
}

static void on_soon(uv_timer_t *t)
{
    struct keeper *k = t->data;

    k->urgent_ms = app_mono_ms(k->app);
    store_flush(k->store, NULL, NULL);
}

/* A counter's offset changed or may change: a restart before the next write would not know. */
static void on_urgent(void *ctx)
{
    struct keeper *k = ctx;
    int64_t since_ms = app_mono_ms(k->app) - k->urgent_ms;

    if (!uv_is_active((uv_handle_t *)&k->soon))
        uv_timer_start(&k->soon, on_soon, since_ms < APART_MS ? (uint64_t)(APART_MS - since_ms) : SOON_MS, 0);
}

static void *keeper_new(struct app *app)
{
    struct keeper *k = must(calloc(1, sizeof *k));

    k->app = app;
    k->urgent_ms = -APART_MS;
    k->store = app->store = store_new(app->loop, &app->ledger, &app->clock);
    uv_timer_init(app->loop, &k->soon);
    k->soon.data = k;
    app->ledger.urgent = on_urgent;
    app->ledger.urgent_ctx = k;
    app->ledger.now.started_ms = app->started_ms;
    if (hub_attach(&app->hub, on_reading, k) < 0)
        abort(); /* the number of sinks is known when the program is written */
    stats_add(&app->stats, store_stats, k->store);
    return k;
}

/* Nobody listens to the counters of sensors that were switched off. */
static void pause_old_ones(struct keeper *k, const struct settings *old)
{
    for (size_t i = 0; i < old->n_sensors; i++) {
        const struct sensor_settings *x = &old->sensors[i];
        struct ledger_entry *e = x->enable ? ledger_find(&k->app->ledger, x->id) : NULL;
        if (e && !sensors_find(&k->app->sensors, x->id))
            ledger_marks_pause(e);
    }
}

static void keeper_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct keeper *k = self;
    int64_t unix_s = app_unix_s(k->app);

    if (old) {
        ledger_clock(&k->app->ledger, unix_s, app_mono_ms(k->app), k->app->clock.state == CLOCK_SYNCED);
        pause_old_ones(k, old);
    }
    store_apply(k->store, &(struct store_config){.dir = next->storage.path,
                                                 .interval_s = next->storage.interval,
                                                 .max_bytes = next->storage.max_size * MEGABYTE,
                                                 .max_age_s = next->storage.max_age * DAY_S});
}

static void keeper_stop(void *self)
{
    struct keeper *k = self;

    uv_timer_stop(&k->soon);
    k->app->ledger.urgent = NULL;
    hub_detach(&k->app->hub, on_reading, k);
}

static void on_soon_closed(uv_handle_t *h)
{
    struct keeper *k = h->data;
    service_done done = k->done;
    void *ctx = k->done_ctx;

    free(k->slots);
    free(k);
    done(ctx);
}

static void on_store_closed(void *ctx)
{
    struct keeper *k = ctx;

    uv_close((uv_handle_t *)&k->soon, on_soon_closed);
}

/* Services close in reverse order: sources and forwarders have stopped, so this write is the last word. */
static void keeper_close(void *self, service_done done, void *ctx)
{
    struct keeper *k = self;

    k->done = done;
    k->done_ctx = ctx;
    ledger_marks_end(&k->app->ledger);
    stats_remove(&k->app->stats, store_stats, k->store);
    store_close(k->store, on_store_closed, k);
}

const struct service service_keeper = {
    .name = "keeper",
    .new = keeper_new,
    .apply = keeper_apply,
    .stop = keeper_stop,
    .close = keeper_close,
};
