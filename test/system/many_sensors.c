/* The daemon with many sensors more than a board has: its own main.c and services, linked with the four functions that
 * are wrapped here. FLUKSOD_MANY sensors (ids "b…", named "many N") have a gauge and a counter each ten seconds, spread
 * over them. What is measured is the daemon's own loop_lag_ms. */
#include "core/hub.h"
#include "core/settings.h"
#include "io/lag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICK_MS   10
#define PERIOD_MS 10000

#define WRAP __attribute__((used)) /* for link-time optimization, which does not see the linker's wrapping */

/* NOLINTBEGIN: names that the linker makes */
void __real_hub_init(struct hub *h, struct sensors *sensors);
WRAP void __wrap_hub_init(struct hub *h, struct sensors *sensors);
WRAP void __wrap_settings_set_sensors(const struct settings *s, struct sensors *sensors);
void __real_lag_start(struct lag *l, uv_loop_t *loop, void (*turn)(void *ctx), void *ctx);
WRAP void __wrap_lag_start(struct lag *l, uv_loop_t *loop, void (*turn)(void *ctx), void *ctx);
void __real_lag_close(struct lag *l);
WRAP void __wrap_lag_close(struct lag *l);
/* NOLINTEND */

static struct hub *hub;
static uv_timer_t tick;
static size_t next, due;

static size_t many(void)
{
    const char *text = getenv("FLUKSOD_MANY");

    return text ? strtoul(text, NULL, 10) : 0;
}

static void id_of(size_t i, char id[SENSOR_ID_LEN + 1])
{
    snprintf(id, SENSOR_ID_LEN + 1, "b%031zx", i);
}

void __wrap_hub_init(struct hub *h, struct sensors *sensors)
{
    hub = h;
    __real_hub_init(h, sensors);
}

void __wrap_settings_set_sensors(const struct settings *s, struct sensors *sensors)
{
    size_t n = 0, max = SETTINGS_PORTS + many();
    struct sensor_def *defs = must(calloc(max, sizeof *defs));
    char(*ids)[SENSOR_ID_LEN + 1] = must(calloc(max, sizeof *ids));
    char(*names)[32] = must(calloc(max, sizeof *names));

    for (size_t i = 0; i < s->n_sensors; i++) {
        const struct sensor_settings *x = &s->sensors[i];
        if (x->enable)
            defs[n++] =
                (struct sensor_def){x->id, x->name, x->class, x->type, x->subtype, (unsigned)sensor_settings_number(x), {0}};
    }
    for (size_t i = 0; n < max && i < many(); i++, n++) {
        id_of(i, ids[n]);
        snprintf(names[n], sizeof names[n], "many %zu", i);
        defs[n] = (struct sensor_def){.id = ids[n], .name = names[n], .number = (unsigned)(i + 100)};
    }
    for (size_t i = 0; i < n; i++)
        sensor_units(defs[i].type, defs[i].unit);
    sensors_set(sensors, defs, n);
    free(defs);
    free(ids);
    free(names);
}

static void emit(size_t i, int64_t mono_ms, int64_t unix_s)
{
    char id[SENSOR_ID_LEN + 1];

    id_of(i, id);
    const struct sensor *s = sensors_find(hub->sensors, id);
    struct reading r = {.sensor = s->handle, .mono_ms = mono_ms, .unix_s = unix_s, .kind = READING_GAUGE};
    r.milli = 1000 * (int64_t)(i % 3000);
    hub_emit(hub, &r);
    r.kind = READING_COUNTER;
    r.milli = mono_ms;
    hub_emit(hub, &r);
}

static void on_tick(uv_timer_t *t)
{
    int64_t mono_ms = (int64_t)uv_now(t->loop), unix_s = (int64_t)time(NULL);

    for (due += many() * TICK_MS; due >= PERIOD_MS; due -= PERIOD_MS) {
        emit(next, mono_ms, unix_s);
        next = (next + 1) % many();
    }
}

void __wrap_lag_start(struct lag *l, uv_loop_t *loop, void (*turn)(void *ctx), void *ctx)
{
    __real_lag_start(l, loop, turn, ctx);
    uv_timer_init(loop, &tick);
    if (many())
        uv_timer_start(&tick, on_tick, 1000, TICK_MS);
}

void __wrap_lag_close(struct lag *l)
{
    uv_close((uv_handle_t *)&tick, NULL);
    __real_lag_close(l);
}
