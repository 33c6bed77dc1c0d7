/* The line from board to host: what the board says gets its faults, waits for its delay, and is written whole, in
 * order. It never blocks, and knows no message: when a reader takes nothing for a while, what comes is dropped, as
 * bytes are on a real line that nobody listens to. */
#ifndef SIM_LINE_H
#define SIM_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/faults.h"
#include "sim/pty.h"

#define LINE_FRAME_MAX 512  /* bytes of a reply or frame */
#define LINE_FRAMES    1024 /* on their way; the oldest give way */
#define LINE_ANY       (-1)

struct line_frame {
    int64_t due_ms;
    size_t len;
    char text[LINE_FRAME_MAX + FAULTS_GARBAGE_MAX];
};

struct line {
    struct pty pty;
    struct faults faults;
    int aim;        /* kind of frame that has faults; LINE_ANY: all */
    int64_t now_ms; /* set by the owner before anything else */
    struct line_frame way[LINE_FRAMES];
    unsigned first, n;                                     /* a ring */
    int64_t full_since_ms;                                 /* the reader has left no room since; -1: there is room */
    uint64_t lost;                                         /* frames that found no room */
    void (*show)(void *ctx, const char *data, size_t len); /* what is written; NULL: nobody looks */
    void *ctx;
};

void line_init(struct line *l, const struct faults *faults);

/* A reply or frame of that kind enters the line; a delay keeps those behind it waiting too. */
void line_put(struct line *l, int kind, const void *data, size_t len);

/* Write what is due. */
void line_send(struct line *l);

/* When line_send() has something to do: ms, or -1. */
int64_t line_deadline(const struct line *l);

/* What is on its way is gone: the line was unplugged. */
void line_clear(struct line *l);

#endif
