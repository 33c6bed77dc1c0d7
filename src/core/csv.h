/* Comma-separated values (RFC 4180) as spreadsheets write them: commas, semicolons or tabs, quotes, a byte order mark,
 * any line ends. It never judges what a field says, and each mistake has its line and column.
 *
 *   bus;unit;name          the first record tells the separator (or a line before it: sep=;)
 *   line1;3;"Heat; pump"   a field in quotes may hold separators, line ends and, twice, quotes
 */
#ifndef CORE_CSV_H
#define CORE_CSV_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CSV_TEXT_MAX (4u << 20) /* bytes of a file */

struct csv_field {
    char *text;            /* terminated UTF-8; of one without quotes without the spaces around it */
    unsigned line, column; /* where it begins, from 1: a line of the file, a character of that line */
};

struct csv_record {
    size_t first, n; /* in csv.fields */
};

struct csv {
    char separator;
    struct csv_field *fields;
    size_t n_fields;
    struct csv_record *records; /* blank lines, and those of separators alone, are none */
    size_t n_records;
};

/* A mistake, in words: "there is no quote at its end". */
typedef void (*csv_mistake)(void *ctx, unsigned line, unsigned column, const char *what);

/* Parse a text, which need not be terminated and is not changed. Returns 0, or -1 when there were mistakes, each of
 * which was told; what could be made of it is in *c in each case (csv_free()). */
int csv_parse(struct csv *c, const char *text, size_t len, csv_mistake mistake, void *ctx) MUSTCHECK;
void csv_free(struct csv *c);

/* The field of a record; NULL: it has not as many (spreadsheets leave out what is empty at the end). */
static inline const struct csv_field *csv_field(const struct csv *c, const struct csv_record *r, size_t i)
{
    return i < r->n ? &c->fields[r->first + i] : NULL;
}

/* Write a field, in quotes where it needs them. */
void csv_put(FILE *out, const char *text, char separator);

#endif
