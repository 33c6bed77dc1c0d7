#include "flx_channels.h"

/* ---- stamps ---- */

static int64_t stamp_ct(uint32_t board_s)
{
    struct flx_ct m = ct(0);

    m.s = board_s;
    measure_ct(m);
    return out.reading[0].unix_s;
}

static int64_t stamp_pulse(uint32_t board_s)
{
    struct flx_pulse m = pulse(1000, 0);

    m.s = board_s;
    measure_pulse(m);
    return out.reading[0].unix_s;
}

static void a_near_clock_of_the_board_stamps(void **state)
{
    (void)state;
    for (int clock = CLOCK_LOCAL; clock <= CLOCK_SYNCED; clock++) {
        now.clock = (enum clock_state)clock;
        for (int off = -5; off <= 5; off++) {
            assert_int_equal(stamp_ct((uint32_t)(HOST_S + off)), HOST_S + off - 1);
            assert_int_equal(stamp_pulse((uint32_t)(HOST_S + off)), HOST_S + off);
        }
    }
}

static void else_the_hosts_does(void **state)
{
    static const int64_t offs[] = {-6, 6, -31536000, 31536000, -HOST_S};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(offs); i++) {
        assert_int_equal(stamp_ct((uint32_t)(HOST_S + offs[i])), HOST_S - 1);
        assert_int_equal(stamp_pulse((uint32_t)(HOST_S + offs[i])), HOST_S);
    }
}

static void before_the_host_is_set_the_board_stamps(void **state)
{
    (void)state;
    now.clock = CLOCK_UNSET;
    now.unix_s = 0;
    now.wall_ms = 7000;
    assert_int_equal(stamp_ct(1700000000), 1699999999);
    assert_int_equal(stamp_pulse(1700000000), 1700000000);
    assert_int_equal(stamp_ct(1234567892), 1234567891); /* the floor */
    assert_int_equal(stamp_ct(1234567891), 0);
    assert_int_equal(stamp_pulse(1234567891), 1234567891);
    assert_int_equal(stamp_pulse(1234567890), 0);
    assert_int_equal(stamp_ct(0), 0);
}

/* ---- what is owed ---- */

static void a_refused_pulse_comes_again(void **state)
{
    struct reading owed[FLX_PULSE_PORTS];

    (void)state;
    measure_pulse(pulse(1000, 500000));
    flx_measure_emitted(&channels, &out.reading[0], true);
    flx_measure_emitted(&channels, &out.reading[1], true);
    assert_int_equal(flx_measure_owed(&channels, &now, owed), 0);
    now.mono_ms += 200;
    measure_pulse(pulse(2000, 500000)); /* in the same second */
    flx_measure_emitted(&channels, &out.reading[0], false);
    flx_measure_emitted(&channels, &out.reading[1], false);
    apply(); /* new settings change nothing of that */
    second_later();
    assert_int_equal(flx_measure_owed(&channels, &now, owed), 1);
    assert_int_equal(owed[0].sensor, handle(37));
    assert_int_equal(owed[0].kind, READING_COUNTER);
    assert_int_equal(owed[0].milli, 2000);
    assert_int_equal(owed[0].unix_s, HOST_S + 1);
    assert_int_equal(owed[0].mono_ms, now.mono_ms);
    flx_measure_emitted(&channels, &owed[0], false); /* refused again */
    assert_int_equal(flx_measure_owed(&channels, &now, owed), 1);
    flx_measure_emitted(&channels, &owed[0], true);
    assert_int_equal(flx_measure_owed(&channels, &now, owed), 0);
}

/* A candidate tells nothing, so what was owed before stays owed. */
static void a_suspect_settles_no_debt(void **state)
{
    struct reading owed[FLX_PULSE_PORTS];

    (void)state;
    measure_pulse(pulse(1000, 0));
    flx_measure_emitted(&channels, &out.reading[0], false);
    measure_pulse(pulse(4000000000, 0));
    assert_int_equal(out.n, 0);
    assert_int_equal(only_note(), FLX_SUSPECT);
    assert_int_equal(flx_measure_owed(&channels, &now, owed), 1);
    assert_int_equal(owed[0].milli, 1000);
}

static void a_counter_that_people_set_is_owed(void **state)
{
    struct reading owed[FLX_PULSE_PORTS];
    struct flx_ct m = ct(0);

    (void)state;
    measure_pulse(pulse(1000, 0));
    measure_ct(m);
    ledger_set(ledger_find(&ledger, ids[36]), 77000);
    ledger_set(ledger_find(&ledger, ids[0]), 88000);
    second_later();
    assert_int_equal(flx_measure_owed(&channels, &now, owed), 1);
    assert_int_equal(owed[0].milli, 77000);
    assert_int_equal(flx_measure_owed(&channels, &now, owed), 0);
    m.s++;
    measure_ct(m); /* a clamp's comes by itself */
    assert_int_equal(reading_of(1, READING_COUNTER)->milli, 88000);
    assert_false(ledger_find(&ledger, ids[0])->owed);
}

static void what_is_owed_before_the_host_is_set_goes_by_the_board(void **state)
{
    struct reading owed[FLX_PULSE_PORTS];

    (void)state;
    now.clock = CLOCK_UNSET;
    now.unix_s = 0;
    assert_int_equal(stamp_pulse(1700000000), 1700000000);
    flx_measure_emitted(&channels, &out.reading[0], false);
    now.mono_ms += 2500;
    assert_int_equal(flx_measure_owed(&channels, &now, owed), 1);
    assert_int_equal(owed[0].unix_s, 1700000002);
    assert_int_equal(stamp_pulse(5), 0); /* it was reset: nobody knows */
    flx_measure_emitted(&channels, &out.reading[0], false);
    assert_int_equal(flx_measure_owed(&channels, &now, owed), 1);
    assert_int_equal(owed[0].unix_s, 0);
}

/* ---- settings ---- */

/* A sensor that moves to another port keeps what it published. */
static void the_ledger_goes_with_the_sensor(void **state)
{
    char *id = made[0].id;

    (void)state;
    struct flx_ct m = ct(0);
    m.counter_milli[0] = 30000000;
    measure_ct(m);
    made[0].id = made[12].id;
    made[12].id = id;
    apply();
    m.port = 1;
    m.counter_milli[0] = 101000;
    measure_ct(m);
    assert_int_equal(reading_of(1, READING_COUNTER)->milli, 30000000);
    m.counter_milli[0] = 102000;
    measure_ct(m);
    assert_int_equal(reading_of(1, READING_COUNTER)->milli, 30001000);
}

static void sensors_that_are_no_ports_are_passed_over(void **state)
{
    struct flx_channels other = {.board_s = 1};

    (void)state;
    for (unsigned i = 0; i < FLX_CHANNELS; i++) {
        made[i].made = i % 2 ? MADE_GIVEN : MADE_DERIVE;
        made[i].number = 101;
    }
    flx_channels_set(&other, &sensors, &ledger, &s);
    for (unsigned i = 0; i < FLX_CHANNELS; i++)
        assert_int_equal(other.v[i].sensor, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_near_clock_of_the_board_stamps),
        TEST(else_the_hosts_does),
        TEST(before_the_host_is_set_the_board_stamps),
        TEST(a_refused_pulse_comes_again),
        TEST(a_suspect_settles_no_debt),
        TEST(a_counter_that_people_set_is_owed),
        TEST(what_is_owed_before_the_host_is_set_goes_by_the_board),
        TEST(the_ledger_goes_with_the_sensor),
        TEST(sensors_that_are_no_ports_are_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
