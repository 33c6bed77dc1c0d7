/* A table in columns that line up on a terminal, whatever letters and colours its cells have.
 * It never wraps: where it is wider than the terminal, columns that may are cut. */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include "ctl/say.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TABLE_LEFT = 0, TABLE_RIGHT = 1, TABLE_SHRINK = 2 /* may be cut, the first of these first */ };

struct table_column {
    const char *title; /* NULL in each: no line of titles */
    int flags;
};

struct table {
    const struct table_column *columns;
    size_t n_columns;
    struct table_cell {
        char *text; /* clean, owned */
        enum say_colour colour;
    } * cells; /* row by row, owned */
    size_t n, cap;
};

/* The columns must live as long as the table. */
void table_init(struct table *t, const struct table_column *columns, size_t n_columns);
void table_free(struct table *t);

/* The next cell, from left to right, row after row. */
void table_cell(struct table *t, enum say_colour colour, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Write it; lines end with `end` ("\n"). Columns are cut so that a line fits into width columns (0: none is cut); a
 * last row that is not whole is written as far as it goes. At most max_rows rows (0: all). */
void table_print(const struct table *t, FILE *out, size_t width, size_t max_rows, const char *end);

#endif
