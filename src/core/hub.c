#include "core/hub.h"

#include "core/sensors.h"

#include <string.h>

void hub_init(struct hub *h, struct sensors *sensors)
{
    memset(h, 0, sizeof *h);
    h->sensors = sensors;
}

int hub_attach(struct hub *h, hub_sink_cb cb, void *ctx)
{
    if (h->n_sinks == HUB_SINKS)
        return -1;
    h->sinks[h->n_sinks].cb = cb;
    h->sinks[h->n_sinks++].ctx = ctx;
    return 0;
}

void hub_detach(struct hub *h, hub_sink_cb cb, void *ctx)
{
    for (size_t i = 0; i < h->n_sinks; i++) {
        if (h->sinks[i].cb != cb || h->sinks[i].ctx != ctx)
            continue;
        h->n_sinks--;
        memmove(&h->sinks[i], &h->sinks[i + 1], (h->n_sinks - i) * sizeof h->sinks[0]);
        return;
    }
}

void hub_stage(struct hub *h, hub_stage_cb cb, void *ctx)
{
    h->stage = cb;
    h->stage_ctx = ctx;
}

/* Stamps of a sensor rise strictly (mqtt.md, "Numbers, stamps and units"). */
static bool is_stale(const struct sensor_latest *last, const struct reading *r)
{
    return r->unix_s && last->unix_s && r->unix_s <= last->unix_s && last->unix_s - r->unix_s <= HUB_STEP_BACK_S;
}

int hub_emit(struct hub *h, const struct reading *r)
{
    struct sensor *s = sensors_get(h->sensors, r->sensor);
    struct reading out = *r;

    if (!s) {
        h->refused_gone++;
        return -1;
    }
    struct sensor_latest *last = &s->latest[r->kind];
    if (is_stale(last, r)) {
        h->refused_stale++;
        return -1;
    }
    out.changed = last->milli != r->milli || !sensor_latest_known(last);
    *last = (struct sensor_latest){.milli = r->milli, .mono_ms = r->mono_ms, .unix_s = r->unix_s};
    h->accepted++;
    for (size_t i = 0; i < h->n_sinks; i++)
        h->sinks[i].cb(h->sinks[i].ctx, &out);
    if (h->stage)
        h->stage(h->stage_ctx, &out);
    return 0;
}
