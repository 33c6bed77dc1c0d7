/* The conversation with an FLX sensor board: tell it its configuration, ping it, keep its clock right, take its data.
 * It never touches the line or a clock: bytes and times come in, bytes to send and messages go out.
 *
 *              line_up              a pong, and no ping of the board since
 *   DOWN ───────────────► CONFIGURE ──────────────────────────────────────► RUN
 *    ▲                    ▲   │   ▲    the board pings; want; sync           │
 *    │ line_down, stop    │   │   └──────────────────────────────────────────┤
 *   (any)      want, sync │   │ asked six times in a row                     │
 *                         │   ▼                                              │ no pong for 3 s
 *                         │  DEAF ── a pong, and no ping for 1.5 s ──► RUN   │ (also in CONFIGURE, DEAF)
 *                         │                                                  ▼
 *                         └──────────────── a pong; sync ────────────────── LOST
 *
 * On the way into CONFIGURE, and whenever the board pings (it has no configuration), port configuration and kube
 * control are sent, together and at most once a second: what comes sooner waits, and is one. In all states but
 * DOWN the host pings at each wall second, and data of the board are taken: energy is no less true while a pong is
 * missing.
 *
 * The board says nothing to its configuration. It is taken for configured when a ping that was sent after the
 * configuration is answered and the board did not ping meanwhile; one that asked twice must keep quiet for 1.5 s.
 *
 * Its clock is set when it is off by a second or more, at the next wall second, because a step carries whole seconds
 * only; not again for 5 s. A board whose second begins with another fraction after a step, too, may seem to be nearly a
 * second ahead for ever: after FLX_STEPS_MAX steps that is left alone. */
#ifndef CORE_FLX_CONV_H
#define CORE_FLX_CONV_H

#include "core/board.h"
#include "core/flx_frame.h"
#include "core/flx_msg.h"
#include "core/flx_want.h"

#include <stdbool.h>

#define FLX_SILENT_MS  3000 /* without a pong: the board is lost */
#define FLX_PONG_MS    200  /* the ping under way may still be answered; a board needs some 5, a USB line adds 16 */
#define FLX_LATE_MS    500  /* a deadline seen so late: this host stood still, and what came meanwhile is read first */
#define FLX_CONFIG_MS  1000 /* between two configurations */
#define FLX_AGAIN_MS   5000 /* a board that pings within this of its last ping asks again */
#define FLX_SETTLED_MS 1500 /* without a ping, after it asked again */
#define FLX_ASKS_MAX   5    /* configurations that it may ask for in a row */
#define FLX_CUT_MS     100  /* without a byte inside a frame: its end is lost */
#define FLX_OFF_MS     1000 /* a clock off by this is set */
#define FLX_LATENCY_MS 100  /* a message may have been under way for so long */
#define FLX_STEP_MS    5000 /* between two time steps: messages under way still tell the old time */
#define FLX_STEPS_MAX  3    /* time steps in a row, for a clock that may be right to the second */

enum flx_state { FLX_DOWN, FLX_CONFIGURE, FLX_RUN, FLX_LOST, FLX_DEAF };

/* Called from within a call of the conversation. Only send may call it back: with flx_conv_line_down(). */
struct flx_callbacks {
    /* Bytes for the line, whole frames; what the line does not take is lost. */
    void (*send)(void *ctx, const void *bytes, size_t n);
    void (*ct)(void *ctx, const struct flx_ct *m);
    void (*pulse)(void *ctx, const struct flx_pulse *m);
    /* type: FLX_VOLTAGE or FLX_CURRENT */
    void (*wave)(void *ctx, enum flx_type type, const struct flx_wave *m);
    /* A ping was answered: the board lives. */
    void (*heartbeat)(void *ctx);
    /* A time stamp of the board, Unix seconds by its clock, right or wrong. */
    void (*time_stamp)(void *ctx, uint32_t s);
    /* The host's clock is not set and the board's is: it is s now. By time stamps and CT data, each second once. */
    void (*board_time)(void *ctx, uint32_t s);
    /* The state changed; reason is for people and may be "". */
    void (*state)(void *ctx, enum flx_state from, enum flx_state to, const char *reason);
};

struct flx_conv {
    const struct flx_callbacks *cb;
    void *ctx;
    enum flx_state state;
    struct flx_reader reader;
    uint8_t want[FLX_CONFIG_LENGTH], radio_group; /* as they are sent */
    bool wanted;                                  /* want and radio_group are known */
    /* the configuration */
    bool config_due;        /* to be sent, at config_next_ms or after */
    bool configured;        /* it was sent, and none is due */
    int64_t config_next_ms; /* none before */
    int64_t asked_ms;       /* the board's last ping */
    unsigned asks;          /* configurations that it asked for in a row */
    /* the heartbeat */
    uint32_t counter;  /* of the last ping */
    bool waiting;      /* for its pong */
    bool after_config; /* it was sent after the configuration */
    bool excused;      /* the host stood still since the last pong */
    int64_t heard_ms;  /* the last pong, or since when one is waited for */
    int64_t grace_ms;  /* the board is not lost before */
    int64_t cut_ms;    /* a frame begun and not ended by then is cut */
    /* the board's clock */
    bool step_due;
    int64_t step_next_ms; /* its time is not judged before */
    int64_t off_ms;       /* host - board, at its last word; of the time under way too */
    uint32_t told_s;      /* its last second while the host's clock was not set */
    unsigned in_row;      /* time steps since it last was right */
    /* statistics */
    uint64_t got[UINT8_MAX + 1]; /* good frames by type, also those that are unknown or ignored */
    uint64_t refused[FLX_TYPES]; /* of those: with a length or a field that is none, or none that a board says */
    uint64_t pings, pongs, pongs_lost, pongs_stale; /* sent; taken; never came; with another counter */
    uint64_t configs, steps;                        /* sent */
};

void flx_conv_init(struct flx_conv *c, const struct flx_callbacks *cb, void *ctx);

/* What the board shall hold from now on; one that is there is told when it is another than before. */
void flx_conv_want(struct flx_conv *c, const struct flx_picture *want, const struct board_now *now);

/* The line was opened, or is gone. */
void flx_conv_line_up(struct flx_conv *c, const struct board_now *now);
void flx_conv_line_down(struct flx_conv *c, const char *reason);

/* Once each wall second, as early in it as can be, and once after line_up. */
void flx_conv_second(struct flx_conv *c, const struct board_now *now);

/* Bytes came in. */
void flx_conv_bytes(struct flx_conv *c, const void *bytes, size_t n, const struct board_now *now);

/* When to call flx_conv_tick(), monotonic ms, or -1. Look again after each call into the conversation. */
int64_t flx_conv_deadline(const struct flx_conv *c);
void flx_conv_tick(struct flx_conv *c, const struct board_now *now);

/* People want it: send the configuration again. It ended well when the state is RUN, and not when it is LOST (3 s
 * later) or DEAF. Without a line nothing happens: when there is one, it is sent anyway. */
void flx_conv_sync(struct flx_conv *c, const struct board_now *now);

/* The daemon stops: say exit, and no more. */
void flx_conv_stop(struct flx_conv *c);

/* "running", "lost" … for status. */
const char *flx_state_name(enum flx_state s);

#endif
