#include "settings_load.h"

#include "core/ident.h"
#include "core/settings_merge.h"
#include "core/utf8.h"
#include "core/util.h"
#include "io/files.h"
#include "io/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#define DEFAULT_STATE_DIR "/var/lib/fluksod"
#define LAST_GOOD         "settings.good.json"

static const char *default_dir(void)
{
    const char *dir = getenv("STATE_DIRECTORY");

    return dir && *dir ? dir : DEFAULT_STATE_DIR;
}

static void in_dir(char out[PATH_MAX], const char *dir, const char *file)
{
    snprintf(out, PATH_MAX, "%s/%s", dir, file);
}

struct how {
    bool keep;
    const struct settings_running *running; /* or NULL */
    const struct meter_finder *meters;
};

static void move_errors(struct settings_errors *to, struct settings_errors *from, const char *file)
{
    char path[512];

    for (size_t i = 0; i < from->n; i++) {
        snprintf(path, sizeof path, "%s: %s", file, from->v[i].path);
        settings_error_add(to, path, "%s", from->v[i].message);
    }
    settings_errors_free(from);
}

/* The device's id as it was drawn at first start, or a new one. False with an error when it cannot be kept: an id
 * that changes with each start would make a new device each time. */
static bool device_id(const char *dir, const struct how *how, char id[SENSOR_ID_LEN + 1],
                      struct settings_errors *errors)
{
    char path[PATH_MAX], *text;
    uint8_t random[16];
    size_t len;
    int err;

    in_dir(path, dir, IDENT_FILE);
    err = files_read(path, 64, &text, &len);
    if (err == 0) {
        if (len == SENSOR_ID_LEN + 1 && text[SENSOR_ID_LEN] == '\n')
            text[--len] = '\0';
        bool good = len == SENSOR_ID_LEN && sensor_id_valid(text);
        if (good)
            memcpy(id, text, SENSOR_ID_LEN + 1);
        else
            settings_error_add(errors, "device.id", "%s does not hold 32 lower-case hex digits", path);
        free(text);
        return good;
    }
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        abort();
    ident_from_random(random, id);
    if (how->running)
        memcpy(id, how->running->id, SENSOR_ID_LEN + 1);
    if (!how->keep)
        return true;
    char line[SENSOR_ID_LEN + 2];
    int n = snprintf(line, sizeof line, "%s\n", id);
    mkdir(dir, 0750);
    err = err == -ENOENT ? files_write(path, line, (size_t)n, 0640) : err;
    if (err < 0) {
        settings_error_add(errors, "device.id", "cannot be kept in %s: %s; give device.id or another storage.path",
                           path, strerror(-err));
        return false;
    }
    log_note("device: %sits id is %s, kept in %s", how->running ? "" : "first start: ", id, path);
    return true;
}

/* Judge a tree and complete it with ids and storage.path; NULL with errors. */
static struct settings *complete(const cJSON *tree, const struct how *how, struct settings_errors *errors)
{
    struct settings *s = settings_parse_tree(tree, how->meters, errors, NULL);
    char id[SENSOR_ID_LEN + 1];

    if (!s)
        return NULL;
    if (!s->storage.path)
        s->storage.path = must(strdup(default_dir()));
    if (s->device.id)
        memcpy(id, s->device.id, sizeof id);
    else if (!device_id(s->storage.path, how, id, errors))
        goto fail;
    if (settings_derive_ids(s, id, errors) < 0)
        goto fail;
    return s;
fail:
    settings_free(s);
    return NULL;
}

/* storage.path of a tree, when that member alone is good; else NULL. */
static char *storage_of(const cJSON *tree)
{
    struct settings_errors errors = {0};
    char *path = NULL;

    settings_free(settings_parse_tree(tree, NULL, &errors, &path));
    settings_errors_free(&errors);
    return path;
}

/* Of the errors from `from` on, those that `known` has too go: the administrator's file has them by itself. */
static void drop_errors(struct settings_errors *e, size_t from, const struct settings_errors *known)
{
    size_t n = from;

    for (size_t i = from; i < e->n; i++) {
        const char *path = strstr(e->v[i].path, ": ") + 2;
        size_t k = 0;
        while (k < known->n && (strcmp(known->v[k].path, path) || strcmp(known->v[k].message, e->v[i].message)))
            k++;
        if (k == known->n) {
            e->v[n++] = e->v[i];
        } else {
            free(e->v[i].path);
            free(e->v[i].message);
            free(e->v[i].allowed);
        }
    }
    e->n = n;
}

/* ---- the saved layers ---- */

enum found { FOUND, MISSING, BAD, DENIED };

/* Read the nth saved layer. What is wrong with it is added to l->passed; but that it may not be read by who only checks
 * the settings is no fault of theirs. */
