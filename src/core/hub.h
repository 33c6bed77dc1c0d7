/* The hub: every reading of every source passes here, once, on its way to the sinks.
 * It never changes a value, never waits and knows neither sources nor sinks by name. */
#ifndef CORE_HUB_H
#define CORE_HUB_H

#include "core/reading.h"

#include <stddef.h>

struct sensors;

#define HUB_SINKS 8 /* MQTT, window, live, store and what steps to come add */

/* A stamp that is not newer than the last is refused, unless it is older by more than this: then the clock was
 * stepped back, and waiting for it to catch up would silence the sensor. Seconds. */
#define HUB_STEP_BACK_S 60

/* Called for each accepted reading, in the order of hub_attach(). The reading is valid during the call. */
typedef void (*hub_sink_cb)(void *ctx, const struct reading *r);

/* Called for each accepted reading, behind the sinks; it may emit readings of derived sensors, which come to it again:
 * it makes nothing of what it made of those. */
typedef hub_sink_cb hub_stage_cb;

struct hub {
    struct sensors *sensors;
    struct {
        hub_sink_cb cb;
        void *ctx;
    } sinks[HUB_SINKS];
    size_t n_sinks;
    hub_stage_cb stage; /* NULL: nothing is derived */
    void *stage_ctx;
    /* statistics */
    uint64_t accepted;
    uint64_t refused_gone;  /* the sensor is no longer there */
    uint64_t refused_stale; /* its stamp is not newer than the last one */
};

void hub_init(struct hub *h, struct sensors *sensors);

/* Add a sink. 0, or -1 when HUB_SINKS are attached already. */
int hub_attach(struct hub *h, hub_sink_cb cb, void *ctx);
void hub_detach(struct hub *h, hub_sink_cb cb, void *ctx);

/* The one stage that derives sensors of others; NULL: none. */
void hub_stage(struct hub *h, hub_stage_cb cb, void *ctx);

/* Take one reading: note it as its sensor's newest, set `changed`, hand it to all sinks. 0, or -1 when it was refused:
 * a counter then comes again with a later stamp, or it stays behind until it changes. */
int hub_emit(struct hub *h, const struct reading *r);

#endif
