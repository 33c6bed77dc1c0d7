/* Why a request of io/web failed, in a code and in plain words, from what libcurl and OpenSSL leave behind.
 * It never changes a transfer, and says nothing of headers, bodies or the URL's path. */
#ifndef IO_WEB_EXPLAIN_H
#define IO_WEB_EXPLAIN_H

#include "io/curl_load.h"
#include "io/web.h"
#include "io/web_job.h"
#include "io/web_reply.h"

/* What the client saw of the transfer. */
struct web_trace {
    const struct web_job *job;
    const struct web_reply *reply;
    const char *detail; /* libcurl's error buffer */
    bool opened;        /* a socket was opened: the name is known, and no kept connection was used */
    bool connected;     /* a socket of it came through to the server */
    bool stalled;       /* given up by the client after WEB_STALL_MS without a byte */
};

/* The failure of easy, which ended with code, and its words in error. */
enum web_failure web_explain(const struct curl *c, CURL *easy, CURLcode code, const struct web_trace *t,
                             char error[WEB_ERROR_MAX]);

#endif
