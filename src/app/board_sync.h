/* The sensor board's errand: synchronise it now (S6), and say how far that is and how it ended. It listens to what the
 * board's driver tells and never takes part in it; its owner is the board service. */
#ifndef APP_BOARD_SYNC_H
#define APP_BOARD_SYNC_H

#include "app/errand.h"
#include "core/board.h"

#include <uv.h>

#define BOARD_SYNC_LINE_MS 5000  /* a line that is not open is waited for */
#define BOARD_SYNC_MS      30000 /* for all of it */

struct board_sync {
    struct errand_told told;
    bool on, line;                      /* under way; the line is open */
    const char *(*why_down)(void *ctx); /* why there is no line; valid during the call that asks */
    const char *(*doing)(void *ctx);    /* what the board is doing */
    void *ctx;                          /* of both */
    int64_t end_ms;                     /* monotonic: then it is given up */
    uv_timer_t limit;                   /* the owner closes it */
};

/* Set up why_down, doing and ctx before. */
void board_sync_init(struct board_sync *s, uv_loop_t *loop);

/* Begin: told is told from now on. Its owner asks the driver after it. */
void board_sync_start(struct board_sync *s, const struct errand_told *told);
void board_sync_cancel(struct board_sync *s);

/* End it with this. Nothing happens when none is under way. */
void board_sync_end(struct board_sync *s, int code, const char *detail);

/* The line was opened, or is gone. */
void board_sync_line(struct board_sync *s, bool open);

/* The driver told this (core/board.h). */
void board_sync_told(struct board_sync *s, enum board_synced what, int percent, const char *text);

#endif
