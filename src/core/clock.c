#include "core/clock.h"

#include <stdlib.h>
#include <string.h>

#define STEP_MS 1000

void clock_init(struct clock *c)
{
    memset(c, 0, sizeof *c);
}

static void judge(struct clock *c, bool set)
{
    c->state = !set ? CLOCK_UNSET : c->kernel || c->server ? CLOCK_SYNCED : CLOCK_LOCAL;
}

int64_t clock_look(struct clock *c, int64_t wall_ms, int64_t mono_ms)
{
    int64_t offset = wall_ms - mono_ms;
    int64_t moved = offset - c->offset_ms;
    bool set = wall_ms / 1000 > CLOCK_FLOOR_S;

    if (c->state != CLOCK_UNSET && llabs(moved) >= STEP_MS) {
        c->steps++;
        c->step_ms = moved;
        c->server = false; /* whoever agreed, agreed with another time */
        c->kernel = false;
    }
    c->offset_ms = offset;
    judge(c, set);
    return set ? wall_ms / 1000 : 0;
}

void clock_kernel(struct clock *c, bool kept)
{
    c->kernel = kept;
    judge(c, c->state != CLOCK_UNSET);
}

void clock_server(struct clock *c, int64_t server_s, int64_t unix_s)
{
    c->server_known = true;
    c->ahead_s = unix_s - server_s;
    c->server = unix_s && llabs(c->ahead_s) <= CLOCK_AGREE_S;
    judge(c, unix_s != 0);
}

const char *clock_state_name(enum clock_state s)
{
    static const char *const names[] = {"unset", "local", "synced"};

    return names[s];
}
