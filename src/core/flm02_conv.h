/* The conversation with an FLM02 sensor board: identify, read back, configure where needed, poll.
 * It never touches the line or a clock: bytes and times come in, bytes to send and records go out.
 *
 *              line_up                 gh answered            all read
 *   DOWN ───────────────► IDENTIFY ───────────────► READBACK ──────────► WRITE ──┐ ct answered
 *    ▲                      ▲   │ unknown hardware      ▲ │ all holds            │ (read back again)
 *    │ line_down            │   ▼                       │ ▼                      │
 *   (any)                   │ REFUSED ◄─ a set is not   │ POLL ── want differs ──┘
 *                           │            taken          │  │
 *                           └──────── LOST ◄────────────┴──┘ five tries failed, or silent for 3 s
 *
 * In LOST and REFUSED each poll tries gh again (in REFUSED every 60 s). After WRITE the board is read back again, so
 * that what it says is what is believed; one that forgets is written again after 1, 2, 4 … minutes, up to a day.
 * Replies are taken when their '.' comes; the next request waits until the line was quiet for 20 ms, because RS-485
 * bytes may follow (but for the second's poll and for gh: they are due). */
#ifndef CORE_FLM02_CONV_H
#define CORE_FLM02_CONV_H

#include "core/flm02_codec.h"
#include "core/flm02_want.h"

#define FLM02_TRIES          5
#define FLM02_REPLY_MS       300 /* the board needs 30; a USB line adds 16, a busy host some more */
#define FLM02_COMMIT_MS      500 /* after ct the board hears nothing */
#define FLM02_QUIET_MS       20
#define FLM02_BABBLE_MS      500   /* a line that is never quiet is not waited for any longer */
#define FLM02_SILENT_MS      2900  /* without a valid reply for three polls: the board is lost */
#define FLM02_RETRY_MS       60000 /* between looks at a board that was refused */
#define FLM02_REWRITE_MAX_MS 86400000
#define FLM02_CLAMPS         3  /* logical sensors 0..2 report each second */
#define FLM02_SILENT_POLLS   10 /* polls without a clamp's record after which the board is read back */
#define FLM02_MAJOR          2
#define FLM02_MINOR_MAX      2

enum flm02_state {
    FLM02_DOWN,
    FLM02_IDENTIFY,
    FLM02_READBACK,
    FLM02_WRITE,
    FLM02_POLL,
    FLM02_LOST,
    FLM02_REFUSED_BOARD
};

struct flm02_callbacks {
    /* Bytes for the line; what the line does not take is lost and tried again. */
    void (*send)(void *ctx, const char *bytes, size_t n);
    /* Records of one gd reply, n of them, 0 included: the board lives. */
    void (*records)(void *ctx, const struct flm02_record *r, int n);
    /* Bytes of the board's RS-485 port. */
    void (*uart)(void *ctx, const uint8_t *bytes, size_t n);
    /* The state changed; reason is for people and may be "". */
    void (*state)(void *ctx, enum flm02_state from, enum flm02_state to, const char *reason);
    /* A sensor was just switched on: its first power is too low. */
    void (*enabled)(void *ctx, unsigned id);
};

struct flm02_conv {
    const struct flm02_callbacks *cb;
    void *ctx;
    enum flm02_state state;
    struct flm02_reader reader;
    struct flm02_picture wish, want, held; /* of the settings; after flm02_fit(); read back */
    enum flm02_problem problems[FLM02_SENSORS];
    unsigned major, minor;
    /* the request that is under way */
    struct flm02_command request;
    bool waiting;          /* for its reply */
    bool again;            /* it is to be sent once more when the line is quiet */
    unsigned tries, wrong; /* sends of it; answers to it that were no answer */
    int64_t deadline_ms;   /* of the reply or of the quiet; -1: none */
    int64_t quiet_from_ms; /* since when a quiet line is waited for */
    int64_t hears_ms;      /* after a ct: from when on the board hears again */
    /* the script of READBACK or WRITE */
    struct flm02_command script[FLM02_SCRIPT_MAX];
    bool script_enables[FLM02_SENSORS];
    int n_script, at;
    bool verified;                /* this read-back follows a WRITE */
    bool unsaved;                 /* something was set, and no ct was answered since */
    bool recheck;                 /* read the board back at the next poll */
    uint8_t silent[FLM02_CLAMPS]; /* polls in a row without this sensor */
    int64_t last_reply_ms, retry_ms;
    int64_t rewrite_ms, rewrite_wait_ms; /* a board that forgot is not written before; 0: it did not */
    /* statistics */
    uint64_t requests, retries, replies, unexpected, polls, polls_lost, writes, uart_bytes;
};

void flm02_conv_init(struct flm02_conv *c, const struct flm02_callbacks *cb, void *ctx);

/* What the board shall hold from now on. A board that is polled is read back and changed where it differs. */
void flm02_conv_want(struct flm02_conv *c, const struct flm02_picture *wish, int64_t now_ms);

/* The line was opened, or is gone. */
void flm02_conv_line_up(struct flm02_conv *c, int64_t now_ms);
void flm02_conv_line_down(struct flm02_conv *c, const char *reason);

/* Once each wall second (V4); in the states that do not poll it does what is due there. */
void flm02_conv_poll(struct flm02_conv *c, int64_t now_ms);

/* Bytes came in. */
void flm02_conv_bytes(struct flm02_conv *c, const char *bytes, size_t n, int64_t now_ms);

/* Something hints that the board was reset: read it back at the next poll. May be called inside a callback. */
static inline void flm02_conv_recheck(struct flm02_conv *c)
{
    c->recheck = true;
}

/* People want it: read the board back and write what differs, at the next poll or, where it is not polled, now; however
 * often it forgot its settings before. Without a line nothing happens: when there is one, all is read anyway. */
void flm02_conv_sync(struct flm02_conv *c, int64_t now_ms);

/* Is the hardware that it told of one that is known? */
static inline bool flm02_conv_knows(const struct flm02_conv *c)
{
    return c->major == FLM02_MAJOR && c->minor <= FLM02_MINOR_MAX;
}

/* When to call flm02_conv_tick(), monotonic ms, or -1. Look again after each call into the conversation. */
static inline int64_t flm02_conv_deadline(const struct flm02_conv *c)
{
    return c->deadline_ms;
}
void flm02_conv_tick(struct flm02_conv *c, int64_t now_ms);

/* "polling", "lost" … for status. */
const char *flm02_state_name(enum flm02_state s);

#endif
