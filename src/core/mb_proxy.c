#include "core/mb_proxy.h"

#define HEAD       7 /* up to the unit, with it */
#define LENGTH_MIN 2
#define LENGTH_MAX 254
#define READ_BYTES 5 /* function, address, count */
#define READ_MAX   125

static uint16_t word(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint8_t *put(uint8_t *dst, unsigned w)
{
    dst[0] = (uint8_t)(w >> 8);
    dst[1] = (uint8_t)w;
    return dst + 2;
}

/* 0, or why this is not a read that may be asked. */
static uint8_t judge(struct mb_proxy_request *r, const uint8_t *pdu, size_t n)
{
    if (r->function != 3 && r->function != 4)
        return MB_PROXY_ILLEGAL_FUNCTION;
    if (n != READ_BYTES)
        return MB_PROXY_ILLEGAL_VALUE;
    r->address = word(pdu + 1);
    r->count = word(pdu + 3);
    if (r->count < 1 || r->count > READ_MAX)
        return MB_PROXY_ILLEGAL_VALUE;
    return r->address + r->count > 65536 ? MB_PROXY_ILLEGAL_ADDRESS : 0;
}

enum mb_proxy_take mb_proxy_take(const uint8_t *bytes, size_t n, struct mb_proxy_request *out, size_t *used)
{
    *out = (struct mb_proxy_request){0};
    *used = 0;
    if (n < HEAD)
        return MB_PROXY_MORE;
    unsigned len = word(bytes + 4);
    if (word(bytes + 2) != 0 || len < LENGTH_MIN || len > LENGTH_MAX)
        return MB_PROXY_BROKEN;
    if (n < HEAD - 1 + len)
        return MB_PROXY_MORE;
    *used = HEAD - 1 + len;
    out->transaction = word(bytes);
    out->unit = bytes[6];
    out->function = bytes[HEAD];
    out->refuse = judge(out, bytes + HEAD, len - 1);
    return out->refuse ? MB_PROXY_REFUSE : MB_PROXY_ASK;
}

/* Up to the function; n: bytes behind the unit. */
static uint8_t *head(const struct mb_proxy_request *r, uint8_t function, size_t n, uint8_t *dst)
{
    dst = put(put(put(dst, r->transaction), 0), (unsigned)n + 1);
    *dst++ = r->unit;
    *dst++ = function;
    return dst;
}

size_t mb_proxy_answer(const struct mb_proxy_request *r, const uint16_t *words, uint8_t dst[MB_PROXY_FRAME])
{
    uint8_t *p = head(r, r->function, 2 + 2u * r->count, dst);

    *p++ = (uint8_t)(2 * r->count);
    for (unsigned i = 0; i < r->count; i++)
        p = put(p, words[i]);
    return (size_t)(p - dst);
}

size_t mb_proxy_refuse(const struct mb_proxy_request *r, uint8_t code, uint8_t dst[MB_PROXY_FRAME])
{
    uint8_t *p = head(r, r->function | 0x80, 2, dst);

    *p++ = code;
    return (size_t)(p - dst);
}

uint8_t mb_proxy_code(enum mb_outcome outcome, int exception)
{
    if (outcome == MB_EXCEPTION && exception > 0 && exception < 0x80)
        return (uint8_t)exception;
    return outcome == MB_GONE ? MB_PROXY_NO_PATH : MB_PROXY_NO_ANSWER;
}
