#include "app/desk.h"

#include "app/app.h"
#include "core/ident.h"
#include "core/settings_change.h"
#include "core/settings_merge.h"
#include "core/util.h"
#include "io/files.h"
#include "io/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#define ETAG_ROOM (IDENT_LEN + 3) /* in quotes */

/* One change that was asked for. */
struct change {
    struct change *after;
    cJSON *tree; /* a patch, or a whole layer */
    bool whole;
    char *etag; /* NULL: whatever they are */
    desk_done done;
    void *ctx;
};

struct changes {
    struct change *first, **end;
    size_t n;
};

/* What the pool job has to itself. */
struct save {
    uv_work_t work;
    char *dir, *text;
    size_t len;
    int err;
};

struct desk {
    struct app *app;
    desk_take take;
    desk_idle idle;
    void *ctx;
    cJSON *file, *saved, *whole; /* whole: of app->settings; NULL: not made yet */
    char etag[ETAG_ROOM];
    char job[JOB_ID];
    struct changes waiting, refused;
    struct change *current; /* whose save is under way; NULL when none is, or nobody waits for it any more */
    struct settings_change next;
    struct save save;
    bool saving, stopped;
    uv_timer_t turn;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* ---- what is in force ---- */

static const cJSON *whole(const struct desk *d)
{
    struct desk *cache = (struct desk *)d; /* made when somebody asks */

    if (!d->whole) {
        cache->whole = settings_tree(d->app->settings);
        char *text = must(cJSON_PrintUnformatted(d->whole)), hash[IDENT_LEN + 1];
        ident_derive("settings", text, hash);
        snprintf(cache->etag, sizeof cache->etag, "\"%s\"", hash);
        cJSON_free(text);
    }
    return d->whole;
}

static void forget_whole(struct desk *d)
{
    cJSON_Delete(d->whole);
    d->whole = NULL;
}

const char *desk_etag(const struct desk *d)
{
    whole(d);
    return d->etag;
}

cJSON *desk_effective(const struct desk *d)
{
    return must(cJSON_Duplicate(whole(d), true));
}

cJSON *desk_saved(const struct desk *d)
{
    return must(d->saved ? cJSON_Duplicate(d->saved, true) : cJSON_CreateObject());
}

cJSON *desk_file(const struct desk *d)
{
    return must(cJSON_Duplicate(d->file, true));
}

const char *desk_job(const struct desk *d)
{
    return d->job;
}

bool desk_saving(const struct desk *d)
{
    return d->saving;
}

void desk_loaded(struct desk *d, cJSON *file, cJSON *saved)
{
    cJSON_Delete(d->file);
    cJSON_Delete(d->saved);
    d->file = file;
    d->saved = saved;
    forget_whole(d);
}

/* ---- who waits ---- */

static void on_turn(uv_timer_t *t);

static void append(struct changes *list, struct change *c)
{
    c->after = NULL;
    *(list->first ? list->end : &list->first) = c;
    list->end = &c->after;
    list->n++;
}

static struct change *take_first(struct changes *list)
{
    struct change *c = list->first;

