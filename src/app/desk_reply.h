/* What became of a change (app/desk.h) as an HTTP answer: the same for every route that changes settings. */
#ifndef APP_DESK_REPLY_H
#define APP_DESK_REPLY_H

#include "core/settings.h"

struct app;
struct cJSON;
struct desk;
struct http_reply;
struct http_request;

/* {"error":"2 errors","errors":[{"path","message","allowed"}]} with this HTTP status. */
void desk_reply_errors(struct http_reply *r, unsigned status, const struct settings_errors *errors);

/* The answer to a change that failed: 422 with its errors, 412, 503 or 500. status is below 0. */
void desk_reply_failed(struct http_reply *r, int status, const struct settings_errors *errors);

/* 200 with this tree, which is printed and freed, and its line end. */
void desk_reply_tree(struct http_reply *r, struct cJSON *tree);

/* The headers of an answer to a change that is in force: ETag, and X-Job when board and server are being told. In the
 * change's done. */
void desk_reply_headers(struct http_reply *r, const struct desk *d);

/* Patch the settings, and answer the request once that is done, as PATCH settings does: 200 with what is in force. The
 * patch is copied; etag is desk_patch()'s. The handler returns with its reply untouched. */
void desk_reply_patch(struct app *app, const struct cJSON *patch, const char *etag, const struct http_request *q);

/* The body of a request as a tree; NULL with 400 when it is no JSON. */
struct cJSON *desk_body(const char *body, size_t len, struct http_reply *r);

#endif
