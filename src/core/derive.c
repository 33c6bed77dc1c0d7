#include "core/derive.h"

#include "core/hub.h"
#include "core/ledger_marks.h"
#include "core/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All of a peak. */
#define MADE_MAX PEAK_SENSORS

void derive_init(struct derive *d, struct hub *hub, struct sensors *sensors, struct ledger *ledger)
{
    *d = (struct derive){.hub = hub, .sensors = sensors, .ledger = ledger};
}

static void clear(struct derive *d)
{
    for (size_t i = 0; i < d->n_sums; i++)
        derive_parts_fini(&d->sums[i].parts);
    for (size_t i = 0; i < d->n_nets; i++) {
        d->gaps += d->nets[i].gaps;
        derive_parts_fini(&d->nets[i].parts);
    }
    for (size_t i = 0; i < d->n_peaks; i++) {
        d->counted += d->peaks[i].counted;
        d->left_out_before += d->peaks[i].left_out;
        derive_parts_fini(&d->peaks[i].parts);
    }
    free(d->sums);
    free(d->nets);
    free(d->peaks);
    free(d->first);
    free(d->uses);
    d->sums = NULL;
    d->nets = NULL;
    d->peaks = NULL;
    d->first = NULL;
    d->uses = NULL;
    d->n_sums = d->n_nets = d->n_peaks = d->n_slots = 0;
}

void derive_fini(struct derive *d)
{
    clear(d);
}

/* ---- sums ---- */

static bool emit(struct derive *d, const struct derive_sum *s, int64_t milli, const struct reading *r)
{
    const struct reading out = {
        .sensor = s->sensor, .kind = r->kind, .milli = milli, .mono_ms = r->mono_ms, .unix_s = r->unix_s};

    return hub_emit(d->hub, &out) == 0;
}

static void sum_take(struct derive *d, struct derive_sum *s, const struct reading *r)
{
    int64_t milli;

    if ((r->kind == READING_COUNTER && !s->entry) || !derive_parts_sum(&s->parts, r->kind, r, &milli))
        return;
    if (r->kind == READING_COUNTER) {
        s->entry->meter = (struct meter){.known = true, .raw = milli, .raw_ms = r->mono_ms};
        ledger_changed(s->entry, false);
    }
    bool taken = emit(d, s, milli, r);
    if (r->kind == READING_COUNTER)
        s->owed = !taken && s->parts.rare;
}

/* Its jump is a whole number of thousandths, too small rather than too large: a counter that lies below its own mark
 * would have lost it. */
static int64_t sum_jumped(struct derive_sum *s, const struct ledger_entry *e, int64_t jump_milli)
{
    const struct derive_part *part = s->entry ? derive_parts_of(&s->parts, e) : NULL;
    struct derive_total total = {0};

    if (!part || !s->entry->meter.known)
        return 0;
    derive_total_add(&total, jump_milli, part->factor_milli);
    int64_t milli = total.whole + total.rest / 1000 - (total.rest % 1000 < 0);
    s->entry->meter.raw += milli;
    marks_shift(&s->entry->marks, milli);
    ledger_marks_changed(s->entry);
    ledger_changed(s->entry, false);
    return milli;
}

/* ---- from settings ---- */

/* The line that is heard when the counters of the parts stand: all parts are the board's. */
static const char *line_of(const struct settings *s)
{
    return s->board.protocol == BOARD_FLX ? "flx" : "flm02";
}

static void add_sum(struct derive *d, const struct settings *s, const struct derive_settings *def,
                    const struct sensor_settings *x, const struct sensor *sensor)
{
    char source[LEDGER_SOURCE];
    bool falls = false;

    d->sums = must(realloc(d->sums, (d->n_sums + 1) * sizeof *d->sums));
    struct derive_sum *sum = &d->sums[d->n_sums++];
    *sum = (struct derive_sum){.parts = {.sensors = d->sensors, .ledger = d->ledger}, .sensor = sensor->handle};
    derive_parts_add(&sum->parts, s, def->parts, def->n_of, def->factor_milli, 0);
    if (!sensor->unit[READING_COUNTER])
        return;
    for (size_t i = 0; i < sum->parts.n; i++)
        falls |= sum->parts.v[i].factor_milli < 0 || sensor_settings_falls(&s->sensors[def->parts[i]]);
    snprintf(source, sizeof source, "%s%s", line_of(s), falls ? LEDGER_DIFFERENCE : LEDGER_SUM);
    sum->entry = ledger_open(d->ledger, sensor->id, source);
    uint64_t means = derive_parts_hash(&sum->parts) ^ (uint64_t)x->rid;
    ledger_marks_mean(sum->entry, (int64_t)(means >> 1 | 1)); /* of other parts it jumps, and its marks say nothing */
    const struct sensor_latest *latest = &sensor->latest[READING_COUNTER];
    sum->owed = sum->parts.rare && sum->entry->meter.known && sensor_latest_known(latest) &&
                latest->milli != sum->entry->meter.raw; /* as it was owed before the settings changed */
}

