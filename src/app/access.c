/* Who may: the gate of the HTTP server, and the routes by which people log in, set the password and keep tokens.
 * It never answers with a secret but the one time that it is made, and never logs one but the first start's code.
 *
 *   request ─ Host ─ who? ─ Origin ─ type of body ─ rights ─→ handler
 *            (421)  (401)    (403)       (415)     (401, 403)
 *
 * Over the Unix socket everything is allowed: its file permissions have decided. */
#include "app/access_impl.h"

#include "core/access_headers.h"
#include "core/host_check.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/log.h"
#include "io/password.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TELL_MS 60000 /* a refusal of one kind is told so often at most */

/* ---- who asks ---- */

void access_peer(const struct http_request *q, char out[ADDRESS_MAX])
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)q->peer;
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)q->peer;
    bool mapped = q->peer && q->peer->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr);

    if (!q->peer)
        snprintf(out, ADDRESS_MAX, "the control socket");
    else if (q->peer->sa_family == AF_INET6)
        inet_ntop(mapped ? AF_INET : AF_INET6, six->sin6_addr.s6_addr + (mapped ? 12 : 0), out, ADDRESS_MAX);
    else
        inet_ntop(AF_INET, &four->sin_addr, out, ADDRESS_MAX);
}

static void by_token(struct access *a, const char *text, size_t len, struct access_who *who)
{
    const struct token *t = token_check(&a->tokens, text, len);

    who->mistaken = !t;
    if (!t)
        return;
    who->rights = t->read_only ? RIGHTS_READ : RIGHTS_WRITE;
    snprintf(who->name, sizeof who->name, "token %s", t->name);
}

void access_who(struct access *a, const struct http_request *q, struct access_who *who)
{
    const char *authorization, *token, *cookie;
    size_t len = 0;

    *who = (struct access_who){.rights = RIGHTS_NONE};
    if (q->via == HTTP_SOCKET) {
        who->rights = RIGHTS_WRITE;
        snprintf(who->name, sizeof who->name, "socket");
        return;
    }
    authorization = http_header(q, "Authorization");
    token = access_bearer(authorization, &len);
    if (token) {
        by_token(a, token, len, who);
        return;
    }
    cookie = access_cookie(http_header(q, "Cookie"), ACCESS_COOKIE, &len);
    if (!cookie || !session_use(&a->sessions, cookie, len, q->via == HTTP_TLS, app_mono_ms(a->app))) {
        who->mistaken = authorization != NULL;
        return;
    }
    who->rights = RIGHTS_WRITE;
    who->session = true;
    snprintf(who->name, sizeof who->name, "session");
}

/* ---- the gate ---- */

void access_refuse(struct access *a, struct http_reply *r, enum access_refusal why, unsigned status, const char *text)
{
    a->refused[why]++;
    http_error(r, status, text);
    if (status == 401)
        http_header_add(r, "WWW-Authenticate", "Bearer realm=\"fluksod\"");
}

/* Is it time to tell the log of a refusal of this kind again? */
static bool may_tell(struct access *a, enum access_refusal why)
{
    int64_t now = app_mono_ms(a->app);

    if (a->told_ms[why] && now - a->told_ms[why] < TELL_MS)
        return false;
    a->told_ms[why] = now;
    return true;
}

static bool right_host(struct access *a, const struct http_request *q, struct http_reply *r)
{
    const struct settings *s = a->app->settings;
    char own[HOST_NAME_MAX + 1] = "";
    const char *host = http_header(q, "Host");

    if (gethostname(own, sizeof own) < 0)
        own[0] = '\0';
    own[sizeof own - 1] = '\0';
    const struct host_names names = {own, (const char *const *)s->http.hosts, s->http.n_hosts};
    if (host_allowed(host, &names))
        return true;
    if (may_tell(a, REFUSED_HOST))
        log_warn("access: a request for host '%.64s' was refused: it is none of this machine's names (http.hosts)",
                 host ? host : "");
    access_refuse(a, r, REFUSED_HOST, 421,
                  "this name is none of this machine's; ask by its address, its name, or its name with .local, or add "
                  "the name to http.hosts in the settings");
    return false;
}

