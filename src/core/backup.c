#include "core/backup.h"

#include "core/jsonw.h"
#include "core/settings_merge.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define PATH 96 /* bytes of a path in an error */

static const cJSON *get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* ---- reading ---- */

int backup_members(const cJSON *object, const char *const *names, const char *path, struct settings_errors *errors)
{
    size_t before = errors->n;

    for (const cJSON *v = object->child; v; v = v->next) {
        char at[PATH + 96];
        size_t i = 0;
        while (names[i] && strcmp(names[i], v->string) != 0)
            i++;
        snprintf(at, PATH, "%s", path);
        setting_step(at, sizeof at, v->string);
        if (!names[i])
            settings_error_add(errors, at, "is not known here");
        else if (get(object, v->string) != v)
            settings_error_add(errors, at, "is given twice");
    }
    return errors->n == before ? 0 : -1;
}

int backup_read_id(char out[SENSOR_ID_LEN + 1], const cJSON *v, const char *path, struct settings_errors *errors)
{
    const char *text = cJSON_GetStringValue(v);

    if (!text || strlen(text) != SENSOR_ID_LEN || !sensor_id_valid(text)) {
        settings_error_allow(errors, path, "32 lower-case hex digits", "is no id");
        return -1;
    }
    memcpy(out, text, SENSOR_ID_LEN + 1);
    return 0;
}

/* A whole number within a range; one that is not given is 0. */
static int64_t read_number(const cJSON *object, const char *name, int64_t min, int64_t max, bool needed,
                           const char *path, struct settings_errors *errors)
{
    const cJSON *v = get(object, name);
    char at[PATH + 16];

    snprintf(at, sizeof at, "%s.%s", path, name);
    if (!v && needed)
        settings_error_add(errors, at, "is missing");
    else if (v && (!cJSON_IsNumber(v) || v->valuedouble != floor(v->valuedouble) || v->valuedouble < (double)min ||
                   v->valuedouble > (double)max))
        settings_error_add(errors, at, "is no whole number from %lld to %lld", (long long)min, (long long)max);
    else if (v)
        return (int64_t)v->valuedouble;
    return 0;
}

static void read_source(char out[LEDGER_SOURCE], const cJSON *v, const char *path, struct settings_errors *errors)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:._-/";
    const char *text = cJSON_GetStringValue(v);

    if (!text || strlen(text) >= LEDGER_SOURCE || text[strspn(text, letters)])
        settings_error_add(errors, path, "does not name what counts");
    else
        snprintf(out, LEDGER_SOURCE, "%s", text);
}

static void read_counter(struct ledger_saved *c, const cJSON *v, const char *path, struct settings_errors *errors)
{
    static const char *const names[] = {"id", "source", "raw", "offset", "before", "time_s", "swapped", NULL};
    const cJSON *swapped = get(v, "swapped");
    char at[PATH + 16];

    *c = (struct ledger_saved){.swapped = cJSON_IsTrue(swapped)};
    if (!cJSON_IsObject(v)) {
        settings_error_add(errors, path, "is no object");
        return;
    }
    if (backup_members(v, names, path, errors) < 0)
        return;
    snprintf(at, sizeof at, "%s.id", path);
    if (backup_read_id(c->id, get(v, "id"), at, errors) < 0)
        return;
    snprintf(at, sizeof at, "%s.source", path);
    read_source(c->source, get(v, "source"), at, errors);
    snprintf(at, sizeof at, "%s.swapped", path);
    if (swapped && !cJSON_IsBool(swapped))
        settings_error_add(errors, at, "is neither true nor false");
    c->known = !c->swapped;
    c->raw = read_number(v, "raw", 0, BACKUP_END, true, path, errors);
    c->offset = read_number(v, "offset", -BACKUP_END, BACKUP_END, true, path, errors);
    c->before = read_number(v, "before", 0, BACKUP_END, false, path, errors);
    c->unix_s = read_number(v, "time_s", 1, 253402300799, false, path, errors);
    if (c->swapped)
        c->raw = c->before = 0; /* they were of the counter before */
    if (c->offset + c->raw < 0 || c->offset + c->raw > BACKUP_END)
        settings_error_add(errors, path, "what it publishes, raw + offset, is out of range");
}

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct ledger_saved *)a)->id, ((const struct ledger_saved *)b)->id, SENSOR_ID_LEN);
}

