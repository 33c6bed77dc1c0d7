/* Modbus frames as a master sees them: one request to read registers, and its answer found among the bytes that came.
 * Pure; it keeps no time and knows no line.
 *
 *   RTU   request    unit  function  address(2)  count(2)      crc(2, low byte first)
 *         answer     unit  function  bytes(1)    words …       crc(2)
 *         exception  unit  function + 80h  code                crc(2)
 *   MBAP  each       transaction(2)  0(2)  length(2)  and the same from the unit on, without crc
 *
 * On a real line something may stand before the answer: a byte of noise from when the drivers turn round, the request
 * itself (local echo of a 2-wire transceiver), an answer to somebody else that comes late. All that is passed over, so
 * it does not cost the answer.
 *
 * Source: MODBUS over serial line V1.02, MODBUS messaging on TCP/IP V1.0b. */
#ifndef CORE_MB_FRAME_H
#define CORE_MB_FRAME_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MB_FRAME_RTU     256 /* bytes of the longest frame */
#define MB_FRAME_MBAP    260
#define MB_FRAME_REQUEST 8 /* bytes of a request in RTU */

struct mb_request {
    uint8_t unit, function;  /* 3 or 4 */
    uint16_t address, count; /* 1 .. 125 */
    uint16_t transaction;    /* MBAP */
};

enum mb_found {
    MB_FOUND_NOTHING, /* yet: more must come */
    MB_FOUND_ANSWER,
    MB_FOUND_EXCEPTION
};

/* What the bytes held. */
struct mb_answer {
    size_t words_at; /* ANSWER: where the first word's high byte is */
    int exception;   /* EXCEPTION */
    size_t noise;    /* bytes that belong to no frame */
    bool echo;       /* the request came back */
    bool half;       /* the answer has begun and is not whole */
    bool stray;      /* a whole frame of another unit, function, transaction or length */
    int short_words; /* the answer is whole, but holds only so many words; 0: it does not */
};

/* The request as it goes out. Returns its bytes: 8, or 12. */
size_t mb_frame_put_rtu(const struct mb_request *r, uint8_t out[MB_FRAME_REQUEST]);
size_t mb_frame_put_mbap(const struct mb_request *r, uint8_t out[12]);

/* Look for its answer in all n bytes that came since. */
enum mb_found mb_frame_find_rtu(const struct mb_request *r, const uint8_t *p, size_t n, struct mb_answer *a) MUSTCHECK;
enum mb_found mb_frame_find_mbap(const struct mb_request *r, const uint8_t *p, size_t n, struct mb_answer *a) MUSTCHECK;

/* The words of an answer, of which words_at is known. */
void mb_frame_words(const struct mb_request *r, const uint8_t *p, const struct mb_answer *a, uint16_t *words);

/* Bytes of the whole answer in RTU. */
static inline size_t mb_frame_answer_len(const struct mb_request *r)
{
    return 5u + 2u * r->count;
}

/* CRC-16/MODBUS. */
uint16_t mb_frame_crc(const uint8_t *p, size_t n);

/* Is it a gateway's word that nobody answers behind it? It is no answer of the unit then. */
static inline bool mb_exception_is_absence(int code)
{
    return code == 10 || code == 11;
}

/* "illegal data address"; of an unknown code "unknown". */
const char *mb_exception_name(int code);

#endif
