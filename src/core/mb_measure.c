#include "core/mb_measure.h"

#include "core/ledger_marks.h"
#include "core/mb_decode.h"
#include "core/settings.h"

#include <stdio.h>
#include <string.h>

/* What a connection can bring, generously: its current at the highest mains voltage, and more for a moment. */
#define VOLTS_PHASE    300
#define POWER_TIMES    2
#define AMPS_TIMES     3
#define VOLTS_MAX      1000
#define HERTZ_MIN      40
#define HERTZ_MAX      70
#define RATE_PERCENT   120 /* of that power, over any time: what its fuses let pass */
#define S_PER_H        3600
#define FLOAT_MANTISSA 23
#define JITTER_MILLI   1000
#define HOLD_MS        60000 /* a meter that is read less often need not confirm its first value: people would wait */
#define NO_SUFFIX_MAX  3     /* a suffix above is a tariff, of all phases */

/* ---- what can be ---- */

static bool is_scaled(enum quantity_base b)
{
    return b != QUANTITY_VOLTAGE && b != QUANTITY_FREQUENCY && b != QUANTITY_POWER_FACTOR;
}

static void set_bounds(struct mb_channel *c, int64_t amps, unsigned phases)
{
    unsigned suffix = quantity_suffix(c->quantity);
    int64_t parts = suffix && suffix <= NO_SUFFIX_MAX ? 1 : phases, high;

    switch (quantity_base(c->quantity)) {
    case QUANTITY_VOLTAGE:
        c->high = VOLTS_MAX * 1000;
        return;
    case QUANTITY_FREQUENCY:
        c->low = HERTZ_MIN * 1000;
        c->high = HERTZ_MAX * 1000;
        return;
    case QUANTITY_POWER_FACTOR:
        high = 1000;
        break;
    case QUANTITY_CURRENT:
    case QUANTITY_CURRENT_SUM:
        high = amps * AMPS_TIMES * parts * 1000; /* some give it a sign */
        break;
    default:
        high = amps * VOLTS_PHASE * POWER_TIMES * parts * 1000;
    }
    c->low = -high;
    c->high = high;
}

/* value x ratio, rounded half away from zero. False: it is more than 2^60. */
static bool times(int64_t milli, int ratio_milli, int64_t *out)
{
    int64_t whole = milli / 1000, rest = milli % 1000 * ratio_milli, most = MB_VALUE_MAX / ratio_milli;

    if (whole > most - 1 || whole < 1 - most)
        return false;
    *out = whole * ratio_milli + (rest + (rest < 0 ? -500 : 500)) / 1000;
    return true;
}

/* One more of a register's last digit, and what it cannot hold any more. */
static void set_register(struct mb_channel *c, const struct meter_register *r, int ratio_milli)
{
    int64_t step = r->scale_micro / 1000, end;

    c->floats = r->type == METER_FLOAT32;
    if (r->type == METER_FLOAT32 || r->type == METER_FLOAT64)
        return;
    if (!times(step, ratio_milli, &c->limits.step))
        c->limits.step = 0;
    if (r->type != METER_UINT16 && r->type != METER_UINT32)
        return;
    end = (int64_t)1 << 16 * r->words;
    if (r->scale_micro <= MB_VALUE_MAX / end && times(end * r->scale_micro / 1000, ratio_milli, &end))
        c->limits.wrap = end;
}

static void set_counter(struct mb_channel *c, const struct meter_settings *m, unsigned phases)
{
    const struct meter_register *r = meter_model_register(m->model, c->quantity);
    unsigned suffix = quantity_suffix(c->quantity);
    int64_t watts = (int64_t)m->current * VOLTS_PHASE * (suffix && suffix <= NO_SUFFIX_MAX ? 1 : phases);
    int64_t hour = watts * RATE_PERCENT / 100 * 1000;

    c->limits = (struct meter_limits){.rate_per_s = hour / S_PER_H, .slack = hour};
    if (r)
        set_register(c, r, m->ratio_milli);
}

