/* Rows, positions and counter states: what goes into the database and comes out. */
#include "io/store_sql.h"

#include <stdio.h>
#include <string.h>

static void bind_key(sqlite3_stmt *st, const struct store_key *k)
{
    sqlite3_bind_int64(st, 1, k->era);
    sqlite3_bind_int64(st, 2, k->unix_s);
    sqlite3_bind_int64(st, 3, k->series);
}

static void text_out(char *out, size_t size, sqlite3_stmt *st, int column)
{
    const unsigned char *text = sqlite3_column_text(st, column);

    snprintf(out, size, "%s", text ? (const char *)text : "");
}

/* ---- writing ---- */

static int put_series(struct store_db *db, const struct store_series *s)
{
    sqlite3_stmt *st = store_sql(db, SQL_PUT_SERIES);

    sqlite3_bind_int64(st, 1, s->series);
    sqlite3_bind_text(st, 2, s->id, -1, SQLITE_STATIC);
    sqlite3_bind_int(st, 3, s->kind);
    return store_sql_run(db, st);
}

static int put_era(struct store_db *db, const struct store_era *e)
{
    sqlite3_stmt *st = store_sql(db, SQL_PUT_ERA);

    sqlite3_bind_int64(st, 1, e->era);
    sqlite3_bind_text(st, 2, e->boot, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, e->offset_ms);
    sqlite3_bind_int64(st, 4, e->shift_s);
    sqlite3_bind_int(st, 5, (int)e->clock);
    return store_sql_run(db, st);
}

static int put_counter(struct store_db *db, const struct ledger_saved *s)
{
    const int64_t numbers[] = {s->raw + s->offset, s->raw,     s->offset, s->before,
                               s->known,           s->swapped, s->seen,   s->fast,
                               s->first,           s->last,    s->unix_s};
    sqlite3_stmt *st = store_sql(db, SQL_PUT_COUNTER);

    sqlite3_bind_text(st, 1, s->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 2, s->source, -1, SQLITE_STATIC);
    for (int i = 0; i < (int)ARRAY_LEN(numbers); i++)
        sqlite3_bind_int64(st, 3 + i, numbers[i]);
    return store_sql_run(db, st);
}

static int put_row(struct store_db *db, const struct store_row *r)
{
    sqlite3_stmt *st = store_sql(db, SQL_PUT_ROW);

    bind_key(st, &(struct store_key){r->unix_s, r->era, r->series});
    sqlite3_bind_int64(st, 4, r->milli);
    return store_sql_run(db, st);
}

static int put_position(struct store_db *db, const struct store_position *p)
{
    const int64_t numbers[] = {p->reader,    p->series,   p->at.era,      p->at.unix_s,
                               p->at.series, p->newest_s, p->newest_milli};
    sqlite3_stmt *st = store_sql(db, SQL_PUT_POSITION);

    for (int i = 0; i < (int)ARRAY_LEN(numbers); i++)
        sqlite3_bind_int64(st, 1 + i, numbers[i]);
    return store_sql_run(db, st);
}

/* A transaction that is on the disk when it ends. */
static int begin(struct store_db *db)
{
    int err = store_sql_lazily(db, false);

    return err < 0 ? err : store_sql_run(db, store_sql(db, SQL_BEGIN));
}

static int write_all(struct store_db *db, const struct store_batch *b)
{
    int err = begin(db);

    if (err < 0)
        return err;
    for (size_t i = 0; i < b->n_series && !err; i++)
        err = put_series(db, &b->series[i]);
    for (size_t i = 0; i < b->n_eras && !err; i++)
        err = put_era(db, &b->eras[i]);
    for (size_t i = 0; i < b->n_counters && !err; i++)
        err = put_counter(db, &b->counters[i]);
    for (size_t i = 0; i < b->n_rows && !err; i++)
        err = put_row(db, &b->rows[i]);
    for (size_t i = 0; i < b->n_positions && !err; i++)
        err = put_position(db, &b->positions[i]);
    return store_sql_end(db, err);
}

