/* From data of an FLX board to readings: twelve quantities of a clamp, a pulse input's flow and counter; its counters
 * go through the ledger. It never talks to the board and keeps no clock: times are arguments. */
#ifndef CORE_FLX_MEASURE_H
#define CORE_FLX_MEASURE_H

#include "core/board.h"
#include "core/flx_msg.h"
#include "core/ledger.h"
#include "core/sensors.h"

struct settings;

#define FLX_WRAP_MILLI  ((int64_t)1000 << 32) /* the board counts whole units in 32 bits */
#define FLX_CHANNELS    (FLX_CLAMPS * FLX_CT_GAUGES + FLX_PULSE_PORTS)
#define FLX_CT_READINGS (FLX_CT_GAUGES + FLX_CT_COUNTERS)
#define FLX_NEAR_S      5 /* a board's clock so near the host's stamps its readings itself */

enum flx_note {
    FLX_MEASURED,
    FLX_WRAPPED,
    FLX_RESET_SEEN,
    FLX_SUSPECT,
    FLX_NOT_OURS,   /* data of a port that is not enabled */
    FLX_IMPOSSIBLE, /* more than the clamp can measure or the pulses can bring */
    FLX_NOTES
};

/* One sensor of the board: 12 x clamp + quantity, or 36 + pulse port - 3 (board-flx.md). */
struct flx_channel {
    sensor_handle sensor; /* 0: not ours */
    enum sensor_type type;
    int64_t low, high;          /* of its gauge, in thousandths: what is outside is refused */
    struct meter_limits limits; /* of its counter */
    struct ledger_entry *entry; /* of the sensor; NULL: it has no counter */
    bool owed;                  /* pulses: its counter is to be emitted once more */
};

struct flx_channels {
    struct flx_channel v[FLX_CHANNELS];
    int64_t board_s, board_mono_ms; /* the board's clock at its last word; 0: none yet */
    uint64_t notes[FLX_NOTES];      /* statistics */
};

/* What a message gave: readings (of each sensor the gauge first), and what was special about it. */
struct flx_measured {
    struct reading reading[FLX_CT_READINGS];
    size_t n;
    struct {
        enum flx_note note; /* not FLX_MEASURED */
        unsigned channel;
        int64_t milli; /* impossible: the gauge; else the raw counter */
    } special[FLX_CT_GAUGES];
    size_t n_special;
};

/* Let the board's channels stand for the enabled sensors of the settings, which `sensors` holds already. A channel
 * whose sensor stays goes on. */
void flx_channels_set(struct flx_channels *c, const struct sensors *sensors, struct ledger *ledger,
                      const struct settings *s);

/* Readings of a message. Stamps are the board's seconds when its clock is within FLX_NEAR_S of the host's, else the
 * host's; while the host's clock is not set the board's when that is, else 0. CT data are of the second before. */
void flx_measure_ct(struct flx_channels *c, const struct flx_ct *m, const struct board_now *now,
                    struct flx_measured *out);
void flx_measure_pulse(struct flx_channels *c, const struct flx_pulse *m, const struct board_now *now,
                       struct flx_measured *out);

/* The hub took a reading of those, or refused it: two pulses in one second, a clock that went back a little. A pulse
 * counter that was refused is owed. */
void flx_measure_emitted(struct flx_channels *c, const struct reading *r, bool taken);

/* Pulse counters that are owed, or that people set, with this second's stamp: the next pulse may be days away. Once a
 * second while the board lives; returns how many, and each is told of with flx_measure_emitted(). A clamp's
 * counter comes by itself. */
size_t flx_measure_owed(struct flx_channels *c, const struct board_now *now, struct reading out[FLX_PULSE_PORTS]);

#endif
