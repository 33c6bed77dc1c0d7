/* From what telegrams say to readings: whether it can be at all, counters through the ledger, the second that it is of.
 * It never reads a telegram and keeps no clock: times are arguments.
 *
 *   value ─► range ─┬──────────────────────────────────► gauge
 *                   └► zero? ─► ledger's meter ─► counter ─► net = import - export, published both
 *
 * A counter of 0 after a value is a meter that starts up, until it stood LINE_ZEROS telegrams. A counter of a telegram
 * without a check of 8 bits or more is taken when the next one goes on from it, with the time at which it came. What an
 * M-Bus device or a heat meter tells is a reading when it changed: it says the same for an hour, or a day. */
#ifndef CORE_LINE_MEASURE_H
#define CORE_LINE_MEASURE_H

#include "core/ledger.h"
#include "core/line_decode.h"
#include "core/reading.h"
#include "core/sensors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings;

#define LINE_ZEROS 30 /* telegrams */

/* A meter's clock that is within this of the host's tells the seconds of its readings. */
#define LINE_CLOCK_S 60

/* What people should know, once each. */
enum line_noted {
    LINE_NOTED_RESET,  /* a counter was set anew and confirmed: what is published goes on from where it was */
    LINE_NOTED_REFUSED /* the first of a row of values that were refused: why, and milli as it was said */
};

struct line_channel { /* a code's gauge or counter that feeds a sensor */
    sensor_handle sensor;
    uint8_t code, kind;
    bool refusing;                 /* the last value was refused */
    bool rare;                     /* its readings come when it changed */
    uint8_t zeros;                 /* in a row, of a counter that had a value */
    int64_t low, high;             /* of a gauge, in thousandths */
    int64_t held, held_ms, held_s; /* of telegrams without a check: not taken yet; held_ms 0: none */
    bool often;                    /* of these, the last two came so soon that one more is waited for */
    uint64_t taken;                /* the telegram that its last counter is of; 0: none in this run */
    int64_t said_ms, said_s;       /* when that was said */
    struct meter_limits limits;
    struct ledger_entry *entry; /* of the sensor's counter; NULL: a gauge */
};

struct line_measured { /* a line */
    char *key;
    enum line_protocol protocol;
    struct line_channel *channels;
    size_t n_channels;
    int16_t at[LINE_CODES][READING_KINDS]; /* its channel of a code; -1: none */
    bool by_meter;                         /* the meter's clock tells the seconds */
    uint64_t telegrams;                    /* so far */
    int64_t stamp_s, stamp_ms; /* of its last telegram: Unix second, and when it was by the monotonic clock */
    uint64_t refused[LINE_REFUSED_KINDS]; /* values: range and rate */
};

struct line_measure {
    struct line_measured *lines; /* by key */
    size_t n;
};

struct line_measure_host {
    /* hub_emit() */
    void (*emit)(void *ctx, const struct reading *r);
    /* May be NULL. why: of LINE_NOTED_REFUSED. */
    void (*note)(void *ctx, const struct line_measured *m, const struct line_channel *c, enum line_noted what,
                 enum line_refused why, int64_t milli);
    /* May be NULL: the nth value of the telegram was not taken. */
    void (*refused)(void *ctx, size_t nth, enum line_refused why);
    void *ctx;
};

void line_measure_init(struct line_measure *x);
void line_measure_fini(struct line_measure *x);

/* Stand for the enabled lines in the settings, whose sensors `sensors` holds already. A line that stays, by key, goes
 * on with its counts. */
void line_measure_set(struct line_measure *x, const struct sensors *sensors, struct ledger *ledger,
                      const struct settings *s);

/* A line by its key, until the next line_measure_set(); NULL: there is none such. */
struct line_measured *line_measure_find(const struct line_measure *x, const char *key);

/* A telegram said these values. mono_ms: when; unix_ms: the same by the host's wall clock, 0: not known. */
void line_measure_telegram(struct line_measured *m, const struct line_values *v, int64_t mono_ms, int64_t unix_ms,
                           const struct line_measure_host *host);

#endif
