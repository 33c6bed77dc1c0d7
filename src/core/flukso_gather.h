/* From the store's rows of one counter to the batch that is posted: what the server has or would not take goes, the
 * rest is thinned by age (flukso-api.md). It reads no clock and never sends anything.
 *
 *     row ─► newer than the server's last? ─► ahead of the time? ─► another whole unit? ─► thinner ─► batch     */
#ifndef CORE_FLUKSO_GATHER_H
#define CORE_FLUKSO_GATHER_H

#include "core/rows.h"
#include "core/thinning.h"

#include <stdbool.h>

#define FLUKSO_GATHER_ROWS 1000 /* in one POST at most */

/* A row further ahead of now than this is held: the server would wait for that moment with all that follows. */
#define FLUKSO_AHEAD_S 60

struct flukso_gather {
    int64_t now_s;
    int64_t newest_s; /* the server's last stamp, or that of the row before */
    int64_t units;    /* whole units of the row before */
    bool has_units;
    struct thinner thinner;
    struct thin_row *rows; /* what is to be posted; taken over by flukso_gather_finish()'s caller */
    size_t n, cap;
    bool full;             /* there is more than one POST takes */
    struct store_row late; /* the last row so far, stamped before one that the server has (the clock was set back) */
    bool has_late;
    struct store_key seen; /* all rows up to this one are in the batch, or need not be */
    bool any;              /* seen is set */
    uint64_t passed, stale, unchanged, held;
};

/* newest_s 0: the server has nothing of this sensor that we know of; else newest_milli is the value it has there. */
void flukso_gather_init(struct flukso_gather *g, int64_t now_s, int64_t newest_s, int64_t newest_milli);

/* The next row, in the store's order; unix_s is its stamp, set right. Of rows that the server would not take, because
 * it has later stamps, the last one counts all the same when nothing newer follows: it is stamped right after those, or
 * held until that is no more than FLUKSO_AHEAD_S ahead. Aborts when memory is out. */
void flukso_gather_row(struct flukso_gather *g, const struct store_row *r, int64_t unix_s);

/* No more rows come: the batch is complete, `seen` says how far it goes. */
void flukso_gather_finish(struct flukso_gather *g);

#endif
