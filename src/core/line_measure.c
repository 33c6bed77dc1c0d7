#include "core/line_measure.h"

#include "core/ledger_marks.h"
#include "core/settings.h"

#include <stdio.h>
#include <string.h>

/* What a connection can bring, generously: its current at the highest mains voltage, and more for a moment. */
#define VOLTS_PHASE  300
#define PHASES       3
#define POWER_TIMES  2
#define AMPS_TIMES   3
#define VOLTS_MAX    500 /* between phase and neutral: 400 at 690 V */
#define HERTZ_MIN    40
#define HERTZ_MAX    70
#define RATE_PERCENT 120 /* of that power, over any time: what its fuses let pass */
#define S_PER_H      3600
#define JITTER_MILLI 1000

/* What M-Bus devices and heat meters count in an hour at most: the largest that a house may have. */
#define LITRES_H ((int64_t)100 * 1000)
#define HEAT_WH  ((int64_t)1000 * 1000)

#define STOOD_MS     3600000 /* a counter that stood longer may still not rise by more than this time brings */
#define HOLD_MS      30000   /* of telegrams without a check that are rarer, people would wait too long */
#define CLOCK_GONE_S (LINE_CLOCK_S + 15) /* further from the host's: the meter's clock tells no seconds any more */

/* ---- what can be ---- */

static void set_bounds(struct line_channel *c, int64_t amps)
{
    int64_t high = amps * VOLTS_PHASE * POWER_TIMES * PHASES * 1000;

    switch (line_code_unit(c->code, READING_GAUGE)) {
    case OBIS_V:
        c->high = VOLTS_MAX * 1000;
        return;
    case OBIS_HZ:
        c->low = HERTZ_MIN * 1000;
        c->high = HERTZ_MAX * 1000;
        return;
    case OBIS_PLAIN: /* a power factor */
        high = 1000;
        break;
    case OBIS_A:
        high = amps * AMPS_TIMES * 1000;
        break;
    default:
        if (line_codes[c->code].type == SENSOR_HEAT)
            high = HEAT_WH * POWER_TIMES * 1000;
    }
    c->low = -high;
    c->high = high;
}

static void set_counter(struct line_channel *c, int64_t amps)
{
    int64_t hour = amps * VOLTS_PHASE * PHASES * RATE_PERCENT / 100;

    c->rare = line_code_rare(c->code);
    if (line_code_unit(c->code, READING_COUNTER) == OBIS_L)
        hour = LITRES_H;
    else if (c->rare)
        hour = HEAT_WH;
    c->limits = (struct meter_limits){.rate_per_s = hour * 1000 / S_PER_H, .slack = hour * 1000};
}

