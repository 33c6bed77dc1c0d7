#include "unit.h"

#include "core/thinning.h"

#include <stdlib.h>
#include <string.h>

#define NOW  INT64_C(1795441058)
#define DAY  86400
#define WEEK (7 * DAY)
#define MANY 3000

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

/* The rules as a reader of the spec would write them, without a thought for speed. */
static int64_t naive_span(enum thin_level level, int64_t age)
{
    switch (level) {
    case THIN_SPEC:
        return age > 2 * DAY ? DAY : age > 7200 ? 900 : 60;
    case THIN_HARD:
        return age > 30 * DAY ? INT64_MAX : age > DAY ? DAY : age > 7200 ? 3600 : 60;
    case THIN_HARDEST:
        return age > 2 * DAY ? INT64_MAX : age > 7200 ? DAY : 900;
    default:
        return 0;
    }
}

static bool naive_same(enum thin_level level, int64_t now, int64_t a, int64_t b)
{
    int64_t span = naive_span(level, now - a);

    return span && span == naive_span(level, now - b) && a / span == b / span;
}

static bool naive_drops(enum thin_level level, int64_t now, const struct thin_row *r, size_t n, size_t i)
{
    return i > 0 && i + 1 < n && naive_same(level, now, r[i].unix_s, r[i - 1].unix_s) &&
           naive_same(level, now, r[i].unix_s, r[i + 1].unix_s);
}

static size_t random_series(struct thin_row *rows)
{
    static const uint64_t steps[] = {1, 2, 5, 30, 60, 70, 300, 900, 4000, 90000};
    size_t n = draw(MANY);
    uint64_t step = steps[draw(10)];
    int64_t s = NOW - (int64_t)draw(50 * DAY);

    for (size_t i = 0; i < n; i++) {
        if (draw(50) == 0)
            step = steps[draw(10)];
        s += 1 + (int64_t)draw(step);
        rows[i] = (struct thin_row){.unix_s = s, .value = (int64_t)i, .era = (uint32_t)i, .key_s = -s};
    }
    return n;
}

static void the_same_as_the_naive_rules(void **state)
{
    static struct thin_row rows[MANY], thin[MANY];

    (void)state;
    for (seed = 1; seed < 400; seed++) {
        uint64_t keep_seed = seed;
        size_t n = random_series(rows), wanted = 0;
        enum thin_level level = (enum thin_level)draw(THIN_LEVELS);
        int64_t now = NOW - 100 + (int64_t)draw(10000);
        memcpy(thin, rows, sizeof rows);
        size_t left = thinning_array(level, now, thin, n);
        for (size_t i = 0; i < n; i++) {
            bool drops = naive_drops(level, now, rows, n, i);
            if (i > 0 && i + 1 < n)
                assert_int_equal(thinning_drops(level, now, rows[i - 1].unix_s, rows[i].unix_s, rows[i + 1].unix_s),
                                 drops);
            if (!drops)
                assert_memory_equal(&thin[wanted++], &rows[i], sizeof rows[i]);
        }
        assert_int_equal(left, wanted);
        assert_int_equal(thinning_array(level, now, thin, left), left); /* once more changes nothing */
        seed = keep_seed;
    }
}

static void the_ends_stay(void **state)
{
    struct thin_row rows[] = {{.unix_s = 100, .value = 7}, {.unix_s = 101}, {.unix_s = 102, .value = 9}};

    (void)state;
    for (int level = THIN_SPEC; level < THIN_LEVELS; level++) {
        struct thin_row copy[3];
        memcpy(copy, rows, sizeof rows);
        assert_int_equal(thinning_array((enum thin_level)level, NOW, copy, 3), 2);
        assert_int_equal(copy[0].value, 7);
        assert_int_equal(copy[1].value, 9);
        assert_int_equal(thinning_array((enum thin_level)level, NOW, copy, 1), 1);
        assert_int_equal(thinning_array((enum thin_level)level, NOW, copy, 0), 0);
    }
    assert_int_equal(thinning_array(THIN_NONE, NOW, rows, 3), 3);
}

