/* A serial line on the loop: raw bytes in and out, opened exclusively, opened again when it is gone.
 * It never looks at what the bytes mean, and a write that the line does not take at once is an error.
 *
 *   SHUT ── tty_open ──► WAITING ── opened ──► OPEN
 *    ▲                     ▲  │ (back-off)      │ hang-up, error
 *    └──── tty_shut ───────┘  └────◄────────────┘                                                        */
#ifndef IO_TTY_H
#define IO_TTY_H

#include "core/util.h"

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define TTY_RETRY_MAX_MS 5000 /* a board that is plugged in again is back within this */

struct tty;

/* Data bits, parity, stop bits. */
enum tty_format { TTY_8N1, TTY_7E1, TTY_8E1, TTY_7O1, TTY_8N2, TTY_FORMATS };

struct tty_callbacks {
    void (*opened)(void *ctx);
    void (*bytes)(void *ctx, const char *p, size_t n);
    /* The line is gone, or could not be opened; it is tried again. Said at each change of reason. */
    void (*lost)(void *ctx, const char *reason);
};

/* Never NULL: aborts when memory is out. */
struct tty *tty_new(uv_loop_t *loop, const struct tty_callbacks *cb, void *ctx);

/* Open path (a device or a link to one), now and whenever it is gone. Results come by callback. A byte with a wrong
 * parity is read as 0. */
void tty_open(struct tty *t, const char *path, int baud, enum tty_format format);

/* Another baud rate from now on, until it is opened again; what is still to be sent should be gone. 0, or negative when
 * the line is not open or does not know it. */
int tty_baud(struct tty *t, int baud) MUSTCHECK;

/* Close the line and stop trying. No callback comes after it. */
void tty_shut(struct tty *t);

/* Write n bytes. 0, or negative when the line is not open or did not take them all. */
int tty_write(struct tty *t, const char *p, size_t n) MUSTCHECK;

/* Shut it and free it; done(ctx) when all handles are closed. */
void tty_close(struct tty *t, void (*done)(void *ctx), void *ctx);

#endif