/* ---- which sensor a code feeds ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct line_measured *)a)->key, ((const struct line_measured *)b)->key);
}

struct line_measured *line_measure_find(const struct line_measure *x, const char *key)
{
    struct line_measured k = {.key = (char *)key};

    return x->n ? bsearch(&k, x->lines, x->n, sizeof k, by_key) : NULL;
}

void line_measure_init(struct line_measure *x)
{
    *x = (struct line_measure){0};
}

void line_measure_fini(struct line_measure *x)
{
    for (size_t i = 0; i < x->n; i++) {
        free(x->lines[i].key);
        free(x->lines[i].channels);
    }
    free(x->lines);
    line_measure_init(x);
}

static void add_lines(struct line_measure *x, const struct settings *s)
{
    for (size_t i = 0; i < s->n_lines; i++) {
        if (!s->lines[i].enable)
            continue;
        x->lines = grown(x->lines, x->n, sizeof *x->lines);
        struct line_measured *m = &x->lines[x->n++];
        *m = (struct line_measured){.key = must(strdup(s->lines[i].key)), .protocol = s->lines[i].protocol};
        memset(m->at, -1, sizeof m->at);
    }
    if (x->n)
        qsort(x->lines, x->n, sizeof *x->lines, by_key);
}

static void open_counter(struct line_channel *c, const struct line_measured *m, struct ledger *ledger,
                         const struct sensor_settings *x)
{
    char source[LEDGER_SOURCE];
    const struct line_code *code = &line_codes[c->code];

    snprintf(source, sizeof source, "line/%s:%s", m->key, code->falls ? &LEDGER_DIFFERENCE[1] : code->code);
    c->entry = ledger_open(ledger, x->id, source);
    ledger_marks_mean(c->entry, 1 + (int64_t)x->rid * SENSOR_TYPES + x->type);
}

static void add_channels(struct line_measured *m, const struct sensors *sensors, struct ledger *ledger,
                         const struct line_settings *line, const struct sensor_settings *x)
{
    const struct sensor *sensor = sensors_find(sensors, x->id);

    for (int kind = 0; sensor && kind < READING_KINDS; kind++) {
        struct line_channel c = {.sensor = sensor->handle, .code = x->code, .kind = (uint8_t)kind};
        if (!line_codes[x->code].unit[kind])
            continue;
        if (kind == READING_COUNTER) {
            set_counter(&c, line->current);
            open_counter(&c, m, ledger, x);
        } else {
            set_bounds(&c, line->current);
        }
        m->at[c.code][kind] = (int16_t)m->n_channels;
        m->channels = grown(m->channels, m->n_channels, sizeof *m->channels);
        m->channels[m->n_channels++] = c;
    }
}

/* What was found out so far, of those that stay. */
static void go_on(struct line_measured *to, const struct line_measured *was)
{
    to->by_meter = was->by_meter;
    to->telegrams = was->telegrams;
    to->stamp_s = was->stamp_s;
    to->stamp_ms = was->stamp_ms;
    memcpy(to->refused, was->refused, sizeof to->refused);
    for (size_t i = 0; i < to->n_channels; i++) {
        struct line_channel *c = &to->channels[i];
        int at = was->at[c->code][c->kind];
        const struct line_channel *o = at >= 0 ? &was->channels[at] : NULL;
        if (!o || o->sensor != c->sensor || o->entry != c->entry)
            continue;
        c->refusing = o->refusing;
        c->zeros = o->zeros;
        c->held = o->held;
        c->held_ms = o->held_ms;
        c->held_s = o->held_s;
        c->often = o->often;
        c->taken = o->taken;
    }
}

void line_measure_set(struct line_measure *x, const struct sensors *sensors, struct ledger *ledger,
                      const struct settings *s)
{
    struct line_measure old = *x;

    line_measure_init(x);
    add_lines(x, s);
    for (size_t i = 0; i < s->n_sensors; i++) {
        const struct sensor_settings *sensor = &s->sensors[i];
        if (sensor->made != MADE_LINE || !sensor->enable)
            continue;
        const struct line_settings *line = &s->lines[sensor->made_of];
        struct line_measured *m = line_measure_find(x, line->key);
        if (m)
            add_channels(m, sensors, ledger, line, sensor);
    }
    for (size_t i = 0; i < x->n; i++) {
        const struct line_measured *was = line_measure_find(&old, x->lines[i].key);
        if (was && was->protocol == x->lines[i].protocol)
            go_on(&x->lines[i], was);
    }
    line_measure_fini(&old);
}

/* ---- when it was ---- */

/* By the host's clock: telegrams that come every second have a second each, also when one comes a moment early. */
static int64_t host_second(const struct line_measured *m, int64_t mono_ms, int64_t unix_ms)
{
    int64_t next = m->stamp_s + (mono_ms - m->stamp_ms + 500) / 1000;

    return m->stamp_s && unix_ms - next * 1000 >= -500 && unix_ms - next * 1000 < 1500 ? next : unix_ms / 1000;
}

static int64_t stamp(struct line_measured *m, int64_t meter_s, int64_t mono_ms, int64_t unix_ms)
{
    int64_t apart = llabs(meter_s - unix_ms / 1000), s;

    m->by_meter = meter_s && unix_ms && apart <= (m->by_meter ? CLOCK_GONE_S : LINE_CLOCK_S);
    s = !unix_ms ? 0 : m->by_meter ? meter_s : host_second(m, mono_ms, unix_ms);
    m->stamp_s = s;
    m->stamp_ms = mono_ms;
    return s;
}

