/* The last 60 seconds of each gauge, one value a second, for the local API and the pages.
 * It never asks for the time and never holds a counter.
 *
 * A sensor's memory comes with its first reading and stays with its slot: a new sensor in the slot starts
 * empty. */
#ifndef CORE_WINDOW_H
#define CORE_WINDOW_H

#include "core/reading.h"

#include <stddef.h>

#define WINDOW_SECONDS 60

struct window {
    struct window_ring **rings; /* by slot; NULL: no reading yet */
    size_t n_rings;
};

struct window_pair {
    int64_t unix_s;
    int64_t milli; /* thousandths of the gauge's unit */
    bool known;    /* false: no value in this second or any later one */
};

void window_init(struct window *w);
void window_fini(struct window *w);

/* A hub sink; w is a struct window. Readings without a Unix second are passed over. A clock that stepped back
 * by more than the window empties the sensor's. Aborts when memory is out. */
void window_take(void *w, const struct reading *r);

/* The seconds up to now_s, ascending; a hole before a known value is filled with that later value
 * (local-api.md). Returns WINDOW_SECONDS, or 0 when the sensor had no reading yet. */
size_t window_pairs(const struct window *w, sensor_handle h, int64_t now_s, struct window_pair out[WINDOW_SECONDS]);

#endif
