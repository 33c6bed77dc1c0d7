#include "core/flm02_measure.h"

#include "core/ledger_marks.h"
#include "core/settings.h"

#include <stdio.h>
#include <string.h>

/* A clamp can at most show what its rating says; pulses of S0 meters come at most some 30 a second. */
#define PULSES_PER_S 50
#define SLACK_MILLI  ((int64_t)100000 * 1000) /* 100 kWh or 100 m3 */

static void channel_set(struct flm02_channel *c, const struct sensor_settings *x)
{
    c->class = x->class;
    c->type = x->type;
    c->max_w = 0;
    for (size_t p = 0; p < x->n_ports && x->class == SENSOR_ANALOG; p++)
        c->max_w += (int64_t)x->voltage[p] * x->current[p];
    c->limits = (struct meter_limits){.wrap = FLM02_WRAP_MILLI, .slack = SLACK_MILLI};
    if (x->class == SENSOR_ANALOG) {
        c->limits.rate_per_s = c->max_w * 2 * 1000 / 3600;
    } else {
        c->limits.rate_per_s = (int64_t)x->constant_milli * PULSES_PER_S;
        c->limits.step = x->constant_milli;
    }
}

void flm02_channels_set(struct flm02_channel channels[FLM02_SENSORS], const struct sensors *sensors,
                        struct ledger *ledger, const struct settings *s)
{
    struct flm02_channel old[FLM02_SENSORS];

    memcpy(old, channels, sizeof old);
    memset(channels, 0, sizeof old);
    for (size_t i = 0; i < s->n_sensors; i++) {
        const struct sensor_settings *x = &s->sensors[i];
        char source[LEDGER_SOURCE];

        if (!x->enable || x->made != MADE_GIVEN || x->metered)
            continue;
        int number = sensor_settings_number(x);
        sensor_handle sensor = sensors_find(sensors, x->id)->handle;
        struct flm02_channel *c = &channels[number - 1];
        *c = old[number - 1].sensor == sensor ? old[number - 1] : (struct flm02_channel){.sensor = sensor};
        snprintf(source, sizeof source, "flm02:%d", number);
        c->entry = ledger_open(ledger, x->id, source);
        ledger_marks_mean(c->entry, 1 + (int64_t)x->rid * SENSOR_TYPES + x->type);
        channel_set(c, x);
    }
}

int64_t flm02_pulse_rate(enum sensor_type type, int64_t milli, uint32_t ms)
{
    /* W = 3.6e6 x Wh / ms; L/day = 24 x 3.6e6 x L / ms; milli carries a thousandth of it */
    int64_t scale = type == SENSOR_ELECTRICITY ? 3600 : 24 * 3600;

    return (2 * scale * milli + ms) / (2 * (int64_t)ms);
}

/* Gauge of a pulse record against the one before. False: there is none to tell. */
static bool pulse_gauge(struct flm02_channel *c, int64_t raw, uint32_t at_ms, int64_t *gauge)
{
    int64_t rise = raw - c->pulse_raw;
    uint32_t ms = at_ms - c->pulse_ms; /* right over the wrap of the board's clock */
    bool known = c->have_pulse;

    if (rise < 0)
        rise += FLM02_WRAP_MILLI;
    c->have_pulse = true;
    c->pulse_raw = raw;
    c->pulse_ms = at_ms;
    /* A fall of the board's clock or counter that is no wrap is a reset, and more than pulses can bring is garbage:
     * skip that interval. */
    if (!known || ms == 0 || ms > INT32_MAX || rise > c->limits.rate_per_s * (ms / 1000 + 1))
        return false;
    *gauge = 1000 * flm02_pulse_rate(c->type, rise, ms);
    return true;
}

static bool analog_gauge(struct flm02_channel *c, uint32_t watts, int64_t *gauge, enum flm02_measure_note *note)
{
    if (c->drop_gauge) {
        c->drop_gauge = false;
        return false;
    }
    if (watts > 2 * c->max_w) { /* pitfall 13 */
        if (*note == FLM02_MEASURED)
            *note = FLM02_IMPOSSIBLE;
        return false;
    }
    *gauge = 1000 * (int64_t)watts;
    return true;
}

int flm02_measure(struct flm02_channel *c, const struct flm02_record *r, int64_t mono_ms, int64_t unix_s,
                  struct reading out[READING_KINDS], enum flm02_measure_note *note)
{
    static const enum flm02_measure_note notes[] = {
        [METER_TAKEN] = FLM02_MEASURED,  [METER_WRAPPED] = FLM02_WRAPPED,    [METER_RESET] = FLM02_RESET_SEEN,
        [METER_SUSPECT] = FLM02_SUSPECT, [METER_REFUSED] = FLM02_IMPOSSIBLE,
    };
    int64_t raw = (int64_t)r->counter * 1000 + r->milli;
    int64_t gauge;
    int n = 0;

    *note = FLM02_NOT_OURS;
    if (!c->sensor)
        return 0;
    enum meter_result result = meter_feed(&c->entry->meter, &c->limits, raw, mono_ms);
    ledger_changed(c->entry, result == METER_WRAPPED || result == METER_RESET || result == METER_SUSPECT);
    *note = notes[result];
    if (c->class == SENSOR_ANALOG ? analog_gauge(c, r->extra, &gauge, note) : pulse_gauge(c, raw, r->extra, &gauge))
        out[n++] = (struct reading){
            .sensor = c->sensor, .kind = READING_GAUGE, .milli = gauge, .mono_ms = mono_ms, .unix_s = unix_s};
    if (result != METER_SUSPECT && result != METER_REFUSED)
        out[n++] = (struct reading){.sensor = c->sensor,
                                    .kind = READING_COUNTER,
                                    .milli = meter_published(&c->entry->meter),
                                    .mono_ms = mono_ms,
                                    .unix_s = unix_s};
    return n;
}
