/* The MQTT sink: every reading of the hub on its topic, and the newest of each once the broker is back.
 * It never keeps a value (the table of sensors does) and never publishes an older stamp after a newer one.
 *
 * It owns the connection (app->mqtt), which other services listen to. What could not be sent is one bit per
 * sensor and kind; a walk over the sensors, at most 256 a turn of the loop, sends what the bits stand for. */
#include "app/app.h"
#include "app/secrets.h"
#include "core/ident.h"
#include "core/seen.h"
#include "core/settings.h"
#include "core/topics.h"
#include "core/util.h"
#include "io/mqtt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENSORS_A_TURN 256
#define GAUGE_AGE_MS   60000 /* an older gauge is not sent late: it says nothing about now */

/* UNSTAMPED: a counter came before the clock was set, so its next reading counts as changed (pitfall 18). */
enum { PENDING_GAUGE = 1 << READING_GAUGE, PENDING_COUNTER = 1 << READING_COUNTER, UNSTAMPED = 1 << READING_KINDS };

struct slot {
    sensor_handle handle; /* whose bits they are; 0: nobody's */
    uint8_t bits;
};

/* A sensor that went away, or lost a kind of readings: those retained topics are to be cleared (pitfall 5). */
struct removed {
    char id[SENSOR_ID_LEN + 1];
    bool kind[READING_KINDS]; /* that it had */
};

struct mqtt_sink {
    struct app *app;
    struct slot *slots; /* beside the slots of app->sensors, as many as were seen */
    size_t n_slots;
    size_t n_pending; /* bits PENDING_* set */
    uv_idle_t walk;
    size_t cursor;     /* of the walk */
    bool all_counters; /* this walk sends every counter: a broker without persistence has lost them */
    struct removed *removed;
    size_t n_removed;
    payload_fn put[SENSOR_CLASSES]; /* how a class's payloads are written */
    char topic[READING_KINDS][TOPIC_SENSOR_MAX];
    struct payload_stamp stamp;
    uint64_t published[READING_KINDS], dropped[READING_KINDS], unstamped;
    unsigned secrets; /* counts their changes */
    service_done done;
    void *done_ctx;
};

static void set_pending(struct mqtt_sink *s, struct slot *x, enum reading_kind kind, bool on)
{
    uint8_t bit = (uint8_t)(1 << kind);

    if (!!(x->bits & bit) == on)
        return;
    x->bits ^= bit;
    s->n_pending += on ? 1 : (size_t)-1;
}

static void slot_take(struct mqtt_sink *s, struct slot *x, sensor_handle handle)
{
    set_pending(s, x, READING_GAUGE, false);
    set_pending(s, x, READING_COUNTER, false);
    *x = (struct slot){.handle = handle};
}

static struct slot *slot_of(struct mqtt_sink *s, sensor_handle handle)
{
    size_t i = sensor_slot(handle);

    if (i >= s->n_slots) {
        size_t n = s->app->sensors.n_slots;
        s->slots = must(realloc(s->slots, n * sizeof *s->slots));
        memset(s->slots + s->n_slots, 0, (n - s->n_slots) * sizeof *s->slots);
        s->n_slots = n;
    }
    if (s->slots[i].handle != handle)
        slot_take(s, &s->slots[i], handle);
    return &s->slots[i];
}

/* 0 or negative, as mqtt_publish(). */
static int publish(struct mqtt_sink *s, const struct sensor *x, enum reading_kind kind, int64_t unix_s, int64_t milli)
{
    char payload[PAYLOAD_MAX];
    size_t len = s->put[x->class](payload, &s->stamp, unix_s, kind, milli, x->unit[kind]);

    topic_set_id(s->topic[kind], x->id);
    int rc = mqtt_publish(s->app->mqtt, s->topic[kind], payload, len, true);
    s->published[kind] += rc == 0;
    return rc;
}

