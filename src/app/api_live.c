/* /api/v1/readings (the last 60 seconds of one sensor), /api/v1/live (readings as they come) and /api/v1/mqtt (what is
 * published). It never encodes anything while nobody listens: it is no sink of the hub then, and has no tap. */
#include "app/app.h"

#include "app/streams.h"
#include "core/feed.h"
#include "core/jsonw.h"
#include "core/live.h"
#include "core/live_query.h"
#include "core/mqtt_event.h"
#include "core/util.h"
#include "core/window.h"
#include "io/httpd.h"
#include "io/mqtt.h"

#include <stdlib.h>

struct api_live {
    struct app *app;
    struct live live;
    struct feed messages; /* of /api/v1/mqtt */
    service_done done;
    void *done_ctx;
};

/* A stream out of one of the two feeds. */
struct reader {
    struct api_live *service;
    struct feed *feed;
    int number;
};

static bool grant(void *self, int64_t now_ms)
{
    struct reader *x = self;

    return feed_grant(x->feed, x->number, now_ms);
}

static size_t read_events(void *self, char *dst, size_t size)
{
    struct reader *x = self;

    return feed_read(x->feed, x->number, dst, size);
}

static void open_stream(struct api_live *s, const struct http_request *q, struct http_reply *r, struct feed *feed,
                        int number, const struct stream_source *source)
{
    struct reader *x = must(malloc(sizeof *x));

    *x = (struct reader){s, feed, number};
    streams_open(s->app->streams, q, r, source, x);
}

/* ---- readings ---- */

static void answer_readings(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct api_live *s = ctx;
    const struct sensor *sensor;
    struct window_pair pairs[WINDOW_SECONDS];
    char error[LIVE_QUERY_ERROR];
    struct jsonw w;
    int status = readings_query(q->query, &s->app->sensors, &sensor, error);

    if (status) {
        http_error(r, (unsigned)status, error);
        return;
    }
    int64_t now_s = app_unix_s(s->app);
    jsonw_init(&w);
    readings_write(&w, pairs, now_s ? window_pairs(s->app->window, sensor->handle, now_s, pairs) : 0);
    http_json(r, 200, w.buf, w.len);
}

/* ---- live ---- */

static void close_live(void *self)
{
    struct reader *x = self;
    struct api_live *s = x->service;

    live_close(&s->live, x->number);
    if (!s->live.feed.open)
        hub_detach(&s->app->hub, live_take, &s->live);
    free(x);
}

static void answer_live(void *ctx, const struct http_request *q, struct http_reply *r)
{
    static const struct stream_source source = {grant, read_events, close_live};
    struct api_live *s = ctx;
    struct live_filter filter;
    char error[LIVE_QUERY_ERROR];
    int status = live_query(q->query, &s->app->sensors, &filter, error);

    if (status) {
        http_error(r, (unsigned)status, error);
        return;
    }
    if (!streams_admit(s->app->streams, q, r))
        return;
    if (!s->live.feed.open && hub_attach(&s->app->hub, live_take, &s->live) < 0)
        abort(); /* the number of sinks is known when the program is written */
    int client = live_open(&s->live, filter.n ? &filter : NULL, app_mono_ms(s->app));
    if (client < 0)
        abort(); /* a feed has as many readers as there may be streams */
    open_stream(s, q, r, &s->live.feed, client, &source);
}

/* ---- what is published ---- */

static void on_message(void *ctx, const char *topic, const void *payload, size_t len, bool retain)
{
    struct feed *f = ctx;
    char *p = feed_room(f, mqtt_event_room(topic, len));

    feed_commit(f, mqtt_event_put(p, topic, payload, len, retain), f->open);
}

static void close_messages(void *self)
{
    struct reader *x = self;
    struct api_live *s = x->service;

    feed_close(&s->messages, x->number);
    if (!s->messages.open && s->app->mqtt)
        mqtt_tap(s->app->mqtt, NULL, NULL);
    free(x);
}

static void answer_mqtt(void *ctx, const struct http_request *q, struct http_reply *r)
{
    static const struct stream_source source = {grant, read_events, close_messages};
    struct api_live *s = ctx;

    if (!streams_admit(s->app->streams, q, r))
        return;
    int number = feed_open(&s->messages, s->app->sensors.n_used * LIVE_SENSOR, app_mono_ms(s->app));
    if (number < 0)
        abort();
    if (s->app->mqtt)
        mqtt_tap(s->app->mqtt, on_message, &s->messages);
    open_stream(s, q, r, &s->messages, number, &source);
}

/* ---- the service ---- */

static void live_stats(void *self, stat_emit emit, void *ctx)
{
    static const char skipped[] = "Events that a live stream did not get because its client fell behind.";
    const struct api_live *s = self;
    const struct stat_value v[] = {
        {"streams_skipped_total", "stream=\"live\"", STAT_COUNTER, (int64_t)s->live.feed.skipped, skipped},
        {"streams_skipped_total", "stream=\"mqtt\"", STAT_COUNTER, (int64_t)s->messages.skipped, skipped},
    };

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit(ctx, &v[i]);
}

static void *api_live_new(struct app *a)
{
    static const struct http_route routes[] = {
        {"GET", "/api/v1/readings", HTTP_READ, 0, answer_readings},
        {"GET", "/api/v1/live", HTTP_READ, 0, answer_live},
        {"GET", "/api/v1/mqtt", HTTP_READ, 0, answer_mqtt},
    };
    struct api_live *s = must(calloc(1, sizeof *s));

    s->app = a;
    live_init(&s->live, &a->sensors);
    feed_init(&s->messages);
    a->live = &s->live;
    a->streams = streams_new(a);
    stats_add(&a->stats, live_stats, s);
    httpd_routes(a->httpd, routes, ARRAY_LEN(routes), s);
    return s;
}

static void api_live_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct api_live *s = self;

    (void)old, (void)next;
    live_refilter(&s->live);
}

static void api_live_stop(void *self)
{
    struct api_live *s = self;

    httpd_unroute(s->app->httpd, s);
}

static void on_streams_closed(void *ctx)
{
    struct api_live *s = ctx;
    service_done done = s->done;
    void *done_ctx = s->done_ctx;

    live_fini(&s->live);
    feed_fini(&s->messages);
    free(s);
    done(done_ctx);
}

/* The server has stopped by now (services stop before any closes): no stream is open. */
static void api_live_close(void *self, service_done done, void *ctx)
{
    struct api_live *s = self;
    struct streams *streams = s->app->streams;

    s->done = done;
    s->done_ctx = ctx;
    s->app->live = NULL;
    s->app->streams = NULL;
    stats_remove(&s->app->stats, live_stats, s);
    streams_close(streams, on_streams_closed, s);
}

const struct service service_api_live = {
    .name = "api_live",
    .new = api_live_new,
    .apply = api_live_apply,
    .stop = api_live_stop,
    .close = api_live_close,
};
