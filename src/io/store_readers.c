/* Readers of the store: who wants what, how far each is, and what may go. */
#include "io/store_impl.h"

#include "io/log.h"

#include <string.h>

#define SWEEP_MS 3600000 /* rows that wait are looked through so often */
#define FIRST_MS 600000  /* … and so long after the start: by then a server that is there has them */

static bool wants(const struct store_series_state *x, int reader)
{
    return x->wanted >> reader & 1;
}

void store_reader_on(struct store *s, enum store_reader reader, enum thin_level level)
{
    struct store_reader_state *r = &s->readers[reader];

    r->level = level;
    r->decided = true;
    if (r->on)
        return;
    r->on = true;
    if (r->saved_on)
        return; /* its places are those of the file */
    store_watch_clock(s);
    int64_t unix_s = (store_mono_ms(s) + s->era.offset_ms) / 1000;
    r->base = (struct store_position){.reader = reader, .at = {.unix_s = unix_s - 1, .era = s->era.era}};
    r->base_unsaved = true;
}

void store_reader_off(struct store *s, enum store_reader reader)
{
    struct store_reader_state *r = &s->readers[reader];
    bool was = r->on || r->saved_on;

    r->decided = true;
    r->on = false;
    r->waiting = r->oldest_s = 0;
    for (size_t i = 0; i < s->n_series; i++) {
        s->series[i].placed &= (uint8_t) ~(1 << reader);
        s->series[i].unsaved &= (uint8_t) ~(1 << reader);
    }
    store_want_none(s, reader);
    if (was)
        store_purge(s);
}

void store_want_none(struct store *s, enum store_reader reader)
{
    for (size_t i = 0; i < s->n_series; i++)
        s->series[i].wanted &= (uint8_t) ~(1 << reader);
}

void store_want(struct store *s, enum store_reader reader, uint32_t series)
{
    s->series[series].wanted |= (uint8_t)(1 << reader);
}

bool store_wanted(const struct store *s, uint32_t series)
{
    return s->series[series].wanted;
}

struct store_position store_position(const struct store *s, enum store_reader reader, uint32_t series)
{
    struct store_position p = s->readers[reader].base;

    if (series < s->n_series && s->series[series].placed >> reader & 1)
        p = s->series[series].at[reader];
    p.series = series;
    return p;
}

void store_moved(struct store *s, const struct store_position *p, int64_t rows)
{
    struct store_reader_state *r = &s->readers[p->reader];

    r->waiting -= rows < r->waiting ? rows : r->waiting;
    if (!p->series) {
        r->base = *p;
        r->base_unsaved = true;
        return;
    }
    struct store_series_state *x = &s->series[p->series];
    x->at[p->reader] = *p;
    x->placed |= (uint8_t)(1 << p->reader);
    x->unsaved |= (uint8_t)(1 << p->reader);
}

struct store_key store_reader_start(const struct store *s, enum store_reader reader)
{
    struct store_key first = {.unix_s = INT64_MAX, .era = UINT32_MAX, .series = UINT32_MAX};

    for (uint32_t i = 1; i < s->n_series; i++) {
        if (!wants(&s->series[i], reader))
            continue;
        struct store_key at = store_position(s, reader, i).at;
        if (store_key_cmp(&at, &first) < 0)
            first = at;
    }
    return first;
}

int64_t store_waiting(const struct store *s, enum store_reader reader)
{
    return s->readers[reader].waiting;
}

int64_t store_oldest_age_s(const struct store *s, enum store_reader reader)
{
    const struct store_reader_state *r = &s->readers[reader];
    int64_t now_s = store_unix_s(s), passed_s = store_reader_start(s, reader).unix_s;
    int64_t oldest_s = passed_s != INT64_MAX && passed_s > r->oldest_s ? passed_s : r->oldest_s;

    return r->waiting && oldest_s && now_s > oldest_s ? now_s - oldest_s : 0;
}

void store_count_waiting(struct store *s, const struct store_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (int r = 0; r < STORE_READERS; r++) {
            struct store_reader_state *x = &s->readers[r];
            if (rows[i].series >= s->n_series || !wants(&s->series[rows[i].series], r))
                continue;
            if (x->waiting++ == 0)
                x->oldest_s = rows[i].unix_s;
        }
    }
}

static bool all_decided(const struct store *s)
{
    for (int r = 0; r < STORE_READERS; r++)
        if (!s->readers[r].decided)
            return false;
    return true;
}

void store_found_waiting(struct store *s, enum store_reader reader, int64_t rows)
{
    s->readers[reader].waiting = rows;
}

