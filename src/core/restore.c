#include "core/restore.h"

#include "core/jsonc.h"
#include "core/settings_change.h"
#include "core/settings_layer.h"
#include "core/settings_merge.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/crypto.h>

/* ---- settings ---- */

static cJSON *sensors_of(cJSON *tree)
{
    return layer_get(tree, "sensors");
}

static void forget_ids(const cJSON *list, const char *name)
{
    for (cJSON *v = list ? list->child : NULL; v; v = v->next)
        cJSON_DeleteItemFromObjectCaseSensitive(v, name);
}

/* What makes a device this one and no other. */
static void forget_identity(cJSON *tree)
{
    static const char *const lists[][2] = {{"sensors", "id"}, {"ports", "ids"}, {"derive", "ids"}};
    const cJSON *buses = layer_get(tree, "buses");

    cJSON_DeleteItemFromObjectCaseSensitive(layer_get(tree, "device"), "serial");
    cJSON_DeleteItemFromObjectCaseSensitive(layer_get(tree, "mqtt"), "client_id");
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        forget_ids(layer_get(tree, lists[i][0]), lists[i][1]);
    for (const cJSON *b = buses ? buses->child : NULL; b; b = b->next)
        forget_ids(layer_get(b, "meters"), "id");
    forget_ids(layer_get(tree, "lines"), "id");
}

/* Each sensor of the backup has the id it had, whatever it would derive to here. */
static void keep_ids(cJSON *tree, const struct backup *b)
{
    const struct setting *row = setting_row("", "sensors");
    cJSON *sensors = sensors_of(tree);
    char key[SETTING_KEY_MAX];

    for (cJSON *v = cJSON_IsArray(sensors) ? sensors->child : NULL; v; v = v->next) {
        const char *k = cJSON_IsObject(v) ? setting_key(row, v, key) : NULL;
        const struct backup_id *x = k ? backup_id(b, k) : NULL;
        if (!x)
            continue;
        cJSON_DeleteItemFromObjectCaseSensitive(v, "id");
        layer_add(v, "id", must(cJSON_CreateString(x->id)));
    }
}

/* The trees put together: the backup's file, over it the one here, over both what people changed. */
static cJSON *compose(const struct backup *b, const struct restore_how *how)
{
    cJSON *none = must(cJSON_CreateObject());
    cJSON *theirs = settings_merge(none, b->file, NULL), *saved = layer_copy(b->saved);

    cJSON_Delete(none);
    if (how->as_new) {
        forget_identity(theirs);
        forget_identity(saved);
    }
    cJSON *file = settings_patch(theirs, how->file);
    cJSON *tree = settings_merge(file, saved, NULL);
    if (!how->as_new)
        keep_ids(tree, b);
    cJSON_Delete(theirs);
    cJSON_Delete(saved);
    cJSON_Delete(file);
    return tree;
}

/* The id that the device will have. The administrator's file has the last word. */
static int choose_id(struct restore *r, const struct backup *b, const struct restore_how *how,
                     struct settings_errors *errors)
{
    const cJSON *device = layer_get(how->file, "device");
    const char *given = cJSON_GetStringValue(layer_get(device, "id"));
    bool same = given && strcmp(given, b->device_id) == 0;

    if (given && same == how->as_new) {
        settings_error_add(errors, "device.id",
                           same ? "stands in the administrator's file and is the backup's: take it out there first"
                                : "stands in the administrator's file and is not the backup's: take it out there, or "
                                  "restore as a new device");
        return -1;
    }
    memcpy(r->device_id, given ? given : how->as_new ? how->new_id : b->device_id, sizeof r->device_id);
    return 0;
}

static void take_counters(struct restore *r, const struct backup *b, const struct restore_how *how)
{
    r->counters = must(calloc(b->n_counters + 1, sizeof *r->counters));
    for (size_t i = 0; i < b->n_counters && !how->as_new; i++) {
        struct ledger_saved *c = &r->counters[r->n_counters++];
        *c = b->counters[i];
        if (!how->new_board || !c->known)
            continue;
        c->offset += c->raw;
        c->raw = c->before = 0;
        c->known = false;
        c->swapped = true;
    }
}

int restore_settings(struct restore *r, struct settings **next, const struct backup *b, const struct restore_how *how,
                     struct settings_errors *errors)
{
    struct settings now = {.version = SETTINGS_VERSION};
    struct settings_base base = {.file = how->file, .now = &now, .board_minor = -1, .meters = how->meters};
    struct settings_change c;

    *r = (struct restore){.saved = NULL};
    *next = NULL;
    if (choose_id(r, b, how, errors) < 0)
        return -1;
    now.device.id = r->device_id;
    now.storage.path = (char *)(uintptr_t)how->storage_path;
    cJSON *tree = compose(b, how);
    cJSON *layer = settings_reduce(how->file, tree, r->device_id);
    int rc = settings_change_layer(&c, &base, layer, errors);
    cJSON_Delete(tree);
    cJSON_Delete(layer);
    if (rc < 0)
        return -1;
    r->saved = c.saved;
    *next = c.next;
    take_counters(r, b, how);
    return 0;
}

int restore_secrets(struct restore *r, const char *text, size_t len, bool as_new, struct settings_errors *errors)
{
    struct jsonc_error error;
    cJSON *tree = jsonc_parse(text, len, &error);
    size_t before = errors->n;

    if (!cJSON_IsObject(tree))
        settings_error_add(errors, "backup.sealed", "does not hold secrets");
    for (const cJSON *v = cJSON_IsObject(tree) ? tree->child : NULL; v && errors->n == before; v = v->next) {
        int s = secret_find(v->string);
        size_t n = cJSON_IsString(v) ? strlen(v->valuestring) : 0;
        const char *why = s < 0                ? "holds a secret that is not known here"
                          : !cJSON_IsString(v) ? "holds a secret that is no text"
                                               : secret_check((enum secret)s, v->valuestring, &n);
        if (why || r->secrets[s])
            settings_error_add(errors, "backup.sealed", "%s", why ? why : "holds a secret twice");
        else if (!as_new || s != SECRET_DEVICE_KEY)
            r->secrets[s] = must(strndup(v->valuestring, n));
    }
    secret_wipe_tree(tree);
    return errors->n == before ? 0 : -1;
}

static bool goes_on(const struct settings *next, const char *id)
{
    for (size_t i = 0; i < next->n_sensors; i++)
        if (next->sensors[i].enable && strcmp(next->sensors[i].id, id) == 0)
            return true;
    return false;
}

void restore_leave(struct restore *r, const struct settings *now, const struct settings *next)
{
    if (strcmp(now->device.id, r->device_id) != 0)
        memcpy(r->leaves, now->device.id, sizeof r->leaves);
    r->leaves_sensors = must(calloc(now->n_sensors + 1, sizeof *r->leaves_sensors));
    for (size_t i = 0; i < now->n_sensors && r->n_leaves_sensors < RESTORE_LEAVES_MAX; i++)
        if (now->sensors[i].enable && !goes_on(next, now->sensors[i].id))
            memcpy(r->leaves_sensors[r->n_leaves_sensors++], now->sensors[i].id, SENSOR_ID_LEN + 1);
}
