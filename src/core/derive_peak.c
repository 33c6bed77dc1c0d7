#include "core/derive_peak.h"

#include "core/hub.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MWH        ((int64_t)3600000)       /* mW x ms */
#define POWER_MAX  ((int64_t)1000000000000) /* mW: no connection of a house has a gigawatt */
#define ENERGY_MAX (POWER_MAX / 3600 * PEAK_QUARTER_S)
#define STEPS_MAX  ((int64_t)100000) /* thousandths of a Wh: no counter is coarser than 0.1 kWh */
#define OFF        1000              /* meter.before: unknown seconds + OFF x seconds that the start is off */

/* Counters beyond are no number that a difference of fits into. */
#define COUNTER_MAX (INT64_MAX / 4)

static int64_t within(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* ---- the state in the ledger ---- */

static int64_t unknown_of(const struct meter *m)
{
    return m->before % OFF;
}

static int64_t off_of(const struct meter *m)
{
    return m->before / OFF;
}

static void set_known(struct meter *m, int64_t unknown_s, int64_t off_s)
{
    m->before = within(unknown_s, 0, PEAK_QUARTER_S) + OFF * within(off_s, 0, PEAK_QUARTER_S);
}

/* The quarter hour of a second, which ends it where it may. */
static int64_t start_of(int64_t unix_s)
{
    return (unix_s - 1) / PEAK_QUARTER_S * PEAK_QUARTER_S;
}

void derive_peak_init(struct derive_peak *p, const struct sensor *const sensors[PEAK_SENSORS], struct ledger *ledger)
{
    char source[LEDGER_SOURCE];
    const uint64_t h = derive_parts_hash(&p->parts);

    /* Of another part it is another consumption, and begins anew. */
    snprintf(source, sizeof source, "peak:%08" PRIx32 LEDGER_STATE, (uint32_t)(h ^ h >> 32));
    for (int i = 0; i < PEAK_SENSORS; i++)
        p->sensor[i] = sensors[i]->handle;
    p->quarter = ledger_open(ledger, sensors[PEAK_QUARTER]->id, source);
    p->month = ledger_open(ledger, sensors[PEAK_MONTH]->id, source);
}

/* ---- the month ---- */

static bool same_month(struct derive_peak *p, int64_t a_s, int64_t b_s)
{
    const int64_t later = a_s > b_s ? a_s : b_s, earlier = a_s > b_s ? b_s : a_s;

    if (!calendar_covers(&p->calendar, later))
        calendar_of(later, &p->calendar);
    return earlier >= p->calendar.month_s;
}

/* A new month has no peak: whoever looks at it must not take the old one for it. A clock that is behind, as it is at a
 * start before it was set, makes no new month. */
static void roll_month(struct derive_peak *p, int64_t at_s)
{
    struct meter *m = &p->month->meter;

    if (!m->known || at_s <= m->first || same_month(p, at_s, m->first))
        return;
    m->raw = 0;
    m->first = p->calendar.month_s;
    ledger_changed(p->month, false);
    p->urgent = true;
}

static void raise_month(struct derive_peak *p, int64_t start_s, int64_t milli)
{
    struct meter *m = &p->month->meter;

    roll_month(p, start_s);
    if (m->known && (!same_month(p, start_s, m->first) || m->raw >= milli))
        return;
    *m = (struct meter){.known = true, .raw = milli, .first = start_s, .raw_ms = p->last_ms};
    ledger_changed(p->month, false);
    p->urgent = true;
}

/* ---- quarter hours ---- */

static void leave_out(struct derive_peak *p, int64_t from_s, int64_t until_s, enum peak_why why, int64_t unknown_s)
{
    const struct peak_left_out x = {
        .key = p->key, .from_s = from_s, .until_s = until_s, .unknown_s = unknown_s, .why = why};

    p->left_out += (uint64_t)((until_s - from_s) / PEAK_QUARTER_S);
    if (p->left_out_cb)
        p->left_out_cb(p->left_out_ctx, &x);
}

/* mW of so much energy in so many seconds. */
static int64_t average(int64_t milli, int64_t seconds)
{
    return milli * 3600 / seconds;
}

/* Its end is off_s from the next reading. */
static void finish(struct derive_peak *p, int64_t start_s, int64_t energy, int64_t off_s)
{
    const struct meter *m = &p->quarter->meter;
    const int64_t unknown_s = unknown_of(m), end_s = start_s + PEAK_QUARTER_S;
    const bool edges = off_of(m) <= PEAK_EDGE_S && off_s <= PEAK_EDGE_S;

    if (!m->fast) {
        leave_out(p, start_s, end_s, p->set ? PEAK_CLOCK : PEAK_BEGUN, unknown_s);
    } else if (unknown_s > PEAK_UNKNOWN_S && !edges) {
        leave_out(p, start_s, end_s, PEAK_UNKNOWN, unknown_s);
    } else if (llabs(energy - m->first) > ENERGY_MAX) {
        leave_out(p, start_s, end_s, PEAK_ABSURD, unknown_s);
    } else {
        p->counted++;
        raise_month(p, start_s, average(energy - m->first, PEAK_QUARTER_S));
    }
}

/* From one reading to the next: seconds, and energy. */
struct stretch {
    int64_t from_s, to_s, from, to;
    bool lost; /* longer than it usually is */
};

static int64_t energy_at(const struct stretch *x, int64_t at_s)
{
    const int64_t rise = x->to - x->from, s = x->to_s - x->from_s, part_s = at_s - x->from_s;

    return x->from + rise / s * part_s + rise % s * part_s / s;
}

static int64_t off_by(const struct stretch *x, int64_t at_s)
{
    const int64_t before = at_s - x->from_s, after = x->to_s - at_s;

    return !x->lost ? 0 : before < after ? before : after;
}

/* A quarter hour begins within the stretch. */
static void open_quarter(struct derive_peak *p, const struct stretch *x, int64_t start_s)
{
    const int64_t end_s = start_s + PEAK_QUARTER_S, until_s = x->to_s < end_s ? x->to_s : end_s;
    struct meter *m = &p->quarter->meter;

    p->set = false;
    m->first = energy_at(x, start_s);
    m->fast = true;
    set_known(m, x->lost ? until_s - start_s : 0, off_by(x, start_s));
}

/* The readings' stretch crosses the end of the quarter hour of the first, or reaches it. */
static void cross(struct derive_peak *p, const struct stretch *x)
{
    struct meter *m = &p->quarter->meter;
    const int64_t end = start_of(x->from_s) + PEAK_QUARTER_S;
    const int64_t whole = (x->to_s - end) / PEAK_QUARTER_S, rest = end + whole * PEAK_QUARTER_S;

    if (x->from_s < end) {
        set_known(m, unknown_of(m) + (x->lost ? end - x->from_s : 0), off_of(m));
        finish(p, end - PEAK_QUARTER_S, energy_at(x, end), off_by(x, end));
    }
    if (whole == 1) {
        open_quarter(p, x, end);
        finish(p, end, energy_at(x, rest), off_by(x, rest));
    } else if (whole) {
        leave_out(p, end, rest, PEAK_UNKNOWN, PEAK_QUARTER_S);
        m->fast = false;
    }
    if (rest < x->to_s)
        open_quarter(p, x, rest);
}

/* The newest reading is the first of which something follows. */
static void begin(struct derive_peak *p, const struct reading *r, int64_t energy)
{
    struct meter *m = &p->quarter->meter;

    *m = (struct meter){.known = true, .raw = energy, .first = energy, .last = r->unix_s};
    p->rest = 0;
    p->n_past = p->next_past = 0;
}

/* A clock was set between the newest reading and this one. In an earlier run: backwards, for all that is known. */
static bool stepped(const struct derive_peak *p, const struct reading *r)
{
    const int64_t s = r->unix_s - p->quarter->meter.last;

    return p->running ? llabs(s * 1000 - (r->mono_ms - p->last_ms)) > PEAK_STEP_MS : s < 0;
}

static void step(struct derive_peak *p, const struct reading *r, int64_t energy)
{
    const struct meter *m = &p->quarter->meter;
    const int64_t was = start_of(m->last), is = start_of(r->unix_s);

    if (was != is)
        leave_out(p, was, was + PEAK_QUARTER_S, PEAK_CLOCK, unknown_of(m));
    begin(p, r, energy);
    p->set = true;
    p->urgent = true; /* of what was before, a start would take the step for time that passed */
}

/* ---- energy ---- */

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* How coarse the counter is shows in how it changes. */
static int64_t step_of(struct derive_peak *p, int64_t counter)
{
    if (p->running && counter != p->counter)
        p->steps = gcd(llabs(counter - p->counter), p->steps);
    p->counter = counter;
    return within(p->steps ? p->steps : p->parts.v[0].step_milli, 1, STEPS_MAX);
}

/* The part's power in the time until this reading, if it told one. */
static bool power_of(const struct derive_peak *p, const struct reading *r, int64_t *milli)
{
    const struct sensor *s = sensors_get(p->parts.sensors, p->parts.v[0].sensor);

    if (r->kind == READING_GAUGE) {
        *milli = r->milli;
        return true;
    }
    if (!s || p->parts.rare || !sensor_latest_known(&s->latest[READING_GAUGE]))
        return false;
    *milli = s->latest[READING_GAUGE].milli;
    return llabs(*milli) <= POWER_MAX && r->mono_ms - s->latest[READING_GAUGE].mono_ms <= p->usual_ms;
}

/* Energy at this reading; counter: NULL, or what the part's says. False: nobody knows. */
static bool advance(struct derive_peak *p, const struct reading *r, const int64_t *counter, int64_t *energy)
{
    const int64_t ms = r->mono_ms - p->last_ms;
    const int64_t coarse = counter ? step_of(p, *counter) : 0;
    int64_t power;

    if (p->running && ms >= 0 && ms <= p->usual_ms && power_of(p, r, &power)) {
        p->rest += power * ms;
        *energy = p->quarter->meter.raw + p->rest / MWH;
        p->rest %= MWH;
        if (counter && (*energy < *counter || *energy > *counter + coarse)) {
            *energy = within(*energy, *counter, *counter + coarse); /* it shows the whole ones that are full */
            p->rest = 0;
        }
        return true;
    }
    if (!counter)
        return false;
    *energy = *counter;
    p->rest = 0;
    return true;
}

static void remember(struct derive_peak *p, const struct reading *r)
{
    p->past[p->next_past].mono_ms = r->mono_ms;
    p->past[p->next_past].milli = p->quarter->meter.raw;
    p->next_past = (p->next_past + 1) % PEAK_PAST;
    if (p->n_past < PEAK_PAST)
        p->n_past++;
}

/* The mean of the last minute, or as much of it as there is. */
static bool mean(const struct derive_peak *p, const struct reading *r, int64_t *milli)
{
    int64_t ms = 0, energy = 0;

    for (size_t i = 1; i <= p->n_past && ms < PEAK_MEAN_MS; i++) {
        const size_t at = (p->next_past + PEAK_PAST - i) % PEAK_PAST;
        ms = r->mono_ms - p->past[at].mono_ms;
        energy = p->quarter->meter.raw - p->past[at].milli;
    }
    if (ms < PEAK_MEAN_MIN_MS || llabs(energy) > ENERGY_MAX)
        return false;
    *milli = energy * 3600 / ms * 1000 + energy * 3600 % ms * 1000 / ms;
    return true;
}

/* ---- readings ---- */

static void emit(const struct derive_peak *p, struct hub *hub, enum peak_sensor sensor, int64_t milli,
                 const struct reading *r)
{
    const struct reading out = {
        .sensor = p->sensor[sensor], .kind = READING_GAUGE, .milli = milli, .mono_ms = r->mono_ms, .unix_s = r->unix_s};

    hub_emit(hub, &out); /* what it refuses comes again with the next second */
}

static void show(struct derive_peak *p, struct hub *hub, const struct reading *r)
{
    const struct meter *m = &p->quarter->meter, *month = &p->month->meter;
    const int64_t seconds = r->unix_s - start_of(r->unix_s), energy = m->raw - m->first;
    int64_t power;

    if (m->fast && (unknown_of(m) <= PEAK_UNKNOWN_S || off_of(m) <= PEAK_EDGE_S) && llabs(energy) <= ENERGY_MAX) {
        emit(p, hub, PEAK_QUARTER, average(energy, seconds), r);
        if (mean(p, r, &power))
            emit(p, hub, PEAK_FORECAST, (energy * 3600 + power * (PEAK_QUARTER_S - seconds)) / PEAK_QUARTER_S, r);
    }
    roll_month(p, r->unix_s - 1);
    if (month->known && same_month(p, r->unix_s - 1, month->first))
        emit(p, hub, PEAK_MONTH, month->raw, r);
}

/* An entry that the store restored meanwhile is of another time. */
static void look_for_a_restored_one(struct derive_peak *p)
{
    if (p->quarter->meter.raw_ms == p->last_ms && p->quarter->meter.known)
        return;
    p->running = false;
    p->n_past = 0;
}

static void go_on(struct derive_peak *p, const struct reading *r, int64_t energy)
{
    struct meter *m = &p->quarter->meter;
    const struct stretch x = {.from_s = m->last,
                              .to_s = r->unix_s,
                              .from = m->raw,
                              .to = energy,
                              .lost = (r->unix_s - m->last) * 1000 > p->usual_ms};

    if (x.lost)
        p->n_past = 0; /* it is no last minute */
    if (start_of(x.from_s) + PEAK_QUARTER_S <= x.to_s)
        cross(p, &x);
    else if (x.lost)
        set_known(m, unknown_of(m) + x.to_s - x.from_s, off_of(m));
    m->raw = energy;
    m->last = r->unix_s;
}

/* One second of the part. */
static void second(struct derive_peak *p, struct hub *hub, const struct reading *r, const int64_t *counter)
{
    struct meter *m = &p->quarter->meter;
    int64_t energy;

    look_for_a_restored_one(p);
    if ((m->known && r->unix_s == m->last) || (counter && llabs(*counter) > COUNTER_MAX))
        return;
    if (!advance(p, r, counter, &energy) || (!m->known && !counter))
        return;
    if (!m->known)
        begin(p, r, energy);
    else if (stepped(p, r))
        step(p, r, energy);
    else if (r->unix_s > m->last)
        go_on(p, r, energy);
    else
        return;
    m->raw_ms = p->last_ms = r->mono_ms;
    p->running = true;
    remember(p, r);
    show(p, hub, r);
    ledger_changed(p->quarter, p->urgent); /* of one moment, as a whole */
    p->urgent = false;
}

/* The counter may come behind the gauge of its second, or not at all: that shows when the next one is there. */
static void take_power(struct derive_peak *p, struct hub *hub, const struct reading *r)
{
    const struct reading waits = p->power;

    if (llabs(r->milli) > POWER_MAX)
        return;
    p->power = *r;
    if (waits.unix_s && waits.unix_s > p->quarter->meter.last)
        second(p, hub, &waits, NULL);
}

void derive_peak_take(struct derive_peak *p, struct hub *hub, const struct reading *r)
{
    int64_t counter;

    if (!r->unix_s)
        return;
    if (r->kind == READING_GAUGE && !p->parts.rare)
        take_power(p, hub, r);
    if (r->kind != READING_COUNTER || !derive_parts_sum(&p->parts, READING_COUNTER, r, &counter))
        return;
    p->power.unix_s = 0;
    second(p, hub, r, &counter);
}

static bool is_heard(const struct derive_peak *p, int64_t mono_ms)
{
    const struct ledger_entry *e = p->parts.v[0].entry;

    return e && e->line && mono_ms - p->parts.ledger->lines[e->line - 1].heard.heard_ms <= p->usual_ms;
}

/* Once nobody knew for a while whether it stood, the next pulse tells. */
static bool stands(const struct derive_peak *p, int64_t mono_ms)
{
    return p->running && mono_ms - p->last_ms <= p->usual_ms && is_heard(p, mono_ms);
}

void derive_peak_tick(struct derive_peak *p, struct hub *hub, int64_t mono_ms, int64_t unix_s)
{
    const struct reading now = {.kind = READING_COUNTER, .mono_ms = mono_ms, .unix_s = unix_s};

    if (p->parts.rare && stands(p, mono_ms))
        derive_peak_take(p, hub, &now);
}

void derive_peak_jumped(struct derive_peak *p, const struct ledger_entry *e, int64_t jump_milli)
{
    struct meter *m = &p->quarter->meter;

    if (!derive_parts_of(&p->parts, e) || !m->known)
        return;
    m->raw += jump_milli;
    m->first += jump_milli;
    p->counter += jump_milli;
    for (size_t i = 0; i < p->n_past; i++)
        p->past[i].milli += jump_milli;
    ledger_changed(p->quarter, true);
}

const char *peak_reason(enum peak_why why)
{
    static const char *const reasons[] = {
        [PEAK_BEGUN] = "its start is not known",
        [PEAK_CLOCK] = "the clock was set",
        [PEAK_UNKNOWN] = "too much of it is not known",
        [PEAK_ABSURD] = "the counter rose by more than any connection brings",
    };

    return reasons[why];
}
