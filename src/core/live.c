#include "core/live.h"

#include "core/num.h"
#include "core/sse.h"
#include "core/util.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_MAX    16
#define READING_MAX (128 + SENSOR_ID_LEN + 2 * NUM_MAX + UNIT_MAX)

static_assert(LIVE_JSON_MAX + LIVE_EVENT_NAME + 64 <= FEED_EVENT_MAX, "an event fits into the feed");

void live_init(struct live *l, const struct sensors *sensors)
{
    memset(l, 0, sizeof *l);
    l->sensors = sensors;
    feed_init(&l->feed);
}

void live_fini(struct live *l)
{
    for (size_t i = 0; i < FEED_READERS; i++)
        free(l->filters[i]);
    free(l->want);
    feed_fini(&l->feed);
    live_init(l, l->sensors);
}

/* ---- clients ---- */

static void want(struct live *l, const struct live_filter *filter, int client)
{
    for (size_t i = 0; i < filter->n; i++) {
        const struct sensor *s = sensors_find(l->sensors, filter->ids[i]);
        if (s)
            l->want[sensor_slot(s->handle)] |= (uint16_t)(1u << client);
    }
}

void live_refilter(struct live *l)
{
    free(l->want);
    l->want = NULL;
    l->n_want = 0;
    for (int i = 0; i < FEED_READERS; i++) {
        if (!l->filters[i])
            continue;
        if (!l->want && l->sensors->n_slots) {
            l->want = must(calloc(l->sensors->n_slots, sizeof *l->want));
            l->n_want = l->sensors->n_slots;
        }
        want(l, l->filters[i], i);
    }
}

int live_open(struct live *l, const struct live_filter *filter, int64_t now_ms)
{
    int client = feed_open(&l->feed, l->sensors->n_used * LIVE_SENSOR, now_ms);

    if (client < 0)
        return -1;
    if (!filter) {
        l->all |= 1u << client;
        return client;
    }
    l->filters[client] = must(malloc(sizeof *filter));
    *l->filters[client] = *filter;
    live_refilter(l);
    return client;
}

void live_close(struct live *l, int client)
{
    feed_close(&l->feed, client);
    l->all &= ~(1u << client);
    if (!l->filters[client])
        return;
    free(l->filters[client]);
    l->filters[client] = NULL;
    live_refilter(l);
}

/* ---- news ---- */

static char *put_text(char *p, const char *text, size_t len)
{
    memcpy(p, text, len);
    return p + len;
}

#define PUT(p, literal) put_text(p, literal, sizeof(literal) - 1)

/* By hand: with many sensors this is called thousands of times a second. The end of the text. */
static char *put_reading(char *p, const struct sensor *s, const struct reading *r)
{
    const char *unit = s->unit[r->kind];

    p = PUT(p, "event: reading\ndata: {\"sensor\":\"");
    p = put_text(p, s->id, SENSOR_ID_LEN);
    p = r->kind == READING_GAUGE ? PUT(p, "\",\"kind\":\"gauge\",\"time\":")
                                 : PUT(p, "\",\"kind\":\"counter\",\"time\":");
    p = num_put_int(p, r->unix_s);
    p = PUT(p, ",\"value\":");
    p = num_put_milli(p, r->milli);
    p = PUT(p, ",\"unit\":\"");
    p = put_text(p, unit, strnlen(unit, UNIT_MAX));
    return PUT(p, "\"}\n\n");
}

void live_take(void *ctx, const struct reading *r)
{
    struct live *l = ctx;
    size_t slot = sensor_slot(r->sensor);
    uint32_t clients = l->all | (slot < l->n_want ? l->want[slot] : 0u);

    if (!clients || !r->unix_s || (r->kind == READING_COUNTER && !r->changed))
        return;
    const struct sensor *s = sensors_get(l->sensors, r->sensor);
    if (!s || !s->unit[r->kind])
        return;
    char *p = feed_room(&l->feed, READING_MAX);
    feed_commit(&l->feed, (size_t)(put_reading(p, s, r) - p), clients);
}

bool live_publish(struct live *l, const char *event, const char *json)
{
    size_t len = strlen(json);

    if (len > LIVE_JSON_MAX || strlen(event) > LIVE_EVENT_NAME)
        return false;
    if (!l->feed.open)
        return true;
    char *p = feed_room(&l->feed, FEED_EVENT_MAX);
    size_t n = sse_put(p, FEED_EVENT_MAX, event, NULL, json, len);
    if (n)
        feed_commit(&l->feed, n, l->feed.open);
    return n > 0;
}
