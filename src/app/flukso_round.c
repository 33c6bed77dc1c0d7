/* A round: rows that wait are read out of the store, thinned on the way, into a batch for each sensor. */
#include "app/flukso_impl.h"

#include "core/flukso_gather.h"

#include <string.h>

#define ROUND_ROWS 50000 /* of all batches together; sensors beyond it have their turn in the next round */

/* Belongs to the pool job while that runs, to the loop else. */
struct flukso_round {
    struct store_job job;
    struct flukso *owner; /* NULL: dropped */
    struct store *store;
    struct store_key at;
    int64_t now_s;
    uint32_t n_series;
    size_t *sensor_of;             /* by series: 1 + number of the sensor; 0: not in this round */
    struct flukso_gather *gathers; /* by sensor */
    struct store_key *from;        /* by sensor: its place */
    size_t n_sensors, rows;
    int64_t waiting; /* rows of the store that it came by */
    bool cut; /* a sensor did not come in */
};

static void round_free(struct flukso_round *r)
{
    for (size_t i = 0; i < r->n_sensors; i++)
        free(r->gathers[i].rows);
    free(r->gathers);
    free(r->from);
    free(r->sensor_of);
    free(r);
}

static bool on_row(void *ctx, const struct store_row *row, int64_t unix_s)
{
    struct flukso_round *r = ctx;
    size_t i = row->series < r->n_series ? r->sensor_of[row->series] : 0;
    struct store_key k = store_row_key(row);

    if (i-- == 0 || store_key_cmp(&k, &r->from[i]) <= 0)
        return true;
    struct flukso_gather *g = &r->gathers[i];
    r->waiting++;
    size_t before = g->n;
    if (!g->any && r->rows >= ROUND_ROWS) {
        r->cut = true;
        return true;
    }
    flukso_gather_row(g, row, unix_s);
    r->rows += g->n - before;
    return true;
}

static int run_round(struct store_job *j, struct store_db *db)
{
    struct flukso_round *r = (struct flukso_round *)j;

    return store_db_read(db, &r->at, CLOCK_SYNCED, STORE_WALK, on_row, r);
}

/* What was gathered becomes the sensor's batch. */
static void take_over(struct flukso *f, struct flukso_sensor *s, struct flukso_gather *g, bool cut)
{
    flukso_gather_finish(g);
    flukso_batch_fini(&s->batch);
    s->more = cut;
    if (!g->any)
        return;
    flukso_batch_init(&s->batch, g->rows, g->n);
    g->rows = NULL;
    s->seen = g->seen;
    s->passed = (int64_t)g->passed;
    s->more = cut || g->full;
    if (s->batch.n == 0)
        flukso_sensor_moved(f, s, 0, 0); /* nothing in it that the server does not have */
}

static void finish(struct flukso_round *r, int status)
{
    struct flukso *f = r->owner;

    f->round = NULL;
    if (status >= 0)
        store_found_waiting(r->store, STORE_FLUKSO, r->waiting);
    for (size_t i = 0; i < r->n_sensors && status >= 0; i++)
        if (r->gathers[i].now_s)
            take_over(f, &f->sensors[i], &r->gathers[i], r->cut);
    round_free(r);
    f->report_ms = app_mono_ms(f->app) + f->interval_ms;
    flukso_step(f);
}

static void on_read(struct store_job *j, int status)
{
    struct flukso_round *r = (struct flukso_round *)j;

    if (!r->owner)
        round_free(r);
    else if (status > 0)
        store_submit(r->store, STORE_READ, j);
    else {
        if (store_error(r->store))
            store_unwritten(r->store, CLOCK_SYNCED, on_row, r);
        finish(r, status);
    }
}

/* A sensor takes part when it has nothing to send yet; when it has, for what could not be sent so far is thinned anew
 * as it ages; but not while it waits for people or for a time to come. */
static bool takes_part(const struct flukso_sensor *s, int64_t now_ms)
{
    bool waits = s->stopped || flukso_batch_done(&s->batch);

    return !flukso_searching(s) && (!waits || now_ms >= s->retry_ms);
}

/* The server's last row from ahead of the time is no measure: it is tried whether that is still so. */
static void prepare_sensor(struct flukso_round *r, struct flukso *f, size_t i)
{
    struct flukso_sensor *s = &f->sensors[i];

    s->series = store_series(r->store, s->id, READING_COUNTER);
    struct store_position p = store_position(r->store, STORE_FLUKSO, s->series);
    bool ahead = p.newest_s > r->now_s + CLOCK_AGREE_S;
    if (ahead)
        flukso_say_ahead(f, s, p.newest_s - r->now_s);
    r->from[i] = p.at;
    r->sensor_of[s->series] = i + 1;
    flukso_gather_init(&r->gathers[i], r->now_s, ahead ? 0 : p.newest_s, p.newest_milli);
    if (store_key_cmp(&p.at, &r->at) < 0)
        r->at = p.at;
}

static void prepare(struct flukso_round *r, struct flukso *f)
{
    int64_t now_ms = app_mono_ms(f->app);

    r->n_series = (uint32_t)store_series_count(r->store);
    r->sensor_of = must(calloc(r->n_series + 1, sizeof *r->sensor_of));
    r->now_s = app_unix_s(f->app);
    r->at = (struct store_key){INT64_MAX, UINT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < f->n_sensors; i++)
        if (takes_part(&f->sensors[i], now_ms))
            prepare_sensor(r, f, i);
}

/* Everything is on the disk now, with stamps that were set right. */
static void on_flushed(void *ctx, int status)
{
    struct flukso_round *r = ctx;

    (void)status; /* while the disk takes nothing, what it has can still be sent */
    if (!r->owner) {
        round_free(r);
        return;
    }
    prepare(r, r->owner);
    r->job = (struct store_job){.run = run_round, .done = on_read};
    store_submit(r->store, STORE_READ, &r->job);
}

void flukso_round_start(struct flukso *f)
{
    struct flukso_round *r = must(calloc(1, sizeof *r));

    r->owner = f;
    r->store = f->app->store;
    r->n_sensors = f->n_sensors;
    r->gathers = must(calloc(f->n_sensors + 1, sizeof *r->gathers));
    r->from = must(calloc(f->n_sensors + 1, sizeof *r->from));
    f->round = r;
    store_flush(r->store, on_flushed, r);
}

void flukso_round_drop(struct flukso *f)
{
    if (f->round)
        f->round->owner = NULL;
    f->round = NULL;
}
