/* What a sensor board's driver and the service that owns its line ask of each other. A driver is pure: bytes and
 * moments come in; bytes to send, readings and what is to be said go out through its host. It never touches the line,
 * a clock, the log or the facts itself.
 *
 *                    bytes, second, tick …                 emit   ─► hub
 *   line ──► service ─────────────────────► driver ──────► fact, say, publish, sync …  (struct board_host)
 *     ▲                                       │
 *     └───────────────────────────────────────┘ send
 *
 * The service asks for deadline() again after each call into the driver. */
#ifndef CORE_BOARD_H
#define CORE_BOARD_H

#include "core/clock.h"
#include "core/facts.h"
#include "core/reading.h"
#include "core/settings.h"
#include "core/stats.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger;
struct sensors;

#define BOARD_NAME 96 /* of a line, for people: cut at one less */

/* The moment of a call. */
struct board_now {
    int64_t mono_ms;
    int64_t unix_s;  /* the wall clock as it was judged; 0: not known */
    int64_t wall_ms; /* the wall clock as the host has it */
    enum clock_state clock;
};

/* How loud something is said. */
enum board_say { BOARD_ERROR, BOARD_WARN, BOARD_NOTE, BOARD_INFO, BOARD_DETAIL };

/* How far a synchronisation is (S6), or how it ended. */
enum board_synced {
    BOARD_SYNC_STEP,   /* so many percent are done; text says what was */
    BOARD_SYNC_OK,     /* the board holds its settings */
    BOARD_SYNC_FAILED, /* it was not reached, or does not hold them */
    BOARD_SYNC_UNFIT,  /* its hardware is not known, or cannot do what the settings ask for */
};

/* What a driver asks of its owner. Texts and bytes are valid during the call. None of these calls back into the
 * driver. */
struct board_host {
    /* Bytes for the line; what it does not take is lost, and counted by the host. */
    void (*send)(void *ctx, const void *bytes, size_t n);
    /* hub_emit(): 0, or -1 when the reading was refused. */
    int (*emit)(void *ctx, const struct reading *r);
    /* Bytes of the board's own serial port. */
    void (*uart)(void *ctx, const uint8_t *bytes, size_t n);
    /* facts_set(); mono_ms: since when. */
    void (*fact)(void *ctx, enum fact f, bool on, const char *reason, int64_t mono_ms);
    /* One line for people, without the word "board" in front. */
    void (*say)(void *ctx, enum board_say level, const char *fmt, ...) PRINTF_LIKE(3, 4);
    /* A message that is not retained, for /device/<id>/<below>: "flx/time". 0, or negative when it was not taken. */
    int (*publish)(void *ctx, const char *below, const char *payload, size_t n);
    /* The board's clock is valid and this host's is not. Said once a second while that is so; the host may set its
     * clock by it. */
    void (*clock)(void *ctx, int64_t unix_s);
    /* The minor version of the hardware that was found (S1). */
    void (*hardware)(void *ctx, int minor);
    /* How far the board holds its settings. Said whether or not sync() was called before; percent is of BOARD_SYNC_STEP
     * alone. */
    void (*sync)(void *ctx, enum board_synced what, int percent, const char *text);
};

/* One kind of board. `self` is what new() returned. now is valid during the call. */
struct board_driver {
    const char *name; /* "flm02" */

    /* Sensors, ledger and host outlive the driver. Never NULL: aborts when memory is out. */
    void *(*new)(const struct board_host *host, void *ctx, const struct sensors *sensors, struct ledger *ledger);
    void (*free)(void *self);

    /* These settings are in force from now on, and the table holds their sensors. They are valid during the call. */
    void (*apply)(void *self, const struct settings *s, const struct board_now *now);

    /* The line was opened, or is gone; then the host sets the facts board and heartbeat. */
    void (*line_up)(void *self, const struct board_now *now);
    void (*line_down)(void *self, const char *reason, const struct board_now *now);

    /* Right after line_up(), then once each wall second while the line is open, one or two milliseconds into it (V4).
     */
    void (*second)(void *self, const struct board_now *now);

    void (*bytes)(void *self, const uint8_t *p, size_t n, const struct board_now *now);

    /* When to call tick(), monotonic ms, or -1. */
    int64_t (*deadline)(const void *self);
    void (*tick)(void *self, const struct board_now *now);

    /* People want it: see that the board holds its settings now. What becomes of it is told by the host's sync(). */
    void (*sync)(void *self, const struct board_now *now);

    /* The program ends: the last word to the board. line_down() follows. */
    void (*stop)(void *self, const struct board_now *now);

    /* What it is doing: "polling", "lost" … for people. */
    const char *(*doing)(const void *self);

    void (*stats)(void *self, stat_emit emit, void *ctx);
};

extern const struct board_driver board_flm02, board_flx;

#endif
