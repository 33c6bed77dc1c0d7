#include "core/sensor_patch.h"

#include "core/flx_ports.h"
#include "core/settings.h"
#include "core/settings_derived.h"
#include "core/settings_layer.h"
#include "core/settings_meters.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#define KEY_ROOM   64
#define WHERE_ROOM 128

/* Of what a sensor is made. */
struct origin {
    const char *rows;               /* of its list: "sensors", "ports", "derive", "buses[*].meters" */
    const char *bus;                /* key of the bus, of a meter */
    char key[KEY_ROOM];             /* of its member */
    char where[WHERE_ROOM];         /* the member, for people: "ports.1", "buses.line1.meters.boiler" */
    char side[SETTINGS_METER_SIDE]; /* what the sensor is among the member's: "pplus", "import"; "": its only one */
    const char *id_member; /* what gives it an id, below ids: "pplus", "pulse", "import", "sum"; NULL: id does */
};

static void made_of_meter(struct origin *o, const struct settings *s, const struct sensor_settings *x)
{
    const struct bus_settings *b = &s->buses[x->made_of];

    o->rows = "buses[*].meters";
    o->bus = b->key;
    snprintf(o->key, sizeof o->key, "%s", b->meters[x->meter_at].key);
    snprintf(o->where, sizeof o->where, "buses.%s.meters.%s", o->bus, o->key);
    settings_meters_words(x, o->side);
}

static struct origin origin_of(const struct settings *s, const struct sensor_settings *x)
{
    struct origin o = {.rows = "sensors"};

    if (x->made == MADE_METER) {
        made_of_meter(&o, s, x);
        return o;
    }
    if (x->made == MADE_LINE) {
        o.rows = "lines";
        snprintf(o.key, sizeof o.key, "%s", s->lines[x->made_of].key);
        snprintf(o.side, sizeof o.side, "%s", line_codes[x->code].words);
    } else if (x->made == MADE_DERIVE) {
        o.rows = "derive";
        o.id_member = settings_derived_name(x);
        snprintf(o.side, sizeof o.side, "%s", settings_derived_words(x));
        snprintf(o.key, sizeof o.key, "%s", s->derive[x->made_of].key);
    } else {
        snprintf(o.key, sizeof o.key, "%d", x->made == MADE_PORT ? x->ports[0] : sensor_settings_number(x));
    }
    if (x->made == MADE_PORT) {
        const char *side = sensor_subtype_name(x->subtype);
        o.rows = "ports";
        o.id_member = flx_sensor_name(x->subtype);
        snprintf(o.side, sizeof o.side, "%s", side ? side : "");
    }
    snprintf(o.where, sizeof o.where, "%s.%s", o.rows, o.key);
    return o;
}

/* Does the member say what the sensor is anyway? Members of the list's own are compared by the settings. */
static bool repeats(const struct sensor_settings *x, const cJSON *v)
{
    const char *text = cJSON_GetStringValue(v);
    const char *said = strcmp(v->string, "id") == 0      ? x->id
                       : strcmp(v->string, "name") == 0  ? x->name
                       : strcmp(v->string, "class") == 0 ? sensor_class_name(x->class)
                                                         : NULL;

    if (said)
        return text && strcmp(text, said) == 0;
    if (strcmp(v->string, "ports") != 0 || !cJSON_IsArray(v) || cJSON_GetArraySize(v) != (int)x->n_ports)
        return false;
    cJSON *ports = must(cJSON_CreateIntArray(x->ports, (int)x->n_ports));
    bool same = cJSON_Compare(ports, v, true);
    cJSON_Delete(ports);
    return same;
}

/* Has the member of the list this of its own, and not as what it is told by? */
static bool is_its_own(const struct origin *o, const char *name)
{
    const struct setting *list = o->bus ? setting_row("buses[*]", "meters") : setting_row("", o->rows);
    char prefix[LAYER_PREFIX];
    const struct setting *row = setting_row(layer_members(list, prefix), name);

    if (strcmp(name, "id") == 0 && *o->side) /* a member's id is that of its only or main sensor */
        return false;
    return row && row->kind != SETTING_OBJECT && strcmp(name, list->key->members[0]) != 0 && strcmp(name, "class") != 0;
}

static void refuse(const struct origin *o, const struct sensor_settings *x, const char *name,
                   struct settings_errors *errors)
{
    char key[WHERE_ROOM + 64];

    if (strcmp(name, "id") == 0 && o->id_member) {
        snprintf(key, sizeof key, "%s.ids.%s", o->where, o->id_member);
        settings_error_allow(errors, name, key, "of a sensor that is made it is said in the settings: use %s", key);
    } else if (strcmp(name, "id") == 0) {
        settings_error_add(errors, name, "it derives from the key of %s", o->where);
    } else if (setting_row("sensors[*]", name)) {
        settings_error_allow(errors, name, o->where,
                             "a sensor of class %s has none of its own; what it is made of is %s",
                             sensor_class_name(x->class), o->where);
    } else {
        settings_error_add(errors, name, "unknown key");
    }
}

/* A name of which the end that tells the sensor from the member's others is left out. */
static cJSON *name_of(const struct origin *o, const cJSON *v)
{
    const char *text = cJSON_GetStringValue(v);
    size_t n = text ? strlen(text) : 0, end = *o->side ? strlen(o->side) + 1 : 0;
    cJSON *copy = layer_copy(v);

    if (end && n > end && text[n - end] == ' ' && strcmp(text + n - end + 1, o->side) == 0)
        copy->valuestring[n - end] = '\0';
    return copy;
}

static void translate(cJSON *out, const struct origin *o, const struct sensor_settings *x, const cJSON *v,
                      struct settings_errors *errors)
{
    if (repeats(x, v))
        return;
    if (!is_its_own(o, v->string))
        refuse(o, x, v->string, errors);
    else if (layer_get(out, v->string))
        settings_error_add(errors, v->string, "is given twice");
    else if (strcmp(v->string, "report") == 0 && !sensor_settings_reportable(x) && !cJSON_IsFalse(v))
        settings_error_add(errors, v->string, "the Flukso server takes no counter of a sensor like this");
    else
        layer_add(out, v->string, strcmp(v->string, "name") == 0 ? name_of(o, v) : layer_copy(v));
}

/* Where the patch speaks of the list's members. */
static cJSON *list_in(cJSON *patch, const struct origin *o)
{
    if (!o->bus)
        return must(cJSON_AddObjectToObject(patch, o->rows));
    cJSON *buses = must(cJSON_AddObjectToObject(patch, "buses"));
    return must(cJSON_AddObjectToObject(must(cJSON_AddObjectToObject(buses, o->bus)), "meters"));
}

cJSON *sensor_patch(const struct settings *s, const struct sensor_settings *x, const cJSON *members,
                    struct settings_errors *errors)
{
    const struct origin o = origin_of(s, x);
    cJSON *patch = must(cJSON_CreateObject()), *list = list_in(patch, &o);
    size_t before = errors->n;

    if (x->made == MADE_GIVEN) {
        layer_add(list, o.key, layer_copy(members));
        return patch;
    }
    cJSON *out = must(cJSON_AddObjectToObject(list, o.key));
    for (const cJSON *v = members->child; v; v = v->next)
        translate(out, &o, x, v, errors);
    if (errors->n == before)
        return patch;
    cJSON_Delete(patch);
    return NULL;
}
