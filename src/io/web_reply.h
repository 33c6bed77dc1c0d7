/* What came of an answer so far, filled by libcurl's callbacks.
 * It never keeps more than WEB_BODY_MAX bytes of body and WEB_HEADER_MAX of a header. */
#ifndef IO_WEB_REPLY_H
#define IO_WEB_REPLY_H

#include "io/curl_load.h"
#include "io/web.h"

struct web_reply {
    char *header[WEB_HEADERS];
    char *body; /* NULL: none came; else a zero follows its len bytes */
    size_t len, room;
    bool answering; /* a line of it came */
    bool headed;    /* the empty line behind the headers came */
    bool too_long;  /* its body is, and was cut off */
};

/* Make easy fill r, which is all zero. 0, or not, as web_job_set(). */
int web_reply_set(struct web_reply *r, const struct curl *c, CURL *easy);

void web_reply_clear(struct web_reply *r);

#endif
