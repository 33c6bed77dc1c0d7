/* How a meter's registers are read: few reads, each of what lies close together, within what the model takes. What the
 * meter refuses is split and remembered. Pure.
 *
 *   registers  ▓▓ ▓▓▓▓    ▓▓            ▓▓▓▓        by function and address
 *   reads      └────────────┘           └──┘        gaps of at most MB_GAP words are read too
 */
#ifndef CORE_MB_PLAN_H
#define CORE_MB_PLAN_H

#include "core/meter_model.h"
#include "core/util.h"

#define MB_GAP     8       /* words that nobody wants, read along rather than in a request of their own */
#define MB_GONE_MS 3600000 /* how long a register that the meter refuses is left out */

struct mb_read {
    uint8_t function;
    uint16_t address, count; /* count <= METER_READ_MAX */
    uint16_t first, n;       /* registers of the plan that it holds */
    bool gone;               /* one register that the meter refuses: asked again only after MB_GONE_MS */
    int64_t gone_ms;         /* since when, monotonic: the owner sets it, and takes gone back when it is answered */
};

struct mb_plan {
    struct meter_register *registers; /* those wanted, by function and address */
    size_t n_registers;
    struct mb_read *reads;
    size_t n_reads;
    unsigned max_read; /* as far as it is known: starts with the model's, goes down */
};

/* Plan for these quantities (those that the model has). The plan owns its memory. */
void mb_plan_init(struct mb_plan *p, const struct meter_model *m, const uint8_t *quantities, size_t n);
void mb_plan_fini(struct mb_plan *p);

/* The meter refused this read (exception 2 or 3) or its answer was short: read it in two from now on, without the gaps
 * first. False when it is one register already: it is marked gone then. Indices of reads behind it move. */
bool mb_plan_split(struct mb_plan *p, size_t read);

/* Is it to be asked now? */
static inline bool mb_read_asked(const struct mb_read *r, int64_t mono_ms)
{
    return !r->gone || mono_ms - r->gone_ms >= MB_GONE_MS;
}

/* It answers no longer than its careful_read: plan anew within that; what was split stays
 * so. False when no read is longer already. */
bool mb_plan_careful(struct mb_plan *p, const struct meter_model *m);

#endif
