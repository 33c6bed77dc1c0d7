/* Counters at midnight, while the clock is not set, wrong, or steps. */
#include "marks_host.h"

static void a_clock_that_is_not_set(void **state)
{
    (void)state;
    unset = true;
    read_until(MIDNIGHT + HOUR, 1);
    assert_unknown(MARKS_DAY, MARKS_UNSET);
    unset = false;
    read_until(MIDNIGHT + HOUR + 1, 1);
    assert_unknown(MARKS_DAY, MARKS_CLOCK);
    read_until(MIDNIGHT + DAY + 1, 1);
    assert_today(MIDNIGHT + DAY, 0);
}

/* The value is placed in time by the monotonic clock. */
static void a_counter_that_stands_while_the_clock_is_not_set(void **state)
{
    (void)state;
    unset = true;
    read_until(MIDNIGHT - 30 * MINUTE, 1);
    hear_until(MIDNIGHT + 30 * MINUTE);
    unset = false;
    look();
    marks_feed(&m, &line, &now, m.milli + 7000);
    assert_today(MIDNIGHT, 7);
}

/* Ahead by a day for a while: midnights of a clock that was wrong leave nothing behind, those of before stay. */
static void ahead_and_back(void **state)
{
    (void)state;
    for (int s = 0; s < 2; s++) {
        setup(NULL);
        sure = s;
        read_until(MIDNIGHT + HOUR, 10);
        assert_today(MIDNIGHT, HOUR - 10);
        off_s = DAY;
        read_until(MIDNIGHT + HOUR + 60, 10);
        assert_unknown(MARKS_DAY, MARKS_CLOCK);
        off_s = 0;
        read_until(MIDNIGHT + 2 * HOUR, 10);
        if (s)
            assert_today(MIDNIGHT, 2 * HOUR - 10);
        else
            assert_unknown(MARKS_DAY, MARKS_CLOCK); /* which of the two was right, nobody knows */
        read_until(MIDNIGHT + DAY + 11, 10);
        assert_today(MIDNIGHT + DAY, 10);
    }
}

/* It lives through a midnight that was none. */
static void a_false_midnight(void **state)
{
    (void)state;
    for (int s = 0; s < 2; s++) {
        setup(NULL);
        read_until(MIDNIGHT + 2 * HOUR, 10);
        sure = s;
        off_s = 21 * HOUR + 59 * MINUTE;
        read_until(MIDNIGHT + 2 * HOUR + 5 * MINUTE, 10);
        assert_today(MIDNIGHT + DAY, 4 * MINUTE - 10);
        off_s = 0;
        sure = true;
        read_until(MIDNIGHT + 3 * HOUR, 10);
        assert_unknown(MARKS_DAY, MARKS_CLOCK); /* the true one's was given up */
        read_until(MIDNIGHT + DAY + 11, 10);
        assert_today(MIDNIGHT + DAY, 10);
    }
}

/* A host without a battery: it starts with the time of its end, and learns the true one later. */
static void behind_until_it_is_told(void **state)
{
    (void)state;
    read_until(MIDNIGHT - 10 * MINUTE, 10);
    restart(MIDNIGHT + 7 * HOUR);
    sure = false;
    off_s = -7 * HOUR - 9 * MINUTE;
    read_until(MIDNIGHT + 7 * HOUR + 5 * MINUTE, 10);
    off_s = 0;
    sure = true;
    assert_unknown(MARKS_DAY, MARKS_OFF);
    read_until(MIDNIGHT + 8 * HOUR, 10);
    assert_unknown(MARKS_DAY, MARKS_OFF);
    /* the same, but it lived through a midnight by its own time */
    setup(NULL);
    read_until(MIDNIGHT - 10 * MINUTE, 10);
    restart(MIDNIGHT + 7 * HOUR);
    sure = false;
    off_s = -7 * HOUR - 9 * MINUTE;
    read_until(MIDNIGHT + 8 * HOUR, 10);
    assert_today(MIDNIGHT, 51 * MINUTE - 10);
    off_s = 0;
    sure = true;
    read_until(MIDNIGHT + 8 * HOUR + 10, 10);
    assert_unknown(MARKS_DAY, MARKS_OFF);
}

/* A step of a minute over midnight, back and forth: one mark, nothing negative. */
static void a_small_step_at_midnight(void **state)
{
    (void)state;
    read_until(MIDNIGHT + 30, 1);
    off_s = -60;
    assert_unknown(MARKS_DAY, MARKS_NEW); /* the day before again */
    read_until(MIDNIGHT + 120, 1);
    assert_today(MIDNIGHT, 59);
    off_s = 0;
    read_until(MIDNIGHT + HOUR, 1);
    assert_today(MIDNIGHT, HOUR - 1 - 60);
}

static void far_ahead_in_an_earlier_run(void **state)
{
    (void)state;
    off_s = 3650 * (int64_t)DAY;
    sure = false;
    read_until(MIDNIGHT + 2 * HOUR, 10);
    restart(MIDNIGHT + 3 * HOUR);
    read_until(MIDNIGHT + 4 * HOUR, 10);
    assert_unknown(MARKS_DAY, MARKS_OFF);
    read_until(MIDNIGHT + DAY + 11, 10);
    assert_today(MIDNIGHT + DAY, 10);
}

static void another_time_zone(void **state)
{
    (void)state;
    read_until(MIDNIGHT + HOUR, 1);
    restart(MIDNIGHT + HOUR + 10);
    setenv("TZ", "America/New_York", 1);
    read_until(MIDNIGHT + 2 * HOUR, 1);
    assert_unknown(MARKS_DAY, MARKS_LOST);
    read_until(MIDNIGHT + 6 * HOUR + 1, 1);
    assert_today(MIDNIGHT + 6 * HOUR, 0);
}

/* Any history: whatever the clock does, a sum is null or what the counter can have risen by, and never negative. */
static void any_story(void **state)
{
    uint32_t seed = 1;

    (void)state;
    for (int story = 0; story < 200; story++) {
        setup(NULL);
        for (int i = 0; i < 300; i++) {
            seed = seed * 1664525 + 1013904223;
            unsigned what = seed >> 16 & 15, size = seed >> 20;
            if (what < 8)
                read_until(true_s + size % 2000 * (what + 1), 60);
            else if (what < 10)
                hear_until(true_s + size % 2000);
            else if (what < 12)
                restart(true_s + size % 100000);
            else if (what < 14)
                off_s = what == 12 ? 0 : (int64_t)(size % 400000) - 200000;
            else
                unset = what == 15 && size % 4 == 0;
            sure = (seed >> 8 & 3) != 0;
            for (int kind = 0; kind < MARKS_KINDS; kind++) {
                struct marks_sum s = sum((enum marks_kind)kind);
                assert_true(s.milli >= 0 && s.milli <= m.milli);
                assert_true(s.why == MARKS_KNOWN ? s.since_s > 0 : s.milli == 0 && s.since_s == 0);
            }
        }
    }
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_clock_that_is_not_set),
        TEST(a_counter_that_stands_while_the_clock_is_not_set),
        TEST(ahead_and_back),
        TEST(a_false_midnight),
        TEST(behind_until_it_is_told),
        TEST(a_small_step_at_midnight),
        TEST(far_ahead_in_an_earlier_run),
        TEST(another_time_zone),
        TEST(any_story),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
