#include "io/store_impl.h"

#include "io/log.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define POOL_NICE  10
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

/* ---- the queue ---- */

static void next_job(struct store *s);

/* A file that is not open is opened, one that is not there any more made, a damaged one replaced; the job itself has to
 * come again then, as numbers of series may have changed under it. */
static int run(struct store *s, struct store_job *j)
{
    int err = 0;

    if (s->db.sql && store_db_outdated(&s->db))
        store_db_close(&s->db);
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

/* The disk's work is never as urgent as a reading: the pool's threads stand back behind the loop, and behind the broker
 * and all else on this host. */
static void stand_back(void)
{
    static _Thread_local bool done;

    if (!done)
        setpriority(PRIO_PROCESS, (id_t)gettid(), POOL_NICE);
    done = true;
}

static void on_work(uv_work_t *w)
{
    struct store *s = w->data;

    stand_back();
    s->status = run(s, s->running);
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
    free(s->past);
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

static void on_worked(uv_work_t *w, int cancelled)
{
    struct store *s = w->data;
    struct store_job *j = s->running;

    (void)cancelled;
    s->running = NULL;
    s->bytes = s->db.bytes;
    s->bytes_written = (int64_t)s->db.bytes_written;
    if (s->loaded) {
        store_take_back_rows(s);
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

void store_add(struct store *s, uint32_t series, int64_t milli, int64_t unix_s, int64_t mono_ms)
{
    store_watch_clock(s);
    if (!unix_s)
        unix_s = (mono_ms + s->era.offset_ms) / 1000;
    spool_add(&s->spool, &(struct store_row){.unix_s = unix_s, .milli = milli, .era = s->era.era, .series = series});
    if (s->spool.n >= EARLY_ROWS && !s->error[0])
        store_flush(s, NULL, NULL);
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
    return s->spool.n || s->ledger->changed || s->ledger->marks_changed || s->error[0];
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
        store_say_how_it_goes(s, STORE_FAILED);
    s->bytes = s->db.bytes;
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
        malloc_trim(0); /* what reading the file took */
        store_sweep_later(s);
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
