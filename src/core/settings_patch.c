/* What a patch may hold, before it meets the settings. */
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

/* Where the checking is: an object of the patch, and what it meets in the merged tree and in the whole. */
struct at {
    const char *prefix;
    const cJSON *tree, *effective; /* or NULL */
};

struct check {
    struct settings_errors *errors;
    const cJSON *effective; /* the whole, or NULL */
    char path[256];
};

static size_t enter_index(struct check *c, unsigned i)
{
    size_t before = strlen(c->path);

    snprintf(c->path + before, sizeof c->path - before, "[%u]", i);
    return before;
}

static cJSON *check_object(struct check *c, const struct at *at, const cJSON *patch);

static bool equals(const cJSON *a, const cJSON *b)
{
    return a && b && cJSON_Compare(a, b, true);
}

/* A value that is said nowhere and in force all the same: a default, or one that follows from another. People send back
 * what they got. What follows stays when what it follows from changes beside it, because then it may say something. */
static bool only_repeats(const struct at *at, const struct setting *row, const cJSON *patch, const cJSON *v)
{
    const cJSON *source = row->follows ? layer_get(patch, row->follows) : NULL;
    const cJSON *now = layer_get(at->effective, v->string);

    if (layer_get(at->tree, v->string))
        return false;
    if (setting_is_default(row, v) && !row->follows) /* where nothing of the member is said, more may be so */
        return at->tree || !now || equals(v, now);
    return row->follows && equals(v, now) &&
           (!source || equals(source, layer_get(at->effective, row->follows)) ||
            equals(source, layer_get(at->tree, row->follows)));
}

/* False when people may not say it; with an error unless they repeat what is so. */
static bool may_say(struct check *c, const struct at *at, const struct setting *row, const cJSON *v)
{
    const char *file = "is said by the administrator's file alone";

    if (row->flags & SETTING_SECRET) {
        settings_error_allow(c->errors, c->path, row->instead, "is a secret: use %s", row->instead);
        return false;
    }
    if (!(row->flags & SETTING_FILE_ONLY))
        return true;
    if (equals(v, layer_get(at->effective, v->string)))
        return false;
    if (row->instead)
        settings_error_allow(c->errors, c->path, row->instead, "%s; use %s", file, row->instead);
    else
        settings_error_add(c->errors, c->path, "%s", file);
    return false;
}

/* The member of a keyed list that has this id, or NULL. */
static const cJSON *find_id(const cJSON *list, const char *id)
{
    for (const cJSON *v = list ? list->child : NULL; v; v = v->next) {
        const cJSON *other = layer_get(v, "id");
        if (cJSON_IsString(other) && strcmp(other->valuestring, id) == 0)
            return v;
    }
    return NULL;
}

/* The member of a list whose second way to be told by is this number: a meter by its unit. NULL: there is none. */
static const cJSON *find_second(const struct setting *row, const cJSON *list, double number)
{
    const char *second = row->key->members[1];

    for (const cJSON *v = list && second ? list->child : NULL; v; v = v->next) {
        const cJSON *other = layer_get(v, second);
        if (cJSON_IsNumber(other) && other->valuedouble == number)
            return v;
    }
    return NULL;
}

/* The key that a patch names, or by its unit a meter that is there: {"3":{"name":"boiler"}}. What gives another unit
 * means another meter. */
static const char *named_key(const struct setting *row, const cJSON *effective, const cJSON *v,
                             char key[SETTING_KEY_MAX])
{
    const char *name = v->string;
    const cJSON *met, *second;

    if (!row->key->members[1] || !*name || name[strspn(name, "0123456789")] || layer_find(row, effective, name))
        return name;
    met = find_second(row, effective, strtod(name, NULL));
    second = layer_get(v, row->key->members[1]);
    return met && (!second || equals(second, layer_get(met, row->key->members[1]))) ? setting_key(row, met, key) : name;
}

/* Of a member of a list that is told by nothing but its second way: whose it is, or a key that is made. */
static const char *second_key(struct check *c, const struct setting *row, const cJSON *effective, const cJSON *out,
                              const cJSON *v, char key[SETTING_KEY_MAX])
{
    const char *first = row->key->members[0], *second = row->key->members[1];
    const cJSON *number = second ? layer_get(v, second) : NULL;
    const cJSON *met = cJSON_IsNumber(number) ? find_second(row, effective, number->valuedouble) : NULL;

    if (layer_get(v, first) || !cJSON_IsNumber(number))
        return setting_key(row, v, key);
    return met ? setting_key(row, met, key) : setting_key_make(c->effective, out, v, key);
}

/* The key under which a member of a patched list goes; NULL with an error. out: those before it. */
static const char *key_of(struct check *c, const struct setting *row, const cJSON *effective, const cJSON *out,
                          const cJSON *patch, const cJSON *v, char key[SETTING_KEY_MAX])
{
    const cJSON *id, *met;
    const char *k;

    if (cJSON_IsObject(patch))
        return named_key(row, effective, v, key);
    if (!cJSON_IsObject(v)) {
        settings_error_allow(c->errors, c->path, "an object", "is no object");
        return NULL;
    }
    id = layer_get(v, "id");
    met = cJSON_IsString(id) ? find_id(effective, id->valuestring) : NULL;
    k = met ? setting_key(row, met, key) : second_key(c, row, effective, out, v, key);
    if (!k && row->key->derive_id)
        settings_error_add(c->errors, c->path, "has neither %s nor the id of one that is there", row->key->members[0]);
    else if (!k && row->key->members[1])
        settings_error_add(c->errors, c->path, "has neither %s nor %s", row->key->members[0], row->key->members[1]);
    else if (!k)
        settings_error_add(c->errors, c->path, "has no %s", row->key->members[0]);
    return k;
}

