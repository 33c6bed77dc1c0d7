/* Backup and restore (core/backup.h, core/restore.h) as a service: POST backup writes all that makes this device, the
 * counters at most 256 a turn of the loop; POST restore brings it back (restore.c); what a restore leaves to do after
 * the start that carries it out is restore_after.c's. */
#include "app/backup_impl.h"

#include "app/desk.h"
#include "app/desk_reply.h"
#include "app/secret_gather.h"
#include "core/jsonw.h"
#include "core/sealed.h"
#include "core/util.h"
#include "io/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <cjson/cJSON.h>
#include <openssl/crypto.h>

#define ENTRIES_A_TURN 256

struct making {
    struct backup_service *service;
    struct http_later *later;
    char *passphrase; /* NULL: without secrets */
    struct secret_gather secrets;
    uint8_t random[SEALED_SALT + SEALED_NONCE];
    char *sealed;
    char left_out[SECRETS][SECRET_GATHER_WHY]; /* why a secret is not in it; "": it is, or is not set */
    char error[SECRET_GATHER_WHY];
    struct jsonw w;
    const struct ledger_entry *entry; /* the next one */
    size_t n;
    uv_work_t work;
    uv_idle_t walk;
    char user[HTTP_USER_MAX];
};

/* ---- in the pool ---- */

/* A saved secret must be in it; what a file of the administrator's should hold and does not is left out, and said. */
static bool put_secret(struct making *m, struct jsonw *w, enum secret s)
{
    char *text;
    int rc = secret_gather_read(&m->secrets, s, &text, m->left_out[s]);

    if (rc > 0)
        jsonw_str(w, secret_name(s), text);
    secret_wipe(text);
    if (rc >= 0 || !m->secrets.v[s].saved)
        return true;
    memcpy(m->error, m->left_out[s], sizeof m->error);
    return false;
}

static void seal(uv_work_t *work)
{
    struct making *m = work->data;
    struct jsonw w;
    bool ok = true;

    jsonw_init(&w);
    jsonw_room(&w, SECRETS * (6 * SECRET_MAX + 64) + 64); /* the buffer must not grow with a secret in it */
    jsonw_open(&w, NULL, '{');
    for (int i = 0; i < SECRETS && ok; i++)
        ok = put_secret(m, &w, (enum secret)i);
    jsonw_close(&w, '}');
    if (ok && !(m->sealed = sealed_seal(w.buf, w.len, m->passphrase, m->random)))
        snprintf(m->error, sizeof m->error, "the secrets cannot be sealed: there is no memory");
    OPENSSL_cleanse(w.buf, w.len);
    jsonw_free(&w);
}

/* ---- on the loop ---- */

static void on_walk_closed(uv_handle_t *h)
{
    struct making *m = h->data;
    struct backup_service *s = m->service;

    s->making = NULL;
    secret_wipe(m->passphrase);
    secret_gather_free(&m->secrets);
    free(m->sealed);
    jsonw_free(&m->w);
    free(m);
    backup_part_closed(s);
}

static void finish(struct making *m, struct http_reply *r)
{
    http_answer(m->later, r);
    uv_close((uv_handle_t *)&m->walk, on_walk_closed);
}

static void whole(struct making *m)
{
    struct http_reply r = {0};
    char name[96];

    backup_close(&m->w, m->sealed);
    if (m->w.len > RESTORE_BODY_MAX - 4096) {
        http_error(&r, 500, "the backup is larger than what can be restored");
    } else {
        http_json(&r, 200, m->w.buf, m->w.len);
        jsonw_init(&m->w);
        snprintf(name, sizeof name, "attachment; filename=\"fluksod-backup-%.8s.json\"",
                 m->service->app->settings->device.id);
        http_header_add(&r, "Content-Disposition", name);
        log_note("backup: made by %s: %zu counters, %s secrets", m->user, m->n, m->sealed ? "with" : "without");
    }
    finish(m, &r);
}

static void on_walk(uv_idle_t *walk)
{
    struct making *m = walk->data;
    struct app *app = m->service->app;
    struct ledger_saved c;

    for (size_t budget = ENTRIES_A_TURN; m->entry && budget; budget--, m->entry = m->entry->after) {
        if ((!m->entry->meter.known && !m->entry->meter.swapped) || ledger_computed(m->entry->source))
            continue;
        ledger_copy(m->entry, &c, app_mono_ms(app), app_unix_s(app));
        backup_put_counter(&m->w, &c);
        m->n++;
    }
    if (m->entry)
        return;
    uv_idle_stop(walk);
    whole(m);
}

static void begin(struct making *m)
{
    struct app *app = m->service->app;
    cJSON *file = desk_file(app->desk), *saved = desk_saved(app->desk);

    backup_open(&m->w, app->settings, file, saved, app_unix_s(app));
    secret_wipe_tree(file);
    cJSON_Delete(saved);
    m->entry = app->ledger.all;
    uv_idle_start(&m->walk, on_walk);
}