int backup_read_counters(struct ledger_saved **counters, size_t *n, const cJSON *list, const char *path,
                         struct settings_errors *errors)
{
    size_t before = errors->n, len = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : SIZE_MAX, i = 0;
    char at[PATH];

    if (len > BACKUP_COUNTERS_MAX) {
        settings_error_add(errors, path, "is no list of at most %d counters", BACKUP_COUNTERS_MAX);
        return -1;
    }
    *counters = must(calloc(len + 1, sizeof **counters));
    *n = len;
    for (const cJSON *v = list->child; v; v = v->next, i++) {
        snprintf(at, sizeof at, "%.60s[%zu]", path, i);
        read_counter(&(*counters)[i], v, at, errors);
    }
    if (errors->n != before)
        return -1;
    qsort(*counters, len, sizeof **counters, by_id);
    for (i = 1; i < len; i++)
        if (by_id(&(*counters)[i - 1], &(*counters)[i]) == 0)
            settings_error_add(errors, path, "two have the id %s", (*counters)[i].id);
    return errors->n == before ? 0 : -1;
}

static void read_ids(struct backup *b, const cJSON *ids, const char *path, struct settings_errors *errors)
{
    size_t len = cJSON_IsObject(ids) ? (size_t)cJSON_GetArraySize(ids) : SIZE_MAX;

    if (len > BACKUP_IDS_MAX) {
        settings_error_add(errors, path, "is no object of at most %d ids", BACKUP_IDS_MAX);
        return;
    }
    b->ids = must(calloc(len + 1, sizeof *b->ids));
    for (const cJSON *v = ids->child; v; v = v->next) {
        struct backup_id *x = &b->ids[b->n_ids++];
        char at[PATH + 96];
        snprintf(at, PATH, "%s", path);
        setting_step(at, sizeof at, v->string);
        if (strlen(v->string) >= sizeof x->key || get(ids, v->string) != v)
            settings_error_add(errors, at, "names no sensor, or one of before");
        else
            snprintf(x->key, sizeof x->key, "%s", v->string);
        if (backup_read_id(x->id, v, at, errors) < 0)
            return;
    }
}

static cJSON *read_object(const cJSON *doc, const char *name, const char *prefix, struct settings_errors *errors)
{
    const cJSON *v = get(doc, name);
    char at[PATH];

    if (cJSON_IsObject(v))
        return must(cJSON_Duplicate(v, true));
    snprintf(at, sizeof at, "%.40s.%s", prefix, name);
    settings_error_add(errors, at, "is no object");
    return NULL;
}

static bool right_version(const cJSON *doc, const char *prefix, struct settings_errors *errors)
{
    const cJSON *v = get(doc, "fluksod_backup");
    char at[PATH];

    if (cJSON_IsNumber(v) && v->valuedouble == BACKUP_VERSION)
        return true;
    snprintf(at, sizeof at, "%.40s.fluksod_backup", prefix);
    if (cJSON_IsNumber(v) && v->valuedouble > BACKUP_VERSION)
        settings_error_add(errors, at, "was made by a newer fluksod: take that one, or a newer one still");
    else
        settings_error_add(errors, prefix, "is no backup of fluksod");
    return false;
}

/* What is left to be looked at: texts and numbers at the top. */
static void read_rest(struct backup *b, const cJSON *doc, const char *prefix, struct settings_errors *errors)
{
    const cJSON *sealed = get(doc, "sealed"), *made = get(doc, "made_s");
    char at[PATH];

    snprintf(at, sizeof at, "%.40s.device_id", prefix);
    (void)!backup_read_id(b->device_id, get(doc, "device_id"), at, errors);
    if (!cJSON_IsNull(made))
        b->made_s = read_number(doc, "made_s", 0, 253402300799, true, prefix, errors);
    snprintf(at, sizeof at, "%.40s.version", prefix);
    if (!cJSON_IsString(get(doc, "version")))
        settings_error_add(errors, at, "is no text");
    snprintf(at, sizeof at, "%.40s.sealed", prefix);
    if (sealed && !cJSON_IsString(sealed))
        settings_error_add(errors, at, "is no text");
    else if (sealed)
        b->sealed = must(strdup(sealed->valuestring));
}

