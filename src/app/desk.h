/* The desk: where settings are changed while the daemon runs. A patch is merged into the saved layer, judged, saved by
 * a pool job and only then brought in force. It never touches the administrator's file, and never does two at a time.
 *
 *   desk_patch() ─► waiting (8) ─► merged, judged ─► saved in a pool job ─► in force ─► done(0)
 *                                        └─► done(DESK_INVALID), done(DESK_STALE)
 *
 * done is called once for each desk_patch() and desk_replace(), from the loop, never from within the call itself. */
#ifndef APP_DESK_H
#define APP_DESK_H

#include "core/settings.h"

#include <stdbool.h>

struct app;
struct cJSON;
struct desk;

#define DESK_WAITING 8 /* changes that wait; one more is DESK_BUSY */

/* What became of a change; 0: it is in force, or changed nothing. */
enum desk_status {
    DESK_INVALID = -1, /* errors say why; nothing was changed */
    DESK_BUSY = -2,    /* too many wait, or the daemon stops */
    DESK_STALE = -3,   /* the settings are no longer those of the etag; nothing was changed */
    DESK_DISK = -4     /* it cannot be saved, errors say why; nothing was changed */
};

/* errors are valid until it returns; empty but for DESK_INVALID and DESK_DISK. */
typedef void (*desk_done)(void *ctx, int status, const struct settings_errors *errors);

/* Merge a patch (JSON Merge Patch; core/settings_merge.h) into the saved layer. It is copied. etag: NULL, or what
 * If-Match said. */
void desk_patch(struct desk *d, const struct cJSON *patch, const char *etag, desk_done done, void *ctx);

/* The same with a whole saved layer in place of the present one: restore. */
void desk_replace(struct desk *d, const struct cJSON *saved, desk_done done, void *ctx);

/* What desk_patch() would say, at once: 0 or DESK_INVALID with errors. *effective (or NULL) is then a new tree: the
 * settings as they would be. Nothing is changed. */
int desk_check(struct desk *d, const struct cJSON *patch, struct settings_errors *errors, struct cJSON **effective);

/* The settings in force by what they say, quoted as HTTP wants it. Valid until they change. */
const char *desk_etag(const struct desk *d);

/* The settings in force as a new tree: defaults filled in, ids derived, secrets left out, keyed lists by number. */
struct cJSON *desk_effective(const struct desk *d);

/* The saved layer as a new tree; {} when there is none. */
struct cJSON *desk_saved(const struct desk *d);

/* The administrator's file as a new tree, secrets and all: not to be shown. */
struct cJSON *desk_file(const struct desk *d);

/* In a done that says 0: the id of the job ("j1") that brings what changed to board and server (S6); else "". */
const char *desk_job(const struct desk *d);

/* ---- the gateway's ---- */

/* Bring the next snapshot in force; takes it. */
typedef void (*desk_take)(void *ctx, struct settings *next);

/* A save has ended: what waited for it (a reload) may go on. */
typedef void (*desk_idle)(void *ctx);

struct desk *desk_new(struct app *app, desk_take take, desk_idle idle, void *ctx);

/* What was read from the disk and is in force from now on (app->settings): the administrator's tree and the saved layer
 * (NULL: none). Takes both. Not while desk_saving(). */
void desk_loaded(struct desk *d, struct cJSON *file, struct cJSON *saved);

/* A save is under way: what is on the disk and what is in force differ for a moment. */
bool desk_saving(const struct desk *d);

/* All that wait get DESK_BUSY at once, and what comes from now on. */
void desk_stop(struct desk *d);

/* After desk_stop(): call cb once the last save has ended, and free it. */
void desk_close(struct desk *d, void (*cb)(void *ctx), void *ctx);

#endif
