/* What meters say, to readings: which sensor, what can be, ratios, changes of settings, when it was. */
#include "mb_says.h"

/* ---- which sensor ---- */

static void each_quantity_feeds_its_sensor(void **state)
{
    (void)state;
    apply(ONE(""));
    const struct mb_reading v[] = {{code("power"), MB_VALUE, 1500000},
                                   {code("voltage_l2"), MB_VALUE, 231500},
                                   {code("energy_import"), MB_VALUE, 7000000},
                                   {code("frequency"), MB_VALUE, 50010},
                                   {code("apparent_power"), MB_VALUE, 1}}; /* is not wanted */
    poll(v, ARRAY_LEN(v));
    later(1000);
    poll(v, ARRAY_LEN(v));
    assert_int_equal(n_out, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(out[i].milli, v[i].milli);
        assert_int_equal(out[i].mono_ms, 6000);
        assert_int_equal(out[i].unix_s, UNIX_MS / 1000 + 1);
        assert_int_equal(out[i].kind, i == 2 ? READING_COUNTER : READING_GAUGE);
    }
    assert_int_equal(out[0].sensor, out[2].sensor); /* W and Wh are one */
    assert_int_equal(out[0].sensor, sensor_named("boiler")->handle);
    assert_int_equal(out[1].sensor, sensor_named("boiler voltage L2")->handle);
    assert_int_equal(out[3].sensor, sensor_named("boiler frequency")->handle);
    const char *source = ledger_find(&ledger, sensor_named("boiler")->id)->source;
    assert_int_equal(strncmp(source, "meter/boiler:energy_import.", 27), 0);
    assert_int_equal(strspn(source + 27, "0123456789abcdef"), 8); /* letters that a backup takes */
    assert_null(ledger_find(&ledger, sensor_named("boiler frequency")->id));
}

/* S4: a sensor of class uart publishes a meter's power and energy. */
static void a_meter_may_feed_a_given_sensor(void **state)
{
    (void)state;
    apply("{'board': {'protocol': 'flm02', 'device': '/dev/ttyS0'}, 'sensors': [{'name': 'u', 'enable': true, 'class': "
          "'uart', 'type': "
          "'electricity', "
          "'ports': [6], 'meter': 'boiler'}], 'buses': [{'key': 'a', 'device': '/dev/ttyUSB0', 'meters': [{" SDM
          "}]}]}");
    is_taken("power", 1000, 1000);
    assert_int_equal(out[0].sensor, sensor_named("u")->handle);
    counts_from(5000);
    assert_int_equal(out[0].sensor, sensor_named("u")->handle);
}

static void who_is_disabled_is_not_there(void **state)
{
    (void)state;
    apply("{'buses': [{'key': 'a', 'device': '/dev/a', 'enable': false, 'meters': [{'key': 'x', 'name': 'x', 'unit': "
          "1, 'model': "
          "'eastron-sdm120'}]}, {'key': 'b', 'device': '/dev/b', 'meters': [{'key': 'y', 'name': 'y', 'unit': 1, "
          "'model': "
          "'eastron-sdm120', 'enable': false}, {'key': 'z', 'name': 'z', 'unit': 2, 'model': 'eastron-sdm120'}, "
          "{'key': 'a', 'name': 'a', "
          "'unit': 3, 'model': 'eastron-sdm120'}]}]}");
    assert_int_equal(measure.n, 2);
    assert_null(mb_measure_find(&measure, "x"));
    assert_null(mb_measure_find(&measure, "y"));
    assert_string_equal(mb_measure_find(&measure, "z")->key, "z");
    assert_string_equal(mb_measure_find(&measure, "a")->key, "a");
    apply("{}");
    assert_int_equal(measure.n, 0);
    assert_null(mb_measure_find(&measure, "a"));
}

/* ---- what can be ---- */

/* pitfall 13: for each quantity the last value that is taken, and the first that is not; 65 A, three phases */
static void more_than_the_connection_can_is_refused(void **state)
{
    static const struct {
        const char *quantity;
        int64_t last, first;
    } cases[] = {
        {"voltage_l1", 1000000, 1000001},
        {"voltage_l1", 0, -1},
        {"frequency", 40000, 39999},
        {"frequency", 70000, 70001},
        {"power_factor", 1000, 1001},
        {"power_factor", -1000, -1001},
        {"current_l3", 195000, 195001}, /* 3 x 65 A */
        {"current_l3", -195000, -195001},
        {"power_l1", 39000000, 39000001}, /* 65 A x 300 V x 2 */
        {"power_l1", -39000000, -39000001},
        {"power", 117000000, 117000001},
        {"power", -117000000, -117000001},
        {"reactive_power", 117000000, 117000001},
        {"apparent_power_l2", 39000000, 39000001},
    };

    (void)state;
    apply(ONE(", 'current': 65, 'quantities': ['voltage_l1', 'frequency', 'power_factor', 'current_l3', "
              "'power_l1', 'power', 'reactive_power', 'apparent_power_l2']"));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        is_taken(cases[i].quantity, cases[i].last, cases[i].last);
        is_refused(cases[i].quantity, cases[i].first, MB_REFUSED_RANGE);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    apply(ONE(""));
    is_odd(MB_NOT_A_NUMBER, MB_REFUSED_NAN);
    is_odd(MB_NO_VALUE, MB_REFUSED_NO_VALUE);
    is_odd(MB_TOO_LARGE, MB_REFUSED_RANGE);
    is_taken("power", 1000, 1000);
    assert_string_equal(mb_refused_name(MB_REFUSED_RANGE), "range");
    assert_string_equal(mb_refused_name(MB_REFUSED_RATE), "rate");
    assert_string_equal(mb_refused_name(MB_REFUSED_NAN), "not_a_number");
    assert_string_equal(mb_refused_name(MB_REFUSED_NO_VALUE), "no_value");
}

