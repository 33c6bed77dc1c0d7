/* Thinning: which rows of a series go as it ages. It loses resolution, never energy: a series' first and last row stay,
 * and so do both ends of every span. It never looks at values, reads no clock and allocates nothing.
 *
 *     older than   0        2 h              2 days            30 days
 *     SPEC         60 s     900 s            86 400 s                      before each report (flukso-api.md)
 *     HARD         60 s     3600 s           86 400 s from 1 day; one span for all the rest from 30 days
 *     HARDEST      900 s    86 400 s         one span for all the rest
 *
 * A row goes only when its predecessor and its successor lie in the same span as it does:
 *
 *     span    |  a  b  c  d  |  e  |  f  g  |
 *     kept    |  a        d  |  e  |  f  g  |
 *
 * What decides is the same before and after: thinning what was thinned already, at the same time, changes nothing. */
#ifndef CORE_THINNING_H
#define CORE_THINNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum thin_level { THIN_NONE, THIN_SPEC, THIN_HARD, THIN_HARDEST, THIN_LEVELS };

/* A row of a series. Only unix_s matters here; era and key_s are the owner's. */
struct thin_row {
    int64_t unix_s;
    int64_t value; /* thousandths of the unit */
    uint32_t era;
    int64_t key_s;
};

/* A stretch of time within which only the first and the last row stay: width seconds from start on. */
struct thin_span {
    int64_t start;
    uint64_t width; /* 0: holds nothing, not even the row it was asked for (THIN_NONE) */
};

/* The span in which second s lies at now_s. A row from the future counts as the youngest. */
struct thin_span thinning_span(enum thin_level level, int64_t now_s, int64_t s);

static inline bool thin_span_has(const struct thin_span *p, int64_t s)
{
    return (uint64_t)s - (uint64_t)p->start < p->width;
}

/* Does the row of second s go, which has neighbours of seconds before_s and after_s? Not to be asked for the ends. */
bool thinning_drops(enum thin_level level, int64_t now_s, int64_t before_s, int64_t s, int64_t after_s);

/* One series, row by row in ascending time. */
struct thinner {
    enum thin_level level;
    bool holding, first; /* a row waits for its successor; it is the first of its span */
    int64_t now_s;
    struct thin_span span; /* of the row held */
    struct thin_row held, out;
    uint64_t dropped;
};

void thinner_init(struct thinner *t, enum thin_level level, int64_t now_s);

/* Give the next row. Returns a row that stays, valid until the next call, or NULL: none was decided, or one was
 * dropped. Rows come out as they went in, one later. Inline: a backlog passes it by the million. */
static inline const struct thin_row *thinner_push(struct thinner *t, const struct thin_row *row)
{
    bool same = t->holding && thin_span_has(&t->span, row->unix_s);
    bool drop = same && !t->first;
    bool keep = t->holding && !drop;

    if (keep)
        t->out = t->held;
    t->dropped += drop;
    if (!same)
        t->span = thinning_span(t->level, t->now_s, row->unix_s);
    t->held = *row;
    t->holding = true;
    t->first = !same;
    return keep ? &t->out : NULL;
}

/* The series ends: its last row, which always stays, or NULL when there was none. A next series may follow. */
const struct thin_row *thinner_finish(struct thinner *t);

/* Thin n rows in place. Returns how many are left. */
size_t thinning_array(enum thin_level level, int64_t now_s, struct thin_row *rows, size_t n);

#endif