/* ---- which sensor a quantity feeds ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct mb_measured *)a)->key, ((const struct mb_measured *)b)->key);
}

struct mb_measured *mb_measure_find(const struct mb_measure *x, const char *key)
{
    struct mb_measured k = {.key = (char *)key};

    return x->n ? bsearch(&k, x->meters, x->n, sizeof k, by_key) : NULL;
}

void mb_measure_init(struct mb_measure *x)
{
    *x = (struct mb_measure){0};
}

void mb_measure_fini(struct mb_measure *x)
{
    for (size_t i = 0; i < x->n; i++) {
        free(x->meters[i].key);
        free(x->meters[i].model_id);
        free(x->meters[i].channels);
    }
    free(x->meters);
    mb_measure_init(x);
}

static void add_meters(struct mb_measure *x, const struct settings *s)
{
    for (size_t b = 0; b < s->n_buses; b++)
        for (size_t i = 0; s->buses[b].enable && i < s->buses[b].n_meters; i++) {
            const struct meter_settings *m = &s->buses[b].meters[i];
            if (!m->enable || !m->model)
                continue;
            x->meters = grown(x->meters, x->n, sizeof *x->meters);
            x->meters[x->n++] = (struct mb_measured){.key = must(strdup(m->key)),
                                                     .model_id = must(strdup(m->model->id)),
                                                     .ratio_milli = m->ratio_milli,
                                                     .interval_ms = m->interval_ms};
        }
    if (x->n)
        qsort(x->meters, x->n, sizeof *x->meters, by_key);
}

/* FNV-1a of some bytes of v. */
static uint32_t add_to(uint32_t hash, int64_t v)
{
    for (int i = 0; i < 8; i++)
        hash = (hash ^ ((uint64_t)v >> 8 * i & 0xff)) * UINT32_C(16777619);
    return hash;
}

/* All that a counter's value hangs on beside the meter: with another model, ratio or scale it is another counter, also
 * when that was changed while the program did not run. */
static uint32_t how_it_is_read(const struct meter_settings *m, uint8_t quantity)
{
    const struct meter_register *r = meter_model_register(m->model, quantity);
    uint32_t hash = add_to(UINT32_C(2166136261), m->ratio_milli);

    for (const char *c = m->model->id; *c; c++)
        hash = add_to(hash, *c);
    if (!r)
        return hash;
    hash = add_to(hash, r->function << 16 | r->address);
    hash = add_to(hash, r->type << 2 | m->model->low_word_first << 1 | m->model->low_byte_first);
    return add_to(hash, r->scale_micro);
}

static void open_counter(struct mb_channel *c, const struct meter_settings *m, struct ledger *ledger,
                         const struct sensor_settings *x)
{
    char source[LEDGER_SOURCE], name[QUANTITY_NAME];

    snprintf(source, sizeof source, "meter/%.32s:%s.%08x", m->key, quantity_name(c->quantity, name),
             (unsigned)how_it_is_read(m, c->quantity));
    c->entry = ledger_open(ledger, x->id, source);
    ledger_marks_mean(c->entry, 1 + (int64_t)x->rid * SENSOR_TYPES + x->type);
}

static void add_channel(struct mb_measured *to, const struct sensors *sensors, struct ledger *ledger,
                        const struct meter_settings *m, const struct sensor_settings *x, enum reading_kind kind)
{
    struct mb_channel c = {.sensor = sensors_find(sensors, x->id)->handle, .kind = kind, .quantity = x->quantity[kind]};

    c.scaled = is_scaled(quantity_base(c.quantity));
    if (kind == READING_COUNTER) {
        set_counter(&c, m, m->model->phases);
        open_counter(&c, m, ledger, x);
    } else {
        set_bounds(&c, m->current, m->model->phases);
    }
    to->channels = grown(to->channels, to->n_channels, sizeof *to->channels);
    to->channels[to->n_channels++] = c;
}

static bool is_other(const struct mb_measured *was, const struct mb_measured *now)
{
    return was->ratio_milli != now->ratio_milli || strcmp(was->model_id, now->model_id) != 0;
}

