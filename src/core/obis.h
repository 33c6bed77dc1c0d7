/* One value that a meter names by its OBIS code (IEC 62056-61), as P1 and D0 telegrams tell it. Plain data.
 *
 *   1-0:21.7.0(00.193*kW)     a = 1 (electricity), b = 0 (channel), c.d.e = 21.7.0
 *   0-1:24.2.1(…)(00304.089*m3)  b = 1: what hangs on M-Bus channel 1 */
#ifndef CORE_OBIS_H
#define CORE_OBIS_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum obis_unit {
    OBIS_PLAIN, /* a number without unit */
    OBIS_WH,
    OBIS_W,
    OBIS_VARH,
    OBIS_VAR,
    OBIS_VA,
    OBIS_V,
    OBIS_A,
    OBIS_HZ,
    OBIS_L, /* m3 are told as litres */
    OBIS_UNITS
};

struct obis_value {
    uint8_t a, b, c, d, e;
    uint8_t unit;    /* enum obis_unit */
    bool unit_given; /* else OBIS_PLAIN, whatever the code means */
    int64_t milli;   /* thousandths of the unit: kWh are told as Wh, GJ (heat) too */
    int64_t stamp_s; /* Unix second that the meter says the value is of; 0: none, or one that is no date */
};

#define OBIS_DIGITS 15 /* of a number, the point apart: more is none */

#define OBIS_MAX ((int64_t)1 << 60) /* of milli */

/* A decimal number ("001247.747", at most OBIS_DIGITS digits, one point) with an optional "*kWh" or "kWh" behind it;
 * the unit's name may be of either case. 0 with milli, unit and unit_given set, or -1: it is no such thing. */
int obis_number(const char *text, size_t len, struct obis_value *out) MUSTCHECK;

/* A code at the start of text, "1-0:1.8.1", "1-1:1.8.1*255", also "1.8.1" (a and b are 1 and 0 then): its length, 0
 * when there is none. Numbers are 0..255. */
size_t obis_code(const char *text, size_t len, struct obis_value *out);

/* A stamp, "210227144933W": local time of central Europe, S in summer and W in winter (either case), which alone tells
 * the two hours apart at the end of summer time. Unix second, or 0: it is no date, one
 * without S or W, or one of 2060 and later, which stand for none. */
int64_t obis_stamp(const char *text, size_t len);

#endif
