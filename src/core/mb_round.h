/* Who is asked next on a bus: each meter at its interval, one dead meter never slows the others. Pure: time is handed
 * in, requests are made by who owns the line (io/mb_thread.c).
 *
 *              answer                      answer
 *   NEW ────────────────► OK ◄──────────────────────────┐
 *    │ failure            │ ▲                           │
 *    │            failure │ │ answer                    │ answer
 *    │                    ▼ │        MB_FAILURES        │
 *    │                  SUSPECT ──────────────────► OFFLINE ◄─┐ failure: the next probe is
 *    └────────────────────────────────────────────────►│ └────┘ twice as far off, 5 s … 300 s, jittered
 *
 * After a failure a unit is left alone for 1.5 x its timeout: a late reply has no transaction to be told by, so nobody
 * may ask that unit the like before it must have come (meters.md). Probes of NEW and OFFLINE meters go where the others
 * leave room for a whole timeout, and at most one a round; when there is never room, one round in MB_FORCE has one.
 * Below that come the asks of people (scan, read, the proxy). */
#ifndef CORE_MB_ROUND_H
#define CORE_MB_ROUND_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mb_state { MB_NEW, MB_FINE, MB_SUSPECT, MB_OFFLINE, MB_STATES };

#define MB_FAILURES     3
#define MB_PROBE_MIN_MS 5000
#define MB_PROBE_MAX_MS 300000
#define MB_FORCE        20

#define MB_TIMEOUT_MS 500 /* where neither settings nor model say one */
#define MB_PAUSE_MS   5   /* between two requests, at least 3.5 characters */

struct mb_meter { /* of the round */
    /* set by the owner before mb_round_add() */
    int interval_ms, timeout_ms, pause_ms;
    /* the round's */
    enum mb_state state;
    int64_t due_ms;   /* monotonic: the next time that it is to be asked */
    int64_t quiet_ms; /* it is left alone until then */
    int64_t since_ms; /* in this state */
    int probe_ms;     /* OFFLINE: the present distance of probes */
    unsigned failures;
    uint64_t missed; /* intervals in which it was not asked, or did not answer */
};

struct mb_round {
    struct mb_meter *meters; /* the caller's array, of which the round keeps the order */
    size_t n;
    uint64_t random;    /* of the jitter: seeded by the owner */
    int64_t started_ms; /* of the round that runs */
    bool probed;        /* in it */
    unsigned without;   /* rounds since a probe that was due found no room */
};

enum mb_turn { MB_TURN_WAIT, MB_TURN_POLL, MB_TURN_PROBE, MB_TURN_ASK };

void mb_round_init(struct mb_round *r, struct mb_meter *meters, size_t n, uint64_t seed, int64_t mono_ms);

/* What to do now. POLL, PROBE: *meter is whom to ask. ASK: there is room for a request of asking_ms (its timeout),
 * which waits (asking_ms < 0: none does). WAIT: nothing before *until_ms (INT64_MAX: never). */
enum mb_turn mb_round_next(struct mb_round *r, int64_t mono_ms, int asking_ms, size_t *meter, int64_t *until_ms);

/* It was asked, all of its reads went well or one failed for good. Returns its state before. */
enum mb_state mb_round_done(struct mb_round *r, size_t meter, bool ok, int64_t mono_ms);

/* The line is there again: who was offline because of it is probed soon. */
void mb_round_line_up(struct mb_round *r, int64_t mono_ms);

const char *mb_state_name(enum mb_state s); /* "new", "ok", "suspect", "offline" */

#endif
