/* Derived sensors: sums and differences of other sensors, times factors, what a grid meter would count of several, and
 * what quarter hours average. They are a stage of the hub, of depth one: readings of other sensors come in, derived
 * ones go out with the stamps of what they are made of. It reads no clock, and a sum holds nothing of its own: its
 * parts tell it.
 *
 *   reading of a part ─► sinks ─► derive_take() ─┬─► sum of all parts at that second ─► hub ─► sinks
 *                                                └─► net: import, export             ─► hub ─► sinks
 *
 * A peak (core/derive_peak.h) takes its part's readings likewise, and of one that reports at pulses the time too. It
 * alone may be of a derived sensor, of what there is of several phases: a depth of two, and no more.
 *
 * A sum's gauge is there when all parts have one of the same second. Its counter is there when all parts that report
 * each second have one of the same second; those that count pulses stand until the next one. */
#ifndef CORE_DERIVE_H
#define CORE_DERIVE_H

#include "core/derive_net.h"
#include "core/derive_parts.h"
#include "core/derive_peak.h"
#include "core/stats.h"

struct hub;
struct settings;

struct derive_sum {
    struct derive_parts parts;
    sensor_handle sensor;
    struct ledger_entry *entry; /* what marks and answers are made of; NULL: it has no counter */
    bool owed;                  /* the hub refused the newest counter, and no part reports each second */
};

struct derive {
    struct hub *hub;
    struct sensors *sensors;
    struct ledger *ledger;
    struct derive_sum *sums;
    size_t n_sums;
    struct derive_net *nets;
    size_t n_nets;
    struct derive_peak *peaks;
    size_t n_peaks;
    peak_left_out_cb left_out; /* NULL: nobody is told */
    void *left_out_ctx;
    /* which of them a sensor is a part of: the numbers (sums, nets, peaks) in uses[first[slot]] .. uses[first[slot + 1]
     * - 1]
     */
    uint32_t *first;
    uint16_t *uses;
    size_t n_slots;
    /* statistics */

    uint64_t gaps;                     /* of nets that are gone */
    uint64_t counted, left_out_before; /* of peaks that are gone: quarter hours */
};

void derive_init(struct derive *d, struct hub *hub, struct sensors *sensors, struct ledger *ledger);
void derive_fini(struct derive *d);

/* Make the derived sensors of these settings (parts resolved, ids derived), which `sensors` holds already. The ledger
 * must have been restored. Behind it derive_empty() says whether there are any. */
void derive_set(struct derive *d, const struct settings *s);

static inline bool derive_empty(const struct derive *d)
{
    return d->n_sums + d->n_nets + d->n_peaks == 0;
}

/* A reading that passed the hub (a hub_stage_cb; ctx: the struct derive). */
void derive_take(void *ctx, const struct reading *r);

/* A counter of the ledger was set (a ledger_jumped_cb): a derived one follows, and counts no energy for it. */
void derive_jumped(void *ctx, const struct ledger_entry *e, int64_t jump_milli);

/* Counters that the hub refused, as two pulses fell in one second, and that no later reading is sure to bring. */
bool derive_owes(const struct derive *d);

/* Emit what is owed with this stamp. */
void derive_pay(struct derive *d, int64_t mono_ms, int64_t unix_s);

/* Is there anything that time alone changes? Then derive_tick() is to be called each second. */
bool derive_ticks(const struct derive *d);
void derive_tick(struct derive *d, int64_t mono_ms, int64_t unix_s);

void derive_stats(void *derive, stat_emit emit, void *ctx);

#endif
