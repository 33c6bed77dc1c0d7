/* The store's file: rows of readings, counter states, how far each reader is; one SQLite database (WAL).
 * It never runs on the loop (but for opening, at start) and never logs: it says what happened to its caller.
 *
 *   rows        (era, unix_s, series) -> milli, clustered in that order
 *   series      number -> sensor id and kind
 *   eras        stretches of time in which wall and monotonic clock went side by side, see below
 *   counters    the ledger, by sensor id
 *   readers, positions   who forwards rows, and how far
 *   quarantine  rows that a server refused, by reader
 *
 * An era ends when the clock steps or the program starts. Its rows carry the stamps that the clock had then; when the
 * clock turns out to have been wrong, the era gets a shift, and every row in it is right: no row is written again. */
#ifndef IO_STORE_DB_H
#define IO_STORE_DB_H

#include "core/clock.h"
#include "core/ledger.h"
#include "core/rows.h"
#include "core/util.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STORE_FILE    "fluksod.db"
#define STORE_LOCK    "fluksod.lock" /* beside it: held by the program that works in the folder */
#define STORE_VERSION 2
#define STORE_BOOT    36 /* characters of the kernel's boot id */
#define STORE_ERROR   200
#define STORE_ROWS    1000 /* a job writes or picks out to delete at most so many */
/* … and walks over at most so many, or deletes some so many that stand together: 6 ms. The end of a job costs the loop
 * a turn, which what is live waits for. */
#define STORE_WALK  16000
#define STORE_PURGE 16000

/* Readers of rows, in the order of the table. */
enum store_reader { STORE_FLUKSO, STORE_INFLUX, STORE_READERS };

/* What a call returns when it fails; db->error says it for people. */
enum {
    STORE_FAILED = -1,  /* anything else: try again later */
    STORE_FULL = -2,    /* no space left, or a read-only disk */
    STORE_DAMAGED = -3, /* the file is no good: open it again, which rescues what can be read */
    STORE_AGAIN = -4,   /* another file was opened under the job: make it anew (io/store.h) */
};

struct store_series {
    uint32_t series; /* 1 .. */
    char id[SENSOR_ID_LEN + 1];
    uint8_t kind; /* enum reading_kind */
};

struct store_era {
    uint32_t era; /* 1 .. */
    char boot[STORE_BOOT + 1];
    int64_t offset_ms;      /* wall - monotonic */
    int64_t shift_s;        /* to add to its rows' stamps */
    enum clock_state clock; /* what was known of the time, with the shift */
};

/* How far a reader is in a series (series 0: in all that have no position of their own). */
struct store_position {
    enum store_reader reader;
    uint32_t series;
    struct store_key at;  /* this row and all before it are passed */
    int64_t newest_s;     /* the newest stamp that the other side has; 0: none */
    int64_t newest_milli; /* its value */
};

/* What one transaction writes; each part may be empty. */
struct store_batch {
    const struct store_series *series;
    size_t n_series;
    const struct store_era *eras;
    size_t n_eras;
    const struct ledger_saved *counters;
    size_t n_counters;
    const struct store_row *rows;
    size_t n_rows;
    const struct store_position *positions;
    size_t n_positions;
};

/* What opening found. */
struct store_opened {
    char aside[PATH_MAX]; /* a damaged or foreign file was set aside under this name; "" else */
    char why[STORE_ERROR];
    int64_t rescued_rows, rescued_counters;
    int migrated_from; /* an older version; 0: none */
    bool made;         /* there was none */
};

struct store_db {
    struct sqlite3 *sql;
    struct sqlite3_stmt *cached[32]; /* by enum in store_db.c */
    char path[PATH_MAX];
    char error[STORE_ERROR];
    struct store_opened opened;
    int64_t bytes;          /* of the file in use, without its free pages, at the last store_db_measure() */
    uint64_t bytes_written; /* by this program, to the file and its log */
    int64_t page_bytes;
    int64_t wal_frames;
    int64_t purge_span_s; /* of time that a purge takes */
    bool lazy;            /* commits do not wait for the disk at the moment */
    /* which file it is, so that another one under its name is noticed */
    dev_t dev;
    ino_t ino;
    int lock; /* 1 + the descriptor that keeps other programs off; 0: none */
};

