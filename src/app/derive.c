/* Derived sensors as a service: it hangs their stage into the hub before any source starts, and gives it the time.
 * What they are is core/derive.h's. While there are none, the hub does not know of it. */
#include "app/app.h"
#include "core/derive.h"
#include "core/util.h"

#include <stdlib.h>

#define AGAIN_MS 1000 /* a second takes one counter */

struct derive_service {
    struct app *app;
    struct derive derive;
    uv_timer_t again; /* runs while a counter is owed */
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
}

/* Sources have stopped before it. */
static void derive_stop(void *self)
{
    struct derive_service *s = self;

    uv_timer_stop(&s->again);
    hub_stage(&s->app->hub, NULL, NULL);
    s->app->ledger.jumped = NULL;
}

static void on_closed(uv_handle_t *h)
{
    struct derive_service *s = h->data;
    service_done done = s->done;
    void *ctx = s->done_ctx;

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
}

const struct service service_derive = {
    .name = "derive",
    .new = derive_new,
    .apply = derive_apply,
    .stop = derive_stop,
    .close = derive_close,
};
