#include "core/flukso_gather.h"

#include "core/clock.h"
#include "core/util.h"

#include <string.h>

void flukso_gather_init(struct flukso_gather *g, int64_t now_s, int64_t newest_s, int64_t newest_milli)
{
    memset(g, 0, sizeof *g);
    g->now_s = now_s;
    g->newest_s = newest_s > CLOCK_FLOOR_S ? newest_s : CLOCK_FLOOR_S;
    g->has_units = newest_s > 0;
    g->units = newest_milli / 1000;
    thinner_init(&g->thinner, THIN_SPEC, now_s);
}

static void put(struct flukso_gather *g, const struct thin_row *row)
{
    if (g->n == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 16;
        g->rows = must(realloc(g->rows, g->cap * sizeof *g->rows));
    }
    g->rows[g->n++] = *row;
    g->full = g->n == FLUKSO_GATHER_ROWS;
}

static void see(struct flukso_gather *g, const struct store_row *r)
{
    g->seen = store_row_key(r);
    g->any = true;
    g->passed++;
}

void flukso_gather_row(struct flukso_gather *g, const struct store_row *r, int64_t unix_s)
{
    struct thin_row row = {.unix_s = unix_s, .value = r->milli, .era = r->era, .key_s = r->unix_s};
    int64_t units = r->milli / 1000;

    if (g->full || g->held)
        return; /* rows of a series stay in order */
    if (unix_s > g->now_s + FLUKSO_AHEAD_S) {
        g->held++;
        return;
    }
    if (unix_s <= g->newest_s) {
        g->stale++;
        g->passed += g->has_late;
        g->has_late = g->has_units && units > g->units;
        g->late = *r;
        if (!g->has_late)
            see(g, r);
        return;
    }
    g->passed += g->has_late;
    g->has_late = false;
    if (g->has_units && units == g->units) {
        g->unchanged++;
        see(g, r);
        return;
    }
    const struct thin_row *kept = thinner_push(&g->thinner, &row);
    if (kept)
        put(g, kept);
    if (g->full)
        return; /* this row, which the thinner holds, begins the next batch */
    g->newest_s = unix_s;
    g->has_units = true;
    g->units = units;
    see(g, r);
}

void flukso_gather_finish(struct flukso_gather *g)
{
    bool full = g->full;
    const struct thin_row *last = full ? NULL : thinner_finish(&g->thinner);

    if (last)
        put(g, last);
    if (g->has_late && g->newest_s >= g->now_s + FLUKSO_AHEAD_S) {
        g->held++;
    } else if (g->has_late) {
        put(g, &(struct thin_row){g->newest_s + 1, g->late.milli, g->late.era, g->late.unix_s});
        see(g, &g->late);
    }
    g->full = full;
}
