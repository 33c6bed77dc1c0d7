/* Lines with telegrams as people read them: how they are, what their meters said last, what was not taken and why.
 * It never calls anybody: what the API answers comes in, text goes out. */
#ifndef CTL_LINE_VIEW_H
#define CTL_LINE_VIEW_H

#include <stddef.h>
#include <stdio.h>

#include <cjson/cJSON.h>

/* Each line with where it is, its state, and how many telegrams came. */
void line_view_list(const cJSON *lines, FILE *out);

/* One as a whole: also its last telegram, what was read from it, what was last refused, notes; tables for a terminal of
 * so many columns (0: none). */
void line_view_show(const cJSON *line, FILE *out, size_t columns);

/* The last telegram's text alone, cleaned for a terminal. */
void line_view_raw(const cJSON *line, FILE *out);

/* Pictures for a terminal: of one without its telegrams, and of its last telegram. At most so many rows (0: all), cut
 * at so many columns (0: not); lines end with `end`. Return how many lines were left out. */
size_t line_view_picture(const cJSON *line, FILE *out, size_t columns, size_t rows, const char *end);
size_t line_view_raw_picture(const cJSON *line, FILE *out, size_t columns, size_t rows, const char *end);

/* What has changed since the look before, a line each on standard output: the state, what was refused, notes. before:
 * NULL at the first look, which tells the state. */
void line_view_changes(const cJSON *before, const cJSON *line);

#endif
