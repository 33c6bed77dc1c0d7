/* Taking over a file: at start, when it could not be opened before, or after a damaged one was replaced. The numbers of
 * series are the file's; what is known in memory is newer than what the file says. */
#include "io/store_impl.h"

#include "io/log.h"

#include <search.h>
#include <string.h>

struct store_loaded {
    struct store_series *series;
    struct store_position *positions;
    struct ledger_saved *counters;
    struct ledger_marks *marks;
    size_t n_series, n_positions, n_counters, n_marks;
    bool on[STORE_READERS];
    uint32_t max_era, max_series;
};

/* ---- in the pool ---- */

static void keep_series(void *ctx, const struct store_series *x)
{
    struct store_loaded *l = ctx;

    l->series = grown(l->series, l->n_series, sizeof *l->series);
    l->series[l->n_series++] = *x;
    if (x->series > l->max_series)
        l->max_series = x->series;
}

static void keep_position(void *ctx, const struct store_position *x)
{
    struct store_loaded *l = ctx;

    l->positions = grown(l->positions, l->n_positions, sizeof *l->positions);
    l->positions[l->n_positions++] = *x;
    if (x->at.era > l->max_era) /* its era may be gone, with all its rows */
        l->max_era = x->at.era;
}

static void keep_counter(void *ctx, const struct ledger_saved *x)
{
    struct store_loaded *l = ctx;

    l->counters = grown(l->counters, l->n_counters, sizeof *l->counters);
    l->counters[l->n_counters++] = *x;
}

static void keep_marks(void *ctx, const struct ledger_marks *x)
{
    struct store_loaded *l = ctx;

    l->marks = grown(l->marks, l->n_marks, sizeof *l->marks);
    l->marks[l->n_marks++] = *x;
}

static void keep_era(void *ctx, const struct store_era *x)
{
    struct store_loaded *l = ctx;

    if (x->era > l->max_era)
        l->max_era = x->era;
}

struct store_loaded *store_load(struct store_db *db)
{
    struct store_loaded *l = must(calloc(1, sizeof *l));

    if (store_db_series(db, keep_series, l) == 0 && store_db_positions(db, l->on, keep_position, l) == 0 &&
        store_db_counters(db, keep_counter, l) == 0 && store_db_marks(db, keep_marks, l) == 0 &&
        store_db_eras(db, keep_era, l) == 0)
        return l;
    store_loaded_free(l);
    return NULL;
}

void store_loaded_free(struct store_loaded *l)
{
    free(l->series);
    free(l->positions);
    free(l->counters);
    free(l->marks);
    free(l);
}

/* ---- the index of series ---- */

struct store_index {
    char key[SENSOR_ID_LEN + 2]; /* the id, then the kind as '0' or '1' */
    uint32_t series;
};

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, SENSOR_ID_LEN + 1);
}

void store_index_free(struct store *s)
{
    tdestroy(s->by_id, free);
    s->by_id = NULL;
}

static struct store_index *find(const struct store *s, const char *id, int kind)
{
    struct store_index key = {.series = 0};

    memcpy(key.key, id, SENSOR_ID_LEN);
    key.key[SENSOR_ID_LEN] = (char)('0' + kind);
    struct store_index *const *node = tfind(&key, &s->by_id, by_key);
    return node ? *node : NULL;
}

static void place(struct store *s, const struct store_series *def, bool saved)
{
    struct store_index *x = must(calloc(1, sizeof *x));

    for (; s->n_series <= def->series; s->n_series++) {
        s->series = grown(s->series, s->n_series, sizeof *s->series);
        s->series[s->n_series] = (struct store_series_state){0};
    }
    s->series[def->series] = (struct store_series_state){.def = *def, .saved = saved};
    memcpy(x->key, def->id, SENSOR_ID_LEN);
    x->key[SENSOR_ID_LEN] = (char)('0' + def->kind);
    x->series = def->series;
    must(tsearch(x, &s->by_id, by_key));
}

uint32_t store_series(struct store *s, const char *id, enum reading_kind kind)
{
    const struct store_index *x = find(s, id, kind);
    struct store_series def = {.series = s->n_series ? (uint32_t)s->n_series : 1, .kind = (uint8_t)kind};

    if (x)
        return x->series;
    memcpy(def.id, id, SENSOR_ID_LEN);
    place(s, &def, false);
    return def.series;
}

