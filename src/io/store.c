#include "io/store_impl.h"

#include "io/log.h"

#include <stdio.h>
#include <string.h>

#define EARLY_ROWS 20000 /* so many rows are not kept waiting for the interval */

int64_t store_mono_ms(const struct store *s)
{
    return (int64_t)uv_now(s->loop);
}

int64_t store_unix_s(const struct store *s)
{
    return s->clock->state == CLOCK_UNSET ? 0 : (store_mono_ms(s) + s->clock->offset_ms) / 1000;
}

const char *store_error(const struct store *s)
{
    return s->error[0] ? s->error : NULL;
}

/* One write: all that was unsaved when it began, in slices of STORE_ROWS rows. */
struct store_writing {
    struct store_job job;
    struct store *store;
    struct store_row *rows;
    size_t n_rows, done;
    struct store_series *series;
    struct store_position *positions;
    struct ledger_saved *counters;
    size_t n_series, n_positions, n_counters;
    struct store_era era;
    bool has_era, settle, first_done;
    bool stale; /* another file was opened since it was made */
    struct store_now now;
    bool on[STORE_READERS], off[STORE_READERS]; /* readers to be noted so */
    struct store_position base[STORE_READERS];
};

/* ---- the queue ---- */

static void next_job(struct store *s);

/* A file that is not open is opened, a damaged one replaced; the job itself has to come again then, as numbers of
 * series may have changed under it. */
static int run(struct store *s, struct store_job *j)
{
    int err = 0;

    if (!s->db.sql) {
        memset(&s->db.opened, 0, sizeof s->db.opened);
        err = store_db_open(&s->db, s->dir);
    } else {
        err = j->run(j, &s->db);
        if (err != STORE_DAMAGED)
            return err;
        store_db_close(&s->db);
        memset(&s->db.opened, 0, sizeof s->db.opened);
        err = store_db_open(&s->db, s->dir); /* which looks, and rescues */
    }
    if (err < 0)
        return err;
    s->loaded = store_load(&s->db);
    return s->loaded ? STORE_AGAIN : STORE_FAILED;
}

static void on_work(uv_work_t *w)
{
    struct store *s = w->data;

    s->status = run(s, s->running);
}

void store_note_numbers(struct store *s)
{
    if (s->db.sql)
        s->bytes = store_db_bytes(&s->db);
    s->bytes_written = (int64_t)s->db.bytes_written;
}

static void on_timer_closed(uv_handle_t *h)
{
    struct store *s = h->data;
    void (*closed)(void *ctx) = s->closed;
    void *ctx = s->closed_ctx;

    store_db_close(&s->db);
    store_index_free(s);
    store_sweep_free(s);
    spool_fini(&s->spool);
    free(s->series);
    free(s);
    closed(ctx);
}

