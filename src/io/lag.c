#include "io/lag.h"

#include <string.h>

#define MINUTE_MS 60000

/* The loop took the time when its wait ended; the callbacks of what it waited for have run by now. */
static void on_check(uv_check_t *c)
{
    struct lag *l = c->data;

    l->woke_ms = (int64_t)uv_now(c->loop);
}

static void on_prepare(uv_prepare_t *p)
{
    struct lag *l = p->data;

    if (l->turn)
        l->turn(l->ctx);
    int64_t now = (int64_t)(uv_hrtime() / 1000000);
    if (now - l->minute_ms >= MINUTE_MS) {
        l->worst_ms[1] = l->worst_ms[0];
        l->worst_ms[0] = 0;
        l->minute_ms = now;
    }
    if (now - l->woke_ms > l->worst_ms[0])
        l->worst_ms[0] = now - l->woke_ms;
    l->turns++;
}

void lag_start(struct lag *l, uv_loop_t *loop, void (*turn)(void *ctx), void *ctx)
{
    memset(l, 0, sizeof *l);
    l->turn = turn;
    l->ctx = ctx;
    l->woke_ms = l->minute_ms = (int64_t)(uv_hrtime() / 1000000);
    uv_check_init(loop, &l->check);
    uv_prepare_init(loop, &l->prepare);
    l->check.data = l->prepare.data = l;
    uv_check_start(&l->check, on_check);
    uv_prepare_start(&l->prepare, on_prepare);
    uv_unref((uv_handle_t *)&l->check);
    uv_unref((uv_handle_t *)&l->prepare);
}

int64_t lag_worst_ms(const struct lag *l)
{
    return l->worst_ms[0] > l->worst_ms[1] ? l->worst_ms[0] : l->worst_ms[1];
}

void lag_close(struct lag *l)
{
    uv_close((uv_handle_t *)&l->check, NULL);
    uv_close((uv_handle_t *)&l->prepare, NULL);
}
