#include "sim/bus_wire.h"

#include <stdbool.h>

#define CRC_START 0xffff
#define CRC_POLY  0xa001 /* x^16 + x^15 + x^2 + 1, lowest bit first */

#define READ_REQUEST 8 /* bytes of a request of functions 1 to 6 */
#define SHORTEST     4 /* unit, function, CRC */

uint16_t bus_crc16(const uint8_t *bytes, size_t n)
{
    uint16_t crc = CRC_START;

    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc >> 1 ^ (crc & 1 ? CRC_POLY : 0));
    }
    return crc;
}

static bool is_right(const uint8_t *bytes, size_t n)
{
    uint16_t crc = bus_crc16(bytes, n - 2);

    return bytes[n - 2] == (crc & 0xff) && bytes[n - 1] == crc >> 8;
}

static uint16_t word(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* How long the frame that starts here is to be; n: that is not known of its function, it is what there is. */
static size_t length(const uint8_t *bytes, size_t n)
{
    if (bytes[1] >= 1 && bytes[1] <= 6)
        return READ_REQUEST;
    if (bytes[1] == 15 || bytes[1] == 16) /* writes several: address, count, bytes, … */
        return n > 6 ? 9 + (size_t)bytes[6] : SIZE_MAX;
    return n;
}

size_t bus_wire_take(const uint8_t *bytes, size_t n, struct bus_request *out)
{
    if (n < SHORTEST)
        return 0;
    size_t len = length(bytes, n);
    if (len > n || !is_right(bytes, len))
        return 0;
    *out = (struct bus_request){.unit = bytes[0], .function = bytes[1]};
    if (out->function == 3 || out->function == 4) {
        out->address = word(bytes + 2);
        out->count = word(bytes + 4);
    }
    return len;
}

static size_t closed(uint8_t *dst, size_t n)
{
    uint16_t crc = bus_crc16(dst, n);

    dst[n] = (uint8_t)crc;
    dst[n + 1] = (uint8_t)(crc >> 8);
    return n + 2;
}

size_t bus_wire_answer(const struct bus_request *r, const uint16_t *words, uint8_t *dst)
{
    size_t n = 0;

    dst[n++] = r->unit;
    dst[n++] = r->function;
    dst[n++] = (uint8_t)(2 * r->count);
    for (unsigned i = 0; i < r->count; i++) {
        dst[n++] = (uint8_t)(words[i] >> 8);
        dst[n++] = (uint8_t)words[i];
    }
    return closed(dst, n);
}

size_t bus_wire_refuse(const struct bus_request *r, uint8_t exception, uint8_t *dst)
{
    dst[0] = r->unit;
    dst[1] = r->function | 0x80;
    dst[2] = exception;
    return closed(dst, 3);
}
