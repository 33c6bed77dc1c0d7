/* The counter ledger: what a meter's own counter says goes in, what the world may see comes out.
 * The published value never falls and never jumps: a wrap, a reset and a swap of the meter keep it rising.
 *
 *   raw -> range -> goes on from the last one? -> + offset -> published
 *
 * A reading goes on when it rises no faster than the connection can. One that falls, or rises faster, is only a
 * candidate (pitfalls 13, 14). Readings that go on from the last accepted one show that it was garbage; METER_CONFIRM
 * readings that go on from the candidate make it the truth:
 *   a fall: the counter was reset, and offset takes up the difference (less the one step that the candidate itself
 *       had already counted);
 *   a rise of at most `slack`: energy all the same (clamps larger than the settings say, a simulator in a hurry);
 *   any other rise, or one back to where a reset came from: the counter was set, it is no energy. */
#ifndef CORE_METER_H
#define CORE_METER_H

#include "core/util.h"

#include <stdbool.h>
#include <stdint.h>

/* All values in thousandths of the counter's unit. */
struct meter_limits {
    int64_t wrap;       /* the counter starts again at 0 after wrap - 1; 0: it never does */
    int64_t rate_per_s; /* the fastest rise of this connection */
    int64_t slack;      /* a confirmed rise up to this counts, however fast */
    int64_t step;       /* each reading follows a rise of at least this (a pulse); 0: readings come by themselves */
};

struct meter {
    bool known;
    bool swapped;   /* offset holds the published value, until the new counter's first reading */
    int64_t raw;    /* last accepted */
    int64_t raw_ms; /* monotonic, of the last accepted */
    int64_t offset; /* published = raw + offset */
    int64_t before; /* raw before the last reset, until raw is there again; 0: none */
    /* the candidate */
    unsigned seen; /* readings in a row that support it; 0: none */
    bool fast;     /* they rise faster than the connection can */
    int64_t first, last, last_ms;
};

enum meter_result {
    METER_TAKEN,   /* published value is new or the same */
    METER_WRAPPED, /* taken; the counter passed its end */
    METER_RESET,   /* taken; the counter was set anew, the published value goes on from where it was */
    METER_SUSPECT, /* not taken yet: a candidate */
    METER_REFUSED, /* not taken: out of range */
};

#define METER_CONFIRM 3 /* the candidate and two more readings */

/* Feed one reading of the raw counter (a zeroed struct meter is a new one). Unless SUSPECT or REFUSED,
 * meter_published() is up to date after it. */
enum meter_result meter_feed(struct meter *m, const struct meter_limits *l, int64_t raw, int64_t mono_ms) MUSTCHECK;

/* The sensor got another counter (it moved to another port): the published value goes on with the next reading. */
void meter_swap(struct meter *m);

/* The value to publish; only once m->known. */
static inline int64_t meter_published(const struct meter *m)
{
    return m->raw + m->offset;
}

#endif
