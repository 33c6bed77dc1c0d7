#include "core/flx_measure.h"

#include "core/ledger_marks.h"
#include "core/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a clamp can measure, generously: its rating at the highest mains voltage, and twice that. */
#define VOLTS_MAX    300
#define POWER_TIMES  2
#define AMPS_TIMES   3
#define DEGREES_MAX  360
#define FACTOR_MAX   2                        /* of |power factor|: it has a rounding error */
#define HARMONICS    1000000                  /* as a ratio or in percent, of almost no current */
#define PULSES_PER_S 50                       /* of S0 meters some 30 come at most */
#define SLACK_MILLI  ((int64_t)100000 * 1000) /* 100 kWh or 100 m3 */

#define S_PER_H 3600

#define FIRST_PULSE (FLX_CLAMPS * FLX_CT_GAUGES)

/* ---- which sensor a channel is ---- */

static void set_clamp(struct flx_channel *c, unsigned quantity, int amps)
{
    int64_t power = (int64_t)amps * VOLTS_MAX * POWER_TIMES * 1000;
    const struct {
        int64_t low, high;
    } bounds[FLX_CT_GAUGES - FLX_CT_COUNTERS] = {
        {0, VOLTS_MAX * 2 * 1000},
        {0, (int64_t)amps * AMPS_TIMES * 1000},
        {-FACTOR_MAX * 1000, FACTOR_MAX * 1000},
        {0, (int64_t)HARMONICS * 1000},
        {0, (int64_t)HARMONICS * 1000},
        {-DEGREES_MAX * 1000, DEGREES_MAX * 1000},
    };

    if (quantity >= FLX_CT_COUNTERS) {
        c->low = bounds[quantity - FLX_CT_COUNTERS].low;
        c->high = bounds[quantity - FLX_CT_COUNTERS].high;
        return;
    }
    c->low = -power;
    c->high = power;
    c->limits = (struct meter_limits){.wrap = FLX_WRAP_MILLI, .slack = SLACK_MILLI, .rate_per_s = power / S_PER_H};
}

static bool is_hourly(enum sensor_type type)
{
    return type == SENSOR_ELECTRICITY || type == SENSOR_HEAT; /* Wh: its flow is told in W */
}

static void set_pulse(struct flx_channel *c, int constant_milli)
{
    int64_t rate = (int64_t)constant_milli * PULSES_PER_S;

    c->low = 0;
    c->high = rate * (is_hourly(c->type) ? S_PER_H : 1);
    c->limits =
        (struct meter_limits){.wrap = FLX_WRAP_MILLI, .slack = SLACK_MILLI, .rate_per_s = rate, .step = constant_milli};
}

static bool has_counter(unsigned channel)
{
    return channel >= FIRST_PULSE || channel % FLX_CT_GAUGES < FLX_CT_COUNTERS;
}

static void channel_set(struct flx_channel *c, unsigned i, struct ledger *ledger, const struct sensor_settings *x,
                        const struct port_settings *port)
{
    char source[LEDGER_SOURCE];

    c->type = x->type;
    if (has_counter(i)) {
        snprintf(source, sizeof source, "flx:%u", i + 1);
        c->entry = ledger_open(ledger, x->id, source);
        ledger_marks_mean(c->entry, 1 + (int64_t)x->rid * SENSOR_TYPES + x->type);
    }
    if (i < FIRST_PULSE)
        set_clamp(c, i % FLX_CT_GAUGES, port->current);
    else
        set_pulse(c, port->constant_milli);
}

void flx_channels_set(struct flx_channels *c, const struct sensors *sensors, struct ledger *ledger,
                      const struct settings *s)
{
    struct flx_channel old[FLX_CHANNELS];

    memcpy(old, c->v, sizeof old);
    memset(c->v, 0, sizeof c->v);
    for (size_t i = 0; i < s->n_sensors; i++) {
        const struct sensor_settings *x = &s->sensors[i];
        if (x->made != MADE_PORT || !x->enable)
            continue;
        unsigned at = (unsigned)x->number - 1;
        struct flx_channel *to = &c->v[at];
        to->sensor = sensors_find(sensors, x->id)->handle;
        to->owed = old[at].sensor == to->sensor && old[at].owed;
        channel_set(to, at, ledger, x, &s->port[x->made_of]);
    }
}

/* ---- when it was ---- */

static int64_t since_board(const struct flx_channels *c, const struct board_now *now)
{
    return c->board_s ? c->board_s + (now->mono_ms - c->board_mono_ms) / 1000 : 0;
}

/* The second of a message that tells of `back` seconds before. */
static int64_t stamp(struct flx_channels *c, uint32_t s, int back, const struct board_now *now)
{
    c->board_s = s;
    c->board_mono_ms = now->mono_ms;
    if (now->unix_s)
        return (llabs(now->unix_s - s) <= FLX_NEAR_S ? s : now->unix_s) - back;
    return (int64_t)s - back > CLOCK_FLOOR_S ? (int64_t)s - back : 0;
}

/* ---- readings ---- */

static struct reading *add(struct flx_measured *out, const struct flx_channel *c, enum reading_kind kind, int64_t milli)
{
    struct reading *r = &out->reading[out->n++];

    *r = (struct reading){.sensor = c->sensor, .kind = kind, .milli = milli};
    return r;
}

static void note(struct flx_channels *c, struct flx_measured *out, enum flx_note what, unsigned channel, int64_t milli)
{
    c->notes[what]++;
    if (what == FLX_MEASURED)
        return;
    out->special[out->n_special].note = what;
    out->special[out->n_special].channel = channel;
    out->special[out->n_special++].milli = milli;
}