/* ---- readings ---- */

/* A telegram that is being taken apart. */
struct telegram {
    struct line_measured *m;
    const struct line_measure_host *host;
    const struct line_values *values;
    size_t nth;
    int64_t mono_ms, unix_s;
};

static void emit(const struct telegram *t, const struct line_channel *c, int64_t milli, int64_t mono_ms, int64_t unix_s)
{
    const struct reading r = {
        .sensor = c->sensor, .kind = (enum reading_kind)c->kind, .milli = milli, .mono_ms = mono_ms, .unix_s = unix_s};

    t->host->emit(t->host->ctx, &r);
}

static void note(const struct telegram *t, const struct line_channel *c, enum line_noted what, enum line_refused why,
                 int64_t milli)
{
    if (t->host->note)
        t->host->note(t->host->ctx, t->m, c, what, why, milli);
}

static void refuse(const struct telegram *t, struct line_channel *c, enum line_refused why, int64_t milli)
{
    t->m->refused[why]++;
    if (t->host->refused)
        t->host->refused(t->host->ctx, t->nth, why);
    if (!c->refusing)
        note(t, c, LINE_NOTED_REFUSED, why, milli);
    c->refusing = true;
}

static void take_gauge(const struct telegram *t, struct line_channel *c, int64_t milli)
{
    if (milli < c->low || milli > c->high) {
        refuse(t, c, LINE_REFUSED_RANGE, milli);
        return;
    }
    c->refusing = false;
    emit(t, c, milli, t->mono_ms, t->unix_s);
}

/* pitfall 14: a meter that starts up says 0 for a while. */
static bool stands(struct line_channel *c, int64_t raw)
{
    if (raw || !c->entry->meter.known || c->entry->meter.raw == 0) {
        c->zeros = 0;
        return true;
    }
    if (c->zeros < LINE_ZEROS)
        c->zeros++;
    return c->zeros == LINE_ZEROS;
}

/* The ledger says not yet: a fall, or a rise that is too fast, which is all right when it lasts and is not too much. */
static void suspect(const struct telegram *t, struct line_channel *c, int64_t raw, int64_t rise)
{
    if (rise >= 0 && rise <= c->limits.slack) {
        t->m->refused[LINE_REFUSED_RATE]++;
        if (t->host->refused)
            t->host->refused(t->host->ctx, t->nth, LINE_REFUSED_RATE);
    } else {
        refuse(t, c, LINE_REFUSED_RATE, raw);
    }
}

/* Nothing moved: the meter's last change stays the one that the next rise is measured from. */
static bool is_still(const struct line_channel *c, int64_t raw, int64_t mono_ms)
{
    const struct meter *meter = &c->entry->meter;

    return c->taken && meter->known && !meter->seen && raw == meter->raw &&
           (c->rare || mono_ms - meter->raw_ms < STOOD_MS);
}

static void say(const struct telegram *t, struct line_channel *c, int64_t mono_ms, int64_t unix_s)
{
    c->refusing = false;
    c->entry->owed = false;
    c->taken = t->m->telegrams;
    c->said_ms = mono_ms;
    c->said_s = unix_s;
    emit(t, c, meter_published(&c->entry->meter), mono_ms, unix_s);
}

static void feed(const struct telegram *t, struct line_channel *c, int64_t raw, int64_t mono_ms, int64_t unix_s)
{
    struct meter *meter = &c->entry->meter;
    int64_t rise = raw - meter->raw;
    enum meter_result result = meter_feed(meter, &c->limits, raw, mono_ms);

    if (result == METER_REFUSED) {
        refuse(t, c, LINE_REFUSED_RANGE, raw);
        return;
    }
    ledger_changed(c->entry, result != METER_TAKEN);
    if (result == METER_SUSPECT) {
        suspect(t, c, raw, rise);
        return;
    }
    if (result == METER_RESET)
        note(t, c, LINE_NOTED_RESET, LINE_REFUSED_KINDS, raw);
    say(t, c, mono_ms, unix_s);
}

