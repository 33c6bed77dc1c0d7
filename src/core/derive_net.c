#include "core/derive_net.h"

#include "core/hub.h"
#include "core/ledger_marks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MWH        ((int64_t)3600000)       /* mW x ms */
#define POWER_MAX  ((int64_t)1000000000000) /* mW: no connection of a house has a gigawatt */
#define EASE       64                       /* what is to be given back goes in so many seconds, by and by */
#define EASE_MILLI ((int64_t)1000000000)

/* No meter feeds these entries, so that a candidate's members are free to be saved with them: of import, `fast` says
 * that there is a tie, which `first` holds; of both, `last` holds what is not a thousandth of a Wh yet, in mW x ms. */
static bool is_tied(const struct derive_net *n)
{
    const struct meter *in = &n->entry[NET_IMPORT]->meter, *out = &n->entry[NET_EXPORT]->meter;

    return in->known && out->known && in->fast;
}

static int64_t *tie_of(struct derive_net *n)
{
    return &n->entry[NET_IMPORT]->meter.first;
}

static int64_t counted(const struct derive_net *n)
{
    return n->entry[NET_IMPORT]->meter.raw - n->entry[NET_EXPORT]->meter.raw;
}

void derive_net_init(struct derive_net *n, const struct sensor *sides[NET_SIDES], struct ledger *ledger,
                     const char *line, int64_t means)
{
    char source[LEDGER_SOURCE];
    uint64_t h = derive_parts_hash(&n->parts);

    /* Of other parts it is another counter, and the published ones go on. */
    snprintf(source, sizeof source, "%.8s:net:%08" PRIx32, line, (uint32_t)(h ^ h >> 32));
    for (int side = 0; side < NET_SIDES; side++) {
        n->sensor[side] = sides[side]->handle;
        n->entry[side] = ledger_open(ledger, sides[side]->id, source);
        ledger_marks_mean(n->entry[side], means);
    }
    for (size_t i = 0; i < n->parts.n; i++)
        n->loose_milli += 2 * n->parts.v[i].step_milli;
}

void derive_net_untie(struct ledger_entry *import)
{
    if (import->meter.fast)
        ledger_changed(import, false);
    import->meter.fast = false;
}

/* What the parts counted since the tie, and is not counted here yet. */
static int64_t outstanding(struct derive_net *n, int64_t counters)
{
    return counters - *tie_of(n) - counted(n);
}

static void tie(struct derive_net *n, int64_t counters)
{
    for (int side = 0; side < NET_SIDES; side++) {
        struct meter *m = &n->entry[side]->meter;
        if (!m->known)
            *m = (struct meter){.known = true, .offset = m->offset};
    }
    *tie_of(n) = counters - counted(n);
    n->entry[NET_IMPORT]->meter.fast = true;
    for (int side = 0; side < NET_SIDES; side++)
        ledger_changed(n->entry[side], true); /* without it a kill before the next save would lose what is counted */
}

/* What is left of a thousandth waits. */
static void add(struct derive_net *n, enum net_side side, int64_t mwms)
{
    struct meter *m = &n->entry[side]->meter;

    m->last += mwms;
    m->raw += m->last / MWH;
    m->last %= MWH;
}

static int64_t within(int64_t v, int64_t bound)
{
    return v > bound ? bound : v < -bound ? -bound : v;
}

static void count_by_power(struct derive_net *n, int64_t power, int64_t ms, int64_t counters)
{
    int64_t mwms = power * ms;
    int64_t apart = outstanding(n, counters) - mwms / MWH;

    if (llabs(apart) > n->loose_milli) /* never so much that it turns the energy round */
        mwms += within(within(apart, EASE_MILLI) * (MWH / EASE), llabs(mwms) / 2);
    if (mwms >= 0)
        add(n, NET_IMPORT, mwms);
    else
        add(n, NET_EXPORT, -mwms);
}

static void count_by_counters(struct derive_net *n, int64_t counters)
{
    int64_t milli = outstanding(n, counters);

    if (milli > n->loose_milli)
        n->entry[NET_IMPORT]->meter.raw += milli;
    else if (milli < -n->loose_milli)
        n->entry[NET_EXPORT]->meter.raw -= milli;
    n->gaps++;
}

static void emit(struct hub *hub, sensor_handle sensor, enum reading_kind kind, int64_t milli, const struct reading *r)
{
    const struct reading out = {
        .sensor = sensor, .kind = kind, .milli = milli, .mono_ms = r->mono_ms, .unix_s = r->unix_s};

    hub_emit(hub, &out); /* what it refuses comes again with the next second */
}

static void counted_now(struct derive_net *n, struct hub *hub, const struct reading *r)
{
    n->running = true;
    n->half = false;
    n->last = (struct sensor_latest){.mono_ms = r->mono_ms, .unix_s = r->unix_s};
    for (int side = 0; side < NET_SIDES; side++) {
        struct ledger_entry *e = n->entry[side];
        e->meter.raw_ms = r->mono_ms;
        e->owed = false;
        ledger_changed(e, false);
        emit(hub, n->sensor[side], READING_COUNTER, meter_published(&e->meter), r);
    }
}

/* Does this second follow the last one, with nothing in between that only the counters know? An entry that the store
 * restored meanwhile is of another time. */
static bool goes_on(const struct derive_net *n, const struct reading *r)
{
    const int64_t ms = r->mono_ms - n->last.mono_ms;

    return n->running && ms >= 0 && ms <= DERIVE_BRIDGE_MS && n->entry[NET_IMPORT]->meter.raw_ms == n->last.mono_ms;
}

static void count(struct derive_net *n, struct hub *hub, const struct reading *r)
{
    int64_t counters, power;

    if ((n->running && derive_same_second(&n->last, r)) || !derive_parts_sum(&n->parts, READING_COUNTER, r, &counters))
        return;
    bool gauges = derive_parts_sum(&n->parts, READING_GAUGE, r, &power) && llabs(power) <= POWER_MAX;
    if (!is_tied(n)) {
        tie(n, counters);
    } else if (!goes_on(n, r) || (n->half && !derive_same_second(&n->short_of, r))) {
        count_by_counters(n, counters);
    } else if (gauges) {
        count_by_power(n, power, r->mono_ms - n->last.mono_ms, counters);
    } else {
        n->half = true; /* the gauge may still come, and if it does not, nobody knows which way the energy went */
        n->short_of = (struct sensor_latest){.mono_ms = r->mono_ms, .unix_s = r->unix_s};
        return;
    }
    counted_now(n, hub, r);
}

static void show_power(struct derive_net *n, struct hub *hub, const struct reading *r)
{
    int64_t power;

    if (!derive_parts_sum(&n->parts, READING_GAUGE, r, &power) || llabs(power) > POWER_MAX)
        return;
    emit(hub, n->sensor[NET_IMPORT], READING_GAUGE, power > 0 ? power : 0, r);
    emit(hub, n->sensor[NET_EXPORT], READING_GAUGE, power < 0 ? -power : 0, r);
}

void derive_net_take(struct derive_net *n, struct hub *hub, const struct reading *r)
{
    if (r->kind == READING_GAUGE)
        show_power(n, hub, r);
    count(n, hub, r);
}

void derive_net_jumped(struct derive_net *n, const struct ledger_entry *e, int64_t jump_milli)
{
    const struct derive_part *part = derive_parts_of(&n->parts, e);

    if (!part || !is_tied(n))
        return;
    *tie_of(n) += part->factor_milli / DERIVE_ONE * jump_milli;
    ledger_changed(n->entry[NET_IMPORT], false);
}
