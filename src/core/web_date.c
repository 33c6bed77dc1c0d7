#include "core/web_date.h"

#include <stdbool.h>
#include <string.h>

#define NAME_LEN 3

/* '?' stands for a letter of a name, '9' for a digit. */
static const char form[] = "???, 99 ??? 9999 99:99:99 GMT";
static const char days[] = "MonTueWedThuFriSatSun";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

enum { AT_WEEKDAY = 0, AT_DAY = 5, AT_MONTH = 8, AT_YEAR = 12, AT_HOUR = 17, AT_MINUTE = 20, AT_SECOND = 23 };

static bool has_form(const char *text)
{
    for (size_t i = 0; i < sizeof form; i++) { /* its end included */
        char c = text[i];
        bool fits = form[i] == '9' ? c >= '0' && c <= '9' : form[i] == '?' ? c != '\0' : c == form[i];
        if (!fits)
            return false;
    }
    return true;
}

/* Number, from 0, of the name at text; -1: none of them. */
static int find_name(const char *names, const char *text)
{
    for (int i = 0; names[i * NAME_LEN]; i++)
        if (memcmp(names + i * NAME_LEN, text, NAME_LEN) == 0)
            return i;
    return -1;
}

static int number(const char *text, int digits)
{
    int v = 0;

    while (digits--)
        v = v * 10 + (*text++ - '0');
    return v;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int year, int month)
{
    static const int of[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return of[month] + (month == 1 && is_leap(year));
}

int64_t web_date(const char *text)
{
    if (!text || !has_form(text) || find_name(days, text + AT_WEEKDAY) < 0)
        return 0;
    int month = find_name(months, text + AT_MONTH), year = number(text + AT_YEAR, 4), day = number(text + AT_DAY, 2);
    int hour = number(text + AT_HOUR, 2), minute = number(text + AT_MINUTE, 2), second = number(text + AT_SECOND, 2);
    if (month < 0 || year < 1970 || day < 1 || day > days_of_month(year, month) || hour > 23 || minute > 59 ||
        second > 60)
        return 0;
    int64_t past = (year - 1970) * 365 + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400;
    for (int m = 0; m < month; m++)
        past += days_of_month(year, m);
    return ((past + day - 1) * 24 + hour) * 3600 + minute * 60 + second;
}