unsigned store_generation(const struct store *s)
{
    return s->generation;
}

const struct store_series *store_series_of(const struct store *s, uint32_t series)
{
    return series < s->n_series && s->series[series].def.id[0] ? &s->series[series].def : NULL;
}

size_t store_series_count(const struct store *s)
{
    return s->n_series;
}

/* ---- on the loop ---- */

/* The file's numbers, then what only memory knows; rows in the spool get the new numbers. */
static void adopt_series(struct store *s, const struct store_loaded *l)
{
    struct store_series_state *old = s->series;
    size_t n_old = s->n_series;
    uint32_t *now = must(calloc(n_old + 1, sizeof *now));

    s->series = NULL;
    s->n_series = 0;
    store_index_free(s);
    for (size_t i = 0; i < l->n_series; i++)
        if (!find(s, l->series[i].id, l->series[i].kind))
            place(s, &l->series[i], true);
    for (size_t i = 1; i < n_old; i++) {
        if (!old[i].def.id[0])
            continue;
        now[i] = store_series(s, old[i].def.id, (enum reading_kind)old[i].def.kind);
        struct store_series_state *x = &s->series[now[i]];
        x->wanted = old[i].wanted;
        x->placed = x->unsaved = old[i].placed;
        memcpy(x->at, old[i].at, sizeof x->at);
        for (int r = 0; r < STORE_READERS; r++)
            x->at[r].series = now[i];
    }
    for (size_t i = 0; i < s->spool.n; i++)
        s->spool.rows[i].series = now[s->spool.rows[i].series];
    s->spool.max_series = s->n_series ? (uint32_t)s->n_series - 1 : 0;
    free(now);
    free(old);
    s->generation++;
}

static void adopt_positions(struct store *s, const struct store_loaded *l)
{
    for (size_t i = 0; i < l->n_positions; i++) {
        const struct store_position *p = &l->positions[i];
        struct store_series_state *x = p->series < s->n_series ? &s->series[p->series] : NULL;
        if (!p->series && !s->readers[p->reader].on)
            s->readers[p->reader].base = *p;
        else if (p->series && x && !(x->placed >> p->reader & 1)) {
            x->at[p->reader] = *p;
            x->placed |= (uint8_t)(1 << p->reader);
        }
    }
    for (int r = 0; r < STORE_READERS; r++)
        s->readers[r].saved_on = l->on[r];
}

static void say_what_was_found(const struct store *s)
{
    const struct store_opened *o = &s->db.opened;

    if (o->aside[0])
        log_warn("store: the database could not be used (%s): it is kept as %s; %lld rows and %lld counters were read "
                 "out of it",
                 o->why, o->aside, (long long)o->rescued_rows, (long long)o->rescued_counters);
    else if (o->made)
        log_info("store: %s is new", s->db.path);
    else if (o->migrated_from)
        log_note("store: %s was of version %d and is of version %d now", s->db.path, o->migrated_from, STORE_VERSION);
}

/* Counters of rows that came before the ledger was known may lack what it adds to them: later ones have it. */
static void drop_counter_rows(struct store *s)
{
    size_t left = 0;

    for (size_t i = 0; i < s->spool.n; i++)
        if (s->series[s->spool.rows[i].series].def.kind != READING_COUNTER)
            s->spool.rows[left++] = s->spool.rows[i];
    s->rows_thinned += (int64_t)(s->spool.n - left);
    s->spool.n = left;
}

/* The first file knows more than memory does, a later one less: it may be an old one, or a damaged one's rest. */
static void adopt_counters(struct store *s, const struct store_loaded *l)
{
    for (size_t i = 0; i < l->n_counters; i++)
        if (!s->restored || !ledger_knows(s->ledger, l->counters[i].id))
            ledger_restore(s->ledger, &l->counters[i], store_mono_ms(s), store_unix_s(s));
    for (size_t i = 0; i < l->n_marks; i++)
        ledger_marks_restore(s->ledger, &l->marks[i]);
    if (!s->restored && l->n_counters)
        drop_counter_rows(s);
    s->restored = true;
    ledger_all_changed(s->ledger);
}

void store_adopt(struct store *s, struct store_loaded *l)
{
    say_what_was_found(s);
    adopt_series(s, l);
    adopt_positions(s, l);
    store_eras_adopt(s, l->max_era);
    adopt_counters(s, l);
    store_loaded_free(l);
}
