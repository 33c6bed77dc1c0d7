/* Bearer tokens: made, shown by name, taken back. */
#include "app/access_impl.h"

#include "core/jsonw.h"
#include "core/util.h"
#include "io/log.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY "the tokens are just being saved; please try again"

/* A list of tokens on its way to the disk. */
struct save {
    struct access *a;
    struct http_later *later;
    char *dir; /* where it goes; the access service may have moved on meanwhile */
    struct tokens tokens;
    char text[TOKEN_TEXT + 1]; /* of the one that was made; "": one was taken back */
    char name[TOKEN_NAME_MAX + 1];
    bool read_only;
    char from[ADDRESS_MAX], user[HTTP_USER_MAX];
};

/* The newest token, with its text: the one time that it is shown. */
static void answer_made(const struct save *s, struct http_reply *r)
{
    struct jsonw w;

    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_str(&w, "token", s->text);
    jsonw_str(&w, "name", s->name);
    jsonw_bool(&w, "read_only", s->read_only);
    jsonw_close(&w, '}');
    http_json(r, 201, w.buf, w.len);
}

/* A code that stands in the log must not get a password for who may only read. */
static void void_logged_code(struct access *a)
{
    if (!a->code_in_log || !access_code_is_open(&a->code, app_mono_ms(a->app)))
        return;
    access_code_void(&a->code);
    log_note("access: the one-time code in this log is void, as tokens can read it; 'fluksoctl passwd --code' makes "
             "another");
}

static void finish(struct save *s, struct http_reply *r)
{
    http_answer(s->later, r);
    free(s->dir);
    OPENSSL_cleanse(s, sizeof *s);
    free(s);
}

static void on_made(void *ctx, int status)
{
    struct save *s = ctx;
    struct access *a = s->a;
    struct http_reply r = {.status = 200};

    if (status < 0) {
        http_error(&r, 500, "the token cannot be saved, so there is none");
    } else if (strcmp(s->dir, a->dir) != 0) {
        http_error(&r, 503, "the state directory has changed meanwhile; please try again");
    } else {
        a->tokens = s->tokens;
        void_logged_code(a);
        log_note("access: token %s (%s) made by %s from %s", s->name, s->read_only ? "may read" : "all rights", s->user,
                 s->from);
        answer_made(s, &r);
    }
    finish(s, &r);
}

static void on_removed(void *ctx, int status)
{
    struct save *s = ctx;
    struct http_reply r = {.status = 204};

    if (status < 0)
        http_error(&r, 500,
                   "the token opens nothing from now on, but it will again after a restart: the list cannot be saved");
    finish(s, &r);
}

/* Write the list; false: busy, and s is gone. */
static bool begin(struct save *s, const struct http_request *q, access_saved done)
{
    struct access *a = s->a;
    struct jsonw w;

    access_peer(q, s->from);
    snprintf(s->user, sizeof s->user, "%s", q->user ? q->user : "somebody");
    s->dir = must(strdup(a->dir));
    jsonw_init(&w);
    tokens_format(&s->tokens, &w);
    jsonw_raw(&w, "", 1);
    if (access_save_begin(&a->tokens_save, ACCESS_TOKENS_FILE, w.buf, done, s) == 0) {
        s->later = http_later(q);
        return true;
    }
    jsonw_free(&w);
    free(s->dir);
    OPENSSL_cleanse(s, sizeof *s);
    free(s);
    return false;
}

static struct save *save_new(struct access *a)
{
    struct save *s = must(calloc(1, sizeof *s));

    s->a = a;
    s->tokens = a->tokens;
    return s;
}

/* True: s holds a list with one more; false: *r says why not. */
static bool add(struct save *s, const cJSON *body, struct http_reply *r)
{
    const cJSON *read_only = cJSON_GetObjectItemCaseSensitive(body, "read_only");
    const char *name = access_text(body, "name");
    uint8_t random[TOKEN_RANDOM];

    if (!name || (read_only && !cJSON_IsBool(read_only))) {
        http_error(r, 400, name ? "read_only is neither true nor false" : "name is missing");
        return false;
    }
    access_random(random, sizeof random);
    s->read_only = cJSON_IsTrue(read_only);
    int rc = token_add(&s->tokens, name, s->read_only, app_unix_s(s->a->app), random, s->text);
    OPENSSL_cleanse(random, sizeof random);
    snprintf(s->name, sizeof s->name, "%s", rc < 0 ? "" : name);
    if (rc == -EINVAL)
        http_error(r, 422, "a token's name has " TOKEN_NAMES);
    else if (rc == -EEXIST)
        http_error(r, 409, "there is a token with this name");
    else if (rc == -ENOSPC)
        http_error(r, 409, "there are 32 tokens, which is as many as there may be");
    return rc == 0;
}

void access_post_token(void *ctx, const struct http_request *q, struct http_reply *r)
{
    static const char *const members[] = {"name", "read_only", NULL};
    struct access *a = ctx;
    cJSON *body = access_read(q, r, members);

    if (!body)
        return;
    struct save *s = save_new(a);
    if (!add(s, body, r)) {
        OPENSSL_cleanse(s, sizeof *s);
        free(s);
    } else if (!begin(s, q, on_made)) {
        access_busy(r, BUSY);
    }
    access_forget(body);
}

/* It opens nothing from now on, before the disk has it. */
void access_delete_token(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct access *a = ctx;
    struct save *s = save_new(a);

    if (!token_remove(&s->tokens, q->rest)) {
        free(s);
        http_error(r, 404, "no token has this name");
        return;
    }
    snprintf(s->name, sizeof s->name, "%s", q->rest);
    struct tokens left = s->tokens;
    char from[ADDRESS_MAX], user[HTTP_USER_MAX];
    if (!begin(s, q, on_removed)) {
        access_busy(r, BUSY);
        return;
    }
    a->tokens = left;
    snprintf(user, sizeof user, "token %s", q->rest);
    access_drop(a, user);
    access_peer(q, from);
    log_note("access: token %s taken back by %s from %s", q->rest, q->user, from);
}

void access_get_tokens(void *ctx, const struct http_request *q, struct http_reply *r)
{
    const struct access *a = ctx;
    struct jsonw w;

    (void)q;
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_open(&w, "tokens", '[');
    for (size_t i = 0; i < a->tokens.n; i++) {
        const struct token *t = &a->tokens.v[i];
        jsonw_open(&w, NULL, '{');
        jsonw_str(&w, "name", t->name);
        jsonw_bool(&w, "read_only", t->read_only);
        jsonw_int(&w, "created_s", t->created_s);
        jsonw_close(&w, '}');
    }
    jsonw_close(&w, ']');
    jsonw_close(&w, '}');
    http_json(r, 200, w.buf, w.len);
}
