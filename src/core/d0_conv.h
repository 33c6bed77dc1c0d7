/* The conversation with a D0 meter that must be asked (IEC 62056-21, modes A, B, C and E): opening at 300 baud, the
 * meter's ident, our answer, the change of the baud rate. It never reads a telegram (core/d0_reader.h does, from the
 * same bytes) and keeps no clock: times are arguments.
 *
 *   IDLE ── start: "/?!" at 300 baud ──► IDENT ── "/EMH5…" CR LF ──► ACK ── it is sent ──► DATA ── "!" … or silence ─►
 * IDLE │                         (mode C: ACK 0 z 0)     ▲ └── mode B: baud of its letter; mode A: none ─────┘
 *
 * What an optical head sends back of our own words is known by them and passed over. The meter is never asked for more
 * than its line can: on one that cannot change its baud rate (TCP) it is asked to stay at 300. */
#ifndef CORE_D0_CONV_H
#define CORE_D0_CONV_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define D0_CONV_BAUD 300 /* of the opening */

enum d0_conv_state { D0_CONV_IDLE, D0_CONV_IDENT, D0_CONV_ACK, D0_CONV_DATA };

enum d0_conv_end {
    D0_CONV_TOLD,     /* data came; whether they are a telegram the reader says */
    D0_CONV_NO_IDENT, /* nothing that is one */
    D0_CONV_NO_DATA,
    D0_CONV_ENDS
};

struct d0_conv_host {
    void (*send)(void *ctx, const void *bytes, size_t n);
    void (*baud)(void *ctx, int baud); /* what is sent and received from now on */
    /* It is over: what the reader has open ends. Called last; the next may be started from within it. */
    void (*ended)(void *ctx, enum d0_conv_end end);
};

struct d0_conv {
    const struct d0_conv_host *host;
    void *ctx;
    int most_baud;
    enum d0_conv_state state;
    int64_t deadline_ms; /* -1: none */
    int next_baud;       /* ACK: what comes with it */
    char line[48];       /* IDENT, ACK: the running line */
    size_t len;
    size_t data; /* DATA: bytes so far */
    bool ended;  /* DATA: "!" stood at a line's start */
    bool fresh;  /* likewise: a line begins */
};

/* most_baud: what the meter may be asked for, D0_CONV_BAUD or more. */
void d0_conv_init(struct d0_conv *c, const struct d0_conv_host *host, void *ctx, int most_baud);

/* Ask now. One that runs is given up first, without a word. */
void d0_conv_start(struct d0_conv *c, int64_t mono_ms);

/* Give up, without a word: the line is gone. */
void d0_conv_stop(struct d0_conv *c);

/* Bytes came (to be handed to the reader first). */
void d0_conv_bytes(struct d0_conv *c, const uint8_t *p, size_t n, int64_t mono_ms);

/* When d0_conv_tick() is to be called; -1: not at all. */
static inline int64_t d0_conv_deadline(const struct d0_conv *c)
{
    return c->deadline_ms;
}
void d0_conv_tick(struct d0_conv *c, int64_t mono_ms);

static inline bool d0_conv_busy(const struct d0_conv *c)
{
    return c->state != D0_CONV_IDLE;
}

/* "", "the meter does not answer its call", "the meter answers its call and tells nothing" */
const char *d0_conv_words(enum d0_conv_end e);

#endif
