/* Wall time from the host's clock, judged: is it set at all, and did it step?
 * It never reads a clock: the caller hands it both, wall and monotonic. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>

/* Nothing is published with a stamp at or below this second (mqtt.md): the clock was never set. */
#define CLOCK_FLOOR_S 1234567890

enum clock_state { CLOCK_UNSET, CLOCK_LOCAL, CLOCK_SYNCED };

struct clock {
    enum clock_state state;
    int64_t offset_ms; /* wall - monotonic at the last look */
    int64_t step_ms;   /* size of the last step seen; 0: none yet */
    uint64_t steps;    /* how often the wall clock jumped by a second or more against the monotonic one */
};

void clock_init(struct clock *c);

/* Look at both clocks (milliseconds). Returns the Unix second to stamp with, or 0 while the clock is unset. */
int64_t clock_look(struct clock *c, int64_t wall_ms, int64_t mono_ms);

const char *clock_state_name(enum clock_state s);

#endif
