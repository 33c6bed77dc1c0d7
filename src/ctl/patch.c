#include "ctl/patch.h"

#include "core/settings_table.h"
#include "ctl/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_BYTES 256

/* Is this the row's path, with any member where the row has [*]? "sensors.1.ports" is "sensors[*].ports". */
static bool row_is(const char *row, const char *path)
{
    while (*row) {
        if (strncmp(row, "[*]", 3) == 0) {
            if (*path != '.')
                return false;
            row += 3;
            path += 1 + strcspn(path + 1, ".");
        } else if (*row++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

const struct setting *patch_row(const char *path)
{
    for (size_t i = 0; i < settings_table_len; i++)
        if (row_is(settings_table[i].path, path))
            return &settings_table[i];
    return NULL;
}

static cJSON *json_or_text(const char *text)
{
    cJSON *v = cJSON_ParseWithOpts(text, NULL, true);

    return v ? v : must(cJSON_CreateString(text));
}

/* "1,2,3" where the table has a list. */
static cJSON *list_of(const struct setting *row, const char *text)
{
    cJSON *list = must(cJSON_CreateArray());
    char *copy = must(strdup(text)), *rest = copy;

    for (char *one; (one = strsep(&rest, ","));)
        cJSON_AddItemToArray(list, row->kind == SETTING_TEXT ? cJSON_CreateString(one) : json_or_text(one));
    free(copy);
    return list;
}

/* "yes" and "on" as people write them. */
static cJSON *bool_of(const char *text)
{
    static const char *const words[2][3] = {{"no", "off", "0"}, {"yes", "on", "1"}};

    for (int on = 0; on < 2; on++)
        for (size_t i = 0; i < ARRAY_LEN(words[0]); i++)
            if (strcmp(text, words[on][i]) == 0)
                return must(cJSON_CreateBool(on));
    return NULL;
}

/* A number stays one where the row takes numbers: a name "2" and a protocol "1" are texts, a clamp of 50 A is none. */
static bool takes_number(const struct setting *row, const char *text)
{
    bool numbers = row->kind != SETTING_TEXT && row->kind != SETTING_CHOICE;

    for (const struct setting_choice *c = row->choices; row->kind == SETTING_CHOICE && c->text; c++) {
        if (!c->number && strcmp(c->text, text) == 0)
            return false;
        numbers |= c->number;
    }
    return numbers;
}

static cJSON *value_of(const struct setting *row, const char *text)
{
    cJSON *v = cJSON_ParseWithOpts(text, NULL, true), *better = NULL;

    if (row && (!v || cJSON_IsNumber(v) || cJSON_IsBool(v))) {
        if (row->kind == SETTING_BOOL)
            better = bool_of(text);
        else if (row->shape == SETTING_LIST || (row->shape == SETTING_ONE_OR_LIST && strchr(text, ',')))
            better = list_of(row, text);
        else if (v && !takes_number(row, text))
            better = must(cJSON_CreateString(text));
    }
    if (better)
        cJSON_Delete(v);
    return better ? better : v ? v : must(cJSON_CreateString(text));
}

/* The object below o of this name, made where there is none. NULL: something else is there. */
static cJSON *object_in(cJSON *o, const char *name)
{
    cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

    return v ? (cJSON_IsObject(v) ? v : NULL) : must(cJSON_AddObjectToObject(o, name));
}

int patch_add(cJSON *patch, const char *prefix, const char *assignment, char why[PATCH_WHY])
{
    const char *equals = strchr(assignment, '=');
    char path[PATH_MAX_BYTES], whole[2 * PATH_MAX_BYTES];
    char *at = path, *dot;

    if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof path) {
        snprintf(why, PATCH_WHY, "'%.60s' is not key=value", assignment);
        return -1;
    }
    snprintf(path, sizeof path, "%.*s", (int)(equals - assignment), assignment);
    if (strchr(path, '[') || strstr(path, "..") || path[0] == '.' || path[strlen(path) - 1] == '.') {
        snprintf(why, PATCH_WHY, "'%.60s' is no key: members of lists are named by their key, sensors.1.name", path);
        return -1;
    }
    snprintf(whole, sizeof whole, "%s%s%s", prefix, *prefix ? "." : "", path);
    const struct setting *row = patch_row(whole);
    if (row && row->flags & SETTING_SECRET) {
        snprintf(why, PATCH_WHY, "%.40s has no place on a command line: fluksoctl secret set %.40s", whole, whole);
        return -1;
    }
    for (; (dot = strchr(at, '.')); at = dot + 1) {
        *dot = '\0';
        patch = object_in(patch, at);
        if (!patch) {
            snprintf(why, PATCH_WHY, "'%.60s' is given twice, as a value and with members", at);
            return -1;
        }
    }
    if (cJSON_GetObjectItemCaseSensitive(patch, at)) {
        snprintf(why, PATCH_WHY, "'%.60s' is given twice", whole);
        return -1;
    }
    cJSON_AddItemToObject(patch, at, value_of(row, equals + 1));
    return 0;
}

const char *patch_key(const cJSON *member, size_t place, char out[64])
{
    static const char *const names[] = {"key", "id"};
    const cJSON *ports = json_get(member, "ports"), *port;
    double lowest = json_number(member, "port", 0);

    for (port = json_first(ports); port; port = port->next) {
        if (cJSON_IsNumber(port) && (lowest == 0 || port->valuedouble < lowest))
            lowest = port->valuedouble;
    }
    if (json_get(member, "ports") && lowest > 0) { /* a sensor's id derives, its ports are what it is known by */
        snprintf(out, 64, "%.0f", lowest);
        return out;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (json_text(member, names[i], NULL))
            return json_text(member, names[i], NULL);
    snprintf(out, 64, "%.0f", lowest > 0 ? lowest : (double)place + 1);
    return out;
}

/* The member of a list that a path's piece names. */
static const cJSON *member_of(const cJSON *list, const char *name, size_t len)
{
    const cJSON *m;
    size_t place = 0;
    char room[64];

    for (m = json_first(list); m; m = m->next) {
        const char *key = patch_key(m, place++, room);
        if (strlen(key) == len && memcmp(key, name, len) == 0)
            return m;
    }
    return NULL;
}

const cJSON *patch_find(const cJSON *settings, const char *path)
{
    char name[PATH_MAX_BYTES];

    while (settings && *path) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof name)
            return NULL;
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        settings =
            cJSON_IsArray(settings) ? member_of(settings, name, n) : cJSON_GetObjectItemCaseSensitive(settings, name);
        path += n + (path[n] == '.');
    }
    return settings;
}

void patch_lines(const cJSON *v, const char *path, patch_emit emit, void *ctx)
{
    const cJSON *m;
    size_t place = 0;
    char room[64], *below;
    bool objects = cJSON_IsArray(v) && cJSON_IsObject(v->child);

    if ((cJSON_IsObject(v) && v->child) || objects) {
        for (m = json_first(v); m; m = m->next) {
            const char *key = objects ? patch_key(m, place++, room) : m->string;
            if (asprintf(&below, "%s%s%s", path, *path ? "." : "", key) < 0)
                abort();
            patch_lines(m, below, emit, ctx);
            free(below);
        }
        return;
    }
    char *value = cJSON_IsString(v) ? must(strdup(v->valuestring)) : must(cJSON_PrintUnformatted(v));
    emit(ctx, path, value);
    free(value);
}
