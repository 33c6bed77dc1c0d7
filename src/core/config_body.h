/* The body of /device/<device>/config/sensor (mqtt.md): the sensors of the settings in the form that clients
 * take. It never publishes anything and keeps nothing.
 *
 * A sensor is announced with enable 1 only when clients can use it; every other one is {"id":…,"enable":0},
 * which they skip. One enabled entry of a type they do not know makes flukso-hacs drop all sensors (mqtt.md,
 * rule 5), and a class without readings would give an entity without a value. */
#ifndef CORE_CONFIG_BODY_H
#define CORE_CONFIG_BODY_H

#include "core/settings.h"

#include <stdbool.h>

struct jsonw;

/* True when the sensor is enabled, its class yields readings (uart does not) and clients know its type. */
bool config_body_announced(const struct sensor_settings *s);

/* Write the whole object. Ids have been derived (settings_derive_ids()). */
void config_body_sensors(struct jsonw *w, const struct settings *s);

#endif
