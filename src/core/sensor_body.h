/* The bodies of /api/v1/sensors: one sensor as JSON, and all of them, written piece by piece. Those that are switched
 * off are shown too; of a line those that its meter ever told of, how many others there are is "unheard" behind the
 * list. It never holds a pointer from one piece to the next.
 *
 *   {"id","number","name","class","type","subtype" (of a clamp's, and of derived ones whose parts have one),
 *    "made":"port 2"|"line p1"|"derive total" (only of what is made), "ports":[…],"enable","report","rid",
 *    "unit":{"gauge","counter"},
 *    "gauge":{"value","time_s"}|null, "counter":{"value","time_s"}|null,
 *    "today":{"value","unit","since_s"}|null, "today_reason":"…" (only when that is null),
 *    "month": likewise, "month_reason"}
 *
 * A time is the Unix second of the newest reading, or null: there was none since the start, or its time is not known.
 * A counter is what is published, also before its first reading after a start. */
#ifndef CORE_SENSOR_BODY_H
#define CORE_SENSOR_BODY_H

#include <stdbool.h>
#include <stddef.h>

struct jsonw;
struct ledger;
struct sensor_settings;
struct sensors;
struct settings;

#define SENSOR_BODY_PIECE 32 /* sensors in a piece at most */

/* What is shown, at one moment; the ledger was told the time (ledger_clock()). */
struct sensor_body_view {
    const struct settings *settings; /* ids derived */
    const struct sensors *sensors;
    const struct ledger *ledger;
};

/* Was there a reading of it, ever? Asked of sensors that are made of lines; of all others it is said to be so. */
bool sensor_body_heard(const struct sensor_body_view *v, const struct sensor_settings *x);

/* One sensor, as a value in an array or as the whole (key NULL). */
void sensor_body_one(struct jsonw *w, const struct sensor_body_view *v, const struct sensor_settings *x);

/* Where the writing of all stands; all zero at the start. */
struct sensor_body {
    enum { SENSOR_BODY_HEAD, SENSOR_BODY_SENSORS, SENSOR_BODY_END } stage;
    size_t next; /* of the settings' sensors */
    bool all;    /* also those that no reading ever came of */
    size_t unheard;
};

/* Append the next piece to w, the same writer each time (its text may be taken away in between, its `comma` not).
 * False: the body was complete already. */
bool sensor_body_more(struct sensor_body *b, const struct sensor_body_view *v, struct jsonw *w);

#endif
