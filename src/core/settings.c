#include "core/settings.h"

#include "core/ident.h"
#include "core/jsonc.h"
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
    }
    return tree;
}

struct settings *settings_parse_tree(const cJSON *tree, struct settings_errors *errors, char **storage_path)
{
    struct settings *s = must(calloc(1, sizeof *s));
    size_t before = errors->n;

    settings_walk(s, tree, errors);
    settings_rules(s, tree, errors);
    if (storage_path)
        *storage_path = s->storage.path ? must(strdup(s->storage.path)) : NULL;
    if (errors->n == before)
        return s;
    settings_free(s);
    return NULL;
}

struct settings *settings_parse(const char *text, size_t len, struct settings_errors *errors, char **storage_path)
{
    if (storage_path)
        *storage_path = NULL;
    cJSON *tree = settings_text(text, len, errors);
    if (!tree)
        return NULL;
    struct settings *s = settings_parse_tree(tree, errors, storage_path);
    cJSON_Delete(tree);
    return s;
}

/* The id of a sensor differs from the device's and from those of the sensors before it. */
static bool id_is_free(const struct settings *s, size_t sensor, struct settings_errors *errors)
{
    const char *id = s->sensors[sensor].id;
    char path[48];

    snprintf(path, sizeof path, "sensors[%zu].id", sensor);
    if (strcmp(id, s->device.id) == 0) {
        settings_error_add(errors, path, "%s is the device's id", id);
        return false;
    }
    for (size_t i = 0; i < sensor; i++) {
        if (strcmp(id, s->sensors[i].id) == 0) {
            settings_error_add(errors, path, "%s is the id of sensors[%zu] too", id, i);
            return false;
        }
    }
    return true;
}

int settings_derive_ids(struct settings *s, const char *device_id, struct settings_errors *errors)
{
    int result = 0;

    if (!s->device.id) {
        if (!sensor_id_valid(device_id)) {
            settings_error_add(errors, "device.id", "the one kept is not 32 lower-case hex digits");
            return -1;
        }
        s->device.id = must(strdup(device_id));
    }
    for (size_t i = 0; i < s->n_sensors; i++) {
        struct sensor_settings *x = &s->sensors[i];
        if (!x->id) {
            x->id = must(malloc(IDENT_LEN + 1));
            ident_sensor(s->device.id, sensor_settings_number(x), x->id);
        }
        if (!id_is_free(s, i, errors))
            result = -1;
    }
    return result;
}

/* Rows of sensors' members lie in another struct than all others. */
static bool is_sensor_row(const struct setting *r)
{
    return strncmp(r->path, "sensors[*].", 11) == 0;
}

/* The texts of a row in the struct at base: one, or as many as its list holds. */
static char **row_texts(const struct setting *r, const void *base, size_t *n)
{
    const char *p = (const char *)base;

    *n = r->shape == SETTING_LIST ? *(const size_t *)(const void *)(p + r->count) : 1;
    p += r->offset;
    return r->shape == SETTING_LIST ? *(char **const *)(const void *)p : (char **)(uintptr_t)p;
}

static void free_texts(void *base, bool sensor)
{
    for (const struct setting *r = settings_table; r < settings_table + settings_table_len; r++) {
        if (r->kind != SETTING_TEXT || is_sensor_row(r) != sensor)
            continue;
        size_t n;
        char **texts = row_texts(r, base, &n);
        for (size_t i = 0; i < n; i++)
            free(texts[i]);
        if (r->shape == SETTING_LIST)
            free(texts);
    }
}

void settings_free(struct settings *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_sensors; i++)
        free_texts(&s->sensors[i], true);
    free(s->sensors);
    free_texts(s, false);
    free(s);
}

const char *phase_name(enum phase p)
{
    return settings_phases[p].text;
}
