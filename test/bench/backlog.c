/* A week's backlog, three ways: `make` writes it, `bare` is SQLite alone reading, writing as JSON and deleting it,
 * `drain` is the daemon's keeper and reporter doing their work on it. Each prints a line of JSON. */
#include "app/flukso_impl.h"
#include "bench.h"
#include "core/num.h"
#include "settings_load.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SERIES 6

static int64_t unix_now(void)
{
    return (int64_t)time(NULL);
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say(long rows, double took)
{
    printf("{\"rows\": %ld, \"seconds\": %.3f}\n", rows, took);
}

/* ---- make ---- */

static void make_series(struct store_db *db)
{
    struct store_series s[SERIES];
    struct store_era era = {.era = 1, .boot = "bench", .clock = CLOCK_SYNCED};

    for (int i = 0; i < SERIES; i++) {
        s[i] = (struct store_series){.series = (uint32_t)i + 1, .kind = READING_COUNTER};
        snprintf(s[i].id, sizeof s[i].id, "a%031x", i);
    }
    if (store_db_write(db, &(struct store_batch){.series = s, .n_series = SERIES, .eras = &era, .n_eras = 1}) < 0 ||
        store_db_reader(db, STORE_FLUKSO, true, &(struct store_key){0}) < 0)
        bench_die(db->error);
}

static void make(const char *dir, long per_series)
{
    static struct store_row rows[SERIES * 10000];
    struct store_db db = {0};
    int64_t first = unix_now() - 10 - per_series;
    double start = seconds();
    size_t n = 0;

    if (store_db_open(&db, dir) < 0)
        bench_die(db.error);
    make_series(&db);
    for (long t = 0; t < per_series; t++) {
        for (uint32_t i = 1; i <= SERIES; i++)
            rows[n++] = (struct store_row){.unix_s = first + t, .milli = 1000 * (t + i), .era = 1, .series = i};
        if (n < ARRAY_LEN(rows) && t + 1 < per_series)
            continue;
        if (store_db_write(&db, &(struct store_batch){.rows = rows, .n_rows = n}) < 0)
            bench_die(db.error);
        n = 0;
    }
    store_db_close(&db);
    say(SERIES * per_series, seconds() - start);
}

/* ---- bare ---- */

static void must_ok(sqlite3 *sql, int rc)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        bench_die(sqlite3_errmsg(sql));
}

static void bare(const char *dir)
{
    static char json[64 * STORE_ROWS];
    char path[4096];
    sqlite3 *sql;
    sqlite3_stmt *get, *del;
    long rows = 0;
    int n, rc;

    snprintf(path, sizeof path, "%s/" STORE_FILE, dir);
    must_ok(NULL, sqlite3_open(path, &sql));
    must_ok(sql, sqlite3_exec(sql, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", NULL, NULL, NULL));
    must_ok(sql, sqlite3_prepare_v2(sql,
                                    "SELECT era, unix_s, series, milli FROM rows ORDER BY era, unix_s, series"
                                    " LIMIT 1000",
                                    -1, &get, NULL));
    must_ok(sql, sqlite3_prepare_v2(sql, "DELETE FROM rows WHERE (era, unix_s, series) <= (?, ?, ?)", -1, &del, NULL));
    double start = seconds();
    do {
        char *p = json;
        for (n = 0; (rc = sqlite3_step(get)) == SQLITE_ROW; n++) {
            *p++ = '[';
            p = num_put_int(p, sqlite3_column_int64(get, 1));
            *p++ = ',';
            p = num_put_int(p, sqlite3_column_int64(get, 3) / 1000);
            *p++ = ']';
            *p++ = ',';
            for (int i = 0; i < 3; i++)
                sqlite3_bind_int64(del, i + 1, sqlite3_column_int64(get, i));
        }
        must_ok(sql, rc);
        sqlite3_reset(get);
        if (n)
            must_ok(sql, sqlite3_step(del));
        sqlite3_reset(del);
        rows += n;
    } while (n);
    say(rows, seconds() - start);
    sqlite3_finalize(get);
    sqlite3_finalize(del);
    sqlite3_close(sql);
}

/* ---- drain ---- */

struct drain {
    struct app app;
    uv_timer_t look;
    long rows, deleted;
    int open;
};

static void see(void *ctx, const struct stat_value *v)
{
    struct drain *d = ctx;

    if (strcmp(v->name, "store_rows_deleted_total") == 0)
        d->deleted = (long)v->value;
}

static void on_look(uv_timer_t *t)
{
    struct drain *d = t->data;

    store_stats(d->app.store, see, d);
    if (d->deleted >= d->rows - SERIES) /* the last second's rows but one stay until the next report */
        uv_stop(d->app.loop);
}

static void on_closed(void *ctx)
{
    struct drain *d = ctx;

    d->open--;
}

static void drain(struct settings *settings, long rows)
{
    struct drain d = {.rows = rows};

    d.app.loop = uv_default_loop();
    d.app.settings = settings;
    sensors_init(&d.app.sensors);
    hub_init(&d.app.hub, &d.app.sensors);
    facts_init(&d.app.facts, 0);
    ledger_init(&d.app.ledger);
    clock_init(&d.app.clock);
    app_unix_s(&d.app);
    settings_set_sensors(settings, &d.app.sensors);
    void *keeper = service_keeper.new(&d.app);
    struct flukso *flukso = service_flukso.new(&d.app);
    service_keeper.apply(keeper, NULL, settings);
    store_reader_off(d.app.store, STORE_INFLUX);
    service_flukso.apply(flukso, NULL, settings);
    flukso->beat_ms = 0; /* what is measured begins at once */
    flukso->not_before_ms = flukso->report_ms = 0;
    flukso_step(flukso);
    uv_timer_init(d.app.loop, &d.look);
    d.look.data = &d;
    uv_timer_start(&d.look, on_look, 5, 5);
    double start = seconds();
    uv_run(d.app.loop, UV_RUN_DEFAULT);
    say(d.deleted, seconds() - start);
    uv_close((uv_handle_t *)&d.look, NULL);
    service_flukso.stop(flukso);
    service_keeper.stop(keeper);
    d.open = 2;
    service_flukso.close(flukso, on_closed, &d);
    service_keeper.close(keeper, on_closed, &d);
    while (d.open)
        uv_run(d.app.loop, UV_RUN_ONCE);
    ledger_fini(&d.app.ledger);
    sensors_fini(&d.app.sensors);
}

int main(int argc, char **argv)
{
    struct settings_load l;

    if (argc == 4 && strcmp(argv[1], "make") == 0) {
        make(argv[2], bench_arg(argv[3]));
    } else if (argc == 3 && strcmp(argv[1], "bare") == 0) {
        bare(argv[2]);
    } else if (argc == 4 && strcmp(argv[1], "drain") == 0) {
        settings_load(&l, argv[2], SETTINGS_CHECK, NULL, NULL);
        errno = EINVAL;
        if (!l.settings)
            bench_die(l.errors.v[0].message);
        l.settings->sensors[SERIES - 1].class = SENSOR_PULSE; /* a board has five that count: one more */
        drain(l.settings, bench_arg(argv[3]));
        settings_free(l.settings);
        settings_load_free(&l);
    } else {
        errno = EINVAL;
        bench_die("backlog (make DIR ROWS_PER_SERIES | bare DIR | drain SETTINGS ROWS)");
    }
    return 0;
}
