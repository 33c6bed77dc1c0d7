/* The verb `selftest`: what the gateway needs, checked one after the other, each with ok, fail or skip and the reason
 * (pitfall 26). No check lasts longer than ten seconds, and none changes anything that stays.
 *
 *   board, clock, network, name, server, broker, disk, memory */
#include "app/selftest_impl.h"

#include "core/jsonw.h"
#include "core/util.h"
#include "io/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    void (*begin)(struct selftest *t);
    void (*drop)(struct selftest *t); /* nobody waits for it any more; or NULL */
} checks[] = {
    {"board", selftest_board, NULL},
    {"clock", selftest_clock, NULL},
    {"network", selftest_network, NULL},
    {"name", selftest_name, selftest_name_drop},
    {"server", selftest_server, selftest_server_drop},
    {"broker", selftest_broker, NULL},
    {"disk", selftest_disk, selftest_disk_drop},
    {"memory", selftest_memory, NULL},
};

static_assert(ARRAY_LEN(checks) == SELFTEST_CHECKS, "as many as have a place for their verdict");

static void on_timer(uv_timer_t *timer);

static void put_result(struct selftest *t, struct jsonw *w)
{
    static const char *const names[] = {"ok", "fail", "skip"};
    bool ok = true;

    jsonw_open(w, NULL, '{');
    jsonw_open(w, "checks", '[');
    for (size_t i = 0; i < SELFTEST_CHECKS; i++) {
        ok &= t->results[i].verdict != SELFTEST_FAIL;
        jsonw_open(w, NULL, '{');
        jsonw_str(w, "name", checks[i].name);
        jsonw_str(w, "result", names[t->results[i].verdict]);
        jsonw_str(w, "text", t->results[i].text);
        jsonw_close(w, '}');
    }
    jsonw_close(w, ']');
    jsonw_bool(w, "ok", ok);
    jsonw_close(w, '}');
    jsonw_raw(w, "", 1);
    log_info("selftest: %s", ok ? "all is well" : "something is wrong, see its result");
}

static void finish(struct selftest *t)
{
    struct jsonw w;

    t->running = false;
    jsonw_init(&w);
    put_result(t, &w);
    app_job_end(t->app, t->job, JOB_DONE, w.buf);
}

void selftest_verdict(struct selftest *t, enum selftest_verdict verdict, const char *fmt, ...)
{
    static const char *const words[] = {"ok", "FAIL", "skipped"};
    struct selftest_result *r = &t->results[t->at];
    va_list ap;

    if (!t->running || !t->waiting)
        return;
    t->waiting = false;
    r->verdict = verdict;
    va_start(ap, fmt);
    vsnprintf(r->text, sizeof r->text, fmt, ap);
    va_end(ap);
    jobs_line(&t->app->jobs, t->job, "%s: %s: %s", checks[t->at].name, words[verdict], r->text);
    t->at++;
    t->tries = 0;
    jobs_percent(&t->app->jobs, t->job, (int)(100 * t->at / SELFTEST_CHECKS));
    uv_timer_start(&t->timer, on_timer, 0, 0); /* the next one in another turn */
}

bool selftest_again(struct selftest *t)
{
    if (t->tries == SELFTEST_TRIES)
        return false;
    t->tries++;
    t->waiting = false;
    uv_timer_start(&t->timer, on_timer, SELFTEST_AGAIN_MS, 0);
    return true;
}

static void give_up(struct selftest *t)
{
    if (checks[t->at].drop)
        checks[t->at].drop(t);
}

/* The next check is due, or the same once more, or the one at work has had its time. */
static void on_timer(uv_timer_t *timer)
{
    struct selftest *t = timer->data;

    if (t->waiting) {
        give_up(t);
        selftest_verdict(t, SELFTEST_FAIL, "no result within %d s", SELFTEST_MS / 1000);
        return;
    }
    if (t->at == SELFTEST_CHECKS) {
        finish(t);
        return;
    }
    t->waiting = true;
    uv_timer_start(timer, on_timer, SELFTEST_MS, 0);
    checks[t->at].begin(t);
}

static int start(void *self, job_handle j, const struct cJSON *args, char error[JOB_LINE])
{
    struct selftest *t = self;

    (void)args, (void)error;
    t->job = j;
    t->at = t->tries = 0;
    t->waiting = false;
    t->running = true;
    uv_timer_start(&t->timer, on_timer, 0, 0);
    return 0;
}

static void halt(struct selftest *t)
{
    uv_timer_stop(&t->timer);
    if (t->running && t->waiting)
        give_up(t);
    t->running = t->waiting = false;
}

static void cancel(void *self, job_handle j)
{
    (void)j;
    halt(self);
}

/* ---- the service ---- */

static void *selftest_new(struct app *app)
{
    struct selftest *t = must(calloc(1, sizeof *t));

    t->app = app;
    uv_timer_init(app->loop, &t->timer);
    t->timer.data = t;
    jobs_add_verb(&app->jobs, &(struct verb){"selftest", "/api/v1/selftest", start, cancel, t});
    return t;
}

/* Nothing to compare: a check looks at the settings that are in force when it begins. */
static void selftest_apply(void *self, const struct settings *old, const struct settings *next)
{
    (void)self, (void)old, (void)next;
}

static void selftest_stop(void *self)
{
    halt(self);
}

void selftest_closed_one(struct selftest *t)
{
    service_done done = t->done;
    void *ctx = t->done_ctx;

    if (--t->closing > 0)
        return;
    free(t);
    done(ctx);
}

static void on_timer_closed(uv_handle_t *h)
{
    selftest_closed_one(h->data);
}

/* A look-up or a write that is under way is waited for: what it uses is ours. */
static void selftest_close(void *self, service_done done, void *ctx)
{
    struct selftest *t = self;

    t->done = done;
    t->done_ctx = ctx;
    t->closing = 1 + (t->lookup != NULL) + (t->disk != NULL);
    uv_close((uv_handle_t *)&t->timer, on_timer_closed);
}

const struct service service_selftest = {
    .name = "selftest",
    .new = selftest_new,
    .apply = selftest_apply,
    .stop = selftest_stop,
    .close = selftest_close,
};