/* The store is closing and nothing is left to do: it goes. */
static void maybe_finish_closing(struct store *s)
{
    if (!s->closing || s->running || s->writing)
        return;
    for (int c = 0; c < STORE_CLASSES; c++)
        if (s->head[c])
            return;
    if (!uv_is_closing((uv_handle_t *)&s->timer))
        uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

/* Another file has other numbers: rows of a write under way wait with the others, to get them. */
static void take_back_rows(struct store *s)
{
    struct store_writing *w = s->writing;

    if (!w)
        return;
    spool_put_back(&s->spool, w->rows + w->done, w->n_rows - w->done);
    w->n_rows = w->done;
    w->stale = true;
}

static void on_worked(uv_work_t *w, int cancelled)
{
    struct store *s = w->data;
    struct store_job *j = s->running;

    (void)cancelled;
    s->running = NULL;
    if (s->loaded) {
        take_back_rows(s);
        store_adopt(s, s->loaded);
    }
    s->loaded = NULL;
    j->done(j, s->status);
    next_job(s);
    maybe_finish_closing(s);
}

static void next_job(struct store *s)
{
    for (int c = 0; c < STORE_CLASSES && !s->running; c++) {
        struct store_job *j = s->head[c];
        if (!j)
            continue;
        s->head[c] = j->next;
        s->running = j;
        s->work.data = s;
        uv_queue_work(s->loop, &s->work, on_work, on_worked);
    }
}

void store_submit(struct store *s, enum store_class c, struct store_job *j)
{
    j->next = NULL;
    if (s->head[c])
        s->tail[c]->next = j;
    else
        s->head[c] = j;
    s->tail[c] = j;
    next_job(s);
}

/* ---- rows come in ---- */

static void new_era(struct store *s)
{
    s->era.era = s->next_era++;
    s->era.offset_ms = s->clock->offset_ms;
    s->era.shift_s = 0;
    s->era.clock = s->clock->state;
    s->era_saved = false;
    s->settle = true;
}

void store_watch_clock(struct store *s)
{
    int64_t moved = s->clock->offset_ms - s->era.offset_ms;

    if (!s->era.era || moved >= 1000 || moved <= -1000 || s->clock->state < s->era.clock) {
        new_era(s);
    } else if (s->clock->state > s->era.clock) { /* it was right all the time */
        s->era.clock = s->clock->state;
        s->era_saved = false;
        s->settle = true;
    }
}

void store_add(struct store *s, uint32_t series, int64_t milli, int64_t unix_s, int64_t mono_ms)
{
    store_watch_clock(s);
    if (!unix_s)
        unix_s = (mono_ms + s->era.offset_ms) / 1000;
    spool_add(&s->spool, &(struct store_row){.unix_s = unix_s, .milli = milli, .era = s->era.era, .series = series});
    if (s->spool.n >= EARLY_ROWS && !s->error[0])
        store_flush(s, NULL, NULL);
}

/* ---- writing ---- */

static void collect_series(struct store *s, struct store_writing *w)
{
    for (uint32_t n = 1; n < s->n_series; n++) {
        struct store_series_state *x = &s->series[n];
        if (!x->saved && x->def.id[0]) {
            w->series = must(realloc(w->series, (w->n_series + 1) * sizeof *w->series));
            w->series[w->n_series++] = x->def;
        }
        for (int r = 0; r < STORE_READERS; r++) {
            if (!(x->unsaved >> r & 1))
                continue;
            w->positions = must(realloc(w->positions, (w->n_positions + 1) * sizeof *w->positions));
            w->positions[w->n_positions++] = x->at[r];
        }
        x->unsaved = 0;
        x->saved = true;
    }
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
            w->positions = must(realloc(w->positions, (w->n_positions + 1) * sizeof *w->positions));
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
        b.eras = &w->era;
        b.n_eras = w->has_era;
    }
    if (!err)
        err = store_db_write(db, &b);
    if (!err && !w->first_done && w->settle)
        err = store_db_settle(db, &w->now);
    if (err < 0)
        return err;
    w->first_done = true;
    w->done += n;
    return w->done < w->n_rows;
}

static void give_back(struct store *s, struct store_writing *w)
{
    if (w->stale)
        return; /* all counts as unsaved already */
    spool_put_back(&s->spool, w->rows + w->done, w->n_rows - w->done);
    if (w->first_done)
        return;
    ledger_unsaved(s->ledger, w->counters, w->n_counters);
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
    s->era_saved = s->era_saved && !w->has_era;
    s->settle |= w->settle;
}

static void say_how_it_goes(struct store *s, int status)
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
        say_how_it_goes(s, status);
    s->rows_written += (int64_t)w->done;
    store_count_waiting(s, w->rows, w->done);
    if (status < 0)
        give_back(s, w);
    store_note_numbers(s);
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
        s->waiters = must(realloc(s->waiters, (s->n_waiters + 1) * sizeof *s->waiters));
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
    w->counters = must(malloc((s->ledger->n + 1) * sizeof *w->counters));
    w->n_counters = ledger_take(s->ledger, w->counters, s->ledger->n, store_mono_ms(s), store_unix_s(s));
    w->era = s->era;
    w->has_era = !s->era_saved;
    s->era_saved = true;
    w->settle = s->settle;
    s->settle = false;
    w->now.offset_ms = s->clock->offset_ms;
    w->now.clock = s->clock->state;
    memcpy(w->now.boot, s->boot, sizeof w->now.boot);
    s->writing = w;
    store_submit(s, STORE_WRITE, &w->job);
}

