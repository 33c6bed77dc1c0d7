/* Orders to the simulator, one a line: faults, pulses, loads, resets, and what is true (`stats`).
 * It never waits: each order is done, and its answer written, before it returns. */
#ifndef SIM_ORDERS_H
#define SIM_ORDERS_H

#include <stdint.h>
#include <stdio.h>

struct sim;

/* Do the order in line (changed in place) and write one answer to out: "ok", a JSON object, or "error: ...".
 */
void order(struct sim *s, int64_t now_ms, char *line, FILE *out);

#endif
