#include "app/desk_reply.h"

#include "app/app.h"
#include "app/desk.h"
#include "core/jsonc.h"
#include "core/jsonw.h"
#include "core/util.h"
#include "io/httpd.h"
#include "io/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

void desk_reply_errors(struct http_reply *r, unsigned status, const struct settings_errors *errors)
{
    struct jsonw w;
    char text[32];

    snprintf(text, sizeof text, "%zu error%s", errors->n, errors->n == 1 ? "" : "s");
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_str(&w, "error", text);
    jsonw_open(&w, "errors", '[');
    for (size_t i = 0; i < errors->n; i++) {
        jsonw_open(&w, NULL, '{');
        jsonw_str(&w, "path", errors->v[i].path);
        jsonw_str(&w, "message", errors->v[i].message);
        if (errors->v[i].allowed)
            jsonw_str(&w, "allowed", errors->v[i].allowed);
        jsonw_close(&w, '}');
    }
    jsonw_close(&w, ']');
    jsonw_close(&w, '}');
    jsonw_raw(&w, "\n", 1);
    http_json(r, status, w.buf, w.len);
}

void desk_reply_failed(struct http_reply *r, int status, const struct settings_errors *errors)
{
    switch (status) {
    case DESK_INVALID:
        desk_reply_errors(r, 422, errors);
        break;
    case DESK_STALE:
        http_error(r, 412, "the settings have changed since they were read; read them again");
        break;
    case DESK_BUSY:
        http_error(r, 503, "too many changes of the settings wait, or the daemon is stopping; please try again");
        break;
    default:
        desk_reply_errors(r, 500, errors);
        break;
    }
}

void desk_reply_tree(struct http_reply *r, cJSON *tree)
{
    char *text = must(cJSON_PrintUnformatted(tree)), *body;
    int len = asprintf(&body, "%s\n", text);

    if (len < 0)
        abort();
    cJSON_free(text);
    cJSON_Delete(tree);
    http_json(r, 200, body, (size_t)len);
}

void desk_reply_headers(struct http_reply *r, const struct desk *d)
{
    http_header_add(r, "ETag", desk_etag(d));
    if (*desk_job(d))
        http_header_add(r, "X-Job", desk_job(d));
}

/* A patch whose answer is still to come. */
struct pending {
    struct app *app;
    struct http_later *later;
    unsigned generation; /* of the settings when it came */
    char user[HTTP_USER_MAX];
};

static void on_patched(void *ctx, int status, const struct settings_errors *errors)
{
    struct pending *p = ctx;
    struct http_reply r = {0};

    if (status == 0) {
        desk_reply_tree(&r, desk_effective(p->app->desk));
        desk_reply_headers(&r, p->app->desk);
        if (p->app->settings->generation != p->generation)
            log_info("settings: changed by %s", p->user);
    } else {
        desk_reply_failed(&r, status, errors);
    }
    http_answer(p->later, &r);
    free(p);
}

void desk_reply_patch(struct app *app, const cJSON *patch, const char *etag, const struct http_request *q)
{
    struct pending *p = must(calloc(1, sizeof *p));

    p->app = app;
    p->later = http_later(q);
    p->generation = app->settings->generation;
    snprintf(p->user, sizeof p->user, "%s", q->user ? q->user : "?");
    desk_patch(app->desk, patch, etag, on_patched, p);
}

cJSON *desk_body(const char *body, size_t len, struct http_reply *r)
{
    struct jsonc_error error;
    cJSON *tree = jsonc_parse(body, len, &error);
    char text[128];

    if (tree)
        return tree;
    snprintf(text, sizeof text, "the body is no JSON: line %u, column %u: %s", error.line, error.column, error.problem);
    http_error(r, 400, text);
    return NULL;
}
