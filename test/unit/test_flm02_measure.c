#include "unit.h"

#include "core/flm02_measure.h"
#include "core/settings.h"

static struct ledger ledger;
static struct ledger_entry entry;
static struct flm02_channel c;
static struct reading out[READING_KINDS];
static enum flm02_measure_note note;

static int analog(void **state)
{
    (void)state;
    entry = (struct ledger_entry){.owner = &ledger};
    ledger_init(&ledger);
    c = (struct flm02_channel){.sensor = 1,
                               .entry = &entry,
                               .class = SENSOR_ANALOG,
                               .type = SENSOR_ELECTRICITY,
                               .max_w = 11500,
                               .limits = {.wrap = FLM02_WRAP_MILLI, .rate_per_s = 6400, .slack = 100000000}};
    return 0;
}

static int pulse(void **state)
{
    analog(state);
    c.class = SENSOR_PULSE;
    c.limits.rate_per_s = 50000;
    c.limits.step = 1000;
    return 0;
}

static int measure(uint32_t counter, uint16_t milli, uint32_t extra)
{
    struct flm02_record r = {.counter = counter, .milli = milli, .extra = extra};

    return flm02_measure(&c, &r, 5000, 1800000000, out, &note);
}

static void analog_gives_power_and_energy(void **state)
{
    (void)state;
    assert_int_equal(measure(2, 0, 2936), 2);
    assert_int_equal(out[0].kind, READING_GAUGE);
    assert_int_equal(out[0].milli, 2936000);
    assert_int_equal(out[1].kind, READING_COUNTER);
    assert_int_equal(out[1].milli, 2000);
    assert_int_equal(out[1].unix_s, 1800000000);
}

/* "The first power after enabling is too low: drop it." */
static void first_power_after_enabling_is_dropped(void **state)
{
    (void)state;
    c.drop_gauge = true;
    assert_int_equal(measure(2, 0, 100), 1);
    assert_int_equal(out[0].kind, READING_COUNTER);
    assert_int_equal(measure(2, 0, 2936), 2);
}

/* pitfall 13 */
static void more_than_the_clamp_can_is_refused(void **state)
{
    (void)state;
    assert_int_equal(measure(2, 0, 23001), 1);
    assert_int_equal(note, FLM02_IMPOSSIBLE);
}

static void a_record_of_no_sensor_is_refused(void **state)
{
    (void)state;
    c.sensor = 0;
    assert_int_equal(measure(2, 0, 1), 0);
    assert_int_equal(note, FLM02_NOT_OURS);
}

/* W = dWh/dms x 3.6e6; no gauge before there are two pulses */
static void pulses_give_power_between_two(void **state)
{
    (void)state;
    assert_int_equal(measure(103, 500, 5789), 1);
    assert_int_equal(measure(105, 0, 8789), 2);
    assert_int_equal(out[0].milli, 1800000); /* 1.5 Wh in 3 s */
    assert_int_equal(out[1].milli, 105000);
}

static void board_clock_wraps_and_resets(void **state)
{
    (void)state;
    measure(100, 0, UINT32_MAX - 999);
    assert_int_equal(measure(101, 0, 1000), 2); /* 2000 ms over the wrap */
    assert_int_equal(out[0].milli, 1800000);
    measure(101, 500, 900); /* the clock fell: a reset, this interval is skipped */
    assert_int_equal(out[0].kind, READING_COUNTER);
    assert_int_equal(measure(102, 500, 2900), 2);
    assert_int_equal(out[0].milli, 1800000);
}

/* pitfall 13: a counter that leaps by more than pulses can bring gives no power, and no overflow */
static void an_impossible_leap_gives_no_power(void **state)
{
    (void)state;
    measure(100, 0, 1000);
    assert_int_equal(measure(4294967295u, 999, 1001), 0);
    assert_int_equal(note, FLM02_SUSPECT);
    c.type = SENSOR_WATER;
    assert_int_equal(measure(100, 0, 1002), 1);
}

/* Ids that change places keep what they published; one that is new begins with its counter. */
static void the_ledger_goes_with_the_sensor(void **state)
{
    struct sensor_settings x[2] = {{.id = (char[]){"0000000000000000000000000000000a"},
                                    .name = (char[]){"a"},
                                    .ports = {1},
                                    .n_ports = 1,
                                    .voltage = {230},
                                    .current = {50},
                                    .enable = true},
                                   {.id = (char[]){"0000000000000000000000000000000b"},
                                    .name = (char[]){"b"},
                                    .ports = {2},
                                    .n_ports = 1,
                                    .voltage = {230},
                                    .current = {50},
                                    .enable = true}};
    struct settings s = {.sensors = x, .n_sensors = 2};
    struct flm02_channel channels[FLM02_SENSORS] = {0};
    struct flm02_record r = {.counter = 30000};
    struct sensors sensors;

    (void)state;
    ledger_init(&ledger);
    sensors_init(&sensors);
    settings_set_sensors(&s, &sensors);
    flm02_channels_set(channels, &sensors, &ledger, &s);
    flm02_measure(&channels[0], &r, 1000, 1800000000, out, &note);
    r.counter = 100;
    flm02_measure(&channels[1], &r, 1000, 1800000000, out, &note);
    x[0].ports[0] = 2;
    x[1].ports[0] = 1;
    settings_set_sensors(&s, &sensors);
    flm02_channels_set(channels, &sensors, &ledger, &s);
    r.counter = 101;
    assert_int_equal(flm02_measure(&channels[1], &r, 2000, 1800000001, out, &note), 2);
    assert_int_equal(out[1].sensor, sensors_find(&sensors, x[0].id)->handle);
    assert_int_equal(out[1].milli, 30000000);
    r.counter = 102;
    flm02_measure(&channels[1], &r, 3000, 1800000002, out, &note);
    assert_int_equal(out[1].milli, 30001000);
    sensors_fini(&sensors);
    ledger_fini(&ledger);
}

static void rates_round_half_up(void **state)
{
    (void)state;
    assert_int_equal(flm02_pulse_rate(SENSOR_ELECTRICITY, 1000, 3600000), 1);
    assert_int_equal(flm02_pulse_rate(SENSOR_ELECTRICITY, 500, 3600000), 1); /* 0.5 W */
    assert_int_equal(flm02_pulse_rate(SENSOR_ELECTRICITY, 499, 3600000), 0);
    assert_int_equal(flm02_pulse_rate(SENSOR_WATER, 1000, 86400000), 1); /* 1 L in a day */
    assert_int_equal(flm02_pulse_rate(SENSOR_GAS, 10000, 1000), 864000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(analog_gives_power_and_energy, analog),
        cmocka_unit_test_setup(first_power_after_enabling_is_dropped, analog),
        cmocka_unit_test_setup(more_than_the_clamp_can_is_refused, analog),
        cmocka_unit_test_setup(a_record_of_no_sensor_is_refused, analog),
        cmocka_unit_test_setup(pulses_give_power_between_two, pulse),
        cmocka_unit_test_setup(board_clock_wraps_and_resets, pulse),
        cmocka_unit_test_setup(an_impossible_leap_gives_no_power, pulse),
        cmocka_unit_test(the_ledger_goes_with_the_sensor),
        cmocka_unit_test(rates_round_half_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
