#include "sim/tele_say.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct tele_kind kinds[] = {
    /* the first of a protocol is its own */
    {"p1", "be", 115200, 1000, false, false, true, 300, tele_p1, P1_BE},
    {"p1", "dsmr2", 9600, 10000, false, false, false, 3600, tele_p1, P1_DSMR2},
    {"p1", "dsmr4", 115200, 10000, false, false, true, 3600, tele_p1, P1_DSMR4},
    {"p1", "dsmr5", 115200, 1000, false, false, true, 300, tele_p1, P1_DSMR5},
    {"p1", "lu", 115200, 10000, false, false, true, 3600, tele_p1, P1_LU},
    {"p1", "se", 115200, 10000, false, false, true, 3600, tele_p1, P1_SE},
    {"p1", "at", 115200, 1000, false, false, true, 3600, tele_p1, P1_AT},
    {"p1", "hu", 115200, 10000, false, false, true, 3600, tele_p1, P1_HU},
    {"d0", "push", 9600, 2000, false, false, false, 3600, tele_d0, D0_PUSH},
    {"d0", "emh", 9600, 2000, false, false, false, 3600, tele_d0, D0_EMH},
    {"d0", "pull", 9600, 0, true, false, true, 3600, tele_d0, D0_PULL},
    {"d0", "echo", 9600, 0, true, true, true, 3600, tele_d0, D0_PULL},
    {"tic", "tri", 9600, 0, false, false, false, 3600, tele_tic, TIC_TRI},
    {"tic", "mono", 9600, 0, false, false, false, 3600, tele_tic, TIC_MONO},
    {"tic-historique", "hc", 1200, 0, false, false, false, 3600, tele_tic, TIC_HC},
    {"tic-historique", "base", 1200, 0, false, false, false, 3600, tele_tic, TIC_BASE},
    {"tic-historique", "tempo", 1200, 0, false, false, false, 3600, tele_tic, TIC_TEMPO},
    {"tic-historique", "ejp", 1200, 0, false, false, false, 3600, tele_tic, TIC_EJP},
    {"tic-historique", "tri", 1200, 0, false, false, false, 3600, tele_tic, TIC_HC_TRI},
};

const struct tele_kind *tele_kind_find(const char *protocol, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].protocol, protocol) == 0 && (!name || strcmp(kinds[i].name, name) == 0))
            return &kinds[i];
    return NULL;
}

void tele_say(struct tele_text *t, const char *form, ...)
{
    va_list args;

    va_start(args, form);
    int n = vsnprintf(t->bytes + t->len, TELE_MAX - t->len, form, args);
    va_end(args);
    if (n < 0 || (size_t)n >= TELE_MAX - t->len)
        abort(); /* all of them are far shorter */
    t->len += (size_t)n;
}

void tele_say_number(struct tele_text *t, int64_t v, unsigned v_decimals, int whole, unsigned decimals)
{
    int64_t scale = 1;

    if (v < 0)
        tele_say(t, "-");
    v = v < 0 ? -v : v;
    for (; v_decimals < decimals; v_decimals++)
        v *= 10;
    for (; v_decimals > decimals; v_decimals--)
        v /= 10;
    for (unsigned i = 0; i < decimals; i++)
        scale *= 10;
    tele_say(t, "%0*" PRId64, whole, v / scale);
    if (decimals)
        tele_say(t, ".%0*" PRId64, (int)decimals, v % scale);
}

/* The Unix second at which summer time begins or ends in a year: the last Sunday of the month, 01:00 UTC. */
static int64_t turn_of_time(int year, int month)
{
    struct tm last = {.tm_year = year, .tm_mon = month, .tm_mday = 31, .tm_hour = 1};
    time_t t = timegm(&last);

    return t - last.tm_wday * INT64_C(86400);
}

void tele_stamp(int64_t unix_s, bool winter, char out[TELE_STAMP])
{
    time_t t = (time_t)unix_s;
    struct tm tm;

    gmtime_r(&t, &tm);
    bool summer = !winter && unix_s >= turn_of_time(tm.tm_year, 2) && unix_s < turn_of_time(tm.tm_year, 9);
    t += summer ? 7200 : 3600;
    gmtime_r(&t, &tm);
    char text[16]; /* with the century */
    strftime(text, sizeof text, "%Y%m%d%H%M%S", &tm);
    snprintf(out, TELE_STAMP, "%.12s%c", text + 2, summer ? 'S' : 'W');
}

uint16_t tele_crc16(const char *bytes, size_t n)
{
    uint16_t crc = 0;

    for (size_t i = 0; i < n; i++) {
        crc ^= (uint8_t)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1);
    }
    return crc;
}
