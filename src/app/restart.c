/* The verb `restart`: the daemon says good-bye to all, ends, and starts anew in the same process. It only asks the
 * gateway, which does it. */
#include "app/app.h"

#include "core/util.h"

#define ANSWER_MS 500 /* for the answer to the request to get away */

struct restart {
    struct app *app;
    uv_timer_t timer;
    service_done done;
    void *done_ctx;
};

static void on_timer(uv_timer_t *t)
{
    struct restart *s = t->data;

    s->app->restart(s->app->restart_ctx);
}

static int start(void *self, job_handle j, const struct cJSON *args, char error[JOB_LINE])
{
    struct restart *s = self;

    (void)args, (void)error;
    jobs_line(&s->app->jobs, j, "starting anew; jobs are forgotten");
    uv_timer_start(&s->timer, on_timer, ANSWER_MS, 0);
    return 0;
}

static void cancel(void *self, job_handle j)
{
    struct restart *s = self;

    (void)j;
    uv_timer_stop(&s->timer);
}

static void *restart_new(struct app *app)
{
    struct restart *s = must(calloc(1, sizeof *s));

    s->app = app;
    uv_timer_init(app->loop, &s->timer);
    s->timer.data = s;
    jobs_add_verb(&app->jobs, &(struct verb){"restart", "/api/v1/restart", start, cancel, s});
    return s;
}

static void restart_apply(void *self, const struct settings *old, const struct settings *next)
{
    (void)self, (void)old, (void)next;
}

static void restart_stop(void *self)
{
    struct restart *s = self;

    uv_timer_stop(&s->timer);
}

static void on_closed(uv_handle_t *h)
{
    struct restart *s = h->data;
    service_done done = s->done;
    void *ctx = s->done_ctx;

    free(s);
    done(ctx);
}

static void restart_close(void *self, service_done done, void *ctx)
{
    struct restart *s = self;

    s->done = done;
    s->done_ctx = ctx;
    uv_close((uv_handle_t *)&s->timer, on_closed);
}

const struct service service_restart = {
    .name = "restart",
    .new = restart_new,
    .apply = restart_apply,
    .stop = restart_stop,
    .close = restart_close,
};
