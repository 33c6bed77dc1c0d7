#include "core/flukso_batch.h"

#include <stdlib.h>

void flukso_batch_init(struct flukso_batch *b, struct thin_row *rows, size_t n)
{
    *b = (struct flukso_batch){.rows = rows, .n = n, .hi = n};
}

void flukso_batch_fini(struct flukso_batch *b)
{
    free(b->rows);
    flukso_batch_init(b, NULL, 0);
}

/* Rows before lo are done: what remains of the window, or the next one. */
static enum flukso_batch_step move(struct flukso_batch *b, size_t lo)
{
    b->lo = lo;
    b->row = 0;
    if (b->suspect <= lo)
        b->suspect = 0;
    if (b->hi <= lo)
        b->hi = b->suspect ? b->suspect : b->n;
    return FLUKSO_BATCH_MOVED;
}

static enum flukso_batch_step halve(struct flukso_batch *b)
{
    b->suspect = b->hi;
    b->hi = b->lo + (b->hi - b->lo) / 2;
    b->row = 0;
    return FLUKSO_BATCH_HALVED;
}

static enum flukso_batch_step refusal(struct flukso_batch *b, uint64_t others_ok, struct thin_row *refused)
{
    if (b->row == 0)
        b->others = others_ok;
    if (b->row < FLUKSO_BATCH_REFUSALS)
        b->row++;
    if (b->row < FLUKSO_BATCH_REFUSALS || others_ok == b->others)
        return FLUKSO_BATCH_SAME;
    if (b->hi - b->lo > 1)
        return halve(b);
    *refused = b->rows[b->lo];
    b->refused++;
    b->suspect = 0; /* of the rows behind it nothing is known any more */
    move(b, b->lo + 1);
    return FLUKSO_BATCH_REFUSED;
}

static enum flukso_batch_step stale(struct flukso_batch *b, int64_t last_s)
{
    size_t lo = b->lo;

    if (last_s == 0)
        lo++;
    while (lo < b->n && b->rows[lo].unix_s <= last_s)
        lo++;
    b->stale += lo - b->lo;
    return move(b, lo);
}

enum flukso_batch_step flukso_batch_answer(struct flukso_batch *b, const struct answer *a, uint64_t others_ok,
                                           struct thin_row *refused)
{
    if (flukso_batch_done(b))
        return FLUKSO_BATCH_SAME;
    switch (a->kind) {
    case ANSWER_OK:
        b->taken += b->hi - b->lo;
        return move(b, b->hi);
    case ANSWER_STALE:
        if (flukso_batch_explains(b, a))
            return stale(b, a->last_s);
        return refusal(b, others_ok, refused);
    case ANSWER_TOO_LARGE:
        return b->hi - b->lo > 1 ? halve(b) : refusal(b, others_ok, refused);
    case ANSWER_ROW:
        return refusal(b, others_ok, refused);
    default:
        return FLUKSO_BATCH_SAME;
    }
}
