/* Wall time from the host's clock, judged: is it set at all, does something that knows the time agree with it, and did
 * it step? It never reads a clock: the caller hands it both, wall and monotonic, and what the kernel and a server say.
 *
 *   UNSET ── later than the floor ──► LOCAL ── the kernel's word, or a server within 60 s ──► SYNCED
 *     ▲                                 ▲                                                        │
 *     └────────── set back ─────────────┴──── a step, until confirmed anew; a server far off ────┘                   */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Nothing is published with a stamp at or below this second (mqtt.md): the clock was never set. */
#define CLOCK_FLOOR_S 1234567890

#define CLOCK_AGREE_S 60 /* a server's time within this of the host's confirms it */

enum clock_state { CLOCK_UNSET, CLOCK_LOCAL, CLOCK_SYNCED };

struct clock {
    enum clock_state state;
    int64_t offset_ms; /* wall - monotonic at the last look */
    int64_t step_ms;   /* size of the last step seen; 0: none yet */
    uint64_t steps;    /* how often the wall clock jumped by a second or more against the monotonic one */
    bool kernel;       /* adjtimex: the kernel's clock is kept in time */
    bool server;       /* a server's time agreed, and the clock has not stepped since */
    bool server_known; /* a server has told its time */
    int64_t ahead_s;   /* host - server, at the server's last word */
};

void clock_init(struct clock *c);

/* Look at both clocks (milliseconds). Returns the Unix second to stamp with, or 0 while the clock is unset. */
int64_t clock_look(struct clock *c, int64_t wall_ms, int64_t mono_ms);

/* What the kernel says of its clock: true while something (NTP) keeps it in time. */
void clock_kernel(struct clock *c, bool kept);

/* A server told its time, `server_s`, when the host's clock said unix_s (0: unset). */
void clock_server(struct clock *c, int64_t server_s, int64_t unix_s);

const char *clock_state_name(enum clock_state s);

#endif
