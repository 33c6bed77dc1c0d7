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

#define MB_GAP 8 /* words that nobody wants, read along rather than in a request of their own */

struct mb_read {
    uint8_t function;
    uint16_t address, count; /* count <= METER_READ_MAX */
    uint16_t first, n;       /* registers of the plan that it holds */
    bool gone;               /* one register that the meter refuses: asked again only after MB_GONE_MS */
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

/* It answers no longer than its careful_read: plan anew within that. False when it does so already. */
bool mb_plan_careful(struct mb_plan *p, const struct meter_model *m);

#endif
