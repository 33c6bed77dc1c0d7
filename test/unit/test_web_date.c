#include "unit.h"

#include "core/util.h"
#include "core/web_date.h"

#include <time.h>

static void known_dates(void **state)
{
    (void)state;
    assert_int_equal(web_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777); /* RFC 9110's own example */
    assert_int_equal(web_date("Thu, 01 Jan 1970 00:00:01 GMT"), 1);
    assert_int_equal(web_date("Tue, 29 Feb 2000 12:00:00 GMT"), 951825600);
    assert_int_equal(web_date("Tue, 19 Jan 2038 03:14:08 GMT"), 2147483648);
    assert_int_equal(web_date("Mon, 01 Mar 2100 00:00:00 GMT"), 4107542400); /* 2100 has no 29 February */
    assert_int_equal(web_date("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800); /* a leap second */
}

/* Held against the C library, some hours and seconds apart, over 2500 years of calendar. */
static void agrees_with_the_library(void **state)
{
    char text[40];

    (void)state;
    for (int64_t t = 1; t < INT64_C(80000000000); t += 7919 * 433) {
        struct tm tm;
        time_t at = (time_t)t;
        gmtime_r(&at, &tm);
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_int_equal(web_date(text), t);
    }
}

static void anything_else_is_no_date(void **state)
{
    static const char *const bad[] = {
        "",
        "S",
        "0",
        "Sun",
        "Sun, 06 Nov 1994",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "nTu, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Mai 1994 08:49:37 GMT",
        "Sun, 06 anF 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Wed, 29 Feb 2023 08:49:37 GMT",
        "Mon, 29 Feb 2100 08:49:37 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 -8:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
    };

    (void)state;
    assert_int_equal(web_date(NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(web_date(bad[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_dates),
        cmocka_unit_test(agrees_with_the_library),
        cmocka_unit_test(anything_else_is_no_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
