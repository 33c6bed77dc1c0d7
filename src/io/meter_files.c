#include "io/meter_files.h"

#include "core/util.h"
#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".json"

static char *model_path(const char *folder, const char *id)
{
    char *path;

    if (asprintf(&path, "%s/%s" SUFFIX, folder, id) < 0)
        abort();
    return path;
}

/* "there is none in A or B" */
static void say_none(const struct meter_files *f, char error[METER_ERROR])
{
    const char *first = f->folders[0], *second = f->folders[1];

    snprintf(error, METER_ERROR, "there is none in %s%s%s", first ? first : second, first ? " or " : "",
             first ? second : "");
}

/* False: there is no such file. */
static bool read_model(struct meter_model **model, const char *path, const char *id, char error[METER_ERROR])
{
    struct meter_model *m = NULL;
    char why[METER_ERROR], *text;
    size_t len;
    int err = files_read(path, METER_MODEL_TEXT_MAX, &text, &len);

    if (err == -ENOENT || err == -ENOTDIR)
        return false;
    if (err == -EFBIG) {
        snprintf(why, sizeof why, "longer than %d bytes", METER_MODEL_TEXT_MAX);
    } else if (err < 0) {
        snprintf(why, sizeof why, "%s", strerror(-err));
    } else {
        m = meter_model_parse(id, text, len, why);
        free(text);
    }
    /* what is wrong counts more than the folder: a long path loses its beginning */
    size_t room = METER_ERROR - 4 > strlen(why) ? METER_ERROR - 4 - strlen(why) : 0, n = strlen(path);
    if (!m)
        snprintf(error, METER_ERROR, "%s: %s", n > room ? path + n - room : path, why);
    *model = m;
    return true;
}

static struct meter_model *find(void *ctx, const char *id, char error[METER_ERROR])
{
    const struct meter_files *f = ctx;
    struct meter_model *m = NULL;
    bool found = false;

    say_none(f, error);
    if (!meter_model_id_valid(id))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(f->folders) && !found; i++) {
        char *path = f->folders[i] ? model_path(f->folders[i], id) : NULL;
        found = path && read_model(&m, path, id, error);
        free(path);
    }
    return m;
}

/* ---- the list ---- */

struct names {
    char (*v)[METER_MODEL_ID];
    size_t n;
};

static void add_folder(struct names *names, const char *folder)
{
    DIR *d = folder ? opendir(folder) : NULL;

    for (struct dirent *e; d && (e = readdir(d));) {
        size_t len = strlen(e->d_name), id_len = len - strlen(SUFFIX);
        char id[METER_MODEL_ID];
        if (len <= strlen(SUFFIX) || id_len >= sizeof id || strcmp(e->d_name + id_len, SUFFIX) != 0)
            continue;
        memcpy(id, e->d_name, id_len);
        id[id_len] = '\0';
        if (!meter_model_id_valid(id))
            continue;
        names->v = grown(names->v, names->n, sizeof *names->v);
        memcpy(names->v[names->n++], id, sizeof id);
    }
    if (d)
        closedir(d);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void list(void *ctx, void (*each)(void *each_ctx, const char *id), void *each_ctx)
{
    const struct meter_files *f = ctx;
    struct names names = {0};

    for (size_t i = 0; i < ARRAY_LEN(f->folders); i++)
        add_folder(&names, f->folders[i]);
    if (names.n)
        qsort(names.v, names.n, sizeof *names.v, by_name);
    for (size_t i = 0; i < names.n; i++)
        if (i == 0 || strcmp(names.v[i], names.v[i - 1]) != 0)
            each(each_ctx, names.v[i]);
    free(names.v);
}

void meter_files_init(struct meter_files *f, const char *settings_path, const char *shared)
{
    const char *slash = settings_path ? strrchr(settings_path, '/') : NULL;

    *f = (struct meter_files){.finder = {.find = find, .list = list, .ctx = f}};
    if (settings_path && asprintf(&f->folders[0], "%.*smeters", slash ? (int)(slash + 1 - settings_path) : 0,
                                  slash ? settings_path : "") < 0)
        abort();
    f->folders[1] = must(strdup(shared));
}

void meter_files_fini(struct meter_files *f)
{
    free(f->folders[0]);
    free(f->folders[1]);
    *f = (struct meter_files){.finder = {.find = NULL}};
}
