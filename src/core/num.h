/* Numbers as text: integers, thousandths and hexadecimal, without a locale.
 * It never allocates and never writes a terminating zero: callers own their buffers. */
#ifndef CORE_NUM_H
#define CORE_NUM_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Longest text of an int64 and of an int64 in thousandths ("-9223372036854775.808"). */
#define NUM_MAX 24

/* Write v in decimal at dst (NUM_MAX bytes of room). Returns the end of the text. */
char *num_put_int(char *dst, int64_t v);

/* Write v thousandths as the shortest decimal: 103500 -> "103.5", 2000 -> "2", -50 -> "-0.05".
 * dst needs NUM_MAX bytes. Returns the end of the text. */
char *num_put_milli(char *dst, int64_t v);

/* Write the lowest 4 * digits bits of v as lower-case hex. Returns the end of the text. */
char *num_put_hex(char *dst, uint32_t v, unsigned digits);

/* Read exactly `digits` (at most 8) hex digits of either case at src into *out. 0, or -1 at the first other
 * character, behind which nothing is read. */
int num_get_hex(const char *src, unsigned digits, uint32_t *out);

/* Value of one hex digit of either case, or -1. Inline: it is called for each character that a board sends. */
extern const uint8_t num_hex_plus_1[256];
static inline int num_hex_digit(char c)
{
    return num_hex_plus_1[(unsigned char)c] - 1;
}

/* Value of eight characters that are known to be hex digits, all at once: each byte becomes its nibble, then halves
 * move together. */
static inline uint32_t num_hex8(const char *src)
{
    uint64_t v;

    memcpy(&v, src, sizeof v);
    v = be64toh(v);
    v = (v & 0x0f0f0f0f0f0f0f0f) + 9 * (v >> 6 & 0x0101010101010101); /* letters have bit 6 */
    v = (v | v >> 4) & 0x00ff00ff00ff00ff;
    v = (v | v >> 8) & 0x0000ffff0000ffff;
    return (uint32_t)(v | v >> 16);
}

/* Value of `digits` (at most 8) characters that are known to be hex digits. */
static inline uint32_t num_hex(const char *src, unsigned digits)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < digits; i++)
        v = v * 16 + (uint32_t)num_hex_digit(src[i]);
    return v;
}

#endif
