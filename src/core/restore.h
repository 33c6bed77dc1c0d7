/* Restoring a backup: what becomes of this device's settings by it, and the plan that is written down before anything
 * is touched, so that a power cut leaves the old state or the new one. It judges and computes; files are others'
 * business.
 *
 *   backup ─┐
 *   file ───┴─ restore_settings() ─► saved layer, snapshot ─► plan ─ restore_write() ─► restore.json ─ restore_read()
 */
#ifndef CORE_RESTORE_H
#define CORE_RESTORE_H

#include "core/backup.h"
#include "core/secret.h"

#include <stdbool.h>

#define RESTORE_TEXT_MAX   (4u << 20) /* bytes of a plan */
#define RESTORE_LEAVES_MAX 256        /* sensors whose topics are cleared; those of more stay */

struct cJSON;

/* How a backup is to be restored, on which machine. */
struct restore_how {
    const struct cJSON *file;          /* the administrator's tree here */
    const char *storage_path;          /* of the settings in force */
    const struct meter_finder *meters; /* where models of meters come from; NULL: there are none */
    const char *new_id;                /* drawn: for as_new */
    bool as_new;    /* as another device: a new id, derived ids of sensors anew, counters from the start */
    bool new_board; /* the counters are another board's: they go on with its first readings */
};

/* What the plan says. */
struct restore {
    char device_id[SENSOR_ID_LEN + 1];
    struct cJSON *saved; /* the layer; owned, as all below */
    struct ledger_saved *counters;
    size_t n_counters;
    char *secrets[SECRETS];                    /* NULL: none; secret_check() let them pass */
    char leaves[SENSOR_ID_LEN + 1];            /* the device that this one was; "": it stays the same */
    char (*leaves_sensors)[SENSOR_ID_LEN + 1]; /* whose retained topics are to be cleared */
    size_t n_leaves_sensors;
};

/* Device id, layer and counters that make this machine the device of the backup: the administrator's file here goes
 * before the one of the backup, and what people changed before both; each sensor has the id it had. *next
 * (settings_free()) is what will be in force. 0, or -1 with errors. restore_free() in both cases. */
int restore_settings(struct restore *r, struct settings **next, const struct backup *b, const struct restore_how *how,
                     struct settings_errors *errors) MUSTCHECK;

/* Take secrets out of the text that was sealed: {"mqtt.password":"...", ...}. as_new: not the device's key. -1 with an
 * error that holds none of it. */
int restore_secrets(struct restore *r, const char *text, size_t len, bool as_new,
                    struct settings_errors *errors) MUSTCHECK;

/* Note which retained topics are left behind: of the device that `now` describes, as far as `next` does not go on. */
void restore_leave(struct restore *r, const struct settings *now, const struct settings *next);

/* The plan as a text of *len bytes; wipe and free it. secrets: with them. */
char *restore_write(const struct restore *r, bool secrets, size_t *len);

/* A plan as it was written. 0, or -1 with errors. restore_free() in both cases. */
int restore_read(struct restore *r, const char *text, size_t len, struct settings_errors *errors) MUSTCHECK;

void restore_free(struct restore *r);

#endif
