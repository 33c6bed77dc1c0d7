/* The last lines of the log, in a fixed piece of memory: at most 1000, and 128 KB with all that is kept of them. It
 * never asks a clock and knows no threads: its owner has a lock.
 *
 * Lines are numbered from 1, for ever; a reader keeps the number of the next line it wants. */
#ifndef CORE_LOG_RING_H
#define CORE_LOG_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_RING_LINES 1000
#define LOG_RING_TEXT  (104u << 10) /* bytes of all texts */
#define LOG_LINE_MAX   512          /* bytes of one text; what is longer is cut */

struct log_ring_line {
    int64_t wall_ms;
    uint32_t at; /* of its text */
    uint16_t len;
    uint8_t level;
};

/* All zero: empty. */
struct log_ring {
    uint64_t gone, newest; /* numbers of the newest line that made room, and of the newest */
    uint32_t used;         /* bytes of text */
    struct log_ring_line lines[LOG_RING_LINES];
    char text[LOG_RING_TEXT];
};

/* A copy of one line. */
struct log_entry {
    uint64_t number;
    int64_t wall_ms; /* Unix milliseconds, as the host's clock had it */
    int level;       /* 3 .. 7, as syslog numbers them */
    size_t len;
    char text[LOG_LINE_MAX + 1]; /* valid UTF-8, without line ends; terminated */
};

/* Keep a line; the oldest make room. Bytes that are no UTF-8, and control characters, become '?'. */
void log_ring_put(struct log_ring *r, int level, int64_t wall_ms, const char *text);

/* The line with this number; of one that is gone, or 0, the oldest that is there. False: not there yet. */
bool log_ring_get(const struct log_ring *r, uint64_t number, struct log_entry *out);

/* Write "2026-01-31T23:59:59.123Z warning text" at dst, not terminated; returns its length. */
#define LOG_ENTRY_MAX (64 + LOG_LINE_MAX)
size_t log_entry_format(char dst[LOG_ENTRY_MAX], const struct log_entry *e);

#endif
