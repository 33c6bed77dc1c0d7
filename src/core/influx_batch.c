#include "core/influx_batch.h"

#include "core/thinning.h"

#include <string.h>

void influx_batch_init(struct influx_batch *b)
{
    *b = (struct influx_batch){0};
    jsonw_init(&b->body);
}

void influx_batch_fini(struct influx_batch *b)
{
    free(b->rows);
    free(b->line);
    jsonw_free(&b->body);
    influx_batch_init(b);
}

static int by_series(const void *a, const void *b)
{
    const struct store_row *x = a, *y = b;

    if (x->series != y->series)
        return x->series < y->series ? -1 : 1;
    if (x->unix_s != y->unix_s)
        return x->unix_s < y->unix_s ? -1 : 1;
    return x->era < y->era ? -1 : x->era > y->era;
}

/* The lines of rows [i, end), all of one series. */
static void put_lines(struct influx_batch *b, size_t i, size_t end, const struct influx_series *series)
{
    struct thin_row *rows = must(calloc(end - i, sizeof *rows));
    size_t at = b->body.len;

    for (size_t k = i; k < end; k++)
        rows[k - i] = (struct thin_row){.unix_s = b->rows[k].unix_s, .value = b->rows[k].milli};
    influx_lines(&b->body, series, rows, end - i);
    free(rows);
    for (size_t k = i; k < end; k++) {
        const char *nl = memchr(b->body.buf + at, '\n', b->body.len - at);
        b->line[k] = at;
        at = (size_t)(nl - b->body.buf) + 1;
    }
}

void influx_batch_make(struct influx_batch *b, struct store_row *rows, size_t n, const struct influx_series *series)
{
    influx_batch_init(b);
    b->rows = rows;
    b->n = b->hi = b->most = n;
    b->line = must(calloc(n + 1, sizeof *b->line));
    if (n)
        qsort(rows, n, sizeof *rows, by_series);
    for (size_t i = 0, end = 0; i < n; i = end) {
        while (end < n && rows[end].series == rows[i].series)
            end++;
        put_lines(b, i, end, &series[rows[i].series]);
    }
    b->line[n] = b->body.len;
}

const char *influx_batch_window(const struct influx_batch *b, size_t *len)
{
    size_t lo = b->probe ? b->probe - 1 : b->lo, hi = b->probe ? b->probe : b->hi;

    *len = b->n ? b->line[hi] - b->line[lo] : 0;
    return b->body.buf + (b->n ? b->line[lo] : 0);
}

/* Rows of the first half of [lo, hi), which are two at least; between two series, if that is somewhere in the middle:
 * what is refused is mostly all of a series. */
static size_t half(const struct influx_batch *b, size_t lo, size_t hi)
{
    size_t middle = (hi - lo) / 2;

    for (size_t off = 0; off <= (hi - lo) / 4; off++) {
        for (int side = 0; side < 2; side++) {
            size_t i = lo + (side ? middle - off : middle + off);
            if (i > lo && i < hi && b->rows[i - 1].series != b->rows[i].series)
                return i - lo;
        }
    }
    return middle;
}

/* The next window begins at lo: which it is. */
static void aim(struct influx_batch *b, size_t lo)
{
    size_t n = b->n - lo;

    b->lo = lo;
    if (b->suspect > lo)
        n = b->suspect - lo > 1 ? half(b, lo, b->suspect) : 1; /* the whole would be refused again */
    else if (b->alone)
        n = b->alone < n ? b->alone : n;
    if (b->suspect <= lo)
        b->suspect = 0;
    b->hi = lo + (n < b->most ? n : b->most);
}

/* The database has shown that it takes rows, or names them: the accused are sent again, each by itself. */
static void begin_trial(struct influx_batch *b)
{
    b->probe = b->accused ? b->accused_at + 1 : 0;
    b->trial = b->accused;
    b->accused = 0;
}

/* Rows of the window are refused, and those that follow may be, too: without a count they are tried one by one, when it
 * is the second time. */
static void fell(struct influx_batch *b, bool counted, size_t *first, size_t *n)
{
    *first = b->lo;
    *n = b->hi - b->lo;
    b->refused += *n;
    b->alone = !counted && b->fallen && b->fallen == b->lo;
    b->fallen = b->hi;
    b->suspect = 0;
    aim(b, b->hi);
    begin_trial(b);
}

static void took(struct influx_batch *b)
{
    b->taken += b->hi - b->lo;
    b->good = b->hi;
    b->alone *= 2;
    aim(b, b->hi);
    begin_trial(b);
}

/* Rows behind lo of the series whose last rows were refused just now. */
static size_t same_series(const struct influx_batch *b)
{
    size_t i = b->lo;

    while (b->fallen && b->fallen == b->lo && i < b->hi && b->rows[i].series == b->rows[b->lo - 1].series)
        i++;
    return i - b->lo;
}

static void halve(struct influx_batch *b, const struct influx_blame *blame)
{
    size_t same = blame->dropped ? same_series(b) : 0, n = same < blame->dropped ? same : blame->dropped;

    b->suspect = b->hi;
    b->hi = b->lo + (n && n < b->hi - b->lo ? n : half(b, b->lo, b->hi));
}

/* The next row that may show whether any row is taken: the first of the next series, else the very last one. */
static int next_probe(struct influx_batch *b, size_t from)
{
    size_t i = from;

    while (i < b->n && b->rows[i].series == b->rows[from - 1].series)
        i++;
    if (i == b->n && !b->probe)
        i = b->n - 1;
    if (i == b->n || i < b->lo)
        return -1;
    b->probe = i + 1;
    return 0;
}

/* One row, and it is not sure that it is the row. */
static int accuse(struct influx_batch *b)
{
    if (b->accused++ == 0)
        b->accused_at = b->lo;
    b->suspect = 0;
    b->alone = 1;
    aim(b, b->lo + 1);
    if (b->accused < INFLUX_ACCUSED && b->lo < b->n)
        return 0;
    b->probe = b->good;
    b->probes = 0;
    return b->probe ? 0 : next_probe(b, b->lo);
}

/* The answer to a row that was sent by itself, in place of the window. */
static int probed(struct influx_batch *b, bool taken, size_t *first, size_t *n)
{
    if (!b->trial && taken) {
        begin_trial(b);
    } else if (!b->trial) {
        return b->probe == b->good || ++b->probes == INFLUX_PROBES ? -1 : next_probe(b, b->probe);
    } else {
        *first = b->probe - 1;
        *n = !taken;
        b->refused += !taken;
        b->taken += taken;
        b->probe = --b->trial ? b->probe + 1 : 0;
    }
    return 0;
}

static int refusal(struct influx_batch *b, const struct influx_blame *blame, size_t *first, size_t *n)
{
    size_t window = b->hi - b->lo;

    if (blame->certain && (window == 1 || blame->dropped == window)) {
        fell(b, blame->dropped > 0, first, n);
        return 0;
    }
    if (window == 1)
        return accuse(b);
    halve(b, blame);
    return 0;
}

int influx_batch_answer(struct influx_batch *b, const struct answer *a, const struct influx_blame *blame, size_t *first,
                        size_t *n)
{
    *first = b->lo;
    *n = 0;
    if (influx_batch_done(b))
        return 0;
    if (b->probe)
        return probed(b, a->kind == ANSWER_OK, first, n);
    if (a->kind == ANSWER_OK) {
        took(b);
        return 0;
    }
    if (a->kind != ANSWER_TOO_LARGE || b->hi - b->lo == 1)
        return refusal(b, blame, first, n);
    b->most = (b->hi - b->lo) / 2;
    aim(b, b->lo);
    return 0;
}
