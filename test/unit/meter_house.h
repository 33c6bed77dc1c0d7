/* All models in conf/meters, for tests that run in the source's folder. */
#ifndef TEST_METER_HOUSE_H
#define TEST_METER_HOUSE_H

#include "core/meter_model.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUSE_MAX 64

static struct meter_model *house[HOUSE_MAX];
static size_t n_house;

static struct meter_model *house_read(const char *path)
{
    static char text[METER_MODEL_TEXT_MAX];
    char id[METER_MODEL_ID], error[METER_ERROR];
    FILE *f = fopen(path, "rb");

    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    const char *name = strrchr(path, '/') + 1;
    snprintf(id, sizeof id, "%.*s", (int)(strlen(name) - strlen(".json")), name);
    struct meter_model *m = meter_model_parse(id, text, n, error);
    if (!m)
        fail_msg("%s: %s", path, error);
    return m;
}

static int house_setup(void **state)
{
    glob_t g;

    (void)state;
    assert_int_equal(glob("conf/meters/*.json", 0, NULL, &g), 0);
    assert_true(g.gl_pathc <= HOUSE_MAX);
    for (n_house = 0; n_house < g.gl_pathc; n_house++)
        house[n_house] = house_read(g.gl_pathv[n_house]);
    globfree(&g);
    return 0;
}

static int house_teardown(void **state)
{
    (void)state;
    while (n_house > 0)
        meter_model_free(house[--n_house]);
    return 0;
}

static inline const struct meter_model *house_find(const char *id)
{
    for (size_t i = 0; i < n_house; i++)
        if (strcmp(house[i]->id, id) == 0)
            return house[i];
    fail_msg("no model %s", id);
    return NULL;
}

#endif
