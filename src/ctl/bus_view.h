/* Buses and their meters as people read them: what they are, how they do, and what has changed between two looks.
 * It never calls anybody: the API's list of buses comes in, text goes out. */
#ifndef CTL_BUS_VIEW_H
#define CTL_BUS_VIEW_H

#include <stddef.h>
#include <stdio.h>

#include <cjson/cJSON.h>

/* Each bus with its line and state, and below it its meters with theirs; for a terminal of so many columns (0: none).
 */
void bus_view_list(const cJSON *buses, FILE *out, size_t columns);

/* A line for each bus, and below it one for each meter with what became of its requests; at most so many lines (0:
 * all); lines end with `end`. Returns how many lines were left out. */
size_t bus_view_stats(const cJSON *buses, FILE *out, size_t columns, size_t rows, const char *end);

/* What has changed since the look before, a line each on standard output: states of buses and meters, and errors.
 * before: NULL at the first look, which tells each state. */
void bus_view_changes(const cJSON *before, const cJSON *buses);

/* The bus with this key; the meter with this key or, if only one has it, name, and its bus. NULL: there is none. */
const cJSON *bus_view_bus(const cJSON *buses, const char *key);
const cJSON *bus_view_meter(const cJSON *buses, const char *word, const cJSON **bus);

#endif