/* A page of another site can have a browser send things, but not say that they came from us (pitfall 23). What comes by
 * a session must say it; a token is in no browser's keeping; who shows nothing may be no browser at all. */
static bool own_site(struct access *a, const struct http_request *q, const struct access_who *who, struct http_reply *r)
{
    enum host_origin origin = host_origin(http_header(q, "Host"), http_header(q, "Origin"),
                                          http_header(q, "Sec-Fetch-Site"), q->via == HTTP_TLS);

    if (origin == HOST_ORIGIN_SAME || (origin == HOST_ORIGIN_UNSAID && !who->session))
        return true;
    if (who->rights != RIGHTS_NONE && !who->session)
        return true;
    access_refuse(a, r, REFUSED_CROSS_SITE, 403, "this comes from a page of another site");
    return false;
}

/* A body must be what no form can send. */
static bool right_type(struct access *a, const struct http_request *q, struct http_reply *r)
{
    const char *type = http_header(q, "Content-Type"), *length = http_header(q, "Content-Length");
    bool body = (length && strcmp(length, "0") != 0) || http_header(q, "Transfer-Encoding");

    if ((!type && !body) || access_is_json(type) || strcmp(q->method, "DELETE") == 0)
        return true;
    access_refuse(a, r, REFUSED_TYPE, 415, "the body is not application/json");
    return false;
}

