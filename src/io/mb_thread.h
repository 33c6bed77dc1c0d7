/* Bus threads: one per bus, owner of its line (io/mb_link.h) and of its round (core/mb_round.h). What meters said comes
 * back to the loop through one locked list and one uv_async for all buses. It never decides what a value means.
 *
 *   loop ── mb_bus_start, _ask, _stop ──► thread ── libmodbus ──► line
 *        ◄── mb_result ── locked list, uv_async ──┘
 *
 * A thread's stack is 64 KiB. All calls here are the loop's; none blocks. */
#ifndef IO_MB_THREAD_H
#define IO_MB_THREAD_H

#include "core/mb_reading.h"
#include "core/mb_round.h"
#include "core/mb_stats.h"
#include "core/meter_model.h"
#include "io/mb_link.h"

#include <uv.h>

/* A meter of a bus. Copied. */
struct mb_meter_config {
    const char *key;
    int unit;
    int interval_ms, timeout_ms, pause_ms;
    const struct meter_model *model; /* its registers are copied */
    const uint8_t *quantities;
    size_t n_quantities;
};

struct mb_bus_config {
    const char *key;
    struct mb_line line;
    const struct mb_meter_config *meters;
    size_t n_meters;
    uint32_t tag; /* the caller's: in each result */
};

enum mb_result_kind {
    MB_RESULT_LINE,  /* the line came (words "", or a remark on how it behaves) or went: why */
    MB_RESULT_METER, /* a meter was asked: state, outcome; readings with ok */
    MB_RESULT_ASK    /* the answer to mb_bus_ask() */
};

/* Freed by who gets it: mb_result_free(). */
struct mb_result {
    struct mb_result *next; /* the list's */
    enum mb_result_kind kind;
    uint32_t tag; /* of the bus's config */
    size_t meter; /* its index in the config */
    enum mb_state state, before;
    enum mb_outcome outcome;
    int exception;
    bool up;                   /* LINE */
    int64_t mono_ms;           /* when the answer came */
    uint64_t ticket;           /* ASK */
    int64_t took_us;           /* ASK: from the request's last byte to the answer */
    uint64_t missed;           /* METER: intervals so far that brought no reading, struct mb_meter's */
    size_t n_words;            /* ASK */
    size_t n;                  /* readings */
    char words[MB_LINK_ERROR]; /* for people: why it failed; "" */
    union {
        uint16_t raw[METER_READ_MAX];  /* ASK */
        struct mb_reading readings[1]; /* METER: n of them, allocated to size */
    };
};

struct mb_threads;
struct mb_bus;

/* One result at a time, on the loop; at most 256 readings a turn. */
typedef void (*mb_result_cb)(void *ctx, struct mb_result *r);

struct mb_threads *mb_threads_new(uv_loop_t *loop, mb_result_cb cb, void *ctx);

/* When no bus is left: close, then done once. */
void mb_threads_close(struct mb_threads *t, void (*done)(void *ctx), void *ctx);

/* A thread that the system does not grant now is told as a line that is down, and tried again each second. */
struct mb_bus *mb_bus_start(struct mb_threads *t, const struct mb_bus_config *c);

/* No result of it comes after this call; the thread ends when its request does, done is called then (it may be NULL).
 * b is not to be used again. */
void mb_bus_stop(struct mb_bus *b, void (*done)(void *ctx), void *ctx);

/* One request of people, behind the seconds: the answer comes as MB_RESULT_ASK with the ticket. 0, or -1 when too many
 * wait (MB_ASKS). With baud > 0 the line is set to that speed for this request alone. */
#define MB_ASKS 32
struct mb_ask {
    uint64_t ticket;
    int unit, function, address, count;
    int timeout_ms; /* 0: the default; a meter of the bus has at least its own */
    int baud, stop_bits;
    char parity;
};
int mb_bus_ask(struct mb_bus *b, const struct mb_ask *a) MUSTCHECK;

/* Forget what waits of this ticket. */
void mb_bus_cancel(struct mb_bus *b, uint64_t ticket);

/* A copy of a meter's statistics, and of the plan as it stands: how many reads a poll takes. */
void mb_bus_stats(struct mb_bus *b, size_t meter, struct mb_stats *out, size_t *reads);

void mb_result_free(struct mb_result *r);

#endif
