/* What a sensor board's conversation and the service that owns its line ask of each other. */
#ifndef CORE_BOARD_H
#define CORE_BOARD_H

#include "core/clock.h"

#include <stdint.h>

/* The moment of a call. */
struct board_now {
    int64_t mono_ms;
    int64_t unix_s;  /* the wall clock as it was judged; 0: not known */
    int64_t wall_ms; /* the wall clock as the host has it */
    enum clock_state clock;
};

#endif
