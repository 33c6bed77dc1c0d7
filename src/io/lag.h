/* How long one turn of the loop keeps everything else waiting: measured, shown, never acted upon.
 * It costs no wake-up and no system call of its own. */
#ifndef IO_LAG_H
#define IO_LAG_H

#include <stdint.h>
#include <uv.h>

/* Embedded in its owner. */
struct lag {
    uv_check_t check;
    uv_prepare_t prepare;
    int64_t woke_ms;                /* when this turn's wait ended */
    int64_t minute_ms, worst_ms[2]; /* this minute's begin; the longest turn of it and of the one before */
    uint64_t turns;
    void (*turn)(void *ctx); /* called at the end of each turn, before the loop sleeps */
    void *ctx;
};

/* Start measuring. turn may be NULL. */
void lag_start(struct lag *l, uv_loop_t *loop, void (*turn)(void *ctx), void *ctx);

/* Longest turn of the last one to two minutes, in milliseconds, to one. */
int64_t lag_worst_ms(const struct lag *l);

/* Let go of its two handles. */
void lag_close(struct lag *l);

#endif
