/* Small questions to the table of settings keys, its rows and what they say of a value. */
#include "core/settings_table.h"

#include "core/utf8.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define STEP_MAX 64 /* bytes of a name that nobody here chose, as much as a message shows */

const char *setting_name(const struct setting *row, const char *prefix)
{
    if (*prefix && *row->path != *prefix) /* most rows: of them nobody needs to know more */
        return NULL;
    size_t n = strlen(prefix);
    if (strncmp(row->path, prefix, n) != 0 || (n && row->path[n] != '.'))
        return NULL;
    const char *last = row->path + n + (n > 0);
    return strpbrk(last, ".[") ? NULL : last;
}

const struct setting *setting_row(const char *prefix, const char *member)
{
    for (size_t i = 0; i < settings_table_len; i++) {
        const char *candidate = setting_name(&settings_table[i], prefix);
        if (candidate && strcmp(candidate, member) == 0)
            return &settings_table[i];
    }
    return NULL;
}

size_t setting_step(char *at, size_t room, const char *member)
{
    static const char harmless[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
    size_t before = strlen(at), n = strspn(member, harmless);

    if (n && n < STEP_MAX && !member[n]) {
        snprintf(at + before, room - before, "%s%s", before ? "." : "", member);
        return before;
    }
    cJSON *quoted = must(cJSON_CreateStringReference(member));
    char *text = must(cJSON_PrintUnformatted(quoted));
    n = utf8_fit(text, STEP_MAX - 4);
    snprintf(at + before, room - before, "[%.*s%s]", (int)n, text, text[n] ? "…" : "");
    cJSON_free(text);
    cJSON_Delete(quoted);
    return before;
}

/* The lowest of a list of whole numbers, or -1. */
static int lowest(const cJSON *list)
{
    int low = -1;

    for (const cJSON *v = list->child; v; v = v->next) {
        if (!cJSON_IsNumber(v) || v->valuedouble < 0 || v->valuedouble != (double)v->valueint)
            return -1;
        low = low < 0 || v->valueint < low ? v->valueint : low;
    }
    return low;
}

const char *setting_key(const struct setting *list, const cJSON *member, char key[SETTING_KEY_MAX])
{
    const cJSON *v = NULL;
    int number = -1;

    for (size_t i = 0; i < ARRAY_LEN(list->key->members) && list->key->members[i] && !v; i++)
        v = cJSON_GetObjectItemCaseSensitive(member, list->key->members[i]);
    if (cJSON_IsString(v) && *v->valuestring && strlen(v->valuestring) < SETTING_KEY_MAX)
        return memcpy(key, v->valuestring, strlen(v->valuestring) + 1);
    if (cJSON_IsArray(v))
        number = lowest(v);
    else if (cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble == (double)v->valueint)
        number = v->valueint;
    if (number < 0)
        return NULL;
    snprintf(key, SETTING_KEY_MAX, "%d", number);
    return key;
}

const struct setting_choice *setting_choice(const struct setting *row, const cJSON *value)
{
    for (const struct setting_choice *c = row->choices; c && c->text; c++) {
        if (c->number ? cJSON_IsNumber(value) && value->valuedouble == (double)strtol(c->text, NULL, 10)
                      : cJSON_IsString(value) && strcmp(value->valuestring, c->text) == 0)
            return c;
    }
    return NULL;
}

bool setting_is_default(const struct setting *row, const cJSON *v)
{
    const struct setting_choice *choice;

    if (!row)
        return false;
    if (row->shape == SETTING_LIST)
        return !(row->flags & SETTING_STANDS) && cJSON_IsArray(v) && !v->child &&
               (row->kind == SETTING_OBJECT || row->kind == SETTING_TEXT);
    switch (row->kind) {
    case SETTING_BOOL:
        return cJSON_IsBool(v) && cJSON_IsTrue(v) == row->def;
    case SETTING_TEXT:
        return cJSON_IsString(v) && row->def_text && strcmp(v->valuestring, row->def_text) == 0;
    case SETTING_INT:
        return cJSON_IsNumber(v) && row->def != SETTING_UNSET && v->valuedouble == row->def;
    case SETTING_MILLI:
        return cJSON_IsNumber(v) && v->valuedouble == row->def / 1000.0;
    case SETTING_CHOICE:
        choice = setting_choice(row, v);
        return choice && choice->value == row->def;
    default:
        return false;
    }
}
