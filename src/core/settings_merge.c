#include "core/settings_merge.h"

#include "core/settings.h"
#include "core/settings_layer.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

/* ---- a patch over a tree ---- */

static void patch_object(cJSON *target, const char *prefix, const cJSON *patch);

/* The member `name` of target, which is an object or a list then: what it was else goes. */
static cJSON *made(cJSON *target, const char *name, bool list)
{
    cJSON *now = cJSON_GetObjectItemCaseSensitive(target, name);
    cJSON *fresh;

    if (now && (list ? cJSON_IsArray(now) : cJSON_IsObject(now)))
        return now;
    fresh = must(list ? cJSON_CreateArray() : cJSON_CreateObject());
    if (now)
        cJSON_ReplaceItemInObjectCaseSensitive(target, name, fresh);
    else
        layer_add(target, name, fresh);
    return fresh;
}

/* One member of a keyed list; now is the one that it meets, or NULL. */
static void patch_entry(cJSON *list, const char *prefix, cJSON *now, const cJSON *v)
{
    cJSON *entry = now;

    if (cJSON_IsNull(v)) {
        if (now)
            cJSON_Delete(cJSON_DetachItemViaPointer(list, now));
        return;
    }
    if (!cJSON_IsObject(v) || !cJSON_IsObject(now)) {
        entry = cJSON_IsObject(v) ? must(cJSON_CreateObject()) : layer_copy(v);
        if (!cJSON_IsObject(v) && entry->string) {
            cJSON_free(entry->string); /* members of lists have no name */
            entry->string = NULL;
        }
        if (now)
            cJSON_ReplaceItemViaPointer(list, now, entry);
        else
            cJSON_AddItemToArray(list, entry);
    }
    if (cJSON_IsObject(v))
        patch_object(entry, prefix, v);
}

/* Whom each member meets is found out before the first is patched: they may swap keys. */
static void patch_list(cJSON *list, const struct setting *row, const cJSON *patch)
{
    size_t n = (size_t)cJSON_GetArraySize(patch), i = 0;
    cJSON **met = must(calloc(n + 1, sizeof *met));
    char prefix[LAYER_PREFIX], key[SETTING_KEY_MAX];

    for (const cJSON *v = patch->child; v; v = v->next)
        met[i++] = layer_find(row, list, layer_key(row, patch, v, key));
    i = 0;
    for (const cJSON *v = patch->child; v; v = v->next)
        patch_entry(list, layer_members(row, prefix), met[i++], v);
    free(met);
}

static void patch_object(cJSON *target, const char *prefix, const cJSON *patch)
{
    for (const cJSON *v = patch->child; v; v = v->next) {
        const struct setting *row = prefix ? setting_row(prefix, v->string) : NULL;
        if (cJSON_IsNull(v)) {
            while (layer_get(target, v->string))
                cJSON_DeleteItemFromObjectCaseSensitive(target, v->string);
        } else if (layer_keyed(row, v)) {
            patch_list(made(target, v->string, true), row, v);
        } else if (cJSON_IsObject(v)) {
            patch_object(made(target, v->string, false), row ? row->path : NULL, v);
        } else if (layer_get(target, v->string)) {
            cJSON_ReplaceItemInObjectCaseSensitive(target, v->string, layer_copy(v));
        } else {
            layer_add(target, v->string, layer_copy(v));
        }
    }
}

cJSON *settings_patch(const cJSON *tree, const cJSON *patch)
{
    cJSON *result = layer_copy(tree);

    if (cJSON_IsObject(result) && cJSON_IsObject(patch))
        patch_object(result, "", patch);
    return result;
}

/* ---- the saved layer over the administrator's tree ---- */

/* Has it all that it needs to be a member on its own? */
static bool is_whole(const char *prefix, const cJSON *entry)
{
    const struct setting *enable = setting_row(prefix, "enable");
    const cJSON *given = layer_get(entry, "enable");
    bool enabled = given ? cJSON_IsTrue(given) : enable && enable->def;

    for (const struct setting *r = settings_table; r < settings_table + settings_table_len; r++) {
        const char *name = setting_name(r, prefix);
        unsigned needed = SETTING_REQUIRED | (enabled ? SETTING_IF_ENABLED : 0);
        const cJSON *v = name && r->flags & needed ? layer_get(entry, name) : NULL;
        if (name && r->flags & needed && (!v || cJSON_IsNull(v)))
            return false;
    }
    return true;
}

struct prune {
    struct settings_errors *warnings; /* or NULL */
    char path[160];
};

static void prune_object(struct prune *p, cJSON *layer, const char *prefix, const cJSON *base);

