/* Jobs: what people start and what takes its time, as a table of verbs and one of jobs with lines, percent and result.
 * It never does the work: the service that owns a verb does, and ends its job later, by handle.
 *
 *   jobs_start() ─► RUNNING ─┬─► DONE, FAILED   jobs_end(), by the owner
 *                            └─► CANCELLED      jobs_cancel(); what the owner says after that is counted and ignored
 *
 * Of each verb one job runs at a time. An ended one is kept for ten minutes, or until its place is needed. */
#ifndef CORE_JOBS_H
#define CORE_JOBS_H

#include "core/stats.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOBS_MAX   16
#define JOBS_VERBS 16
#define JOBS_KEEP  600000 /* ms that an ended job is kept */
#define JOB_LINES  64     /* the newest; older ones go */
#define JOB_LINE   160    /* bytes of a line or an error, the terminating zero among them; the rest is cut off */
#define JOB_ID     12     /* bytes of an id, likewise */
#define JOBS_EYES  4      /* who looks on */

struct cJSON;
struct jsonw;

typedef uint32_t job_handle; /* 0: no job; the number of a job never comes again */

enum job_state { JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

/* Why something was not done. */
enum jobs_why {
    JOBS_OK,
    JOBS_UNKNOWN, /* no such verb or job */
    JOBS_RUNNING, /* the verb's job runs */
    JOBS_FULL,    /* all places are taken by jobs that run */
    JOBS_REFUSED, /* by the verb's owner, with its reason */
    JOBS_ENDED,   /* the job has ended already */
    JOBS_FIXED    /* a job of this verb cannot be cancelled */
};

/* A moment: monotonic milliseconds, and the Unix second (0: not known). */
struct job_time {
    int64_t mono_ms, unix_s;
};

/* What can be started, as its owner offers it. Texts are static. */
struct verb {
    const char *name;
    const char *path; /* of POST, which starts it: "/api/v1/sync"; NULL: only services start it */
    /* Begin; lines and the end may come from inside. args: the caller's object, or NULL. 0, or negative with the reason
     * in error: there is no job then. */
    int (*start)(void *self, job_handle j, const struct cJSON *args, char error[JOB_LINE]);
    void (*cancel)(void *self, job_handle j); /* leave it be: the job has ended. NULL: it cannot be cancelled */
    void *self;
};

struct job {
    job_handle handle;
    const struct verb *verb; /* the table's */
    enum job_state state;
    bool quiet;  /* its start has not returned yet: nobody is told */
    int percent; /* 0 .. 100 */
    char *lines[JOB_LINES];
    size_t n_lines;
    char *result; /* JSON text; NULL: none */
    struct job_time started, ended;
};

/* Something of the job changed: it started, said a line, got on, ended. It must not start or end one. */
typedef void (*jobs_cb)(void *ctx, const struct job *j);

struct jobs {
    struct verb verbs[JOBS_VERBS];
    size_t n_verbs;
    struct job *v[JOBS_MAX]; /* in the order of their start */
    size_t n;
    job_handle last;
    struct {
        jobs_cb cb;
        void *ctx;
    } eyes[JOBS_EYES];
    size_t n_eyes;
    uint64_t started, refused, late; /* late: said of a job that had ended */
};

void jobs_init(struct jobs *js);
void jobs_fini(struct jobs *js);

/* Offer a verb; *v is copied. Look on at all jobs from now on. Too many of either abort: their number is known when the
 * program is written. */
void jobs_add_verb(struct jobs *js, const struct verb *v);
void jobs_watch(struct jobs *js, jobs_cb cb, void *ctx);
void jobs_unwatch(struct jobs *js, const void *ctx);

/* Start a verb's job. JOBS_OK; or JOBS_UNKNOWN, JOBS_RUNNING, JOBS_FULL or JOBS_REFUSED, with words for people in
 * error. *j is the job that started, with JOBS_RUNNING the one that runs, else 0. */
enum jobs_why jobs_start(struct jobs *js, struct job_time now, const char *verb, const struct cJSON *args,
                         job_handle *j, char error[JOB_LINE]);

/* The owner's: a line (one line of text), how far it is, its end. result: malloc()ed JSON text that the job owns from
 * now on, or NULL. Of a job that has ended or is gone they are counted and ignored. */
void jobs_line(struct jobs *js, job_handle j, const char *fmt, ...) PRINTF_LIKE(3, 4);
void jobs_percent(struct jobs *js, job_handle j, int percent);
void jobs_end(struct jobs *js, struct job_time now, job_handle j, enum job_state state, char *result);

/* Cancel it, whatever its owner does. JOBS_OK, JOBS_UNKNOWN, JOBS_ENDED or JOBS_FIXED. */
enum jobs_why jobs_cancel(struct jobs *js, struct job_time now, job_handle j);

/* Drop what ended more than ten minutes ago: before jobs are looked at. */
void jobs_expire(struct jobs *js, int64_t mono_ms);

/* A job by its handle, or by its id ("j1"); NULL: there is none (any more). Until something is started or dropped. */
const struct job *jobs_get(const struct jobs *js, job_handle j);
const struct job *jobs_find(const struct jobs *js, const char *id);

/* The id of a job. */
const char *job_id(job_handle j, char id[JOB_ID]);

/* As an object: with its lines and result, or (whole false, for events) with its last line as `line`. */
void job_write(const struct job *j, bool whole, struct jsonw *w);

/* "running", "done", "failed", "cancelled". */
const char *job_state_name(enum job_state s);

/* A stats_fn. */
void jobs_stats(void *jobs, stat_emit emit, void *ctx);

#endif