static enum found read_layer(struct settings_load *l, const char *dir, unsigned n, const struct how *how, cJSON **layer)
{
    char newest[PATH_MAX], path[PATH_MAX], *text;
    struct settings_errors errors = {0};
    size_t len;
    int err;

    in_dir(newest, dir, SETTINGS_SAVED);
    err = files_older(path, sizeof path, newest, n);
    if (!err)
        err = files_read(path, SETTINGS_TEXT_MAX, &text, &len);
    if (err == -ENOENT || err == -ENOTDIR)
        return MISSING;
    if (err == -EACCES && !how->keep) {
        settings_error_add(&l->warnings, path, "%s; the file is checked by itself", strerror(-err));
        return DENIED;
    }
    if (err < 0) {
        settings_error_add(&l->passed, strrchr(path, '/') + 1, "%s", strerror(-err));
        return BAD;
    }
    *layer = settings_text(text, len, &errors);
    free(text);
    if (*layer && !cJSON_IsObject(*layer)) {
        settings_error_add(&errors, "settings", "is no object");
        cJSON_Delete(*layer);
        *layer = NULL;
    }
    move_errors(&l->passed, &errors, strrchr(path, '/') + 1);
    return *layer ? FOUND : BAD;
}

/* Has any older layer been kept? */
static bool has_older(const char *dir)
{
    char newest[PATH_MAX], path[PATH_MAX];

    in_dir(newest, dir, SETTINGS_SAVED);
    for (unsigned n = 1; n <= SETTINGS_SAVED_KEPT; n++)
        if (files_older(path, sizeof path, newest, n) == 0 && access(path, F_OK) == 0)
            return true;
    return false;
}

/* The name of the nth layer's file. */
static const char *layer_name(unsigned n, char out[64])
{
    if (files_older(out, 64, SETTINGS_SAVED, n) < 0)
        *out = '\0';
    return out;
}

/* Take the layer if the whole is good with it. Else it is to blame for errors that the file alone does not have, which
 * *alone tells (they are found out when they are needed first). */
static bool try_layer(struct settings_load *l, cJSON *layer, unsigned n, const struct how *how)
{
    struct settings_errors errors = {0}, warnings = {0};
    cJSON *tree = settings_merge(l->file, layer, &warnings);
    char name[64];

    l->settings = complete(tree, how, &errors);
    cJSON_Delete(tree);
    if (l->settings) {
        l->saved = layer;
        l->layer = n;
        move_errors(&l->warnings, &warnings, layer_name(n, name));
        return true;
    }
    cJSON_Delete(layer);
    settings_errors_free(&warnings);
    move_errors(&l->passed, &errors, layer_name(n, name));
    return false;
}

/* A device that runs moves to a state directory without a layer: what people changed comes along, as its id does. */
static bool take_along(struct settings_load *l, const char *dir, const struct how *how)
{
    char path[PATH_MAX], *text;
    int err;

    if (!how->running || !how->running->saved || !how->running->saved->child || strcmp(how->running->storage, dir) == 0)
        return false;
    if (!try_layer(l, must(cJSON_Duplicate(how->running->saved, true)), 0, how))
        return false;
    in_dir(path, dir, SETTINGS_SAVED);
    text = must(cJSON_Print(l->saved));
    mkdir(dir, 0750);
    err = how->keep ? files_write(path, text, strlen(text), 0600) : 0;
    cJSON_free(text);
    if (err < 0)
        log_error("settings: what people changed cannot be kept in %s: %s", path, strerror(-err));
    else
        log_note("settings: what people changed comes along to %s", path);
    return true;
}

/* The file's tree with the newest saved layer that goes with it, or with none. A file that is wrong by itself may be
 * right with what people saved, with the newest only: the others are for layers that are wrong. */
static void with_layers(struct settings_load *l, const char *dir, const struct how *how, struct settings_errors *errors)
{
    struct settings *alone = complete(l->file, how, errors);
    bool took = false;
    char name[64];

    for (unsigned n = 0; n <= SETTINGS_SAVED_KEPT; n++) {
        cJSON *layer = NULL;
        enum found found = read_layer(l, dir, n, how, &layer);
        if (found == MISSING && n == 0) {
            if (!has_older(dir)) {
                took = take_along(l, dir, how);
                break;
            }
            settings_error_add(&l->passed, layer_name(0, name), "%s", strerror(ENOENT));
        }
        if (found == DENIED)
            break;
        if (found != FOUND)
            continue;
        size_t blamed = l->passed.n;
        took = try_layer(l, layer, n, how);
        if (took)
            break;
        if (!alone) {
            drop_errors(&l->passed, blamed, errors);
            break;
        }
    }
    if (took) {
        settings_free(alone);
        settings_errors_free(errors);
        return;
    }
    l->settings = alone;
    l->layer = SETTINGS_NO_LAYER;
}

/* ---- the administrator's file ---- */

