/* The client's own copy of a request of io/web, checked, and as libcurl's options.
 * It never starts a transfer, and its errors repeat no header and no more of the URL than the scheme. */
#ifndef IO_WEB_JOB_H
#define IO_WEB_JOB_H

#include "io/curl_load.h"
#include "io/web.h"

#define WEB_ERROR_MAX 512

struct web_job {
    char *url, *agent, *ca_file;
    char *host, *port; /* of the URL; a literal IPv6 address in brackets */
    bool tls;
    struct curl_slist *headers;
    char *body;
    size_t len;
};

/* Take a copy of r into j, which is all zero. WEB_NONE, or why it cannot be sent, with the words in error; j is to be
 * cleared after either. */
enum web_failure web_job_take(struct web_job *j, const struct curl *c, const struct web_request *r,
                              char error[WEB_ERROR_MAX]);

/* Set the options of easy; what libcurl keeps of j must outlive the transfer. 0, or not: an option that this libcurl
 * does not know, and none may be left out in silence. */
int web_job_set(const struct web_job *j, const struct curl *c, CURL *easy);

void web_job_clear(struct web_job *j, const struct curl *c);

#endif
