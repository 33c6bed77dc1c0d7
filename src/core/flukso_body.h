/* The bodies of the Flukso API (flukso-api.md): written for its three calls, and the heartbeat's answer read.
 * It never digests or sends one. */
#ifndef CORE_FLUKSO_BODY_H
#define CORE_FLUKSO_BODY_H

#include "core/settings.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonw;
struct thin_row;

/* {"measurements":[[unix second, counter],…]} of n rows, at least one, ascending in time. Values are thousandths; what
 * is sent are the whole units below them, because the server takes integers alone. */
void flukso_body_measurements(struct jsonw *w, const struct thin_row *rows, size_t n);

/* {"config":{…}} of a reported sensor; members that do not apply are left out. name: as the server takes it
 * (core/fold.h). `phase` is 1 for each analog sensor of a
 * single-phase set-up, and 3 for sensor 1 of a three-phase one. */
void flukso_body_config(struct jsonw *w, const struct sensor_settings *s, const char *name, enum phase phase);

struct flukso_heartbeat {
    int version; /* flukso_version_number() */
    bool reset;  /* the first since the start */
    int64_t unix_s, uptime_s;
    int64_t mem_total, mem_free, mem_cached, mem_buffers; /* KiB; the server refuses a heartbeat without them */
    const char *ip, *port;                                /* texts, or NULL: left out */
};

void flukso_body_heartbeat(struct jsonw *w, const struct flukso_heartbeat *h);

/* Read a heartbeat's answer, whose digest was found right. 0, or -1 when it is no object with a whole positive
 * `timestamp` (Unix second). *upgrade is 0 when the answer names none. */
int flukso_reply_heartbeat(const char *body, size_t len, int64_t *upgrade, int64_t *timestamp) MUSTCHECK;

/* A release as the server counts: 10000 * major + 100 * minor + patch ("2.1.0" is 20100). What follows the third number
 * is passed over; 0 for a text that is no release. */
int flukso_version_number(const char *release);

#endif
