/* Small helps of the modules that merge settings: members of objects and of keyed lists. Only they include this. */
#ifndef CORE_SETTINGS_LAYER_H
#define CORE_SETTINGS_LAYER_H

#include "core/settings_table.h"
#include "core/util.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#define LAYER_PREFIX 96 /* bytes of a row's path with "[*]" behind it */

static inline cJSON *layer_get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static inline cJSON *layer_copy(const cJSON *v)
{
    return must(cJSON_Duplicate(v, true));
}

static inline void layer_add(cJSON *object, const char *name, cJSON *v)
{
    if (!cJSON_AddItemToObject(object, name, v))
        abort();
}

/* A value of a keyed list, in one of its two forms. */
static inline bool layer_keyed(const struct setting *row, const cJSON *v)
{
    return row && row->key && (cJSON_IsArray(v) || cJSON_IsObject(v));
}

/* What the paths of the rows of a list's members begin with. */
static inline const char *layer_members(const struct setting *row, char prefix[LAYER_PREFIX])
{
    snprintf(prefix, LAYER_PREFIX, "%s[*]", row->path);
    return prefix;
}

/* The key of a member of a keyed list in either form; NULL: it has none. */
static inline const char *layer_key(const struct setting *row, const cJSON *list, const cJSON *v,
                                    char key[SETTING_KEY_MAX])
{
    return cJSON_IsObject(list) ? v->string : setting_key(row, v, key);
}

/* The first member with this key; list, key or both may be NULL. */
static inline cJSON *layer_find(const struct setting *row, const cJSON *list, const char *key)
{
    char other[SETTING_KEY_MAX];

    for (cJSON *v = list && key ? list->child : NULL; v; v = v->next) {
        const char *k = layer_key(row, list, v, other);
        if (k && strcmp(k, key) == 0)
            return v;
    }
    return NULL;
}

#endif
