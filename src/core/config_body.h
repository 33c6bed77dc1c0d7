/* The bodies of /device/<device>/config/… (mqtt.md): sensors, ports of an FLX board and radio nodes, in the form that
 * clients take. It never publishes anything and keeps nothing.
 *
 * A sensor is announced with enable 1 only when clients can use it; every other one is {"id":…,"enable":0},
 * which they skip. One enabled entry of a type they do not know makes flukso-hacs drop all sensors (mqtt.md,
 * rule 5), and a class without readings would give an entity without a value. */
#ifndef CORE_CONFIG_BODY_H
#define CORE_CONFIG_BODY_H

#include "core/settings.h"

#include <stdbool.h>
#include <stddef.h>

struct jsonw;
struct ledger;

/* True when the sensor is enabled, its class yields readings (uart does where a meter feeds it) and clients know its
 * type; of electricity without a subtype they know W and Wh only, of a line its net counter (of TIC import), gas and
 * water. */
bool config_body_announced(const struct sensor_settings *s);

/* Write the whole object of config/sensor: the board's sensors, derived ones, then of meters and lines those that are
 * announced, as if they were on the board's serial port, of lines only what ever had a counter in the ledger; 128 at
 * most. Ids have been derived (settings_derive_ids()). */
void config_body_sensors(struct jsonw *w, const struct settings *s, const struct ledger *ledger);

/* How many sensors of meters and lines have no place among those 128. */
size_t config_body_left_out(const struct settings *s, const struct ledger *ledger);

/* That of config/flx: all ports of an FLX board, whether they are on or not. A clamp's shift is the whole turn, also of
 * one that is the wrong way round. */
void config_body_flx(struct jsonw *w, const struct settings *s);

/* That of config/kube: no radio nodes, no keys. */
void config_body_kube(struct jsonw *w);

#endif
