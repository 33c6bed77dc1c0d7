/* What other services may ask of the lines with telegrams: how each is, and what its meter said last. service_lines
 * does it; it never hands out a line itself. */
#ifndef APP_LINES_H
#define APP_LINES_H

#include "core/line_view.h"

#include <stdbool.h>
#include <stddef.h>

struct lines;

/* Of the line with this key of the settings in force. False: there is none. What is referred to stays until the loop
 * turns or settings change. */
bool lines_view(const struct lines *l, const char *key, struct line_view *out);

/* The nth value of its last telegram (line_view.n_values). False: there is none. */
bool lines_value(const struct lines *l, const char *key, size_t nth, struct line_value_view *out);

#endif