void store_sweep_later(struct store *s)
{
    s->sweep_ms = store_mono_ms(s) + FIRST_MS;
}

/* ---- deleting what all have passed ---- */

static int run_purge(struct store_job *j, struct store_db *db)
{
    struct store *s = (struct store *)((char *)j - offsetof(struct store, purge));

    int more = store_db_purge(db, &s->purge_to, &s->purge_deleted);

    if (!more)
        store_db_measure(db);
    return more;
}

static void on_purged(struct store_job *j, int status)
{
    struct store *s = (struct store *)((char *)j - offsetof(struct store, purge));

    s->rows_deleted += s->purge_deleted;
    s->purge_deleted = 0;
    if (status > 0 && !s->closing) {
        store_submit(s, STORE_THIN, &s->purge);
        return;
    }
    s->purging = false;
}

void store_purge(struct store *s)
{
    struct store_key to = {.unix_s = INT64_MAX, .era = UINT32_MAX, .series = UINT32_MAX};

    if (s->purging || s->closing || !all_decided(s))
        return;
    for (int r = 0; r < STORE_READERS; r++) {
        struct store_key start = store_reader_start(s, (enum store_reader)r);
        if (s->readers[r].on && store_key_cmp(&start, &to) < 0)
            to = start;
    }
    s->purge_to = to;
    s->purging = true;
    s->purge = (struct store_job){.run = run_purge, .done = on_purged};
    store_submit(s, STORE_THIN, &s->purge);
}

/* ---- the sweep: single rows that may go, and how many wait ---- */

/* One series while the rows pass. */
struct sweep_series {
    uint8_t wanted;
    struct store_key at[STORE_READERS];
    /* its newest row so far, when it stays */
    bool held, first; /* first of its span */
    enum thin_level level;
    struct thin_span span;
    struct store_key key;
};

struct store_sweep {
    struct store_job job;
    struct store *store;
    struct store_key at, end; /* rows behind the end came since it began */
    size_t n;
    enum thin_level level[STORE_READERS], forced;
    int64_t now_s, max_age_s;
    int64_t waiting[STORE_READERS], oldest_s[STORE_READERS];
    struct store_key go[STORE_ROWS];
    size_t n_go;
    int64_t deleted, thinned;
    uint32_t era;
    struct sweep_series series[]; /* n */
};

/* Which readers still need the row: a bit each. */
static unsigned needed_by(const struct sweep_series *x, const struct store_key *k)
{
    unsigned need = 0;

    for (int r = 0; r < STORE_READERS; r++)
        if (x->wanted >> r & 1 && store_key_cmp(k, &x->at[r]) > 0)
            need |= 1u << r;
    return need;
}

static struct thin_span span_of(const struct store_sweep *w, enum thin_level level, int64_t unix_s)
{
    int64_t old_s = w->now_s - w->max_age_s;

    if (unix_s < old_s) /* too old: one span for all of it */
        return (struct thin_span){.start = INT64_MIN, .width = (uint64_t)old_s - (uint64_t)INT64_MIN};
    return thinning_span(level, w->now_s, unix_s);
}

static bool sweep_row(void *ctx, const struct store_row *r, int64_t unix_s)
{
    struct store_sweep *w = ctx;
    struct store_key k = store_row_key(r);
    struct sweep_series *x = r->series < w->n ? &w->series[r->series] : NULL;
    unsigned need;
    enum thin_level level = THIN_LEVELS;

    if (!x || store_key_cmp(&k, &w->end) > 0)
        return true;
    need = needed_by(x, &k);
    if (!need) {
        w->go[w->n_go++] = k;
        return w->n_go < STORE_ROWS;
    }
    for (int i = 0; i < STORE_READERS; i++) {
        if (!(need >> i & 1))
            continue;
        w->waiting[i]++;
        if (!w->oldest_s[i] || unix_s < w->oldest_s[i])
            w->oldest_s[i] = unix_s;
        if (w->level[i] < level)
            level = w->level[i];
    }
    if (w->forced > level)
        level = w->forced;
    bool same = x->held && x->level == level && thin_span_has(&x->span, unix_s);
    if (same && !x->first) {
        w->go[w->n_go++] = x->key;
        w->thinned++;
        for (int i = 0; i < STORE_READERS; i++)
            w->waiting[i] -= need >> i & 1;
    }
    if (!same)
        x->span = span_of(w, level, unix_s);
    x->held = true;
    x->first = !same;
    x->level = level;
    x->key = k;
    return w->n_go < STORE_ROWS;
}

