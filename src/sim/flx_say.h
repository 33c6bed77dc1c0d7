/* What the FLX board says: its messages, byte by byte, from what it has measured. It changes nothing of the board but
 * how often it said what. */
#ifndef SIM_FLX_SAY_H
#define SIM_FLX_SAY_H

#include "sim/flx.h"

/* A frame, unless the board is off. */
void flx_say(struct flx *b, enum flx_frame_type type, const uint8_t *payload, size_t len);

/* Ask for the port configuration; tell the time. */
void flx_ping(struct flx *b);
void flx_say_time(struct flx *b);

/* CT data of clamp 0..2, from its last second; pulse data of port 3..5, from its last pulse. */
void flx_say_ct(struct flx *b, unsigned port);
void flx_say_pulse(struct flx *b, unsigned port);

/* Samples of the voltage, or of a clamp's current: the wave whose turn it is. */
void flx_say_wave(struct flx *b);

/* "pplus" and so on. */
const char *flx_energy_name(enum flx_energy e);

/* By how much a clamp shows more than one of 50 A does. */
int flx_scale(const struct flx_port *p);

/* Where power (its sign alone) is counted beside P+ and P-. */
enum flx_energy flx_quadrant(int64_t p, int64_t q);

#endif
