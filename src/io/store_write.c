/* Writing: all that is unsaved goes to the disk in one job, or comes back and waits for the next. */
#include "io/store_impl.h"

#include "io/log.h"

#include <stdio.h>
#include <string.h>

/* One write: all that was unsaved when it began, in slices of STORE_ROWS rows. */
struct store_writing {
    struct store_job job;
    struct store *store;
    struct store_row *rows;
    size_t n_rows, done;
    struct store_series *series;
    struct store_position *positions;
    struct ledger_saved *counters;
    struct ledger_marks *marks;
    size_t n_series, n_positions, n_counters, n_marks;
    struct store_era *eras;
    size_t n_eras;
    bool settle, first_done;
    bool stale; /* another file was opened since it was made */
    struct store_now now;
    bool on[STORE_READERS], off[STORE_READERS]; /* readers to be noted so */
    struct store_position base[STORE_READERS];
};

static void collect_series(struct store *s, struct store_writing *w)
{
    for (uint32_t n = 1; n < s->n_series; n++) {
        struct store_series_state *x = &s->series[n];
        if (!x->saved && x->def.id[0]) {
            w->series = grown(w->series, w->n_series, sizeof *w->series);
            w->series[w->n_series++] = x->def;
        }
        for (int r = 0; r < STORE_READERS; r++) {
            if (!(x->unsaved >> r & 1))
                continue;
            w->positions = grown(w->positions, w->n_positions, sizeof *w->positions);
            w->positions[w->n_positions++] = x->at[r];
        }
        x->unsaved = 0;
        x->saved = true;
    }
}

static void collect_ledger(struct store *s, struct store_writing *w)
{
    struct ledger *l = s->ledger;

    w->counters = must(malloc((l->n + 1) * sizeof *w->counters));
    w->n_counters = ledger_take(l, w->counters, l->n, store_mono_ms(s), store_unix_s(s));
    if (!l->marks_changed)
        return;
    w->marks = must(malloc((l->n + 1) * sizeof *w->marks));
    w->n_marks = ledger_marks_take(l, w->marks, l->n);
}

static void collect_readers(struct store *s, struct store_writing *w)
{
    for (int r = 0; r < STORE_READERS; r++) {
        struct store_reader_state *x = &s->readers[r];
        w->on[r] = x->on && !x->saved_on;
        w->off[r] = !x->on && x->saved_on;
        w->base[r] = x->base;
        x->saved_on = x->on;
        if (x->on && x->base_unsaved && !w->on[r]) {
            w->positions = grown(w->positions, w->n_positions, sizeof *w->positions);
            w->positions[w->n_positions++] = x->base;
        }
        x->base_unsaved = false;
    }
}

/* Rows are thinned before they are written as far as all readers allow: what they would not take wears no flash. */
static enum thin_level common_level(const struct store *s)
{
    enum thin_level level = THIN_LEVELS;

    for (int r = 0; r < STORE_READERS; r++)
        if (s->readers[r].on && s->readers[r].level < level)
            level = s->readers[r].level;
    return level == THIN_LEVELS ? THIN_NONE : level;
}

static int write_slice(struct store_job *j, struct store_db *db)
{
    struct store_writing *w = (struct store_writing *)j;
    size_t n = w->n_rows - w->done < STORE_ROWS ? w->n_rows - w->done : STORE_ROWS;
    struct store_batch b = {.rows = w->rows + w->done, .n_rows = n};
    int err = 0;

    if (w->stale)
        return STORE_AGAIN;
    if (!w->first_done) {
        for (int r = 0; r < STORE_READERS && !err; r++)
            if (w->on[r] || w->off[r])
                err = store_db_reader(db, (enum store_reader)r, w->on[r], &w->base[r].at);
        b.series = w->series;
        b.n_series = w->n_series;
        b.positions = w->positions;
        b.n_positions = w->n_positions;
        b.counters = w->counters;
        b.n_counters = w->n_counters;
        b.marks = w->marks;
        b.n_marks = w->n_marks;
        b.eras = w->eras;
        b.n_eras = w->n_eras;
    }
    if (!err)
        err = store_db_write(db, &b);
    if (!err && !w->first_done && w->settle)
        err = store_db_settle(db, &w->now);
    if (err < 0)
        return err;
    w->first_done = true;
    w->done += n;
    if (w->done < w->n_rows)
        return 1;
    store_db_measure(db);
    return 0;
}

