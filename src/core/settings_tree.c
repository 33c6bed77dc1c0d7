/* The walk backwards: from the struct to a tree, by the table of keys. */
#include "core/settings.h"

#include "core/settings_layer.h"
#include "core/settings_merge.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

static int number_at(const void *p)
{
    return *(const int *)p;
}

static const char *text_at(const void *p)
{
    return *(char *const *)p;
}

/* The first choice of this value: the others are other words for it. */
static cJSON *put_choice(const struct setting *r, int value)
{
    for (const struct setting_choice *c = r->choices; c->text; c++)
        if (c->value == value)
            return c->number ? cJSON_CreateNumber(value) : cJSON_CreateString(c->text);
    return NULL;
}

/* NULL for what is not given. */
static cJSON *put_scalar(const struct setting *r, const void *p)
{
    switch (r->kind) {
    case SETTING_BOOL:
        return must(cJSON_CreateBool(*(const bool *)p));
    case SETTING_TEXT:
        return text_at(p) ? must(cJSON_CreateString(text_at(p))) : NULL;
    case SETTING_CHOICE:
        return put_choice(r, number_at(p));
    case SETTING_MILLI: /* where a number may be negative, what says "not given" is one too, and valid */
        return number_at(p) == SETTING_UNSET && r->min >= 0 ? NULL : must(cJSON_CreateNumber(number_at(p) / 1000.0));
    default:
        return number_at(p) == SETTING_UNSET ? NULL : must(cJSON_CreateNumber(number_at(p)));
    }
}

static size_t element_size(const struct setting *r)
{
    return r->kind == SETTING_TEXT ? sizeof(char *) : sizeof(int);
}

/* What one of a list's n elements at p says, where all say the same and one may stand for them; else the list. */
static cJSON *put_list(const struct setting *r, const char *p, size_t n)
{
    cJSON *list = must(cJSON_CreateArray());
    bool same = r->shape == SETTING_ONE_OR_LIST;

    for (size_t i = 0; i < n; i++) {
        cJSON *v = put_scalar(r, p + i * element_size(r));
        if (!v)
            continue;
        same = same && (i == 0 || cJSON_Compare(v, list->child, true));
        cJSON_AddItemToArray(list, v);
    }
    if (!same)
        return list;
    cJSON *one = n ? cJSON_DetachItemFromArray(list, 0) : NULL;
    cJSON_Delete(list);
    return one;
}

/* A list that may hold one for all says one for each. */
static cJSON *put_value(const struct setting *r, const char *base)
{
    const char *p = base + r->offset;

    if (r->shape == SETTING_ONE)
        return put_scalar(r, p);
    if (r->shape == SETTING_ONE_OR_LIST)
        return put_list(r, p, *(const size_t *)(const void *)(base + r->per));
    size_t n = *(const size_t *)(const void *)(base + r->count);
    return put_list(r, r->kind == SETTING_TEXT ? (const char *)text_at(p) : p, n);
}

static void put_object(cJSON *o, const char *prefix, const void *base);

/* Sensors that were made of ports and parts are said by those. */
static bool is_given(const struct setting *r, const void *member)
{
    return strcmp(r->path, "sensors") != 0 || ((const struct sensor_settings *)member)->made == MADE_GIVEN;
}

static cJSON *put_members(const struct setting *r, const char *base)
{
    cJSON *list = must(cJSON_CreateArray());
    const char *members = text_at(base + r->offset);
    size_t n = *(const size_t *)(const void *)(base + r->count);
    char prefix[LAYER_PREFIX];

    for (size_t i = 0; i < n; i++, members += r->size) {
        if (!is_given(r, members))
            continue;
        cJSON *o = must(cJSON_CreateObject());
        put_object(o, layer_members(r, prefix), members);
        cJSON_AddItemToArray(list, o);
    }
    return list;
}

/* Does the row say something in the struct at base? */
static bool applies(const struct setting *r, const void *base)
{
    if (r->flags & SETTING_SECRET)
        return false;
    return !r->only || number_at((const char *)base + r->only_at) == r->only - 1;
}

static void put_object(cJSON *o, const char *prefix, const void *base)
{
    for (const struct setting *r = settings_table; r < settings_table + settings_table_len; r++) {
        const char *name = setting_name(r, prefix);
        cJSON *v;
        if (!name || !applies(r, base))
            continue;
        if (r->kind != SETTING_OBJECT) {
            v = put_value(r, base);
        } else if (r->shape == SETTING_LIST) {
            v = put_members(r, base);
        } else {
            v = must(cJSON_CreateObject());
            put_object(v, r->path, base);
        }
        if (v)
            cJSON_AddItemToObject(o, name, v);
    }
}

cJSON *settings_tree(const struct settings *s)
{
    cJSON *tree = must(cJSON_CreateObject());

    put_object(tree, "", s);
    if (!s->influx.url) /* its other members need it (settings_rules.c), defaults too */
        cJSON_ReplaceItemInObject(tree, "influx", must(cJSON_CreateObject()));
    settings_sort(tree);
    return tree;
}
