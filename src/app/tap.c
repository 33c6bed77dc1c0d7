/* The retained topic /device/<device>/test/tap: by its two lines clients know a v3 device, so that it is there with an
 * FLX board and cleared otherwise. It holds the newest self-test's result, too, and lets one run some seconds after the
 * broker is there for the first time: not before, as the broker is one of the things that are tested. */
#include "app/app.h"
#include "app/retained.h"
#include "core/jsonw.h"
#include "core/settings.h"
#include "core/tap_body.h"
#include "core/util.h"
#include "io/log.h"
#include "io/mqtt.h"

#include <stdlib.h>
#include <string.h>

#define TEST_MS  5000  /* until the board has answered; a client that waits for the two lines has them long since */
#define AGAIN_MS 60000 /* all places of jobs are taken */

struct tap {
    struct app *app;
    struct retained topic;
    char *result; /* the newest self-test's, JSON text; NULL: none yet */
    uv_timer_t test;
    bool flx, up;
    bool tested; /* a self-test was begun for this board */
    int closing; /* handles */
    service_done done;
    void *done_ctx;
};

/* What people read on the device, else the first twelve digits of its id. */
static struct tap_who who(const struct settings *s, char serial[13])
{
    memcpy(serial, s->device.id, 12);
    serial[12] = '\0';
    return (struct tap_who){s->device.serial ? s->device.serial : serial, FLUKSOD_VERSION};
}

static void put_report(const struct tap *t, struct jsonw *w)
{
    char serial[13];
    struct tap_who x = who(t->app->settings, serial);

    if (!t->result || tap_body_report(w, &x, t->result) < 0)
        tap_body_who(w, &x);
}

static void tell(struct tap *t)
{
    struct jsonw w;

    jsonw_init(&w);
    if (t->flx)
        put_report(t, &w);
    retained_set(&t->topic, 0, "test/tap", &w);
}

/* ---- the self-test ---- */

static void on_test(uv_timer_t *timer)
{
    struct tap *t = timer->data;
    char error[JOB_LINE];
    job_handle j;

    switch (app_job(t->app, "selftest", NULL, &j, error)) {
    case JOBS_OK:
    case JOBS_RUNNING: /* somebody's: its result is as good */
        t->tested = true;
        break;
    case JOBS_FULL:
        uv_timer_start(timer, on_test, AGAIN_MS, 0);
        break;
    default:
        log_warn("tap: no self-test: %s", error);
        t->tested = true;
    }
}

static void test_later(struct tap *t)
{
    if (t->flx && t->up && !t->tested && !uv_is_active((uv_handle_t *)&t->test))
        uv_timer_start(&t->test, on_test, TEST_MS, 0);
}

static void on_job(void *ctx, const struct job *j)
{
    struct tap *t = ctx;

    if (j->state != JOB_DONE || !j->result || strcmp(j->verb->name, "selftest") != 0)
        return;
    free(t->result);
    t->result = must(strdup(j->result));
    tell(t);
}

/* ---- the broker ---- */

static void on_up(void *ctx)
{
    struct tap *t = ctx;

    t->up = true;
    test_later(t);
}

static void on_down(void *ctx, const char *reason)
{
    struct tap *t = ctx;

    (void)reason;
    t->up = false;
}

static void on_writable(void *ctx)
{
    (void)ctx;
}

/* ---- the service ---- */

static void *tap_new(struct app *app)
{
    struct tap *t = must(calloc(1, sizeof *t));

    t->app = app;
    uv_timer_init(app->loop, &t->test);
    t->test.data = t;
    retained_init(&t->topic, app);
    mqtt_listen(app->mqtt, &(struct mqtt_listener){t, on_up, on_down, on_writable});
    jobs_watch(&app->jobs, on_job, t);
    return t;
}

/* What was found of another board's line says nothing of this one. */
static void forget_result(struct tap *t)
{
    uv_timer_stop(&t->test);
    t->tested = false;
    free(t->result);
    t->result = NULL;
}

static void tap_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct tap *t = self;
    bool flx = next->board.protocol == BOARD_FLX;

    (void)old;
    if (flx != t->flx)
        forget_result(t);
    t->flx = flx;
    tell(t);
    test_later(t);
}

static void tap_stop(void *self)
{
    struct tap *t = self;

    uv_timer_stop(&t->test);
    jobs_unwatch(&t->app->jobs, t);
}

static void part_closed(void *ctx)
{
    struct tap *t = ctx;
    service_done done = t->done;
    void *done_ctx = t->done_ctx;

    if (--t->closing > 0)
        return;
    free(t->result);
    free(t);
    done(done_ctx);
}

static void on_test_closed(uv_handle_t *h)
{
    part_closed(h->data);
}

static void tap_close(void *self, service_done done, void *ctx)
{
    struct tap *t = self;

    t->done = done;
    t->done_ctx = ctx;
    t->closing = 2;
    if (t->app->mqtt)
        mqtt_unlisten(t->app->mqtt, t);
    retained_close(&t->topic, part_closed, t);
    uv_close((uv_handle_t *)&t->test, on_test_closed);
}

const struct service service_tap = {
    .name = "tap",
    .new = tap_new,
    .apply = tap_apply,
    .stop = tap_stop,
    .close = tap_close,
};
