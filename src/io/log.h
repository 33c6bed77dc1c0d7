/* The log: one line per event on stderr, with the journal's priority in front when the journal reads it; the last ones
 * are kept in memory. Any thread may call it. It never writes secrets (callers' duty), never blocks on anything but
 * stderr, and folds repeats into a count. */
#ifndef IO_LOG_H
#define IO_LOG_H

#include "core/util.h"

#include <stdbool.h>
#include <stdint.h>

struct log_entry;

#define LOG_SAME 10

enum log_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_NOTE = 5, LOG_INFO = 6, LOG_DETAIL = 7 };

/* Show lines up to this level (default LOG_INFO; -v: LOG_DETAIL). */
void log_set_level(enum log_level level);

/* One line: "object: what happened: why". The same line is written LOG_SAME times; after that only each time its count
 * has doubled, with the count behind it (pitfall 19). A line that did not come for an hour is new again. */
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The lines written of late (core/log_ring.h): the number of the newest, 0 when there was none; and a copy of the one
 * with that number, or of the oldest that is there. False: it was not written yet. */
uint64_t log_newest(void);
bool log_get(uint64_t number, struct log_entry *out);

#define log_error(...)  log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)   log_line(LOG_WARN, __VA_ARGS__)
#define log_note(...)   log_line(LOG_NOTE, __VA_ARGS__)
#define log_info(...)   log_line(LOG_INFO, __VA_ARGS__)
#define log_detail(...) log_line(LOG_DETAIL, __VA_ARGS__)

#endif
