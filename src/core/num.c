#include "core/num.h"

#include <string.h>

#define DIGITS_MAX 20 /* of 64 bits */

static char *put_u64(char *dst, uint64_t v)
{
    char tmp[2 * DIGITS_MAX];
    char *p = tmp + DIGITS_MAX;

    do {
        *--p = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    memcpy(dst, p, DIGITS_MAX); /* a fixed size, so that it costs a few moves */
    return dst + (tmp + DIGITS_MAX - p);
}

static uint64_t magnitude(int64_t v)
{
    return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

char *num_put_int(char *dst, int64_t v)
{
    if (v < 0)
        *dst++ = '-';
    return put_u64(dst, magnitude(v));
}

char *num_put_milli(char *dst, int64_t v)
{
    uint64_t m = magnitude(v);
    unsigned frac = (unsigned)(m % 1000);

    if (v < 0)
        *dst++ = '-';
    dst = put_u64(dst, m / 1000);
    if (frac == 0)
        return dst;
    *dst++ = '.';
    for (unsigned digit = 100; frac; digit /= 10) {
        *dst++ = (char)('0' + frac / digit);
        frac %= digit;
    }
    return dst;
}

char *num_put_hex(char *dst, uint32_t v, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; v >>= 4)
        dst[i] = "0123456789abcdef"[v & 15];
    return dst + digits;
}

/* 0: no digit */
const uint8_t num_hex_plus_1[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

int num_get_hex(const char *src, unsigned digits, uint32_t *out)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < digits; i++) {
        int d = num_hex_digit(src[i]);
        if (d < 0)
            return -1;
        v = v << 4 | (uint32_t)d;
    }
    *out = v;
    return 0;
}
