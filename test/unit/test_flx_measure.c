#include "flx_channels.h"

/* ---- clamps ---- */

static void a_clamp_gives_twelve_gauges_and_six_counters(void **state)
{
    struct flx_ct m = ct(1);

    (void)state;
    for (unsigned i = 0; i < FLX_CT_GAUGES; i++)
        m.gauge_milli[i] = 100 + i;
    for (unsigned i = 0; i < FLX_CT_COUNTERS; i++)
        m.counter_milli[i] = 1000 * (i + 1);
    measure_ct(m);
    assert_int_equal(out.n, 18);
    assert_int_equal(out.n_special, 0);
    for (unsigned i = 0; i < FLX_CT_GAUGES; i++) {
        const struct reading *gauge = reading_of(13 + i, READING_GAUGE);
        const struct reading *counter = reading_of(13 + i, READING_COUNTER);
        assert_int_equal(gauge->milli, 100 + i);
        assert_int_equal(gauge->unix_s, HOST_S - 1); /* of the second before */
        assert_int_equal(gauge->mono_ms, 5000);
        assert_int_equal(counter != NULL, i < FLX_CT_COUNTERS);
        if (counter) {
            assert_int_equal(counter->milli, 1000 * (i + 1));
            assert_int_equal(counter->unix_s, HOST_S - 1);
            assert_true(counter == gauge + 1);
        }
    }
    assert_int_equal(channels.notes[FLX_MEASURED], 12);
    assert_string_equal(ledger_find(&ledger, ids[12])->source, "flx:13");
    assert_string_equal(ledger_find(&ledger, ids[36])->source, "flx:37");
    assert_null(ledger_find(&ledger, ids[18])); /* Vrms counts nothing */
}

static void a_port_that_is_off_is_refused(void **state)
{
    (void)state;
    ports[0].enable = ports[3].enable = false;
    apply();
    measure_ct(ct(0));
    assert_int_equal(out.n, 0);
    assert_int_equal(only_note(), FLX_NOT_OURS);
    assert_int_equal(out.n_special, 1);
    measure_pulse(pulse(1000, 0));
    assert_int_equal(out.n, 0);
    assert_int_equal(channels.notes[FLX_NOT_OURS], 2);
    measure_ct(ct(1));
    assert_int_equal(out.n, 18);
}

/* pitfall 13: for each quantity the last value that is taken, and the first that is not */
static void more_than_the_clamp_can_is_refused(void **state)
{
    static const struct {
        unsigned quantity;
        int64_t last, first;
    } cases[] = {
        {0, 30000000, 30000001},
        {0, -30000000, -30000001}, /* 50 A x 300 V x 2 */
        {1, 30000000, 30000001},
        {5, 30000000, 30000001},
        {6, 600000, 600001},
        {6, 0, -1},
        {7, 150000, 150001},
        {7, 0, -1}, /* 3 x 50 A */
        {8, 2000, 2001},
        {8, -2000, -2001},
        {9, 0, -1},
        {10, 0, -1},
        {11, 360000, 360001},
        {11, -360000, -360001},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct flx_ct m = ct(0);
        m.gauge_milli[cases[i].quantity] = cases[i].last;
        measure_ct(m);
        assert_int_equal(out.n, 18);
        assert_int_equal(out.n_special, 0);
        m.gauge_milli[cases[i].quantity] = cases[i].first;
        measure_ct(m);
        assert_int_equal(out.n, 17);
        assert_int_equal(out.n_special, 1);
        assert_int_equal(only_note(), FLX_IMPOSSIBLE);
        assert_int_equal(out.special[0].channel, cases[i].quantity);
        assert_int_equal(out.special[0].milli, cases[i].first);
        assert_null(reading_of(cases[i].quantity + 1, READING_GAUGE));
    }
}

static void a_larger_clamp_can_more(void **state)
{
    struct flx_ct m = ct(0);

    (void)state;
    ports[0].current = 500;
    apply();
    m.gauge_milli[0] = 300000000;
    m.gauge_milli[7] = 1500000;
    measure_ct(m);
    assert_int_equal(out.n, 18);
    m.gauge_milli[0]++;
    m.gauge_milli[7]++;
    measure_ct(m);
    assert_int_equal(out.n, 16);
    assert_int_equal(out.n_special, 2);
}