static void on_reading(void *ctx, const struct reading *r)
{
    struct mqtt_sink *s = ctx;
    struct slot *slot = slot_of(s, r->sensor);
    const struct sensor *x = sensors_get(&s->app->sensors, r->sensor);
    bool was_pending = slot->bits & 1 << r->kind;

    if (r->kind == READING_COUNTER && !r->changed && !(slot->bits & UNSTAMPED))
        return;
    if (!x->unit[r->kind])
        return;
    if (!r->unix_s) {
        s->unstamped++;
        slot->bits |= r->kind == READING_COUNTER ? UNSTAMPED : 0;
        return;
    }
    if (r->kind == READING_COUNTER)
        slot->bits &= (uint8_t)~UNSTAMPED;
    s->dropped[r->kind] += was_pending; /* this newer value stands in its place */
    set_pending(s, slot, r->kind, publish(s, x, r->kind, r->unix_s, r->milli) < 0);
}

/* ---- the walk ---- */

static int send_newest(struct mqtt_sink *s, struct slot *slot, const struct sensor *x, enum reading_kind kind)
{
    const struct sensor_latest *v = &x->latest[kind];

    if (!v->unix_s || (kind == READING_GAUGE && app_mono_ms(s->app) - v->mono_ms > GAUGE_AGE_MS))
        s->dropped[kind]++;
    else if (publish(s, x, kind, v->unix_s, v->milli) < 0)
        return -1;
    set_pending(s, slot, kind, false);
    return 0;
}

/* 0, or -1 when there is no room for more. */
static int walk_slot(struct mqtt_sink *s, struct slot *slot)
{
    const struct sensor *x = sensors_get(&s->app->sensors, slot->handle);

    if (!x) {
        slot_take(s, slot, 0);
        return 0;
    }
    if (slot->bits & PENDING_GAUGE && send_newest(s, slot, x, READING_GAUGE) < 0)
        return -1;
    bool again = s->all_counters && x->unit[READING_COUNTER] && x->latest[READING_COUNTER].unix_s;
    if ((slot->bits & PENDING_COUNTER || again) && send_newest(s, slot, x, READING_COUNTER) < 0)
        return -1;
    return 0;
}

/* Clear the retained topics of a sensor that went away. */
static int walk_removed(struct mqtt_sink *s, const struct removed *x)
{
    const struct sensor *back = sensors_find(&s->app->sensors, x->id);

    for (int kind = 0; kind < READING_KINDS; kind++) {
        if (!x->kind[kind] || (back && back->unit[kind]))
            continue;
        topic_set_id(s->topic[kind], x->id);
        if (mqtt_publish(s->app->mqtt, s->topic[kind], "", 0, true) < 0)
            return -1;
    }
    return 0;
}

static void on_walk(uv_idle_t *walk)
{
    struct mqtt_sink *s = walk->data;
    size_t budget = SENSORS_A_TURN;

    for (; s->n_removed && budget; budget--, s->n_removed--)
        if (walk_removed(s, &s->removed[s->n_removed - 1]) < 0)
            goto full;
    for (; s->cursor < s->n_slots && budget; budget--, s->cursor++)
        if (walk_slot(s, &s->slots[s->cursor]) < 0)
            goto full;
    if (s->n_removed || s->cursor < s->n_slots)
        return;
    s->all_counters = false;
    s->cursor = 0;
    if (s->n_pending)
        return; /* bits that were set behind the cursor */
full:
    uv_idle_stop(walk); /* done; or on_writable() goes on */
}

static void walk_on(struct mqtt_sink *s)
{
    if (s->n_removed || s->n_pending || s->all_counters)
        uv_idle_start(&s->walk, on_walk);
}

static void on_up(void *ctx)
{
    struct mqtt_sink *s = ctx;

    facts_set(&s->app->facts, FACT_BROKER, true, mqtt_where(s->app->mqtt), app_mono_ms(s->app));
    s->cursor = 0;
    s->all_counters = true;
    walk_on(s);
}

static void on_down(void *ctx, const char *reason)
{
    struct mqtt_sink *s = ctx;
    char text[FACT_REASON];

    uv_idle_stop(&s->walk);
    snprintf(text, sizeof text, "%s: %s", mqtt_where(s->app->mqtt), reason);
    facts_set(&s->app->facts, FACT_BROKER, false, text, app_mono_ms(s->app));
}

