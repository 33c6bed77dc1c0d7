/* Log-in and log-out, and who one is. */
#include "app/access_impl.h"

#include "core/access_headers.h"
#include "core/jsonw.h"
#include "core/util.h"
#include "io/log.h"
#include "io/password.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A log-in whose password is being checked. */
struct login {
    struct access *a;
    struct http_later *later;
    unsigned generation;
    bool tls, by_socket;
    struct address_ip ip;
    char from[ADDRESS_MAX];
};

static struct address_ip ip_of(const struct http_request *q)
{
    struct sockaddr_storage s = {.ss_family = 0};

    memcpy(&s, q->peer, q->peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    return address_ip(&s);
}

bool access_wants_tls(struct access *a, const struct http_request *q, struct http_reply *r)
{
    char text[96];

    if (q->via != HTTP_TCP || !a->app->tls_port)
        return false;
    snprintf(text, sizeof text, "passwords are taken over TLS only: https, port %u", a->app->tls_port);
    access_refuse(a, r, REFUSED_RIGHTS, 403, text);
    return true;
}

static void retry_after(struct http_reply *r, int64_t wait_ms)
{
    char seconds[24];

    snprintf(seconds, sizeof seconds, "%lld", (long long)(wait_ms + 999) / 1000);
    http_header_add(r, "Retry-After", seconds);
}

bool access_try(struct access *a, const struct http_request *q, struct http_reply *r)
{
    if (!q->peer)
        return true;
    struct address_ip ip = ip_of(q);
    int64_t wait_ms = access_limit_take(&a->limit, &ip, app_mono_ms(a->app));
    if (wait_ms == 0)
        return true;
    access_refuse(a, r, REFUSED_LIMIT, 429, "too many tries; please wait");
    retry_after(r, wait_ms);
    return false;
}

void access_try_was_good(struct access *a, const struct http_request *q)
{
    if (!q->peer)
        return;
    struct address_ip ip = ip_of(q);
    access_limit_back(&a->limit, &ip);
}

void access_busy(struct http_reply *r, const char *text)
{
    http_error(r, 503, text);
    retry_after(r, 1000);
}

/* The cookie of a session; "" takes it back. */
static void set_cookie(struct http_reply *r, const char *session, bool tls)
{
    char cookie[SESSION_TEXT + 96];

    snprintf(cookie, sizeof cookie, ACCESS_COOKIE "=%s; HttpOnly; SameSite=Strict; Path=/%s%s", session,
             tls ? "; Secure" : "", session[0] ? "" : "; Max-Age=0");
    http_header_add(r, "Set-Cookie", cookie);
    OPENSSL_cleanse(cookie, sizeof cookie);
}

static void begin_session(struct login *l, struct http_reply *r)
{
    struct access *a = l->a;
    uint8_t id[SESSION_ID];
    char text[SESSION_TEXT + 1];

    access_random(id, sizeof id);
    session_begin(&a->sessions, id, l->tls, app_mono_ms(a->app), text);
    r->status = 204;
    set_cookie(r, text, l->tls);
    OPENSSL_cleanse(id, sizeof id);
    OPENSSL_cleanse(text, sizeof text);
    a->logins++;
    if (!l->by_socket)
        access_limit_back(&a->limit, &l->ip);
    log_info("access: log-in from %s", l->from);
}

static void on_checked(void *ctx, int result, const struct scrypt_line *line)
{
    struct login *l = ctx;
    struct access *a = l->a;
    struct http_reply r = {.status = 200};

    (void)line;
    if (result < 0) {
        http_error(&r, 503, "the password cannot be checked now");
    } else if (result == 0 || l->generation != a->generation) {
        a->logins_wrong++;
        access_refuse(a, &r, REFUSED_CREDENTIALS, 401, "wrong password");
        log_warn("access: wrong password from %s", l->from);
    } else {
        begin_session(l, &r);
    }
    http_answer(l->later, &r);
    free(l);
}

/* False, and an answer, when no password opens anything. */
static bool can_log_in(struct access *a, struct http_reply *r)
{
    if (a->state == PASSWORD_SET)
        return true;
    if (a->state == PASSWORD_NONE)
        http_error(r, 409, "no password is set yet; set one with 'fluksoctl passwd', or here with a one-time code");
    else
        http_error(r, 500, "the password's file cannot be read; 'fluksoctl passwd' sets another one");
    return false;
}

static void check(struct access *a, const struct http_request *q, struct http_reply *r, const char *password)
{
    struct login *l = must(calloc(1, sizeof *l));

    l->a = a;
    l->generation = a->generation;
    l->tls = q->via == HTTP_TLS;
    l->by_socket = !q->peer;
    if (q->peer)
        l->ip = ip_of(q);
    access_peer(q, l->from);
    if (password_check(a->jobs, &a->line, password, on_checked, l) < 0) {
        free(l);
        access_try_was_good(a, q);
        access_busy(r, "others are just logging in; please try again");
        return;
    }
    l->later = http_later(q);
}

void access_login(void *ctx, const struct http_request *q, struct http_reply *r)
{
    static const char *const members[] = {"password", NULL};
    struct access *a = ctx;

    if (access_wants_tls(a, q, r) || !can_log_in(a, r))
        return;
    cJSON *body = access_read(q, r, members);
    if (!body)
        return;
    const char *password = access_text(body, "password");
    if (!password)
        http_error(r, 400, "password is missing");
    else if (access_try(a, q, r))
        check(a, q, r, password);
    access_forget(body);
}

/* Who is not logged in is logged out. */
void access_logout(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct access *a = ctx;
    size_t len = 0;
    const char *cookie = access_cookie(http_header(q, "Cookie"), ACCESS_COOKIE, &len);
    char from[ADDRESS_MAX];

    if (cookie && session_end(&a->sessions, cookie, len)) {
        access_peer(q, from);
        access_drop(a, "session"); /* a live view of another session comes back by itself */
        log_info("access: log-out from %s", from);
    }
    r->status = 204;
    set_cookie(r, "", q->via == HTTP_TLS);
}

void access_get(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct access *a = ctx;
    struct access_who who;
    struct jsonw w;

    access_who(a, q, &who);
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_bool(&w, "password_set", a->state != PASSWORD_NONE);
    jsonw_bool(&w, "logged_in", who.rights != RIGHTS_NONE);
    jsonw_str(&w, "user", who.name[0] ? who.name : NULL);
    jsonw_bool(&w, "read_only", who.rights == RIGHTS_READ);
    jsonw_bool(&w, "tls", q->via == HTTP_TLS);
    if (a->app->tls_port)
        jsonw_int(&w, "tls_port", a->app->tls_port);
    else
        jsonw_null(&w, "tls_port");
    jsonw_close(&w, '}');
    http_json(r, 200, w.buf, w.len);
}
