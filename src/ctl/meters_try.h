/* The meters of a table, one value of each read: are they there, and are they what the table says? It never changes
 * anything. */
#ifndef CTL_METERS_TRY_H
#define CTL_METERS_TRY_H

#include "core/util.h"

#include <stddef.h>

#include <cjson/cJSON.h>

struct ctl;
struct meters_file;

/* Read one value of each meter that is enabled in `next`, the settings as they would be, and show it (not with
 * c->json). *values: a new list of {"line","bus","unit","key","model"} with "quantity","value","value_unit" or "error";
 * *silent: how many of them did not answer. Returns CTL_OK also then. */
int meters_try(const struct ctl *c, const struct meters_file *f, const cJSON *next, cJSON **values,
               size_t *silent) MUSTCHECK;

#endif