static void a_row_of_refusals_is_told_once(void **state)
{
    (void)state;
    apply(ONE(", 'current': 65"));
    for (int i = 0; i < 5; i++) {
        is_refused("power", 200000000 + i, MB_REFUSED_RANGE);
        assert_int_equal(n_notes, i == 0);
    }
    is_taken("power", 5, 5);
    assert_int_equal(n_notes, 0);
    is_refused("power", 200000000, MB_REFUSED_RANGE);
    assert_int_equal(n_notes, 1);
    assert_int_equal(notes[0].what, MB_NOTE_REFUSED);
    assert_int_equal(notes[0].why, MB_REFUSED_RANGE);
    assert_int_equal(notes[0].quantity, code("power"));
    assert_int_equal(notes[0].milli, 200000000);
}

/* ---- ratios of transformers ---- */

static void a_ratio_is_of_currents_and_all_that_has_them(void **state)
{
    (void)state;
    apply(ONE(", 'ratio': 40, 'current': 200"));
    is_taken("power", 1234567, 49382680);
    is_taken("current_l1", -2500, -100000);
    is_taken("voltage_l1", 230000, 230000);
    is_taken("frequency", 50000, 50000);
    assert_null(says("energy_import", 1000));
    is_taken("energy_import", 1001, 40040);
    apply(ONE(", 'ratio': 0.001"));
    is_taken("power", 1499, 1);
    is_taken("power", 1500, 2);
    is_taken("power", -1499, -1);
    is_taken("power", -1500, -2); /* half away from zero */
    is_taken("power", 500, 1);
    is_taken("power", 499, 0);
}

static void a_ratio_never_overflows(void **state)
{
    static const int64_t large[] = {MB_VALUE_MAX, MB_VALUE_MAX - 1, MB_VALUE_MAX / 1000, MB_VALUE_MAX / 10000 + 1};

    (void)state;
    apply(ONE(", 'ratio': 10000, 'current': 10000"));
    for (size_t i = 0; i < ARRAY_LEN(large); i++) {
        is_refused("power", large[i], MB_REFUSED_RANGE);
        is_refused("power", -large[i], MB_REFUSED_RANGE);
        is_refused("energy_import", large[i], MB_REFUSED_RANGE);
    }
    apply(ONE(", 'ratio': 1"));
    is_refused("power", MB_VALUE_MAX, MB_REFUSED_RANGE);
}

/* Other transformers: what was counted stays, and no energy comes of the change. */
static void another_ratio_goes_on_from_where_it_was(void **state)
{
    (void)state;
    apply(ONE(""));
    counts_from(50000);
    apply(ONE(", 'ratio': 2"));
    assert_null(says("energy_import", 50000));
    is_taken("energy_import", 50000, 50000);
    is_taken("energy_import", 50500, 51000);
}

/* The same while the program did not run: nothing but the ledger knows of the time before. */
static void another_ratio_after_a_restart_is_no_energy(void **state)
{
    struct ledger_saved saved;

    (void)state;
    apply(ONE(""));
    counts_from(50000);
    ledger_copy(ledger_find(&ledger, sensor_named("boiler")->id), &saved, mono, UNIX_MS / 1000);
    mb_measure_fini(&measure);
    ledger_fini(&ledger);
    ledger_init(&ledger);
    ledger_restore(&ledger, &saved, mono, UNIX_MS / 1000);
    apply(ONE(", 'ratio': 2"));
    assert_null(says("energy_import", 50000));
    is_taken("energy_import", 50000, 50000);
    is_taken("energy_import", 50500, 51000);
}

/* ---- settings change ---- */

