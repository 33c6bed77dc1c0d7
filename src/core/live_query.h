/* What /api/v1/readings, /api/v1/live and /api/v1/log are asked for, checked; and the body of the first. It never
 * allocates but for the body, and sends nothing.
 *
 * The checks return 0, or the status of an answer with a text in error for people: 400 for what nobody can ask, 404 for
 * a sensor that is not there. */
#ifndef CORE_LIVE_QUERY_H
#define CORE_LIVE_QUERY_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>

struct jsonw;
struct live_filter;
struct sensor;
struct sensors;
struct window_pair;

#define LIVE_QUERY_ERROR 160
#define LOG_QUERY_LINES  1000

/* sensor=<id>, and kind=gauge or none: counters are not kept for 60 seconds. */
int readings_query(const char *query, const struct sensors *sensors, const struct sensor **sensor,
                   char error[LIVE_QUERY_ERROR]) MUSTCHECK;

/* [[<unix s>,<value>],…], n seconds ascending; null for those that are not known (yet). */
void readings_write(struct jsonw *w, const struct window_pair *pairs, size_t n);

/* sensor=<id>, as often as LIVE_FILTER; filter->n is 0 when there is none: all are wanted. */
int live_query(const char *query, const struct sensors *sensors, struct live_filter *filter,
               char error[LIVE_QUERY_ERROR]) MUSTCHECK;

/* lines=<0 .. 1000>, 1000 when it is not there; follow=1 or 0. */
int log_query(const char *query, unsigned *lines, bool *follow, char error[LIVE_QUERY_ERROR]) MUSTCHECK;

#endif