int backup_read(struct backup *b, const cJSON *doc, const char *prefix, struct settings_errors *errors)
{
    static const char *const names[] = {"fluksod_backup", "version", "made_s",   "device_id", "saved",
                                        "file",           "ids",     "counters", "sealed",    NULL};
    size_t before = errors->n;
    char at[PATH];

    *b = (struct backup){.made_s = 0};
    if (!cJSON_IsObject(doc)) {
        settings_error_add(errors, prefix, "is no backup of fluksod");
        return -1;
    }
    if (!right_version(doc, prefix, errors) || backup_members(doc, names, prefix, errors) < 0)
        return -1;
    read_rest(b, doc, prefix, errors);
    b->saved = read_object(doc, "saved", prefix, errors);
    b->file = read_object(doc, "file", prefix, errors);
    snprintf(at, sizeof at, "%.40s.ids", prefix);
    read_ids(b, get(doc, "ids"), at, errors);
    snprintf(at, sizeof at, "%.40s.counters", prefix);
    if (backup_read_counters(&b->counters, &b->n_counters, get(doc, "counters"), at, errors) < 0)
        return -1;
    return errors->n == before ? 0 : -1;
}

void backup_free(struct backup *b)
{
    cJSON_Delete(b->saved);
    cJSON_Delete(b->file);
    free(b->sealed);
    free(b->ids);
    free(b->counters);
    *b = (struct backup){.made_s = 0};
}

const struct backup_id *backup_id(const struct backup *b, const char *key)
{
    for (size_t i = 0; i < b->n_ids; i++)
        if (strcmp(b->ids[i].key, key) == 0)
            return &b->ids[i];
    return NULL;
}

/* ---- writing ---- */

static void put_tree(struct jsonw *w, const char *key, const cJSON *tree)
{
    char *text = must(cJSON_PrintUnformatted(tree));

    jsonw_open(w, key, '{');
    jsonw_raw(w, text + 1, strlen(text) - 2); /* its members */
    jsonw_close(w, '}');
    cJSON_free(text);
}

void backup_open(struct jsonw *w, const struct settings *s, const cJSON *file, const cJSON *saved, int64_t made_s)
{
    cJSON *none = must(cJSON_CreateObject());
    cJSON *open = settings_merge(none, file, NULL); /* as a layer it has no secrets, nor what only a file may say */
    char key[16];

    jsonw_open(w, NULL, '{');
    jsonw_int(w, "fluksod_backup", BACKUP_VERSION);
    jsonw_str(w, "version", FLUKSOD_VERSION);
    if (made_s)
        jsonw_int(w, "made_s", made_s);
    else
        jsonw_null(w, "made_s");
    jsonw_str(w, "device_id", s->device.id);
    put_tree(w, "saved", saved);
    put_tree(w, "file", open);
    jsonw_open(w, "ids", '{');
    for (size_t i = 0; i < s->n_sensors; i++) {
        if (s->sensors[i].made != MADE_GIVEN) /* its id derives from the device's, or stands with its port or parts */
            continue;
        snprintf(key, sizeof key, "%d", sensor_settings_number(&s->sensors[i]));
        jsonw_str(w, key, s->sensors[i].id);
    }
    jsonw_close(w, '}');
    jsonw_open(w, "counters", '[');
    cJSON_Delete(open);
    cJSON_Delete(none);
}

void backup_put_counter(struct jsonw *w, const struct ledger_saved *c)
{
    jsonw_open(w, NULL, '{');
    jsonw_str(w, "id", c->id);
    jsonw_str(w, "source", c->source);
    jsonw_int(w, "raw", c->known ? c->raw : 0);
    jsonw_int(w, "offset", c->offset);
    if (c->known && c->before)
        jsonw_int(w, "before", c->before);
    if (c->unix_s > 0)
        jsonw_int(w, "time_s", c->unix_s);
    if (!c->known)
        jsonw_bool(w, "swapped", true);
    jsonw_close(w, '}');
}

void backup_close(struct jsonw *w, const char *sealed)
{
    jsonw_close(w, ']');
    if (sealed)
        jsonw_str(w, "sealed", sealed);
    jsonw_close(w, '}');
    jsonw_raw(w, "\n", 1);
}
