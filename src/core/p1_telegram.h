/* What a P1 telegram says: its values by OBIS code, and what hangs on its M-Bus channels. It takes a whole telegram as
 * core/p1_reader.h found it, and never judges whether a value can be.
 *
 *   1-0:1.8.1(000000.034*kWh)             code (value*unit)
 *   1-0:1.6.0(200509134558S)(02.589*kW)   code (stamp) (value*unit)
 *   0-1:24.1.0(003)                       what is on channel 1: 3 gas, 7 water, 4 and 12 heat, 6 warm water
 *   0-1:24.2.3(200512134558S)(00112.384*m3)
 *   0-1:24.3.0(120517020000)(08)(60)(1)(0-1:24.2.1)(m3)    DSMR 2.2 and 3.0: the value is on the next line
 *   (00124.477)
 *
 * A line that is none of these is counted and left out: one bad line does not lose a telegram. Dead channels (no
 * serial number, no valid date, no unit) are left out, too. Sources: DSMR P1 5.0.2, eMUCS 1.4 and 48 real telegrams. */
#ifndef CORE_P1_TELEGRAM_H
#define CORE_P1_TELEGRAM_H

#include "core/obis.h"

#include <stddef.h>
#include <stdint.h>

#define P1_VALUES   64
#define P1_IDENT    48
#define P1_CHANNELS 5 /* 1..4; 0 is none */

enum p1_device { P1_NO_DEVICE, P1_GAS, P1_WATER, P1_WARM_WATER, P1_HEAT, P1_OTHER_DEVICE, P1_DEVICES };

struct p1_channel {
    uint8_t type;   /* as 24.1.0 says it; 0: it does not, or says nothing */
    uint8_t device; /* enum p1_device */
    bool type_said;
    bool serial;      /* it has a serial number that is not empty */
    bool serial_said; /* there is a line for one */
};

struct p1_telegram {
    char ident[P1_IDENT]; /* "FLU5\253769484_A", cut */
    int64_t unix_s;       /* of 0-0:1.0.0; 0: none, or no date */
    struct obis_value values[P1_VALUES];
    size_t n;
    struct p1_channel channel[P1_CHANNELS];
    unsigned bad_lines; /* with a code of ours and no value that can be read, or no telegram's line at all */
    unsigned dead;      /* values of dead channels */
    unsigned dropped;   /* values beyond P1_VALUES */
};

/* Numbers come with their stamps; texts, logs (98.1.0, 99.97.0) and states are passed over. 0, or -1 when there is no
 * ident line. */
int p1_parse(const char *text, size_t len, struct p1_telegram *out) MUSTCHECK;

/* The first value of this code (b: 0 or the channel), or NULL. */
const struct obis_value *p1_value(const struct p1_telegram *t, unsigned b, unsigned c, unsigned d, unsigned e);

#endif
