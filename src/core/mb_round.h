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
 * All meters of one interval are due at the same moments, so that the line is busy in bursts and the rest of the second
 * is free. After a failure a unit is left alone for 1.5 x its timeout: a late reply has no transaction to be told by,
 * so nobody may ask that unit the like before it must have come (meters.md). Who may not answer is asked where the
 * others leave room for a whole timeout; when there is none:
 *
 *   SUSPECT, NEW   behind the others once a round is over, at most one failure of that kind a round
 *   OFFLINE        one round in MB_FORCE
 *   people's asks  one round in MB_FORCE_ASK (scan, read, the proxy)
 *
 * At most one OFFLINE meter a round is probed in vain while another one lives. A round is the shortest interval of the
 * living ones, but MB_ROUND_MIN_MS .. MB_ROUND_MAX_MS. */
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
#define MB_FORCE_ASK    5
#define MB_ROUND_MIN_MS 1000
#define MB_ROUND_MAX_MS 5000

#define MB_TIMEOUT_MS 500 /* where neither settings nor model say one */
#define MB_PAUSE_MS   5   /* between two requests, at least 3.5 characters */

struct mb_meter { /* of the round */
    /* set by the owner before mb_round_init() */
    int interval_ms, timeout_ms, pause_ms;
    /* the round's */
    enum mb_state state;
    int64_t due_ms;   /* monotonic: the next time that it is to be asked */
    int64_t quiet_ms; /* it is left alone until then */
    int64_t since_ms; /* in this state */
    int64_t slot_ms;  /* the interval that is to be served begins there */
    int probe_ms;     /* OFFLINE: the present distance of probes */
    unsigned failures;
    unsigned unsure; /* failures of late: who has them comes last of those that are due together */
    bool eager;      /* NEW, or OFFLINE and what it went with is back: it does not wait for room for long */
    uint64_t missed; /* intervals in which it was not asked, or did not answer */
};

struct mb_round {
    struct mb_meter *meters; /* the caller's array, of which the round keeps the order */
    size_t n;
    uint64_t random;    /* of the jitter: seeded by the owner */
    int drain_ms;       /* the owner's to set at any time: what a failure takes beyond the timeout; 0 at first */
    int64_t base_ms;    /* intervals begin there and at each multiple of theirs */
    int64_t started_ms; /* of the round that runs */
    int64_t trouble_from_ms, trouble_ms; /* someone failed: when that began, and until when it changes the order */
    /* in it: */
    bool probed;      /* a probe failed */
    bool pressed;     /* someone failed for whom there was no room */
    bool given;       /* someone who may not answer had room, and did not */
    bool idle;        /* there was a moment in which no living one was due */
    bool starved;     /* one that is OFFLINE was due and had no room */
    bool ask_starved; /* there was no room for people */
    /* of the one before: */
    bool busy;                     /* the line never rested */
    unsigned without, ask_without; /* rounds without room for those that are OFFLINE, for people, since they had it */
    /* of the last turn: */
    int64_t turn_ms; /* when it was given to a meter */
    bool pressing;   /* it was given to one for whom there is no room */
    bool asked;      /* it was people's */
};

enum mb_turn { MB_TURN_WAIT, MB_TURN_POLL, MB_TURN_PROBE, MB_TURN_ASK };

/* All meters are NEW and due now. The array stays the caller's. */
void mb_round_init(struct mb_round *r, struct mb_meter *meters, size_t n, uint64_t seed, int64_t mono_ms);

/* What to do now; the caller does it, or nothing, before it asks again. POLL: ask *meter all that is wanted. PROBE: one
 * short read is enough; when it is answered the meter is due at once. ASK: there is room for a request of asking_ms
 * (its timeout), which waits (asking_ms < 0: none does); a unit of the round is not asked before its quiet_ms. WAIT:
 * nothing before *until_ms, which is later than now (INT64_MAX: never). */
enum mb_turn mb_round_next(struct mb_round *r, int64_t mono_ms, int asking_ms, size_t *meter, int64_t *until_ms);

/* It was asked (POLL, PROBE): all of its reads went well or one failed for good. A refusal (an exception) is an answer:
 * ok. Returns its state before. */
enum mb_state mb_round_done(struct mb_round *r, size_t meter, bool ok, int64_t mono_ms);

/* An ask of people to its unit failed: leave it alone as after a failure of its own. */
void mb_round_hush(struct mb_round *r, size_t meter, int64_t mono_ms);

/* The line is gone: nobody can answer, all are OFFLINE. */
void mb_round_line_down(struct mb_round *r, int64_t mono_ms);

/* The line is there again: who went offline with it, or shortly before, is probed at once. */
void mb_round_line_up(struct mb_round *r, int64_t mono_ms);

const char *mb_state_name(enum mb_state s); /* "new", "ok", "suspect", "offline" */

#endif
