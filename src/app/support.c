/* GET /api/v1/support: what people need who help from afar, as one .tar.gz that is made while it is sent (pitfall 26).
 * A member is written whole, piece by piece, then packed piece by piece; each turn of the loop does one piece. It never
 * holds a secret: nothing in it is written from one, and one that came into a text all the same is masked. */
#include "app/app.h"
#include "app/desk.h"
#include "app/lines.h"
#include "app/view.h"

#include "core/jsonw.h"
#include "core/line_body.h"
#include "core/line_mask.h"
#include "core/log_ring.h"
#include "core/metrics_body.h"
#include "core/settings.h"
#include "core/status_body.h"
#include "core/tar.h"
#include "core/util.h"
#include "io/files.h"
#include "io/httpd.h"
#include "io/log.h"
#include "io/store.h"
#include "io/sysinfo.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <sys/utsname.h>

#define FOLDER     "fluksod-support/"
#define PACK_BYTES 16384 /* packed in one turn */
#define LOG_PIECE  50    /* lines written in one turn */
#define KEEP_BYTES 65536 /* a larger buffer is given back after its member */
#define SECRET_MIN 4     /* shorter ones would mask what is none */

struct support {
    struct app *app;
    struct bundle *bundle; /* one at a time */
};

/* One bundle on its way. */
struct bundle {
    struct support *service;
    struct http_stream *stream;
    struct tar tar;
    size_t sent;       /* bytes of tar.out */
    size_t at;         /* the member */
    bool whole, ended; /* it is written, and being packed; the archive is */
    struct jsonw text; /* of the member */
    size_t packed;     /* bytes of it */
    int64_t unix_s;
    struct status_body status;
    struct metrics_body metrics;
    uint64_t line;       /* of the log: the next one */
    size_t telegrams_of; /* of the lines with telegrams: likewise */
};

/* ---- the members: each appends a piece; true: more is to come ---- */

static void say(struct jsonw *w, const char *text)
{
    jsonw_raw(w, text, strlen(text));
}

static bool readme(struct bundle *b, struct jsonw *w)
{
    static const char text[] =
        "What fluksod told of itself, for those who help. It holds no password, key or token; it\n"
        "does hold names, addresses and readings.\n"
        "\n"
        "system.txt     versions, host, memory\n"
        "settings.json  the settings in force, with defaults filled in\n"
        "status.json    GET /api/v1/status: settings in brief, facts with reasons, sensors\n"
        "metrics.txt    GET /metrics: every number\n"
        "store.txt      the numbers of the store\n"
        "sync.json      how the last synchronisation of board and server ended\n"
        "lines.json     GET /api/v1/lines/KEY of each, the numbers of meters masked\n"
        "jobs.json      GET /api/v1/jobs\n"
        "log.txt        the last lines of the log, times in UTC\n";

    (void)b;
    say(w, text);
    return false;
}

static void say_release(struct jsonw *w)
{
    static const char key[] = "PRETTY_NAME=";
    char *text;
    size_t len;

    if (files_read("/etc/os-release", 4096, &text, &len) < 0)
        return;
    const char *line = strstr(text, key);
    if (line) {
        say(w, "system ");
        jsonw_raw(w, line + sizeof key - 1, strcspn(line + sizeof key - 1, "\n"));
        say(w, "\n");
    }
    free(text);
}

static bool about_system(struct bundle *b, struct jsonw *w)
{
    struct utsname u;
    struct sysinfo_memory m;
    struct view view;
    char line[512];

    view_fill(&view, b->service->app);
    say(w, "fluksod " FLUKSOD_VERSION "\n");
    for (size_t i = 0; i < VIEW_LIBRARIES; i++) {
        snprintf(line, sizeof line, "%s %s\n", view.libraries[i].name, view.libraries[i].version);
        say(w, line);
    }
    say_release(w);
    if (uname(&u) == 0) {
        snprintf(line, sizeof line, "kernel %s %s %s\n", u.sysname, u.release, u.machine);
        say(w, line);
    }
    sysinfo_memory(&m);
    snprintf(line, sizeof line, "memory %lld KiB, free %lld, cached %lld, buffers %lld\nuptime %lld s\n",
             (long long)m.total, (long long)m.free, (long long)m.cached, (long long)m.buffers,
             (long long)sysinfo_uptime_s());
    say(w, line);
    return false;
}

