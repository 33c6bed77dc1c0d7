#include "core/sensor_patch.h"

#include "core/flx_ports.h"
#include "core/settings.h"
#include "core/settings_derived.h"
#include "core/settings_layer.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#define KEY_ROOM 64

/* Of what a sensor is made. */
struct origin {
    const char *list;      /* "sensors", "ports", "derive" */
    char key[KEY_ROOM];    /* of its member */
    const char *side;      /* what the sensor is among the member's: "pplus", "import"; NULL: its only one */
    const char *id_member; /* what gives it an id, below ids: "pplus", "pulse", "import", "sum" */
};

static struct origin origin_of(const struct settings *s, const struct sensor_settings *x)
{
    struct origin o = {.list = "sensors"};

    if (x->made == MADE_DERIVE) {
        const struct derive_settings *d = &s->derive[x->made_of];
        o.list = "derive";
        o.id_member = settings_derived_name(d, x);
        o.side = d->kind == DERIVE_NET ? o.id_member : NULL;
        snprintf(o.key, sizeof o.key, "%s", d->key);
        return o;
    }
    snprintf(o.key, sizeof o.key, "%d", x->made == MADE_PORT ? x->ports[0] : sensor_settings_number(x));
    if (x->made == MADE_PORT) {
        o.list = "ports";
        o.id_member = flx_sensor_name(x->subtype);
        o.side = sensor_subtype_name(x->subtype);
    }
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
    const struct setting *list = setting_row("", o->list);
    char prefix[LAYER_PREFIX];
    const struct setting *row = setting_row(layer_members(list, prefix), name);

    return row && row->kind != SETTING_OBJECT && strcmp(name, list->key->members[0]) != 0 && strcmp(name, "class") != 0;
}

static void refuse(const struct origin *o, const struct sensor_settings *x, const char *name,
                   struct settings_errors *errors)
{
    char key[KEY_ROOM + 64];

    if (strcmp(name, "id") == 0) {
        snprintf(key, sizeof key, "%s.%s.ids.%s", o->list, o->key, o->id_member);
        settings_error_allow(errors, name, key, "of a sensor that is made it is said in the settings: use %s", key);
    } else if (setting_row("sensors[*]", name)) {
        snprintf(key, sizeof key, "%s.%s", o->list, o->key);
        settings_error_allow(errors, name, key, "a sensor of class %s has none of its own; what it is made of is %s",
                             sensor_class_name(x->class), key);
    } else {
        settings_error_add(errors, name, "unknown key");
    }
}

/* A name of which the end that tells the sensor from the member's others is left out. */
static cJSON *name_of(const struct origin *o, const cJSON *v)
{
    const char *text = cJSON_GetStringValue(v);
    size_t n = text ? strlen(text) : 0, end = o->side ? strlen(o->side) + 1 : 0;
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

cJSON *sensor_patch(const struct settings *s, const struct sensor_settings *x, const cJSON *members,
                    struct settings_errors *errors)
{
    const struct origin o = origin_of(s, x);
    cJSON *patch = must(cJSON_CreateObject()), *list = must(cJSON_AddObjectToObject(patch, o.list));
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