/* False: it is more than its connection can tell of (pitfall 13). */
static bool add_gauge(struct flx_measured *out, const struct flx_channel *c, int64_t milli)
{
    if (milli < c->low || milli > c->high)
        return false;
    add(out, c, READING_GAUGE, milli);
    return true;
}

static enum flx_note add_counter(struct flx_measured *out, const struct flx_channel *c, int64_t raw, int64_t mono_ms)
{
    static const enum flx_note notes[] = {
        [METER_TAKEN] = FLX_MEASURED,  [METER_WRAPPED] = FLX_WRAPPED,    [METER_RESET] = FLX_RESET_SEEN,
        [METER_SUSPECT] = FLX_SUSPECT, [METER_REFUSED] = FLX_IMPOSSIBLE,
    };
    enum meter_result result = meter_feed(&c->entry->meter, &c->limits, raw, mono_ms);

    ledger_changed(c->entry, result == METER_WRAPPED || result == METER_RESET || result == METER_SUSPECT);
    if (result != METER_SUSPECT && result != METER_REFUSED) {
        add(out, c, READING_COUNTER, meter_published(&c->entry->meter));
        c->entry->owed = false; /* a refused reading is owed by flx_measure_emitted() */
    }
    return notes[result];
}

static void stamp_all(struct flx_measured *out, int64_t unix_s, int64_t mono_ms)
{
    for (size_t i = 0; i < out->n; i++) {
        out->reading[i].unix_s = unix_s;
        out->reading[i].mono_ms = mono_ms;
    }
}

static void measure_quantity(struct flx_channels *c, unsigned i, const struct flx_ct *m, int64_t mono_ms,
                             struct flx_measured *out)
{
    struct flx_channel *x = &c->v[i];
    unsigned q = i % FLX_CT_GAUGES;
    enum flx_note what = FLX_MEASURED;
    bool possible = add_gauge(out, x, m->gauge_milli[q]);
    int64_t milli = m->gauge_milli[q];

    if (x->entry) {
        what = add_counter(out, x, m->counter_milli[q], mono_ms);
        milli = what == FLX_MEASURED ? milli : m->counter_milli[q];
    }
    note(c, out, what == FLX_MEASURED && !possible ? FLX_IMPOSSIBLE : what, i, milli);
}

void flx_measure_ct(struct flx_channels *c, const struct flx_ct *m, const struct board_now *now,
                    struct flx_measured *out)
{
    unsigned first = m->port * FLX_CT_GAUGES;
    int64_t unix_s = stamp(c, m->s, 1, now);

    out->n = out->n_special = 0;
    if (!c->v[first].sensor) {
        note(c, out, FLX_NOT_OURS, first, 0);
        return;
    }
    for (unsigned q = 0; q < FLX_CT_GAUGES; q++)
        measure_quantity(c, first + q, m, now->mono_ms, out);
    stamp_all(out, unix_s, now->mono_ms);
}

/* Thousandths of W, or of a unit a second. */
static int64_t flow_milli(enum sensor_type type, int64_t micro)
{
    int64_t v = is_hourly(type) ? micro * S_PER_H : micro;

    return v < 0 ? -((-v + 500) / 1000) : (v + 500) / 1000;
}

void flx_measure_pulse(struct flx_channels *c, const struct flx_pulse *m, const struct board_now *now,
                       struct flx_measured *out)
{
    unsigned i = FIRST_PULSE + m->port - FLX_CLAMPS;
    struct flx_channel *x = &c->v[i];
    int64_t unix_s = stamp(c, m->s, 0, now), flow = flow_milli(x->type, m->gauge_micro);
    bool possible = true;

    out->n = out->n_special = 0;
    if (!x->sensor) {
        note(c, out, FLX_NOT_OURS, i, 0);
        return;
    }
    if (flow) /* 0: none yet */
        possible = add_gauge(out, x, flow);
    enum flx_note what = add_counter(out, x, m->counter_milli, now->mono_ms);
    note(c, out, what == FLX_MEASURED && !possible ? FLX_IMPOSSIBLE : what, i,
         what == FLX_MEASURED ? flow : m->counter_milli);
    stamp_all(out, unix_s, now->mono_ms);
}

/* ---- what is owed ---- */

void flx_measure_emitted(struct flx_channels *c, const struct reading *r, bool taken)
{
    for (unsigned i = FIRST_PULSE; i < FLX_CHANNELS && r->kind == READING_COUNTER; i++)
        if (c->v[i].sensor && c->v[i].sensor == r->sensor)
            c->v[i].owed = !taken;
}

size_t flx_measure_owed(struct flx_channels *c, const struct board_now *now, struct reading out[FLX_PULSE_PORTS])
{
    int64_t unix_s = now->unix_s ? now->unix_s : since_board(c, now);
    size_t n = 0;

    for (unsigned i = FIRST_PULSE; i < FLX_CHANNELS; i++) {
        struct flx_channel *x = &c->v[i];
        if (!x->sensor || !(x->owed || x->entry->owed) || !x->entry->meter.known)
            continue;
        x->owed = x->entry->owed = false;
        out[n++] = (struct reading){.sensor = x->sensor,
                                    .kind = READING_COUNTER,
                                    .milli = meter_published(&x->entry->meter),
                                    .mono_ms = now->mono_ms,
                                    .unix_s = unix_s > CLOCK_FLOOR_S ? unix_s : 0};
    }
    return n;
}
