/* Setting the password: over the socket, by who is logged in and knows the current one, or, the first one, by a
 * one-time code from this machine's own network.
 *
 *   (current one checked) ─→ new one computed ─→ file saved ─→ in force: all sessions end */
#include "app/access_impl.h"

#include "core/jsonw.h"
#include "core/utf8.h"
#include "core/util.h"
#include "io/log.h"
#include "io/netlocal.h"
#include "io/password.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum how { BY_SOCKET, BY_CODE, BY_CURRENT };

/* A change on its way; one at a time. */
struct change {
    struct access *a;
    struct http_later *later;
    unsigned generation;
    enum how how;
    char *fresh; /* the new password */
    struct scrypt_line line;
    char from[ADDRESS_MAX], user[HTTP_USER_MAX];
};

static void end_change(struct change *c, struct http_reply *r)
{
    c->a->changing = false;
    http_answer(c->later, r);
    access_wipe(c->fresh);
    free(c);
}

static void fail_change(struct change *c, unsigned status, const char *text)
{
    struct http_reply r = {.status = status};

    http_error(&r, status, text);
    end_change(c, &r);
}

static void on_saved(void *ctx, int status)
{
    static const char *const how[] = {[BY_SOCKET] = "", [BY_CODE] = " with a one-time code", [BY_CURRENT] = ""};
    struct change *c = ctx;
    struct access *a = c->a;
    struct http_reply r = {.status = 204};

    if (status < 0) {
        fail_change(c, 500, "the password cannot be saved; the one from before stays");
        return;
    }
    if (c->generation != a->generation) {
        fail_change(c, 503, "the state directory has changed meanwhile; please try again");
        return;
    }
    a->line = c->line;
    a->state = PASSWORD_SET;
    a->generation++;
    access_code_void(&a->code);
    session_end_all(&a->sessions);
    access_drop(a, "session");
    log_note("access: password set by %s from %s%s; all sessions have ended", c->user, c->from, how[c->how]);
    end_change(c, &r);
}

static void on_made(void *ctx, int result, const struct scrypt_line *line)
{
    struct change *c = ctx;
    char *text;

    if (result < 0) {
        fail_change(c, 503, "the password cannot be computed now");
        return;
    }
    c->line = *line;
    text = must(malloc(SCRYPT_LINE_MAX + 2));
    scrypt_line_format(line, text);
    memcpy(text + strlen(text), "\n", 2); /* one line */
    if (access_save_begin(&c->a->password_save, ACCESS_PASSWORD_FILE, text, on_saved, c) < 0) {
        access_wipe(text);
        fail_change(c, 503, "the password is just being saved; please try again");
    }
}

static int begin_make(struct change *c)
{
    uint8_t salt[SCRYPT_SALT];

    access_random(salt, sizeof salt);
    return password_make(c->a->jobs, salt, c->fresh, on_made, c);
}

static void on_current_checked(void *ctx, int result, const struct scrypt_line *line)
{
    struct change *c = ctx;

    (void)line;
    if (result == 0) {
        c->a->logins_wrong++;
        log_warn("access: wrong current password by %s from %s", c->user, c->from);
        fail_change(c, 403, "the current password is wrong");
    } else if (result < 0 || begin_make(c) < 0) {
        fail_change(c, 503, "the password cannot be changed now; please try again");
    }
}

/* ---- who may ---- */

static bool has_code(struct access *a, const struct http_request *q, const cJSON *body, struct http_reply *r)
{
    const char *code = access_text(body, "code");
    char from[ADDRESS_MAX];

    if (access_is_passed_on(q) || (!q->loopback && !netlocal(q->peer))) {
        access_refuse(a, r, REFUSED_RIGHTS, 403,
                      "the first password is taken from this machine and its own network only; or set it with "
                      "'fluksoctl passwd'");
        return false;
    }
    if (!code) {
        http_error(r, 400, "code is missing: the log shows it, or 'fluksoctl passwd --code'");
        return false;
    }
    if (!access_try(a, q, r))
        return false;
    switch (access_code_try(&a->code, code, app_mono_ms(a->app))) {
    case ACCESS_CODE_RIGHT:
        access_try_was_good(a, q);
        return true;
    case ACCESS_CODE_WRONG:
        a->logins_wrong++;
        access_peer(q, from);
        log_warn("access: wrong one-time code from %s", from);
        access_refuse(a, r, REFUSED_CREDENTIALS, 403, "the code is wrong");
        return false;
    default:
        access_refuse(a, r, REFUSED_CREDENTIALS, 403,
                      "no code is good now: it lives ten minutes and five tries; 'fluksoctl passwd --code' makes one");
        return false;
    }
}

