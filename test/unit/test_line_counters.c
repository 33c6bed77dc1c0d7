/* Counters of telegrams: what goes on, what waits, what M-Bus devices say, net, telegrams without a check. */
#include "line_says.h"

/* ---- counters ---- */

static void a_counter_goes_on(void **state)
{
    (void)state;
    apply(P1(""));
    imports(5000000);
    is("grid import", READING_COUNTER, 5000000);
    imports(5000000); /* electricity says itself each telegram: sums of sensors want one second */
    is("grid import", READING_COUNTER, 5000000);
    imports(5001000);
    is("grid import", READING_COUNTER, 5001000);
    is("grid", READING_COUNTER, 5001000); /* a meter that tells no export */
    assert_int_equal(grid->refused[LINE_REFUSED_RATE], 0);
}

/* A meter of whole kWh at a second each: its step is as long as it took. */
static void steps_of_a_coarse_counter(void **state)
{
    (void)state;
    apply(P1(""));
    imports(INT64_C(5000000000));
    for (int i = 0; i < 1200; i++) {
        imports(INT64_C(5000000000));
        assert_int_equal(n_out, 2);
    }
    imports(INT64_C(5001000000));
    is("grid import", READING_COUNTER, INT64_C(5001000000));
    assert_int_equal(grid->refused[LINE_REFUSED_RATE], 0);
}

/* pitfall 14; home-assistant/core#104515 */
static void zero_for_a_moment_is_no_counter(void **state)
{
    (void)state;
    apply(P1(""));
    imports(5000000);
    for (int i = 0; i < LINE_ZEROS - 1; i++) {
        imports(0);
        assert_int_equal(n_out, 0);
        assert_int_equal(whys[0], LINE_REFUSED_RATE);
    }
    imports(5002000);
    is("grid import", READING_COUNTER, 5002000);
}

static void a_fall_must_be_confirmed(void **state)
{
    (void)state;
    apply(P1(""));
    imports(5000000);
    imports(70000);
    assert_int_equal(n_out, 0);
    assert_int_equal(n_notes, 1);
    assert_int_equal(notes[0].what, LINE_NOTED_REFUSED);
    imports(5000000); /* that was nothing */
    is("grid import", READING_COUNTER, 5000000);
    imports(70000);
    imports(70000);
    assert_int_equal(n_out, 0);
    imports(71000);
    assert_int_equal(notes[0].what, LINE_NOTED_RESET);
    is("grid import", READING_COUNTER, 5001000);
    is("grid", READING_COUNTER, 5001000); /* of what is published */
}

static void a_rise_beyond_the_fuses_waits(void **state)
{
    (void)state;
    apply(P1(", 'current': 25"));
    imports(5000000);
    imports(9000000); /* 4 kWh in a second, less than an hour's */
    assert_int_equal(n_out, 0);
    assert_int_equal(n_notes, 0);
    imports(9000000);
    imports(9000000);
    is("grid import", READING_COUNTER, 9000000);
    imports(INT64_C(900000000)); /* more than an hour's is no energy, and told */
    assert_int_equal(n_notes, 1);
    imports(INT64_C(900000000));
    imports(INT64_C(900000000));
    is("grid import", READING_COUNTER, 9000000);
    holds("import", READING_COUNTER, -1);
    comes(1000);
    assert_int_equal(whys[0], LINE_REFUSED_RANGE);
}

/* What is on the M-Bus says the same for an hour; then an hour's gas comes at once. */
static void gas_is_said_when_it_changed(void **state)
{
    (void)state;
    apply(P1(""));
    for (int i = 0; i < 3; i++) {
        holds("gas", READING_COUNTER, 112384000);
        comes(1000);
        assert_int_equal(n_out, i == 0);
    }
    holds("gas", READING_COUNTER, 115384000); /* 3 m3, and it was first heard 3 s ago */
    comes(1000);
    assert_int_equal(n_out, 0);
    for (int i = 0; i < 2; i++) {
        holds("gas", READING_COUNTER, 115384000);
        comes(1000);
    }
    is("grid gas", READING_COUNTER, 115384000);
    holds("gas", READING_COUNTER, 118384000);
    comes(3600000);
    is("grid gas", READING_COUNTER, 118384000); /* an hour later it is plain */
    assert_int_equal(n_notes, 0);
    ledger_set(ledger_find(&ledger, named("grid gas")->id), 1000000); /* people set it: it is said again */
    holds("gas", READING_COUNTER, 118384000);
    comes(1000);
    is("grid gas", READING_COUNTER, 1000000);
}

