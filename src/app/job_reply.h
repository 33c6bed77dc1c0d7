/* A job as the answer to what started it, or could not: the same for every route that starts one. */
#ifndef APP_JOB_REPLY_H
#define APP_JOB_REPLY_H

#include "core/jobs.h"

#define JOBS_PATH "/api/v1/jobs"

struct http_reply;

/* {"job":"j1"}, with an error (NULL: none) before it, and in Location where the job is to be seen. */
void job_reply(struct http_reply *r, unsigned status, const char *error, job_handle j);

#endif