/* All that there may be can go, and as many come. Of more each would be looked for among all the others. */
static bool is_too_long(struct check *c, const struct setting *row, const cJSON *patch)
{
    size_t n = (size_t)cJSON_GetArraySize(patch), max = 2 * (size_t)row->list_max;

    if (n > max)
        settings_error_add(c->errors, c->path, "%zu members are more than %zu", n, max);
    return n > max;
}

/* Of a member that is there without being said (a port that is on where no list is given): does the patch say no more
 * than that? */
static bool is_repeated(const cJSON *tree, const cJSON *effective, const cJSON *v)
{
    const cJSON *m = cJSON_IsObject(v) ? v->child : NULL;

    if (tree || !effective || !m)
        return false;
    while (m && equals(m, layer_get(effective, m->string)))
        m = m->next;
    return !m;
}

static cJSON *check_list(struct check *c, const struct at *at, const struct setting *row, const cJSON *patch)
{
    const cJSON *tree = layer_get(at->tree, patch->string), *effective = layer_get(at->effective, patch->string);
    cJSON *out = must(cJSON_CreateObject());
    char prefix[LAYER_PREFIX], key[SETTING_KEY_MAX];
    unsigned i = 0;

    for (const cJSON *v = patch->child; v; v = v->next, i++) {
        size_t back = cJSON_IsObject(patch) ? setting_step(c->path, sizeof c->path, v->string) : enter_index(c, i);
        const char *k = key_of(c, row, effective, out, patch, v, key);
        if (k && layer_get(out, k)) {
            settings_error_add(c->errors, c->path, "is given twice");
        } else if (k && is_repeated(layer_find(row, tree, k), layer_find(row, effective, k), v)) {
            /* nothing is said */
        } else if (k && cJSON_IsObject(v)) {
            struct at inside = {layer_members(row, prefix), layer_find(row, tree, k), layer_find(row, effective, k)};
            layer_add(out, k, check_object(c, &inside, v));
        } else if (k && cJSON_IsNull(v)) {
            layer_add(out, k, must(cJSON_CreateNull()));
        } else if (k) {
            settings_error_allow(c->errors, c->path, "an object, or null", "is no object");
        }
        c->path[back] = '\0';
    }
    return out;
}

/* One member as it goes on, or NULL. */
static cJSON *check_value(struct check *c, const struct at *at, const struct setting *row, const cJSON *patch,
                          const cJSON *v)
{
    if (!may_say(c, at, row, v) || only_repeats(at, row, patch, v))
        return NULL;
    if (layer_keyed(row, v)) {
        cJSON *list = is_too_long(c, row, v) ? NULL : check_list(c, at, row, v);
        if (!list || list->child || layer_get(at->tree, v->string))
            return list;
        cJSON_Delete(list); /* it says nothing, and a list that is there would say something else */
        return NULL;
    }
    if (row->kind != SETTING_OBJECT || row->shape != SETTING_ONE || !cJSON_IsObject(v))
        return layer_copy(v);
    struct at inside = {row->path, layer_get(at->tree, v->string), layer_get(at->effective, v->string)};
    return check_object(c, &inside, v);
}

/* A key that is none; where there is one of a secret's file by this name, it was meant to be the secret. */
static void unknown_key(struct check *c, const struct at *at, const char *name)
{
    const struct setting *row;
    char file[64];

    snprintf(file, sizeof file, "%s_file", name);
    row = setting_row(at->prefix, file);
    if (row && row->instead)
        settings_error_allow(c->errors, c->path, row->instead, "is a secret: use %s", row->instead);
    else
        settings_error_add(c->errors, c->path, "unknown key");
}

static cJSON *check_object(struct check *c, const struct at *at, const cJSON *patch)
{
    cJSON *out = must(cJSON_CreateObject());

    for (const cJSON *v = patch->child; v && c->errors->n <= SETTINGS_ERRORS_MAX; v = v->next) {
        const struct setting *row = setting_row(at->prefix, v->string);
        size_t back = setting_step(c->path, sizeof c->path, v->string);
        cJSON *part = NULL;
        if (!row)
            unknown_key(c, at, v->string);
        else if (layer_get(patch, v->string) != v)
            settings_error_add(c->errors, c->path, "is given twice");
        else
            part = check_value(c, at, row, patch, v);
        if (part)
            layer_add(out, v->string, part);
        c->path[back] = '\0';
    }
    return out;
}

cJSON *settings_patch_check(const cJSON *patch, const cJSON *tree, const cJSON *effective,
                            struct settings_errors *errors)
{
    struct check c = {.errors = errors, .effective = effective};
    struct at at = {"", tree, effective};
    size_t before = errors->n;

    if (!cJSON_IsObject(patch)) {
        settings_error_allow(errors, "settings", "an object", "is no object");
        return NULL;
    }
    cJSON *out = check_object(&c, &at, patch);
    if (errors->n == before)
        return out;
    cJSON_Delete(out);
    return NULL;
}
