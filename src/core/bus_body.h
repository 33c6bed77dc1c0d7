/* Buses and their meters as /api/v1/buses shows them, one object after the other. It never looks anything up: a caller
 * fills the views. */
#ifndef CORE_BUS_BODY_H
#define CORE_BUS_BODY_H

#include "core/mb_stats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonw;

struct bus_view {
    const char *key;
    const char *device; /* NULL: TCP */
    const char *host;
    int port;
    bool rtu; /* over TCP: RTU frames */
    bool enable;
    const char *state, *reason; /* "up", "down", "off"; "" */
    int64_t since_s;            /* Unix second of that state; 0: not known */
    int64_t polls_per_s;        /* thousandths */
};

struct bus_meter_view {
    const char *key, *name, *model;
    int unit;
    const char *state, *reason; /* "new", "ok", "suspect", "offline", "off" */
    int64_t since_s, last_s;    /* Unix seconds: of that state, of its last answer; 0: not known, none yet */
    int interval_ms;
    uint64_t missed;
    size_t reads;                 /* requests of one poll */
    const struct mb_stats *stats; /* NULL: it is not asked */
    int64_t mono_ms;              /* now */
    const uint64_t *refused;      /* by enum mb_refused (core/mb_measure.h); NULL: none was */
};

/* A bus: open, each of its meters, close. */
void bus_body_open(struct jsonw *w, const struct bus_view *v);
void bus_body_meter(struct jsonw *w, const struct bus_meter_view *v);
void bus_body_close(struct jsonw *w);

#endif
