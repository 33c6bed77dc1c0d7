/* Quarter hours of a consumption: what the running one averages so far, what it becomes if the last minute goes on, and
 * the highest of the month, which a tariff by peaks bills. It reads no clock, and a quarter hour that it does not know
 * well enough is left out of the month's peak, never guessed.
 *
 * Quarter hours are those of the wall clock, (n, n + 900] Unix seconds: a second is the end of the energy that it
 * tells, so that the one at 12:15:00 tells what 12:00 to 12:15 came to. Months are local ones (core/calendar.h).
 *
 *        start = energy there              now                  end
 *   ───────●────────────────────────────────●····················○───►
 *          ├── energy now - energy there ───┤                        quarter:  / the time so far
 *                                      ├60 s┼─ goes on like this ┤   forecast: / 900 s
 *
 * Energy is that of the part's counter. Between two steps of a coarse one (whole Wh) its power tells how far it is, but
 * never further off than a step; where its counter is not told for some seconds, its power alone. What is counted at
 * the boundary between two readings is taken as if the power had been even between them.
 *
 *   gap between two readings      known
 *   as is usual for the part      all of it
 *   longer                        the energy, and not when: its time is unknown
 *
 * A quarter hour counts when at most PEAK_UNKNOWN_S of it are unknown, else when both ends lie within PEAK_EDGE_S of
 * a reading. The clock was set: the one that runs is left out.
 *
 * What must survive is in two entries of the ledger, which no meter feeds, so that a meter's members are free:
 *
 *   of the quarter's sensor   raw: energy at the newest reading, last: its Unix second, first: energy at the start,
 *                             fast: that is known, before: unknown seconds + 1000 x how far the start was off
 *   of the month peak's       raw: the peak, first: the second in which its quarter hour began
 */
#ifndef CORE_DERIVE_PEAK_H
#define CORE_DERIVE_PEAK_H

#include "core/calendar.h"
#include "core/derive_parts.h"

struct hub;

#define PEAK_QUARTER_S 900
#define PEAK_UNKNOWN_S 60
#define PEAK_EDGE_S    10

/* Readings are no further apart than this, or than what the part is asked at. Milliseconds. */
#define PEAK_USUAL_MS     15000
#define PEAK_USUAL_MAX_MS 90000 /* of one that is asked more rarely nobody knows its quarter hours */

/* Wall and monotonic clock go apart by more between two readings: one was set. */
#define PEAK_STEP_MS 5000

/* The mean that goes on, and what it is at least the mean of. */
#define PEAK_MEAN_MS     60000
#define PEAK_MEAN_MIN_MS 10000
#define PEAK_PAST        64

enum peak_sensor { PEAK_QUARTER, PEAK_FORECAST, PEAK_MONTH, PEAK_SENSORS };

/* Why a quarter hour is left out of the month's peak. */
enum peak_why {
    PEAK_BEGUN,   /* nothing is known of its start: it is the first one, or its start fell into a gap */
    PEAK_CLOCK,   /* the clock was set in it */
    PEAK_UNKNOWN, /* too much of it is unknown */
    PEAK_ABSURD,  /* the counter rose by more than any connection brings */
};

struct peak_left_out {
    const char *key;         /* of the member of `derive` */
    int64_t from_s, until_s; /* one or several quarter hours */
    int64_t unknown_s;       /* in the last of them */
    enum peak_why why;
};

/* Quarter hours were left out: to be said. */
typedef void (*peak_left_out_cb)(void *ctx, const struct peak_left_out *x);

struct derive_peak {
    struct derive_parts parts; /* one */
    const char *key;           /* the settings' */
    sensor_handle sensor[PEAK_SENSORS];
    struct ledger_entry *quarter, *month;
    int64_t usual_ms;
    peak_left_out_cb left_out_cb; /* may be NULL */
    void *left_out_ctx;
    /* of this run: */

    bool running;           /* the newest reading is */
    bool set;               /* the clock was, in the quarter hour that runs */
    bool urgent;            /* what changed is not to wait for the next time that all is saved */
    int64_t last_ms;        /* monotonic, of the newest reading */
    int64_t rest;           /* energy that is no thousandth yet, mW x ms */
    int64_t counter, steps; /* the newest counter; what all its changes are whole numbers of, 0: not seen yet */
    struct reading power;   /* a gauge of which the counter is waited for; unix_s 0: none */
    struct {
        int64_t mono_ms, milli; /* energy */
    } past[PEAK_PAST];          /* a ring */
    size_t n_past, next_past;
    struct calendar calendar;
    /* statistics */

    uint64_t counted, left_out;
};

/* The part is there already, and sensors of the settings by what they are. The ledger's entries are opened. */
void derive_peak_init(struct derive_peak *p, const struct sensor *const sensors[PEAK_SENSORS], struct ledger *ledger);

/* A reading of the part, which passed the hub. */
void derive_peak_take(struct derive_peak *p, struct hub *hub, const struct reading *r);

/* It is now so late, and the part says something at pulses only: its counter stands as long as its line is heard. */
void derive_peak_tick(struct derive_peak *p, struct hub *hub, int64_t mono_ms, int64_t unix_s);

/* The part's counter was set, which is no energy. */
void derive_peak_jumped(struct derive_peak *p, const struct ledger_entry *e, int64_t jump_milli);

/* For people: "the clock was set". */
const char *peak_reason(enum peak_why why);

#endif
