/* A recording of a serial line: lines `<ms> <rx|tx> <hex>`, ms since the first of them, and comments after '#'; the
 * first comment says when that was.
 * It never judges the bytes: what came is what stands there. */
#ifndef APP_RECORD_H
#define APP_RECORD_H

#include <stddef.h>
#include <stdint.h>

struct record;

/* Open path for writing, or NULL (logged: the daemon goes on without). */
struct record *record_open(const char *path);

/* Note n bytes, "rx" (from the board) or "tx". */
void record_bytes(struct record *r, int64_t mono_ms, const char *way, const char *bytes, size_t n);

void record_close(struct record *r);

#endif
