#include "app/job_reply.h"

#include "core/jsonw.h"
#include "io/httpd.h"

#include <stdio.h>

void job_reply(struct http_reply *r, unsigned status, const char *error, job_handle j)
{
    char id[JOB_ID], location[sizeof JOBS_PATH + JOB_ID];
    struct jsonw w;

    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    if (error)
        jsonw_str(&w, "error", error);
    jsonw_str(&w, "job", job_id(j, id));
    jsonw_close(&w, '}');
    jsonw_raw(&w, "\n", 1);
    http_json(r, status, w.buf, w.len);
    snprintf(location, sizeof location, "%s/%s", JOBS_PATH, id);
    http_header_add(r, "Location", location);
}
