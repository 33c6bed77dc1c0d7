/* Names folded for the Flukso server, which takes 32 ASCII characters: letters, digits, '_', space and '-', distinct
 * among a device's sensors. Nothing else is folded: MQTT and pages show names as people wrote them. */
#ifndef CORE_FOLD_H
#define CORE_FOLD_H

#include <stddef.h>

#define FOLD_MAX 32 /* characters */

struct settings;

/* Fold one name (valid UTF-8): Latin letters lose their marks ("Küche" is "Kuche", "ß" is "ss"), what has no such form
 * becomes '_', what is too long is cut. Returns the length; 0 when no letter and no digit is left of it. */
size_t fold_name(const char *name, char out[FOLD_MAX + 1]);

/* The folded names of all sensors of the settings, in their order, as a new array (free()); "" for one without a name.
 * One that needs no folding is kept as it is. Of others, those that meet get a number ("Kuche-2") in the order of the
 * sensors' numbers, and one of which nothing is left is called by its number ("sensor-4"). */
char (*fold_sensors(const struct settings *s))[FOLD_MAX + 1];

#endif
