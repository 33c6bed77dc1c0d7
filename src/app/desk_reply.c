#include "app/desk_reply.h"

#include "app/desk.h"
#include "core/jsonc.h"
#include "core/jsonw.h"
#include "core/util.h"
#include "io/httpd.h"

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
