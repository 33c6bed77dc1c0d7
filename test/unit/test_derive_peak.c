/* Quarter hours: what is shown of them, and which count for the month. */
#include "derive_peak_house.h"

#define NEAR 5 /* mW: a thousandth of a Wh at either end */

static void the_first_one_is_left_out(void **state)
{
    (void)state;
    tells();
    live_to(0);
    for (unsigned i = QUARTER; i <= MONTH; i++)
        assert_int_equal(count[i][READING_GAUGE], 0);
    assert_int_equal(n_said, 1);
    assert_true(said[0].from_s == START && said[0].until_s == START + 900 && said[0].why == PEAK_BEGUN);
    live(899);
    assert_int_equal(count[QUARTER][READING_GAUGE], 899);
    assert_int_equal(count[MONTH][READING_GAUGE], 0);
    live(1);
    assert_near(shows(MONTH), KW, NEAR);
}

static void it_averages_and_forecasts(void **state)
{
    (void)state;
    tells();
    live_to(0);
    live_to(0);
    assert_near(shows(QUARTER), KW, NEAR);
    power = 4 * KW;
    live(1);
    assert_near(shows(QUARTER), 4 * KW, 4 * KW / 100); /* of the new one alone */
    live(299);
    assert_near(shows(QUARTER), 4 * KW, 4 * NEAR);
    assert_near(shows(FORECAST), 4 * KW, 4 * NEAR);
    power = KW;
    live(30);
    assert_near(shows(QUARTER), (4 * 300 + 30) * KW / 330, 4 * NEAR);
    assert_near(shows(FORECAST), (4 * 300 + 30 + 570 * 5 / 2) * KW / 900, 1000); /* half of the minute was at 4 kW */
    live(30);
    assert_near(shows(FORECAST), (4 * 300 + 600) * KW / 900, 1000);
    live(540);
    assert_int_equal(unix_s % PEAK_QUARTER_S, 0);
    assert_near(shows(QUARTER), 2 * KW, NEAR); /* what it came to */
    assert_near(shows(FORECAST), 2 * KW, NEAR);
    assert_near(shows(MONTH), 2 * KW, NEAR);
    live(900);
    assert_near(shows(QUARTER), KW, NEAR);
    assert_near(shows(MONTH), 2 * KW, NEAR); /* the highest */
    assert_int_equal(derive.peaks[0].counted, 3);
    assert_int_equal(derive.peaks[0].left_out, 1);
}

/* Whole Wh, as a v2 board and P1 meters count: power tells what lies between, and cannot tell more than that. */
static void power_makes_a_coarse_counter_finer(void **state)
{
    (void)state;
    coarse = 1000;
    for (int way = 0; way < 2; way++) {
        gauge_first = way;
        power = 400000;
        tells();
        live_to(0);
        for (int i = 0; i < 900; i++) {
            live(1);
            if (i > 5)
                assert_near(shows(QUARTER), power, 8000);
            assert_near(shows(FORECAST), power, 8000);
        }
        assert_near(shows(MONTH), power, 8000);
    }
}

/* A meter that shows 10 Wh, and nobody says so. */
static void how_coarse_it_is_shows(void **state)
{
    (void)state;
    coarse = 10000;
    power = 3 * KW;
    tells();
    live_to(0);
    live_to(0);
    for (int i = 0; i < 900; i++) {
        live(1);
        assert_near(shows(FORECAST), power, 10000);
    }
    assert_near(shows(MONTH), power, 80000);
}

/* A gauge that lies does not make energy. */
static void a_wrong_gauge_is_held_by_the_counter(void **state)
{
    (void)state;
    coarse = 1000;
    tells();
    live_to(0);
    no_gauge = true;
    for (int i = 0; i < 900; i++) {
        passes(1);
        part_emits(0, READING_GAUGE, 50 * KW);
        part_counts(0, energy / MWH / coarse * coarse, true);
    }
    assert_near(shows(MONTH), KW, 8000);
}

static void without_a_gauge_the_counter_does(void **state)
{
    (void)state;
    no_gauge = true;
    tells();
    live_to(0);
    live_to(0);
    assert_near(shows(QUARTER), KW, NEAR);
    assert_near(shows(FORECAST), KW, NEAR);
}

