/* Eras: what the rows' stamps are worth, once more is known of the time. */
#include "io/store_sql.h"

#include <string.h>

#define AHEAD_MS 60000 /* a stamp further ahead of the time that all agree on is never sent */

struct settling {
    const struct store_now *now;
    struct store_era *changed;
    size_t n;
};

static void note(struct settling *s, const struct store_era *e, int64_t shift_s)
{
    s->changed = grown(s->changed, s->n, sizeof *s->changed);
    s->changed[s->n] = *e;
    s->changed[s->n].shift_s = shift_s;
    s->changed[s->n++].clock = s->now->clock;
}

/* Within a second it is the same time: an era ends when the clocks move apart by more. */
static int64_t rounded_s(int64_t ms)
{
    if (ms > -1000 && ms < 1000)
        return 0;
    return (ms >= 0 ? ms + 500 : ms - 500) / 1000;
}

/* This boot: the monotonic clock ran through, so what the wall clock was off is known exactly. */
static void judge_own(void *ctx, const struct store_era *e)
{
    struct settling *s = ctx;
    int64_t off_ms = s->now->offset_ms - e->offset_ms;

    if (strcmp(e->boot, s->now->boot) != 0)
        return;
    if (e->clock < s->now->clock || (s->now->clock == CLOCK_SYNCED && e->shift_s * 1000 - off_ms > AHEAD_MS))
        note(s, e, rounded_s(off_ms));
}

/* Another boot: its rows came before this one began. */
static void judge_other(void *ctx, const struct store_era *e)
{
    struct settling *s = ctx;

    if (strcmp(e->boot, s->now->boot) != 0 && e->clock < s->now->clock)
        note(s, e, e->shift_s);
}

/* The last stamp of an era, unshifted; 0 when it has no row. */
static int last_of(struct store_db *db, uint32_t era, int64_t *last)
{
    sqlite3_stmt *st = store_sql(db, SQL_LAST_OF_ERA);
    int rc;

    sqlite3_bind_int64(st, 1, era);
    rc = sqlite3_step(st);
    *last = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    return rc == SQLITE_ROW ? 0 : store_sql_error(db, rc);
}

int store_db_settle(struct store_db *db, const struct store_now *now)
{
    struct settling s = {.now = now};
    int64_t boot_s = now->offset_ms / 1000; /* when the monotonic clock was 0 */
    size_t own;
    int err;

    err = now->clock == CLOCK_UNSET ? 0 : store_db_eras(db, judge_own, &s);
    own = s.n;
    if (!err && now->clock != CLOCK_UNSET)
        err = store_db_eras(db, judge_other, &s);
    for (size_t i = own; i < s.n && !err; i++) {
        int64_t last;
        err = last_of(db, s.changed[i].era, &last);
        if (last <= CLOCK_FLOOR_S || last + s.changed[i].shift_s >= boot_s)
            s.changed[i].shift_s = boot_s - 1 - last;
    }
    if (!err && s.n)
        err = store_db_write(db, &(struct store_batch){.eras = s.changed, .n_eras = s.n});
    free(s.changed);
    return err < 0 ? err : (int)s.n;
}