/* pitfalls 13, 14: garbage between good values, a wrap, a reset; what is published goes on */
static void its_counters_pass_the_ledger(void **state)
{
    struct flx_ct m = ct(0);

    (void)state;
    m.counter_milli[0] = FLX_WRAP_MILLI - 500;
    measure_ct(m);
    second_later();
    m.counter_milli[0] = 1200; /* wrapped */
    measure_ct(m);
    assert_int_equal(only_note(), FLX_WRAPPED);
    assert_int_equal(reading_of(1, READING_COUNTER)->milli, FLX_WRAP_MILLI + 1200);
    second_later();
    m.counter_milli[0] = 500000000; /* 500 MWh in a second */
    measure_ct(m);
    assert_int_equal(only_note(), FLX_SUSPECT);
    assert_int_equal(out.special[0].milli, 500000000);
    assert_null(reading_of(1, READING_COUNTER));
    assert_non_null(reading_of(1, READING_GAUGE));
    second_later();
    m.counter_milli[0] = 1201;
    measure_ct(m);
    assert_int_equal(reading_of(1, READING_COUNTER)->milli, FLX_WRAP_MILLI + 1201);
    for (int i = 0; i < METER_CONFIRM; i++) {
        second_later();
        m.counter_milli[0] = 10 + i;
        measure_ct(m);
    }
    assert_int_equal(only_note(), FLX_RESET_SEEN);
    assert_int_equal(reading_of(1, READING_COUNTER)->milli, FLX_WRAP_MILLI + 1201 + 2);
    assert_int_equal(channels.notes[FLX_RESET_SEEN], 1);
    assert_int_equal(channels.notes[FLX_SUSPECT], 1 + METER_CONFIRM - 1);
}

static unsigned urgent;

static void on_urgent(void *ctx)
{
    (void)ctx;
    urgent++;
}

/* Each is to be saved, and at once when a fall may be a reset. */
static void the_store_is_told(void **state)
{
    struct ledger_saved saved[FLX_CHANNELS];
    struct flx_ct m = ct(0);

    (void)state;
    ledger.urgent = on_urgent;
    urgent = 0;
    ledger_take(&ledger, saved, FLX_CHANNELS, now.mono_ms, now.unix_s);
    m.counter_milli[3] = 5000000;
    measure_ct(m);
    measure_pulse(pulse(1000, 0));
    assert_int_equal(ledger_take(&ledger, saved, FLX_CHANNELS, now.mono_ms, now.unix_s), FLX_CT_COUNTERS + 1);
    assert_int_equal(urgent, 0);
    m.counter_milli[3] = 0;
    measure_ct(m);
    assert_int_equal(urgent, 1);
}

/* Another meaning has no marks of the one before. */
static void what_a_counter_stands_for_is_said(void **state)
{
    (void)state;
    assert_int_equal(ledger_find(&ledger, ids[36])->means, 1 + SENSOR_ELECTRICITY);
    made[36].type = SENSOR_GAS;
    made[36].rid = 3;
    apply();
    assert_int_equal(ledger_find(&ledger, ids[36])->means, 1 + 3 * SENSOR_TYPES + SENSOR_GAS);
}

/* 30 kW are 8333 thousandths of a Wh each second. */
static void a_counter_rises_no_faster_than_its_clamp_can(void **state)
{
    struct flx_ct m = ct(0);

    (void)state;
    measure_ct(m);
    for (int i = 0; i < 3600; i++) {
        second_later();
        m.counter_milli[0] += 8333;
        measure_ct(m);
        assert_int_equal(out.n_special, 0);
    }
    second_later();
    m.counter_milli[0] += 2 * 8333 + 1000 + 100;
    measure_ct(m);
    assert_int_equal(only_note(), FLX_SUSPECT);
}

static void both_notes_of_a_quantity_are_one(void **state)
{
    struct flx_ct m = ct(0);

    (void)state;
    measure_ct(m);
    m.counter_milli[2] = 90000000;
    m.gauge_milli[2] = 90000000;
    measure_ct(m);
    assert_int_equal(out.n_special, 1);
    assert_int_equal(only_note(), FLX_SUSPECT);
    assert_int_equal(out.n, 16);
}

/* All twelve at once. */
static void a_message_of_garbage_gives_nothing_and_no_overflow(void **state)
{
    struct flx_ct m = {.s = UINT32_MAX, .ms = UINT16_MAX, .port = 2};

    (void)state;
    measure_ct(ct(2));
    for (unsigned i = 0; i < FLX_CT_GAUGES; i++)
        m.gauge_milli[i] = (int64_t)INT32_MIN * 1000 / 2048;
    for (unsigned i = 0; i < FLX_CT_COUNTERS; i++)
        m.counter_milli[i] = (int64_t)UINT32_MAX * 1000 + 999;
    measure_ct(m);
    assert_int_equal(out.n, 0);
    assert_int_equal(out.n_special, 12);
}

