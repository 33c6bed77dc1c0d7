/* The sensor board's errand: synchronise it now (S6), and say how far that is and how it ended. It watches the
 * conversation and never takes part in it but for the request; its owner is the board service. */
#ifndef APP_BOARD_SYNC_H
#define APP_BOARD_SYNC_H

#include "app/errand.h"
#include "core/flm02_conv.h"

#include <uv.h>

#define BOARD_SYNC_LINE_MS 5000  /* a line that is not open is waited for */
#define BOARD_SYNC_MS      30000 /* for all of it */

struct board_sync {
    struct errand_told told;
    bool on;
    struct flm02_conv *conv;
    const char *(*why_down)(void *ctx);            /* why there is no line; valid during the call that asks */
    const char *(*sensor)(void *ctx, unsigned id); /* the name of one */
    void *ctx;                                     /* of both */
    int64_t end_ms;                                /* monotonic: then it is given up */
    int echoed, to_echo;                           /* commands */
    uv_timer_t limit;                              /* the owner closes it */
};

/* Set up conv, why_down, sensor and ctx before. */
void board_sync_init(struct board_sync *s, uv_loop_t *loop);

/* Begin: the conversation is asked, told is told. Its owner looks at the conversation's deadline after it. */
void board_sync_start(struct board_sync *s, const struct errand_told *told);
void board_sync_cancel(struct board_sync *s);

/* End it with this. Nothing happens when none is under way. */
void board_sync_end(struct board_sync *s, int code, const char *detail);

/* The conversation's state changed; it took bytes. */
void board_sync_state(struct board_sync *s, enum flm02_state to, const char *reason);
void board_sync_look(struct board_sync *s);

#endif
