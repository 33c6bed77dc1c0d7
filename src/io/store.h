/* The store on the loop: rows and counter states on their way to the disk, and readers that forward them, each with a
 * place of its own. It never makes the loop wait (but for opening, at start) and never drops a series' ends.
 *
 *   add ─► spool ── each interval, or asked ─► disk ─► readers ─► passed by all ─► deleted
 *                     with the counter states             └─ thinned as it ages, more when the file is too large
 *
 * All work on the database (io/store_db.h) is one queue of pool jobs, one at a time: writing before reading before
 * thinning. While the disk takes nothing, rows wait in the spool; a damaged file is replaced under way. */
#ifndef IO_STORE_H
#define IO_STORE_H

#include "core/stats.h"
#include "core/thinning.h"
#include "io/store_db.h"

#include <uv.h>

struct store;

struct store_config {
    const char *dir;    /* of the database */
    int64_t interval_s; /* between two writes: at most that much resolution is lost by a power cut */
    int64_t max_bytes;  /* over this size rows that wait are thinned further */
    int64_t max_age_s;  /* of rows older than this only the ends of a series are kept */
};

/* A store without a file yet. Counter states are those of the ledger, times those of the clock; both outlive it. */
struct store *store_new(uv_loop_t *loop, struct ledger *ledger, const struct clock *clock);

/* Use these from now on. The first call opens the file at once and restores the ledger (one that cannot be opened is
 * tried again at each write); another directory later is opened by a job, and rows that wait in the old one stay there.
 */
void store_apply(struct store *s, const struct store_config *c);

/* Write what is there, close the file, release all handles, free; then call done. */
void store_close(struct store *s, void (*done)(void *ctx), void *ctx);

void store_stats(void *store, stat_emit emit, void *ctx);

/* SQLite's. */
const char *store_library_version(void);

/* The error that keeps it from writing, for people; NULL while it writes. */
const char *store_error(const struct store *s);

/* ---- what comes in ---- */

/* The number of a series. It stays, unless store_generation() changes: then another file, with numbers of its own, was
 * opened, and is to be asked anew. */
uint32_t store_series(struct store *s, const char *id, enum reading_kind kind);
unsigned store_generation(const struct store *s);

/* True while some reader wants rows of the series: others need not be added. */
bool store_wanted(const struct store *s, uint32_t series);

/* A row. unix_s 0: the clock was not set; the row is stamped by mono_ms, and set right when it is. */
void store_add(struct store *s, uint32_t series, int64_t milli, int64_t unix_s, int64_t mono_ms);

/* Write all that is there now, then call done (which may be NULL) with 0 or an error of io/store_db.h. */
typedef void (*store_flushed_cb)(void *ctx, int status);
void store_flush(struct store *s, store_flushed_cb done, void *ctx);

/* Walk the rows that are not on the disk: what a reader adds to those of store_db_read() while the disk takes nothing.
 * Only those of the running era, when its clock knows at least `clock`. */
void store_unwritten(const struct store *s, enum clock_state clock, store_row_cb cb, void *ctx);

/* The era that rows come in: those of others are complete, in this one a row may still come behind a newer one. */
uint32_t store_running_era(const struct store *s);

/* ---- jobs ---- */

enum store_class { STORE_WRITE, STORE_READ, STORE_THIN, STORE_CLASSES };

/* The caller's, embedded; it may be freed or submitted again in done. */
struct store_job {
    int (*run)(struct store_job *j, struct store_db *db); /* in a pool thread: 0 or more, or a negative error */
    void (*done)(struct store_job *j, int status);        /* on the loop, with what run returned */
    struct store_job *next;                               /* the queue's */
};

void store_submit(struct store *s, enum store_class c, struct store_job *j);

/* ---- readers (io/store_readers.c) ---- */

/* A reader is there from now on: rows from now on are kept for it, if it was not there before. level: how far rows
 * that it has not passed may be thinned. Off: it gives its place up, and rows that only it waited for go. Each reader's
 * service says one of the two at start: until all have, no row goes. */
void store_reader_on(struct store *s, enum store_reader reader, enum thin_level level);
void store_reader_off(struct store *s, enum store_reader reader);

/* Which series it wants: first none, then each. */
void store_want_none(struct store *s, enum store_reader reader);
void store_want(struct store *s, enum store_reader reader, uint32_t series);

/* How far it is in this series. */
struct store_position store_position(const struct store *s, enum store_reader reader, uint32_t series);

/* It passed these rows: rows counts them, those that were thinned too. Series 0 stands for all series of a reader that
 * has one place for all. The place is saved with the next write. */
void store_moved(struct store *s, const struct store_position *p, int64_t rows);

/* Delete what all readers have passed. */
void store_purge(struct store *s);

/* The first row that this reader has not passed in any series it wants. */
struct store_key store_reader_start(const struct store *s, enum store_reader reader);

/* A reader that has looked at all rows that wait for it says how many there are. */
void store_found_waiting(struct store *s, enum store_reader reader, int64_t rows);

/* Rows that wait for it, as far as known, and the oldest one's age (0: none waits). */
int64_t store_waiting(const struct store *s, enum store_reader reader);
int64_t store_oldest_age_s(const struct store *s, enum store_reader reader);

/* The sensor and kind of a series; NULL for a number that is none. */
const struct store_series *store_series_of(const struct store *s, uint32_t series);
size_t store_series_count(const struct store *s); /* numbers are below this */

#endif
