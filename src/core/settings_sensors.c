/* The sensors of the settings: their units, ids and paths, and the table of sensors that they make. */
#include "core/settings.h"

#include "core/flx_ports.h"
#include "core/ident.h"
#include "core/seen.h"
#include "core/settings_derived.h"
#include "core/settings_lines.h"
#include "core/settings_meters.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void settings_set_sensors(const struct settings *s, struct sensors *sensors)
{
    struct sensor_def *defs = must(calloc(s->n_sensors + 1, sizeof *defs));
    size_t n = 0;

    for (size_t i = 0; i < s->n_sensors; i++) {
        const struct sensor_settings *x = &s->sensors[i];
        if (!x->enable)
            continue;
        defs[n] = (struct sensor_def){.id = x->id,
                                      .name = x->name,
                                      .class = x->class,
                                      .type = x->type,
                                      .subtype = x->subtype,
                                      .number = (unsigned)sensor_settings_number(x)};
        sensor_settings_units(x, defs[n++].unit);
    }
    sensors_set(sensors, defs, n);
    free(defs);
}

/* ---- units (mqtt.md, "Units published") ---- */

static const char *const ct_units[SUBTYPES][READING_KINDS] = {
    [SUBTYPE_PPLUS] = {[READING_GAUGE] = "W", [READING_COUNTER] = "Wh"},
    [SUBTYPE_PMINUS] = {[READING_GAUGE] = "W", [READING_COUNTER] = "Wh"},
    [SUBTYPE_Q1] = {[READING_GAUGE] = "VAR", [READING_COUNTER] = "VARh"},
    [SUBTYPE_Q2] = {[READING_GAUGE] = "VAR", [READING_COUNTER] = "VARh"},
    [SUBTYPE_Q3] = {[READING_GAUGE] = "VAR", [READING_COUNTER] = "VARh"},
    [SUBTYPE_Q4] = {[READING_GAUGE] = "VAR", [READING_COUNTER] = "VARh"},
    [SUBTYPE_VRMS] = {[READING_GAUGE] = "V"},
    [SUBTYPE_IRMS] = {[READING_GAUGE] = "A"},
    [SUBTYPE_PF] = {[READING_GAUGE] = ""},
    [SUBTYPE_VTHD] = {[READING_GAUGE] = ""},
    [SUBTYPE_ITHD] = {[READING_GAUGE] = ""},
    [SUBTYPE_ALPHA] = {[READING_GAUGE] = "°"},
};

static const char *const pulse_units[SENSOR_TYPES][READING_KINDS] = {
    [SENSOR_ELECTRICITY] = {[READING_GAUGE] = "W", [READING_COUNTER] = "Wh"},
    [SENSOR_WATER] = {[READING_GAUGE] = "L/s", [READING_COUNTER] = "L"},
    [SENSOR_GAS] = {[READING_GAUGE] = "L/s", [READING_COUNTER] = "L"},
    [SENSOR_HEAT] = {[READING_GAUGE] = "W", [READING_COUNTER] = "Wh"},
    [SENSOR_FUEL] = {[READING_GAUGE] = "L/s", [READING_COUNTER] = "L"},
    [SENSOR_PELLET] = {[READING_GAUGE] = "g/s", [READING_COUNTER] = "g"},
    [SENSOR_OTHER] = {[READING_GAUGE] = "1/s", [READING_COUNTER] = ""},
};

void sensor_settings_units(const struct sensor_settings *s, const char *unit[READING_KINDS])
{
    static const char *const none[READING_KINDS] = {0};
    const char *const *units = none;

    if (s->made == MADE_GIVEN) {
        sensor_units(s->type, unit);
        return;
    }
    if (s->made == MADE_DERIVE || s->made == MADE_METER || s->made == MADE_LINE)
        units = s->unit;
    else if (s->class == SENSOR_CT)
        units = ct_units[s->subtype];
    else if ((size_t)s->type < SENSOR_TYPES)
        units = pulse_units[s->type];
    memcpy(unit, units, sizeof none);
}

