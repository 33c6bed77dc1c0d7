/* One reading: what a sensor said, and when. It holds values only, no pointer, so that it can be copied anywhere.
 * It never says how a value is written on a wire. */
#ifndef CORE_READING_H
#define CORE_READING_H

#include <stdbool.h>
#include <stdint.h>

/* A sensor by handle: slot in the sensor table and the slot's generation. 0 is no sensor. */
typedef uint32_t sensor_handle;

enum reading_kind { READING_GAUGE, READING_COUNTER, READING_KINDS };

/* "gauge", "counter", as topics and answers spell them. */
static inline const char *reading_kind_name(enum reading_kind k)
{
    return k == READING_GAUGE ? "gauge" : "counter";
}

struct reading {
    sensor_handle sensor;
    enum reading_kind kind;
    bool changed;    /* set by the hub: the value differs from the one before (the first one differs too) */
    int64_t milli;   /* thousandths of the sensor's unit for this kind (W, Wh, L/day, L …) */
    int64_t mono_ms; /* monotonic clock when it was measured */
    int64_t unix_s;  /* Unix second, or 0: not known yet */
};

#endif
