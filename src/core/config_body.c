#include "core/config_body.h"

#include "core/jsonw.h"
#include "core/num.h"

bool config_body_announced(const struct sensor_settings *s)
{
    static const bool yields[SENSOR_CLASSES] = {[SENSOR_ANALOG] = true, [SENSOR_PULSE] = true};
    static const bool known[SENSOR_TYPES] = {[SENSOR_ELECTRICITY] = true, [SENSOR_WATER] = true, [SENSOR_GAS] = true};

    return s->enable && yields[s->class] && known[s->type];
}

/* One per port where they differ, else a plain number as the device writes it. */
static void put_per_port(struct jsonw *w, const char *key, const int *v, size_t n)
{
    bool differ = false;

    for (size_t i = 1; i < n; i++)
        differ |= v[i] != v[0];
    if (!differ) {
        jsonw_int(w, key, v[0]);
        return;
    }
    jsonw_open(w, key, '[');
    for (size_t i = 0; i < n; i++)
        jsonw_int(w, NULL, v[i]);
    jsonw_close(w, ']');
}

static void put_details(struct jsonw *w, const struct sensor_settings *s)
{
    jsonw_str(w, "type", sensor_type_name(s->type));
    jsonw_str(w, "class", sensor_class_name(s->class));
    jsonw_str(w, "function", s->name);
    jsonw_open(w, "port", '[');
    for (size_t i = 0; i < s->n_ports; i++)
        jsonw_int(w, NULL, s->ports[i]);
    jsonw_close(w, ']');
    if (s->class == SENSOR_ANALOG) {
        put_per_port(w, "voltage", s->voltage, s->n_ports);
        put_per_port(w, "current", s->current, s->n_ports);
    } else {
        jsonw_milli(w, "constant", s->constant_milli);
    }
    jsonw_str(w, "data_type", "counter");
    jsonw_int(w, "rid", s->rid);
}

void config_body_sensors(struct jsonw *w, const struct settings *s)
{
    jsonw_open(w, NULL, '{');
    for (size_t i = 0; i < s->n_sensors; i++) {
        const struct sensor_settings *x = &s->sensors[i];
        char key[NUM_MAX + 1];

        *num_put_int(key, sensor_settings_number(x)) = '\0';
        jsonw_open(w, key, '{');
        jsonw_str(w, "id", x->id);
        jsonw_int(w, "enable", config_body_announced(x));
        if (config_body_announced(x))
            put_details(w, x);
        jsonw_close(w, '}');
    }
    jsonw_close(w, '}');
}
