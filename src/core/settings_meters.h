/* Meters on buses as settings: which sensors each of them makes, and what of it each sensor is. It never judges a meter
 * (rules_bus.c does) and never reads one.
 *
 *   sensor                gauge                      counter                       id of
 *   "<name>"              power, else power_import   energy_import, else _total    "meter/<key>/power"
 *   "<name> export"       power_export               energy_export                 "meter/<key>/export"
 *   "<name> <quantity>"   each other quantity that is read, one sensor             "meter/<key>/<quantity>"
 *
 * The first is not made where a sensor of class uart takes the meter (S4): that one is it. */
#ifndef CORE_SETTINGS_METERS_H
#define CORE_SETTINGS_METERS_H

#include "core/ident.h"

struct sensor_settings;
struct settings;
struct settings_errors;

/* Find the meters that sensors name, and make the sensors of the others' quantities, behind those that there are.
 * Judged before: rules_buses(). */
void settings_meters_make(struct settings *s, struct settings_errors *errors);

/* The id that derives for a sensor of a meter. */
void settings_meters_ident(const char *device_id, const struct settings *s, const struct sensor_settings *x,
                           char id[IDENT_LEN + 1]);

/* What a sensor of a meter is among the meter's: "power", "export" or its quantity. */
#define SETTINGS_METER_SIDE 40
const char *settings_meters_side(const struct sensor_settings *x, char side[SETTINGS_METER_SIDE]);

/* The same as the sensor's name ends: "", "export", "voltage L1". */
const char *settings_meters_words(const struct sensor_settings *x, char words[SETTINGS_METER_SIDE]);

/* Free what the meters have beside the table's members, and the models. */
void settings_meters_free(struct settings *s);

#endif
