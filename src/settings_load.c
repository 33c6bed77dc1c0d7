#include "settings_load.h"

#include "core/ident.h"
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

#define DEFAULT_STATE_DIR "/var/lib/fluksod"
#define LAST_GOOD         "settings.good.json"
#define DEVICE_ID         "device.id"

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
    const char *running_id;
};

/* The device's id as it was drawn at first start, or a new one. False with an error when it cannot be kept: an id
 * that changes with each start would make a new device each time. */
static bool device_id(const char *dir, const struct how *how, char id[SENSOR_ID_LEN + 1],
                      struct settings_errors *errors)
{
    char path[PATH_MAX], *text;
    uint8_t random[16];
    size_t len;
    int err;

    in_dir(path, dir, DEVICE_ID);
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
    if (how->running_id)
        memcpy(id, how->running_id, SENSOR_ID_LEN + 1);
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
    log_note("device: %sits id is %s, kept in %s", how->running_id ? "" : "first start: ", id, path);
    return true;
}

/* Parse a text into a snapshot with ids and storage.path; NULL with errors. */
static struct settings *complete(const char *text, size_t len, const struct how *how, struct settings_errors *errors,
                                 char **storage)
{
    struct settings *s = settings_parse(text, len, errors, storage);
    char id[SENSOR_ID_LEN + 1];

    if (!s)
        return NULL;
    if (!s->storage.path) {
        s->storage.path = must(strdup(default_dir()));
    }
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

static struct settings *last_good(const char *storage)
{
    struct settings_errors errors = {0};
    char path[PATH_MAX], *text;
    struct settings *s;
    size_t len;

    in_dir(path, storage ? storage : default_dir(), LAST_GOOD);
    if (files_read(path, SETTINGS_TEXT_MAX, &text, &len) < 0)
        return NULL;
    s = complete(text, len, &(struct how){.keep = true}, &errors, NULL);
    if (!s)
        log_error("settings: %s is no good either: %s: %s", path, errors.v[0].path, errors.v[0].message);
    settings_errors_free(&errors);
    free(text);
    return s;
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

void settings_load(struct settings_load *l, const char *path, unsigned how, const char *running_id)
{
    const struct how h = {.keep = how & SETTINGS_KEEP, .running_id = running_id};
    char *text = NULL, *storage = NULL;
    size_t len = 0;
    int err;

    *l = (struct settings_load){0};
    err = files_read(path, SETTINGS_TEXT_MAX, &text, &len);
    if (err == -EFBIG)
        settings_error_add(&l->errors, path, "longer than %u bytes", SETTINGS_TEXT_MAX);
    else if (err < 0)
        settings_error_add(&l->errors, path, "%s", strerror(-err));
    else
        l->settings = complete(text, len, &h, &l->errors, &storage);
    if (l->settings && h.keep)
        keep_good(l->settings, text, len);
    if (!l->settings && how & SETTINGS_LAST_GOOD) {
        l->settings = last_good(storage);
        l->last_good = l->settings != NULL;
    }
    free(storage);
    free(text);
}

void settings_load_free(struct settings_load *l)
{
    settings_errors_free(&l->errors);
}
