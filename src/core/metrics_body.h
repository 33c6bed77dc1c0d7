/* The body of /metrics: every number and every sensor's newest values in Prometheus' text format 0.0.4, piece
 * by piece. It never asks a module twice in one body, and never holds a pointer from one piece to the next.
 */
#ifndef CORE_METRICS_BODY_H
#define CORE_METRICS_BODY_H

#include <stdbool.h>
#include <stddef.h>

struct jsonw;
struct status_view;

#define METRICS_NAME         96 /* bytes of a family's name */
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Where the writing stands; all zero at the start. */
struct metrics_body {
    enum { METRICS_HEAD, METRICS_MANY, METRICS_VALUES, METRICS_AGES, METRICS_END } stage;
    size_t cursor;           /* of sensors_next(), of stats.more */
    char last[METRICS_NAME]; /* the family in which the writing stands */
};

/* Append the next piece to w as raw text. Returns true when at least a
 * byte was appended, false when the body was complete already. Modules must emit the
 * numbers of one name in a row: the format wants them together. */
bool metrics_body_more(struct metrics_body *b, const struct status_view *v, struct jsonw *w);

#endif