/* Without what is secret: the desk leaves it out. */
static bool effective_settings(struct bundle *b, struct jsonw *w)
{
    cJSON *tree = desk_effective(b->service->app->desk);
    char *text = must(cJSON_Print(tree));

    say(w, text);
    say(w, "\n");
    cJSON_free(text);
    cJSON_Delete(tree);
    return false;
}

static bool status(struct bundle *b, struct jsonw *w)
{
    struct view view;

    view_fill(&view, b->service->app);
    return status_body_more(&b->status, &view.v, w);
}

static bool metrics(struct bundle *b, struct jsonw *w)
{
    struct view view;

    view_fill(&view, b->service->app);
    return metrics_body_more(&b->metrics, &view.v, w);
}

static void put_number(void *ctx, const struct stat_value *v)
{
    struct jsonw *w = ctx;
    char line[256];

    snprintf(line, sizeof line, v->labels ? "%s{%s} %lld\n" : "%s%s %lld\n", v->name, v->labels ? v->labels : "",
             (long long)v->value);
    say(w, line);
}

static bool about_store(struct bundle *b, struct jsonw *w)
{
    struct app *app = b->service->app;
    const char *error = store_error(app->store);

    say(w, error ? error : "no error");
    say(w, "\n");
    store_stats(app->store, put_number, w);
    return false;
}

static bool sync_results(struct bundle *b, struct jsonw *w)
{
    const struct status_sections *all = &b->service->app->sections;

    jsonw_open(w, NULL, '{');
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->v[i].name, "sync") == 0)
            all->v[i].top(all->v[i].self, w);
    jsonw_close(w, '}');
    say(w, "\n");
    return false;
}

/* A line with its telegrams, in which meters have no numbers. */
static void put_masked(const struct lines *lines, const char *key, struct jsonw *w)
{
    struct line_value_view value;
    struct line_view v;

    if (!lines_view(lines, key, &v))
        return;
    char *ident = must(strdup(v.ident)), *telegram = must(strdup(v.telegram)),
         *refused = must(strdup(v.refused_telegram));
    line_mask_ident(ident);
    line_mask(telegram);
    line_mask(refused);
    v.ident = ident;
    v.telegram = telegram;
    v.refused_telegram = refused;
    line_body_open(w, &v);
    for (size_t i = 0; i < v.n_values; i++)
        if (lines_value(lines, key, i, &value))
            line_body_value(w, &value);
    line_body_close(w, &v);
    free(ident);
    free(telegram);
    free(refused);
}

/* A line in one turn. */
static bool all_lines(struct bundle *b, struct jsonw *w)
{
    const struct app *app = b->service->app;
    const size_t i = b->telegrams_of++;

    if (i == 0)
        jsonw_open(w, NULL, '[');
    if (i < app->settings->n_lines) {
        put_masked(app->lines, app->settings->lines[i].key, w);
        return true;
    }
    jsonw_close(w, ']');
    say(w, "\n");
    return false;
}

static bool all_jobs(struct bundle *b, struct jsonw *w)
{
    const struct jobs *js = &b->service->app->jobs;

    jsonw_open(w, NULL, '[');
    for (size_t i = 0; i < js->n; i++)
        job_write(js->v[i], true, w);
    jsonw_close(w, ']');
    say(w, "\n");
    return false;
}

/* The log tells the one-time code for the first password to who sits at the machine. */
static void mask_code(char *text)
{
    static const char before[] = "one-time code ";
    char *p = strstr(text, before);

    for (p = p ? p + sizeof before - 1 : text; p > text && *p >= '0' && *p <= '9'; p++)
        *p = '*';
}

/* … and what a meter calls itself, behind which its number may stand. */
static void mask_meter(char *text)
{
    static const char before[] = "telegrams come from ";
    char *p = strstr(text, before);

    if (p)
        line_mask_ident(p + sizeof before - 1);
}

static bool log_lines(struct bundle *b, struct jsonw *w)
{
    struct log_entry e;

    for (int i = 0; i < LOG_PIECE; i++) {
        if (!log_get(b->line, &e))
            return false;
        mask_code(e.text);
        mask_meter(e.text);
        char *p = jsonw_room(w, LOG_ENTRY_MAX + 1);
        size_t n = log_entry_format(p, &e);
        p[n] = '\n';
        w->len += n + 1;
        b->line = e.number + 1;
    }
    return true;
}

