/* What becomes of one sensor's batch of rows by the answers to it: which rows are done, which to send next, and the
 * search for a row that the server cannot take (pitfall 8). It never sends, waits or writes: it is told each answer.
 *
 *     rows    |  done: taken, stale, refused  |  window: send this now  |  later   |
 *             0                               lo                        hi         n
 *
 *     SEND [lo, hi)
 *       ├─ ok ──────────────────────────── lo = hi ──────────────────────────────→ SEND the rest
 *       ├─ stale, the server's last is L ─ rows up to L are there already ───────→ SEND without them
 *       ├─ row, 3 times, while other calls succeed
 *       │    ├─ more than one row ──────── hi = middle ──────────────────────────→ SEND the first half
 *       │    └─ one row ────────────────── it is refused: quarantine ────────────→ SEND the rest
 *       ├─ too large ───────────────────── as the third row at once, down to one row
 *       └─ anything else ───────────────── nothing changes ──────────────────────→ SEND again, later
 *
 * "The rest" after the first half of a refused window is its second half, where the bad row must be; otherwise it is
 * all that is left. So a bad row costs no more than 4 log2 n + 4 calls. Order is kept: what is sent always ascends, and
 * rows before lo never come again. */
#ifndef CORE_FLUKSO_BATCH_H
#define CORE_FLUKSO_BATCH_H

#include "core/answer.h"
#include "core/thinning.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLUKSO_BATCH_REFUSALS 3 /* of the same window, before it is believed that a row is the cause */

struct flukso_batch {
    struct thin_row *rows; /* owned, ascending in time */
    size_t n, lo, hi;
    size_t suspect;  /* end of the smallest window that was refused and is not searched yet; 0: none */
    unsigned row;    /* refusals of this very window in a row */
    uint64_t others; /* the caller's count of other successes at the first of them */
    size_t taken, stale, refused;
};

enum flukso_batch_step {
    FLUKSO_BATCH_SAME,   /* nothing: the same window again, later */
    FLUKSO_BATCH_MOVED,  /* rows are done; there may be none left */
    FLUKSO_BATCH_HALVED, /* the window is smaller */
    FLUKSO_BATCH_REFUSED /* the server cannot take one row, now done: quarantine it */
};

/* Begin with n rows, which become the batch's own (malloc; NULL with 0 rows is an empty batch, done from the start). */
void flukso_batch_init(struct flukso_batch *b, struct thin_row *rows, size_t n);
void flukso_batch_fini(struct flukso_batch *b);

/* Take the answer to the window. others_ok is a count that grows with each call that succeeded for anything but this
 * batch: with a server that answers 500 to all, no row is to blame. After REFUSED *refused is the row, its reason is
 * the answer's text.
 *
 * A STALE whose last stamp lies before the window explains nothing: as ROW, so that it can neither block for ever nor
 * drop what the server has not. One that tells no stamp costs the window's first row. */
enum flukso_batch_step flukso_batch_answer(struct flukso_batch *b, const struct answer *a, uint64_t others_ok,
                                           struct thin_row *refused) MUSTCHECK;

static inline bool flukso_batch_done(const struct flukso_batch *b)
{
    return b->lo == b->n;
}

/* The window's first row and how many there are; valid until the next answer. */
static inline const struct thin_row *flukso_batch_window(const struct flukso_batch *b, size_t *n)
{
    *n = b->hi - b->lo;
    return b->rows ? b->rows + b->lo : NULL;
}

/* Does this STALE answer tell why the window was not taken? One whose last stamp lies before it does not. */
static inline bool flukso_batch_explains(const struct flukso_batch *b, const struct answer *a)
{
    return a->last_s == 0 || a->last_s >= b->rows[b->lo].unix_s;
}

/* The last row that is done: where a reader's position may go. NULL: none yet. */
static inline const struct thin_row *flukso_batch_last(const struct flukso_batch *b)
{
    return b->lo ? &b->rows[b->lo - 1] : NULL;
}

#endif
