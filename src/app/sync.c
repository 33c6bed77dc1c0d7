/* The verb `sync` (S6): the sensor board and the Flukso server are brought to the settings by those who talk to them,
 * each result apart and kept over a restart. It talks to neither itself. */
#include "app/app.h"

#include "core/answer.h"
#include "core/jsonw.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/files.h"
#include "io/log.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#define IDLE_MS  60000 /* without a word of either side: it is given up */
#define ITEMS    64    /* sensors whose result is shown */
#define TEXT     400
#define FILE_MAX 8192

enum part_name { PART_BOARD, PART_SERVER, PARTS };

static const struct {
    const char *name;
    enum errand_kind errand;
    int stuck; /* the code when nothing was heard for too long */
} parts[PARTS] = {{"board", ERRAND_BOARD_SYNC, ERRAND_BOARD}, {"server", ERRAND_SERVER_SYNC, ERRAND_AWAY}};

/* How a part ended last. */
struct outcome {
    int code;
    char text[TEXT];
    int64_t time_s; /* 0: not known, or never */
};

struct part {
    struct sync *owner;
    enum part_name name;
    bool running;
    int percent;
    struct outcome last;
};

struct item {
    char *id, *name, *text;
    bool ok;
};

struct sync {
    struct app *app;
    job_handle job; /* the last one */
    struct part part[PARTS];
    struct item items[ITEMS];
    size_t n_items, n_more; /* shown, and not shown */
    uv_timer_t idle;
    struct keeping *keeping, *queued; /* the file is being written; is to be written after that */
    service_done done;
    void *done_ctx;
    int closing; /* what is open still */
};

/* The file, on its way to the disk: a pool job. */
struct keeping {
    uv_work_t work;
    struct sync *owner;
    char path[PATH_MAX];
    struct jsonw text;
    int status;
};

/* ---- texts ---- */

/* The words for the board's codes are those that Fluksometers' fsync has shown to people. */
static const char *code_text(enum part_name part, int code)
{
    switch (code) {
    case ERRAND_OK:
        return "successful";
    case ERRAND_NONE:
        return "no synchronisation";
    case ERRAND_HARDWARE:
        if (part == PART_BOARD)
            return "sensor board hardware compatibility check failed";
    }
    return part == PART_BOARD ? "synchronisation with sensor board failed"
                              : "synchronisation with the Flukso server failed";
}

static void put_outcome(struct jsonw *w, const struct outcome *o)
{
    jsonw_bool(w, "ok", o->code == ERRAND_OK);
    jsonw_int(w, "code", o->code);
    jsonw_str(w, "text", o->text);
    if (o->time_s)
        jsonw_int(w, "time_s", o->time_s);
    else
        jsonw_null(w, "time_s");
}

static void put_items(struct jsonw *w, const struct sync *s)
{
    jsonw_open(w, "sensors", '[');
    for (size_t i = 0; i < s->n_items; i++) {
        jsonw_open(w, NULL, '{');
        jsonw_str(w, "id", s->items[i].id);
        jsonw_str(w, "name", s->items[i].name);
        jsonw_bool(w, "ok", s->items[i].ok);
        jsonw_str(w, "text", s->items[i].text);
        jsonw_close(w, '}');
    }
    jsonw_close(w, ']');
    jsonw_int(w, "more", (int64_t)s->n_more);
}

static void put_parts(struct jsonw *w, const struct sync *s, bool items)
{
    for (size_t i = 0; i < PARTS; i++) {
        jsonw_open(w, parts[i].name, '{');
        put_outcome(w, &s->part[i].last);
        if (items && i == PART_SERVER)
            put_items(w, s);
        jsonw_close(w, '}');
    }
}

static void status_top(void *self, struct jsonw *w)
{
    put_parts(w, self, false);
}

/* ---- the file ---- */

static void read_outcome(struct outcome *o, const cJSON *tree)
{
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(tree, "code"),
                *text = cJSON_GetObjectItemCaseSensitive(tree, "text"),
                *time = cJSON_GetObjectItemCaseSensitive(tree, "time_s");

    if (!cJSON_IsNumber(code) || !cJSON_IsString(text))
        return;
    o->code = code->valueint;
    answer_clean(o->text, sizeof o->text, text->valuestring, strlen(text->valuestring));
    if (cJSON_IsNumber(time) && time->valuedouble > 0 && time->valuedouble < 1e12)
        o->time_s = (int64_t)time->valuedouble;
}