static void on_writable(void *ctx)
{
    walk_on(ctx);
}

/* ---- the service ---- */

static void sink_stats(void *self, stat_emit emit, void *ctx)
{
    static const char published[] = "Readings handed to the broker's connection.";
    static const char dropped[] = "Readings that a newer one replaced before they could be sent, or that grew old.";
    struct mqtt_sink *s = self;
    const struct stat_value v[] = {
        {"mqtt_published_total", "kind=\"gauge\"", STAT_COUNTER, (int64_t)s->published[READING_GAUGE], published},
        {"mqtt_published_total", "kind=\"counter\"", STAT_COUNTER, (int64_t)s->published[READING_COUNTER], published},
        {"mqtt_dropped_total", "kind=\"gauge\"", STAT_COUNTER, (int64_t)s->dropped[READING_GAUGE], dropped},
        {"mqtt_dropped_total", "kind=\"counter\"", STAT_COUNTER, (int64_t)s->dropped[READING_COUNTER], dropped},
        {"mqtt_pending", NULL, STAT_GAUGE, (int64_t)s->n_pending, "Newest readings that wait for the broker."},
        {"mqtt_unset_clock_total", NULL, STAT_COUNTER, (int64_t)s->unstamped,
         "Readings not published because the clock was not set."},
    };

    mqtt_stats(s->app->mqtt, emit, ctx);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit(ctx, &v[i]);
}

static void connect_as(struct mqtt_sink *s, const struct settings *next)
{
    char client_id[IDENT_CLIENT_ID_LEN + 1], status[80];
    char *password = secret_file(s->app, SECRET_MQTT_PASSWORD, next);
    char *key = secret_file(s->app, SECRET_MQTT_TLS_KEY, next);

    ident_client_id(next->device.id, client_id);
    snprintf(status, sizeof status, "/device/%s/availability", next->device.id);
    mqtt_start(s->app->mqtt, &(struct mqtt_config){
                                 .text = {[MQTT_HOST] = next->mqtt.host,
                                          [MQTT_CLIENT_ID] = next->mqtt.client_id ? next->mqtt.client_id : client_id,
                                          [MQTT_USERNAME] = next->mqtt.username,
                                          [MQTT_PASSWORD_FILE] = password,
                                          [MQTT_CA_FILE] = next->mqtt.tls.ca_file,
                                          [MQTT_CERT_FILE] = next->mqtt.tls.cert_file,
                                          [MQTT_KEY_FILE] = key,
                                          [MQTT_STATUS_TOPIC] = status},
                                 .port = next->mqtt.port,
                                 .secrets = s->secrets});
    free(password);
    free(key);
}

static void on_password(void *ctx)
{
    struct mqtt_sink *s = ctx;

    s->secrets += s->app->settings->mqtt.username != NULL; /* without a name it is not used */
    connect_as(s, s->app->settings);
}

static void on_key(void *ctx)
{
    struct mqtt_sink *s = ctx;

    s->secrets += s->app->settings->mqtt.tls.cert_file != NULL;
    connect_as(s, s->app->settings);
}

static void *sink_new(struct app *app)
{
    struct mqtt_sink *s = must(calloc(1, sizeof *s));

    s->app = app;
    for (int kind = 0; kind < READING_KINDS; kind++)
        topic_init(s->topic[kind], (enum reading_kind)kind);
    uv_idle_init(app->loop, &s->walk);
    s->walk.data = s;
    app->mqtt = mqtt_new(app->loop);
    mqtt_listen(app->mqtt, &(struct mqtt_listener){s, on_up, on_down, on_writable});
    stats_add(&app->stats, sink_stats, s);
    secret_watch(app, SECRET_MQTT_PASSWORD, on_password, s);
    secret_watch(app, SECRET_MQTT_TLS_KEY, on_key, s);
    if (hub_attach(&app->hub, on_reading, s) < 0)
        abort(); /* the number of sinks is known when the program is written */
    return s;
}

