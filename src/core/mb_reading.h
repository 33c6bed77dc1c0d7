/* One value as a meter said it, between who reads it (io/mb_thread.h) and who judges it (core/mb_measure.h). */
#ifndef CORE_MB_READING_H
#define CORE_MB_READING_H

#include <stdint.h>

struct mb_reading {
    uint8_t quantity, value; /* value: enum mb_value (core/mb_decode.h) */
    int64_t milli;           /* with MB_VALUE */
};

#endif
