/* A published MQTT message as a live event, for people who want to see what the daemon says. Payloads are bytes of any
 * kind: what is no UTF-8 becomes U+FFFD, and what is long is cut. It never allocates.
 *
 *   event: message
 *   data: {"topic":"/sensor/…/gauge","payload":"[1700000000,123,\"W\"]","retain":true}
 *
 * A payload that is longer than MQTT_EVENT_PAYLOAD bytes, or whose text would be longer than MQTT_EVENT_TEXT, is cut
 * between two characters, and a member "bytes" says how long it was. */
#ifndef CORE_MQTT_EVENT_H
#define CORE_MQTT_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#define MQTT_EVENT_TOPIC   256  /* bytes of a topic; what is longer is cut */
#define MQTT_EVENT_PAYLOAD 4096 /* bytes */
#define MQTT_EVENT_TEXT    5500 /* bytes of the payload's text, escapes counted */

/* Bytes that the event of such a message may need, at most FEED_EVENT_MAX. */
size_t mqtt_event_room(const char *topic, size_t payload_len);

/* Write the event at dst, which has that room; returns its length. */
size_t mqtt_event_put(char *dst, const char *topic, const void *payload, size_t len, bool retain);

#endif
