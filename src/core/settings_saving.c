/* What saving adds to a patch. */
#include "core/settings_rules.h"

#include "core/settings_layer.h"
#include "core/settings_merge.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdbool.h>

#include <cjson/cJSON.h>

/* The same ports in another order are the same. */
static bool same_ports(const cJSON *a, const cJSON *b)
{
    if (!cJSON_IsArray(a) || !cJSON_IsArray(b) || cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
        return false;
    for (const cJSON *v = a->child; v; v = v->next) {
        const cJSON *u = b->child;
        while (u && !cJSON_Compare(u, v, true))
            u = u->next;
        if (!u)
            return false;
    }
    return true;
}

static int type_of(const cJSON *sensor)
{
    const struct setting *row = setting_row("sensors[*]", "type");
    const struct setting_choice *c = setting_choice(row, layer_get(sensor, "type"));

    return c ? c->value : row->def;
}

static int rid_of(const cJSON *sensor)
{
    const cJSON *rid = layer_get(sensor, "rid");

    return cJSON_IsNumber(rid) ? rid->valueint : 0;
}

/* A sensor with a new meaning begins a new series. */
static void raise_rid(cJSON *part, const cJSON *was)
{
    const cJSON *given = layer_get(part, "rid"), *ports = layer_get(part, "ports");
    bool type = layer_get(part, "type") && type_of(part) != type_of(was);

    if (!type && (!ports || same_ports(ports, layer_get(was, "ports"))))
        return;
    if (given && (!cJSON_IsNumber(given) || given->valueint != rid_of(was)))
        return;
    cJSON_DeleteItemFromObjectCaseSensitive(part, "rid");
    layer_add(part, "rid", must(cJSON_CreateNumber(rid_of(was) + 1)));
}

void settings_saving(cJSON *patch, const cJSON *before, enum board_protocol board)
{
    const struct setting *row = setting_row("", "sensors");
    const cJSON *sensors = layer_get(before, "sensors");
    cJSON *after = settings_patch(before, patch);

    board_rules(board)->saving(patch, before, after);
    cJSON_Delete(after);
    cJSON *parts = layer_get(patch, "sensors");
    for (cJSON *p = parts ? parts->child : NULL; p; p = p->next) {
        const cJSON *was = layer_find(row, sensors, p->string);
        if (cJSON_IsObject(p) && was)
            raise_rid(p, was);
    }
}
