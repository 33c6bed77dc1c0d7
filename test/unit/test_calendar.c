/* Local midnights, held against what libc says of each date: mktime() where it is sure, the zone's history where not.
 */
#include "unit.h"

#include "core/calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOUR 3600
#define DAY  86400

static void zone(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
}

/* Seconds since 1970 of a time in UTC. */
static int64_t utc(int year, int month, int day, int hour, int minute)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};

    return timegm(&tm);
}

static const char *local(int64_t unix_s)
{
    static char text[4][32];
    static unsigned n;
    char *out = text[n++ % 4];
    time_t t = (time_t)unix_s;
    struct tm tm;

    strftime(out, sizeof text[0], "%Y-%m-%d %H:%M:%S", localtime_r(&t, &tm));
    return out;
}

/* Each moment of a day has the same day. */
static void assert_day(int64_t day_s, int64_t next_s, int64_t month_s)
{
    const int64_t moments[] = {day_s, day_s + 1, day_s + HOUR, (day_s + next_s) / 2, next_s - HOUR, next_s - 1};
    struct calendar c;

    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        calendar_of(moments[i], &c);
        assert_int_equal(c.day_s, day_s);
        assert_int_equal(c.next_s, next_s);
        assert_int_equal(c.month_s, month_s);
        assert_true(calendar_covers(&c, moments[i]));
    }
    assert_false(calendar_covers(&c, day_s - 1));
    assert_false(calendar_covers(&c, next_s));
}

static void utc_is_plain(void **state)
{
    (void)state;
    zone("UTC");
    assert_day(utc(2026, 11, 24, 0, 0), utc(2026, 11, 25, 0, 0), utc(2026, 11, 1, 0, 0));
    zone("");
    assert_day(utc(1970, 2, 1, 0, 0), utc(1970, 2, 2, 0, 0), utc(1970, 2, 1, 0, 0));
    zone("Not/AZone"); /* as libc has it: UTC */
    assert_day(utc(2026, 11, 24, 0, 0), utc(2026, 11, 25, 0, 0), utc(2026, 11, 1, 0, 0));
}

/* The clocks change at 01:00 UTC, on the last Sundays of March and October. */
static void brussels_has_days_of_23_and_25_hours(void **state)
{
    int64_t spring = utc(2026, 3, 28, 23, 0), autumn = utc(2026, 10, 24, 22, 0);

    (void)state;
    zone("Europe/Brussels");
    assert_string_equal(local(spring), "2026-03-29 00:00:00");
    assert_day(spring, spring + 23 * HOUR, utc(2026, 2, 28, 23, 0));
    assert_string_equal(local(autumn), "2026-10-25 00:00:00");
    assert_day(autumn, autumn + 25 * HOUR, utc(2026, 9, 30, 22, 0));
    /* the days beside them, and a month that began in the other half of the year */
    assert_day(spring - DAY, spring, utc(2026, 2, 28, 23, 0));
    assert_day(autumn + 25 * HOUR, autumn + 49 * HOUR, utc(2026, 9, 30, 22, 0));
}

/* 2018-11-04: 00:00 is 01:00 at once. 2018-02-18: the hour from 23:00 to midnight of the 17th comes twice. */
static void sao_paulo_changes_at_midnight(void **state)
{
    int64_t first = utc(2018, 11, 4, 3, 0), repeated = utc(2018, 2, 17, 2, 0);

    (void)state;
    zone("America/Sao_Paulo");
    assert_string_equal(local(first - 1), "2018-11-03 23:59:59");
    assert_string_equal(local(first), "2018-11-04 01:00:00");
    assert_day(first, first + 23 * HOUR, utc(2018, 11, 1, 3, 0));
    assert_string_equal(local(repeated), "2018-02-17 00:00:00");
    assert_day(repeated, repeated + 25 * HOUR, utc(2018, 2, 1, 2, 0));
    assert_day(repeated + 25 * HOUR, repeated + 49 * HOUR, utc(2018, 2, 1, 2, 0));
}

