/* Rows of many series on their way to a database as lines: what to send next by the answers so far, and the search for
 * rows that it cannot take (pitfall 8). It never sends, waits or writes: it is told each answer.
 *
 *     rows   |  done: taken, refused  |  accused  |  window: send this now  |  later  |     by series, then by time
 *            0                                    lo                        hi        n
 *
 *     SEND [lo, hi)
 *       ├─ taken ──────────────────── on behind it; who was accused is sent again, and refused if it still is
 *       ├─ refused, more than one ─── all of them, when the answer says that so many were dropped, else the first half;
 *       │                             when that is taken, the first half of what is left of the refused ones, and so on
 *       ├─ refused, one row ───────── the answer blames the row: it is refused
 *       │                             it might mean anything: the row is accused until another one is taken. When there
 *       │                             are many, or none is left behind them, one that was taken is sent again, or
 *       │                             the first of each other series, as a probe
 *       └─ too large ──────────────── halves from now on
 *
 * Sending a row twice does no harm, so a batch may be given up at any time and its rows be read again. Rows of a series
 * stand together, because what a database refuses (a field of another type, too old a stamp) mostly does, too: behind a
 * refused row as many of its series are tried as the answer says are dropped, or single ones until one is taken. So of
 * a series' n rows a bad one alone costs log2 n + 3 answers, and m in a row cost no more than m + 3 log2 n + 4. */
#ifndef CORE_INFLUX_BATCH_H
#define CORE_INFLUX_BATCH_H

#include "core/influx_line.h"
#include "core/jsonw.h"
#include "core/rows.h"

#define INFLUX_ACCUSED 8  /* so many in a row: time for a probe */
#define INFLUX_PROBES  16 /* so many are refused, too: it is not the rows */

struct influx_batch {
    struct store_row *rows; /* owned; unix_s is the true stamp */
    size_t *line;           /* owned: where each row's line begins in the body, n + 1 of them */
    struct jsonw body;
    size_t n, lo, hi;
    size_t suspect;             /* [lo, suspect) was refused as a whole; 0: nothing like that is known */
    size_t accused, accused_at; /* how many rows; the first of them */
    size_t most;                /* rows of one window */
    size_t alone;               /* rows of the next window behind a refused one; 0: all */
    size_t fallen;              /* end of the last refused rows */
    size_t good;                /* end of the last rows that were taken; 0: none */
    size_t probe;               /* 1 + the row that is sent in place of the window; 0: none */
    size_t probes;              /* of them that were refused */
    size_t trial; /* rows from the probe on that were accused, and are sent again before they are refused */
    size_t taken, refused;
};

/* Nothing: done from the start. */
void influx_batch_init(struct influx_batch *b);
void influx_batch_fini(struct influx_batch *b);

/* Begin with n rows, which become the batch's own (malloc). series[] tells of each by its number. */
void influx_batch_make(struct influx_batch *b, struct store_row *rows, size_t n, const struct influx_series *series);

static inline bool influx_batch_done(const struct influx_batch *b)
{
    return b->lo == b->n && !b->probe;
}

/* The window's lines: *len bytes, valid until the batch goes. */
const char *influx_batch_window(const struct influx_batch *b, size_t *len);

/* What an answer OK, ROW or TOO_LARGE (influx_answer()) leads to. *first and *n become the rows that the database
 * cannot take, now done: quarantine them (often none). 0, or -1: it is not the rows, nothing can be said; give the
 * batch up and come back later. */
int influx_batch_answer(struct influx_batch *b, const struct answer *a, const struct influx_blame *blame, size_t *first,
                        size_t *n) MUSTCHECK;

#endif