/* For as long as it likes: it is shown one second late. */
static void without_a_counter_the_gauge_does(void **state)
{
    (void)state;
    tells();
    live_to(0);
    live(100);
    no_counter = true;
    power = 3 * KW;
    live(700);
    assert_near(got[QUARTER][READING_GAUGE].milli, (100 + 3 * 699) * KW / 799, 10);
    assert_int_equal(got[QUARTER][READING_GAUGE].unix_s, unix_s - 1);
    live(101);
    assert_near(got[MONTH][READING_GAUGE].milli, (100 + 3 * 800) * KW / 900, 10);
    no_counter = false;
    live(10);
    assert_near(shows(QUARTER), 3 * KW, 10000);
}

/* ---- what is not known ---- */

static void a_gap_amid_one_is_the_counters(void **state)
{
    (void)state;
    amid_one();
    power = 5 * KW;
    passes(400);
    tells();
    assert_near(shows(QUARTER), (450 + 5 * 400) * KW / 850, 4 * NEAR);
    assert_int_equal(shows(FORECAST), INT64_MIN); /* nobody knows the last minute */
    live(50);
    assert_near(shows(MONTH), (450 + 5 * 450) * KW / 900, NEAR);
    assert_int_equal(n_said, 0);
}

/* A short one over a boundary is cut there. */
static void a_minute_over_the_end(void **state)
{
    (void)state;
    amid_one();
    live_to(870);
    passes(60);
    tells();
    assert_near(shows(MONTH), KW, NEAR);
    assert_near(shows(QUARTER), KW, NEAR * 30);
    live_to(0);
    assert_int_equal(n_said, 0);
    assert_int_equal(derive.peaks[0].counted, 2);
}

/* The end is a reading's neighbour: the energy of the gap lies almost all on one side. */
static void a_long_one_that_begins_at_the_end(void **state)
{
    (void)state;
    amid_one();
    live_to(892);
    passes(300);
    tells();
    live_to(0);
    assert_int_equal(n_said, 0);
    assert_int_equal(derive.peaks[0].counted, 2);
}

static void a_long_one_over_the_end(void **state)
{
    const int64_t start = START + PEAK_QUARTER_S;

    (void)state;
    amid_one();
    live_to(800);
    passes(200);
    power = 9 * KW;
    tells();
    is_left_out(0, start, start + 900, PEAK_UNKNOWN);
    assert_int_equal(said[0].unknown_s, 100);
    assert_int_equal(shows(QUARTER), INT64_MIN); /* nobody knows what it began with */
    live_to(0);
    is_left_out(1, start + 900, start + 1800, PEAK_UNKNOWN);
    assert_int_equal(count[MONTH][READING_GAUGE], 0);
    live_to(0);
    assert_near(shows(MONTH), 9 * KW, NEAR);
    assert_int_equal(n_said, 2);
}

static void hours_are_said_once(void **state)
{
    const int64_t start = START + PEAK_QUARTER_S;

    (void)state;
    amid_one();
    power = 9 * KW;
    passes(6 * 3600);
    tells();
    assert_int_equal(n_said, 2);
    is_left_out(0, start, start + 900, PEAK_UNKNOWN);
    is_left_out(1, start + 900, start + 6 * 3600, PEAK_UNKNOWN);
    assert_int_equal(derive.peaks[0].left_out, 1 + 24);
    live_to(0);
    is_left_out(2, start + 6 * 3600, start + 6 * 3600 + 900, PEAK_UNKNOWN);
    assert_int_equal(count[MONTH][READING_GAUGE], 0);
}

/* One that is not heard of but for both ends of it, also where the second is a reading of its own. */
static void a_whole_one_between_two_readings(void **state)
{
    (void)state;
    for (int after = 0; after <= 1; after++) {
        teardown(NULL);
        setup(NULL);
        amid_one();
        live_to(895);
        power = 3 * KW;
        passes(905 + 10 * after);
        tells();
        assert_near(shows(MONTH), 3 * KW, 20 * NEAR);
        assert_int_equal(n_said, 0);
        assert_int_equal(derive.peaks[0].counted, 2);
        live_to(0);
        assert_int_equal(derive.peaks[0].counted, 3);
    }
}

/* A reading that is the end of one of which nothing else is known. */
static void an_end_alone(void **state)
{
    const int64_t start = START + PEAK_QUARTER_S;

    (void)state;
    amid_one();
    passes(450 + 900);
    tells();
    assert_int_equal(n_said, 2);
    is_left_out(1, start + 900, start + 1800, PEAK_UNKNOWN);
    live_to(0);
    assert_int_equal(n_said, 2);
    assert_near(shows(MONTH), KW, NEAR);
    passes(1800);
    tells();
    assert_int_equal(n_said, 3);
    assert_int_equal(shows(QUARTER), INT64_MIN);
    live(1);
    assert_near(shows(QUARTER), KW, 4000);
}