/* Where the enabled sensors are, by id. */
static void index_enabled(struct seen *index, const struct settings *settings)
{
    for (size_t i = 0; i < settings->n_sensors; i++)
        if (settings->sensors[i].enable)
            seen_add(index, settings->sensors[i].id, i);
}

/* What is noted of this id: new, or from before. */
static struct removed *removed_of(struct mqtt_sink *s, const char *id, struct seen *noted)
{
    struct removed *x = &s->removed[s->n_removed];
    size_t before;

    memcpy(x->id, id, SENSOR_ID_LEN + 1);
    before = seen_add(noted, x->id, s->n_removed);
    if (before != SEEN_NONE)
        return &s->removed[before];
    memset(x->kind, 0, sizeof x->kind);
    s->n_removed++;
    return x;
}

/* Note the kinds that it had and has no more. next: NULL when it went away. */
static void note_one(struct mqtt_sink *s, const struct sensor_settings *x, const struct sensor_settings *next,
                     struct seen *noted)
{
    const char *had[READING_KINDS], *has[READING_KINDS] = {0};

    sensor_settings_units(x, had);
    if (next)
        sensor_settings_units(next, has);
    for (int kind = 0; kind < READING_KINDS; kind++)
        if (had[kind] && !has[kind])
            removed_of(s, x->id, noted)->kind[kind] = true;
}

/* Note the sensors that were enabled and are no longer, or not with all that they had. */
static void note_removed(struct mqtt_sink *s, const struct settings *old, const struct settings *next)
{
    struct seen now = {0}, noted = {0};

    s->removed = must(realloc(s->removed, (s->n_removed + old->n_sensors + 1) * sizeof *s->removed));
    index_enabled(&now, next);
    for (size_t i = 0; i < s->n_removed; i++)
        seen_add(&noted, s->removed[i].id, i);
    for (size_t i = 0; i < old->n_sensors; i++) {
        const struct sensor_settings *x = &old->sensors[i];
        size_t at = x->enable ? seen_find(&now, x->id) : SEEN_NONE;
        if (x->enable)
            note_one(s, x, at == SEEN_NONE ? NULL : &next->sensors[at], &noted);
    }
    seen_free(&now);
    seen_free(&noted);
    walk_on(s);
}

/* Derived sensors and those of meters and lines keep their thousandths on any board. */
static void choose_form(struct mqtt_sink *s, enum board_protocol protocol)
{
    for (int c = 0; c < SENSOR_CLASSES; c++)
        s->put[c] = protocol == BOARD_FLX || c == SENSOR_DERIVED ? payload_put_v3 : payload_put;
    if (protocol != BOARD_FLX)
        s->put[SENSOR_METER] = s->put[SENSOR_LINE] = payload_put_fine;
}

static void sink_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct mqtt_sink *s = self;

    choose_form(s, next->board.protocol);
    if (old)
        note_removed(s, old, next);
    connect_as(s, next);
}

static void sink_stop(void *self)
{
    struct mqtt_sink *s = self;

    mqtt_stop(s->app->mqtt);
}

static void on_walk_closed(uv_handle_t *h)
{
    struct mqtt_sink *s = h->data;
    service_done done = s->done;
    void *ctx = s->done_ctx;

    free(s->slots);
    free(s->removed);
    free(s);
    done(ctx);
}

static void on_mqtt_closed(void *ctx)
{
    struct mqtt_sink *s = ctx;

    s->app->mqtt = NULL;
    uv_close((uv_handle_t *)&s->walk, on_walk_closed);
}

static void sink_close(void *self, service_done done, void *ctx)
{
    struct mqtt_sink *s = self;

    s->done = done;
    s->done_ctx = ctx;
    hub_detach(&s->app->hub, on_reading, s);
    stats_remove(&s->app->stats, sink_stats, s);
    mqtt_close(s->app->mqtt, on_mqtt_closed, s);
}

const struct service service_mqtt_sink = {
    .name = "mqtt_sink",
    .new = sink_new,
    .apply = sink_apply,
    .stop = sink_stop,
    .close = sink_close,
};
