#include "core/clock.h"

#include <stdlib.h>
#include <string.h>

#define STEP_MS 1000

void clock_init(struct clock *c)
{
    memset(c, 0, sizeof *c);
}

int64_t clock_look(struct clock *c, int64_t wall_ms, int64_t mono_ms)
{
    int64_t offset = wall_ms - mono_ms;
    int64_t moved = offset - c->offset_ms;

    if (c->state != CLOCK_UNSET && llabs(moved) >= STEP_MS) {
        c->steps++;
        c->step_ms = moved;
    }
    c->offset_ms = offset;
    if (wall_ms / 1000 <= CLOCK_FLOOR_S) {
        c->state = CLOCK_UNSET;
        return 0;
    }
    if (c->state == CLOCK_UNSET)
        c->state = CLOCK_LOCAL;
    return wall_ms / 1000;
}

const char *clock_state_name(enum clock_state s)
{
    static const char *const names[] = {"unset", "local", "synced"};

    return names[s];
}