/* Beirut skips midnight too; Havana has it twice: from 01:00 back to 00:00. */
static void beirut_and_havana_too(void **state)
{
    int64_t beirut = utc(2022, 3, 26, 22, 0), havana = utc(2022, 11, 6, 4, 0);

    (void)state;
    zone("Asia/Beirut");
    assert_string_equal(local(beirut), "2022-03-27 01:00:00");
    assert_day(beirut, beirut + 23 * HOUR, utc(2022, 2, 28, 22, 0));
    zone("America/Havana");
    assert_string_equal(local(havana), "2022-11-06 00:00:00");
    assert_string_equal(local(havana + HOUR), "2022-11-06 00:00:00");
    assert_day(havana, havana + 25 * HOUR, utc(2022, 11, 1, 4, 0));
}

static void far_east_and_odd_minutes(void **state)
{
    (void)state;
    zone("Pacific/Kiritimati"); /* UTC+14 */
    assert_day(utc(2026, 12, 30, 10, 0), utc(2026, 12, 31, 10, 0), utc(2026, 11, 30, 10, 0));
    assert_day(utc(2026, 12, 31, 10, 0), utc(2027, 1, 1, 10, 0), utc(2026, 12, 31, 10, 0));
    zone("Asia/Kathmandu"); /* UTC+5:45 */
    assert_day(utc(2026, 5, 9, 18, 15), utc(2026, 5, 10, 18, 15), utc(2026, 4, 30, 18, 15));
    zone("Australia/Lord_Howe"); /* the clocks change by half an hour */
    assert_day(utc(2026, 4, 4, 13, 0), utc(2026, 4, 5, 13, 30), utc(2026, 3, 31, 13, 0));
    zone("Pacific/Apia"); /* 2011-12-30 was not there */
    assert_day(utc(2011, 12, 29, 10, 0), utc(2011, 12, 30, 10, 0), utc(2011, 12, 1, 10, 0));
    assert_day(utc(2011, 12, 30, 10, 0), utc(2011, 12, 31, 10, 0), utc(2011, 12, 1, 10, 0));
}

static void leap_days_and_ends_of_months(void **state)
{
    (void)state;
    zone("Europe/Brussels");
    assert_day(utc(2028, 2, 28, 23, 0), utc(2028, 2, 29, 23, 0), utc(2028, 1, 31, 23, 0));
    assert_day(utc(2028, 2, 29, 23, 0), utc(2028, 3, 1, 23, 0), utc(2028, 2, 29, 23, 0));
    assert_day(utc(2027, 2, 27, 23, 0), utc(2027, 2, 28, 23, 0), utc(2027, 1, 31, 23, 0));
    assert_day(utc(2026, 12, 30, 23, 0), utc(2026, 12, 31, 23, 0), utc(2026, 11, 30, 23, 0));
    assert_day(utc(2026, 12, 31, 23, 0), utc(2027, 1, 1, 23, 0), utc(2026, 12, 31, 23, 0));
    assert_day(utc(2000, 2, 28, 23, 0), utc(2000, 2, 29, 23, 0), utc(2000, 1, 31, 23, 0));
}

/* Day after day over years: each follows the one before, begins at the first second of its date, and lasts 23 to 25
 * hours. */
static void days_follow_each_other(void **state)
{
    static const char *const zones[] = {"Europe/Brussels",  "America/Sao_Paulo", "America/St_Johns", "Africa/Cairo",
                                        "America/Asuncion", "Atlantic/Azores",   "Asia/Tehran",      "UTC"};

    (void)state;
    for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++) {
        struct calendar c = {0}, next;
        zone(zones[z]);
        calendar_of(utc(2012, 1, 15, 12, 0), &c);
        for (int i = 0; i < 366 * 20; i++, c = next) {
            calendar_of(c.next_s, &next);
            assert_int_equal(next.day_s, c.next_s);
            assert_in_range(next.next_s - next.day_s, 23 * HOUR, 25 * HOUR);
            assert_memory_not_equal(local(next.day_s - 1), local(next.day_s), 10);
            bool first = memcmp(local(next.day_s) + 8, "01", 2) == 0;
            assert_int_equal(next.month_s == next.day_s, first);
            assert_int_equal(next.month_s == c.month_s, !first);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utc_is_plain),
        cmocka_unit_test(brussels_has_days_of_23_and_25_hours),
        cmocka_unit_test(sao_paulo_changes_at_midnight),
        cmocka_unit_test(beirut_and_havana_too),
        cmocka_unit_test(far_east_and_odd_minutes),
        cmocka_unit_test(leap_days_and_ends_of_months),
        cmocka_unit_test(days_follow_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
