/* Reproducible chance: the same seed gives the same household and the same faults.
 * It never asks the system for randomness. */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include <stdint.h>

/* A well-mixed 64-bit value of x (the finaliser of splitmix64): chance as a pure function. */
uint64_t rng_mix(uint64_t x);

/* The next value of a stream; *state is its whole memory. */
uint64_t rng_next(uint64_t *state);

/* A mixed value as a number in [0, 1). */
double rng_unit(uint64_t mixed);

#endif