/* On a full disk the log is worked off first: its own room is enough for many more writes. */
int store_db_write(struct store_db *db, const struct store_batch *b)
{
    int err = write_all(db, b);

    return err == STORE_FULL && store_sql_work_off(db) == 0 ? write_all(db, b) : err;
}

int store_db_reader(struct store_db *db, enum store_reader reader, bool on, const struct store_key *from)
{
    int err = begin(db);
    sqlite3_stmt *st;

    if (err < 0)
        return err;
    st = store_sql(db, SQL_DROP_POSITIONS);
    sqlite3_bind_int(st, 1, (int)reader);
    err = store_sql_run(db, st);
    st = store_sql(db, on ? SQL_PUT_READER : SQL_DROP_READER);
    sqlite3_bind_int(st, 1, (int)reader);
    if (!err)
        err = store_sql_run(db, st);
    if (!err && on)
        err = put_position(db, &(struct store_position){.reader = reader, .at = *from});
    return store_sql_end(db, err);
}

static int put_quarantine(struct store_db *db, enum store_reader reader, const struct store_row *row, int64_t now_s,
                          const char *reason)
{
    const int64_t numbers[] = {reader, row->series, row->unix_s, row->milli, now_s};
    sqlite3_stmt *st = store_sql(db, SQL_PUT_QUARANTINE);

    for (int i = 0; i < (int)ARRAY_LEN(numbers); i++)
        sqlite3_bind_int64(st, 1 + i, numbers[i]);
    sqlite3_bind_text(st, 6, reason, -1, SQLITE_STATIC);
    return store_sql_run(db, st);
}

int store_db_quarantine(struct store_db *db, enum store_reader reader, const struct store_row *rows, size_t n,
                        int64_t now_s, const char *reason)
{
    int err = store_sql_run(db, store_sql(db, SQL_BEGIN));
    sqlite3_stmt *st;

    if (err < 0)
        return err;
    for (size_t i = 0; i < n && !err; i++)
        err = put_quarantine(db, reader, &rows[i], now_s, reason);
    st = store_sql(db, SQL_CUT_QUARANTINE);
    sqlite3_bind_int(st, 1, (int)reader);
    if (!err)
        err = store_sql_run(db, st);
    return store_sql_end(db, err);
}

/* ---- reading ---- */

/* Call row() for each row of a statement. */
static int each(struct store_db *db, enum store_statement s, void (*row)(void *ctx, sqlite3_stmt *st), void *ctx)
{
    sqlite3_stmt *st = store_sql(db, s);
    int rc;

    if (!st)
        return store_sql_error(db, sqlite3_extended_errcode(db->sql));
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        row(ctx, st);
    int result = rc == SQLITE_DONE ? 0 : store_sql_error(db, rc);
    sqlite3_reset(st);
    return result;
}

struct walk {
    union {
        store_counter_cb counter;
        store_series_cb series;
        store_position_cb position;
        store_era_cb era;
    };
    void *ctx;
    bool *on;
};

static void counter_row(void *ctx, sqlite3_stmt *st)
{
    struct walk *w = ctx;
    struct ledger_saved s = {.raw = sqlite3_column_int64(st, 2),
                             .offset = sqlite3_column_int64(st, 3),
                             .before = sqlite3_column_int64(st, 4),
                             .known = sqlite3_column_int(st, 5) != 0,
                             .swapped = sqlite3_column_int(st, 6) != 0,
                             .seen = (unsigned)sqlite3_column_int(st, 7),
                             .fast = sqlite3_column_int(st, 8) != 0,
                             .first = sqlite3_column_int64(st, 9),
                             .last = sqlite3_column_int64(st, 10),
                             .unix_s = sqlite3_column_int64(st, 11)};

    text_out(s.id, sizeof s.id, st, 0);
    text_out(s.source, sizeof s.source, st, 1);
    if (sensor_id_valid(s.id))
        w->counter(w->ctx, &s);
}

