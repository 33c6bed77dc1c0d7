/* Counters at midnight, while the clock is right. */
#include "marks_host.h"

static void a_midnight_that_is_lived_through(void **state)
{
    (void)state;
    read_until(MIDNIGHT - 1, 1);
    assert_unknown(MARKS_DAY, MARKS_NEW);
    read_until(MIDNIGHT + 2 * HOUR, 1);
    assert_today(MIDNIGHT, 2 * HOUR - 1); /* the newest reading is a second old */
    assert_unknown(MARKS_MONTH, MARKS_NEW);
    read_until(MIDNIGHT + 30 * HOUR, 1);
    assert_today(MIDNIGHT + DAY, 6 * HOUR - 1);
}

static void the_month_too(void **state)
{
    (void)state;
    host_starts(MONTH - 10);
    read_until(MONTH + 5 * DAY + 60, 10);
    struct marks_sum s = sum(MARKS_MONTH);
    assert_int_equal(s.why, MARKS_KNOWN);
    assert_int_equal(s.since_s, MONTH);
    assert_int_equal(s.milli, (5 * DAY + 50) * 1000);
    assert_today(MONTH + 5 * DAY, 50);
}

/* 29 March has 23 hours, 25 October has 25: what is counted of each day is that. */
static void both_daylight_saving_days(void **state)
{
    static const struct {
        int64_t day_s;
        int hours;
    } days[] = {{1774738800, 23}, {1792879200, 25}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int64_t end = days[i].day_s + days[i].hours * HOUR;
        setup(NULL);
        host_starts(days[i].day_s - 60);
        read_until(end, 10);
        assert_int_equal(sum(MARKS_DAY).since_s, end);
        true_s = end - 1;
        assert_today(days[i].day_s, days[i].hours * HOUR - 10);
        true_s = end;
        read_until(end + DAY - 10, 10);
        assert_today(end, DAY - 20);
    }
}

/* A change of the marks is what is written: twice a day and month, not more. */
static void little_is_written(void **state)
{
    unsigned written = 0;

    (void)state;
    for (; true_s < MIDNIGHT + 3 * DAY; true_s += 10) {
        look();
        written += marks_feed(&m, &line, &now, counter());
    }
    assert_int_equal(written, 4); /* the first one, and three midnights */
}

/* No pulse for days, while the board is polled: the counter stands. */
static void a_counter_that_stands(void **state)
{
    (void)state;
    read_until(MIDNIGHT - 30 * MINUTE, 1);
    int64_t stood = m.milli;
    hear_until(MIDNIGHT + 10);
    look();
    assert_today(MIDNIGHT, 0);
    assert_true(marks_roll(&m, &line, &now));
    assert_false(marks_roll(&m, &line, &now));
    hear_until(MIDNIGHT + 7 * HOUR);
    assert_false(marks_feed(&m, &line, &now, stood + 5000));
    assert_today(MIDNIGHT, 5);
    hear_until(MIDNIGHT + 3 * DAY + HOUR); /* nobody looked in between */
    look();
    marks_feed(&m, &line, &now, stood + 9000);
    assert_today(MIDNIGHT + 3 * DAY, 4);
}

/* A source that is not heard in between says nothing of what its counter did. */
static void a_silent_source(void **state)
{
    (void)state;
    read_until(MIDNIGHT - 6 * MINUTE, 1);
    true_s = MIDNIGHT + 6 * MINUTE;
    assert_unknown(MARKS_DAY, MARKS_SILENT);
    look();
    assert_false(marks_roll(&m, &line, &now)); /* it may come yet */
    read_until(MIDNIGHT + 6 * MINUTE + 1, 1);
    assert_unknown(MARKS_DAY, MARKS_SILENT);
    read_until(MIDNIGHT + DAY - 10, 10);
    assert_unknown(MARKS_DAY, MARKS_SILENT);
    read_until(MIDNIGHT + DAY + 11, 10);
    assert_today(MIDNIGHT + DAY, 10);
}

/* Within five minutes: the value nearest to midnight. */
static void a_short_silence(void **state)
{
    static const struct {
        int before_s, after_s, expect;
    } cases[] = {
        {290, 1000, -290}, {299, 300, -299}, {290, 20, 20}, {20, 290, -20}, {1000, 290, 290}, {301, 299, 299},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setup(NULL);
        host_starts(MIDNIGHT - HOUR);
        read_until(MIDNIGHT - cases[i].before_s + 1, 1);
        true_s = MIDNIGHT + cases[i].after_s;
        line = (struct marks_line){0}; /* a source that is not heard but by readings */
        look();
        marks_feed(&m, NULL, &now, counter());
        assert_today(MIDNIGHT, cases[i].after_s - cases[i].expect);
    }
}

