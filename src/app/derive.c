/* Derived sensors as a service: it hangs their stage into the hub before any source starts, and gives it the time.
 * What they are is core/derive.h's. While there are none, the hub does not know of it. */
#include "app/app.h"
#include "core/derive.h"
#include "core/util.h"
#include "io/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define AGAIN_MS 1000 /* a second takes one counter */
#define TICK_MS  1000

struct derive_service {
    struct app *app;
    struct derive derive;
    uv_timer_t again; /* runs while a counter is owed */
    uv_timer_t tick;  /* runs while time alone changes something */
    int open;         /* timers that are not closed */
    service_done done;
    void *done_ctx;
};

static void on_again(uv_timer_t *t)
{
    struct derive_service *s = t->data;

    derive_pay(&s->derive, app_mono_ms(s->app), app_unix_s(s->app));
    if (!derive_owes(&s->derive))
        uv_timer_stop(t);
}

static void wait_if_owed(struct derive_service *s)
{
    if (derive_owes(&s->derive) && !uv_is_active((uv_handle_t *)&s->again))
        uv_timer_start(&s->again, on_again, AGAIN_MS, AGAIN_MS);
}

static void on_tick(uv_timer_t *t)
{
    struct derive_service *s = t->data;

    derive_tick(&s->derive, app_mono_ms(s->app), app_unix_s(s->app));
}

static void clock_text(int64_t unix_s, char text[sizeof "2026-12-31 23:45"])
{
    const time_t at = (time_t)unix_s;
    struct tm tm;

    if (!localtime_r(&at, &tm) || !strftime(text, sizeof "2026-12-31 23:45", "%Y-%m-%d %H:%M", &tm))
        *text = '\0';
}

static void on_left_out(void *ctx, const struct peak_left_out *x)
{
    char from[sizeof "2026-12-31 23:45"], until[sizeof from], unknown[48] = "";

    (void)ctx;
    clock_text(x->from_s, from);
    clock_text(x->until_s, until);
    if (x->unknown_s > 0)
        snprintf(unknown, sizeof unknown, " (%" PRId64 " s unknown)", x->unknown_s);
    log_note("derive %s: %s to %s is left out of the month's peak: %s%s", x->key, from, until, peak_reason(x->why),
             unknown);
}

static void on_reading(void *ctx, const struct reading *r)
{
    struct derive_service *s = ctx;

    derive_take(&s->derive, r);
    wait_if_owed(s);
}

static void on_jumped(void *ctx, const struct ledger_entry *e, int64_t jump_milli)
{
    struct derive_service *s = ctx;

    derive_jumped(&s->derive, e, jump_milli);
}

static void *derive_new(struct app *app)
{
    struct derive_service *s = must(calloc(1, sizeof *s));

    s->app = app;
    derive_init(&s->derive, &app->hub, &app->sensors, &app->ledger);
    uv_timer_init(app->loop, &s->again);
    s->again.data = s;
    uv_timer_init(app->loop, &s->tick);
    s->tick.data = s;
    s->open = 2;
    s->derive.left_out = on_left_out;
    app->ledger.jumped = on_jumped;
    app->ledger.jumped_ctx = s;
    stats_add(&app->stats, derive_stats, &s->derive);
    return s;
}

static void derive_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct derive_service *s = self;

    (void)old;
    uv_timer_stop(&s->again);
    derive_set(&s->derive, next);
    hub_stage(&s->app->hub, derive_empty(&s->derive) ? NULL : on_reading, s);
    wait_if_owed(s);
    if (!derive_ticks(&s->derive))
        uv_timer_stop(&s->tick);
    else if (!uv_is_active((uv_handle_t *)&s->tick))
        uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
}

/* Sources have stopped before it. */
static void derive_stop(void *self)
{
    struct derive_service *s = self;

    uv_timer_stop(&s->again);
    uv_timer_stop(&s->tick);
    hub_stage(&s->app->hub, NULL, NULL);
    s->app->ledger.jumped = NULL;
}

static void on_closed(uv_handle_t *h)
{
    struct derive_service *s = h->data;
    service_done done = s->done;
    void *ctx = s->done_ctx;

    if (--s->open)
        return;
    derive_fini(&s->derive);
    free(s);
    done(ctx);
}

static void derive_close(void *self, service_done done, void *ctx)
{
    struct derive_service *s = self;

    s->done = done;
    s->done_ctx = ctx;
    stats_remove(&s->app->stats, derive_stats, &s->derive);
    uv_close((uv_handle_t *)&s->again, on_closed);
    uv_close((uv_handle_t *)&s->tick, on_closed);
}

const struct service service_derive = {
    .name = "derive",
    .new = derive_new,
    .apply = derive_apply,
    .stop = derive_stop,
    .close = derive_close,
};
