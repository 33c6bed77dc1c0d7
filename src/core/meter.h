/* The counter ledger: what a meter's own counter says goes in, what the world may see comes out.
 * The published value never falls and never jumps: a wrap, a reset and a swap of the meter keep it rising.
 *
 *   raw -> range -> fall or jump? -> + offset -> published
 *
 * A reading that falls, or jumps further than limits allow, is only a candidate. Two more readings that go on from
 * it confirm it: then the counter was set to something else, and offset takes up the difference (less the one step
 * that the candidate itself had already counted). Readings that go on
 * from the last accepted one instead show that the candidate was garbage (pitfalls 13, 14). */
#ifndef CORE_METER_H
#define CORE_METER_H

#include "core/util.h"

#include <stdbool.h>
#include <stdint.h>

/* All values in thousandths of the counter's unit. */
struct meter_limits {
    int64_t wrap;       /* the counter starts again at 0 after wrap - 1; 0: it never does */
    int64_t rate_per_s; /* the fastest rise of this connection */
    int64_t slack;      /* a jump up to this is believed at any rate */
    int64_t step;       /* each reading follows a rise of at least this (a pulse); 0: readings come by themselves */
};

struct meter {
    bool known;
    int64_t raw;     /* last accepted */
    int64_t raw_ms;  /* monotonic, of the last accepted */
    int64_t offset;  /* published = raw + offset */
    /* the candidate */
    unsigned seen;   /* readings in a row that support it; 0: none */
    int64_t first, last, last_ms;
};

enum meter_result {
    METER_TAKEN,   /* published value is new or the same */
    METER_WRAPPED, /* taken; the counter passed its end */
    METER_RESET,   /* taken; a fall or a jump was confirmed, the published value goes on from where it was */
    METER_SUSPECT, /* not taken yet: a candidate */
    METER_REFUSED, /* not taken: out of range */
};

#define METER_CONFIRM 3 /* the candidate and two more readings */

void meter_init(struct meter *m);

/* Feed one reading of the raw counter. Unless SUSPECT or REFUSED, meter_published() is up to date after it. */
enum meter_result meter_feed(struct meter *m, const struct meter_limits *l, int64_t raw, int64_t mono_ms) MUSTCHECK;

/* The value to publish; only once m->known. */
static inline int64_t meter_published(const struct meter *m)
{
    return m->raw + m->offset;
}

#endif
