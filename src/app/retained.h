/* Retained topics of a service: the newest body of each is what the broker holds, and one without a body is cleared
 * there. It never knows what is in them.
 *
 * On one connection it never publishes the same body twice, nor two of one topic within two seconds: a second upsets a
 * client (mqtt.md, rule 4). A topic that never had a body is cleared once: what an earlier run left there goes. */
#ifndef APP_RETAINED_H
#define APP_RETAINED_H

#include "app/app.h"

#include <stdbool.h>
#include <stddef.h>

#define RETAINED_MAX   3
#define RETAINED_TOPIC 80
#define RETAINED_GAP   2000 /* ms */

struct jsonw;

struct retained_body {
    char *text;
    size_t len; /* 0: the topic is to be cleared */
};

struct retained_topic {
    char name[RETAINED_TOPIC];      /* "": not set yet */
    struct retained_body want, has; /* has: at the broker, by this connection; of the same text when it is the same */
    bool known;                     /* `has` is */
    bool cleared;                   /* in this run, and nothing published since */
    int64_t not_before_ms;          /* monotonic */
};

struct retained {
    struct app *app;
    struct retained_topic v[RETAINED_MAX];
    uv_timer_t gap;
    void (*closed)(void *ctx);
    void *ctx;
};

void retained_init(struct retained *r, struct app *app);

/* What the nth topic is to hold from now on. below: behind "/device/<device>/". The body's text is taken over, and
 * empty when the topic is to be cleared. True when it is another than before. */
bool retained_set(struct retained *r, size_t n, const char *below, struct jsonw *body);

/* Release all; then call closed. What the broker holds stays there. */
void retained_close(struct retained *r, void (*closed)(void *ctx), void *ctx);

#endif
