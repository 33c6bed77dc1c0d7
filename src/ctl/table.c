#include "ctl/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GAP        2 /* columns between two of ours */
#define SHRINK_MIN 6

void table_init(struct table *t, const struct table_column *columns, size_t n_columns)
{
    *t = (struct table){.columns = columns, .n_columns = n_columns};
}

void table_free(struct table *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->cells[i].text);
    free(t->cells);
    t->cells = NULL;
    t->n = t->cap = 0;
}

void table_cell(struct table *t, enum say_colour colour, const char *fmt, ...)
{
    va_list ap;
    char *text;

    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->cells = must(reallocarray(t->cells, t->cap, sizeof *t->cells));
    }
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    va_end(ap);
    t->cells[t->n++] = (struct table_cell){.text = say_clean(text), .colour = colour};
    free(text);
}

static void spaces(FILE *out, size_t n)
{
    while (n-- > 0)
        putc(' ', out);
}

/* owed: spaces before the cell, which are left out at the end of a line. */
static void put_cell(FILE *out, const char *text, enum say_colour colour, size_t width, bool right, size_t *owed)
{
    size_t w = say_width(text), bytes = strlen(text);
    const char *cut = "";

    if (w > width) {
        cut = say_cut();
        bytes = say_fit(text, width - 1);
        char *head = must(strndup(text, bytes));
        w = say_width(head) + 1;
        free(head);
    }
    *owed += right ? width - w : 0;
    if (*text) {
        spaces(out, *owed);
        *owed = 0;
        fprintf(out, "%s%.*s%s%s", colour == SAY_PLAIN ? "" : say_colour(colour), (int)bytes, text, cut,
                colour == SAY_PLAIN ? "" : say_colour(SAY_PLAIN));
    }
    *owed += (right ? 0 : width - w) + GAP;
}

/* What each column needs, and less where a line would be wider than it may. */
static void measure(const struct table *t, size_t *widths, size_t width)
{
    size_t total = GAP * (t->n_columns - 1);

    for (size_t c = 0; c < t->n_columns; c++) {
        widths[c] = t->columns[c].title ? say_width(t->columns[c].title) : 0;
        for (size_t i = c; i < t->n; i += t->n_columns) {
            size_t w = say_width(t->cells[i].text);
            widths[c] = w > widths[c] ? w : widths[c];
        }
        total += widths[c];
    }
    for (size_t c = 0; width && c < t->n_columns && total > width; c++) {
        if (!(t->columns[c].flags & TABLE_SHRINK) || widths[c] <= SHRINK_MIN)
            continue;
        size_t less = total - width < widths[c] - SHRINK_MIN ? total - width : widths[c] - SHRINK_MIN;
        widths[c] -= less;
        total -= less;
    }
}

void table_print(const struct table *t, FILE *out, size_t width, size_t max_rows, const char *end)
{
    size_t *widths = must(calloc(t->n_columns, sizeof *widths)), rows = 0, owed = 0;

    measure(t, widths, width);
    for (size_t c = 0; c < t->n_columns && t->columns[0].title; c++)
        put_cell(out, t->columns[c].title, SAY_DIM, widths[c], t->columns[c].flags & TABLE_RIGHT, &owed);
    if (t->columns[0].title)
        fputs(end, out);
    owed = 0;
    for (size_t i = 0; i < t->n; i++) {
        size_t c = i % t->n_columns;
        put_cell(out, t->cells[i].text, t->cells[i].colour, widths[c], t->columns[c].flags & TABLE_RIGHT, &owed);
        if (c + 1 < t->n_columns && i + 1 < t->n)
            continue;
        fputs(end, out);
        owed = 0;
        if (max_rows && ++rows == max_rows)
            break;
    }
    free(widths);
}
