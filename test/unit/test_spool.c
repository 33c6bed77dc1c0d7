#include "unit.h"

#include "core/spool.h"

#include <stdlib.h>

#define NOW 1800000000

static struct spool s;

static int setup(void **state)
{
    (void)state;
    spool_init(&s);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    spool_fini(&s);
    return 0;
}

static void add(uint32_t era, uint32_t series, int64_t unix_s, int64_t milli)
{
    spool_add(&s, &(struct store_row){.unix_s = unix_s, .milli = milli, .era = era, .series = series});
}

static void rows_come_back_before_newer_ones(void **state)
{
    size_t n;

    (void)state;
    add(1, 1, NOW, 1);
    add(1, 2, NOW, 2);
    struct store_row *rows = spool_take(&s, &n);
    assert_int_equal(n, 2);
    add(1, 1, NOW + 1, 3);
    spool_put_back(&s, rows, n);
    free(rows);
    assert_int_equal(s.n, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(s.rows[i].milli, i + 1);
}

/* A minute of two series: both ends of each minute stay, each series for itself. */
static void a_minute_keeps_its_ends(void **state)
{
    (void)state;
    for (int i = 0; i < 120; i++) {
        add(1, 1, NOW + i, i); /* NOW is the start of a minute */
        add(1, 2, NOW + i, i);
    }
    assert_int_equal(spool_thin(&s, THIN_NONE), 0);
    assert_int_equal(spool_thin(&s, THIN_SPEC), 240 - 8);
    const int64_t want[] = {0, 0, 59, 59, 60, 60, 119, 119};
    for (int i = 0; i < 8; i++) {
        assert_int_equal(s.rows[i].milli, want[i]);
        assert_int_equal(s.rows[i].series, 1 + i % 2);
    }
}

/* pitfall 18: rows of a clock that was not set are no older for that. */
static void each_era_has_its_own_age(void **state)
{
    (void)state;
    for (int i = 0; i < 120; i++)
        add(1, 1, 120 + i, i); /* 1970 */
    for (int i = 0; i < 60; i++)
        add(2, 1, NOW + i, 120 + i);
    spool_thin(&s, THIN_SPEC);
    assert_int_equal(s.n, 6);
}

/* pitfall 10: without a disk for a month it stays bounded, and the newest counter is there. */
static void it_is_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 30 * 86400; i++) {
        add(1, 1, NOW + i, i);
        assert_true(s.n <= SPOOL_ROWS);
    }
    assert_int_equal(s.rows[0].milli, 0);
    assert_int_equal(s.rows[s.n - 1].milli, 30 * 86400 - 1);
    for (size_t i = 1; i < s.n; i++)
        assert_true(s.rows[i].unix_s > s.rows[i - 1].unix_s);
    assert_true(s.thinned > 0);
}

static void more_series_than_rows(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 6; round++)
        for (uint32_t series = 1; series <= 40000; series++)
            add(1, series, NOW + round, round);
    assert_true(s.n <= 160000);
    unsigned newest = 0;
    for (size_t i = 0; i < s.n; i++)
        newest += s.rows[i].milli == 5;
    assert_int_equal(newest, 40000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_come_back_before_newer_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(a_minute_keeps_its_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(each_era_has_its_own_age, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(more_series_than_rows, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