static void count(const struct telegram *t, struct line_channel *c, int64_t raw, int64_t mono_ms, int64_t unix_s)
{
    if (!stands(c, raw)) {
        refuse(t, c, LINE_REFUSED_RATE, raw);
    } else if (!is_still(c, raw, mono_ms)) {
        feed(t, c, raw, mono_ms, unix_s);
    } else if (!c->rare || c->entry->owed) {
        say(t, c, mono_ms, unix_s);
    }
}

/* Of a telegram without a check: the one before is taken once this one goes on from it as far as its connection can. A
 * step that is larger and still no more than may be (a counter of whole kWh) waits for one more without a word. */
static void hold(const struct telegram *t, struct line_channel *c, int64_t raw)
{
    const int64_t before = c->held, before_ms = c->held_ms, before_s = c->held_s;
    const int64_t since_ms = t->mono_ms - before_ms, rise = raw - before;

    c->held = raw;
    c->held_ms = t->mono_ms;
    c->held_s = t->unix_s;
    if (!before_ms)
        return;
    const bool often = c->often, pause = since_ms > HOLD_MS;
    c->often = !pause;
    if (pause && often)
        return; /* after so long a damaged one looks as if it went on, and the next one is not far */
    if (pause)
        count(t, c, raw, t->mono_ms, t->unix_s);
    else if (rise >= 0 && (rise - JITTER_MILLI) / (since_ms / 1000 + 1) <= c->limits.rate_per_s)
        count(t, c, before, before_ms, before_s);
    else if (rise < 0 || rise > c->limits.slack)
        refuse(t, c, LINE_REFUSED_RATE, before);
}

static void take_counter(const struct telegram *t, struct line_channel *c, const struct line_value *v)
{
    if (v->milli < 0) {
        refuse(t, c, LINE_REFUSED_RANGE, v->milli);
    } else if (t->values->checked) {
        c->held_ms = 0;
        count(t, c, v->milli, t->mono_ms, t->unix_s);
    } else {
        hold(t, c, v->milli);
    }
}

static struct line_channel *channel(struct line_measured *m, int code, enum reading_kind kind)
{
    return m->at[code][kind] >= 0 ? &m->channels[m->at[code][kind]] : NULL;
}

/* Import less export, as both are published, when this telegram brought both (or the meter tells no export at all). */
static void take_net(const struct telegram *t)
{
    struct line_channel *net = channel(t->m, LINE_NET, READING_COUNTER);
    const struct line_channel *in = channel(t->m, LINE_IMPORT, READING_COUNTER);
    const struct line_channel *out = channel(t->m, LINE_EXPORT, READING_COUNTER);
    int64_t milli, given = 0;

    if (!net || !in || in->taken != t->m->telegrams || !ledger_published(in->entry, &milli))
        return;
    if (out && ledger_published(out->entry, &given) && out->taken != t->m->telegrams)
        return;
    net->entry->meter = (struct meter){.known = true, .raw = milli - given, .raw_ms = in->said_ms};
    ledger_changed(net->entry, false);
    say(t, net, in->said_ms, in->said_s);
}

void line_measure_telegram(struct line_measured *m, const struct line_values *v, int64_t mono_ms, int64_t unix_ms,
                           const struct line_measure_host *host)
{
    struct telegram t = {.m = m, .host = host, .values = v, .mono_ms = mono_ms};

    m->telegrams++;
    t.unix_s = stamp(m, v->unix_s, mono_ms, unix_ms);
    for (t.nth = 0; t.nth < v->n; t.nth++) {
        struct line_channel *c = channel(m, v->v[t.nth].code, (enum reading_kind)v->v[t.nth].kind);
        if (c && c->code == LINE_NET && c->entry)
            continue; /* take_net()'s: of what is published */
        if (c && c->entry)
            take_counter(&t, c, &v->v[t.nth]);
        else if (c)
            take_gauge(&t, c, v->v[t.nth].milli);
    }
    take_net(&t);
}
