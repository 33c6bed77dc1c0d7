/* A line behind a TCP server (ser2net, a P1 dongle) on the loop: raw bytes in and out, with the callbacks of io/tty.h,
 * connected again when it is gone. It never looks at what the bytes mean. Names are looked up beside the loop
 * (io/mb_names.h), anew for each connection.
 *
 *   SHUT ── tcp_line_open ──► LOOKING ── found ──► CONNECTING ── connected ──► OPEN
 *    ▲                           │                     │ each address in turn   │ end, error
 *    │                           └──────► WAITING ◄────┴────────────────────────┘
 *    └──── tcp_line_shut ──────────────── (back-off; LOOKING again)                                          */
#ifndef IO_TCP_LINE_H
#define IO_TCP_LINE_H

#include "core/util.h"
#include "io/tty.h"

#include <stddef.h>
#include <uv.h>

#define TCP_LINE_RETRY_MAX_MS 10000
#define TCP_LINE_CONNECT_MS   5000 /* for one address */

/* A peer that lost its power says nothing: after this long without any sign of it the line is gone. Seconds. */
#define TCP_LINE_DEAD_S 60

struct tcp_line;

/* Never NULL: aborts when memory is out. */
struct tcp_line *tcp_line_new(uv_loop_t *loop, const struct tty_callbacks *cb, void *ctx);

/* Connect to host, now and whenever it is gone. Results come by callback, never from within this. */
void tcp_line_open(struct tcp_line *t, const char *host, int port);

/* Close the line and stop trying. No callback comes after it. */
void tcp_line_shut(struct tcp_line *t);

/* Write n bytes. 0, or negative when the line is not open or did not take them all. */
int tcp_line_write(struct tcp_line *t, const char *p, size_t n) MUSTCHECK;

/* Shut it and free it; done(ctx) when all handles are closed. */
void tcp_line_close(struct tcp_line *t, void (*done)(void *ctx), void *ctx);

#endif
