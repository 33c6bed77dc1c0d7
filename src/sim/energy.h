/* The energies of all meters, on buses and on telegram lines, in a file, as text: what a meter keeps when it is without
 * current. It decides nothing about when.
 *
 *   fluksosim energy 1
 *   <bus, from 1> <unit> <model> <32 numbers: microjoule>
 *   line <from 1> <protocol> <18 numbers: microjoule; of gas and water microlitres>
 *   end */
#ifndef SIM_ENERGY_H
#define SIM_ENERGY_H

#include <stdint.h>

#include "core/util.h"

#define ENERGY_KEEP_MS 60000 /* written so often, and at the end */

struct buses;
struct teles;

/* Into the meters; a file that is not there is none. 0, or -1 with the reason printed. */
int energy_load(struct buses *b, struct teles *t, const char *path) MUSTCHECK;

/* What cannot be saved is said on stderr. */
void energy_keep(const struct buses *b, const struct teles *t, const char *path);

#endif