/* The meter counts on: what it was at midnight is not known. */
static void the_gateway_is_off_at_midnight(void **state)
{
    (void)state;
    read_until(MIDNIGHT - DAY + 10, 10);
    read_until(MIDNIGHT - HOUR, 10);
    restart(MIDNIGHT + 7 * HOUR);
    assert_unknown(MARKS_DAY, MARKS_OFF);
    read_until(MIDNIGHT + 8 * HOUR, 10);
    assert_unknown(MARKS_DAY, MARKS_OFF);
    restart(MIDNIGHT + 9 * HOUR);
    assert_unknown(MARKS_DAY, MARKS_OFF);
    read_until(MIDNIGHT + DAY + 11, 10);
    assert_today(MIDNIGHT + DAY, 10);
}

static void off_in_the_day(void **state)
{
    (void)state;
    read_until(MIDNIGHT + HOUR, 10);
    restart(MIDNIGHT + 20 * HOUR);
    assert_today(MIDNIGHT, HOUR - 10); /* as far as is known */
    read_until(MIDNIGHT + 20 * HOUR + 1, 1);
    assert_today(MIDNIGHT, 20 * HOUR);
}

static void a_restart_at_midnight(void **state)
{
    (void)state;
    read_until(MIDNIGHT - 20, 1);
    restart(MIDNIGHT + 30);
    assert_today(MIDNIGHT, 0);
    read_until(MIDNIGHT + 31, 1);
    assert_today(MIDNIGHT, 51); /* the value of 21 s before midnight is nearer */
}

/* A pulse counter over a short restart: it stands before and after. Over a long one it may have counted. */
static void a_standing_counter_over_a_restart(void **state)
{
    (void)state;
    for (int off = 10; off <= 1000; off += 990) {
        setup(NULL);
        host_starts(MIDNIGHT - 10 * HOUR);
        read_until(MIDNIGHT - 9 * HOUR, 1);
        int64_t stood = m.milli;
        hear_until(MIDNIGHT - 2 * HOUR);
        restart(MIDNIGHT - 2 * HOUR + off);
        hear_until(MIDNIGHT + 2 * HOUR);
        look();
        assert_true(marks_roll(&m, &line, &now) == (off == 10));
        marks_feed(&m, &line, &now, stood + 1000);
        if (off == 10)
            assert_today(MIDNIGHT, 1);
        else
            assert_unknown(MARKS_DAY, MARKS_SILENT);
    }
}

/* A file of an older program: the counter is known, its marks are not. */
static void marks_that_were_not_kept(void **state)
{
    (void)state;
    m = (struct marks){.known = true, .milli = counter(), .unix_s = MIDNIGHT + HOUR};
    host_starts(MIDNIGHT + HOUR + 10);
    assert_unknown(MARKS_DAY, MARKS_LOST);
    read_until(MIDNIGHT + 2 * HOUR, 1);
    assert_unknown(MARKS_DAY, MARKS_LOST);
    assert_unknown(MARKS_MONTH, MARKS_LOST);
}

/* ---- counters that jump ---- */

static void a_jump_is_no_energy(void **state)
{
    (void)state;
    read_until(MIDNIGHT + HOUR, 1);
    marks_shift(&m, 5000000);
    assert_today(MIDNIGHT, HOUR - 1);
    look();
    marks_feed(&m, &line, &now, m.milli + 1000);
    assert_today(MIDNIGHT, HOUR);
}

static void never_negative(void **state)
{
    (void)state;
    read_until(MIDNIGHT + HOUR, 1);
    m.milli -= 2 * HOUR * 1000; /* an old file's counter beside a newer mark */
    assert_unknown(MARKS_DAY, MARKS_LOST);
}

/* Switched off, and on again days later: nobody knows what its counter did. */
static void a_pause(void **state)
{
    (void)state;
    read_until(MIDNIGHT - 20 * MINUTE, 1);
    look();
    marks_pause(&m, &line, &now);
    hear_until(MIDNIGHT + 2 * HOUR);
    look();
    assert_false(marks_roll(&m, &line, &now));
    read_until(MIDNIGHT + 3 * HOUR, 1);
    assert_unknown(MARKS_DAY, MARKS_SILENT);
}

static void every_reason_has_words(void **state)
{
    (void)state;
    for (int why = MARKS_KNOWN + 1; why < MARKS_WHYS; why++)
        for (int kind = 0; kind < MARKS_KINDS; kind++)
            assert_non_null(marks_reason((enum marks_kind)kind, (enum marks_why)why));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_midnight_that_is_lived_through),
        TEST(the_month_too),
        TEST(both_daylight_saving_days),
        TEST(little_is_written),
        TEST(a_counter_that_stands),
        TEST(a_silent_source),
        TEST(a_short_silence),
        TEST(the_gateway_is_off_at_midnight),
        TEST(off_in_the_day),
        TEST(a_restart_at_midnight),
        TEST(a_standing_counter_over_a_restart),
        TEST(marks_that_were_not_kept),
        TEST(a_jump_is_no_energy),
        TEST(never_negative),
        TEST(a_pause),
        TEST(every_reason_has_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