static void prune_list(struct prune *p, cJSON *list, const struct setting *row, const cJSON *base)
{
    char prefix[LAYER_PREFIX], key[SETTING_KEY_MAX];

    for (cJSON *v = list->child, *next; v; v = next) {
        const char *k = layer_key(row, list, v, key);
        const cJSON *met = layer_find(row, base, k);
        size_t back = setting_step(p->path, sizeof p->path, k ? k : "?");
        next = v->next;
        if (!cJSON_IsObject(v) && !cJSON_IsNull(v)) {
            if (p->warnings)
                settings_error_add(p->warnings, p->path, "is saved, but is no object; it is ignored");
            cJSON_Delete(cJSON_DetachItemViaPointer(list, v));
        } else if (!met && !cJSON_IsNull(v) && !is_whole(layer_members(row, prefix), v)) {
            if (p->warnings)
                settings_error_add(p->warnings, p->path,
                                   "is saved in part, and the file has no longer what it belongs to; it is ignored");
            cJSON_Delete(cJSON_DetachItemViaPointer(list, v));
        } else if (cJSON_IsObject(v)) {
            prune_object(p, v, layer_members(row, prefix), met);
        }
        p->path[back] = '\0';
    }
}

static void prune_object(struct prune *p, cJSON *layer, const char *prefix, const cJSON *base)
{
    for (cJSON *v = layer->child, *next; v; v = next) {
        const struct setting *row = setting_row(prefix, v->string);
        size_t back = setting_step(p->path, sizeof p->path, v->string);
        next = v->next;
        if (row && row->flags & (SETTING_SECRET | SETTING_FILE_ONLY)) {
            if (p->warnings)
                settings_error_add(p->warnings, p->path, "is saved, but only the file may say it; it is ignored");
            cJSON_Delete(cJSON_DetachItemViaPointer(layer, v));
        } else if (layer_keyed(row, v)) {
            prune_list(p, v, row, base ? layer_get(base, v->string) : NULL);
        } else if (row && cJSON_IsObject(v)) {
            prune_object(p, v, row->path, base ? layer_get(base, v->string) : NULL);
            if (!v->child) /* it says nothing (any more) */
                cJSON_Delete(cJSON_DetachItemViaPointer(layer, v));
        }
        p->path[back] = '\0';
    }
}

cJSON *settings_merge(const cJSON *file, const cJSON *saved, struct settings_errors *warnings)
{
    struct prune p = {.warnings = warnings};

    if (!cJSON_IsObject(file) || !cJSON_IsObject(saved))
        return layer_copy(file);
    cJSON *layer = layer_copy(saved);
    prune_object(&p, layer, "", file);
    cJSON *tree = settings_patch(file, layer);
    cJSON_Delete(layer);
    settings_keys(tree);
    return tree;
}

/* ---- the order ---- */

struct place {
    cJSON *v;
    const struct setting *row;
    size_t was;
};

static int by_key(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    char kx[SETTING_KEY_MAX], ky[SETTING_KEY_MAX], *end;
    const char *p = setting_key(x->row, x->v, kx), *q = setting_key(y->row, y->v, ky);
    int order = !p - !q;

    if (order == 0 && p) {
        long m = strtol(p, &end, 10), n;
        bool number = *p && !*end;
        n = strtol(q, &end, 10);
        bool other = *q && !*end;
        order = number != other ? other - number : number ? (m > n) - (m < n) : strcmp(p, q);
    }
    return order ? order : (x->was > y->was) - (x->was < y->was);
}

static void sort_list(cJSON *list, const struct setting *row)
{
    size_t n = (size_t)cJSON_GetArraySize(list);
    struct place *places = must(calloc(n + 1, sizeof *places));

    for (size_t i = 0; i < n; i++)
        places[i] = (struct place){cJSON_DetachItemFromArray(list, 0), row, i};
    qsort(places, n, sizeof *places, by_key);
    for (size_t i = 0; i < n; i++)
        cJSON_AddItemToArray(list, places[i].v);
    free(places);
}

static void sort_object(cJSON *object, const char *prefix)
{
    char members[LAYER_PREFIX];

    for (cJSON *v = object->child; v; v = v->next) {
        const struct setting *row = setting_row(prefix, v->string);
        if (row && row->key && cJSON_IsArray(v)) {
            sort_list(v, row);
            for (cJSON *u = v->child; u; u = u->next)
                if (cJSON_IsObject(u))
                    sort_object(u, layer_members(row, members));
        } else if (row && cJSON_IsObject(v)) {
            sort_object(v, row->path);
        }
    }
}

void settings_sort(cJSON *tree)
{
    if (cJSON_IsObject(tree))
        sort_object(tree, "");
}
