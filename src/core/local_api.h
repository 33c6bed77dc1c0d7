/* The local JSON API, version 1.0 (local-api.md): a request's parameters checked, its answer written.
 * It never looks up a sensor and never sends anything. */
#ifndef CORE_LOCAL_API_H
#define CORE_LOCAL_API_H

#include "core/util.h"

#include <stddef.h>
#include <stdint.h>

struct jsonw;
struct window_pair;

#define LOCAL_API_CALLBACK 128 /* longest name of a JSONP callback */
#define LOCAL_API_ERROR    256

struct local_api_request {
    char callback[LOCAL_API_CALLBACK + 1]; /* "": plain JSON */
    int64_t factor;                        /* of values in the sensor's unit: 86400 makes L/day of L/s */
};

/* Check the query (behind the '?') and the header X-Version (or NULL) of a request for a sensor whose gauge
 * has this unit (or NULL: it has none). 0, or -1 with a text for the answer 400 that says what is required.
 */
int local_api_check(struct local_api_request *out, const char *query, const char *x_version, const char *gauge_unit,
                    char error[LOCAL_API_ERROR]) MUSTCHECK;

/* Write the answer: n pairs, or [] when n is 0. */
void local_api_write(struct jsonw *w, const struct local_api_request *q, const struct window_pair *pairs, size_t n);

#endif
