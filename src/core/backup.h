/* A backup of the device as a document: who it is, what people changed, what the administrator's file says, its
 * sensors' ids, and where each counter stands. It holds no secret but a sealed one, and no reading. What comes in is
 * trusted in nothing: settings are only looked at by whoever parses them.
 *
 *   {"fluksod_backup":1, "version":"0.1.0", "made_s":1764000000, "device_id":"<32 hex>",
 *    "saved":{…the saved layer…}, "file":{…the administrator's, without secrets and what only the file may say…},
 *    "ids":{"1":"<32 hex>", …by the sensor's number…},
 *    "counters":[{"id","source","raw","offset","before","time_s","swapped"}, …], "sealed":"<core/sealed.h>"}
 *
 * Counters are in thousandths of their unit; published is raw + offset. before, time_s and swapped stand there when
 * they say something. made_s is null where no clock was set, sealed is there when secrets were asked for. */
#ifndef CORE_BACKUP_H
#define CORE_BACKUP_H

#include "core/ledger.h"
#include "core/settings.h"
#include "core/util.h"

#include <stddef.h>
#include <stdint.h>

#define BACKUP_VERSION      1
#define BACKUP_COUNTERS_MAX 16000
#define BACKUP_IDS_MAX      1024
#define BACKUP_KEY_MAX      65                 /* bytes of a sensor's key with its end */
#define BACKUP_END          ((int64_t)1 << 53) /* counters are below, in thousandths: JSON's numbers are exact so far */

struct cJSON;
struct jsonw;

struct backup_id {
    char key[BACKUP_KEY_MAX]; /* the sensor's number */
    char id[SENSOR_ID_LEN + 1];
};

struct backup {
    char device_id[SENSOR_ID_LEN + 1];
    int64_t made_s;      /* 0: not known */
    struct cJSON *saved; /* owned, as the next two */
    struct cJSON *file;
    char *sealed; /* NULL: no secrets */
    struct backup_id *ids;
    size_t n_ids;
    struct ledger_saved *counters; /* without candidates; ids are distinct */
    size_t n_counters;
};

/* Read a document. 0, or -1 with errors, whose paths begin with prefix ("backup"). backup_free() in both cases. */
int backup_read(struct backup *b, const struct cJSON *doc, const char *prefix,
                struct settings_errors *errors) MUSTCHECK;
void backup_free(struct backup *b);

const struct backup_id *backup_id(const struct backup *b, const char *key);

/* ---- writing: open, then a piece at a time ---- */

/* All before the counters; their list is open then. made_s 0: not known. file is the administrator's tree as it is. */
void backup_open(struct jsonw *w, const struct settings *s, const struct cJSON *file, const struct cJSON *saved,
                 int64_t made_s);
void backup_put_counter(struct jsonw *w, const struct ledger_saved *c);
void backup_close(struct jsonw *w, const char *sealed);

/* ---- for core/restore ---- */

/* A list of counters as above into the struct. */
int backup_read_counters(struct ledger_saved **counters, size_t *n, const struct cJSON *list, const char *path,
                         struct settings_errors *errors) MUSTCHECK;

/* Does the object have only members of these names (a list that NULL ends), each once? -1 with errors. */
int backup_members(const struct cJSON *object, const char *const *names, const char *path,
                   struct settings_errors *errors) MUSTCHECK;

/* Take a member that is 32 lower-case hex digits. -1 with an error. */
int backup_read_id(char out[SENSOR_ID_LEN + 1], const struct cJSON *v, const char *path,
                   struct settings_errors *errors) MUSTCHECK;

#endif
