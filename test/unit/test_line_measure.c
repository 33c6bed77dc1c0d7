/* What telegrams say, to readings: which sensor, what can be, the second that it is of. */
#include "line_says.h"

/* ---- which sensor ---- */

static void each_value_feeds_its_sensor(void **state)
{
    (void)state;
    apply(P1(""));
    holds("net", READING_GAUGE, -300000);
    holds("import", READING_COUNTER, 5000000);
    holds("export", READING_COUNTER, 2000000);
    holds("32.7.0", READING_GAUGE, 234700);
    holds("gas", READING_COUNTER, 112384000);
    comes(1000);
    assert_int_equal(n_out, 6);
    is("grid", READING_GAUGE, -300000);
    is("grid", READING_COUNTER, 3000000);
    is("grid import", READING_COUNTER, 5000000);
    is("grid export", READING_COUNTER, 2000000);
    is("grid voltage L1", READING_GAUGE, 234700);
    is("grid gas", READING_COUNTER, 112384000);
    for (size_t i = 0; i < n_out; i++) {
        assert_int_equal(out[i].mono_ms, mono);
        assert_int_equal(out[i].unix_s, UNIX_MS / 1000 + 1);
    }
    assert_string_equal(ledger_find(&ledger, named("grid")->id)->source, "line/grid:diff");
    assert_true(ledger_computed(ledger_find(&ledger, named("grid")->id)->source));
    assert_string_equal(ledger_find(&ledger, named("grid import")->id)->source, "line/grid:import");
    assert_null(ledger_find(&ledger, named("grid voltage L1")->id));
}

static void lines_come_and_go(void **state)
{
    (void)state;
    apply("{'lines': [{'key': 'z', 'name': 'z', 'device': '/dev/z', 'protocol': 'd0'}, {'key': 'grid', 'name': 'g', "
          "'device': '/dev/a', 'protocol': 'p1'}, {'key': 'off', 'enable': false, 'device': '/dev/b', 'protocol': "
          "'p1'}]}");
    assert_int_equal(measure.n, 2);
    assert_int_equal(line_measure_find(&measure, "z")->protocol, LINE_D0);
    assert_null(line_measure_find(&measure, "off"));
    imports(5000000);
    imports(4000000);
    assert_int_equal(grid->refused[LINE_REFUSED_RATE], 1);
    apply(P1(""));
    assert_int_equal(measure.n, 1);
    assert_int_equal(grid->refused[LINE_REFUSED_RATE], 1); /* it goes on with its counts */
    apply("{}");
    assert_int_equal(measure.n, 0);
    assert_null(line_measure_find(&measure, "grid"));
}

/* ---- what can be ---- */

/* pitfall 13: the last value that is taken, the first that is not; 25 A, three phases */
static void more_than_the_connection_can_is_refused(void **state)
{
    static const struct {
        const char *code, *name;
        int64_t last, first;
    } cases[] = {
        {"net", "grid", 45000000, 45000001}, /* 3 x 25 A x 300 V x 2 */
        {"net", "grid", -45000000, -45000001},
        {"import", "grid import", 45000000, 45000001},
        {"1.6.0", "grid month peak", 45000000, 45000001},
        {"3.8.0", "grid reactive import", 45000000, 45000001},
        {"32.7.0", "grid voltage L1", 500000, 500001},
        {"52.7.0", "grid voltage L2", 0, -1},
        {"31.7.0", "grid current L1", 75000, 75001},
        {"14.7.0", "grid frequency", 40000, 39999},
        {"14.7.0", "grid frequency", 70000, 70001},
        {"13.7.0", "grid power factor", -1000, -1001},
    };

    (void)state;
    apply(P1(", 'current': 25"));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t before = grid->refused[LINE_REFUSED_RANGE];
        holds(cases[i].code, READING_GAUGE, cases[i].last);
        comes(1000);
        is(cases[i].name, READING_GAUGE, cases[i].last);
        for (int again = 0; again < 2; again++) {
            holds(cases[i].code, READING_GAUGE, cases[i].first);
            comes(1000);
            assert_int_equal(n_out, 0);
            assert_int_equal(n_notes, again == 0); /* of a row the first is told */
            assert_int_equal(n_whys, 1);
            assert_int_equal(whys[0], LINE_REFUSED_RANGE);
        }
        assert_int_equal(grid->refused[LINE_REFUSED_RANGE], before + 2);
    }
}

/* ---- when it was ---- */

static int64_t second_of(int64_t meter_s, int64_t ms)
{
    said.unix_s = meter_s;
    holds("net", READING_GAUGE, 1000);
    comes(ms);
    assert_int_equal(n_out, 1);
    return out[0].unix_s;
}

static void the_meters_clock_tells_when_it_is_near(void **state)
{
    const int64_t t = UNIX_MS / 1000;

    (void)state;
    apply(P1(""));
    assert_int_equal(second_of(t + 1 - 60, 1000), t + 1 - 60);
    assert_int_equal(second_of(t + 2 + 75, 1000), t + 2 + 75); /* once it does, a little more */
    assert_int_equal(second_of(t + 3 + 76, 1000), t + 3);
    assert_int_equal(second_of(t + 4 + 61, 1000), t + 4);
    assert_int_equal(second_of(t + 5 + 60, 1000), t + 5 + 60);
    assert_int_equal(second_of(0, 1000), t + 6); /* unset */
    wall = 0;
    assert_int_equal(second_of(t, 1000), 0); /* nobody knows: the store resolves it */
}

/* One that comes a moment early is not of the second before; a clock that steps is followed. */
static void each_second_its_telegram(void **state)
{
    const int64_t t = UNIX_MS / 1000;

    (void)state;
    apply(P1(""));
    assert_int_equal(second_of(0, 1010), t + 1);
    assert_int_equal(second_of(0, 980), t + 2); /* at 1.99 */
    assert_int_equal(second_of(0, 1000), t + 3);
    assert_int_equal(second_of(0, 1020), t + 4);
    wall += 100000;
    assert_int_equal(second_of(0, 1000), t + 105);
    for (int64_t i = 0, last = t + 105; i < 1000; i++) { /* TIC: 1.5 s */
        int64_t now = second_of(0, 1500);
        assert_in_range(now - last, 1, 2);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_value_feeds_its_sensor, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_the_connection_can_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_meters_clock_tells_when_it_is_near, setup, teardown),
        cmocka_unit_test_setup_teardown(each_second_its_telegram, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