bool access_is_passed_on(const struct http_request *q)
{
    static const char *const names[] = {"Forwarded",         "X-Forwarded-For", "X-Forwarded-Host",
                                        "X-Forwarded-Proto", "X-Real-IP",       "Via"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (http_header(q, names[i]))
            return true;
    return false;
}

bool access_is_here(const struct http_request *q)
{
    return q->loopback && !access_is_passed_on(q);
}

/* What anybody on this host may read. */
static bool open_here(const struct http_request *q, const struct access_who *who, enum http_need need)
{
    return need == HTTP_READ && access_is_here(q) && !who->mistaken &&
           (strcmp(q->path, "/api/v1/status") == 0 || strcmp(q->path, "/metrics") == 0);
}

static bool enough(struct access *a, const struct http_request *q, const struct access_who *who, enum http_need need,
                   struct http_reply *r)
{
    char from[ADDRESS_MAX];

    if (need == HTTP_LOGIN || who->rights == RIGHTS_WRITE || (need == HTTP_READ && who->rights == RIGHTS_READ) ||
        open_here(q, who, need))
        return true;
    if (who->rights == RIGHTS_READ) {
        access_refuse(a, r, REFUSED_RIGHTS, 403, "this token may only read");
        return false;
    }
    if (who->mistaken && may_tell(a, REFUSED_CREDENTIALS)) {
        access_peer(q, from);
        log_warn("access: a request from %s was refused: its token is not known", from);
    }
    access_refuse(a, r, REFUSED_CREDENTIALS, 401,
                  who->mistaken ? "this token is not known" : "log in, or send a token (fluksoctl token add)");
    return false;
}

static bool gate(void *ctx, struct http_request *q, enum http_need need, struct http_reply *r)
{
    struct access *a = ctx;
    bool tcp = q->via != HTTP_SOCKET;
    bool changes = strcmp(q->method, "GET") != 0 && strcmp(q->method, "HEAD") != 0;
    struct access_who who;

    if (tcp && !right_host(a, q, r))
        return false;
    access_who(a, q, &who);
    if (tcp && changes && !own_site(a, q, &who, r))
        return false;
    if (!enough(a, q, &who, need, r) || (changes && !right_type(a, q, r)))
        return false;
    snprintf(a->user, sizeof a->user, "%s", who.name[0] ? who.name : access_is_here(q) ? "loopback" : "");
    q->user = a->user[0] ? a->user : NULL;
    return true;
}

void access_drop(struct access *a, const char *user)
{
    if (a->app->httpd) /* a job may end when the server is gone */
        httpd_drop_user(a->app->httpd, user);
}

/* ---- the service ---- */

static void access_stats(void *self, stat_emit emit, void *ctx)
{
    static const char *const labels[REFUSALS] = {
        [REFUSED_HOST] = "reason=\"host\"",     [REFUSED_CROSS_SITE] = "reason=\"cross_site\"",
        [REFUSED_TYPE] = "reason=\"type\"",     [REFUSED_CREDENTIALS] = "reason=\"credentials\"",
        [REFUSED_RIGHTS] = "reason=\"rights\"", [REFUSED_LIMIT] = "reason=\"limit\"",
    };
    const struct access *a = self;
    const struct stat_value v[] = {
        {"access_sessions", NULL, STAT_GAUGE, (int64_t)session_count(&a->sessions, app_mono_ms(a->app)),
         "Sessions of people who logged in."},
        {"access_tokens", NULL, STAT_GAUGE, (int64_t)a->tokens.n, "Bearer tokens that open something."},
        {"access_logins_total", NULL, STAT_COUNTER, (int64_t)a->logins, "Log-ins with the right password."},
        {"access_wrong_total", NULL, STAT_COUNTER, (int64_t)a->logins_wrong, "Wrong passwords and one-time codes."},
    };

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit(ctx, &v[i]);
    for (size_t i = 0; i < REFUSALS; i++)
        emit(ctx, &(struct stat_value){"access_refused_total", labels[i], STAT_COUNTER, (int64_t)a->refused[i],
                                       "Requests refused before anything was done for them."});
}

static const struct http_route routes[] = {
    {"GET", "/api/v1/access", HTTP_LOGIN, 0, access_get},
    {"POST", "/api/v1/login", HTTP_LOGIN, ACCESS_BODY_MAX, access_login},
    {"POST", "/api/v1/logout", HTTP_LOGIN, ACCESS_BODY_MAX, access_logout},
    {"PUT", "/api/v1/password", HTTP_LOGIN, ACCESS_BODY_MAX, access_put_password},
    {"POST", "/api/v1/code", HTTP_WRITE, ACCESS_BODY_MAX, access_post_code},
    {"GET", "/api/v1/tokens", HTTP_WRITE, 0, access_get_tokens},
    {"POST", "/api/v1/tokens", HTTP_WRITE, ACCESS_BODY_MAX, access_post_token},
    {"DELETE", "/api/v1/tokens/*", HTTP_WRITE, 0, access_delete_token},
};

static void *access_new(struct app *app)
{
    struct access *a = must(calloc(1, sizeof *a));

    a->app = app;
    a->jobs = password_new(app->loop);
    a->password_save.a = a->tokens_save.a = a;
    httpd_set_gate(app->httpd, gate, a);
    httpd_routes(app->httpd, routes, ARRAY_LEN(routes), a);
    stats_add(&app->stats, access_stats, a);
    return a;
}

static void access_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct access *a = self;

    if (a->dir && strcmp(a->dir, next->storage.path) == 0)
        return;
    free(a->dir);
    a->dir = must(strdup(next->storage.path));
    access_load(a);
    if (!old && a->state == PASSWORD_NONE)
        access_tell_first_start(a);
}

/* The gate stays until the server stops, in this same turn of the loop. */
static void access_stop(void *self)
{
    struct access *a = self;

    httpd_unroute(a->app->httpd, a);
}

void access_part_closed(struct access *a)
{
    if (--a->open)
        return;
    service_done done = a->done;
    void *done_ctx = a->done_ctx;
    free(a->dir);
    OPENSSL_cleanse(a, sizeof *a);
    free(a);
    done(done_ctx);
}

static void on_password_closed(void *ctx)
{
    access_part_closed(ctx);
}

static void access_close(void *self, service_done done, void *ctx)
{
    struct access *a = self;

    stats_remove(&a->app->stats, access_stats, a);
    a->done = done;
    a->done_ctx = ctx;
    a->open = 1u + a->password_save.busy + a->tokens_save.busy;
    password_close(a->jobs, on_password_closed, a);
}

const struct service service_access = {
    .name = "access",
    .new = access_new,
    .apply = access_apply,
    .stop = access_stop,
    .close = access_close,
};
