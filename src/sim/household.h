/* The simulated household: what flows through its clamps, water meter and gas meter in each second of its
 * day. It never reads a clock and knows no board: power is in W, flow in mL/s, time in seconds of its own
 * clock. */
#ifndef SIM_HOUSEHOLD_H
#define SIM_HOUSEHOLD_H

#include <stdint.h>

/* Clamps: 0 main consumption (all of it), 1 solar production, 2 the electric boiler (a part of main). */
#define HOUSEHOLD_CLAMPS 3
/* Pulse meters: 0 water, a pulse each litre; 1 gas, a pulse each 10 litres. */
#define HOUSEHOLD_METERS 2

struct household {
    uint64_t seed;
    int64_t since_pulse_ml[HOUSEHOLD_METERS];
};

struct household_second {
    int32_t clamp_w[HOUSEHOLD_CLAMPS];  /* mean power of this second */
    int32_t flow_ml[HOUSEHOLD_METERS];  /* volume of this second */
    int32_t pulse_ms[HOUSEHOLD_METERS]; /* the pulse in this second, 1..1000 ms after its start; -1: none */
};

void household_init(struct household *h, uint64_t seed);

/* Live through second t (0 is midnight of the first day). Seconds are to be taken in order, each once: power
 * is a pure function of seed and t, the pulse meters carry their last litre over. */
void household_second(struct household *h, int64_t t, struct household_second *out);

#endif
