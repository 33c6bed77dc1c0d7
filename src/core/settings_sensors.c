#include "core/settings.h"

void settings_set_sensors(const struct settings *s, struct sensors *sensors)
{
    struct sensor_def defs[SETTINGS_PORTS];
    size_t n = 0;

    for (size_t i = 0; i < s->n_sensors && n < SETTINGS_PORTS; i++) {
        const struct sensor_settings *x = &s->sensors[i];
        if (!x->enable)
            continue;
        defs[n] = (struct sensor_def){.id = x->id,
                                      .name = x->name,
                                      .class = x->class,
                                      .type = x->type,
                                      .number = (unsigned)sensor_settings_number(x)};
        sensor_units(x->type, defs[n++].unit);
    }
    sensors_set(sensors, defs, n);
}

void sensor_settings_units(const struct sensor_settings *s, const char *unit[READING_KINDS])
{
    sensor_units(s->type, unit);
}
