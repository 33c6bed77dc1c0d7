#include "app/restore_files.h"

#include "app/secrets.h"
#include "core/ident.h"
#include "core/restore.h"
#include "core/settings_merge.h"
#include "io/files.h"
#include "io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <openssl/crypto.h>

#define PLAN     "restore.json"
#define COUNTERS "restore.counters.json"

static void in_dir(char out[PATH_MAX], const char *dir, const char *file)
{
    if (snprintf(out, PATH_MAX, "%s/%s", dir, file) >= PATH_MAX)
        out[0] = '\0'; /* which no file has for a name */
}

static int drop(const char *dir, const char *file)
{
    char path[PATH_MAX];
    int fd, err;

    in_dir(path, dir, file);
    if (unlink(path) < 0)
        return errno == ENOENT ? 0 : -errno;
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    err = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return err;
}

static int write_plan(const char *dir, const char *file, const struct restore *r, bool secrets)
{
    char path[PATH_MAX];
    size_t len;
    char *text = restore_write(r, secrets, &len);

    in_dir(path, dir, file);
    int err = files_write(path, text, len, 0600);
    OPENSSL_cleanse(text, len);
    free(text);
    return err;
}

int restore_stage(const char *dir, const struct restore *r)
{
    mkdir(dir, 0750);
    return write_plan(dir, PLAN, r, true);
}

/* ---- carrying out ---- */

/* A flash wears, and older layers are few: what stands there already is not written again. */
static bool is_there(const char *path, const char *text, size_t len)
{
    char *old;
    size_t old_len;

    if (files_read(path, SETTINGS_TEXT_MAX, &old, &old_len) < 0)
        return false;
    bool same = old_len == len && memcmp(old, text, len) == 0;
    OPENSSL_cleanse(old, old_len);
    free(old);
    return same;
}

static int put_secrets(const char *dir, const struct restore *r)
{
    char path[PATH_MAX];
    int err = 0;

    in_dir(path, dir, SECRETS_FOLDER);
    for (int i = 0; i < SECRETS && !err; i++) {
        size_t len = r->secrets[i] ? strlen(r->secrets[i]) : 0;
        char file[64];
        if (!len)
            continue;
        in_dir(path, dir, SECRETS_FOLDER);
        mkdir(path, 0700);
        snprintf(file, sizeof file, SECRETS_FOLDER "/%s", secret_name((enum secret)i));
        in_dir(path, dir, file);
        err = is_there(path, r->secrets[i], len) ? 0 : files_write(path, r->secrets[i], len, 0600);
    }
    return err;
}

static int put_layer(const char *dir, const struct restore *r)
{
    char path[PATH_MAX], *printed = must(cJSON_Print(r->saved)), *text;
    int len = asprintf(&text, "%s\n", printed), err = 0;

    if (len < 0)
        abort();
    cJSON_free(printed);
    in_dir(path, dir, SETTINGS_SAVED);
    if (!is_there(path, text, (size_t)len))
        err = files_save(path, text, (size_t)len, 0600, SETTINGS_SAVED_KEPT);
    free(text);
    return err;
}

static int put_id(const char *dir, const struct restore *r)
{
    char path[PATH_MAX], line[SENSOR_ID_LEN + 2];
    int len = snprintf(line, sizeof line, "%s\n", r->device_id);

    in_dir(path, dir, IDENT_FILE);
    return is_there(path, line, (size_t)len) ? 0 : files_write(path, line, (size_t)len, 0640);
}

/* In an order in which a disk that is full shows itself before who the device is changes. */
static int put_all(const char *dir, const struct restore *r)
{
    int err = write_plan(dir, COUNTERS, r, false);

    if (!err)
        err = put_secrets(dir, r);
    if (!err)
        err = put_layer(dir, r);
    if (!err)
        err = put_id(dir, r);
    return err ? err : drop(dir, PLAN);
}

/* The plan in a file of this name; false: there is none that can be used, and one that cannot is dropped. */
static bool read_plan(const char *dir, const char *file, struct restore *r)
{
    struct settings_errors errors = {0};
    char path[PATH_MAX], *text;
    size_t len;

    in_dir(path, dir, file);
    int err = files_read(path, RESTORE_TEXT_MAX, &text, &len);
    if (err < 0) {
        if (err != -ENOENT)
            log_error("restore: %s: %s", path, strerror(-err));
        return false;
    }
    bool good = restore_read(r, text, len, &errors) == 0;
    OPENSSL_cleanse(text, len);
    free(text);
    if (!good) {
        log_error("restore: %s is dropped: %s: %s", path, errors.v[0].path, errors.v[0].message);
        restore_free(r);
        (void)!drop(dir, file);
    }
    settings_errors_free(&errors);
    return good;
}

bool restore_carry_out(const char *dir)
{
    struct restore r;

    if (!read_plan(dir, PLAN, &r))
        return false;
    int err = put_all(dir, &r);
    if (err)
        log_error("restore: the backup is not restored in full: %s: %s; tried again at the next start", dir,
                  strerror(-err));
    else
        log_note("restore: the backup is restored: this is device %s", r.device_id);
    restore_free(&r);
    return true;
}

bool restore_left(const char *dir, struct restore *r)
{
    char path[PATH_MAX];
    struct stat st;

    in_dir(path, dir, PLAN);
    if (lstat(path, &st) == 0)
        return false; /* the first half is not done */
    return read_plan(dir, COUNTERS, r);
}

int restore_forget(const char *dir)
{
    return drop(dir, COUNTERS);
}