/* It tells something each ten seconds, as many meters do, or as rarely as it is asked. */
static void a_rare_one_is_whole(void **state)
{
    static const int every[] = {2, 5, 7, 10, 13};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(every); i++) {
        teardown(NULL);
        setup(NULL);
        tells();
        for (int t = 0; t < 3700; t += every[i]) {
            passes(every[i]);
            tells();
        }
        assert_true(derive.peaks[0].counted == 3 && derive.peaks[0].left_out == 1);
        assert_near(got[MONTH][READING_GAUGE].milli, KW, NEAR);
    }
}

static void a_meter_that_is_asked_each_minute(void **state)
{
    struct meter_settings meter = {.interval_ms = 60000};
    struct bus_settings bus = {.meters = &meter, .n_meters = 1};

    (void)state;
    settings.buses = &bus;
    settings.n_buses = 1;
    sensor_settings[0].made = MADE_METER;
    derive_set(&derive, &settings);
    tells();
    for (int i = 0; i < 60; i++) {
        passes(60);
        tells();
    }
    assert_int_equal(derive.peaks[0].counted, 3);
    assert_near(shows(MONTH), KW, NEAR);
    assert_near(shows(FORECAST), KW, 100);
    meter.interval_ms = 600000; /* nobody knows what such a one counts by the quarter hour */
    derive_set(&derive, &settings);
    assert_int_equal(derive.peaks[0].usual_ms, PEAK_USUAL_MAX_MS);
}

/* ---- pulses ---- */

static int setup_pulses(void **state)
{
    (void)state;
    house_of(SENSOR_PULSE);
    no_gauge = true;
    return 0;
}

static bool silent;

static void pulse_second(void)
{
    const int64_t before = energy / MWH / 1000;

    passes(1);
    ledger_clock(&ledger, unix_s, mono_ms, true);
    if (!silent)
        ledger_heard(&ledger, "flx");
    if (!silent && energy / MWH / 1000 != before)
        part_counts(0, energy / MWH / 1000 * 1000, true);
    derive_tick(&derive, mono_ms, unix_s);
}

/* One pulse each 36 s, then none: as long as the board is heard it is known that there is none. */
static void pulses_stand_until_the_next(void **state)
{
    (void)state;
    silent = false;
    power = KW / 10;
    assert_true(derive_ticks(&derive));
    for (int i = 0; i < 2700; i++)
        pulse_second();
    assert_int_equal(derive.peaks[0].counted, 2);
    assert_near(shows(MONTH), KW / 10, 4000);
    power = 0;
    for (int i = 0; i < 1800; i++)
        pulse_second();
    assert_int_equal(shows(QUARTER), 0);
    assert_int_equal(shows(FORECAST), 0);
    assert_int_equal(derive.peaks[0].counted, 4);
    const unsigned before = count[QUARTER][READING_GAUGE];
    silent = true;
    for (int i = 0; i < 1000; i++)
        pulse_second();
    assert_in_range(count[QUARTER][READING_GAUGE] - before, 0, 15);
    silent = false;
    for (int i = 0; i < 100; i++)
        pulse_second();
    assert_in_range(count[QUARTER][READING_GAUGE] - before, 0, 15); /* who knows what came meanwhile */
    power = KW;
    for (int i = 0; i < 100; i++)
        pulse_second();
    assert_true(n_said > 1 && said[n_said - 1].why == PEAK_UNKNOWN);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_first_one_is_left_out),
        CASE(it_averages_and_forecasts),
        CASE(power_makes_a_coarse_counter_finer),
        CASE(how_coarse_it_is_shows),
        CASE(a_wrong_gauge_is_held_by_the_counter),
        CASE(without_a_gauge_the_counter_does),
        CASE(without_a_counter_the_gauge_does),
        CASE(a_gap_amid_one_is_the_counters),
        CASE(a_minute_over_the_end),
        CASE(a_long_one_that_begins_at_the_end),
        CASE(a_long_one_over_the_end),
        CASE(hours_are_said_once),
        CASE(a_whole_one_between_two_readings),
        CASE(an_end_alone),
        CASE(a_rare_one_is_whole),
        CASE(a_meter_that_is_asked_each_minute),
        cmocka_unit_test_setup_teardown(pulses_stand_until_the_next, setup_pulses, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
