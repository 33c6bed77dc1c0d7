/* Live readings and other news for clients: a hub sink that puts them, encoded once, into a feed (core/feed.h), each
 * for the clients that want it. It never looks at a clock or a socket, and encodes nothing that nobody wants.
 *
 *   event: reading
 *   data: {"sensor":"<32 hex>","kind":"gauge","time":<unix s>,"value":<number, at most 3 decimals>,"unit":"W"}
 *
 * What counts as a reading is what goes to MQTT: each gauge, a counter when it changed, nothing while the clock is not
 * set. */
#ifndef CORE_LIVE_H
#define CORE_LIVE_H

#include "core/feed.h"
#include "core/reading.h"
#include "core/sensors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIVE_FILTER     32   /* sensors that one client may name */
#define LIVE_SENSOR     256  /* bytes of the ring for each sensor: a reading or two */
#define LIVE_EVENT_NAME 32   /* longest name of an event */
#define LIVE_JSON_MAX   7500 /* bytes of what live_publish() takes */

struct live_filter {
    size_t n; /* 1 .. LIVE_FILTER */
    char ids[LIVE_FILTER][SENSOR_ID_LEN + 1];
};

struct live {
    const struct sensors *sensors;
    struct feed feed;
    uint32_t all;   /* clients that want every sensor, a bit each */
    uint16_t *want; /* by slot: clients that named this sensor; as many as the table had at live_refilter() */
    size_t n_want;
    struct live_filter *filters[FEED_READERS]; /* NULL: all */
};

/* sensors stays the caller's, and outlives l. */
void live_init(struct live *l, const struct sensors *sensors);
void live_fini(struct live *l);

/* A client that wants these sensors (copied; ids of none that is there are allowed), or all: NULL. Returns its number,
 * for feed_grant() and feed_read() of l->feed, or -1 when there are FEED_READERS. */
int live_open(struct live *l, const struct live_filter *filter, int64_t now_ms);
void live_close(struct live *l, int client);

/* After each sensors_set(): ids have other handles now. */
void live_refilter(struct live *l);

/* A hub sink; l is a struct live. Attach it only while a client is there (l->feed.open): else it costs a call. */
void live_take(void *l, const struct reading *r);

/* News of another kind (a job's state), for all clients, whatever sensors they named. json: one object, terminated;
 * event: at most LIVE_EVENT_NAME bytes. False: longer than LIVE_JSON_MAX, nobody gets it. Cheap when nobody is there.
 */
bool live_publish(struct live *l, const char *event, const char *json);

#endif
