/* A part of the API looked at again and again: a picture in place on a terminal until a key or a signal ends it, lines
 * elsewhere. It never knows what it shows. */
#ifndef CTL_LOOKS_H
#define CTL_LOOKS_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <cjson/cJSON.h>

struct ctl;
struct verb;

struct looks {
    /* What there is now, which is freed here; NULL with an enum ctl_exit that people know. quietly: nobody is told. */
    cJSON *(*fetch)(void *ctx, const struct ctl *c, bool quietly, int *rc);
    /* A picture of at most so many columns and rows (0: all); its lines end with `end`. Returns how many were left out.
     */
    size_t (*picture)(void *ctx, const cJSON *now, FILE *out, size_t columns, size_t rows, const char *end);
    /* Lines on standard output: what is new since `before` (NULL: the first look). */
    void (*changes)(void *ctx, const cJSON *before, const cJSON *now);
    /* The same for scripts: all of it. */
    void (*print)(void *ctx, const cJSON *now);
    void *ctx;
    const char *legend; /* behind "q ends", where there is room */
    double every_s;
};

/* --every of a verb: seconds. CTL_OK, or CTL_USAGE and people know why. */
int looks_every(const struct verb *v, const char *word, double *every_s) MUSTCHECK;

/* Returns an enum ctl_exit. */
int looks_run(const struct ctl *c, const struct looks *l) MUSTCHECK;

#endif