/* Open dir/STORE_FILE, made when it is missing; a damaged one is set aside and what can be read of it is taken along.
 * While another program has it open so, it fails. db is zeroed memory of the caller's. 0, or negative with db->error;
 * then store_db_close() is not needed. Blocks on the disk: for the start and for pool jobs, as all calls here. */
int store_db_open(struct store_db *db, const char *dir) MUSTCHECK;
void store_db_close(struct store_db *db);

/* Is it worth opening anew? The file was removed or another one put in its place, or it could only be read when it was
 * opened and could be written now. */
bool store_db_outdated(const struct store_db *db);

/* ---- writing ---- */

/* All of it or nothing, on the disk when it returns 0. A row that is there already (same key) gets the new value. */
int store_db_write(struct store_db *db, const struct store_batch *b) MUSTCHECK;

/* Note that a reader is switched on, from this place in the order on, or off, which forgets how far it was. */
int store_db_reader(struct store_db *db, enum store_reader reader, bool on, const struct store_key *from) MUSTCHECK;

/* Keep rows apart that a reader's server refuses, unix_s being the true stamps; the newest thousand of each reader are
 * kept. */
int store_db_quarantine(struct store_db *db, enum store_reader reader, const struct store_row *rows, size_t n,
                        int64_t now_s, const char *reason) MUSTCHECK;

/* What is known of the time now: eras whose clock knew less are settled by it. */
struct store_now {
    char boot[STORE_BOOT + 1];
    int64_t offset_ms;
    enum clock_state clock;
};

/* Settle eras: one of this boot by what its clock was off; one of another boot, which cannot be known exactly, goes
 * before this boot when its stamps lie in the future or the clock was never set. Rows that a clock stamped ahead are
 * so re-stamped. How many eras changed, or negative. */
int store_db_settle(struct store_db *db, const struct store_now *now) MUSTCHECK;

/* ---- reading ---- */

typedef void (*store_counter_cb)(void *ctx, const struct ledger_saved *s);
typedef void (*store_series_cb)(void *ctx, const struct store_series *s);
typedef void (*store_position_cb)(void *ctx, const struct store_position *p);
typedef void (*store_era_cb)(void *ctx, const struct store_era *e);
/* unix_s: the stamp with its era's shift. False ends the walk behind this row. */
typedef bool (*store_row_cb)(void *ctx, const struct store_row *r, int64_t unix_s);

int store_db_counters(struct store_db *db, store_counter_cb cb, void *ctx) MUSTCHECK;
int store_db_series(struct store_db *db, store_series_cb cb, void *ctx) MUSTCHECK;
int store_db_eras(struct store_db *db, store_era_cb cb, void *ctx) MUSTCHECK;
/* Those of readers that are switched on; on[] says which are. */
int store_db_positions(struct store_db *db, bool on[STORE_READERS], store_position_cb cb, void *ctx) MUSTCHECK;

/* Walk up to max rows behind *at, of eras whose clock knew at least `clock`; *at moves along. 1: there may be
 * more; 0: it is at the end. */
int store_db_read(struct store_db *db, struct store_key *at, enum clock_state clock, int max, store_row_cb cb,
                  void *ctx) MUSTCHECK;

/* ---- deleting ---- */

/* Delete some STORE_PURGE rows from the first one to `to`, all included. 1: there may be more; 0: none; or negative. */
int store_db_purge(struct store_db *db, const struct store_key *to, int *deleted) MUSTCHECK;

/* Delete single rows. */
int store_db_delete(struct store_db *db, const struct store_key *keys, size_t n) MUSTCHECK;

/* Forget eras and series without rows, and give free pages back to the file system. keep_era: the running one. */
int store_db_tidy(struct store_db *db, uint32_t keep_era) MUSTCHECK;

/* Set db->bytes. */
void store_db_measure(struct store_db *db);

#endif
