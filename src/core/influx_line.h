/* InfluxDB's line protocol: rows as lines, the address that takes them, and what its answers mean. Any receiver of the
 * protocol will do (InfluxDB 1 and 2, VictoriaMetrics). It never sends anything and never sees a token.
 *
 *     electricity,device=<id>,name=my\ house,sensor=<id>,subtype=pplus gauge=213 1795441058
 *     └ type      └ tags, sorted by key; subtype of a v3 board's    │         └ Unix second (precision=s)
 *                                                                   └ one field, gauge or counter: at most 3 decimals
 */
#ifndef CORE_INFLUX_LINE_H
#define CORE_INFLUX_LINE_H

#include "core/answer.h"
#include "core/reading.h"
#include "core/sensors.h"

#include <stddef.h>

struct jsonw;
struct thin_row;

struct influx_series {
    const char *device, *sensor; /* ids */
    const char *name;            /* for people; NULL or "": no such tag */
    enum sensor_type type;
    enum sensor_subtype subtype; /* NONE: no such tag */
    enum reading_kind kind;
};

/* Write one line for each row. A name's comma, equals sign and space get a backslash. A control character becomes a
 * space, broken UTF-8 U+FFFD. A backslash before one of these, another backslash or the end becomes a slash: receivers
 * differ in how they read it, and at the end it would swallow the comma behind it. */
void influx_lines(struct jsonw *w, const struct influx_series *s, const struct thin_row *rows, size_t n);

/* Where to write to. */
struct influx_target {
    const char *url;          /* "http://localhost:8086", with or without a path or a slash at the end */
    const char *db;           /* InfluxDB 1: /write */
    const char *org, *bucket; /* InfluxDB 2: /api/v2/write, when bucket is given; org may be NULL */
};

/* Write the address, terminated. Returns its length, or -1 when it does not fit or neither db nor bucket is given. */
int influx_url(const struct influx_target *t, char *dst, size_t size) MUSTCHECK;

/* What an answer means:
 *
 *   2xx        OK; with a body that names an error or is no JSON object: KEEP
 *   400, 422   ROW. InfluxDB 1 may have taken the others ("partial write: … dropped=2"): sending them again is harmless
 *   413        TOO_LARGE
 *   401, 403, 404  REFUSED: token, rights, database or bucket need people
 *   other      SERVER: 408, 429, 5xx, redirections, and whatever else
 *   none       TRANSPORT */
void influx_answer(struct answer *out, const struct answer_in *in);

/* What a refusal (ROW) says of the rows. A 400 may also come from what stands before the database, or because it wants
 * TLS: only these words are the protocol's own. */
struct influx_blame {
    bool certain;   /* "partial write" or "unable to parse": some row is the cause, not this host nor the way */
    size_t dropped; /* so many rows were dropped and the others taken, by "dropped=2"; 0: it does not tell */
};

void influx_blame(struct influx_blame *out, const struct answer_in *in);

#endif
