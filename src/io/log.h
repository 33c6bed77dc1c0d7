/* The log: one line per event on stderr, with the journal's priority in front when the journal reads it.
 * It never writes secrets (callers' duty), never blocks on anything but stderr, and folds repeats into a count. */
#ifndef IO_LOG_H
#define IO_LOG_H

#include "core/util.h"

enum log_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_NOTE = 5, LOG_INFO = 6, LOG_DETAIL = 7 };

/* Show lines up to this level (default LOG_INFO; -v: LOG_DETAIL). */
void log_set_level(enum log_level level);

/* One line: "object: what happened: why". A line that equals the one before is counted, not written; the count
 * follows as soon as another line comes, and at the latest at the 2nd, 4th, 8th … repeat. */
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...)  log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)   log_line(LOG_WARN, __VA_ARGS__)
#define log_note(...)   log_line(LOG_NOTE, __VA_ARGS__)
#define log_info(...)   log_line(LOG_INFO, __VA_ARGS__)
#define log_detail(...) log_line(LOG_DETAIL, __VA_ARGS__)

#endif