static void on_sealed(uv_work_t *work, int status)
{
    struct making *m = work->data;
    struct http_reply r = {0};

    (void)status; /* nobody cancels it */
    for (int i = 0; i < SECRETS; i++)
        if (m->left_out[i][0] && !m->error[0])
            log_warn("backup: %s: it is left out", m->left_out[i]);
    if (m->service->stopped)
        http_error(&r, 503, "the daemon is stopping; please try again");
    else if (m->error[0])
        http_error(&r, 500, m->error);
    if (r.status)
        finish(m, &r);
    else
        begin(m);
}

/* What was asked for; false: *r says what is wrong. */
static bool read_body(const struct http_request *q, struct http_reply *r, bool *secrets, char **passphrase)
{
    static const char *const names[] = {"secrets", "passphrase", NULL};
    cJSON *body = q->body_len ? desk_body(q->body, q->body_len, r) : must(cJSON_CreateObject());
    struct settings_errors errors = {0};

    const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(body, "secrets");
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(body, "passphrase");
    *secrets = cJSON_IsTrue(wanted);
    const char *text = cJSON_GetStringValue(given);
    size_t len = text ? strlen(text) : 0;
    bool good = false;
    if (!body)
        return false;
    if (!cJSON_IsObject(body))
        http_error(r, 400, "the body is no JSON object");
    else if (backup_members(body, names, "", &errors) < 0)
        desk_reply_errors(r, 422, &errors);
    else if (wanted && !cJSON_IsBool(wanted))
        http_error(r, 422, "secrets is true or false");
    else if (given && (!text || !*secrets))
        http_error(r, 422, "passphrase is a text, for when secrets is true");
    else if (*secrets && (len < SEALED_PASSPHRASE_MIN || len > SEALED_PASSPHRASE_MAX))
        http_error(r, 422, "secrets are sealed with a passphrase of 8 to 1024 bytes");
    else
        good = true;
    *passphrase = good && *secrets ? must(strdup(text)) : NULL;
    settings_errors_free(&errors);
    secret_wipe_tree(body);
    return good;
}

void backup_answer(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct backup_service *s = ctx;
    char *passphrase;
    bool secrets;

    if (!read_body(q, r, &secrets, &passphrase))
        return;
    if (s->making || s->stopped) {
        http_error(r, 503, "a backup is being made; please try again");
        secret_wipe(passphrase);
        return;
    }
    struct making *m = s->making = must(calloc(1, sizeof *m));
    m->service = s;
    m->passphrase = passphrase;
    m->later = http_later(q);
    snprintf(m->user, sizeof m->user, "%s", q->user ? q->user : "?");
    jsonw_init(&m->w);
    m->work.data = m->walk.data = m;
    uv_idle_init(s->app->loop, &m->walk);
    if (!secrets) {
        begin(m);
        return;
    }
    secret_gather(&m->secrets, s->app);
    if (getrandom(m->random, sizeof m->random, 0) != (ssize_t)sizeof m->random)
        abort();
    uv_queue_work(s->app->loop, &m->work, seal, on_sealed);
}

/* ---- the service ---- */

static void *backup_new(struct app *app)
{
    static const struct http_route routes[] = {
        {"POST", "/api/v1/backup", HTTP_WRITE, BACKUP_BODY_MAX, backup_answer},
        {"POST", "/api/v1/restore", HTTP_WRITE, RESTORE_BODY_MAX, restore_answer},
    };
    struct backup_service *s = must(calloc(1, sizeof *s));

    s->app = app;
    uv_timer_init(app->loop, &s->restart);
    s->restart.data = s;
    restore_after_init(&s->after, app);
    httpd_routes(app->httpd, routes, ARRAY_LEN(routes), s);
    jobs_add_verb(&app->jobs, &(struct verb){"restore", NULL, restore_start, NULL, s});
    return s;
}

static void backup_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct backup_service *s = self;

    (void)next;
    if (!old)
        restore_after_start(&s->after);
}

static void backup_stop(void *self)
{
    struct backup_service *s = self;

    s->stopped = true;
    uv_timer_stop(&s->restart);
    httpd_unroute(s->app->httpd, s);
    restore_after_stop(&s->after);
    backup_drop(s);
}

void backup_drop(struct backup_service *s)
{
    struct making *m = s->making;
    struct http_reply r = {0};

    if (!m || !uv_is_active((uv_handle_t *)&m->walk))
        return; /* its job ends first */
    uv_idle_stop(&m->walk);
    http_error(&r, 503, "the daemon is stopping; please try again");
    finish(m, &r);
}

void backup_part_closed(struct backup_service *s)
{
    service_done done = s->done;
    void *ctx = s->done_ctx;

    if (!done || --s->open > 0)
        return;
    free(s);
    done(ctx);
}

static void on_timer_closed(uv_handle_t *h)
{
    backup_part_closed(h->data);
}

static void on_after_closed(void *ctx)
{
    backup_part_closed(ctx);
}

static void backup_close_service(void *self, service_done done, void *ctx)
{
    struct backup_service *s = self;

    s->done = done;
    s->done_ctx = ctx;
    s->open = 2u + (s->making != NULL) + (s->restoring != NULL);
    uv_close((uv_handle_t *)&s->restart, on_timer_closed);
    restore_after_close(&s->after, on_after_closed, s);
}

const struct service service_backup = {
    .name = "backup",
    .new = backup_new,
    .apply = backup_apply,
    .stop = backup_stop,
    .close = backup_close_service,
};
