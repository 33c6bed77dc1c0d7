/* The P1 port's stream (DSMR 2.2 to 5, eMUCS and what Luxembourg, Sweden, Austria, Hungary make of it): finds whole
 * telegrams and judges their CRC. It never looks at a value (core/p1_telegram.h does).
 *
 *   /FLU5\253769484_A CR LF         "/" begins, whatever was open before
 *   CR LF
 *   1-0:1.8.1(000000.034*kWh) CR LF …
 *   !3AD7 CR LF                     CRC-16 (0xA001 reflected, from 0) of all from "/" to "!", upper case or lower;
 *                                   DSMR 2.2 and 3.0: "!" alone
 *
 * Bit 7 is dropped: a 7E1 line read as 8N1 has its parity there. Line ends that something on the way made LF count as
 * the CR LF that the meter sent. A telegram whose end and successor's start were lost together ("…(00.1/KFM5…") gives
 * way to the successor. */
#ifndef CORE_P1_READER_H
#define CORE_P1_READER_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define P1_TELEGRAM_MAX 8192 /* bytes; 1.5 KB are the longest seen */
#define P1_LINE_MAX     2560 /* a text message may be 2048 digits */

/* What became of what began with "/". */
enum p1_end {
    P1_GOOD,    /* its CRC holds */
    P1_NO_CRC,  /* it has none, and nothing on this line ever had one */
    P1_BAD_CRC, /* or none where others had one */
    P1_CUT,     /* the next one began before it ended */
    P1_TOO_LONG,
    P1_ENDS
};

/* text is valid during the call: of P1_GOOD and P1_NO_CRC the telegram from "/" to "!", line ends CR LF; of the others
 * what there was of it. */
typedef void (*p1_cb)(void *ctx, enum p1_end end, const char *text, size_t len);

struct p1_reader {
    char text[P1_TELEGRAM_MAX + 1];
    size_t len, line;                /* line: where the running line starts */
    bool open;                       /* a telegram has begun */
    bool crc_seen;                   /* on this line: telegrams without one are cut ones then */
    uint64_t ends[P1_ENDS], skipped; /* skipped: bytes outside of telegrams */
};

void p1_reader_init(struct p1_reader *r);
void p1_reader_bytes(struct p1_reader *r, const uint8_t *p, size_t n, p1_cb cb, void *ctx);

/* "ok", "ok, without CRC", "CRC wrong", "cut", "too long" */
const char *p1_end_name(enum p1_end e);

#endif
