/* A change of settings as a whole: what a patch, or another saved layer, makes of those in force, or why it may not. It
 * is all that happens between asking and saving; nothing is saved and nothing comes in force here. */
#ifndef CORE_SETTINGS_CHANGE_H
#define CORE_SETTINGS_CHANGE_H

#include "core/settings.h"
#include "core/util.h"

#include <stdbool.h>

struct cJSON;

/* What a change starts from. */
struct settings_base {
    const struct cJSON *file;  /* the administrator's tree */
    const struct cJSON *saved; /* the saved layer; NULL: none */
    const struct settings
        *now;                  /* in force: what a restart would make of the two, ids derived, storage.path filled in */
    const struct cJSON *whole; /* settings_tree() of it */
    int board_minor;           /* of the board's hardware; -1: not known */
    const struct meter_finder *meters; /* where models of meters come from; NULL: there are none */
};

struct settings_change {
    struct settings *next; /* to come in force, complete as base.now is; settings_free() */
    struct cJSON *saved;   /* the layer that a restart makes it of; cJSON_Delete() */
    bool same;             /* the layer is what it was: nothing is to be saved */
};

/* The change that a patch is, with what saving adds (core/settings_rules.h). 0, or -1 with errors, whose indices count
 * sensors by their number, as people see them. */
int settings_change_patch(struct settings_change *c, const struct settings_base *base, const struct cJSON *patch,
                          struct settings_errors *errors) MUSTCHECK;

/* The change to another saved layer. */
int settings_change_layer(struct settings_change *c, const struct settings_base *base, const struct cJSON *saved,
                          struct settings_errors *errors) MUSTCHECK;

void settings_change_free(struct settings_change *c);

#endif