int store_db_counters(struct store_db *db, store_counter_cb cb, void *ctx)
{
    struct walk w = {.counter = cb, .ctx = ctx};

    return each(db, SQL_GET_COUNTERS, counter_row, &w);
}

static void series_row(void *ctx, sqlite3_stmt *st)
{
    struct walk *w = ctx;
    struct store_series s = {.series = (uint32_t)sqlite3_column_int64(st, 0),
                             .kind = (uint8_t)sqlite3_column_int(st, 2)};

    text_out(s.id, sizeof s.id, st, 1);
    if (sensor_id_valid(s.id) && s.series && s.kind < READING_KINDS)
        w->series(w->ctx, &s);
}

int store_db_series(struct store_db *db, store_series_cb cb, void *ctx)
{
    struct walk w = {.series = cb, .ctx = ctx};

    return each(db, SQL_GET_SERIES, series_row, &w);
}

static void era_row(void *ctx, sqlite3_stmt *st)
{
    struct walk *w = ctx;
    struct store_era e = {.era = (uint32_t)sqlite3_column_int64(st, 0),
                          .offset_ms = sqlite3_column_int64(st, 2),
                          .shift_s = sqlite3_column_int64(st, 3),
                          .clock = (enum clock_state)sqlite3_column_int(st, 4)};

    text_out(e.boot, sizeof e.boot, st, 1);
    w->era(w->ctx, &e);
}

int store_db_eras(struct store_db *db, store_era_cb cb, void *ctx)
{
    struct walk w = {.era = cb, .ctx = ctx};

    return each(db, SQL_GET_ERAS, era_row, &w);
}

static void reader_row(void *ctx, sqlite3_stmt *st)
{
    struct walk *w = ctx;
    int reader = sqlite3_column_int(st, 0);

    if (reader >= 0 && reader < STORE_READERS)
        w->on[reader] = true;
}

static void position_row(void *ctx, sqlite3_stmt *st)
{
    struct walk *w = ctx;
    struct store_position p = {.reader = (enum store_reader)sqlite3_column_int(st, 0),
                               .series = (uint32_t)sqlite3_column_int64(st, 1),
                               .at = {.era = (uint32_t)sqlite3_column_int64(st, 2),
                                      .unix_s = sqlite3_column_int64(st, 3),
                                      .series = (uint32_t)sqlite3_column_int64(st, 4)},
                               .newest_s = sqlite3_column_int64(st, 5),
                               .newest_milli = sqlite3_column_int64(st, 6)};

    if ((int)p.reader >= 0 && p.reader < STORE_READERS && w->on[p.reader])
        w->position(w->ctx, &p);
}

int store_db_positions(struct store_db *db, bool on[STORE_READERS], store_position_cb cb, void *ctx)
{
    struct walk w = {.position = cb, .ctx = ctx, .on = on};
    int err;

    memset(on, 0, STORE_READERS * sizeof on[0]);
    err = each(db, SQL_GET_READERS, reader_row, &w);
    return err < 0 ? err : each(db, SQL_GET_POSITIONS, position_row, &w);
}

/* The shift of the era that rows come from now; they come era by era. */
struct shifts {
    struct store_era *v;
    size_t n;
};

static void collect_era(void *ctx, const struct store_era *e)
{
    struct shifts *s = ctx;

    s->v = must(realloc(s->v, (s->n + 1) * sizeof *s->v));
    s->v[s->n++] = *e;
}

static const struct store_era *era_of(const struct shifts *s, uint32_t era)
{
    static const struct store_era unknown = {.clock = CLOCK_SYNCED}; /* its line was lost: as it stands */

    for (size_t i = s->n; i-- > 0;)
        if (s->v[i].era == era)
            return &s->v[i];
    return &unknown;
}

