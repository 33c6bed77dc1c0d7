/* What saving adds to a patch. */
#include "core/settings_rules.h"

#include "core/settings_derived.h"
#include "core/settings_layer.h"
#include "core/settings_merge.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

/* The same members in another order are the same. */
static bool same_members(const cJSON *a, const cJSON *b)
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

static int choice_of(const cJSON *v, const struct setting *row)
{
    const struct setting_choice *c = setting_choice(row, v);

    return c ? c->value : row->def;
}

/* Does the patch say something else by this row than was said? */
static bool says_other(const struct setting *row, const cJSON *now, const cJSON *was)
{
    if (!now)
        return false;
    if (row->kind == SETTING_CHOICE)
        return choice_of(now, row) != choice_of(was, row);
    if (row->shape == SETTING_LIST)
        return !same_members(now, was);
    return !cJSON_Compare(now, was, true) && !(setting_is_default(row, now) && !was);
}

static int rid_of(const cJSON *member)
{
    const cJSON *rid = layer_get(member, "rid");

    return cJSON_IsNumber(rid) ? rid->valueint : 0;
}

/* What gives a member of a list a new meaning, which begins a new series. */
static const char *const meanings[][2] = {
    {"sensors", "type"}, {"sensors", "ports"}, {"sensors", "meter"}, {"ports", "type"},     {"lines", "protocol"},
    {"derive", "kind"},  {"derive", "of"},     {"derive", "minus"},  {"derive", "factors"},
};

static void raise_rid(const struct setting *list, cJSON *part, const cJSON *was)
{
    const cJSON *given = layer_get(part, "rid");
    char prefix[LAYER_PREFIX];
    bool other = false;

    layer_members(list, prefix);
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
        const char *name = meanings[i][1];
        if (strcmp(meanings[i][0], list->path) == 0)
            other |= says_other(setting_row(prefix, name), layer_get(part, name), layer_get(was, name));
    }
    if (!other || (given && (!cJSON_IsNumber(given) || given->valueint != rid_of(was))))
        return;
    cJSON_DeleteItemFromObjectCaseSensitive(part, "rid");
    layer_add(part, "rid", must(cJSON_CreateNumber(rid_of(was) + 1)));
}

/* A new member has the key under which it goes, where that is a member of its own. */
static void give_key(const struct setting *row, cJSON *part)
{
    const char *name = row->key->members[0];
    char prefix[LAYER_PREFIX];
    const struct setting *key = setting_row(layer_members(row, prefix), name);

    if (key->shape != SETTING_ONE || layer_get(part, name))
        return;
    layer_add(part, name,
              must(key->kind == SETTING_TEXT ? cJSON_CreateString(part->string)
                                             : cJSON_CreateNumber((double)strtol(part->string, NULL, 10))));
}

/* The pair over the clamps is there without being said, and has a name. */
static void complete_grid(cJSON *part)
{
    if (!layer_get(part, "of") && !layer_get(part, "name"))
        layer_add(part, "name", must(cJSON_CreateString(DERIVE_GRID)));
}

static void complete_list(const struct setting *row, cJSON *parts, const cJSON *before);

/* The keyed lists of the object that prefix names. */
static void complete_object(const char *prefix, const cJSON *part, const cJSON *was)
{
    for (const struct setting *r = settings_table; r < settings_table + settings_table_len; r++) {
        const char *name = r->key ? setting_name(r, prefix) : NULL;
        if (name)
            complete_list(r, layer_get(part, name), layer_get(was, name));
    }
}

static void complete_list(const struct setting *row, cJSON *parts, const cJSON *before)
{
    char prefix[LAYER_PREFIX];

    for (cJSON *p = parts ? parts->child : NULL; p; p = p->next) {
        const cJSON *was = layer_find(row, before, p->string);
        if (!cJSON_IsObject(p))
            continue;
        if (was)
            raise_rid(row, p, was);
        else
            give_key(row, p);
        if (!was && strcmp(row->path, "derive") == 0 && strcmp(p->string, DERIVE_GRID) == 0)
            complete_grid(p);
        complete_object(layer_members(row, prefix), p, was);
    }
}

static enum board_protocol board_of(const cJSON *tree)
{
    return (enum board_protocol)choice_of(layer_get(layer_get(tree, "board"), "protocol"),
                                          setting_row("board", "protocol"));
}

void settings_saving(cJSON *patch, const cJSON *before)
{
    cJSON *after = settings_patch(before, patch);

    board_rules(board_of(after))->saving(patch, before, after);
    cJSON_Delete(after);
    complete_object("", patch, before);
}
