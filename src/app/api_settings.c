/* /api/v1/settings: what is in force, with an etag; patches of it; and what a patch would do. It judges nothing itself:
 * the desk does. */
#include "app/app.h"

#include "app/desk.h"
#include "app/desk_reply.h"
#include "core/query.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/httpd.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define PATCH_MAX (1u << 20) /* bytes of a patch: a table of four thousand meters is half of that */

struct api_settings {
    struct app *app;
};

static void answer_get(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct desk *d = ((struct api_settings *)ctx)->app->desk;
    char layer[16];
    int len = query_get(q->query, "layer", layer, sizeof layer);

    if (len == QUERY_ABSENT) {
        desk_reply_tree(r, desk_effective(d));
        http_header_add(r, "ETag", desk_etag(d));
    } else if (len >= 0 && strcmp(layer, "saved") == 0) {
        desk_reply_tree(r, desk_saved(d));
    } else {
        http_error(r, 400, "layer is saved, or not given: then it is what is in force");
    }
}

static void answer_patch(void *ctx, const struct http_request *q, struct http_reply *r)
{
    cJSON *patch = desk_body(q->body, q->body_len, r);

    if (patch)
        desk_reply_patch(((struct api_settings *)ctx)->app, patch, http_header(q, "If-Match"), q);
    cJSON_Delete(patch);
}

/* The same answers as to the patch itself, but nothing is changed. */
static void answer_check(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct desk *d = ((struct api_settings *)ctx)->app->desk;
    cJSON *patch = desk_body(q->body, q->body_len, r), *effective;
    struct settings_errors errors = {0};

    if (!patch)
        return;
    if (desk_check(d, patch, &errors, &effective) == 0)
        desk_reply_tree(r, effective);
    else
        desk_reply_failed(r, DESK_INVALID, &errors);
    settings_errors_free(&errors);
    cJSON_Delete(patch);
}

static void *api_settings_new(struct app *a)
{
    static const struct http_route routes[] = {
        {"GET", "/api/v1/settings", HTTP_READ, 0, answer_get},
        {"PATCH", "/api/v1/settings", HTTP_WRITE, PATCH_MAX, answer_patch},
        {"POST", "/api/v1/settings/check", HTTP_WRITE, PATCH_MAX, answer_check},
    };
    struct api_settings *s = must(calloc(1, sizeof *s));

    s->app = a;
    httpd_routes(a->httpd, routes, ARRAY_LEN(routes), s);
    return s;
}

static void api_settings_apply(void *self, const struct settings *old, const struct settings *next)
{
    (void)self, (void)old, (void)next;
}

static void api_settings_stop(void *self)
{
    struct api_settings *s = self;

    httpd_unroute(s->app->httpd, s);
}

/* Patches that wait were answered when the desk stopped, before any service. */
static void api_settings_close(void *self, service_done done, void *ctx)
{
    free(self);
    done(ctx);
}

const struct service service_api_settings = {
    .name = "api_settings",
    .new = api_settings_new,
    .apply = api_settings_apply,
    .stop = api_settings_stop,
    .close = api_settings_close,
};
