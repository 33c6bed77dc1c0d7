/* The plan of a restore as a text, and back. */
#include "core/restore.h"

#include "core/jsonc.h"
#include "core/jsonw.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/crypto.h>

#define PLAN_VERSION 1

static const cJSON *get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* ---- writing ---- */

static void put_secrets(struct jsonw *w, const struct restore *r)
{
    jsonw_open(w, "secrets", '{');
    for (int i = 0; i < SECRETS; i++)
        if (r->secrets[i])
            jsonw_str(w, secret_name((enum secret)i), r->secrets[i]);
    jsonw_close(w, '}');
}

char *restore_write(const struct restore *r, bool secrets, size_t *len)
{
    struct jsonw w;
    char *saved = must(cJSON_PrintUnformatted(r->saved));

    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_int(&w, "fluksod_restore", PLAN_VERSION);
    jsonw_str(&w, "device_id", r->device_id);
    jsonw_open(&w, "saved", '{');
    jsonw_raw(&w, saved + 1, strlen(saved) - 2);
    jsonw_close(&w, '}');
    if (r->leaves[0])
        jsonw_str(&w, "leaves", r->leaves);
    jsonw_open(&w, "leaves_sensors", '[');
    for (size_t i = 0; i < r->n_leaves_sensors; i++)
        jsonw_str(&w, NULL, r->leaves_sensors[i]);
    jsonw_close(&w, ']');
    jsonw_open(&w, "counters", '[');
    for (size_t i = 0; i < r->n_counters; i++)
        backup_put_counter(&w, &r->counters[i]);
    jsonw_close(&w, ']');
    jsonw_room(&w, SECRETS * (6 * SECRET_MAX + 64) + 64); /* the buffer must not grow with a secret in it */
    if (secrets)
        put_secrets(&w, r);
    jsonw_close(&w, '}');
    jsonw_raw(&w, "\n", 2); /* and terminated */
    cJSON_free(saved);
    *len = w.len - 1;
    return w.buf;
}

/* ---- reading ---- */

static void read_leaves(struct restore *r, const cJSON *doc, struct settings_errors *errors)
{
    const cJSON *device = get(doc, "leaves"), *list = get(doc, "leaves_sensors");
    size_t n = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : SIZE_MAX;

    if (device && backup_read_id(r->leaves, device, "leaves", errors) < 0)
        return;
    if (n > RESTORE_LEAVES_MAX) {
        settings_error_add(errors, "leaves_sensors", "is no list");
        return;
    }
    r->leaves_sensors = must(calloc(n + 1, sizeof *r->leaves_sensors));
    for (const cJSON *v = list->child; v; v = v->next)
        if (backup_read_id(r->leaves_sensors[r->n_leaves_sensors++], v, "leaves_sensors", errors) < 0)
            return;
}

static void read_secrets(struct restore *r, const cJSON *secrets, struct settings_errors *errors)
{
    char *text = secrets ? cJSON_PrintUnformatted(secrets) : NULL;

    if (text && restore_secrets(r, text, strlen(text), false, errors) < 0)
        settings_error_add(errors, "secrets", "cannot be used");
    secret_wipe(text);
}

static void read_all(struct restore *r, const cJSON *doc, struct settings_errors *errors)
{
    static const char *const names[] = {"fluksod_restore", "device_id",      "secrets",  "saved",
                                        "leaves",          "leaves_sensors", "counters", NULL};
    const cJSON *version = get(doc, "fluksod_restore"), *saved = get(doc, "saved");

    if (!cJSON_IsObject(doc) || !cJSON_IsNumber(version) || version->valuedouble != PLAN_VERSION) {
        settings_error_add(errors, "fluksod_restore", "is no plan of this version");
        return;
    }
    if (backup_members(doc, names, "plan", errors) < 0 ||
        backup_read_id(r->device_id, get(doc, "device_id"), "device_id", errors) < 0)
        return;
    if (!cJSON_IsObject(saved)) {
        settings_error_add(errors, "saved", "is no object");
        return;
    }
    r->saved = must(cJSON_Duplicate(saved, true));
    read_leaves(r, doc, errors);
    read_secrets(r, get(doc, "secrets"), errors);
    if (backup_read_counters(&r->counters, &r->n_counters, get(doc, "counters"), "counters", errors) < 0)
        return;
}

int restore_read(struct restore *r, const char *text, size_t len, struct settings_errors *errors)
{
    struct jsonc_error error;
    cJSON *doc = jsonc_parse(text, len, &error);
    size_t before = errors->n;

    *r = (struct restore){.saved = NULL};
    if (doc)
        read_all(r, doc, errors);
    else
        settings_error_add(errors, "plan", "is no JSON: line %u, column %u: %s", error.line, error.column,
                           error.problem);
    secret_wipe_tree(doc);
    return errors->n == before ? 0 : -1;
}

void restore_free(struct restore *r)
{
    for (int i = 0; i < SECRETS; i++)
        secret_wipe(r->secrets[i]);
    cJSON_Delete(r->saved);
    free(r->counters);
    free(r->leaves_sensors);
    *r = (struct restore){.saved = NULL};
}
