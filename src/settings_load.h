/* Settings from the disk to a snapshot that can run: the administrator's file, over it the saved layer, the device's
 * own id; the good file is kept. It never changes the administrator's file, nor a saved layer.
 *
 *   fluksod.json                        the administrator's; a bad one: settings.good.json, the last that was good
 *   settings.saved.json                 what people changed; a bad one: settings.saved.1.json … .5.json, then none */
#ifndef SETTINGS_LOAD_H
#define SETTINGS_LOAD_H

#include "core/settings.h"

#include <stdbool.h>

struct settings_load {
    struct settings *settings;       /* NULL: nothing to run on; owned by the caller */
    bool last_good;                  /* the file is bad: these are the last effective settings that were good */
    struct settings_errors errors;   /* of the administrator's file */
    struct settings_errors passed;   /* of saved layers that were passed over; paths begin with the file's name */
    struct settings_errors warnings; /* what the saved layer says in vain; likewise */
    struct cJSON *file, *saved;      /* what the settings were made of; saved NULL: of no layer */
    unsigned layer;                  /* which of the saved layers: 0 the newest; SETTINGS_NO_LAYER: none */
};

#define SETTINGS_NO_LAYER 6

enum settings_load_how {
    SETTINGS_CHECK = 0,     /* leave no trace */
    SETTINGS_KEEP = 1,      /* keep a device id that is new, and the text as the last good one */
    SETTINGS_LAST_GOOD = 2, /* a bad file falls back to the last good settings */
};

/* What a device that runs takes along to another storage.path. */
struct settings_running {
    const char *id, *storage;  /* storage: the storage.path in force */
    const struct cJSON *saved; /* the saved layer, or NULL */
};

/* Read and check path, and the saved layer in the state directory that it names. Errors are in l; storage.path is
 * filled in. running: NULL at start, when a new id is drawn if there is none. meters: where models of meters come from.
 */
void settings_load(struct settings_load *l, const char *path, unsigned how, const struct settings_running *running,
                   const struct meter_finder *meters);

/* Log all that was found wrong, and what is used in its place. */
void settings_load_log(const struct settings_load *l);

/* Why the settings that were found are not all that they should be, for people; "" when they are. */
#define SETTINGS_LOAD_REASON 160
const char *settings_load_reason(const struct settings_load *l, char out[SETTINGS_LOAD_REASON]);

void settings_load_free(struct settings_load *l); /* all but l->settings; the trees too, unless they are NULL by then */

#endif