static void add_net(struct derive *d, const struct settings *s, const struct derive_settings *def,
                    const struct sensor_settings *const x[], const struct sensor *const sensor[])
{
    const bool first_is_import = x[0]->subtype == SUBTYPE_PPLUS;
    const struct sensor *sides[NET_SIDES] = {sensor[first_is_import ? 0 : 1], sensor[first_is_import ? 1 : 0]};

    d->nets = must(realloc(d->nets, (d->n_nets + 1) * sizeof *d->nets));
    struct derive_net *net = &d->nets[d->n_nets++];
    *net = (struct derive_net){.parts = {.sensors = d->sensors, .ledger = d->ledger}};
    derive_parts_add(&net->parts, s, def->parts, def->n_of, NULL, DERIVE_ONE);
    derive_parts_add(&net->parts, s, def->minuses, def->n_minus, NULL, -DERIVE_ONE);
    derive_net_init(net, sides, d->ledger, line_of(s), 1 + (int64_t)x[0]->rid * SENSOR_TYPES + x[0]->type);
}

/* How far apart the part's readings are by the settings; 0: they say nothing of it. */
static int64_t interval_of(const struct settings *s, const struct sensor_settings *part)
{
    if (part->made == MADE_METER || part->metered)
        return s->buses[part->made_of].meters[part->meter_at].interval_ms;
    if (part->made == MADE_LINE && s->lines[part->made_of].pull)
        return (int64_t)s->lines[part->made_of].interval * 1000;
    return 0;
}

static int64_t usual_of(const struct settings *s, const struct sensor_settings *part)
{
    const int64_t ms = interval_of(s, part) * 3 / 2;

    return ms < PEAK_USUAL_MS ? PEAK_USUAL_MS : ms > PEAK_USUAL_MAX_MS ? PEAK_USUAL_MAX_MS : ms;
}

static void add_peak(struct derive *d, const struct settings *s, const struct derive_settings *def,
                     const struct sensor *const sensor[])
{
    d->peaks = must(realloc(d->peaks, (d->n_peaks + 1) * sizeof *d->peaks));
    struct derive_peak *peak = &d->peaks[d->n_peaks++];
    *peak = (struct derive_peak){.parts = {.sensors = d->sensors, .ledger = d->ledger},
                                 .key = def->key,
                                 .usual_ms = usual_of(s, &s->sensors[def->parts[0]]),
                                 .left_out_cb = d->left_out,
                                 .left_out_ctx = d->left_out_ctx};
    derive_parts_add(&peak->parts, s, def->parts, 1, NULL, DERIVE_ONE);
    derive_peak_init(peak, sensor, d->ledger);
}

static void add(struct derive *d, const struct settings *s, size_t of)
{
    const struct sensor_settings *x[MADE_MAX];
    const struct sensor *sensor[MADE_MAX];
    size_t n = 0;

    for (size_t i = 0; i < s->n_sensors && n < MADE_MAX; i++) {
        if (s->sensors[i].made != MADE_DERIVE || s->sensors[i].made_of != of || !s->sensors[i].enable)
            continue;
        sensor[n] = sensors_find(d->sensors, s->sensors[i].id);
        x[n] = &s->sensors[i];
        n += sensor[n] != NULL;
    }
    if (s->derive[of].kind == DERIVE_SUM && n)
        add_sum(d, s, &s->derive[of], x[0], sensor[0]);
    else if (s->derive[of].kind == DERIVE_PEAK && n == PEAK_SENSORS)
        add_peak(d, s, &s->derive[of], sensor);
    else if (s->derive[of].kind == DERIVE_NET && n == NET_SIDES)
        add_net(d, s, &s->derive[of], x, sensor);
}

/* ---- who is a part of what ---- */

static const struct derive_parts *parts_of(const struct derive *d, size_t number)
{
    if (number < d->n_sums)
        return &d->sums[number].parts;
    number -= d->n_sums;
    return number < d->n_nets ? &d->nets[number].parts : &d->peaks[number - d->n_nets].parts;
}

/* Once for each slot, although a sensor may be two parts of one. count: how many uses each slot has, or where the next
 * of them goes. */
static void walk_uses(const struct derive *d, uint32_t *count, uint16_t *uses)
{
    size_t *seen = must(calloc(d->n_slots + 1, sizeof *seen));

    for (size_t number = 0; number < d->n_sums + d->n_nets + d->n_peaks; number++) {
        const struct derive_parts *p = parts_of(d, number);
        for (size_t i = 0; i < p->n; i++) {
            size_t slot = sensor_slot(p->v[i].sensor);
            if (!p->v[i].sensor || seen[slot] == number + 1)
                continue;
            seen[slot] = number + 1;
            if (uses)
                uses[count[slot]] = (uint16_t)number;
            count[slot]++;
        }
    }
    free(seen);
}

