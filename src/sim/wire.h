/* The board's end of the line: bytes in, messages to the board, replies out at the time the firmware takes
 * for them. It never reads a clock or a descriptor: milliseconds and bytes are handed to it. */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/flm02.h"

#define WIRE_BUFFER 32

/*   LISTENS ──'.'──→ ANSWERS ──reply time──→ LISTENS
 *                       └──── after ct ────→ SAVES ──500 ms──→ LISTENS
 *   LISTENS answers `lu` to text that is 200 ms old and has no '.'. ANSWERS loses what comes in, and the
 * reply loses its head for it. SAVES loses what comes in. */
enum wire_state { WIRE_LISTENS, WIRE_ANSWERS, WIRE_SAVES };

struct wire {
    enum wire_state state;
    int64_t due_ms;   /* of the reply, of `lu`, of the end of saving; -1: none */
    int64_t saved_ms; /* end of the saving that follows the reply; 0: none */
    int reply_ms;     /* fixed reply time, or -1 for the model's own */
    char to;          /* where characters go: 'l' the command, 'u' the RS-485 port, 0 nowhere */
    char buf[WIRE_BUFFER];
    size_t len;
    bool overflow; /* of the buffer: the rest of the message was lost */
    int nibble;    /* half a byte for the RS-485 port, or -1 */
    char reply[FLM02_REPLY_MAX];
    size_t reply_len;
    size_t eaten;  /* bytes that came in while the reply was pending */
    uint64_t lost; /* bytes that came in when the board did not listen */
};

void wire_init(struct wire *w, int reply_ms);

/* Forget what was under way: the board started again. */
void wire_reset(struct wire *w);

/* One read's worth of bytes arrives. */
void wire_receive(struct wire *w, struct flm02 *b, int64_t now_ms, const uint8_t *bytes, size_t n);

/* When wire_reply() has something to do: ms, or -1. */
int64_t wire_deadline(const struct wire *w);

/* What goes onto the line now, into FLM02_REPLY_MAX bytes; 0: nothing. */
size_t wire_reply(struct wire *w, struct flm02 *b, int64_t now_ms, char *dst);

#endif