int store_db_read(struct store_db *db, struct store_key *at, enum clock_state clock, int max, store_row_cb cb,
                  void *ctx)
{
    sqlite3_stmt *st = store_sql(db, SQL_GET_ROWS);
    struct shifts shifts = {0};
    const struct store_era *e = NULL;
    int rc = SQLITE_ERROR, n = 0, result = store_db_eras(db, collect_era, &shifts);
    bool go_on = true;

    if (result < 0)
        goto out;
    bind_key(st, at);
    sqlite3_bind_int(st, 4, max);
    while (go_on && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_row r = {.era = (uint32_t)sqlite3_column_int64(st, 0),
                              .unix_s = sqlite3_column_int64(st, 1),
                              .series = (uint32_t)sqlite3_column_int64(st, 2),
                              .milli = sqlite3_column_int64(st, 3)};
        if (!e || e->era != r.era)
            e = era_of(&shifts, r.era);
        if (e->clock < clock)
            break; /* its stamps wait until more is known */
        *at = (struct store_key){r.unix_s, r.era, r.series};
        n++;
        go_on = cb(ctx, &r, r.unix_s + e->shift_s);
    }
    result = rc == SQLITE_ROW || rc == SQLITE_DONE ? rc == SQLITE_DONE && n == max : store_sql_error(db, rc);
    sqlite3_reset(st);
out:
    free(shifts.v);
    return result;
}

/* ---- deleting ---- */

/* The first row there is. 1; 0: there is none; negative. */
static int first_row(struct store_db *db, struct store_key *k)
{
    sqlite3_stmt *st = store_sql(db, SQL_FIRST_ROW);
    int rc = sqlite3_step(st);

    if (rc == SQLITE_ROW)
        *k = (struct store_key){sqlite3_column_int64(st, 1), (uint32_t)sqlite3_column_int64(st, 0), 0};
    sqlite3_reset(st);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : store_sql_error(db, rc);
}

/* How many seconds hold some STORE_PURGE rows is not known: it is felt for, from purge to purge. */
static void adapt_span(struct store_db *db, int deleted)
{
    int64_t span_s = db->purge_span_s * STORE_PURGE / (deleted ? deleted : 1);

    if (span_s > 4 * db->purge_span_s)
        span_s = 4 * db->purge_span_s; /* a quiet stretch says little of the next */
    db->purge_span_s = span_s < 1 ? 1 : span_s > INT32_MAX ? INT32_MAX : span_s;
}

int store_db_purge(struct store_db *db, const struct store_key *to, int *deleted)
{
    struct store_key first, last = *to;
    sqlite3_stmt *st;
    int err = first_row(db, &first);
    bool more;

    *deleted = 0;
    if (err <= 0 || store_key_cmp(&first, to) > 0)
        return err < 0 ? err : 0;
    more = first.era < to->era || first.unix_s < to->unix_s - db->purge_span_s;
    if (more)
        last = (struct store_key){first.unix_s + db->purge_span_s - 1, first.era, UINT32_MAX};
    if ((err = store_sql_lazily(db, true)) < 0)
        return err;
    st = store_sql(db, SQL_PURGE);
    bind_key(st, &last);
    err = store_sql_run(db, st);
    if (err < 0)
        return err;
    *deleted = sqlite3_changes(db->sql);
    adapt_span(db, *deleted);
    return more;
}

int store_db_delete(struct store_db *db, const struct store_key *keys, size_t n)
{
    int err;

    if (n == 0)
        return 0;
    if ((err = store_sql_lazily(db, true)) < 0 || (err = store_sql_run(db, store_sql(db, SQL_BEGIN))) < 0)
        return err;
    for (size_t i = 0; i < n && !err; i++) {
        sqlite3_stmt *st = store_sql(db, SQL_DELETE_ROW);
        bind_key(st, &keys[i]);
        err = store_sql_run(db, st);
    }
    return store_sql_end(db, err);
}

int store_db_tidy(struct store_db *db, uint32_t keep_era)
{
    sqlite3_stmt *st = store_sql(db, SQL_TIDY_ERAS);
    int err;

    sqlite3_bind_int64(st, 1, keep_era);
    err = store_sql_run(db, st);
    return err < 0 ? err : store_sql_exec(db, "PRAGMA incremental_vacuum(256)");
}