static void add_sensor(struct mb_measure *x, const struct sensors *sensors, struct ledger *ledger,
                       const struct settings *s, const struct sensor_settings *sensor)
{
    const struct meter_settings *m = &s->buses[sensor->made_of].meters[sensor->meter_at];
    struct mb_measured *to = mb_measure_find(x, m->key);

    if (!to)
        return;
    for (int kind = 0; kind < READING_KINDS; kind++)
        if (sensor->quantity[kind] != QUANTITY_NONE)
            add_channel(to, sensors, ledger, m, sensor, (enum reading_kind)kind);
}

/* What was found out so far, of those that stay. */
static void go_on(struct mb_measured *to, const struct mb_measured *was)
{
    to->stamp_s = was->stamp_s;
    to->stamp_ms = was->stamp_ms;
    memcpy(to->refused, was->refused, sizeof to->refused);
    for (size_t i = 0; i < to->n_channels && !is_other(was, to); i++)
        for (size_t j = 0; j < was->n_channels; j++) {
            struct mb_channel *c = &to->channels[i];
            const struct mb_channel *o = &was->channels[j];
            if (o->quantity != c->quantity || o->kind != c->kind || o->sensor != c->sensor)
                continue;
            c->refusing = o->refusing;
            c->zeros = o->zeros;
            c->first = o->first;
            c->first_ms = o->first_ms;
        }
}

void mb_measure_set(struct mb_measure *x, const struct sensors *sensors, struct ledger *ledger,
                    const struct settings *s)
{
    struct mb_measure old = *x;

    mb_measure_init(x);
    add_meters(x, s);
    for (size_t i = 0; i < s->n_sensors; i++)
        if (s->sensors[i].metered && s->sensors[i].enable)
            add_sensor(x, sensors, ledger, s, &s->sensors[i]);
    for (size_t i = 0; i < x->n; i++) {
        const struct mb_measured *was = mb_measure_find(&old, x->meters[i].key);
        if (was)
            go_on(&x->meters[i], was);
    }
    mb_measure_fini(&old);
}

/* ---- when it was ---- */

static int64_t stamp(struct mb_measured *m, int64_t mono_ms, int64_t unix_ms)
{
    int64_t next = m->stamp_s + (mono_ms - m->stamp_ms + 500) / 1000, s = unix_ms / 1000;

    if (m->stamp_s && m->interval_ms >= 1000 && unix_ms - next * 1000 >= -500 && unix_ms - next * 1000 < 1500)
        s = next;
    m->stamp_s = unix_ms ? s : 0;
    m->stamp_ms = mono_ms;
    return m->stamp_s;
}

/* ---- readings ---- */

/* A poll that is being taken apart. */
struct poll {
    struct mb_measured *m;
    const struct mb_measure_host *host;
    int64_t mono_ms, unix_s;
};

static void emit(const struct poll *p, const struct mb_channel *c, int64_t milli)
{
    const struct reading r = {.sensor = c->sensor,
                              .kind = (enum reading_kind)c->kind,
                              .milli = milli,
                              .mono_ms = p->mono_ms,
                              .unix_s = p->unix_s};

    p->host->emit(p->host->ctx, &r);
}

static void note(const struct poll *p, const struct mb_channel *c, enum mb_note what, enum mb_refused why,
                 int64_t milli)
{
    if (p->host->note)
        p->host->note(p->host->ctx, p->m, c->quantity, what, why, milli);
}

static void refuse(const struct poll *p, struct mb_channel *c, enum mb_refused why, int64_t milli)
{
    p->m->refused[why]++;
    if (!c->refusing)
        note(p, c, MB_NOTE_REFUSED, why, milli);
    c->refusing = true;
}

/* Does it go on from the first value ever? Else it is the first one itself. */
static bool confirmed(struct mb_channel *c, int64_t raw, int64_t mono_ms)
{
    int64_t s = (mono_ms - c->first_ms) / 1000 + 1, rise = raw - c->first;
    bool ok = c->first_ms && rise >= 0 && (rise - JITTER_MILLI - c->limits.step) / s <= c->limits.rate_per_s;

    c->first = raw;
    c->first_ms = ok ? 0 : mono_ms;
    return ok;
}

