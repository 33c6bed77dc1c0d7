/* What the jobs on buses share (verbs bus-scan, bus-read): the line that they work on, one ask after the other, the
 * end. A line of the settings goes on with its meters' seconds; another is opened for the job alone. */
#ifndef APP_BUS_JOB_H
#define APP_BUS_JOB_H

#include "app/app.h"
#include "app/buses.h"
#include "core/meter_model.h"

struct cJSON;
struct jsonw;

#define BUS_JOB_OPEN_MS 15000 /* a line that does not open by then fails */
#define BUS_JOB_ASK_MS  60000 /* a bus that leaves no room for an ask in that time is full */

/* First member of what a verb keeps. */
struct bus_job {
    struct app *app;
    void *owner; /* service_bus_jobs, while it closes */
    job_handle job;
    bool running, borrowed;
    char bus[BUS_KEY];
    bool serial;         /* it has a speed */
    struct mb_line line; /* texts are not ours: of no use but at the start */
    uint64_t ask;
    int64_t open_by_ms;
    bus_answer_cb answered;            /* ctx is the struct bus_job */
    void (*ready)(struct bus_job *j);  /* the line is open */
    void (*halted)(struct bus_job *j); /* it has ended, whichever way: forget what it had */
    uv_timer_t timer;
};

/* Which line: "bus", "device" or "tcp" of the arguments, with "baud" and the like of a device. 0, or -1 with the reason
 * in error. It is not opened yet. */
int bus_job_line(struct bus_job *j, const struct cJSON *args, char error[JOB_LINE]) MUSTCHECK;

/* The same by the key of a bus of the settings. */
int bus_job_bus(struct bus_job *j, const char *key, char error[JOB_LINE]) MUSTCHECK;

/* Run as job `handle`; ready() comes later. 0, or -1 with the reason in error. */
int bus_job_begin(struct bus_job *j, job_handle handle, char error[JOB_LINE]) MUSTCHECK;

/* Ask; answered() comes later, or the job fails. */
void bus_job_ask(struct bus_job *j, const struct mb_ask *a);

/* The end: with its result (JSON text in w, whose memory the job takes), or with a reason. */
void bus_job_done(struct bus_job *j, struct jsonw *w);
void bus_job_fail(struct bus_job *j, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* It was cancelled, or the daemon stops. */
void bus_job_halt(struct bus_job *j);

/* ---- arguments: 0, or -1 with the reason in error; one that is not given leaves *out alone ---- */

int bus_arg_int(const struct cJSON *args, const char *name, int min, int max, int *out, char error[JOB_LINE]) MUSTCHECK;

/* Also as text: "0x0034". */
int bus_arg_address(const struct cJSON *args, const char *name, int *out, char error[JOB_LINE]) MUSTCHECK;

/* Seconds, to milliseconds. */
int bus_arg_timeout(const struct cJSON *args, int *ms, char error[JOB_LINE]) MUSTCHECK;

/* A text of the arguments that must be one; NULL: it is not given. */
int bus_arg_text(const struct cJSON *args, const char *name, const char **out, char error[JOB_LINE]) MUSTCHECK;

/* Nothing but these members (the last one NULL) is in the arguments. */
int bus_args_known(const struct cJSON *args, const char *const *names, char error[JOB_LINE]) MUSTCHECK;

/* A speed that a line can have; 0: it is none (core/mb_speed.h). */
int bus_baud_of(const struct cJSON *x);

/* 'N', 'E' or 'O' of a text; 0: it is none of them. */
char bus_parity_of(const char *text);

/* A model that the caller owns; NULL with the reason in error. */
struct meter_model *bus_job_model(struct app *app, const char *id, char error[JOB_LINE]) MUSTCHECK;

/* ---- the verbs: each adds its own; freed as what it is the first member of, once its timer is closed ---- */

struct bus_job *bus_read_new(struct app *app);
struct bus_job *bus_scan_new(struct app *app);

#endif
