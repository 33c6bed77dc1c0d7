/* /api/v1/secrets: which are set, and from where; set one, remove one. No answer ever holds one. */
#include "app/app.h"
#include "app/secrets.h"

#include "core/jsonc.h"
#include "core/jsonw.h"
#include "core/util.h"
#include "io/httpd.h"
#include "io/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#define SECRETS_PATH "/api/v1/secrets"
#define BODY_MAX     (6 * SECRET_MAX + 256) /* bytes: each character may be written as \uXXXX */

struct api_secrets {
    struct app *app;
};

/* A change whose answer is still to come. */
struct pending {
    struct http_later *later;
    enum secret secret;
    bool removed;
    char user[HTTP_USER_MAX];
};

static void answer_list(void *ctx, const struct http_request *q, struct http_reply *r)
{
    const struct app *app = ((struct api_secrets *)ctx)->app;
    struct jsonw w;

    (void)q;
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_open(&w, "secrets", '[');
    for (int i = 0; i < SECRETS; i++) {
        enum secret_from from = secret_from(app, (enum secret)i, app->settings);
        jsonw_open(&w, NULL, '{');
        jsonw_str(&w, "name", secret_name((enum secret)i));
        jsonw_bool(&w, "set", from != SECRET_NOWHERE);
        jsonw_str(&w, "from", secret_from_name(from));
        jsonw_close(&w, '}');
    }
    jsonw_close(&w, ']');
    jsonw_close(&w, '}');
    jsonw_raw(&w, "\n", 1);
    http_json(r, 200, w.buf, w.len);
}

static void on_saved(void *ctx, int status)
{
    struct pending *p = ctx;
    struct http_reply r = {.status = 204};
    char text[128];

    if (status == -ENOENT && p->removed) {
        http_error(&r, 404, "it was not saved");
    } else if (status == -ECANCELED) {
        http_error(&r, 503, "the daemon is stopping; please try again");
    } else if (status < 0) {
        snprintf(text, sizeof text, "it cannot be %s: %s", p->removed ? "removed" : "saved", strerror(-status));
        http_error(&r, 500, text);
    } else {
        log_note("secrets: %s was %s by %s", secret_name(p->secret), p->removed ? "removed" : "set", p->user);
    }
    http_answer(p->later, &r);
    free(p);
}

/* value NULL: remove it. */
static void change(struct api_secrets *s, const struct http_request *q, struct http_reply *r, enum secret secret,
                   const char *value, size_t len)
{
    struct pending *p = must(calloc(1, sizeof *p));

    p->secret = secret;
    p->removed = !value;
    snprintf(p->user, sizeof p->user, "%s", q->user ? q->user : "?");
    if (secret_save(s->app, secret, value, len, on_saved, p) < 0) {
        http_error(r, 503, "too many secrets are being saved, or the daemon is stopping; please try again");
        free(p);
        return;
    }
    p->later = http_later(q);
}

/* The one of the path; below 0: there is none, and *r says so. */
static int find(const struct http_request *q, struct http_reply *r)
{
    int secret = secret_find(q->rest);

    if (secret < 0)
        http_error(r, 404, "no secret has this name; GET " SECRETS_PATH " names them all");
    return secret;
}

/* The text of the body's one member, in *body; NULL: *r says what is wrong. */
static const char *read_value(const struct http_request *q, struct http_reply *r, cJSON **body)
{
    struct jsonc_error error;
    const char *value;
    char text[128];

    *body = jsonc_parse(q->body, q->body_len, &error);
    if (!*body) {
        snprintf(text, sizeof text, "the body is no JSON: line %u, column %u: %s", error.line, error.column,
                 error.problem);
        http_error(r, 400, text);
        return NULL;
    }
    value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(*body, "value"));
    if (!value || (*body)->child->next) {
        http_error(r, 400, "the body is {\"value\":\"...\"}, and nothing else");
        return NULL;
    }
    return value;
}

static void answer_put(void *ctx, const struct http_request *q, struct http_reply *r)
{
    int secret = find(q, r);
    cJSON *body = NULL;
    const char *value = secret < 0 ? NULL : read_value(q, r, &body);

    if (value) {
        size_t len = strlen(value);
        const char *why = secret_check((enum secret)secret, value, &len);
        if (why)
            http_error(r, 422, why);
        else
            change(ctx, q, r, (enum secret)secret, value, len);
    }
    secret_wipe_tree(body);
}

static void answer_delete(void *ctx, const struct http_request *q, struct http_reply *r)
{
    int secret = find(q, r);

    if (secret >= 0)
        change(ctx, q, r, (enum secret)secret, NULL, 0);
}

/* ---- the service ---- */

static void *api_secrets_new(struct app *app)
{
    static const struct http_route routes[] = {
        {"GET", SECRETS_PATH, HTTP_READ, 0, answer_list},
        {"PUT", SECRETS_PATH "/*", HTTP_WRITE, BODY_MAX, answer_put},
        {"DELETE", SECRETS_PATH "/*", HTTP_WRITE, 0, answer_delete},
    };
    struct api_secrets *s = must(calloc(1, sizeof *s));

    s->app = app;
    httpd_routes(app->httpd, routes, ARRAY_LEN(routes), s);
    return s;
}

static void api_secrets_apply(void *self, const struct settings *old, const struct settings *next)
{
    (void)self, (void)old, (void)next;
}

static void api_secrets_stop(void *self)
{
    struct api_secrets *s = self;

    httpd_unroute(s->app->httpd, s);
}

/* Changes that wait are answered by the time the secrets have closed. */
static void api_secrets_close(void *self, service_done done, void *ctx)
{
    free(self);
    done(ctx);
}

const struct service service_api_secrets = {
    .name = "api_secrets",
    .new = api_secrets_new,
    .apply = api_secrets_apply,
    .stop = api_secrets_stop,
    .close = api_secrets_close,
};