bool sensor_settings_reportable(const struct sensor_settings *s)
{
    const char *unit[READING_KINDS], *counter;

    sensor_settings_units(s, unit);
    counter = unit[READING_COUNTER];
    return (s->class != SENSOR_UART || s->metered) && counter &&
           (strcmp(counter, "Wh") == 0 || strcmp(counter, "L") == 0);
}

/* ---- ids ---- */

static void derive_id(const char *device_id, const struct settings *s, const struct sensor_settings *x, char *id)
{
    if (x->made == MADE_DERIVE)
        settings_derived_ident(device_id, &s->derive[x->made_of], x, id);
    else if (x->made == MADE_METER)
        settings_meters_ident(device_id, s, x, id);
    else if (x->made == MADE_LINE)
        settings_lines_ident(device_id, s, x, id);
    else if (x->made == MADE_PORT)
        flx_sensor_ident(device_id, x->ports[0], x->subtype, id);
    else
        ident_sensor(device_id, sensor_settings_number(x), id);
}

/* An id that derives for a quantity, or a code, does so from the key. */
static void keyed_path(const struct sensor_settings *x, const char *member, char path[SETTINGS_PATH])
{
    bool line = x->made == MADE_LINE, main = line ? line_codes[x->code].main : x->side == METER_MAIN;
    const char *name = strcmp(member, "id") == 0 && !main ? "key" : member;

    if (line)
        snprintf(path, SETTINGS_PATH, "lines[%zu]%s%s", x->made_of, *name ? "." : "", name);
    else
        snprintf(path, SETTINGS_PATH, "buses[%zu].meters[%zu]%s%s", x->made_of, x->meter_at, *name ? "." : "", name);
}

void sensor_settings_path(const struct settings *s, size_t sensor, const char *member, char path[SETTINGS_PATH])
{
    const struct sensor_settings *x = &s->sensors[sensor];
    bool id = strcmp(member, "id") == 0;
    const char *list = "sensors", *below = id ? "ids." : "";
    size_t at = sensor;

    if (x->made == MADE_METER || x->made == MADE_LINE) {
        keyed_path(x, member, path);
        return;
    }
    if (x->made == MADE_PORT) {
        int place = s->port[x->made_of].place;
        list = "ports";
        at = place < 0 ? x->made_of : (size_t)place;
        member = id ? flx_sensor_name(x->subtype) : member;
    } else if (x->made == MADE_DERIVE) {
        list = "derive";
        at = x->made_of;
        member = id ? settings_derived_name(x) : member;
    } else {
        below = "";
    }
    snprintf(path, SETTINGS_PATH, "%s[%zu]%s%s%s", list, at, *member ? "." : "", below, member);
}

/* The id of a sensor differs from the device's and from those of the sensors before it. */
static bool id_is_free(const struct settings *s, size_t sensor, struct seen *ids, struct settings_errors *errors)
{
    const char *id = s->sensors[sensor].id;
    char path[SETTINGS_PATH], other[SETTINGS_PATH];
    bool device = strcmp(id, s->device.id) == 0;
    size_t same = seen_add(ids, id, sensor);

    if (!device && same == SEEN_NONE)
        return true;
    sensor_settings_path(s, sensor, "id", path);
    if (device) {
        settings_error_add(errors, path, "%s is the device's id", id);
        return false;
    }
    sensor_settings_path(s, same, "", other);
    settings_error_add(errors, path, "%s is the id of %s too", id, other);
    return false;
}

int settings_derive_ids(struct settings *s, const char *device_id, struct settings_errors *errors)
{
    struct seen ids = {0};
    int result = 0;

    if (!s->device.id) {
        if (!sensor_id_valid(device_id)) {
            settings_error_add(errors, "device.id", "the one kept is not 32 lower-case hex digits");
            return -1;
        }
        s->device.id = must(strdup(device_id));
    }
    for (size_t i = 0; i < s->n_sensors; i++) {
        struct sensor_settings *x = &s->sensors[i];
        if (!x->id) {
            x->id = must(malloc(IDENT_LEN + 1));
            derive_id(s->device.id, s, x, x->id);
        }
        if (!id_is_free(s, i, &ids, errors))
            result = -1;
    }
    seen_free(&ids);
    return result < 0 ? -1 : settings_derived_resolve(s, errors);
}