    if (c) {
        list->first = c->after;
        list->n--;
    }
    return c;
}

static void ask(struct desk *d, const cJSON *tree, bool whole_layer, const char *etag, desk_done done, void *ctx)
{
    struct change *c = must(calloc(1, sizeof *c));

    c->tree = must(cJSON_Duplicate(tree, true));
    c->whole = whole_layer;
    c->etag = etag ? must(strdup(etag)) : NULL;
    c->done = done;
    c->ctx = ctx;
    append(d->stopped || d->waiting.n == DESK_WAITING ? &d->refused : &d->waiting, c);
    if (!uv_is_closing((uv_handle_t *)&d->turn))
        uv_timer_start(&d->turn, on_turn, 0, 0);
}

void desk_patch(struct desk *d, const cJSON *patch, const char *etag, desk_done done, void *ctx)
{
    ask(d, patch, false, etag, done, ctx);
}

void desk_replace(struct desk *d, const cJSON *saved, desk_done done, void *ctx)
{
    ask(d, saved, true, NULL, done, ctx);
}

static void finish(struct change *c, int status, const struct settings_errors *errors)
{
    static const struct settings_errors none;

    c->done(c->ctx, status, errors ? errors : &none);
    cJSON_Delete(c->tree);
    free(c->etag);
    free(c);
}

/* ---- one change ---- */

static struct settings_base base_of(const struct desk *d)
{
    return (struct settings_base){.file = d->file,
                                  .saved = d->saved,
                                  .now = d->app->settings,
                                  .whole = whole(d),
                                  .board_minor = d->app->board_minor,
                                  .meters = d->app->meters};
}

int desk_check(struct desk *d, const cJSON *patch, struct settings_errors *errors, cJSON **effective)
{
    struct settings_base base = base_of(d);
    struct settings_change c;

    if (settings_change_patch(&c, &base, patch, errors) < 0)
        return DESK_INVALID;
    if (effective)
        *effective = settings_tree(c.next);
    settings_change_free(&c);
    return 0;
}

/* If-Match: "*", or a list of etags. */
static bool is_stale(const struct desk *d, const char *match)
{
    return match && strcmp(match, "*") != 0 && !strstr(match, desk_etag(d));
}

static bool differs(const cJSON *a, const cJSON *b, const char *name)
{
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(a, name), *y = cJSON_GetObjectItemCaseSensitive(b, name);

    return !x != !y || (x && !cJSON_Compare(x, y, true));
}

/* S6: board and server are told of what concerns them. */
static void start_sync(struct desk *d, const cJSON *before)
{
    static const char *const concerned[] = {"sensors", "ports", "derive", "phase", "board", "flukso"};
    char error[JOB_LINE];
    bool due = false;
    job_handle j;

    d->job[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(concerned); i++)
        due = due || differs(before, whole(d), concerned[i]);
    if (!due)
        return;
    enum jobs_why why = app_job(d->app, "sync", NULL, &j, error);
    if (why != JOBS_OK && why != JOBS_RUNNING)
        log_warn("settings: the sync of board and server was not started: %s", error);
    if (j)
        job_id(j, d->job);
}

static void bring_in_force(struct desk *d)
{
    cJSON *before = d->whole;
    struct settings *next = d->next.next;

    cJSON_Delete(d->saved);
    d->saved = d->next.saved;
    d->next = (struct settings_change){0};
    d->whole = NULL;
    d->take(d->ctx, next);
    start_sync(d, before);
    cJSON_Delete(before);
}

/* In the pool: nothing but d->save is touched. */
static void save_job(uv_work_t *work)
{
    struct save *s = &((struct desk *)work->data)->save;
    char path[PATH_MAX];

    mkdir(s->dir, 0750);
    s->err = snprintf(path, sizeof path, "%s/" SETTINGS_SAVED, s->dir) < (int)sizeof path
                 ? files_save(path, s->text, s->len, 0600, SETTINGS_SAVED_KEPT)
                 : -ENAMETOOLONG;
}

static void close_if_done(struct desk *d);

static void on_saved(uv_work_t *work, int status)
{
    struct desk *d = work->data;
    struct change *c = d->current;
    struct settings_errors errors = {0};

    (void)status; /* nobody cancels it */
    d->saving = false;
    d->current = NULL;
    if (d->save.err < 0)
        settings_error_add(&errors, SETTINGS_SAVED, "cannot be written in %s: %s", d->save.dir, strerror(-d->save.err));
    free(d->save.dir);
    free(d->save.text);
    if (errors.n)
        log_error("settings: %s: %s", errors.v[0].path, errors.v[0].message);
    if (errors.n || d->stopped)
        settings_change_free(&d->next);
    else
        bring_in_force(d);
    if (c)
        finish(c, errors.n ? DESK_DISK : 0, &errors);
    d->job[0] = '\0';
    settings_errors_free(&errors);
    if (d->stopped) {
        close_if_done(d);
        return;
    }
    uv_timer_start(&d->turn, on_turn, 0, 0);
    d->idle(d->ctx);
}

static void start_save(struct desk *d, struct change *c)
{
    char *text = must(cJSON_Print(d->next.saved));

    d->save = (struct save){.dir = must(strdup(d->app->settings->storage.path))};
    if (asprintf(&d->save.text, "%s\n", text) < 0)
        abort();
    d->save.len = strlen(d->save.text);
    cJSON_free(text);
    d->current = c;
    d->saving = true;
    d->save.work.data = d;
    uv_queue_work(d->app->loop, &d->save.work, save_job, on_saved);
}

static void begin(struct desk *d, struct change *c)
{
    struct settings_base base = base_of(d);
    struct settings_errors errors = {0};
    int result;

    if (is_stale(d, c->etag)) {
        finish(c, DESK_STALE, NULL);
        return;
    }
    result = (c->whole ? settings_change_layer : settings_change_patch)(&d->next, &base, c->tree, &errors);
    if (result == 0 && !d->next.same) {
        start_save(d, c);
        return;
    }
    settings_change_free(&d->next);
    finish(c, result < 0 ? DESK_INVALID : 0, &errors);
    settings_errors_free(&errors);
}

/* A change a turn: each is answered before the next is looked at. */
static void on_turn(uv_timer_t *t)
{
    struct desk *d = t->data;
    struct change *c;

    while ((c = take_first(&d->refused)))
        finish(c, DESK_BUSY, NULL);
    if (d->saving || d->stopped)
        return;
    if ((c = take_first(&d->waiting)))
        begin(d, c);
    if (d->waiting.first && !d->saving)
        uv_timer_start(&d->turn, on_turn, 0, 0);
}

/* ---- its life ---- */

struct desk *desk_new(struct app *app, desk_take take, desk_idle idle, void *ctx)
{
    struct desk *d = must(calloc(1, sizeof *d));

    d->app = app;
    d->take = take;
    d->idle = idle;
    d->ctx = ctx;
    uv_timer_init(app->loop, &d->turn);
    d->turn.data = d;
    return d;
}

void desk_stop(struct desk *d)
{
    struct change *c;

    d->stopped = true;
    if ((c = d->current))
        finish(c, DESK_BUSY, NULL);
    d->current = NULL;
    while ((c = take_first(&d->waiting)) || (c = take_first(&d->refused)))
        finish(c, DESK_BUSY, NULL);
}

static void on_turn_closed(uv_handle_t *h)
{
    struct desk *d = h->data;
    void (*closed)(void *) = d->closed;
    void *ctx = d->closed_ctx;
    struct change *c;

    while ((c = take_first(&d->refused)))
        finish(c, DESK_BUSY, NULL);
    cJSON_Delete(d->file);
    cJSON_Delete(d->saved);
    forget_whole(d);
    free(d);
    closed(ctx);
}

static void close_if_done(struct desk *d)
{
    if (d->closed && !d->saving)
        uv_close((uv_handle_t *)&d->turn, on_turn_closed);
}

void desk_close(struct desk *d, void (*cb)(void *ctx), void *ctx)
{
    d->closed = cb;
    d->closed_ctx = ctx;
    close_if_done(d);
}
