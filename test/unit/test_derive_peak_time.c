/* Quarter hours and the clock: unset, set, slow; months, and days on which the clocks are changed. */
#include "derive_peak_house.h"

#define NEAR 5 /* mW: a thousandth of a Wh at either end */

/* ---- the clock ---- */

static void without_a_clock_there_is_nothing(void **state)
{
    (void)state;
    unix_s = 0;
    for (int i = 0; i < 2000; i++) {
        mono_ms += 1000;
        energy += power * 1000;
        tells();
    }
    for (unsigned i = QUARTER; i <= MONTH; i++)
        assert_int_equal(count[i][READING_GAUGE], 0);
    assert_false(entry(QUARTER)->meter.known);
}

/* The one that runs, and the one that it is then. */
static void a_step_leaves_two_out(void **state)
{
    static const int64_t steps[] = {7, 61, 3600, 86400, -61, -3600, -86400};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        teardown(NULL);
        setup(NULL);
        amid_one();
        const int64_t was = unix_s / 900 * 900;
        unix_s += steps[i];
        live(1);
        assert_int_equal(shows(QUARTER), INT64_MIN);
        const int64_t is = unix_s / 900 * 900;
        power = 9 * KW;
        live_to(0);
        if (is != was)
            is_left_out(0, was, was + 900, PEAK_CLOCK);
        is_left_out(is != was, is, is + 900, PEAK_CLOCK);
        assert_int_equal(count[MONTH][READING_GAUGE], 0);
        assert_int_equal(derive.peaks[0].counted, 0);
        live_to(0);
        assert_near(shows(MONTH), 9 * KW, NEAR);
        assert_int_equal(n_said, 1 + (is != was));
    }
}

/* The hub lets no stamps of old pass, up to a minute: behind it the step shows all the same. */
static void a_small_step_back(void **state)
{
    (void)state;
    amid_one();
    unix_s -= 30;
    live_to(0);
    assert_int_equal(n_said, 1);
    is_left_out(0, unix_s - 900, unix_s, PEAK_CLOCK);
}

static void a_slow_clock_is_no_step(void **state)
{
    (void)state;
    amid_one();
    for (int i = 0; i < 900; i++) {
        mono_ms += i % 2 ? 300 : -300; /* readings come late */
        live(1);
    }
    assert_int_equal(n_said, 0);
}

/* ---- months ---- */

static void lives_at(int64_t second)
{
    setenv("TZ", "Europe/Brussels", 1);
    unix_s = second;
    tells();
}

static void a_month_begins_with_nothing(void **state)
{
    const int64_t march = 1772319600; /* 2026-03-01 00:00 in Brussels */

    (void)state;
    lives_at(march - 3600);
    live(2700);
    power = 3 * KW;
    live(899);
    assert_near(shows(MONTH), KW, NEAR);
    live(1);
    assert_int_equal(unix_s, march);
    assert_near(shows(MONTH), 3 * KW, NEAR); /* February's, with its last quarter hour */
    live(1);
    assert_int_equal(shows(MONTH), 0);
    power = KW;
    live(899);
    assert_near(shows(MONTH), (3 + 899) * KW / 900, 2 * NEAR);
}

static void a_month_begins_while_it_is_away(void **state)
{
    const int64_t march = 1772319600;

    (void)state;
    lives_at(march - 7200);
    live(2700);
    assert_near(shows(MONTH), KW, NEAR);
    passes(march + 100 - unix_s);
    tells();
    assert_int_equal(shows(MONTH), 0);
}

/* At a start the clock may be behind, until something tells it. */
static void a_clock_that_is_behind_makes_no_month(void **state)
{
    (void)state;
    amid_one();
    live_to(0);
    const int64_t peak = shows(MONTH), now = unix_s;
    save(NULL);
    unix_s -= 90 * (int64_t)86400;
    kill_and_start();
    power = 9 * KW;
    live(2000);
    assert_int_equal(count[MONTH][READING_GAUGE], 0);
    assert_near(shows(QUARTER), power, 10);
    unix_s = now + 2100;
    live(1);
    assert_int_equal(shows(MONTH), peak);
}

/* Quarter hours of UTC are those of the wall, also where an hour is skipped or there twice. */
static void days_of_23_and_25_hours(void **state)
{
    static const struct {
        int64_t midnight_s;
        unsigned quarters;
    } days[] = {{1774738800, 92}, {1792879200, 100}, {1792965600, 96}}; /* 2026-03-29, 10-25, 10-26 in Brussels */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        teardown(NULL);
        setup(NULL);
        lives_at(days[i].midnight_s - 800);
        for (int64_t end = days[i].midnight_s + days[i].quarters * 900; unix_s < end;) {
            passes(5);
            tells();
        }
        assert_int_equal(derive.peaks[0].counted, days[i].quarters);
        assert_int_equal(derive.peaks[0].left_out, 1);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(without_a_clock_there_is_nothing),
        CASE(a_step_leaves_two_out),
        CASE(a_small_step_back),
        CASE(a_slow_clock_is_no_step),
        CASE(a_month_begins_with_nothing),
        CASE(a_month_begins_while_it_is_away),
        CASE(a_clock_that_is_behind_makes_no_month),
        CASE(days_of_23_and_25_hours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
