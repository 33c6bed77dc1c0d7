/* D0 telegrams (IEC 62056-21, modes A to E): finds them in the stream, checks what check there is, and reads their
 * values. It never opens the conversation of a pull meter and never judges a value.
 *
 *   /EMH5----eHZ-E0018E CR LF               "/" begins; "/?!" is our own request come back, ACK CR LF likewise
 *   [STX]
 *   1-0:1.8.1*255(032942.0231) CR LF        code ["*" which] (value ["*" unit]); several on a line; *01, *02 are older
 *   6.8(0029.055*MWh)6.26(01589.28*m3)      values, *255 is the present one. Heat meters: 6.8 energy, 6.26 volume, 6.6
 *   !                                       power. CR or LF may be missing behind "!"
 *   [ETX BCC]                               BCC: xor of all behind STX to ETX; only where there was an STX
 *
 * A value without a unit is kWh where the code is an energy's (EMH, Hager). Bit 7 is dropped: 7E1 read as 8N1. */
#ifndef CORE_D0_READER_H
#define CORE_D0_READER_H

#include "core/obis.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define D0_TELEGRAM_MAX 8192
#define D0_IDENT        48
#define D0_VALUES       64

enum d0_end {
    D0_GOOD,   /* its BCC holds */
    D0_NO_BCC, /* it has none */
    D0_BAD_BCC,
    D0_CUT, /* the next one began before it ended, or the line fell silent */
    D0_TOO_LONG,
    D0_ENDS
};

struct d0_telegram {
    char ident[D0_IDENT];
    struct obis_value values[D0_VALUES]; /* e is 255 where a code has but two numbers; milli may be negative */
    size_t n;
    unsigned bad, dropped; /* entries that cannot be read; values beyond D0_VALUES */
};

typedef void (*d0_cb)(void *ctx, enum d0_end end, const struct d0_telegram *t); /* t: NULL unless GOOD or NO_BCC */

enum d0_where { D0_OUTSIDE, D0_INSIDE, D0_AFTER, D0_CHECK };

struct d0_reader {
    char text[D0_TELEGRAM_MAX];
    size_t len, line;
    size_t told;         /* of text: length of what the running callback tells of */
    enum d0_where where; /* AFTER: "!" was seen; CHECK: ETX was, the BCC is next */
    bool stx;
    uint8_t bcc; /* since STX */
    uint64_t ends[D0_ENDS], skipped;
};

void d0_reader_init(struct d0_reader *r);
void d0_reader_bytes(struct d0_reader *r, const uint8_t *p, size_t n, d0_cb cb, void *ctx);

/* The line was silent for a second: a telegram whose "!" came ends, one without is cut. */
void d0_reader_pause(struct d0_reader *r, d0_cb cb, void *ctx);

/* The value of this code, or NULL. e: 255 for a code of two numbers. */
const struct obis_value *d0_value(const struct d0_telegram *t, unsigned c, unsigned d, unsigned e);

const char *d0_end_name(enum d0_end e); /* "ok", "ok, without BCC", "BCC wrong", "cut", "too long" */

#endif
