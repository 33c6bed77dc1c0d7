/* How long one turn of the loop keeps everything else waiting: measured, shown, never acted upon. */
#ifndef IO_LAG_H
#define IO_LAG_H

#include <stdint.h>
#include <uv.h>

/* Embedded in its owner. */
struct lag {
    uv_prepare_t prepare;
    uint64_t last_ns, last_idle_ns; /* at the last look */
    uint64_t slot_start_ns, worst_ns[2]; /* this minute and the one before */
    uint64_t turns;
    void (*turn)(void *ctx); /* called at the end of each turn, before the loop sleeps */
    void *ctx;
};

/* Start measuring. The loop needs UV_METRICS_IDLE_TIME set. turn may be NULL. */
void lag_start(struct lag *l, uv_loop_t *loop, void (*turn)(void *ctx), void *ctx);

/* Longest turn of the last one to two minutes, in microseconds. */
int64_t lag_worst_us(const struct lag *l);

void lag_close(struct lag *l);

#endif
