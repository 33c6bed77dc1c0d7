/* MQTT client: one broker, connected to again for ever, and whoever wants to know of it.
 * It never blocks the loop, never queues anything and never logs a secret.
 *
 *            start           job done             CONNACK
 *      IDLE ───────▶ CONNECTING ───▶ HANDSHAKING ────────▶ UP
 *       ▲             ▲     │ failed       │ failed, 10 s   │ lost
 *       │             │     ▼              ▼                │
 *       │             └─ WAITING ◀─────────┴────────────────┘
 *       │                (back-off)
 *       └── CLOSING ◀── stop, close, other settings: from UP until "offline" and DISCONNECT are
 *                       written, at most 1 s; the other states go to IDLE at once
 *
 * Uses io/mqtt_link (one connection; this is their succession) and io/log. */
#ifndef IO_MQTT_H
#define IO_MQTT_H

#include "core/stats.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct mqtt;

/* Texts of the settings; NULL where there is none. */
enum mqtt_text {
    MQTT_HOST,
    MQTT_CLIENT_ID,
    MQTT_USERNAME,
    MQTT_PASSWORD_FILE,
    MQTT_CA_FILE, /* TLS as soon as it is given */
    MQTT_CERT_FILE,
    MQTT_KEY_FILE,
    MQTT_STATUS_TOPIC, /* retained "online" first at each CONNACK, "offline" at a good-bye and as last will */
    MQTT_TEXTS
};

struct mqtt_config {
    const char *text[MQTT_TEXTS];
    int port;
    unsigned secrets; /* another number: what the files of password and key hold is another */
};

/* What others want to know of the connection. A listener may publish in up and writable. */
struct mqtt_listener {
    void *ctx;
    void (*up)(void *ctx);                       /* CONNACK came and "online" was published */
    void (*down)(void *ctx, const char *reason); /* a try failed, or what was up is lost or stopped */
    void (*writable)(void *ctx);                 /* after MQTT_LATER: there is room again */
};

#define MQTT_LISTENERS 7 /* sink, config topics, tap and its topic, restore; Home Assistant and tmpo to come */

/* Why something was not published. */
enum { MQTT_DOWN = -1, MQTT_LATER = -2 };

/* An idle client. Aborts when memory is out, as all of this module does. */
struct mqtt *mqtt_new(uv_loop_t *loop);

/* Listeners are told in the order in which they came. Too many abort: their number is known when the program
 * is written. mqtt_unlisten() takes the ctx; not from inside a listener. */
void mqtt_listen(struct mqtt *m, const struct mqtt_listener *l);
void mqtt_unlisten(struct mqtt *m, const void *ctx);

/* Connect, and stay connected. With other settings than before: say good-bye, then connect with those. config
 * is copied. */
void mqtt_start(struct mqtt *m, const struct mqtt_config *config);

/* Publish with QoS 0. 0: the library has it; MQTT_DOWN: not connected; MQTT_LATER: the one before is still
 * unsent, wait for writable. In both other cases nothing was kept. topic is terminated. */
int mqtt_publish(struct mqtt *m, const char *topic, const void *payload, size_t len, bool retain) MUSTCHECK;

/* Be told of each message that the library took, the status included, from within mqtt_publish(): cb copies what it
 * wants and publishes nothing. One tap at a time; NULL ends it, and then it costs nothing. */
typedef void (*mqtt_tap_cb)(void *ctx, const char *topic, const void *payload, size_t len, bool retain);
void mqtt_tap(struct mqtt *m, mqtt_tap_cb cb, void *ctx);

/* Let go what was published since the last call: at the end of each turn of the loop. */
void mqtt_flush(struct mqtt *m);

/* "host:port" of the broker in the settings, for people. */
const char *mqtt_where(const struct mqtt *m);

/* Say good-bye and stay idle. */
void mqtt_stop(struct mqtt *m);

/* Stop, release all handles, free; then call done. It may wait for a connect job in a slow name look-up. */
void mqtt_close(struct mqtt *m, void (*done)(void *ctx), void *ctx);

void mqtt_stats(struct mqtt *m, stat_emit emit, void *ctx);

#endif
