/* The body of /api/v1/status: the whole gateway as one JSON object, written piece by piece.
 * It never shows a secret, and never holds a pointer from one piece to the next. */
#ifndef CORE_STATUS_BODY_H
#define CORE_STATUS_BODY_H

#include <stdbool.h>
#include <stddef.h>

struct jsonw;
struct status_view;

/* Where the writing stands; all zero at the start. */
struct status_body {
    enum { STATUS_HEAD, STATUS_SENSORS, STATUS_END } stage;
    size_t cursor; /* of sensors_next() */
};

/* Append the next piece to w, the same writer each time (its text may be taken away in between, its `comma`
 * not). Returns true when at least a byte was appended, false when the body was complete already. */
bool status_body_more(struct status_body *b, const struct status_view *v, struct jsonw *w);

#endif