/* pitfall 14: a meter that starts up says 0 for a while. */
static bool stands(struct mb_channel *c, int64_t raw)
{
    if (raw || c->entry->meter.raw == 0) {
        c->zeros = 0;
        return true;
    }
    c->zeros += c->zeros < MB_ZEROS;
    return c->zeros == MB_ZEROS;
}

/* The ledger says not yet: a fall, or a rise that is too fast, which is all right when it lasts and is not too much. */
static void suspect(const struct poll *p, struct mb_channel *c, int64_t rise)
{
    if (rise >= 0 && rise <= c->limits.slack)
        p->m->refused[MB_REFUSED_RATE]++;
    else
        refuse(p, c, MB_REFUSED_RATE, rise + c->entry->meter.raw);
}

static void feed(const struct poll *p, struct mb_channel *c, int64_t raw)
{
    struct meter *meter = &c->entry->meter;
    int64_t rise = raw - meter->raw;

    if (c->floats)
        c->limits.step = raw >> FLOAT_MANTISSA;
    enum meter_result result = meter_feed(meter, &c->limits, raw, p->mono_ms);
    if (result == METER_REFUSED) {
        refuse(p, c, MB_REFUSED_RANGE, raw);
        return;
    }
    ledger_changed(c->entry, result != METER_TAKEN);
    if (result == METER_SUSPECT) {
        suspect(p, c, rise);
        return;
    }
    if (result == METER_RESET || result == METER_WRAPPED)
        note(p, c, result == METER_RESET ? MB_NOTE_RESET : MB_NOTE_WRAP, MB_REFUSED_KINDS, raw);
    c->refusing = false;
    c->entry->owed = false;
    emit(p, c, meter_published(meter));
}

static void count(const struct poll *p, struct mb_channel *c, int64_t raw)
{
    if (raw < 0)
        refuse(p, c, MB_REFUSED_RANGE, raw);
    else if (!c->entry->meter.known && p->m->interval_ms <= HOLD_MS && !confirmed(c, raw, p->mono_ms))
        return;
    else if (c->entry->meter.known && !stands(c, raw))
        refuse(p, c, MB_REFUSED_RATE, raw);
    else
        feed(p, c, raw);
}

static void take(const struct poll *p, struct mb_channel *c, const struct mb_reading *v)
{
    int64_t milli = v->milli;

    if (v->value == MB_NO_VALUE || v->value == MB_NOT_A_NUMBER)
        refuse(p, c, v->value == MB_NO_VALUE ? MB_REFUSED_NO_VALUE : MB_REFUSED_NAN, 0);
    else if (v->value != MB_VALUE || (c->scaled && !times(milli, p->m->ratio_milli, &milli)))
        refuse(p, c, MB_REFUSED_RANGE, v->milli);
    else if (c->entry)
        count(p, c, milli);
    else if (milli < c->low || milli > c->high)
        refuse(p, c, MB_REFUSED_RANGE, milli);
    else {
        c->refusing = false;
        emit(p, c, milli);
    }
}

void mb_measure_poll(struct mb_measured *m, const struct mb_reading *v, size_t n, int64_t mono_ms, int64_t unix_ms,
                     const struct mb_measure_host *host)
{
    const struct poll p = {.m = m, .host = host, .mono_ms = mono_ms, .unix_s = stamp(m, mono_ms, unix_ms)};

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m->n_channels; j++)
            if (m->channels[j].quantity == v[i].quantity)
                take(&p, &m->channels[j], &v[i]);
}

const char *mb_refused_name(enum mb_refused r)
{
    static const char *const names[] = {[MB_REFUSED_RANGE] = "range",
                                        [MB_REFUSED_RATE] = "rate",
                                        [MB_REFUSED_NAN] = "not_a_number",
                                        [MB_REFUSED_NO_VALUE] = "no_value"};

    return names[r];
}
