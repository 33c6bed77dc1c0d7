#include "unit.h"

#include "core/http_date.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void known_dates(void **state)
{
    static const struct {
        const char *text;
        int64_t unix_s;
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777}, /* RFC 9110 */
        {"Tue, 24 Nov 2026 05:47:39 GMT", 1795499259}, {"Thu, 01 Jan 1970 00:00:01 GMT", 1},
        {"Tue, 29 Feb 2000 23:59:59 GMT", 951868799},  {"Sun, 31 Dec 1972 23:59:60 GMT", 94694400},
        {"Tue, 19 Jan 2038 03:14:08 GMT", 2147483648}, {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(http_date_parse(cases[i].text), cases[i].unix_s);
}

/* Against the C library, a day and some at a time over 400 years, all of the calendar's turns. */
static void as_the_library_counts(void **state)
{
    char text[64];

    (void)state;
    for (time_t t = 1; t < (time_t)146097 * 86400; t += 86400 + 3607) {
        struct tm tm;
        gmtime_r(&t, &tm);
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_int_equal(http_date_parse(text), t);
    }
}

static void what_is_no_such_date(void **state)
{
    static const char *const bad[] = {
        "",
        "GMT",
        "Tue, 24 Nov 2026 05:47:39",
        "Tue, 24 Nov 2026 05:47:39 UTC",
        "Tue, 24 Nov 2026 05:47:39 GMT ",
        " Tue, 24 Nov 2026 05:47:39 GMT",
        "tue, 24 Nov 2026 05:47:39 GMT",
        "Tue, 24 nov 2026 05:47:39 GMT",
        "Mon, 24 Nov 2026 05:47:39 GMT", /* it is a Tuesday */
        "ueW, 24 Nov 2026 05:47:39 GMT",
        "Tue, 24 anF 2026 05:47:39 GMT",
        "Tue, 4 Nov 2026 05:47:39 GMT",
        "Tue, 24 Nov 26 05:47:39 GMT",
        "Tue, 24 Nov 2026 24:00:00 GMT",
        "Tue, 24 Nov 2026 05:60:39 GMT",
        "Tue, 24 Nov 2026 05:47:61 GMT",
        "Tue, 24 Nov 2026 05:47:-1 GMT",
        "Tue, +4 Nov 2026 05:47:39 GMT",
        "Tue, 00 Nov 2026 05:47:39 GMT",
        "Tue, 31 Nov 2026 05:47:39 GMT",
        "Mon, 29 Feb 2027 05:47:39 GMT",
        "Mon, 29 Feb 2100 05:47:39 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Tuesday, 24-Nov-26 05:47:39 GMT", /* obsolete, and its year is a guess */
        "Tue Nov 24 05:47:39 2026",
        "2026-11-24T05:47:39Z",
        "1795499259",
    };

    (void)state;
    assert_int_equal(http_date_parse(NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(http_date_parse(bad[i]), 0);
}

/* Each text that stops early, in memory of its size: a sanitizer sees the first byte read behind it. */
static void no_byte_behind_the_end_is_read(void **state)
{
    static const char whole[] = "Tue, 24 Nov 2026 05:47:39 GMT";

    (void)state;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        char *cut = strndup(whole, n);
        assert_int_equal(http_date_parse(cut), 0);
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_dates),
        cmocka_unit_test(as_the_library_counts),
        cmocka_unit_test(what_is_no_such_date),
        cmocka_unit_test(no_byte_behind_the_end_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
