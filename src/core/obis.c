#include "core/obis.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

__extension__ typedef __int128 wide; /* a number of OBIS_DIGITS in thousandths of the largest unit */

#define YEAR_NONE 60 /* of a stamp: 63 and 70 are what meters say of nothing (1970, 2063) */

struct unit {
    const char *name;
    enum obis_unit unit;
    int64_t times, over; /* thousandths of ours in a thousandth of it */
};

static const struct unit units[] = {
    {"kWh", OBIS_WH, 1000, 1}, {"Wh", OBIS_WH, 1, 1},         {"MWh", OBIS_WH, 1000000, 1}, {"kW", OBIS_W, 1000, 1},
    {"W", OBIS_W, 1, 1},       {"kvarh", OBIS_VARH, 1000, 1}, {"varh", OBIS_VARH, 1, 1},    {"kvar", OBIS_VAR, 1000, 1},
    {"var", OBIS_VAR, 1, 1},   {"kVA", OBIS_VA, 1000, 1},     {"VA", OBIS_VA, 1, 1},        {"V", OBIS_V, 1, 1},
    {"A", OBIS_A, 1, 1},       {"Hz", OBIS_HZ, 1, 1},         {"m3", OBIS_L, 1000, 1},      {"GJ", OBIS_WH, 2500000, 9},
    {"MJ", OBIS_WH, 2500, 9},
};

static const struct unit *find_unit(const char *text, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (strlen(units[i].name) == len && strncasecmp(units[i].name, text, len) == 0)
            return &units[i];
    return NULL;
}

/* Thousandths of mantissa / 10^decimals, times times / over, rounded half up (nothing here is negative). */
static wide scaled(int64_t mantissa, unsigned decimals, const struct unit *u)
{
    wide v = (wide)mantissa * 1000 * (u ? u->times : 1), over = u ? u->over : 1;

    while (decimals-- > 0)
        over *= 10;
    return (2 * v + over) / (2 * over);
}

int obis_number(const char *text, size_t len, struct obis_value *out)
{
    int64_t mantissa = 0;
    unsigned digits = 0, decimals = 0;
    bool point = false;
    size_t i = 0;

    for (; i < len && text[i] != '*' && !isalpha((unsigned char)text[i]); i++) {
        if (text[i] == '.' && !point && digits) {
            point = true;
            continue;
        }
        if (text[i] < '0' || text[i] > '9' || ++digits > OBIS_DIGITS)
            return -1;
        mantissa = mantissa * 10 + (text[i] - '0');
        decimals += point;
    }
    if (!digits || (point && !decimals))
        return -1;
    size_t at = i + (i < len && text[i] == '*'); /* one meter leaves the star out */
    const struct unit *u = i < len ? find_unit(text + at, len - at) : NULL;
    if (i < len && !u)
        return -1;
    wide milli = scaled(mantissa, decimals, u);
    if (milli > OBIS_MAX)
        return -1;
    out->unit = u ? u->unit : OBIS_PLAIN;
    out->unit_given = u != NULL;
    out->milli = (int64_t)milli;
    return 0;
}

/* A number 0..255 at *at, which moves behind it. */
static bool take_byte(const char *text, size_t len, size_t *at, uint8_t *out)
{
    size_t start = *at;
    unsigned v = 0;

    while (*at < len && text[*at] >= '0' && text[*at] <= '9' && *at - start < 3)
        v = v * 10 + (unsigned)(text[(*at)++] - '0');
    *out = (uint8_t)v;
    return *at > start && v <= 255;
}

static bool take_char(const char *text, size_t len, size_t *at, char c)
{
    if (*at >= len || text[*at] != c)
        return false;
    ++*at;
    return true;
}

size_t obis_code(const char *text, size_t len, struct obis_value *out)
{
    size_t at = 0;
    uint8_t first, f;

    out->a = 1;
    out->b = 0;
    if (!take_byte(text, len, &at, &first))
        return 0;
    if (take_char(text, len, &at, '-')) {
        out->a = first;
        if (!take_byte(text, len, &at, &out->b) || !take_char(text, len, &at, ':') ||
            !take_byte(text, len, &at, &first))
            return 0;
    }
    out->c = first;
    if (!take_char(text, len, &at, '.') || !take_byte(text, len, &at, &out->d) || !take_char(text, len, &at, '.') ||
        !take_byte(text, len, &at, &out->e))
        return 0;
    if (take_char(text, len, &at, '*') && !take_byte(text, len, &at, &f))
        return 0;
    return at;
}

/* Days from 1970-01-01, of a date from 2000 on. */
static int64_t days(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int leap = year % 4 == 0; /* 2000 to 2099 */

    return 10957 + (year - 2000) * 365 + (year - 2000 + 3) / 4 + before[month - 1] + (leap && month > 2) + day - 1;
}

int64_t obis_stamp(const char *text, size_t len)
{
    static const int longest[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int v[6]; /* year, month, day, hour, minute, second */

    if (len != 13 || !memchr("SsWw", text[12], 4))
        return 0;
    for (size_t i = 0; i < 6; i++) {
        if (text[2 * i] < '0' || text[2 * i] > '9' || text[2 * i + 1] < '0' || text[2 * i + 1] > '9')
            return 0;
        v[i] = (text[2 * i] - '0') * 10 + text[2 * i + 1] - '0';
    }
    int leap = v[0] % 4 == 0;
    if (v[0] >= YEAR_NONE || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > longest[v[1] - 1] + (leap && v[1] == 2) ||
        v[3] > 23 || v[4] > 59 || v[5] > 59)
        return 0;
    int64_t local = days(2000 + v[0], v[1], v[2]) * 86400 + v[3] * 3600 + v[4] * 60 + v[5];
    return local - (text[12] == 'S' || text[12] == 's' ? 7200 : 3600);
}
