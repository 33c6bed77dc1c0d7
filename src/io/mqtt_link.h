/* One connection to an MQTT broker, from the look-up of its name to its loss: libmosquitto on the libuv loop.
 * It never connects again (io/mqtt does), never blocks the loop and never holds more than one unsent message.
 *
 * Connecting looks names up and reads files, so it is a pool job, and while that runs the client belongs to
 * it. Each connection has a library client of its own: a changed address, password or certificate counts, and
 * nothing old is left queued. libmosquitto closes its socket before it says so, which libuv forbids for a
 * polled descriptor: a dup is polled. Uses io/mqtt_tls, and the settings as io/mqtt.h has them. */
#ifndef IO_MQTT_LINK_H
#define IO_MQTT_LINK_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define MQTT_ONLINE  "online"
#define MQTT_OFFLINE "offline"

struct mqtt_config;
struct mqtt_link;

/* What a connection tells its owner. */
struct mqtt_link_events {
    void (*opened)(void *ctx);                   /* the job is done, the connection on its way */
    void (*up)(void *ctx);                       /* CONNACK came, "online" is published */
    void (*writable)(void *ctx);                 /* after MQTT_LATER: there is room again */
    void (*lost)(void *ctx, const char *reason); /* failed or ended; the owner drops it now */
    void (*gone)(void *ctx);                     /* the last: its handles are closed */
};

/* Try to connect. libmosquitto tries only the first address of a name: family % 3 chooses that of any family,
 * of IPv4 or of IPv6 (any, when there is none), so that successive tries reach a broker that listens on one
 * of them alone. */
struct mqtt_link *mqtt_link_open(uv_loop_t *loop, const struct mqtt_config *config, unsigned family,
                                 const struct mqtt_link_events *events, void *ctx);

/* As mqtt_publish(); only between up and lost. It leaves the machine at mqtt_link_flush(), or when much is together. */
int mqtt_link_publish(struct mqtt_link *l, const char *topic, const void *payload, size_t len, bool retain) MUSTCHECK;

void mqtt_link_flush(struct mqtt_link *l);

/* Let the library look at its keep-alive. May tell lost. */
void mqtt_link_misc(struct mqtt_link *l);

/* Publish "offline" and DISCONNECT; lost is told when they are written, maybe at once. */
void mqtt_link_goodbye(struct mqtt_link *l);

/* What a connection that is not up waits for, as the reason of a time-out. */
const char *mqtt_link_waits_for(const struct mqtt_link *l);

/* True once the broker's machine took the connection. */
bool mqtt_link_reached(const struct mqtt_link *l);

/* Let go of it, at any time; nothing but gone follows. */
void mqtt_link_drop(struct mqtt_link *l);

/* A copy with strings of its own, for mqtt_config_clear(). */
void mqtt_config_copy(struct mqtt_config *to, const struct mqtt_config *from);
void mqtt_config_clear(struct mqtt_config *c);
bool mqtt_config_equal(const struct mqtt_config *a, const struct mqtt_config *b);

#endif
