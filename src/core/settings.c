#include "core/settings.h"

#include "core/jsonc.h"
#include "core/settings_layer.h"
#include "core/settings_meters.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

PRINTF_LIKE(4, 0)
static void add(struct settings_errors *e, const char *path, const char *allowed, const char *fmt, va_list ap)
{
    struct settings_error *x;

    if (e->n > SETTINGS_ERRORS_MAX)
        return;
    e->v = must(realloc(e->v, (e->n + 1) * sizeof *e->v));
    x = &e->v[e->n++];
    if (e->n > SETTINGS_ERRORS_MAX) {
        *x = (struct settings_error){must(strdup("settings")), must(strdup("more errors than these")), NULL};
        return;
    }
    x->path = must(strdup(path));
    x->allowed = allowed ? must(strdup(allowed)) : NULL;
    if (vasprintf(&x->message, fmt, ap) < 0)
        abort();
}

void settings_error_add(struct settings_errors *e, const char *path, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(e, path, NULL, fmt, ap);
    va_end(ap);
}

void settings_error_allow(struct settings_errors *e, const char *path, const char *allowed, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(e, path, allowed, fmt, ap);
    va_end(ap);
}

void settings_errors_free(struct settings_errors *e)
{
    for (size_t i = 0; i < e->n; i++) {
        free(e->v[i].path);
        free(e->v[i].message);
        free(e->v[i].allowed);
    }
    free(e->v);
    *e = (struct settings_errors){0};
}

cJSON *settings_text(const char *text, size_t len, struct settings_errors *errors)
{
    struct jsonc_error error;
    char place[48];

    if (len > SETTINGS_TEXT_MAX) {
        settings_error_add(errors, "settings", "%zu bytes are more than %u", len, SETTINGS_TEXT_MAX);
        return NULL;
    }
    cJSON *tree = jsonc_parse(text, len, &error);
    if (!tree) {
        snprintf(place, sizeof place, "line %u, column %u", error.line, error.column);
        settings_error_add(errors, place, "%s", error.problem);
        return NULL;
    }
    settings_keys(tree);
    return tree;
}

struct settings *settings_parse_tree(const cJSON *tree, const struct meter_finder *finder,
                                     struct settings_errors *errors, char **storage_path)
{
    struct settings *s = must(calloc(1, sizeof *s));
    cJSON *keyed = settings_keys_missing(tree) ? must(cJSON_Duplicate(tree, true)) : NULL;
    size_t before = errors->n;

    if (keyed)
        settings_keys(keyed);
    settings_walk(s, keyed ? keyed : tree, errors);
    settings_rules(s, keyed ? keyed : tree, finder, errors);
    cJSON_Delete(keyed);
    if (storage_path)
        *storage_path = s->storage.path ? must(strdup(s->storage.path)) : NULL;
    if (errors->n == before)
        return s;
    settings_free(s);
    return NULL;
}

struct settings *settings_parse(const char *text, size_t len, const struct meter_finder *finder,
                                struct settings_errors *errors, char **storage_path)
{
    if (storage_path)
        *storage_path = NULL;
    cJSON *tree = settings_text(text, len, errors);
    if (!tree)
        return NULL;
    struct settings *s = settings_parse_tree(tree, finder, errors, storage_path);
    cJSON_Delete(tree);
    return s;
}

static void free_object(const char *prefix, void *base);

/* A list of texts or objects in the struct at base, which goes empty. */
static void free_list(const struct setting *r, char *base)
{
    char members[LAYER_PREFIX], **list = (char **)(void *)(base + r->offset), *at = *list;
    size_t *n = (size_t *)(void *)(base + r->count);

    for (size_t i = 0; i < *n; i++) {
        if (r->kind == SETTING_TEXT)
            free(((char **)(void *)at)[i]);
        else
            free_object(layer_members(r, members), at + i * r->size);
    }
    free(at);
    *list = NULL;
    *n = 0;
}

/* What the members of the object that prefix names own in the struct at base. */
static void free_object(const char *prefix, void *base)
{
    for (const struct setting *r = settings_table; r < settings_table + settings_table_len; r++) {
        if (!setting_name(r, prefix))
            continue;
        if (r->kind == SETTING_OBJECT && r->shape == SETTING_ONE)
            free_object(r->path, base);
        else if (r->shape == SETTING_LIST && (r->kind == SETTING_OBJECT || r->kind == SETTING_TEXT))
            free_list(r, base);
        else if (r->kind == SETTING_TEXT)
            free(*(char **)(void *)((char *)base + r->offset));
    }
}

void settings_drop_list(struct settings *s, const char *list)
{
    free_list(setting_row("", list), (char *)s);
}

void settings_free(struct settings *s)
{
    if (!s)
        return;
    settings_meters_free(s);
    free_object("", s);
    free(s);
}

const char *phase_name(enum phase p)
{
    return settings_phases[p].text;
}

const char *board_protocol_name(enum board_protocol p)
{
    return settings_protocols[p].text;
}
