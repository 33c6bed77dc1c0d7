/* Modbus TCP as a server of reads speaks it: requests out of bytes, answers into bytes. It reads registers alone: what
 * would change something, and all that it does not know, is refused. It never opens anything and never asks a meter.
 *
 *   0           2          4        6      7
 *   transaction protocol 0 length   unit   function  …       length: from unit on, 2 .. 254
 *   request                                3 | 4     address  count
 *   answer                                 3 | 4     bytes    words …
 *   exception                              … | 80h   code
 *
 * Source: MODBUS Messaging on TCP/IP V1.0b; MODBUS Application Protocol V1.1b3. */
#ifndef CORE_MB_PROXY_H
#define CORE_MB_PROXY_H

#include "core/mb_stats.h"
#include "core/util.h"

#include <stddef.h>
#include <stdint.h>

#define MB_PROXY_FRAME 260 /* bytes of the longest frame */

enum mb_proxy_code {
    MB_PROXY_ILLEGAL_FUNCTION = 1,
    MB_PROXY_ILLEGAL_ADDRESS = 2,
    MB_PROXY_ILLEGAL_VALUE = 3,
    MB_PROXY_BUSY = 6,
    MB_PROXY_NO_PATH = 10,  /* the line is away, or no such unit can be on it */
    MB_PROXY_NO_ANSWER = 11 /* of the meter */
};

enum mb_proxy_take {
    MB_PROXY_MORE,   /* no whole frame yet */
    MB_PROXY_ASK,    /* a read that may be asked */
    MB_PROXY_REFUSE, /* with the code in .refuse */
    MB_PROXY_BROKEN  /* no Modbus TCP: nothing behind it can be understood */
};

struct mb_proxy_request {
    uint16_t transaction;
    uint8_t unit, function;
    uint16_t address, count; /* with MB_PROXY_ASK; count 1 .. 125 */
    uint8_t refuse;          /* enum mb_proxy_code, with MB_PROXY_REFUSE */
};

/* The first frame in the bytes. *used: how many bytes it was, with ASK and REFUSE. */
enum mb_proxy_take mb_proxy_take(const uint8_t *bytes, size_t n, struct mb_proxy_request *out, size_t *used) MUSTCHECK;

/* The answer, with r->count words; or a refusal. Both return its length. */
size_t mb_proxy_answer(const struct mb_proxy_request *r, const uint16_t *words, uint8_t dst[MB_PROXY_FRAME]);
size_t mb_proxy_refuse(const struct mb_proxy_request *r, uint8_t code, uint8_t dst[MB_PROXY_FRAME]);

/* What a client is told of a request that failed; a meter's own exception as it is. */
uint8_t mb_proxy_code(enum mb_outcome outcome, int exception);

#endif
