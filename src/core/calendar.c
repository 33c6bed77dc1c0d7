#include "core/calendar.h"

#include <time.h>

#define DAY_S 86400

/* Longer than any day was: one that is repeated, because a place moved over the date line. */
#define LONG_DAY_S   (49 * (int64_t)3600)
#define LONG_MONTH_S (31 * (int64_t)DAY_S + LONG_DAY_S)

/* Dates and months as numbers that rise; what lies between two of them does not matter. */
static int64_t date_of(int64_t unix_s)
{
    time_t t = (time_t)unix_s;
    struct tm tm;

    if (!localtime_r(&t, &tm))
        return unix_s / DAY_S; /* beyond what libc can tell */
    return ((int64_t)tm.tm_year * 12 + tm.tm_mon) * 32 + tm.tm_mday;
}

static int64_t month_of(int64_t unix_s)
{
    return (date_of(unix_s) - 1) / 32;
}

/* The first second after `before` of which number() is at least what it is at `at`. mktime() would be shorter, but
 * promises nothing of a midnight that is not there, or there twice. */
static int64_t first_of(int64_t (*number)(int64_t), int64_t before, int64_t at)
{
    int64_t wanted = number(at);

    while (at - before > 1) {
        int64_t middle = before + (at - before) / 2;
        if (number(middle) >= wanted)
            at = middle;
        else
            before = middle;
    }
    return at;
}

void calendar_of(int64_t unix_s, struct calendar *out)
{
    int64_t later = unix_s;

    tzset();
    out->day_s = first_of(date_of, unix_s - LONG_DAY_S, unix_s);
    while (date_of(later) == date_of(unix_s))
        later += DAY_S / 2;
    out->next_s = first_of(date_of, unix_s, later);
    out->month_s = first_of(month_of, unix_s - LONG_MONTH_S, unix_s);
}
