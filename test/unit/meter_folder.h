/* The models of conf/meters, for tests that run in the sources' folder and link core alone. */
#ifndef TEST_METER_FOLDER_H
#define TEST_METER_FOLDER_H

#include "core/meter_model.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METER_FOLDER "conf/meters"

/* How often a model was read. */
static unsigned meter_folder_finds;

static inline struct meter_model *meter_folder_find(void *ctx, const char *id, char error[METER_ERROR])
{
    static char text[METER_MODEL_TEXT_MAX];
    char path[sizeof METER_FOLDER + METER_MODEL_ID + 8];
    FILE *f;

    (void)ctx;
    meter_folder_finds++;
    snprintf(path, sizeof path, "%s/%s.json", METER_FOLDER, id);
    f = fopen(path, "rb");
    if (!f) {
        snprintf(error, METER_ERROR, "there is none in %s", METER_FOLDER);
        return NULL;
    }
    size_t len = fread(text, 1, sizeof text, f);
    fclose(f);
    return meter_model_parse(id, text, len, error);
}

static inline int meter_folder_filter(const struct dirent *e)
{
    return strstr(e->d_name, ".json") != NULL;
}

static inline void meter_folder_list(void *ctx, void (*each)(void *each_ctx, const char *id), void *each_ctx)
{
    struct dirent **names;
    int n = scandir(METER_FOLDER, &names, meter_folder_filter, alphasort);

    (void)ctx;
    for (int i = 0; i < n; i++) {
        *strrchr(names[i]->d_name, '.') = '\0';
        each(each_ctx, names[i]->d_name);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

static const struct meter_finder meter_folder = {.find = meter_folder_find, .list = meter_folder_list};

#endif