/* "no more than": at exactly two hours a row is not older than two hours */
static void borders_are_where_the_spec_says(void **state)
{
    int64_t now = 1700000000 - 1700000000 % DAY + 3 * DAY; /* all spans begin here */

    (void)state;
    assert_false(thinning_drops(THIN_SPEC, now, now - 7200, now - 7140, now - 7139));
    assert_true(thinning_drops(THIN_SPEC, now, now - 7200, now - 7199, now - 7141));
    assert_false(thinning_drops(THIN_SPEC, now, now - 7202, now - 7201, now - 7200)); /* the rule changes in between */
    assert_true(thinning_drops(THIN_SPEC, now, now - 8100, now - 8000, now - 7201));
    assert_false(thinning_drops(THIN_SPEC, now, now - 2 * DAY - 2, now - 2 * DAY - 1, now - 2 * DAY));
    assert_true(thinning_drops(THIN_SPEC, now, now - 3 * DAY, now - 2 * DAY - 2, now - 2 * DAY - 1));
    assert_false(thinning_drops(THIN_HARD, now, now - 40 * DAY, now - 30 * DAY - 1, now - 30 * DAY));
    assert_true(thinning_drops(THIN_HARD, now, now - 90 * DAY, now - 40 * DAY, now - 30 * DAY - 1));
    assert_true(thinning_drops(THIN_HARDEST, now, now - 90 * DAY, now - 40 * DAY, now - 2 * DAY - 1));
    assert_false(thinning_drops(THIN_NONE, now, now, now, now));
}

static void rows_from_the_future_are_young(void **state)
{
    (void)state;
    assert_true(thinning_drops(THIN_SPEC, 0, 60000, 60001, 60059));
    assert_false(thinning_drops(THIN_SPEC, 0, 60000, 60001, 60060));
}

static void a_week_of_seconds_is_few_rows(void **state)
{
    /* SPEC: both ends of 6 days, of 185 quarters of an hour, of 121 minutes; each border adds one that it cuts */
    static const size_t wanted[THIN_LEVELS] = {WEEK, 2 * (6 + 185 + 121), 302, 26};
    struct thin_row row = {0};
    const struct thin_row *kept;

    (void)state;
    for (int level = 0; level < THIN_LEVELS; level++) {
        struct thinner t;
        size_t n = 0;
        int64_t last = 0;
        thinner_init(&t, (enum thin_level)level, NOW);
        for (row.unix_s = NOW - WEEK + 1; row.unix_s <= NOW; row.unix_s++)
            if ((kept = thinner_push(&t, &row))) {
                assert_true(kept->unix_s > last);
                last = kept->unix_s;
                n++;
            }
        kept = thinner_finish(&t);
        assert_non_null(kept);
        assert_int_equal(kept->unix_s, NOW);
        n++;
        assert_int_equal(n, wanted[level]);
        assert_int_equal(t.dropped, WEEK - n);
        assert_null(thinner_finish(&t));
    }
}

/* Thinned each interval as it ages, a series ends as one that is thinned once, but for the rows at a border that passed
 * through a span: there the row that would be an end now may have gone while it was not, and one a span away stayed. */
static void aging_step_by_step_ends_alike(void **state)
{
    struct thin_row *often = calloc(3 * DAY, sizeof *often), *once = calloc(3 * DAY, sizeof *once);
    size_t n = 0, m = 0, elsewhere = 0;
    int64_t now = NOW;

    (void)state;
    for (; now < NOW + 3 * DAY; now++) {
        often[n++] = once[m++] = (struct thin_row){.unix_s = now};
        if (now % 300 == 0)
            n = thinning_array(THIN_SPEC, now, often, n);
    }
    n = thinning_array(THIN_SPEC, now, often, n);
    m = thinning_array(THIN_SPEC, now, once, m);
    for (size_t i = 0, j = 0; i < m; i++) {
        while (j < n && often[j].unix_s < once[i].unix_s)
            j++;
        assert_true(j < n && often[j].unix_s - once[i].unix_s <= 900);
        elsewhere += often[j].unix_s != once[i].unix_s;
    }
    assert_in_range(elsewhere, 0, 4);
    assert_in_range(n, m - 2, m + 4);
    free(often);
    free(once);
}

/* A damaged file may hold any stamp: nothing overflows, nothing hangs. */
static void extremes_are_harmless(void **state)
{
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -86401, -1, 0, 59, INT64_MAX - 1, INT64_MAX};

    (void)state;
    for (int level = 0; level < THIN_LEVELS; level++)
        for (size_t i = 0; i < 64; i++) {
            int64_t s = times[i % 8], now = times[i / 8];
            struct thin_span span = thinning_span((enum thin_level)level, now, s);
            if (level != THIN_NONE && s != INT64_MAX)
                assert_true(thin_span_has(&span, s));
        }
    assert_true(thinning_drops(THIN_SPEC, 0, -60, -30, -1));
    assert_false(thinning_drops(THIN_SPEC, 0, -60, -30, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_as_the_naive_rules),     cmocka_unit_test(the_ends_stay),
        cmocka_unit_test(borders_are_where_the_spec_says), cmocka_unit_test(rows_from_the_future_are_young),
        cmocka_unit_test(a_week_of_seconds_is_few_rows),   cmocka_unit_test(aging_step_by_step_ends_alike),
        cmocka_unit_test(extremes_are_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
