#include "core/crc8.h"

uint8_t crc8(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint8_t crc = 0;

    while (len--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (uint8_t)(crc >> 1 ^ 0x8c) : (uint8_t)(crc >> 1);
    }
    return crc;
}