static const struct {
    const char *name;
    bool (*piece)(struct bundle *b, struct jsonw *w);
} members[] = {
    {FOLDER "README.txt", readme},
    {FOLDER "system.txt", about_system},
    {FOLDER "settings.json", effective_settings},
    {FOLDER "status.json", status},
    {FOLDER "metrics.txt", metrics},
    {FOLDER "store.txt", about_store},
    {FOLDER "sync.json", sync_results},
    {FOLDER "lines.json", all_lines},
    {FOLDER "jobs.json", all_jobs},
    {FOLDER "log.txt", log_lines},
};

/* ---- the archive ---- */

/* What is a secret and known here stands nowhere behind `from` after this. */
static void mask(struct jsonw *w, size_t from, const char *secret)
{
    size_t n = secret ? strlen(secret) : 0;

    if (n < SECRET_MIN)
        return;
    for (char *p = w->buf + from; w->len && (p = memmem(p, (size_t)(w->buf + w->len - p), secret, n)); p += n)
        memset(p, '*', n);
}

static void write_piece(struct bundle *b)
{
    size_t from = b->text.len;

    b->whole = !members[b->at].piece(b, &b->text);
    mask(&b->text, from, b->service->app->settings->device.key);
    if (b->whole)
        tar_member(&b->tar, members[b->at].name, b->text.len, b->unix_s);
}

static void pack_piece(struct bundle *b)
{
    size_t n = b->text.len - b->packed < PACK_BYTES ? b->text.len - b->packed : PACK_BYTES;

    tar_data(&b->tar, b->text.buf + b->packed, n);
    b->packed += n;
    if (b->packed < b->text.len)
        return;
    if (b->text.cap > KEEP_BYTES)
        jsonw_free(&b->text);
    b->text.len = b->packed = 0;
    b->text.comma = b->whole = false;
    b->at++;
}

/* A turn's work. */
static void step(struct bundle *b)
{
    if (b->at == ARRAY_LEN(members)) {
        tar_end(&b->tar);
        b->ended = true;
    } else if (b->whole) {
        pack_piece(b);
    } else {
        write_piece(b);
    }
}

static size_t more(void *ctx, char *dst, size_t size)
{
    struct bundle *b = ctx;

    if (b->sent == b->tar.out.len) {
        b->sent = b->tar.out.len = 0;
        if (b->ended)
            return 0;
        step(b);
    }
    if (b->tar.out.len == 0) { /* the packer keeps what it has: on with it in another turn */
        http_wake(b->stream);
        return HTTP_WAIT;
    }
    size_t n = b->tar.out.len - b->sent < size ? b->tar.out.len - b->sent : size;
    memcpy(dst, b->tar.out.buf + b->sent, n);
    b->sent += n;
    return n;
}

static void done(void *ctx)
{
    struct bundle *b = ctx;

    b->service->bundle = NULL;
    tar_fini(&b->tar);
    jsonw_free(&b->text);
    free(b);
}

static void answer_support(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct support *s = ctx;
    char disposition[96];

    if (s->bundle) {
        http_error(r, 503, "another bundle is being made; please try again");
        return;
    }
    struct bundle *b = must(calloc(1, sizeof *b));
    b->service = s;
    b->unix_s = app_unix_s(s->app);
    tar_init(&b->tar);
    jsonw_init(&b->text);
    snprintf(disposition, sizeof disposition, "attachment; filename=\"fluksod-support-%.8s-%lld.tar.gz\"",
             s->app->settings->device.id, (long long)b->unix_s);
    http_header_add(r, "Content-Disposition", disposition);
    s->bundle = b;
    b->stream = http_stream(q);
    r->type = "application/gzip";
    r->more = more;
    r->done = done;
    r->ctx = b;
    log_info("support: a bundle is made for %s", q->user ? q->user : "a client");
}

/* ---- the service ---- */

static void *support_new(struct app *app)
{
    static const struct http_route route = {"GET", "/api/v1/support", HTTP_READ, 0, answer_support};
    struct support *s = must(calloc(1, sizeof *s));

    s->app = app;
    httpd_routes(app->httpd, &route, 1, s);
    return s;
}

/* Nothing to compare: a bundle shows the settings that are in force when it is written. */
static void support_apply(void *self, const struct settings *old, const struct settings *next)
{
    (void)self, (void)old, (void)next;
}

static void support_stop(void *self)
{
    struct support *s = self;

    httpd_unroute(s->app->httpd, s);
}

/* The server has stopped by now (services stop before any closes): no bundle is on its way. */
static void support_close(void *self, service_done done_cb, void *ctx)
{
    free(self);
    done_cb(ctx);
}

const struct service service_support = {
    .name = "support",
    .new = support_new,
    .apply = support_apply,
    .stop = support_stop,
    .close = support_close,
};