static int run_sweep(struct store_job *j, struct store_db *db)
{
    struct store_sweep *w = (struct store_sweep *)j;
    int more, err;

    w->n_go = 0;
    more = store_db_read(db, &w->at, CLOCK_UNSET, STORE_WALK, sweep_row, w);
    if (more < 0)
        return more;
    err = store_db_delete(db, w->go, w->n_go);
    if (err < 0)
        return err;
    w->deleted += (int64_t)w->n_go;
    if (more || w->n_go == STORE_ROWS)
        return 1;
    err = store_db_tidy(db, w->era);
    store_db_measure(db);
    return err;
}

void store_sweep_free(struct store *s)
{
    free(s->sweep);
    s->sweep = NULL;
}

/* Over the cap on bytes: thin further, one step a sweep, and say so. */
static void judge_size(struct store *s)
{
    if (s->bytes <= s->config.max_bytes) {
        s->forced = s->bytes <= s->config.max_bytes / 2 ? THIN_NONE : s->forced;
        return;
    }
    if (s->forced + 1 >= THIN_LEVELS)
        return;
    s->forced++;
    s->sweep_ms = 0; /* at once */
    log_warn("store: %lld MB are more than storage.max_size: rows that wait to be forwarded are thinned further (step "
             "%d of %d); energy is not lost, resolution is",
             (long long)s->bytes / 1000000, s->forced, THIN_LEVELS - 1);
}

static void on_swept(struct store_job *j, int status)
{
    struct store_sweep *w = (struct store_sweep *)j;
    struct store *s = w->store;

    if (status > 0 && !s->closing) {
        store_submit(s, STORE_THIN, j);
        return;
    }
    s->rows_thinned += w->thinned;
    s->rows_deleted += w->deleted - w->thinned;
    if (status == 0) {
        for (int r = 0; r < STORE_READERS; r++) {
            s->readers[r].waiting = s->readers[r].on ? w->waiting[r] : 0;
            s->readers[r].oldest_s = w->oldest_s[r];
        }
    }
    store_sweep_free(s);
    judge_size(s);
}

static void sweep(struct store *s)
{
    struct store_sweep *w = must(calloc(1, sizeof *w + s->n_series * sizeof w->series[0]));

    w->job = (struct store_job){.run = run_sweep, .done = on_swept};
    w->store = s;
    w->n = s->n_series;
    w->forced = s->forced;
    w->now_s = (store_mono_ms(s) + s->clock->offset_ms) / 1000;
    w->max_age_s = s->config.max_age_s;
    w->era = s->era.era;
    w->end = (struct store_key){w->now_s, s->era.era, UINT32_MAX};
    for (int r = 0; r < STORE_READERS; r++)
        w->level[r] = s->readers[r].level;
    for (uint32_t i = 1; i < s->n_series; i++) {
        for (int r = 0; r < STORE_READERS; r++) {
            if (!s->readers[r].on || !wants(&s->series[i], r))
                continue;
            w->series[i].wanted |= (uint8_t)(1 << r);
            w->series[i].at[r] = store_position(s, (enum store_reader)r, i).at;
        }
    }
    s->sweep = w;
    s->sweep_ms = store_mono_ms(s) + SWEEP_MS;
    store_submit(s, STORE_THIN, &w->job);
}

void store_maybe_sweep(struct store *s)
{
    if (!s->sweep)
        judge_size(s);
    if (!s->sweep && all_decided(s) && store_mono_ms(s) >= s->sweep_ms)
        sweep(s);
}

/* ---- numbers ---- */

void store_stats(void *store, stat_emit emit, void *ctx)
{
    const struct store *s = store;
    const struct stat_value v[] = {
        {"store_up", NULL, STAT_GAUGE, !s->error[0], "1 while the disk takes what is to be written."},
        {"store_bytes", NULL, STAT_GAUGE, s->bytes, "Bytes of the database in use."},
        {"store_bytes_written_total", NULL, STAT_COUNTER, s->bytes_written,
         "Bytes written to the database and its log by this program."},
        {"store_rows_written_total", NULL, STAT_COUNTER, s->rows_written, "Rows written."},
        {"store_rows_thinned_total", NULL, STAT_COUNTER, s->rows_thinned + (int64_t)s->spool.thinned,
         "Rows dropped because their neighbours tell as much."},
        {"store_rows_deleted_total", NULL, STAT_COUNTER, s->rows_deleted,
         "Rows deleted after all readers passed them."},
        {"store_rows_unwritten", NULL, STAT_GAUGE, (int64_t)s->spool.n, "Rows in memory, not yet on the disk."},
    };

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit(ctx, &v[i]);
}