static void last_good(struct settings_load *l, const char *storage, const struct meter_finder *meters)
{
    struct settings_errors errors = {0};
    char path[PATH_MAX], *text, *own = NULL;
    size_t len;

    in_dir(path, storage ? storage : default_dir(), LAST_GOOD);
    if (files_read(path, SETTINGS_TEXT_MAX, &text, &len) < 0)
        return;
    cJSON_Delete(l->file);
    settings_errors_free(&l->passed);
    l->file = settings_text(text, len, &errors);
    free(text);
    if (l->file) {
        own = storage_of(l->file);
        with_layers(l, own ? own : default_dir(), &(struct how){.keep = true, .meters = meters}, &errors);
        free(own);
    }
    l->last_good = l->settings != NULL;
    if (!l->settings)
        log_error("settings: %s is no good either: %s: %s", path, errors.v[0].path, errors.v[0].message);
    settings_errors_free(&errors);
}

/* Keep what is good, unless it stands there already (a flash wears). */
static void keep_good(const struct settings *s, const char *text, size_t len)
{
    char path[PATH_MAX], *old;
    size_t old_len;

    in_dir(path, s->storage.path, LAST_GOOD);
    if (files_read(path, SETTINGS_TEXT_MAX, &old, &old_len) == 0) {
        bool same = old_len == len && memcmp(old, text, len) == 0;
        free(old);
        if (same)
            return;
    }
    mkdir(s->storage.path, 0750);
    int err = files_write(path, text, len, 0600); /* it may hold device.key */
    if (err < 0)
        log_warn("settings: cannot keep the good ones in %s: %s", path, strerror(-err));
}

void settings_load(struct settings_load *l, const char *path, unsigned how, const struct settings_running *running,
                   const struct meter_finder *meters)
{
    const struct how h = {.keep = how & SETTINGS_KEEP, .running = running, .meters = meters};
    char *text = NULL, *storage = NULL;
    size_t len = 0;
    int err;

    *l = (struct settings_load){.layer = SETTINGS_NO_LAYER};
    err = files_read(path, SETTINGS_TEXT_MAX, &text, &len);
    if (err == -EFBIG)
        settings_error_add(&l->errors, path, "longer than %u bytes", SETTINGS_TEXT_MAX);
    else if (err < 0)
        settings_error_add(&l->errors, path, "%s", strerror(-err));
    else if ((l->file = settings_text(text, len, &l->errors))) {
        storage = storage_of(l->file);
        with_layers(l, storage ? storage : default_dir(), &h, &l->errors);
    }
    if (l->settings && h.keep)
        keep_good(l->settings, text, len);
    if (!l->settings && how & SETTINGS_LAST_GOOD)
        last_good(l, storage, meters);
    free(storage);
    free(text);
}

void settings_load_log(const struct settings_load *l)
{
    char name[64];

    for (size_t i = 0; i < l->errors.n; i++)
        log_error("settings: %s: %s", l->errors.v[i].path, l->errors.v[i].message);
    for (size_t i = 0; i < l->passed.n; i++)
        log_error("settings: %s: %s", l->passed.v[i].path, l->passed.v[i].message);
    for (size_t i = 0; i < l->warnings.n; i++)
        log_warn("settings: %s: %s", l->warnings.v[i].path, l->warnings.v[i].message);
    if (l->settings && l->last_good)
        log_warn("settings: running on the last good ones, kept in %s", l->settings->storage.path);
    if (l->settings && l->passed.n && l->layer != SETTINGS_NO_LAYER)
        log_warn("settings: what people changed is taken from %s", layer_name(l->layer, name));
    else if (l->settings && l->passed.n)
        log_warn("settings: nothing that people changed is in force");
}

const char *settings_load_reason(const struct settings_load *l, char out[SETTINGS_LOAD_REASON])
{
    const char *good = l->last_good ? "the file has errors; the last good settings are in force" : "";
    char name[64];

    if (!l->passed.n)
        snprintf(out, SETTINGS_LOAD_REASON, "%s", good);
    else if (l->layer == SETTINGS_NO_LAYER)
        snprintf(out, SETTINGS_LOAD_REASON, "%s%ssaved settings are bad, none are in force: %s: %s", good,
                 *good ? "; " : "", l->passed.v[0].path, l->passed.v[0].message);
    else
        snprintf(out, SETTINGS_LOAD_REASON, "%s%ssaved settings are bad, older ones (%s) are in force: %s: %s", good,
                 *good ? "; " : "", layer_name(l->layer, name), l->passed.v[0].path, l->passed.v[0].message);
    out[utf8_fit(out, SETTINGS_LOAD_REASON - 1)] = '\0';
    return out;
}

void settings_load_free(struct settings_load *l)
{
    settings_errors_free(&l->errors);
    settings_errors_free(&l->passed);
    settings_errors_free(&l->warnings);
    cJSON_Delete(l->file);
    cJSON_Delete(l->saved);
    l->file = l->saved = NULL;
}
