/* One call of the management API, over the gateway's Unix socket or to a URL, and what its answer means to people.
 * It never tries again, never follows a redirect, and sends a token to nobody but the URL given. */
#ifndef CTL_CALL_H
#define CTL_CALL_H

#include "core/util.h"

#include <stddef.h>
#include <stdio.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>

struct ctl;

struct answer {
    int status; /* of HTTP */
    char *body; /* terminated; what was saved to a file is not here */
    size_t len;
    cJSON *json;   /* the body as a tree; NULL: it is none */
    char job[32];  /* X-Job: what the gateway does because of this call; "" */
    double saved;  /* bytes written to a file */
    CURLcode code; /* how the transport went */
    char why[CURL_ERROR_SIZE];
};

void answer_free(struct answer *a);

/* The call. body: sent as JSON, or NULL: none. Returns CTL_OK when the answer is a success (2xx); otherwise an enum
 * ctl_exit, and people know why (with c->json, scripts have the answer on standard output). *a is valid in each case.
 */
int call(const struct ctl *c, const char *method, const char *path, const cJSON *body, struct answer *a) MUSTCHECK;

/* The same, the body of a success goes to file; CTL_REFUSED when that fails. */
int call_save(const struct ctl *c, const char *method, const char *path, const cJSON *body, FILE *file,
              struct answer *a) MUSTCHECK;

/* The same as call(), but nobody is told anything: CTL_REFUSED is any status but 2xx. */
int call_quietly(const struct ctl *c, const char *method, const char *path, const cJSON *body,
                 struct answer *a) MUSTCHECK;

/* For scripts: the answer as it came. Returns CTL_OK. */
int call_print(const struct answer *a);

/* Tell why an answer is no success. Returns CTL_REFUSED. */
int call_explain(const struct ctl *c, const struct answer *a);

/* "/api/v1/tokens/" and a name, percent-encoded; free it. */
char *call_path(const char *prefix, const char *name);

/* What calls and streams share: a handle for this request (curl_easy_cleanup() it before *headers, by
 * curl_slist_free_all()), or NULL: people know why. errors: CURL_ERROR_SIZE bytes that live as long as the handle. */
CURL *call_handle(const struct ctl *c, const char *path, char *errors, struct curl_slist **headers);

/* Tell why nobody was reached, and what to do about it. Returns CTL_UNREACHABLE. */
int call_unreachable(const struct ctl *c, CURLcode code, const char *errors);

#endif
