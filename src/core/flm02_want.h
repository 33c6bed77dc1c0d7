/* What an FLM02 board shall hold, from the settings, and the commands that bring it there from what it holds.
 * It never sends: it compares two pictures of the board and writes a script (board-flm02.md, "Configuration"). */
#ifndef CORE_FLM02_WANT_H
#define CORE_FLM02_WANT_H

#include "core/flm02_codec.h"

#include <stdbool.h>

struct settings;

#define FLM02_NO_SENSOR 0xff /* a port that belongs to no sensor */

/* A board's settings, wanted or read back. */
struct flm02_picture {
    uint8_t port_map[FLM02_PORTS]; /* logical sensor of each port */
    struct {
        bool enable;
        bool scaled; /* has a meter constant (all but uart) */
        uint16_t constant, fraction;
    } sensor[FLM02_SENSORS];
    uint8_t analog_enable, rx_invert, tx_invert, led_mode; /* hardware 2.2 */
    uint16_t watchdog_resets, brown_outs;                  /* read back only */
};

/* Why a wanted sensor cannot work on this hardware; it stays off. */
enum flm02_problem { FLM02_FITS, FLM02_NEEDS_FRACTION, FLM02_NO_JOINED_PULSE };

struct flm02_command {
    char letters[2];
    uint8_t n_args;
    char args[13]; /* hex digits, not terminated */
};

#define FLM02_SCRIPT_MAX (4 * FLM02_SENSORS + 4) /* off, sm, sf, on for each; sk, si, sp, ct */

/* The picture that the settings ask for. Enabled sensors only; their numbers are their lowest port (1..6). */
void flm02_want(struct flm02_picture *want, const struct settings *s);

/* Take off what hardware 2.<minor> cannot do. problems[] says why for each sensor. */
void flm02_fit(struct flm02_picture *want, unsigned minor, enum flm02_problem problems[FLM02_SENSORS]);

/* Commands from `held` to `want` on hardware 2.<minor>, ct last; 0 when all holds already. Only the sensors
 * concerned are switched off. enabled[] says which sensors the script switches on. */
int flm02_script(const struct flm02_picture *held, const struct flm02_picture *want, unsigned minor,
                 struct flm02_command out[FLM02_SCRIPT_MAX], bool enabled[FLM02_SENSORS]);

/* Meter constant of a clamp: floor(0.449 x V x A). */
unsigned flm02_analog_constant(int volts, int amps);

/* For people: why a sensor cannot work. */
const char *flm02_problem_text(enum flm02_problem p);

#endif
