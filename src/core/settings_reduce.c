/* The smallest layer between two trees. */
#include "core/settings_merge.h"

#include "core/settings_layer.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define ID_ROOM 33

static bool same_value(const struct setting *row, const cJSON *a, const cJSON *b)
{
    const struct setting_choice *x = row ? setting_choice(row, a) : NULL, *y = row ? setting_choice(row, b) : NULL;

    return cJSON_Compare(a, b, true) || (x && y && x->value == y->value);
}

/* Where the comparing is. */
struct reduce {
    const char *device_id;
    const char *id; /* that derives for the member of a keyed list at hand, or NULL */
};

static cJSON *reduce_object(const struct reduce *r, const cJSON *file, const cJSON *tree, const char *prefix);

static cJSON *reduce_list(const struct reduce *r, const cJSON *file, const cJSON *tree, const struct setting *row)
{
    cJSON *layer = must(cJSON_CreateObject());
    char prefix[LAYER_PREFIX], key[SETTING_KEY_MAX], id[ID_ROOM];

    for (const cJSON *v = tree ? tree->child : NULL; v; v = v->next) {
        const char *k = setting_key(row, v, key);
        if (!k || layer_find(row, tree, k) != v)
            continue;
        struct reduce inside = {r->device_id, NULL};
        if (row->key->derive_id && r->device_id) {
            row->key->derive_id(r->device_id, k, id);
            inside.id = id;
        }
        const cJSON *base = layer_find(row, file, k);
        cJSON *part = reduce_object(&inside, base, v, layer_members(row, prefix));
        if (part->child || !base)
            layer_add(layer, k, part);
        else
            cJSON_Delete(part);
    }
    for (const cJSON *v = file ? file->child : NULL; v; v = v->next) {
        const char *k = setting_key(row, v, key);
        if (k && !layer_find(row, tree, k) && !layer_get(layer, k))
            layer_add(layer, k, must(cJSON_CreateNull()));
    }
    return layer;
}

/* What makes `now` of `was`, or NULL when nothing is to be said. was is NULL where the file says nothing. */
static cJSON *reduce_value(const struct reduce *r, const struct setting *row, const cJSON *was, const cJSON *now)
{
    bool section = row && row->kind == SETTING_OBJECT && row->shape == SETTING_ONE;
    bool stands = row && row->flags & SETTING_STANDS && !was;
    cJSON *part;

    if (row && row->key && cJSON_IsArray(now) && (!was || cJSON_IsArray(was)))
        part = reduce_list(r, was, now, row);
    else if (cJSON_IsObject(now) && ((!was && section) || cJSON_IsObject(was)))
        part = reduce_object(r, was, now, row ? row->path : NULL);
    else if (was ? same_value(row, was, now) : setting_is_default(row, now))
        return NULL;
    else
        return layer_copy(now);
    if (part->child || stands)
        return part;
    cJSON_Delete(part);
    return NULL;
}

static cJSON *reduce_object(const struct reduce *r, const cJSON *file, const cJSON *tree, const char *prefix)
{
    cJSON *layer = must(cJSON_CreateObject());

    for (const cJSON *v = tree->child; v; v = v->next) {
        const struct setting *row = prefix ? setting_row(prefix, v->string) : NULL;
        const cJSON *was = layer_get(file, v->string);
        bool derived =
            r->id && !was && strcmp(v->string, "id") == 0 && cJSON_IsString(v) && strcmp(v->valuestring, r->id) == 0;
        cJSON *part = derived || layer_get(tree, v->string) != v ? NULL : reduce_value(r, row, was, v);
        if (part)
            layer_add(layer, v->string, part);
    }
    for (const cJSON *v = file ? file->child : NULL; v; v = v->next) {
        const struct setting *row = prefix ? setting_row(prefix, v->string) : NULL;
        cJSON *gone = NULL;
        if (layer_get(tree, v->string) || layer_get(layer, v->string) || setting_is_default(row, v))
            continue;
        if (row && row->key && cJSON_IsArray(v) && !(row->flags & SETTING_STANDS))
            gone = reduce_list(r, v, NULL, row);
        layer_add(layer, v->string, gone ? gone : must(cJSON_CreateNull()));
    }
    return layer;
}

cJSON *settings_reduce(const cJSON *file, const cJSON *tree, const char *device_id)
{
    struct reduce r = {device_id, NULL};

    if (!cJSON_IsObject(file) || !cJSON_IsObject(tree))
        return must(cJSON_CreateObject());
    return reduce_object(&r, file, tree, "");
}

cJSON *settings_compose(const cJSON *file, const cJSON *saved, const cJSON *patch, const char *device_id)
{
    cJSON *before = settings_merge(file, saved, NULL), *after = settings_patch(before, patch);
    cJSON *layer = settings_reduce(file, after, device_id);

    cJSON_Delete(before);
    cJSON_Delete(after);
    return layer;
}
