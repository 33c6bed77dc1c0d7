/* Net: what a grid meter counts of three phases, second by second and over gaps. */
#include "derive_phases.h"

/* The point of it all: 3 kW of solar on phase 1, 1 kW of load on each of the others. A grid meter sees 1 kW leave; the
 * phases' own counters say that 2 kWh came and 3 went. */
static void one_phase_solar_is_netted_as_a_grid_meter_does(void **state)
{
    (void)state;
    powers(-3000, 1000, 1000);
    tell();
    for (int i = 0; i < 3600; i++)
        second();
    assert_int_equal(got[IMPORT][READING_GAUGE].milli, 0);
    assert_int_equal(got[EXPORT][READING_GAUGE].milli, 1000000);
    assert_int_equal(published(IMPORT), 0);
    assert_int_equal(published(EXPORT), 1000000);
    assert_int_equal(got[EXPORT][READING_COUNTER].milli, 1000000);
    assert_int_equal(published(0) + published(1) + published(2), 2000000);
    assert_int_equal(published(3) + published(4) + published(5), 3000000);
    assert_int_equal(count[EXPORT][READING_COUNTER], 3601);
    assert_int_equal(count[IMPORT][READING_GAUGE], 3601);
}

/* Second by second and to the last thousandth, whatever the powers do. */
static void each_second_goes_its_own_way(void **state)
{
    (void)state;
    srand(2);
    tell();
    for (int i = 0; i < 20000; i++) {
        for (int p = 0; p < PHASES; p++)
            power[p] = rand() % 4000001 - 2000000;
        second();
        assert_int_equal(published(IMPORT), grid[0] / MWH);
        assert_int_equal(published(EXPORT), grid[1] / MWH);
    }
    assert_true(published(IMPORT) > 1000000 && published(EXPORT) > 1000000);
    assert_int_equal(derive.nets[0].gaps, 0);
}

static void it_begins_with_nothing(void **state)
{
    (void)state;
    way[0][0] = 5000 * 1000 * MWH; /* counters that are not new */
    way[1][1] = 7000 * 1000 * MWH;
    tell();
    assert_int_equal(got[IMPORT][READING_COUNTER].milli, 0);
    assert_int_equal(got[EXPORT][READING_COUNTER].milli, 0);
    assert_int_equal(count[IMPORT][READING_COUNTER], 1);
}

/* Power is known after a short gap, and what it says wrongly of the gap is given back. */
static void a_lost_frame_costs_nothing(void **state)
{
    (void)state;
    powers(1000, 500, 200);
    tell();
    for (int i = 0; i < 3000; i++) {
        powers(1000 + 2000 * (i % 7 == 0), 500, 200);
        passes(1000);
        unix_s++;
        for (int p = 0; p < PHASES; p++)
            phase_tells(p, i % 7 == 0 && p == 1 ? FRAME : NOTHING);
    }
    assert_int_equal(published(EXPORT), 0);
    assert_near(published(IMPORT), parts_say(), 10000); /* of 1655 Wh; without giving back, 238 Wh were missing */
    assert_int_equal(derive.nets[0].gaps, 0);
}

/* Nobody knows which way the energy of that second went: its counters do. */
static void a_second_without_a_gauge_goes_by_counters(void **state)
{
    (void)state;
    powers(3600, 0, 0); /* 1 Wh a second */
    tell();
    second();
    assert_int_equal(published(IMPORT), 1000);
    powers(-7200, 0, 0);
    passes(1000);
    unix_s++;
    phase_tells(0, GAUGES);
    phase_tells(1, NOTHING);
    phase_tells(2, NOTHING);
    assert_int_equal(published(EXPORT), 0); /* it may still come */
    powers(3600, 0, 0);
    second();
    assert_int_equal(published(IMPORT), 1000);
    assert_int_equal(published(EXPORT), 1000); /* -2 and +1, netted once */
    assert_int_equal(derive.nets[0].gaps, 1);
    second();
    assert_int_equal(published(IMPORT), 2000);
}

static void a_gauge_that_comes_late_is_in_time(void **state)
{
    (void)state;
    powers(3600, 0, 0);
    tell();
    passes(1000);
    unix_s++;
    for (int p = 0; p < PHASES; p++)
        phase_tells(p, GAUGES);
    for (int p = 0; p < PHASES; p++)
        phase_tells(p, COUNTERS);
    assert_int_equal(published(IMPORT), 1000);
    assert_int_equal(derive.nets[0].gaps, 0);
    assert_int_equal(count[IMPORT][READING_COUNTER], 2);
}

/* Gauges that never come (a pulse meter's): counters alone carry it. */
static void without_gauges_it_counts_all_the_same(void **state)
{
    (void)state;
    powers(2000, -500, 0);
    tell();
    for (int i = 0; i < 3600; i++) {
        passes(1000);
        unix_s++;
        for (int p = 0; p < PHASES; p++)
            phase_tells(p, p == 1 ? GAUGES : NOTHING);
        if (i % 2)
            phase_tells(1, COUNTERS); /* its gauge comes when the second is counted already */
    }
    assert_int_equal(hub.refused_stale, 0);
    assert_near(published(IMPORT), 1500000, 1000);
    assert_int_equal(published(EXPORT), 0);
}

static void a_board_that_was_away_is_netted_once(void **state)
{
    (void)state;
    powers(-3000, 1000, 500);
    tell();
    passes(3600 * 1000); /* 1.5 kWh left, and nobody saw when */
    unix_s += 3600;
    tell();
    assert_int_equal(published(IMPORT), 0);
    assert_near(published(EXPORT), 1500000, LOOSE);
    assert_int_equal(derive.nets[0].gaps, 1);
}

/* What one phase takes the others bring: never a thousandth comes or leaves, however often the counters' rounding is
 * looked at. */
static void rounding_is_no_energy(void **state)
{
    (void)state;
    srand(3);
    tell();
    for (int i = 0; i < 2000; i++) {
        power[1] = -(rand() % 100000);
        power[2] = -(rand() % 1000);
        power[0] = -power[1] - power[2];
        passes(6000); /* a gap each time */
        unix_s += 6;
        tell();
    }
    assert_int_equal(derive.nets[0].gaps, 2000);
    assert_int_equal(published(IMPORT), 0);
    assert_int_equal(published(EXPORT), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_phase_solar_is_netted_as_a_grid_meter_does),
        CASE(each_second_goes_its_own_way),
        CASE(it_begins_with_nothing),
        CASE(a_lost_frame_costs_nothing),
        CASE(a_second_without_a_gauge_goes_by_counters),
        CASE(a_gauge_that_comes_late_is_in_time),
        CASE(without_gauges_it_counts_all_the_same),
        CASE(a_board_that_was_away_is_netted_once),
        CASE(rounding_is_no_energy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
