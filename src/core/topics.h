/* MQTT topics and payloads of readings (mqtt.md), written by hand into the caller's buffers: this is the path
 * that every reading takes. It never allocates, formats with printf or looks at a locale.
 *
 *   /sensor/<32 hex>/gauge      [<unix s>,<integer>,"<unit>"]
 *   /sensor/<32 hex>/counter    [<unix s>,<integer or short decimal>,"<unit>"]
 *
 * Sensors of meters, without a v3 board: both kinds [<unix s>,<integer or short decimal>,"<unit>"]
 * Sensors of a v3 board, and derived ones: both kinds [<unix s>, <integer, or three decimals>, "<unit>"] */
#ifndef CORE_TOPICS_H
#define CORE_TOPICS_H

#include "core/num.h"
#include "core/reading.h"
#include "core/sensors.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TOPIC_SENSOR_MAX 50 /* "/sensor/" + id + "/counter" + '\0' */
#define PAYLOAD_UNIT_MAX 8  /* bytes of a unit's text, "L/day" */
#define PAYLOAD_MAX      (2 * NUM_MAX + PAYLOAD_UNIT_MAX + 10)

#define TOPIC_ID_AT 8 /* behind "/sensor/" */

/* Topic of a kind with the id left open, terminated; topic_set_id() fills it in, again and again. */
void topic_init(char topic[TOPIC_SENSOR_MAX], enum reading_kind kind);

static inline void topic_set_id(char topic[TOPIC_SENSOR_MAX], const char *id)
{
    memcpy(topic + TOPIC_ID_AT, id, SENSOR_ID_LEN);
}

/* The text "[<unix s>," of the last stamp: readings of one second share it. Start with zeroes. */
struct payload_stamp {
    int64_t unix_s;
    size_t len;
    char text[NUM_MAX + 2];
};

/* Write the payload, not terminated; returns its length. milli is in thousandths of unit: a gauge is rounded
 * half up to an integer as FLM02 boards do, a counter keeps its thousandths. */
size_t payload_put(char dst[PAYLOAD_MAX], struct payload_stamp *stamp, int64_t unix_s, enum reading_kind kind,
                   int64_t milli, const char *unit);

/* The same with gauges that keep their thousandths, too: of meters 0.97 and 50.02 say something. */
size_t payload_put_fine(char dst[PAYLOAD_MAX], struct payload_stamp *stamp, int64_t unix_s, enum reading_kind kind,
                        int64_t milli, const char *unit);

/* The same as v3 boards do: gauges keep their thousandths, too. */
size_t payload_put_v3(char dst[PAYLOAD_MAX], struct payload_stamp *stamp, int64_t unix_s, enum reading_kind kind,
                      int64_t milli, const char *unit);

/* Any of them. */
typedef size_t (*payload_fn)(char dst[PAYLOAD_MAX], struct payload_stamp *stamp, int64_t unix_s, enum reading_kind kind,
                             int64_t milli, const char *unit);

#endif
