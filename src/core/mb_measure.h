/* From what meters on buses say to readings: whether it can be at all, transformers' ratios, counters through the
 * ledger. It never talks to a meter and keeps no clock: times are arguments.
 *
 *   value ─► a number? ─► x ratio ─► range ─┬────────────────────────────► gauge
 *                                           └► zero? ─► ledger's meter ─► counter
 *
 * A counter of 0 after a value is a meter that starts up, until it stood MB_ZEROS readings; the first value ever must
 * be followed by one that goes on from it. */
#ifndef CORE_MB_MEASURE_H
#define CORE_MB_MEASURE_H

#include "core/ledger.h"
#include "core/mb_reading.h"
#include "core/reading.h"
#include "core/sensors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings;

#define MB_ZEROS 30 /* readings */

/* Why a value was refused. */
enum mb_refused {
    MB_REFUSED_RANGE,    /* more than its connection can, less than nothing, 2^60 */
    MB_REFUSED_RATE,     /* a counter that fell, rose too fast or is zero: it waits to be confirmed */
    MB_REFUSED_NAN,      /* not a number */
    MB_REFUSED_NO_VALUE, /* the model's pattern for "no value" */
    MB_REFUSED_KINDS
};

/* What people should know, once each. */
enum mb_note {
    MB_NOTE_RESET,  /* a counter was set anew and confirmed: what is published goes on from where it was */
    MB_NOTE_WRAP,   /* it passed its end */
    MB_NOTE_REFUSED /* the first of a row of values that were refused: why, and milli as it was said, but 0 of NaN and
                       no value. A counter that rises in large steps is not told of: it waits a moment, and is right. */
};

struct mb_channel { /* a quantity of a meter that feeds a sensor */
    sensor_handle sensor;
    uint8_t quantity, kind;  /* kind: enum reading_kind */
    bool scaled;             /* times the ratio */
    bool refusing;           /* the last value was refused */
    bool floats;             /* its steps grow with it: 24 bits of mantissa */
    uint8_t zeros;           /* in a row, of a counter that had a value */
    int64_t low, high;       /* of what is said times ratio, in thousandths */
    int64_t first, first_ms; /* the first value ever, not confirmed yet; first_ms 0: none */
    struct meter_limits limits;
    struct ledger_entry *entry; /* of the sensor's counter; NULL: a gauge */
};

struct mb_measured { /* a meter */
    char *key, *model_id;
    int ratio_milli, interval_ms;
    struct mb_channel *channels;
    size_t n_channels;
    int64_t stamp_s, stamp_ms; /* of its last reading: Unix second, and when it was by the monotonic clock */
    uint64_t refused[MB_REFUSED_KINDS];
};

struct mb_measure {
    struct mb_measured *meters; /* by key */
    size_t n;
};

struct mb_measure_host {
    /* hub_emit(), in the order in which values were said. */
    void (*emit)(void *ctx, const struct reading *r);
    /* May be NULL. why: of MB_NOTE_REFUSED. */
    void (*note)(void *ctx, const struct mb_measured *m, uint8_t quantity, enum mb_note what, enum mb_refused why,
                 int64_t milli);
    void *ctx;
};

void mb_measure_init(struct mb_measure *x);
void mb_measure_fini(struct mb_measure *x);

/* Stand for the enabled meters of the enabled buses in the settings, whose sensors `sensors` holds already. A meter
 * that stays, by key, goes on with its counts. */
void mb_measure_set(struct mb_measure *x, const struct sensors *sensors, struct ledger *ledger,
                    const struct settings *s);

/* A meter by its key, until the next mb_measure_set(); NULL: there is none such. */
struct mb_measured *mb_measure_find(const struct mb_measure *x, const char *key);

/* A meter said these values, together. mono_ms: when; unix_ms: the same by the host's wall clock, 0: not known.
 * Readings of a meter with an interval of a second or more have a second each, as long as the clock does not step: one
 * that comes a moment early is not of the second before. */
void mb_measure_poll(struct mb_measured *m, const struct mb_reading *v, size_t n, int64_t mono_ms, int64_t unix_ms,
                     const struct mb_measure_host *host);

/* "range", "rate", "not_a_number", "no_value" */
const char *mb_refused_name(enum mb_refused r);

#endif
