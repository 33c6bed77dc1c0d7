#include "core/spool.h"

#include "core/util.h"

#include <string.h>

#define ENDS_ONLY THIN_LEVELS /* one span for all of a series */

void spool_init(struct spool *s)
{
    memset(s, 0, sizeof *s);
}

void spool_fini(struct spool *s)
{
    free(s->rows);
    spool_init(s);
}

static void reserve(struct spool *s, size_t n)
{
    if (n <= s->cap)
        return;
    s->cap = n + n / 2 + 64;
    s->rows = must(realloc(s->rows, s->cap * sizeof *s->rows));
}

/* What is known of a series while its rows pass. */
struct passing {
    struct thin_span span;
    size_t held; /* 1 + place of its newest row so far; 0: none */
    uint32_t era;
    bool first; /* that row is the first of its span */
};

/* The newest second of the era that begins at row i. */
static int64_t era_end(const struct spool *s, size_t i)
{
    int64_t end = s->rows[i].unix_s;

    for (size_t k = i; k < s->n && s->rows[k].era == s->rows[i].era; k++)
        if (s->rows[k].unix_s > end)
            end = s->rows[k].unix_s;
    return end;
}

static void pass(struct spool *s, struct passing *p, size_t i, int level, int64_t now_s)
{
    const struct store_row *r = &s->rows[i];
    bool same = p->held && (level == ENDS_ONLY || (p->era == r->era && thin_span_has(&p->span, r->unix_s)));

    if (same && !p->first)
        s->rows[p->held - 1].series = 0; /* it goes */
    if (!same && level != ENDS_ONLY)
        p->span = thinning_span((enum thin_level)level, now_s, r->unix_s);
    p->held = i + 1;
    p->era = r->era;
    p->first = !same;
}

static size_t thin(struct spool *s, int level)
{
    struct passing *series = must(calloc(s->max_series + 1, sizeof *series));
    int64_t now_s = 0;
    size_t kept = 0, before = s->n;

    for (size_t i = 0; i < s->n; i++) {
        if (i == 0 || s->rows[i].era != s->rows[i - 1].era)
            now_s = era_end(s, i);
        pass(s, &series[s->rows[i].series], i, level, now_s);
    }
    for (size_t i = 0; i < s->n; i++)
        if (s->rows[i].series)
            s->rows[kept++] = s->rows[i];
    s->n = kept;
    free(series);
    return before - kept;
}

size_t spool_thin(struct spool *s, enum thin_level level)
{
    return level == THIN_NONE ? 0 : thin(s, (int)level);
}

static void bound(struct spool *s)
{
    size_t most = 4 * (size_t)s->max_series > SPOOL_ROWS ? 4 * (size_t)s->max_series : SPOOL_ROWS;

    if (s->n < most)
        return;
    for (int level = THIN_SPEC; level <= ENDS_ONLY && s->n > most / 2; level++)
        s->thinned += thin(s, level);
}

static void take_in(struct spool *s, const struct store_row *r)
{
    s->rows[s->n++] = *r;
    if (r->series > s->max_series)
        s->max_series = r->series;
}

void spool_add(struct spool *s, const struct store_row *r)
{
    reserve(s, s->n + 1);
    take_in(s, r);
    bound(s);
}

struct store_row *spool_take(struct spool *s, size_t *n)
{
    struct store_row *rows = s->rows;

    *n = s->n;
    s->rows = NULL;
    s->n = s->cap = 0;
    return rows;
}

void spool_put_back(struct spool *s, const struct store_row *rows, size_t n)
{
    if (n == 0)
        return;
    reserve(s, s->n + n);
    memmove(s->rows + n, s->rows, s->n * sizeof *s->rows);
    memcpy(s->rows, rows, n * sizeof *rows);
    s->n += n;
    bound(s);
}
