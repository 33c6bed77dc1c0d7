/* Settings from a file to a snapshot that can run: parsed, with the device's own id, the good one kept.
 * It never changes the administrator's file. */
#ifndef SETTINGS_LOAD_H
#define SETTINGS_LOAD_H

#include "core/settings.h"

#include <stdbool.h>

struct settings_load {
    struct settings *settings; /* NULL: nothing to run on; owned by the caller */
    bool last_good;            /* the file is bad: these are the last effective settings that were good */
    struct settings_errors errors;
};

enum settings_load_how {
    SETTINGS_CHECK = 0,     /* leave no trace */
    SETTINGS_KEEP = 1,      /* keep a device id that is new, and the text as the last good one */
    SETTINGS_LAST_GOOD = 2, /* a bad file falls back to the last good settings */
};

/* Read and check path. Errors are in l->errors; storage.path is filled in. running_id: the id of a device that runs
 * already, which it takes along to a new storage.path; NULL at start, when a new one is drawn. */
void settings_load(struct settings_load *l, const char *path, unsigned how, const char *running_id);

void settings_load_free(struct settings_load *l); /* all but l->settings */

#endif
