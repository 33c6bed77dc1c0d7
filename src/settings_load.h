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

/* Read and check path. With `keep`, the device id is drawn and kept where it is new, a good text is kept as the last
 * good one, and a bad file falls back to it (use_last_good). Errors are in l->errors; storage.path is filled in. */
void settings_load(struct settings_load *l, const char *path, bool keep, bool use_last_good);

void settings_load_free(struct settings_load *l); /* all but l->settings */

#endif
