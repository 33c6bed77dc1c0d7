/* POST restore: a backup is judged in the pool, its plan written down there (app/restore_files.h), and the daemon
 * starts anew to carry it out. Up to the moment that the plan is on the disk nothing has changed.
 *
 *   body ─► judged, unsealed (pool) ─► 202, job ─► plan on the disk (pool) ─► job ends ─► a second later: restart
 *                └─► 400, 409, 422                       └─► job fails                                          */
#include "app/backup_impl.h"

#include "app/desk.h"
#include "app/desk_reply.h"
#include "app/job_reply.h"
#include "app/restore_files.h"
#include "app/secret_gather.h"
#include "core/ident.h"
#include "core/jsonc.h"
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

#define RESTART_MS 1000 /* for who follows the job to see its end */

struct restoring {
    struct backup_service *service;
    struct http_later *later;
    char *body;
    size_t len;
    cJSON *file; /* the administrator's tree here */
    char *dir;
    char new_id[IDENT_LEN + 1];
    struct secret_gather secrets; /* in use here */
    uv_work_t work;
    char user[HTTP_USER_MAX];
    /* what the pool makes of them */
    bool as_new, new_board, force;
    bool no_json;
    struct settings_errors errors;
    struct restore plan;
    struct settings *next;
    char device_id[IDENT_LEN + 1]; /* of the backup */
    size_t n_secrets;
    int err;
    job_handle job;
};

/* ---- judging, in the pool ---- */

static bool read_flag(struct restoring *x, const cJSON *doc, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(doc, name);

    if (v && !cJSON_IsBool(v))
        settings_error_add(&x->errors, name, "is neither true nor false");
    return cJSON_IsTrue(v);
}

static void unseal(struct restoring *x, const struct backup *b, const cJSON *doc)
{
    const char *passphrase = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(doc, "passphrase"));
    char *text;
    size_t len;

    if (!passphrase || strlen(passphrase) > SEALED_PASSPHRASE_MAX) {
        settings_error_add(&x->errors, "passphrase",
                           "is needed: the backup holds secrets; or take its member sealed out, and set them anew");
        return;
    }
    switch (sealed_open(b->sealed, strlen(b->sealed), passphrase, &text, &len)) {
    case 0:
        (void)!restore_secrets(&x->plan, text, len, x->as_new, &x->errors);
        OPENSSL_cleanse(text, len);
        free(text);
        break;
    case SEALED_NO_MEMORY:
        settings_error_add(&x->errors, "passphrase", "cannot be tried: there is no memory");
        break;
    default:
        settings_error_add(&x->errors, "passphrase", "is wrong, or what it sealed is damaged");
        break;
    }
}

/* A secret that is in use here already need not be saved, too: where a file holds it, the file goes on to count. */
static void drop_known_secrets(struct restoring *x)
{
    char why[SECRET_GATHER_WHY], *text;

    for (int i = 0; i < SECRETS; i++) {
        if (!x->plan.secrets[i])
            continue;
        x->n_secrets++;
        if (secret_gather_read(&x->secrets, (enum secret)i, &text, why) > 0 && strcmp(text, x->plan.secrets[i]) == 0) {
            secret_wipe(x->plan.secrets[i]);
            x->plan.secrets[i] = NULL;
        }
        secret_wipe(text);
    }
}

static void judge_document(struct restoring *x, const cJSON *doc)
{
    static const char *const names[] = {"backup", "passphrase", "as_new", "new_board", "force", NULL};
    struct backup b = {.made_s = 0};

    if (backup_members(doc, names, "", &x->errors) < 0)
        return;
    x->as_new = read_flag(x, doc, "as_new");
    x->new_board = read_flag(x, doc, "new_board");
    x->force = read_flag(x, doc, "force");
    if (backup_read(&b, cJSON_GetObjectItemCaseSensitive(doc, "backup"), "backup", &x->errors) == 0 && !x->errors.n) {
        const struct restore_how how = {.file = x->file,
                                        .meters = x->service->app->meters,
                                        .storage_path = x->dir,
                                        .new_id = x->new_id,
                                        .as_new = x->as_new,
                                        .new_board = x->new_board};
        memcpy(x->device_id, b.device_id, sizeof x->device_id);
        if (restore_settings(&x->plan, &x->next, &b, &how, &x->errors) == 0 && b.sealed)
            unseal(x, &b, doc);
    }
    backup_free(&b);
    drop_known_secrets(x);
}

static void judge(uv_work_t *work)
{
    struct restoring *x = work->data;
    struct jsonc_error error;
    cJSON *doc = jsonc_parse(x->body, x->len, &error);

    OPENSSL_cleanse(x->body, x->len);
    x->no_json = !cJSON_IsObject(doc);
    if (!doc)
        settings_error_add(&x->errors, "body", "is no JSON: line %u, column %u: %s", error.line, error.column,
                           error.problem);
    else if (x->no_json)
        settings_error_add(&x->errors, "body", "is no JSON object");
    else
        judge_document(x, doc);
    secret_wipe_tree(doc);
}

/* ---- the end of it ---- */

