/* The inside of the access service; only access*.c include it. What people and programs show to be let in, what is
 * kept of it, and the answers of its routes. */
#ifndef APP_ACCESS_IMPL_H
#define APP_ACCESS_IMPL_H

#include "app/app.h"
#include "core/access_code.h"
#include "core/access_limit.h"
#include "core/address.h"
#include "core/scrypt_line.h"
#include "core/session.h"
#include "core/token.h"
#include "io/httpd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define ACCESS_COOKIE   "fluksod"
#define ACCESS_BODY_MAX 4096 /* bytes: a password of 128 characters, each written as \uXXXX\uXXXX, and its names */

/* What the files say of the password. One that cannot be read is no reason to take a first one from anybody. */
enum password_state { PASSWORD_NONE, PASSWORD_SET, PASSWORD_UNREADABLE };

enum access_rights { RIGHTS_NONE, RIGHTS_READ, RIGHTS_WRITE };

/* Why requests were refused, for the statistics. */
enum access_refusal {
    REFUSED_HOST,
    REFUSED_CROSS_SITE,
    REFUSED_TYPE,
    REFUSED_CREDENTIALS,
    REFUSED_RIGHTS,
    REFUSED_LIMIT,
    REFUSALS
};

typedef void (*access_saved)(void *ctx, int status);

/* A file on its way to the disk. */
struct access_save {
    uv_work_t work;
    struct access *a;
    bool busy;
    char *path, *text; /* owned; text is overwritten behind */
    int status;
    access_saved done;
    void *ctx;
};

struct access {
    struct app *app;
    char *dir; /* storage.path, as the files were read from it */
    struct sessions sessions;
    struct tokens tokens;
    enum password_state state;
    struct scrypt_line line; /* when state is PASSWORD_SET */
    unsigned generation;     /* of the password: a check that began with an older one counts for nothing */
    bool changing;           /* a password is being changed */
    struct access_code code;
    bool code_in_log; /* who may read the log has it */
    struct access_limit limit;
    struct password *jobs;
    struct access_save password_save, tokens_save;
    char user[HTTP_USER_MAX];  /* of the request at the gate */
    int64_t told_ms[REFUSALS]; /* when the log last said so; 0: never */
    uint64_t refused[REFUSALS], logins, logins_wrong;
    unsigned open; /* what close waits for */
    service_done done;
    void *done_ctx;
};

/* ---- access.c ---- */

/* Who a request shows to be. name is for people: "session", "token NAME", "socket"; "" when it is nobody. */
struct access_who {
    enum access_rights rights;
    bool session;  /* by its cookie, which a browser adds by itself */
    bool mistaken; /* it brought something that opens nothing */
    char name[HTTP_USER_MAX];
};

void access_who(struct access *a, const struct http_request *q, struct access_who *who);

/* Does a proxy say that the request is somebody else's? */
bool access_is_passed_on(const struct http_request *q);

/* Is the client itself on this host? */
bool access_is_here(const struct http_request *q);

/* The peer's address without its port, or "the control socket". */
void access_peer(const struct http_request *q, char out[ADDRESS_MAX]);

/* An answer and its count. */
void access_refuse(struct access *a, struct http_reply *r, enum access_refusal why, unsigned status, const char *text);

/* A part of what close waits for has ended; called by parts that end while it waits. */
void access_part_closed(struct access *a);

/* Cut what is still on its way to a user whose right is gone. */
void access_drop(struct access *a, const char *user);

/* ---- access_body.c ---- */

struct cJSON;

/* The body as an object with no other members than these (a list that NULL ends), for access_forget(); or NULL, and
 * *r says why (400). */
struct cJSON *access_read(const struct http_request *q, struct http_reply *r, const char *const *members);

/* A member's text, or NULL when it is not there or no text. */
const char *access_text(const struct cJSON *body, const char *member);

/* Overwrite the texts, and free. */
void access_forget(struct cJSON *body);

/* Overwrite and free a text; NULL is allowed. */
void access_wipe(char *text);

/* Random bytes of the kernel. */
void access_random(void *out, size_t size);

/* ---- access_state.c ---- */

/* Read password and tokens of the state directory; a file that cannot be used is told in the log. */
void access_load(struct access *a);

/* Write a file of the state directory in a pool job: 0600, whole or not at all. Takes text, which is terminated. done
 * is called from the loop, with 0 or a negative errno. -EBUSY: this one is on its way already (nothing was taken). */
int access_save_begin(struct access_save *s, const char *file, char *text, access_saved done, void *ctx) MUSTCHECK;

#define ACCESS_PASSWORD_FILE "password"
#define ACCESS_TOKENS_FILE   "tokens.json"

/* ---- access_login.c, access_password.c, access_tokens.c: handlers ---- */

/* A plain connection while TLS listens: refused, as a password would go over it in the clear. */
bool access_wants_tls(struct access *a, const struct http_request *q, struct http_reply *r);

/* A try with a secret that people choose or type: false when it has to wait, and *r says how long. */
bool access_try(struct access *a, const struct http_request *q, struct http_reply *r);
void access_try_was_good(struct access *a, const struct http_request *q);

/* 503: something of its kind is going on; try again in a moment. */
void access_busy(struct http_reply *r, const char *text);

void access_login(void *ctx, const struct http_request *q, struct http_reply *r);
void access_logout(void *ctx, const struct http_request *q, struct http_reply *r);
void access_get(void *ctx, const struct http_request *q, struct http_reply *r);
void access_put_password(void *ctx, const struct http_request *q, struct http_reply *r);
void access_post_code(void *ctx, const struct http_request *q, struct http_reply *r);
void access_get_tokens(void *ctx, const struct http_request *q, struct http_reply *r);
void access_post_token(void *ctx, const struct http_request *q, struct http_reply *r);
void access_delete_token(void *ctx, const struct http_request *q, struct http_reply *r);

/* Say in the log that no password is set, and how to set one. */
void access_tell_first_start(struct access *a);

#endif
