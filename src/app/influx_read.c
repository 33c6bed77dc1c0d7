/* Rows that wait for the database: out of the store, into lines, in a job of the pool. */
#include "app/influx_impl.h"

#include "core/settings.h"
#include "io/files.h"

#include <stdio.h>
#include <string.h>

#define LATE_S 5 /* a source that answers late may still tell of the last few seconds: they go next time */

/* ---- names ---- */

static void add_series(struct influx_names *names, uint32_t series, const struct sensor *s, enum reading_kind kind)
{
    names->series[series] = (struct influx_series){.device = names->device,
                                                   .sensor = must(strdup(s->id)),
                                                   .name = must(strdup(s->name)),
                                                   .type = (enum sensor_type)s->type,
                                                   .subtype = (enum sensor_subtype)s->subtype,
                                                   .kind = kind};
}

struct influx_names *influx_names_new(struct app *app)
{
    struct influx_names *names;
    const struct sensor *s;
    size_t n;

    store_want_none(app->store, STORE_INFLUX);
    for (size_t cursor = 0; (s = sensors_next(&app->sensors, &cursor));)
        for (int kind = 0; kind < READING_KINDS; kind++)
            if (s->unit[kind])
                store_want(app->store, STORE_INFLUX, store_series(app->store, s->id, (enum reading_kind)kind));
    n = store_series_count(app->store);
    names = must(calloc(1, sizeof *names + n * sizeof names->series[0]));
    names->users = 1;
    names->generation = store_generation(app->store);
    names->n = n;
    names->device = must(strdup(app->settings->device.id));
    for (size_t cursor = 0; (s = sensors_next(&app->sensors, &cursor));)
        for (int kind = 0; kind < READING_KINDS; kind++)
            if (s->unit[kind])
                add_series(names, store_series(app->store, s->id, (enum reading_kind)kind), s, (enum reading_kind)kind);
    return names;
}

void influx_names_release(struct influx_names *names)
{
    if (!names || --names->users > 0)
        return;
    for (size_t i = 0; i < names->n; i++) {
        free((char *)names->series[i].sensor);
        free((char *)names->series[i].name);
    }
    free(names->device);
    free(names);
}

/* ---- in the pool ---- */

static bool is_late(const struct influx_read *r, const struct store_row *row)
{
    return row->era == r->era && row->unix_s > r->late_s;
}

static void gather(struct influx_read *r, const struct store_row *row, int64_t unix_s)
{
    r->at = store_row_key(row);
    if (row->series >= r->names->n || !r->names->series[row->series].sensor)
        return;
    r->rows[r->n] = *row;
    r->rows[r->n++].unix_s = unix_s;
}

/* A walk gives STORE_ROWS rows at most, so that there is room. */
static bool on_row(void *ctx, const struct store_row *row, int64_t unix_s)
{
    struct influx_read *r = ctx;

    r->ended = is_late(r, row);
    if (!r->ended)
        gather(r, row, unix_s);
    return !r->ended;
}

static int by_key(const void *a, const void *b)
{
    const struct influx_unwritten *x = a, *y = b;
    struct store_key kx = store_row_key(&x->row), ky = store_row_key(&y->row);

    return store_key_cmp(&kx, &ky);
}

/* All that is on the disk is read: rows in memory come behind it. */
static int gather_unwritten(struct influx_read *r)
{
    struct influx_unwritten *u = r->unwritten;

    if (r->n_unwritten)
        qsort(u, r->n_unwritten, sizeof *u, by_key);
    for (size_t i = 0; i < r->n_unwritten && !is_late(r, &u[i].row); i++) {
        struct store_key k = store_row_key(&u[i].row);
        if (store_key_cmp(&k, &r->at) <= 0)
            continue;
        if (r->n == STORE_ROWS)
            return 1;
        gather(r, &u[i].row, u[i].unix_s);
    }
    return 0;
}

/* With each read anew: a file that was replaced counts. */
static void read_token(struct influx_read *r)
{
    char *text = NULL;
    size_t len = 0;
    int err;

    if (!r->token_file)
        return;
    err = files_read(r->token_file, 2 * INFLUX_TOKEN_MAX, &text, &len);
    if (err < 0) {
        snprintf(r->error, sizeof r->error, "influx.token_file cannot be read: %s", strerror(-err));
        return;
    }
    if (influx_auth(text, len, r->version_1, r->auth) < 0)
        snprintf(r->error, sizeof r->error, "influx.token_file does not begin with a line that is a token");
    explicit_bzero(text, len);
    free(text);
}

static int run(struct store_job *j, struct store_db *db)
{
    struct influx_read *r = (struct influx_read *)j;
    struct store_key walked = r->at;
    int more;

    r->rows = must(malloc(STORE_ROWS * sizeof *r->rows));
    more = store_db_read(db, &walked, CLOCK_LOCAL, STORE_ROWS, on_row, r);
    if (more == 0 && !r->ended)
        more = gather_unwritten(r);
    if (more < 0)
        return more;
    influx_batch_make(&r->batch, r->rows, r->n, r->names->series);
    r->rows = NULL;
    if (r->n)
        read_token(r);
    return more;
}

/* ---- on the loop ---- */

static void forget(struct influx_read *r)
{
    influx_batch_fini(&r->batch);
    free(r->unwritten);
    free(r->rows);
    r->unwritten = NULL;
    r->rows = NULL;
    r->n = r->n_unwritten = 0;
    r->ended = false;
    explicit_bzero(r->auth, sizeof r->auth);
}

void influx_read_free(struct influx_read *r)
{
    forget(r);
    influx_names_release(r->names);
    free(r->token_file);
    free(r);
}

void influx_read_drop(struct influx_read *r)
{
    r->done = NULL;
}

static bool on_unwritten(void *ctx, const struct store_row *row, int64_t unix_s)
{
    struct influx_read *r = ctx;

    if (r->n_unwritten % STORE_ROWS == 0)
        r->unwritten = must(realloc(r->unwritten, (r->n_unwritten + STORE_ROWS) * sizeof *r->unwritten));
    r->unwritten[r->n_unwritten++] = (struct influx_unwritten){*row, unix_s};
    return true;
}

static void on_read(struct store_job *j, int status)
{
    struct influx_read *r = (struct influx_read *)j;

    if (r->done)
        r->done(r->ctx, r, status);
    else
        influx_read_free(r);
}

struct influx_read *influx_read_start(struct app *app, struct influx_names *names, const char *token_file,
                                      bool version_1, influx_read_done done, void *ctx)
{
    struct influx_read *r = must(calloc(1, sizeof *r));

    r->job = (struct store_job){.run = run, .done = on_read};
    r->done = done;
    r->ctx = ctx;
    r->names = names;
    names->users++;
    r->token_file = token_file ? must(strdup(token_file)) : NULL;
    r->version_1 = version_1;
    r->era = store_running_era(app->store);
    r->late_s = (app_mono_ms(app) + app->clock.offset_ms) / 1000 - LATE_S;
    r->at = store_position(app->store, STORE_INFLUX, 0).at;
    influx_batch_init(&r->batch);
    if (store_error(app->store))
        store_unwritten(app->store, CLOCK_LOCAL, on_unwritten, r);
    store_submit(app->store, STORE_READ, &r->job);
    return r;
}
