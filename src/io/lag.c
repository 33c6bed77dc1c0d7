#include "io/lag.h"

#include <string.h>

#define MINUTE_NS 60000000000u

static void on_prepare(uv_prepare_t *p)
{
    struct lag *l = p->data;

    if (l->turn)
        l->turn(l->ctx);
    uint64_t now = uv_hrtime(), idle = uv_metrics_idle_time(p->loop);
    uint64_t busy = (now - l->last_ns) - (idle - l->last_idle_ns);
    if (now - l->slot_start_ns >= MINUTE_NS) {
        l->worst_ns[1] = l->worst_ns[0];
        l->worst_ns[0] = 0;
        l->slot_start_ns = now;
    }
    if (busy > l->worst_ns[0])
        l->worst_ns[0] = busy;
    l->last_ns = now;
    l->last_idle_ns = idle;
    l->turns++;
}

void lag_start(struct lag *l, uv_loop_t *loop, void (*turn)(void *ctx), void *ctx)
{
    memset(l, 0, sizeof *l);
    l->turn = turn;
    l->ctx = ctx;
    l->last_ns = l->slot_start_ns = uv_hrtime();
    l->last_idle_ns = uv_metrics_idle_time(loop);
    uv_prepare_init(loop, &l->prepare);
    l->prepare.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_unref((uv_handle_t *)&l->prepare);
}

int64_t lag_worst_us(const struct lag *l)
{
    uint64_t worst = l->worst_ns[0] > l->worst_ns[1] ? l->worst_ns[0] : l->worst_ns[1];

    return (int64_t)(worst / 1000);
}

void lag_close(struct lag *l)
{
    uv_close((uv_handle_t *)&l->prepare, NULL);
}
