/* The simulated mains: how the household's power flows over three phases, and what a clamp around a conductor sees of
 * it beside the voltage of phase 1. Pure: it has no state and never reads a clock; power is in mW and mVAR, angles in
 * degrees.
 *
 *   phase   voltage's angle   load                                      character
 *   L1        0               5/8 of the household without its boiler   inductive (motors)
 *   L2     -120               1/8 of it, and the boiler                 ohmic
 *   L3     +120               1/4 of it, less what the sun gives        electronics, inverter: capacitive
 *
 * A board measures the voltage of L1 alone. A shift s lets it see that voltage s x 60 degrees later, so clamps that sit
 * on L1, L2, L3 are right with shift 0, 2, 4, and with 3 more when they are the wrong way round. The angle alpha is
 * that by which the current lags behind L1's voltage itself, whatever the shift: atan2(Q, P) and 60 degrees a shift, in
 * (-180, 180]. */
#ifndef SIM_MAINS_H
#define SIM_MAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/household.h"

#define MAINS_PHASES  3
#define MAINS_SAMPLES 32 /* of one period in a waveform */

/* Complex power; P positive: consumed, Q positive: the current lags. */
struct mains_load {
    int64_t p_mw, q_mvar;
};

/* A board's view of a conductor, in fractions of 1/2048 as it says them (Q20.11). THD is a ratio, not percent. */
struct mains_gauges {
    int32_t vrms, irms, pf, vthd, ithd, alpha;
};

/* The harmonics of a current; part of its fundamental. */
struct mains_current {
    double amps, lag_deg; /* of the fundamental, behind the voltage of L1 */
    double third, fifth;
};

/* What flows on each phase; extra_w: more load on L1. The three P add up to exactly what the household takes. */
void mains_loads(const struct household_second *s, int64_t extra_w, struct mains_load out[MAINS_PHASES]);

/* A load of p_mw with the character of that phase. */
struct mains_load mains_typical(int phase, int64_t p_mw);

/* What a board with that shift takes for power, when the clamp sits on that phase. Exact where the shift is right, or
 * 180 degrees off. */
struct mains_load mains_seen(struct mains_load load, int phase, bool reversed, unsigned shift);

/* The voltage in second t of the household, the same on all phases: mV. */
int32_t mains_mv(uint64_t seed, int64_t t);

/* The other gauges of a power that a board with that shift sees on a phase at this voltage. */
struct mains_gauges mains_measure(struct mains_load seen, int phase, unsigned shift, int32_t mv);

/* The current that makes this power, as a clamp there carries it: no shift is in it. */
struct mains_current mains_current(struct mains_load load, int phase, bool reversed, int32_t mv);

/* One period from the rising zero of L1's voltage on: its voltage in mV, or a current in mA. Returns their rms. */
int32_t mains_voltage_wave(int32_t mv, int32_t out[MAINS_SAMPLES]);
int32_t mains_current_wave(const struct mains_current *c, int32_t out[MAINS_SAMPLES]);

/* A value in thousandths as Q20.11: rounded half away from zero, held within 32 bits. */
int32_t mains_q11(int64_t milli);

#endif