/* One that is missing, or was damaged, says nothing. */
static void read_kept(struct sync *s, const char *path)
{
    char *text;
    size_t len;

    if (files_read(path, FILE_MAX, &text, &len) < 0)
        return;
    cJSON *tree = answer_json(text, len);
    for (size_t i = 0; tree && i < PARTS; i++)
        read_outcome(&s->part[i].last, cJSON_GetObjectItemCaseSensitive(tree, parts[i].name));
    cJSON_Delete(tree);
    free(text);
}

static int kept_path(const struct settings *settings, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/sync.json", settings->storage.path) < PATH_MAX ? 0 : -1;
}

static void run_keep(uv_work_t *work)
{
    struct keeping *k = work->data;

    k->status = files_write(k->path, k->text.buf, k->text.len, 0600);
}

static void closed_one(struct sync *s);
static void write_next(struct sync *s);

static void after_keep(uv_work_t *work, int status)
{
    struct keeping *k = work->data;
    struct sync *s = k->owner;

    if (status < 0)
        k->status = status;
    if (k->status < 0)
        log_warn("sync: %s: %s; the result is lost with the next restart", k->path, strerror(-k->status));
    s->keeping = NULL;
    jsonw_free(&k->text);
    free(k);
    write_next(s);
    if (!s->keeping && s->closing)
        closed_one(s);
}

static void write_next(struct sync *s)
{
    if (s->keeping || !s->queued)
        return;
    s->keeping = s->queued;
    s->queued = NULL;
    uv_queue_work(s->app->loop, &s->keeping->work, run_keep, after_keep);
}

static void keep(struct sync *s)
{
    struct keeping *k = must(calloc(1, sizeof *k));

    k->work.data = k;
    k->owner = s;
    jsonw_init(&k->text);
    jsonw_open(&k->text, NULL, '{');
    put_parts(&k->text, s, false);
    jsonw_close(&k->text, '}');
    jsonw_raw(&k->text, "\n", 1);
    if (kept_path(s->app->settings, k->path) < 0)
        k->path[0] = '\0';
    if (s->queued) { /* the later one tells all that it would have */
        jsonw_free(&s->queued->text);
        free(s->queued);
    }
    s->queued = k;
    write_next(s);
}

/* ---- a job ---- */

static void drop_items(struct sync *s)
{
    for (size_t i = 0; i < s->n_items; i++) {
        free(s->items[i].id);
        free(s->items[i].name);
        free(s->items[i].text);
    }
    s->n_items = s->n_more = 0;
}

static bool any_running(const struct sync *s)
{
    return s->part[PART_BOARD].running || s->part[PART_SERVER].running;
}

static void finish(struct sync *s)
{
    bool failed = false;
    struct jsonw w;

    uv_timer_stop(&s->idle);
    for (size_t i = 0; i < PARTS; i++)
        failed |= s->part[i].last.code > ERRAND_OK;
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    put_parts(&w, s, true);
    jsonw_close(&w, '}');
    jsonw_raw(&w, "", 1);
    keep(s);
    app_job_end(s->app, s->job, failed ? JOB_FAILED : JOB_DONE, w.buf);
}

static void on_idle(uv_timer_t *t);

static void show(struct sync *s)
{
    int sum = 0;

    for (size_t i = 0; i < PARTS; i++)
        sum += s->part[i].running ? s->part[i].percent : 100;
    jobs_percent(&s->app->jobs, s->job, sum / PARTS < 100 ? sum / PARTS : 99);
    uv_timer_start(&s->idle, on_idle, IDLE_MS, 0);
}

static void on_step(void *ctx, int percent, const char *line)
{
    struct part *p = ctx;

    if (!p->running)
        return;
    p->percent = percent;
    if (line)
        jobs_line(&p->owner->app->jobs, p->owner->job, "%s: %s", parts[p->name].name, line);
    show(p->owner);
}

static char *copy(const char *text)
{
    return must(strdup(text));
}

/* A sensor whose turn comes again, because the settings changed meanwhile, has the later result. */
static void on_item(void *ctx, const char *id, const char *name, bool ok, const char *text)
{
    struct sync *s = ((struct part *)ctx)->owner;
    size_t i = 0;

    while (i < s->n_items && strcmp(s->items[i].id, id) != 0)
        i++;
    if (i == ITEMS) {
        s->n_more++;
        return;
    }
    if (i == s->n_items) {
        s->items[s->n_items++] = (struct item){copy(id), copy(name), copy(text), ok};
        return;
    }
    free(s->items[i].text);
    s->items[i].text = copy(text);
    s->items[i].ok = ok;
}