static void restoring_free(struct restoring *x)
{
    struct backup_service *s = x->service;

    s->restoring = NULL;
    free(x->body);
    secret_wipe_tree(x->file);
    free(x->dir);
    secret_gather_free(&x->secrets);
    settings_errors_free(&x->errors);
    restore_free(&x->plan);
    settings_free(x->next);
    free(x);
    backup_part_closed(s);
}

static void refuse(struct restoring *x, struct http_reply *r)
{
    http_answer(x->later, r);
    restoring_free(x);
}

/* ---- the plan on the disk ---- */

static void stage(uv_work_t *work)
{
    struct restoring *x = work->data;

    x->err = restore_stage(x->dir, &x->plan);
}

static void on_restart(uv_timer_t *t)
{
    struct backup_service *s = t->data;

    s->app->restart(s->app->restart_ctx);
}

static char *result_of(const struct restoring *x, const char *text)
{
    struct jsonw w;

    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_bool(&w, "ok", !x->err);
    jsonw_str(&w, "text", text);
    jsonw_str(&w, "device_id", x->plan.device_id);
    jsonw_int(&w, "sensors", (int64_t)x->next->n_sensors);
    jsonw_int(&w, "counters", (int64_t)x->plan.n_counters);
    jsonw_int(&w, "secrets", (int64_t)x->n_secrets);
    jsonw_close(&w, '}');
    jsonw_raw(&w, "", 1);
    return w.buf;
}

static void on_staged(uv_work_t *work, int status)
{
    struct restoring *x = work->data;
    struct backup_service *s = x->service;
    char text[160];

    (void)status;
    if (x->err)
        snprintf(text, sizeof text, "it cannot be written in %.80s: %s; nothing has changed", x->dir,
                 strerror(-x->err));
    else
        snprintf(text, sizeof text, "restored: starting anew as device %s", x->plan.device_id);
    jobs_line(&s->app->jobs, x->job, "%s", text);
    if (x->err)
        log_error("restore: %s", text);
    else
        log_note("restore: the backup of device %s is restored at the start that follows", x->device_id);
    app_job_end(s->app, x->job, x->err ? JOB_FAILED : JOB_DONE, result_of(x, text));
    if (!x->err && !s->stopped)
        uv_timer_start(&s->restart, on_restart, RESTART_MS, 0);
    restoring_free(x);
}

int restore_start(void *self, job_handle j, const struct cJSON *args, char error[JOB_LINE])
{
    struct backup_service *s = self;
    struct restoring *x = s->restoring;

    (void)args, (void)error; /* only restore_answer()'s second half starts it */
    x->job = j;
    jobs_line(&s->app->jobs, j, "%zu sensors, %zu counters, %zu secrets", x->next->n_sensors, x->plan.n_counters,
              x->n_secrets);
    uv_queue_work(s->app->loop, &x->work, stage, on_staged);
    return 0;
}

static bool counts(const struct ledger *l)
{
    for (const struct ledger_entry *e = l->all; e; e = e->after)
        if (e->meter.known || e->meter.swapped)
            return true;
    return false;
}

static void on_judged(uv_work_t *work, int status)
{
    struct restoring *x = work->data;
    struct backup_service *s = x->service;
    struct http_reply r = {0};
    char error[JOB_LINE];
    job_handle j;

    (void)status;
    if (s->stopped) {
        http_error(&r, 503, "the daemon is stopping; please try again");
    } else if (x->errors.n) {
        desk_reply_errors(&r, x->no_json ? 400 : 422, &x->errors);
    } else if (!x->force && counts(&s->app->ledger)) {
        http_error(&r, 409,
                   "this machine has counters of its own: restore by force, and what is published goes on from the "
                   "higher of each");
    } else {
        restore_leave(&x->plan, s->app->settings, x->next);
        enum jobs_why why = app_job(s->app, "restore", NULL, &j, error);
        if (why == JOBS_OK) {
            log_note("restore: started by %s", x->user);
            job_reply(&r, 202, NULL, j);
            http_answer(x->later, &r);
            return;
        }
        http_error(&r, 503, error);
    }
    refuse(x, &r);
}

void restore_answer(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct backup_service *s = ctx;
    uint8_t random[16];

    if (s->restoring && s->restoring->job) {
        job_reply(r, 409, "a backup is being restored", s->restoring->job);
        return;
    }
    if (s->restoring || s->stopped || uv_is_active((uv_handle_t *)&s->restart)) {
        http_error(r, 503, "a backup is being restored, or the daemon is stopping; please try again");
        return;
    }
    struct restoring *x = s->restoring = must(calloc(1, sizeof *x));
    x->service = s;
    x->later = http_later(q);
    x->body = memcpy(must(malloc(q->body_len + 1)), q->body, q->body_len);
    x->len = q->body_len;
    x->file = desk_file(s->app->desk);
    x->dir = must(strdup(s->app->settings->storage.path));
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        abort();
    ident_from_random(random, x->new_id);
    secret_gather(&x->secrets, s->app);
    snprintf(x->user, sizeof x->user, "%s", q->user ? q->user : "?");
    x->work.data = x;
    uv_queue_work(s->app->loop, &x->work, judge, on_judged);
}
