/* Counters at midnight: a meter that counts 1 Wh a second (so that a counter is a time) on a host whose clocks the test
 * sets, in Brussels. */
#include "unit.h"

#include "core/marks.h"

#include <stdlib.h>
#include <time.h>

#define MINUTE   60
#define HOUR     3600
#define DAY      86400
#define MIDNIGHT 1795474800 /* 2026-11-24 00:00 in Brussels */
#define MONTH    1793487600 /* 2026-11-01 */

static struct marks m;
static struct marks_line line;
static struct marks_now now;
static int64_t true_s; /* Unix second, as it really is */
static int64_t off_s;  /* what the host's clock is wrong by */
static int64_t boot_s; /* when the monotonic clock was 1000 s */
static bool unset, sure;

static void host_starts(int64_t at_s)
{
    true_s = boot_s = at_s;
    now = (struct marks_now){.started_ms = 1000000};
    line = (struct marks_line){0};
    off_s = 0;
    unset = false;
    sure = true;
}

static int setup(void **state)
{
    (void)state;
    setenv("TZ", "Europe/Brussels", 1);
    m = (struct marks){0};
    host_starts(MIDNIGHT - HOUR);
    return 0;
}

static void look(void)
{
    marks_clock(&now, unset ? 0 : true_s + off_s, 1000000 + (true_s - boot_s) * 1000, sure);
}

static int64_t counter(void)
{
    return (true_s - MIDNIGHT + 100 * DAY) * 1000; /* thousandths; at midnight 100 x 86400 Wh */
}

/* The sensor is read so often until then. */
static void read_until(int64_t end_s, int every_s)
{
    for (; true_s < end_s; true_s += every_s) {
        look();
        marks_feed(&m, &line, &now, counter());
        marks_heard(&line, now.mono_ms);
    }
    true_s = end_s;
}

/* The line alone is heard. */
static void hear_until(int64_t end_s)
{
    for (; true_s < end_s; true_s++) {
        look();
        marks_heard(&line, now.mono_ms);
    }
}

static struct marks_sum sum(enum marks_kind kind)
{
    look();
    return marks_sum(&m, &line, &now, kind, m.milli);
}

static void assert_today(int64_t since_s, int64_t wh)
{
    struct marks_sum s = sum(MARKS_DAY);

    assert_null(marks_reason(MARKS_DAY, s.why));
    assert_int_equal(s.since_s, since_s);
    assert_int_equal(s.milli, wh * 1000);
}

static void assert_unknown(enum marks_kind kind, enum marks_why why)
{
    struct marks_sum s = sum(kind);

    assert_int_equal(s.why, why);
    assert_non_null(marks_reason(kind, s.why));
    assert_int_equal(s.milli, 0);
}

/* Saved and restored, as the store does it. */
static void restart(int64_t at_s)
{
    struct marks saved = m;

    look();
    saved.unix_s = marks_stood_s(&m, &line, &now);
    saved.mono_ms = 0;
    for (int kind = 0; kind < MARKS_KINDS; kind++)
        saved.v[kind].epoch = 0;
    host_starts(at_s);
    m = saved;
}

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

/* ---- clocks ---- */

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
        TEST(a_clock_that_is_not_set),
        TEST(a_counter_that_stands_while_the_clock_is_not_set),
        TEST(ahead_and_back),
        TEST(a_false_midnight),
        TEST(behind_until_it_is_told),
        TEST(a_small_step_at_midnight),
        TEST(far_ahead_in_an_earlier_run),
        TEST(another_time_zone),
        TEST(a_jump_is_no_energy),
        TEST(never_negative),
        TEST(a_pause),
        TEST(every_reason_has_words),
        TEST(any_story),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