static void net_needs_both(void **state)
{
    (void)state;
    apply(P1(""));
    holds("import", READING_COUNTER, 5000000);
    holds("export", READING_COUNTER, 7000000);
    holds("net", READING_COUNTER, 4711); /* what the telegram makes of it is not asked */
    comes(1000);
    is("grid", READING_COUNTER, -2000000);
    assert_int_equal(n_whys, 0);
    holds("import", READING_COUNTER, 5001000);
    comes(1000);
    assert_null(of("grid", READING_COUNTER));
    holds("import", READING_COUNTER, 5002000);
    holds("export", READING_COUNTER, 100); /* refused */
    comes(1000);
    assert_null(of("grid", READING_COUNTER));
    holds("import", READING_COUNTER, 5002000);
    holds("export", READING_COUNTER, 7001000);
    comes(1000);
    is("grid", READING_COUNTER, -1999000);
}

/* Over a restart, with what was saved: a difference may be below zero. */
static void the_ledger_keeps_them(void **state)
{
    struct ledger_saved saved[200];

    (void)state;
    apply(P1(""));
    holds("import", READING_COUNTER, 5000000);
    holds("export", READING_COUNTER, 7000000);
    comes(1000);
    size_t n = ledger_take(&ledger, saved, ARRAY_LEN(saved), mono, wall / 1000);
    assert_int_equal(n, 3);
    teardown(NULL);
    setup(NULL);
    for (size_t i = 0; i < n; i++)
        ledger_restore(&ledger, &saved[i], mono, UNIX_MS / 1000 + 60);
    apply(P1(""));
    holds("import", READING_COUNTER, 5010000);
    comes(61000);
    is("grid import", READING_COUNTER, 5010000);
    assert_null(of("grid", READING_COUNTER)); /* there is an export, which was not told now */
    holds("import", READING_COUNTER, 5010000);
    holds("export", READING_COUNTER, 7000000);
    comes(1000);
    is("grid", READING_COUNTER, -1990000);
}

/* ---- telegrams without a check ---- */

static void a_counter_without_a_check_waits_for_the_next(void **state)
{
    (void)state;
    apply(TIC);
    said.checked = false;
    imports(5000000);
    assert_int_equal(n_out, 0);
    imports(5001000);
    is("grid import", READING_COUNTER, 5000000);
    assert_int_equal(of("grid import", READING_COUNTER)->mono_ms, mono - 1000);
    assert_int_equal(of("grid import", READING_COUNTER)->unix_s, wall / 1000 - 1);
    imports(5009000); /* damaged: the next does not go on from it */
    is("grid import", READING_COUNTER, 5001000);
    imports(5002000);
    assert_int_equal(n_out, 0);
    assert_int_equal(whys[0], LINE_REFUSED_RATE);
    imports(5003000);
    is("grid import", READING_COUNTER, 5002000);
    assert_int_equal(grid->refused[LINE_REFUSED_RATE], 1);
}

static void asked_once_in_ten_minutes_nobody_waits(void **state)
{
    (void)state;
    apply(TIC);
    said.checked = false;
    imports(5003000);
    holds("import", READING_COUNTER, 5063000);
    comes(600000);
    is("grid import", READING_COUNTER, 5063000);
}

/* A line that was silent for an hour: what is damaged then is within what an hour can bring. */
static void behind_a_silence_a_counter_waits_too(void **state)
{
    (void)state;
    apply(TIC);
    said.checked = false;
    imports(5000000);
    imports(5001000);
    imports(5002000);
    holds("import", READING_COUNTER, 45400000);
    comes(3600000);
    assert_null(of("grid import", READING_COUNTER));
    imports(5401000);
    assert_null(of("grid import", READING_COUNTER));
    imports(5402000);
    is("grid import", READING_COUNTER, 5401000);
}

static void gauges_do_not_wait(void **state)
{
    (void)state;
    apply(TIC);
    said.checked = false;
    holds("sinsts", READING_GAUGE, 800000);
    comes(1000);
    is("grid apparent power in", READING_GAUGE, 800000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_counter_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_of_a_coarse_counter, setup, teardown),
        cmocka_unit_test_setup_teardown(zero_for_a_moment_is_no_counter, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fall_must_be_confirmed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rise_beyond_the_fuses_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(gas_is_said_when_it_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(net_needs_both, setup, teardown),
        cmocka_unit_test_setup_teardown(the_ledger_keeps_them, setup, teardown),
        cmocka_unit_test_setup_teardown(a_counter_without_a_check_waits_for_the_next, setup, teardown),
        cmocka_unit_test_setup_teardown(asked_once_in_ten_minutes_nobody_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(behind_a_silence_a_counter_waits_too, setup, teardown),
        cmocka_unit_test_setup_teardown(gauges_do_not_wait, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