/* ---- pulses ---- */

static void electricity_is_told_in_watts(void **state)
{
    (void)state;
    measure_pulse(pulse(123456, 500000)); /* 0.5 Wh/s */
    assert_int_equal(out.n, 2);
    assert_int_equal(out.reading[0].sensor, handle(37));
    assert_int_equal(out.reading[0].kind, READING_GAUGE);
    assert_int_equal(out.reading[0].milli, 1800000);
    assert_int_equal(out.reading[0].unix_s, HOST_S); /* of its own second */
    assert_int_equal(out.reading[1].kind, READING_COUNTER);
    assert_int_equal(out.reading[1].milli, 123456);
    made[36].type = SENSOR_HEAT;
    apply();
    measure_pulse(pulse(123456, 488)); /* 1/2048 Wh/s is 1.757 W */
    assert_int_equal(out.reading[0].milli, 1757);
}

static void others_are_told_by_the_second(void **state)
{
    static const enum sensor_type types[] = {SENSOR_WATER, SENSOR_GAS, SENSOR_FUEL, SENSOR_PELLET, SENSOR_OTHER};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        made[36].type = types[i];
        apply();
        measure_pulse(pulse(1000, 123500));
        assert_int_equal(out.reading[0].milli, 124); /* 0.1235 rounded */
    }
}

static void a_flow_of_0_is_none(void **state)
{
    (void)state;
    measure_pulse(pulse(1000, 0));
    assert_int_equal(out.n, 1);
    assert_int_equal(out.reading[0].kind, READING_COUNTER);
    assert_int_equal(out.n_special, 0);
    made[36].type = SENSOR_WATER;
    apply();
    measure_pulse(pulse(1000, 488)); /* would be shown as 0 */
    assert_int_equal(out.n, 1);
    measure_pulse(pulse(1000, 500));
    assert_int_equal(out.n, 2);
}

/* 50 pulses of 1 Wh a second are 180 kW. */
static void more_than_pulses_can_bring_is_refused(void **state)
{
    (void)state;
    measure_pulse(pulse(1000, 50000000));
    assert_int_equal(out.n, 2);
    measure_pulse(pulse(1000, 50001000));
    assert_int_equal(out.n, 1);
    assert_int_equal(only_note(), FLX_IMPOSSIBLE);
    assert_int_equal(out.special[0].channel, 36);
    assert_int_equal(out.special[0].milli, 180003600);
    measure_pulse(pulse(1000, -1000));
    assert_int_equal(only_note(), FLX_IMPOSSIBLE);
    made[36].type = SENSOR_WATER; /* 50 L/s */
    apply();
    measure_pulse(pulse(1000, 50000000));
    assert_int_equal(out.n_special, 0);
    measure_pulse(pulse(1000, 50001000));
    assert_int_equal(out.n_special, 1);
    ports[3].constant_milli = 10;
    apply();
    measure_pulse(pulse(1000, 501000));
    assert_int_equal(out.n_special, 1);
}

/* A meter of few pulses: hours lie between two, and after a reset of the board the first one had counted. */
static void a_reset_of_its_counter_costs_no_pulse(void **state)
{
    (void)state;
    measure_pulse(pulse(5000000, 0));
    for (int i = 1; i <= METER_CONFIRM; i++) {
        now.mono_ms += 3600000;
        measure_pulse(pulse(i * 1000, 0));
    }
    assert_int_equal(out.reading[0].milli, 5003000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_clamp_gives_twelve_gauges_and_six_counters),
        TEST(a_port_that_is_off_is_refused),
        TEST(more_than_the_clamp_can_is_refused),
        TEST(a_larger_clamp_can_more),
        TEST(its_counters_pass_the_ledger),
        TEST(the_store_is_told),
        TEST(what_a_counter_stands_for_is_said),
        TEST(a_counter_rises_no_faster_than_its_clamp_can),
        TEST(both_notes_of_a_quantity_are_one),
        TEST(a_message_of_garbage_gives_nothing_and_no_overflow),
        TEST(electricity_is_told_in_watts),
        TEST(others_are_told_by_the_second),
        TEST(a_flow_of_0_is_none),
        TEST(more_than_pulses_can_bring_is_refused),
        TEST(a_reset_of_its_counter_costs_no_pulse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
