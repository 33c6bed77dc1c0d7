#include "core/http_date.h"

#include <stdbool.h>
#include <string.h>

static const char days[] = "ThuFriSatSunMonTueWed"; /* from 1970-01-01 on */
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Which of the names of three letters stands at p? -1: none. */
static int name_at(const char *p, const char *names)
{
    for (int i = 0; names[3 * i]; i++)
        if (memcmp(p, names + 3 * i, 3) == 0)
            return i;
    return -1;
}

static int number_at(const char *p, int digits)
{
    int v = 0;

    for (int i = 0; i < digits; i++)
        v = v * 10 + p[i] - '0';
    return v;
}

/* The text in its form: 'd' any digit, 'a' any character, all others themselves. */
static bool has_form(const char *text)
{
    static const char form[] = "aaa, dd aaa dddd dd:dd:dd GMT";

    for (size_t i = 0; i < sizeof form; i++) { /* both ends included */
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !digit : form[i] == 'a' ? !text[i] : text[i] != form[i])
            return false;
    }
    return true;
}

static bool leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 to the first of a year: 365 each, and one for each leap year before it. */
static int64_t days_before(int year)
{
    int y = year - 1;

    return (int64_t)365 * (year - 1970) + (y / 4 - 1969 / 4) - (y / 100 - 1969 / 100) + (y / 400 - 1969 / 400);
}

int64_t http_date_parse(const char *text)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (!text || !has_form(text))
        return 0;
    int name = name_at(text, days), month = name_at(text + 8, months);
    int day = number_at(text + 5, 2), year = number_at(text + 12, 4);
    int h = number_at(text + 17, 2), m = number_at(text + 20, 2), s = number_at(text + 23, 2);
    if (name < 0 || month < 0 || year < 1970 || h > 23 || m > 59 || s > 60)
        return 0;
    if (day < 1 || day > lengths[month] + (month == 1 && leap(year)))
        return 0;
    int64_t since = days_before(year) + day - 1;
    for (int i = 0; i < month; i++)
        since += lengths[i] + (i == 1 && leap(year));
    return since % 7 == name ? since * 86400 + h * 3600 + m * 60 + s : 0;
}