static void index_uses(struct derive *d)
{
    d->n_slots = d->sensors->n_slots;
    uint32_t *next = must(calloc(d->n_slots + 1, sizeof *next));

    d->first = must(calloc(d->n_slots + 1, sizeof *d->first));
    walk_uses(d, next, NULL);
    for (size_t i = 0; i < d->n_slots; i++)
        d->first[i + 1] = d->first[i] + next[i];
    d->uses = must(calloc(d->first[d->n_slots] + 1, sizeof *d->uses));
    memcpy(next, d->first, (d->n_slots + 1) * sizeof *next);
    walk_uses(d, next, d->uses);
    free(next);
}

void derive_set(struct derive *d, const struct settings *s)
{
    size_t n = d->n_nets;
    struct ledger_entry **before = must(calloc(n + 1, sizeof(struct ledger_entry *)));

    for (size_t i = 0; i < n; i++)
        before[i] = d->nets[i].entry[NET_IMPORT];
    clear(d);
    for (size_t i = 0; i < s->n_derive; i++)
        if (s->derive[i].enable)
            add(d, s, i);
    index_uses(d);
    for (size_t i = 0; i < n; i++) {
        bool stays = false;
        for (size_t j = 0; j < d->n_nets; j++)
            stays |= d->nets[j].entry[NET_IMPORT] == before[i];
        if (!stays)
            derive_net_untie(before[i]);
    }
    free(before);
}

/* ---- while it runs ---- */

void derive_take(void *ctx, const struct reading *r)
{
    struct derive *d = ctx;
    size_t slot = sensor_slot(r->sensor);

    if (slot >= d->n_slots)
        return;
    for (uint32_t i = d->first[slot]; i < d->first[slot + 1]; i++) {
        size_t number = d->uses[i];
        if (number < d->n_sums)
            sum_take(d, &d->sums[number], r);
        else if (number < d->n_sums + d->n_nets)
            derive_net_take(&d->nets[number - d->n_sums], d->hub, r);
        else
            derive_peak_take(&d->peaks[number - d->n_sums - d->n_nets], d->hub, r);
    }
}

void derive_jumped(void *ctx, const struct ledger_entry *e, int64_t jump_milli)
{
    struct derive *d = ctx;

    for (size_t i = 0; i < d->n_sums; i++) {
        int64_t milli = sum_jumped(&d->sums[i], e, jump_milli);
        for (size_t k = 0; milli && k < d->n_peaks; k++)
            derive_peak_jumped(&d->peaks[k], d->sums[i].entry, milli);
    }
    for (size_t i = 0; i < d->n_nets; i++)
        derive_net_jumped(&d->nets[i], e, jump_milli);
    for (size_t i = 0; i < d->n_peaks; i++)
        derive_peak_jumped(&d->peaks[i], e, jump_milli);
}

bool derive_owes(const struct derive *d)
{
    for (size_t i = 0; i < d->n_sums; i++)
        if (d->sums[i].owed)
            return true;
    return false;
}

void derive_pay(struct derive *d, int64_t mono_ms, int64_t unix_s)
{
    const struct reading now = {.kind = READING_COUNTER, .mono_ms = mono_ms, .unix_s = unix_s};

    for (size_t i = 0; i < d->n_sums; i++)
        if (d->sums[i].owed)
            sum_take(d, &d->sums[i], &now);
}

bool derive_ticks(const struct derive *d)
{
    for (size_t i = 0; i < d->n_peaks; i++)
        if (d->peaks[i].parts.rare)
            return true;
    return false;
}

void derive_tick(struct derive *d, int64_t mono_ms, int64_t unix_s)
{
    for (size_t i = 0; i < d->n_peaks; i++)
        derive_peak_tick(&d->peaks[i], d->hub, mono_ms, unix_s);
}

void derive_stats(void *derive, stat_emit emit_stat, void *ctx)
{
    const struct derive *d = derive;
    int64_t gaps = (int64_t)d->gaps, counted = (int64_t)d->counted, left_out = (int64_t)d->left_out_before;

    for (size_t i = 0; i < d->n_nets; i++)
        gaps += (int64_t)d->nets[i].gaps;
    emit_stat(ctx, &(struct stat_value){"derive_gaps_total", NULL, STAT_COUNTER, gaps,
                                        "Times that imports and exports were counted by counters, not by power."});
    for (size_t i = 0; i < d->n_peaks; i++) {
        counted += (int64_t)d->peaks[i].counted;
        left_out += (int64_t)d->peaks[i].left_out;
    }
    emit_stat(ctx, &(struct stat_value){"derive_quarters_total", NULL, STAT_COUNTER, counted,
                                        "Quarter hours that count for a month's peak."});
    emit_stat(ctx, &(struct stat_value){"derive_quarters_left_out_total", NULL, STAT_COUNTER, left_out,
                                        "Quarter hours that were left out of it: too little was known of them."});
}