static bool is_logged_in(struct access *a, const struct http_request *q, const cJSON *body, struct http_reply *r)
{
    struct access_who who;

    access_who(a, q, &who);
    if (who.rights == RIGHTS_NONE)
        access_refuse(a, r, REFUSED_CREDENTIALS, 401, "log in first");
    else if (who.rights == RIGHTS_READ)
        access_refuse(a, r, REFUSED_RIGHTS, 403, "this token may only read");
    else if (!access_text(body, "current"))
        http_error(r, 400, "current is missing: the password of now");
    else
        return access_try(a, q, r);
    return false;
}

/* True: by *how; false: *r says why not. */
static bool may_change(struct access *a, const struct http_request *q, const cJSON *body, enum how *how,
                       struct http_reply *r)
{
    if (q->via == HTTP_SOCKET) {
        *how = BY_SOCKET;
        return true;
    }
    if (a->state == PASSWORD_UNREADABLE) {
        http_error(r, 500, "the password's file cannot be read; 'fluksoctl passwd' sets another one");
        return false;
    }
    *how = a->state == PASSWORD_NONE ? BY_CODE : BY_CURRENT;
    return *how == BY_CODE ? has_code(a, q, body, r) : is_logged_in(a, q, body, r);
}

/* ---- the requests ---- */

static bool is_good(const char *fresh, struct http_reply *r)
{
    char text[80];

    if (!fresh) {
        http_error(r, 400, "password is missing");
        return false;
    }
    size_t n = utf8_count(fresh);
    if (n >= SCRYPT_PASSWORD_MIN && n <= SCRYPT_PASSWORD_MAX)
        return true;
    snprintf(text, sizeof text, "a password has %d to %d characters", SCRYPT_PASSWORD_MIN, SCRYPT_PASSWORD_MAX);
    http_error(r, 422, text);
    return false;
}

static void begin_change(struct access *a, const struct http_request *q, const cJSON *body, enum how how,
                         struct http_reply *r)
{
    struct change *c = must(calloc(1, sizeof *c));
    int rc;

    c->a = a;
    c->generation = a->generation;
    c->how = how;
    c->fresh = must(strdup(access_text(body, "password")));
    access_peer(q, c->from);
    snprintf(c->user, sizeof c->user, "%s", q->user ? q->user : "somebody");
    rc = how == BY_CURRENT ? password_check(a->jobs, &a->line, access_text(body, "current"), on_current_checked, c)
                           : begin_make(c);
    if (rc < 0) {
        access_wipe(c->fresh);
        free(c);
        access_busy(r, "others are just logging in; please try again");
        return;
    }
    a->changing = true;
    c->later = http_later(q);
}

void access_put_password(void *ctx, const struct http_request *q, struct http_reply *r)
{
    static const char *const members[] = {"password", "current", "code", NULL};
    struct access *a = ctx;
    enum how how;

    if (access_wants_tls(a, q, r))
        return;
    cJSON *body = access_read(q, r, members);
    if (!body)
        return;
    if (!is_good(access_text(body, "password"), r))
        ;
    else if (a->changing)
        access_busy(r, "the password is just being changed; please try again");
    else if (may_change(a, q, body, &how, r))
        begin_change(a, q, body, how, r);
    access_forget(body);
}

static void make_code(struct access *a)
{
    uint64_t random;

    access_random(&random, sizeof random);
    access_code_make(&a->code, random, app_mono_ms(a->app));
}

void access_post_code(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct access *a = ctx;
    struct jsonw w;

    if (q->via != HTTP_SOCKET) {
        access_refuse(a, r, REFUSED_RIGHTS, 403, "a code is made over the control socket only");
        return;
    }
    if (a->state != PASSWORD_NONE) {
        http_error(r, 409, "a code is for the first password, and one is set; 'fluksoctl passwd' sets another one");
        return;
    }
    make_code(a);
    a->code_in_log = false;
    log_note("access: a one-time code was made over the control socket, good for %d minutes", ACCESS_CODE_S / 60);
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_str(&w, "code", a->code.text);
    jsonw_int(&w, "valid_s", ACCESS_CODE_S);
    jsonw_close(&w, '}');
    http_json(r, 200, w.buf, w.len);
}

/* With tokens about, somebody may read the log over the network who may not set the password. */
void access_tell_first_start(struct access *a)
{
    if (a->tokens.n) {
        log_note("access: no password is set, so nobody can log in: 'fluksoctl passwd' sets one, 'fluksoctl passwd "
                 "--code' makes a code to set it with a browser");
        return;
    }
    make_code(a);
    a->code_in_log = true;
    log_note("access: no password is set, so nobody can log in: 'fluksoctl passwd' sets one, or a browser on this "
             "network with the one-time code %s, good for %d minutes ('fluksoctl passwd --code' makes another)",
             a->code.text, ACCESS_CODE_S / 60);
}
