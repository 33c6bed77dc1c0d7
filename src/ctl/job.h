/* A job of the gateway's: followed to its end, with its lines and its progress.
 * It never outlives what asked for it: a signal cancels a job that this program has started. */
#ifndef CTL_JOB_H
#define CTL_JOB_H

#include "core/util.h"
#include "ctl/say.h"

#include <stdbool.h>

#include <cjson/cJSON.h>

struct answer;
struct ctl;

/* Start the verb ("sync") with this body (or NULL) and follow it; when it runs already, follow that one. lines: what
 * the job says is printed, else it is seen only while it lasts. *end is the job as it was at its end (cJSON_Delete(),
 * NULL: not known). Returns CTL_OK when it ended well. */
int job_run(const struct ctl *c, const char *verb, const cJSON *body, bool lines, cJSON **end) MUSTCHECK;

/* The same, but only a job of our own will do: while another is at work, ask again for wait_s seconds, then say so and
 * return CTL_REFUSED. With c->quiet, *end is then what the gateway said. */
int job_run_own(const struct ctl *c, const char *verb, const cJSON *body, double wait_s, bool lines,
                cJSON **end) MUSTCHECK;

/* Why a job of ours came to nothing: what its result, its last line or its state says; free it. */
char *job_why(const cJSON *end);

/* For scripts: the job as it is, on a line. */
void job_print(const cJSON *job);

/* Follow a job that is there. ours: cancel it at SIGINT or SIGTERM, which then end this program. */
int job_follow(const struct ctl *c, const char *id, bool ours, bool lines, cJSON **end) MUSTCHECK;

/* The id that an answer names: {"job":"j1"}. NULL: none. */
const char *job_of(const struct answer *a);

/* Monotonic seconds. */
double job_clock(void);

/* Wait until a gateway answers that was started after `since`, as job_clock() had it. */
int job_wait_for_restart(const struct ctl *c, double since) MUSTCHECK;

/* How a part of a result went: {"ok", "code", ...} of a sync, where not done (a negative code) is no failure, or
 * {"result": "ok", "fail" or "skip", ...} of a self-test. */
enum job_verdict { JOB_NO_VERDICT, JOB_GOOD, JOB_NOT_DONE, JOB_BAD };
enum job_verdict job_verdict(const cJSON *part);
const char *job_verdict_text(enum job_verdict v);
enum say_colour job_verdict_colour(enum job_verdict v);

/* A line for each part of a result, and for each sensor in it that failed: did it work, and what is there to say. */
void job_results(const cJSON *result);

/* The names of the parts that failed, as words; free it. NULL: none. */
char *job_failed(const cJSON *result);

#endif
