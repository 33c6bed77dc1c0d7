/* The store's inside, shared by io/store*.c alone. */
#ifndef IO_STORE_IMPL_H
#define IO_STORE_IMPL_H

#include "core/spool.h"
#include "io/store.h"

/* One reader's places, by series. */
struct store_reader_state {
    bool on, saved_on; /* switched on; the file knows so */
    bool decided;      /* its service has said whether it is on: before that nothing of it may go */
    bool base_unsaved;
    enum thin_level level;
    struct store_position base; /* where it began: of series without a place of their own */
    int64_t waiting, oldest_s;  /* rows; stamp of the first, 0: none */
};

struct store_series_state {
    struct store_series def; /* id "": no such number */
    bool saved;
    uint8_t wanted;          /* bit per reader */
    uint8_t placed, unsaved; /* bit per reader: it has a place here; it is to be saved */
    struct store_position at[STORE_READERS];
};

struct store_past_era {
    struct store_era era;
    bool saved;
};

struct store_waiter {
    store_flushed_cb done;
    void *ctx;
};

struct store_writing;

struct store {
    uv_loop_t *loop;
    struct ledger *ledger;
    const struct clock *clock;
    struct store_config config; /* dir is `dir` */
    char dir[PATH_MAX];
    struct store_db db; /* the running job's, and the loop's only while none runs */
    char boot[STORE_BOOT + 1];
    uv_timer_t timer;
    /* queue */
    uv_work_t work;
    int status; /* of the job that ran */
    struct store_job *running, *head[STORE_CLASSES], *tail[STORE_CLASSES];
    struct store_loaded *loaded; /* of a file that the running job had to open (again) */
    /* series, by number */
    struct store_series_state *series;
    size_t n_series;
    void *by_id; /* tree of struct store_index (search.h) */
    unsigned generation;
    bool restored; /* the ledger is what a file said, or there was none to say it */
    /* eras */
    struct store_era era;
    bool era_saved, settle;
    struct store_past_era *past; /* those before it that the file does not know, or of which rows wait */
    size_t n_past;
    uint32_t next_era;
    struct spool spool;
    struct store_writing *writing; /* a write under way */
    bool again;
    struct store_waiter *waiters;
    size_t n_waiters;
    char error[STORE_ERROR]; /* "" while it writes */
    struct store_reader_state readers[STORE_READERS];
    /* deleting */
    struct store_job purge;
    struct store_key purge_to;
    int purge_deleted;
    bool purging;
    struct store_sweep *sweep; /* under way */
    int64_t sweep_ms;          /* when the next one is due */
    enum thin_level forced;    /* the file is too large */
    /* numbers, set on the loop */
    int64_t bytes, rows_written, rows_thinned, rows_deleted, bytes_written;
    void (*closed)(void *ctx);
    void *closed_ctx;
    bool closing;
};

int64_t store_mono_ms(const struct store *s);
int64_t store_unix_s(const struct store *s); /* 0: not known */

/* What a file that was just opened holds, but for its rows: read in a pool job (or at start), taken over on the loop,
 * which frees it. NULL with db->error. */
struct store_loaded;
struct store_loaded *store_load(struct store_db *db);
void store_adopt(struct store *s, struct store_loaded *l);
void store_loaded_free(struct store_loaded *l);
void store_index_free(struct store *s);

/* ---- eras (io/store_clock.c) ---- */

/* A new era begins, if the clocks say so. */
void store_watch_clock(struct store *s);

/* Those that the file does not know: the caller's to free and to write, or to hand back. */
struct store_era *store_eras_take(struct store *s, size_t *n);
void store_eras_unsaved(struct store *s, const struct store_era *v, size_t n);

/* All was written: past eras without rows in memory are forgotten. */
void store_eras_forget(struct store *s);

/* Another file was opened: eras in memory get numbers of their own there, above max_era. */
void store_eras_adopt(struct store *s, uint32_t max_era);

/* Rows that were written wait for their readers. */
void store_count_waiting(struct store *s, const struct store_row *rows, size_t n);

/* After a write: time to look through the rows that wait? */
void store_maybe_sweep(struct store *s);
void store_sweep_later(struct store *s);
void store_sweep_free(struct store *s);

/* Say once that the disk takes nothing, and that it does again (io/store_write.c). */
void store_say_how_it_goes(struct store *s, int status);

/* Another file has other numbers: rows of a write under way wait with the others, to get them. */
void store_take_back_rows(struct store *s);

#endif