static void note_outcome(struct part *p, int code, const char *detail)
{
    struct outcome *o = &p->last;
    char raw[TEXT];

    snprintf(raw, sizeof raw, "%s%s%s", code_text(p->name, code), detail[0] ? ": " : "", detail);
    answer_clean(o->text, sizeof o->text, raw, strlen(raw));
    o->code = code;
    o->time_s = app_unix_s(p->owner->app);
    log_line(code > ERRAND_OK ? LOG_WARN : LOG_INFO, "sync: %s: %s", parts[p->name].name, o->text);
}

static void on_end(void *ctx, int code, const char *detail)
{
    struct part *p = ctx;
    struct sync *s = p->owner;

    if (!p->running)
        return;
    note_outcome(p, code, detail);
    on_step(p, 100, p->last.text);
    p->running = false;
    show(s);
    if (!any_running(s))
        finish(s);
}

static void on_idle(uv_timer_t *t)
{
    struct sync *s = t->data;

    for (size_t i = 0; i < PARTS; i++) {
        const struct errand *e = &s->app->errands[parts[i].errand];
        if (!s->part[i].running)
            continue;
        e->cancel(e->self);
        on_end(&s->part[i], parts[i].stuck, "nothing was heard for too long");
    }
}

static void begin(struct part *p)
{
    const struct errand *e = &p->owner->app->errands[parts[p->name].errand];

    e->start(e->self, &(struct errand_told){.ctx = p, on_step, on_item, on_end});
}

static int start(void *self, job_handle j, const cJSON *args, char error[JOB_LINE])
{
    struct sync *s = self;

    (void)args, (void)error;
    s->job = j;
    drop_items(s);
    for (size_t i = 0; i < PARTS; i++) { /* both, before either may end */
        s->part[i].running = true;
        s->part[i].percent = 0;
    }
    show(s);
    for (size_t i = 0; i < PARTS; i++)
        begin(&s->part[i]);
    return 0;
}

static void cancel(void *self, job_handle j)
{
    struct sync *s = self;
    bool ended = false;

    (void)j;
    uv_timer_stop(&s->idle);
    for (size_t i = 0; i < PARTS; i++) {
        const struct errand *e = &s->app->errands[parts[i].errand];
        ended |= !s->part[i].running;
        if (s->part[i].running)
            e->cancel(e->self);
        s->part[i].running = false;
    }
    if (ended)
        keep(s); /* what the other part did */
}

/* ---- the service ---- */

static void *sync_new(struct app *app)
{
    struct sync *s = must(calloc(1, sizeof *s));

    s->app = app;
    for (size_t i = 0; i < PARTS; i++) {
        struct part *p = &s->part[i];
        p->owner = s;
        p->name = (enum part_name)i;
        p->last.code = ERRAND_NONE;
        snprintf(p->last.text, sizeof p->last.text, "%s", code_text(p->name, ERRAND_NONE));
    }
    uv_timer_init(app->loop, &s->idle);
    s->idle.data = s;
    jobs_add_verb(&app->jobs, &(struct verb){"sync", "/api/v1/sync", start, cancel, s});
    app_section(app, &(struct status_section){"sync", status_top, NULL, s});
    return s;
}

/* A job that is under way is one of the settings in force: a part that was done begins anew (one that is at work does
 * so by itself). */
static void sync_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct sync *s = self;
    char path[PATH_MAX];

    if (!old && kept_path(next, path) == 0)
        read_kept(s, path);
    for (size_t i = 0; old && i < PARTS; i++) {
        if (s->part[i].running || !any_running(s))
            continue;
        s->part[i].running = true;
        s->part[i].percent = 0;
        begin(&s->part[i]);
    }
}

static void sync_stop(void *self)
{
    struct sync *s = self;

    uv_timer_stop(&s->idle);
    for (size_t i = 0; i < PARTS; i++)
        s->part[i].running = false;
}

static void closed_one(struct sync *s)
{
    service_done done = s->done;
    void *ctx = s->done_ctx;

    if (--s->closing > 0)
        return;
    drop_items(s);
    free(s);
    done(ctx);
}

static void on_idle_closed(uv_handle_t *h)
{
    closed_one(h->data);
}

static void sync_close(void *self, service_done done, void *ctx)
{
    struct sync *s = self;

    app_section_end(s->app, s);
    s->done = done;
    s->done_ctx = ctx;
    s->closing = s->keeping ? 2 : 1;
    uv_close((uv_handle_t *)&s->idle, on_idle_closed);
}

const struct service service_sync = {
    .name = "sync",
    .new = sync_new,
    .apply = sync_apply,
    .stop = sync_stop,
    .close = sync_close,
};
