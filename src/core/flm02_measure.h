/* From records of an FLM02 board to readings: power and pulses to a gauge, the board's counter through the ledger.
 * It never talks to the board and keeps no clock: stamps are arguments. */
#ifndef CORE_FLM02_MEASURE_H
#define CORE_FLM02_MEASURE_H

#include "core/flm02_codec.h"
#include "core/ledger.h"
#include "core/sensors.h"

struct settings;

#define FLM02_WRAP_MILLI ((int64_t)1000 << 32) /* the board counts whole units in 32 bits */

/* What one logical sensor of the board stands for. */
struct flm02_channel {
    sensor_handle sensor; /* 0: not ours, records are refused */
    enum sensor_class class;
    enum sensor_type type;
    int64_t max_w; /* analog: what its clamps can measure; more than twice that is refused */
    struct meter_limits limits;
    struct ledger_entry *entry; /* of the sensor; not NULL while there is one */
    bool drop_gauge;            /* the first power after enabling is too low */
    bool have_pulse;            /* the last pulse record, for the power between two of them */
    uint32_t pulse_ms;          /* board's clock */
    int64_t pulse_raw;          /* thousandths */
};

enum flm02_measure_note {
    FLM02_MEASURED,
    FLM02_WRAPPED,
    FLM02_RESET_SEEN,
    FLM02_SUSPECT,
    FLM02_NOT_OURS,   /* a record of a sensor that is not enabled */
    FLM02_IMPOSSIBLE, /* more power than the clamps can measure */
};

/* Let the board's six channels stand for the enabled sensors of the settings, which `sensors` holds already. The
 * ledger's entry goes with the sensor, also to another port. */
void flm02_channels_set(struct flm02_channel channels[FLM02_SENSORS], const struct sensors *sensors,
                        struct ledger *ledger, const struct settings *s);

/* Make readings (gauge first) of one record. Returns how many stand in out; *note says what was special. */
int flm02_measure(struct flm02_channel *c, const struct flm02_record *r, int64_t mono_ms, int64_t unix_s,
                  struct reading out[READING_KINDS], enum flm02_measure_note *note);

/* Power (W) or flow (L/day) of a rise of `milli` thousandths of Wh or L in `ms` milliseconds, rounded half up. */
int64_t flm02_pulse_rate(enum sensor_type type, int64_t milli, uint32_t ms);

#endif
