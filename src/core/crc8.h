/* CRC-8 Dallas/Maxim, as the FLM02 sensor board uses it.
 * It never looks at framing: it takes bytes and gives a byte. */
#ifndef CORE_CRC8_H
#define CORE_CRC8_H

#include <stddef.h>
#include <stdint.h>

/* CRC of len bytes: polynomial x^8+x^5+x^4+1, reflected (0x8C), initial value 0. "gh" gives 0x93. */
uint8_t crc8(const void *data, size_t len);

#endif
