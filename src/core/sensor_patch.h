/* A patch of one sensor as a patch of the settings: what is said of a sensor that a port makes is said of the port, of
 * one of a meter of the meter, of a derived one of its member of `derive`. It judges no value: the settings do. */
#ifndef CORE_SENSOR_PATCH_H
#define CORE_SENSOR_PATCH_H

struct cJSON;
struct sensor_settings;
struct settings;
struct settings_errors;

/* The patch (cJSON_Delete()) that members, an object, are; NULL with errors, which say what to use. What they repeat of
 * a made sensor (its id, its name) is left out. A name may end as the sensor's own does: " pplus", " import". */
struct cJSON *sensor_patch(const struct settings *s, const struct sensor_settings *x, const struct cJSON *members,
                           struct settings_errors *errors);

#endif