void store_unwritten(const struct store *s, enum clock_state clock, store_row_cb cb, void *ctx)
{
    if (s->era.clock < clock)
        return;
    for (size_t i = 0; i < s->spool.n; i++)
        if (s->spool.rows[i].era == s->era.era && !cb(ctx, &s->spool.rows[i], s->spool.rows[i].unix_s + s->era.shift_s))
            return;
}

uint32_t store_running_era(const struct store *s)
{
    return s->era.era;
}

static bool has_news(const struct store *s)
{
    return s->spool.n || s->ledger->changed || s->error[0];
}

static void on_interval(uv_timer_t *t)
{
    struct store *s = t->data;

    if (has_news(s))
        store_flush(s, NULL, NULL);
    else
        store_maybe_sweep(s);
}

/* ---- life ---- */

static void read_boot_id(char out[STORE_BOOT + 1])
{
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

    if (!f || !fgets(out, STORE_BOOT + 1, f))
        snprintf(out, STORE_BOOT + 1, "unknown");
    if (f)
        fclose(f);
}

struct store *store_new(uv_loop_t *loop, struct ledger *ledger, const struct clock *clock)
{
    struct store *s = must(calloc(1, sizeof *s));

    s->loop = loop;
    s->ledger = ledger;
    s->clock = clock;
    s->next_era = 1;
    spool_init(&s->spool);
    read_boot_id(s->boot);
    memcpy(s->era.boot, s->boot, sizeof s->era.boot);
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    return s;
}

static void open_at_start(struct store *s)
{
    struct store_loaded *l = NULL;

    if (store_db_open(&s->db, s->dir) == 0)
        l = store_load(&s->db);
    if (l)
        store_adopt(s, l);
    else
        say_how_it_goes(s, STORE_FAILED);
    store_note_numbers(s);
}

/* Close the old file; the next job opens the new one. */
static int leave(struct store_job *j, struct store_db *db)
{
    (void)j;
    store_db_close(db);
    return 0;
}

static void on_left(struct store_job *j, int status)
{
    struct store *s = *(struct store **)(j + 1);

    (void)status;
    store_db_close(&s->db); /* one that the job had to open first */
    snprintf(s->dir, sizeof s->dir, "%s", (const char *)(j + 1) + sizeof s);
    free(j);
    ledger_all_changed(s->ledger);
    store_flush(s, NULL, NULL);
}

static void move_to(struct store *s, const char *dir)
{
    struct store_job *j = must(calloc(1, sizeof *j + sizeof s + strlen(dir) + 1));

    *j = (struct store_job){.run = leave, .done = on_left};
    memcpy(j + 1, &s, sizeof s);
    memcpy((char *)(j + 1) + sizeof s, dir, strlen(dir) + 1);
    store_flush(s, NULL, NULL);
    store_submit(s, STORE_WRITE, j);
}

void store_apply(struct store *s, const struct store_config *c)
{
    bool first = !s->dir[0];

    s->config = *c;
    s->config.dir = NULL;
    if (first) {
        snprintf(s->dir, sizeof s->dir, "%s", c->dir);
        open_at_start(s);
        store_watch_clock(s);
    } else if (strcmp(s->dir, c->dir) != 0) {
        move_to(s, c->dir);
    }
    uv_timer_start(&s->timer, on_interval, (uint64_t)c->interval_s * 1000, (uint64_t)c->interval_s * 1000);
}

void store_close(struct store *s, void (*done)(void *ctx), void *ctx)
{
    s->closed = done;
    s->closed_ctx = ctx;
    s->closing = true;
    uv_timer_stop(&s->timer);
    store_flush(s, NULL, NULL);
}
