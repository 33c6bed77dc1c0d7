#include "unit.h"

#include "core/flukso_gather.h"

#include <stdlib.h>

#define NOW 1800000000 /* the start of a minute */

static struct flukso_gather g;

static int teardown(void **state)
{
    (void)state;
    free(g.rows);
    g.rows = NULL;
    return 0;
}

static void row(int64_t unix_s, int64_t milli)
{
    flukso_gather_row(&g, &(struct store_row){.unix_s = unix_s, .milli = milli, .era = 1, .series = 3}, unix_s);
}

static void a_minute_is_its_two_ends(void **state)
{
    (void)state;
    flukso_gather_init(&g, NOW + 60, 0, 0);
    for (int i = 0; i < 60; i++)
        row(NOW + i, 1000 * i);
    flukso_gather_finish(&g);
    assert_int_equal(g.n, 2);
    assert_int_equal(g.rows[0].unix_s, NOW);
    assert_int_equal(g.rows[1].unix_s, NOW + 59);
    assert_int_equal(g.seen.unix_s, NOW + 59);
    assert_int_equal(g.passed, 60);
}

/* "Only counter values that changed are reported"; the server takes whole units. */
static void only_another_whole_unit_is_news(void **state)
{
    (void)state;
    flukso_gather_init(&g, NOW + 600, NOW - 10, 4999);
    row(NOW, 4500);
    row(NOW + 100, 5000);
    row(NOW + 200, 5999);
    row(NOW + 300, 6000);
    flukso_gather_finish(&g);
    assert_int_equal(g.n, 2);
    assert_int_equal(g.rows[0].unix_s, NOW + 100);
    assert_int_equal(g.rows[1].unix_s, NOW + 300);
    assert_int_equal(g.unchanged, 2);
    assert_int_equal(g.seen.unix_s, NOW + 300);
}

static void what_the_server_has_is_passed(void **state)
{
    (void)state;
    flukso_gather_init(&g, NOW + 600, NOW + 5, 1000);
    row(NOW, 1000);
    row(NOW + 5, 2000);
    row(NOW + 6, 3000);
    flukso_gather_finish(&g);
    assert_int_equal(g.stale, 2);
    assert_int_equal(g.n, 1);
    assert_int_equal(g.rows[0].value, 3000);
}

/* A row ahead of the time is held, with those behind it, and does not count as newest. */
static void a_row_from_ahead_is_held(void **state)
{
    (void)state;
    flukso_gather_init(&g, NOW, 0, 0);
    row(NOW - 10, 1000);
    row(NOW + 60, 2000);
    row(NOW + 61, 3000);
    row(NOW + 62, 4000);
    flukso_gather_finish(&g);
    assert_int_equal(g.n, 2);
    assert_int_equal(g.seen.unix_s, NOW + 60);
    assert_int_equal(g.held, 1);
}

/* The clock was set back behind what the server has: the last value must not wait for the next change. */
static void the_last_value_is_told_after_a_step_back(void **state)
{
    (void)state;
    flukso_gather_init(&g, NOW, NOW + 50, 1000);
    row(NOW - 20, 1500);
    row(NOW - 10, 2000);
    row(NOW - 5, 3000);
    flukso_gather_finish(&g);
    assert_int_equal(g.n, 1);
    assert_int_equal(g.rows[0].unix_s, NOW + 51);
    assert_int_equal(g.rows[0].value, 3000);
    assert_int_equal(g.rows[0].key_s, NOW - 5);
    assert_int_equal(g.seen.unix_s, NOW - 5);
    assert_int_equal(g.passed, 3);
    teardown(NULL);
    flukso_gather_init(&g, NOW, NOW + 60, 1000); /* too far ahead: it waits */
    row(NOW - 20, 1500);
    row(NOW - 5, 3000);
    flukso_gather_finish(&g);
    assert_int_equal(g.n, 0);
    assert_int_equal(g.held, 1);
    assert_int_equal(g.seen.unix_s, NOW - 20);
    teardown(NULL);
    flukso_gather_init(&g, NOW, NOW - 8, 1000); /* something newer follows */
    row(NOW - 10, 2000);
    row(NOW - 5, 3000);
    flukso_gather_finish(&g);
    assert_int_equal(g.n, 1);
    assert_int_equal(g.rows[0].unix_s, NOW - 5);
}

static void a_clock_that_was_never_set_is_not_reported(void **state)
{
    (void)state;
    flukso_gather_init(&g, NOW, 0, 0);
    row(1234567890, 1000);
    row(1234567891, 2000);
    flukso_gather_finish(&g);
    assert_int_equal(g.n, 1);
}

/* More than one POST takes: no row is lost or doubled between the two. */
static void a_full_batch_goes_on_where_it_ended(void **state)
{
    struct store_row rows[1500];
    size_t next = 0, total = 0;
    int64_t newest_s = 0, newest = 0;

    (void)state;
    for (int i = 0; i < 1500; i++)
        rows[i] = (struct store_row){.unix_s = NOW + 60 * i, .milli = 1000 * i, .era = 1, .series = 3};
    for (int round = 0; round < 2; round++) {
        flukso_gather_init(&g, NOW + 7200, newest_s, newest);
        g.now_s = NOW + 60 * 1500;
        for (size_t i = next; i < 1500; i++)
            flukso_gather_row(&g, &rows[i], rows[i].unix_s);
        flukso_gather_finish(&g);
        assert_true(g.n <= FLUKSO_GATHER_ROWS);
        assert_true(g.full == (round == 0));
        for (size_t i = 0; i < g.n; i++)
            assert_int_equal(g.rows[i].value, 1000 * (int64_t)total++);
        assert_int_equal(g.seen.unix_s, g.rows[g.n - 1].unix_s);
        newest_s = g.rows[g.n - 1].unix_s;
        newest = g.rows[g.n - 1].value;
        while (next < 1500 && rows[next].unix_s <= g.seen.unix_s)
            next++;
        teardown(NULL);
    }
    assert_int_equal(total, 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_minute_is_its_two_ends, teardown),
        cmocka_unit_test_teardown(only_another_whole_unit_is_news, teardown),
        cmocka_unit_test_teardown(what_the_server_has_is_passed, teardown),
        cmocka_unit_test_teardown(a_row_from_ahead_is_held, teardown),
        cmocka_unit_test_teardown(the_last_value_is_told_after_a_step_back, teardown),
        cmocka_unit_test_teardown(a_clock_that_was_never_set_is_not_reported, teardown),
        cmocka_unit_test_teardown(a_full_batch_goes_on_where_it_ended, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
