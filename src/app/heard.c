#include "app/heard.h"

#include "core/util.h"

#include <stdlib.h>

static void on_timer(uv_timer_t *t)
{
    struct heard *h = t->data;

    h->came(h->ctx);
}

static void on_reading(void *ctx, const struct reading *r)
{
    struct heard *h = ctx;
    size_t slot = sensor_slot(r->sensor);

    if (r->kind != READING_COUNTER || slot >= h->n || h->told[slot])
        return;
    h->told[slot] = true;
    if (sensors_get(&h->app->sensors, r->sensor)->class == SENSOR_LINE && !uv_is_active((uv_handle_t *)&h->timer))
        uv_timer_start(&h->timer, on_timer, HEARD_MS, 0);
}

void heard_init(struct heard *h, struct app *app, void (*came)(void *ctx), void *ctx)
{
    *h = (struct heard){.app = app, .came = came, .ctx = ctx};
    uv_timer_init(app->loop, &h->timer);
    h->timer.data = h;
    if (hub_attach(&app->hub, on_reading, h) < 0)
        abort(); /* the number of sinks is known when the program is written */
}

void heard_apply(struct heard *h)
{
    const struct sensor *x;
    size_t cursor = 0;

    free(h->told);
    h->n = h->app->sensors.n_slots;
    h->told = must(calloc(h->n + 1, sizeof *h->told));
    while ((x = sensors_next(&h->app->sensors, &cursor)))
        h->told[sensor_slot(x->handle)] = x->class != SENSOR_LINE || ledger_knows(&h->app->ledger, x->id);
}

void heard_stop(struct heard *h)
{
    uv_timer_stop(&h->timer);
    hub_detach(&h->app->hub, on_reading, h);
}

static void on_closed(uv_handle_t *t)
{
    struct heard *h = t->data;

    free(h->told);
    h->closed(h->ctx);
}

void heard_close(struct heard *h, void (*closed)(void *ctx), void *ctx)
{
    h->closed = closed;
    h->ctx = ctx;
    uv_close((uv_handle_t *)&h->timer, on_closed);
}
