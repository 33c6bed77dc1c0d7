/* The inside of the backup service; only backup.c and restore*.c include it. */
#ifndef APP_BACKUP_IMPL_H
#define APP_BACKUP_IMPL_H

#include "app/app.h"
#include "core/restore.h"
#include "io/httpd.h"

#include <stdbool.h>
#include <uv.h>

#define BACKUP_BODY_MAX  4096
#define RESTORE_BODY_MAX (3u << 20) /* bytes: as many counters as there may be */

struct making;
struct restoring;

/* ---- restore_after.c: the second half of a restore, after the start that carried out the first ---- */

struct restore_after {
    struct app *app;
    bool due;                    /* there is one */
    bool kept;                   /* the ledger's counters are on the disk */
    bool cleared;                /* so are the broker's topics that were left behind */
    bool busy;                   /* the job runs */
    struct restore_flush *flush; /* under way, or NULL */
    struct restore plan;
    char *dir;
    size_t at; /* of the topics */
    uv_timer_t again;
    uv_work_t work;
    int err;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

void restore_after_init(struct restore_after *a, struct app *app);

/* Once, between the store's opening and the first reading. */
void restore_after_start(struct restore_after *a);
void restore_after_stop(struct restore_after *a);
void restore_after_close(struct restore_after *a, void (*closed)(void *ctx), void *ctx);

/* ---- the service ---- */

struct backup_service {
    struct app *app;
    struct making *making;       /* a backup: one at a time */
    struct restoring *restoring; /* likewise */
    uv_timer_t restart;          /* when the answer has gone */
    struct restore_after after;
    bool stopped;
    unsigned open; /* what close waits for */
    service_done done;
    void *done_ctx;
};

/* POST /api/v1/backup */
void backup_answer(void *ctx, const struct http_request *q, struct http_reply *r);

/* POST /api/v1/restore, and the verb that it starts */
void restore_answer(void *ctx, const struct http_request *q, struct http_reply *r);
int restore_start(void *self, job_handle j, const struct cJSON *args, char error[JOB_LINE]);

/* The service stops: what is being made comes to its end by itself. */
void backup_drop(struct backup_service *s);

/* A part of what close waits for has ended. */
void backup_part_closed(struct backup_service *s);

#endif