static void who_stays_goes_on(void **state)
{
    (void)state;
    apply(ONE(", 'current': 65"));
    counts_from(7000000);
    is_refused("power", 200000000, MB_REFUSED_RANGE);
    for (int i = 0; i < MB_ZEROS - 2; i++)
        is_refused("energy_import", 0, MB_REFUSED_RATE);
    apply("{'buses': [{'key': 'z', 'device': '/dev/z', 'meters': [{'key': 'aa', 'name': 'aa', 'unit': 9, 'model': "
          "'abb-b23'}]}, "
          "{'key': 'a', 'device': '/dev/other', 'meters': [{" SDM ", 'current': 65}]}]}");
    assert_int_equal(boiler->refused[MB_REFUSED_RANGE], 1);
    assert_int_equal(boiler->refused[MB_REFUSED_RATE], MB_ZEROS - 2);
    is_refused("power", 200000000, MB_REFUSED_RANGE);
    assert_int_equal(n_notes, 0); /* it was told before */
    is_refused("energy_import", 0, MB_REFUSED_RATE);
    assert_null(says("energy_import", 0)); /* the thirtieth */
    assert_null(says("energy_import", 0));
    is_taken("energy_import", 0, 7000000);
}

static void another_model_is_another_counter(void **state)
{
    (void)state;
    apply(ONE(""));
    counts_from(7000000);
    apply("{'buses': [{'key': 'a', 'device': '/dev/ttyUSB0', 'meters': [{'key': 'boiler', 'name': 'boiler', 'unit': 1, "
          "'model': 'abb-b23'}]}]}");
    assert_null(says("energy_import", 9000000));
    is_taken("energy_import", 9000000, 7000000);
    is_taken("energy_import", 9000500, 7000500);
}

/* ---- when it was ---- */

static void each_second_has_its_reading(void **state)
{
    int64_t last = 0, at[4000];

    (void)state;
    apply(ONE(""));
    wall = UNIX_MS + 995; /* answers come some milliseconds to both sides of a second */
    for (int i = 0; i < 4000; i++)
        at[i] = mono + 1000 * (int64_t)i + i * 7919 % 25;
    for (int i = 0; i < 4000; i++) {
        const struct mb_reading v = {code("power"), MB_VALUE, 1000};
        int64_t unix_ms = wall + at[i] - 5000;
        n_out = 0;
        mb_measure_poll(boiler, &v, 1, at[i], unix_ms, &host);
        assert_int_equal(n_out, 1);
        assert_true(!last || out[0].unix_s == last + 1);
        assert_true(llabs(out[0].unix_s * 1000 + 500 - unix_ms) <= 1000);
        last = out[0].unix_s;
    }
}

static void a_clock_that_steps_is_followed(void **state)
{
    (void)state;
    apply(ONE(""));
    is_taken("power", 1, 1);
    assert_int_equal(out[0].unix_s, wall / 1000);
    wall += 3600000;
    is_taken("power", 1, 1);
    assert_int_equal(out[0].unix_s, wall / 1000);
    wall -= 7200000;
    is_taken("power", 1, 1);
    assert_int_equal(out[0].unix_s, wall / 1000);
    wall = 0;
    is_taken("power", 1, 1);
    assert_int_equal(out[0].unix_s, 0);
    wall = UNIX_MS + 777;
    is_taken("power", 1, 1);
    assert_int_equal(out[0].unix_s, wall / 1000);
    later(3599000); /* it was silent for an hour */
    is_taken("power", 1, 1);
    assert_int_equal(out[0].unix_s, wall / 1000);
}

/* A wall clock that is slewed by 500 ppm never lets a stamp be off by two seconds. */
static void a_clock_that_drifts_is_followed(void **state)
{
    (void)state;
    apply(ONE(""));
    for (int i = 0; i < 20000; i++) {
        wall += i % 2 ? 1 : 0;
        is_taken("power", 1, 1);
        assert_true(wall - out[0].unix_s * 1000 >= -500 && wall - out[0].unix_s * 1000 < 1500);
    }
}

static void ten_readings_a_second_are_of_their_second(void **state)
{
    (void)state;
    apply(ONE(", 'interval': 0.1"));
    for (int i = 0; i < 50; i++) {
        const struct mb_reading v = {code("power"), MB_VALUE, 1000};
        later(100);
        poll(&v, 1);
        assert_int_equal(out[0].unix_s, wall / 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_quantity_feeds_its_sensor, setup, teardown),
        cmocka_unit_test_setup_teardown(a_meter_may_feed_a_given_sensor, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_disabled_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_the_connection_can_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_number_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_row_of_refusals_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ratio_is_of_currents_and_all_that_has_them, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ratio_never_overflows, setup, teardown),
        cmocka_unit_test_setup_teardown(another_ratio_goes_on_from_where_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(another_ratio_after_a_restart_is_no_energy, setup, teardown),
        cmocka_unit_test_setup_teardown(who_stays_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(another_model_is_another_counter, setup, teardown),
        cmocka_unit_test_setup_teardown(each_second_has_its_reading, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_steps_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_drifts_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(ten_readings_a_second_are_of_their_second, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