static void give_back(struct store *s, struct store_writing *w)
{
    if (w->stale)
        return; /* all counts as unsaved already */
    spool_put_back(&s->spool, w->rows + w->done, w->n_rows - w->done);
    if (w->first_done)
        return;
    ledger_unsaved(s->ledger, w->counters, w->n_counters);
    ledger_marks_unsaved(s->ledger, w->marks, w->n_marks);
    for (size_t i = 0; i < w->n_series; i++)
        s->series[w->series[i].series].saved = false;
    for (size_t i = 0; i < w->n_positions; i++) {
        const struct store_position *p = &w->positions[i];
        if (p->series)
            s->series[p->series].unsaved |= (uint8_t)(1 << p->reader);
        else
            s->readers[p->reader].base_unsaved = true;
    }
    for (int r = 0; r < STORE_READERS; r++)
        if (w->on[r] || w->off[r])
            s->readers[r].saved_on = w->off[r];
    store_eras_unsaved(s, w->eras, w->n_eras);
    s->settle |= w->settle;
}

void store_say_how_it_goes(struct store *s, int status)
{
    if (status < 0 && strcmp(s->error, s->db.error) != 0) {
        snprintf(s->error, sizeof s->error, "%s", s->db.error[0] ? s->db.error : "it cannot be opened");
        log_error("store: %s/" STORE_FILE ": %s; readings wait in memory, tried again every %lld s", s->dir, s->error,
                  (long long)s->config.interval_s);
    } else if (status >= 0 && s->error[0]) {
        log_note("store: %s/" STORE_FILE ": writes again", s->dir);
        s->error[0] = '\0';
    }
}

static void writing_free(struct store_writing *w)
{
    free(w->rows);
    free(w->series);
    free(w->positions);
    free(w->counters);
    free(w->marks);
    free(w->eras);
    free(w);
}

static void tell_waiters(struct store *s, int status)
{
    struct store_waiter *waiters = s->waiters;
    size_t n = s->n_waiters;

    s->waiters = NULL; /* who is told may flush again */
    s->n_waiters = 0;
    for (size_t i = 0; i < n; i++)
        waiters[i].done(waiters[i].ctx, status);
    free(waiters);
}

static void on_slice(struct store_job *j, int status)
{
    struct store_writing *w = (struct store_writing *)j;
    struct store *s = w->store;

    if (status > 0) {
        store_submit(s, STORE_WRITE, j);
        return;
    }
    if (status != STORE_AGAIN)
        store_say_how_it_goes(s, status);
    s->rows_written += (int64_t)w->done;
    store_count_waiting(s, w->rows, w->done);
    if (status < 0)
        give_back(s, w);
    else
        store_eras_forget(s);
    s->writing = NULL;
    writing_free(w);
    bool again = status == STORE_AGAIN || (s->again && status == 0);
    s->again = false;
    if (again) {
        store_flush(s, NULL, NULL);
        return; /* who waits came in between, and waits for this one */
    }
    tell_waiters(s, status);
    if (status == 0 && !s->closing)
        store_maybe_sweep(s);
}

void store_flush(struct store *s, store_flushed_cb done, void *ctx)
{
    if (done) {
        s->waiters = grown(s->waiters, s->n_waiters, sizeof *s->waiters);
        s->waiters[s->n_waiters].done = done;
        s->waiters[s->n_waiters++].ctx = ctx;
    }
    if (s->writing) {
        s->again = true;
        return;
    }
    struct store_writing *w = must(calloc(1, sizeof *w));
    w->job = (struct store_job){.run = write_slice, .done = on_slice};
    w->store = s;
    store_watch_clock(s);
    s->rows_thinned += (int64_t)spool_thin(&s->spool, common_level(s));
    w->rows = spool_take(&s->spool, &w->n_rows);
    collect_series(s, w);
    collect_readers(s, w);
    collect_ledger(s, w);
    w->eras = store_eras_take(s, &w->n_eras);
    w->settle = s->settle;
    s->settle = false;
    w->now.offset_ms = s->clock->offset_ms;
    w->now.clock = s->clock->state;
    memcpy(w->now.boot, s->boot, sizeof w->now.boot);
    s->writing = w;
    if (uv_is_active((uv_handle_t *)&s->timer))
        uv_timer_again(&s->timer); /* the next one an interval after this: readers flush too, and each has its price */
    store_submit(s, STORE_WRITE, &w->job);
}

/* Another file has other numbers: rows of a write under way wait with the others, to get them. */
void store_take_back_rows(struct store *s)
{
    struct store_writing *w = s->writing;

    if (!w)
        return;
    spool_put_back(&s->spool, w->rows + w->done, w->n_rows - w->done);
    w->n_rows = w->done;
    w->stale = true;
}
