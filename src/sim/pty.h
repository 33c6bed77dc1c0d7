/* The line: a pseudo-terminal with a stable name, which can be unplugged and plugged in again.
 * It never blocks: what a slow reader leaves no room for is dropped. */
#ifndef SIM_PTY_H
#define SIM_PTY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/util.h"

struct pty {
    int master;       /* -1: unplugged */
    int slave;        /* held open, so that a reader may come and go */
    int watch;        /* readable when a reader has gone: call pty_reader_gone() */
    char name[64];    /* "/dev/pts/N" */
    const char *link; /* symbolic link to it; NULL: none. The caller's. */
};

/* Plug in: a new pty in raw mode, and the link. 0, or -1 with errno; EEXIST: the link's name is taken by
 * something that is no symbolic link. */
MUSTCHECK int pty_plug(struct pty *p, const char *link);

/* Unplug: the reader sees a hang-up, the link goes (if it is still ours). */
void pty_unplug(struct pty *p);

/* A reader closed the line. A real line closes with it, and forgets that the reader wanted it for itself
 * (TIOCEXCL). */
void pty_reader_gone(struct pty *p);

/* Bytes that came in: their number, 0 for none. */
size_t pty_read(struct pty *p, uint8_t *buf, size_t cap);

/* Bytes that wait for a reader. */
size_t pty_unread(const struct pty *p);

/* What the reader has set the line to, in baud; 0: no usual speed. */
int pty_baud(const struct pty *p);

/* Send, in one write. */
void pty_write(struct pty *p, const char *data, size_t len);

#endif
