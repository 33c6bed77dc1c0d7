/* The daemon's path of a reading as fast as the broker takes it: its own conversation, hub, window and MQTT sink on the
 * loop, without line, poll and wait. It measures nothing itself and loses nothing: it feeds only while nothing waits.
 *
 * hub_bench SETTINGS board COUNT     COUNT readings out of a board's replies to polls
 * hub_bench SETTINGS SENSORS COUNT   COUNT readings of so many sensors, gauge and counter, straight to the hub
 *
 * Ends with a JSON line: readings, CPU time, private memory. A count of instructions looks at the two
 * functions feed_…. */
#include "app/app.h"
#include "bench.h"
#include "core/flm02_conv.h"
#include "core/flm02_measure.h"
#include "core/window.h"
#include "fake_board.h"
#include "io/mqtt.h"
#include "settings_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENSORS_A_FEED 5 /* as many as a board's reply has records */
#define FEEDS_A_TURN   25
#define WARM_UP        3 /* polls until each record gives a gauge and a counter */

struct bench {
    struct app app;
    struct window window;
    void *sink;
    bool up;
    bool from_board;
    void (*feed)(struct bench *b); /* one reply's worth of readings */
    int64_t mono_ms, unix_s;       /* of the second that is fed */
    long left;
    int64_t pending; /* readings that wait for the broker */
    struct flm02_conv conv;
    struct flm02_channel channels[FLM02_SENSORS];
    char request[FLM02_REQUEST_MAX], reply[FAKE_BOARD_REPLY];
    size_t request_len, reply_len;
    sensor_handle *handles; /* without board */
    size_t n_handles, next;
};

/* ---- readings out of a board's replies ---- */

static void on_send(void *ctx, const char *bytes, size_t n)
{
    struct bench *b = ctx;

    memcpy(b->request, bytes, n);
    b->request_len = n;
}

static void on_records(void *ctx, const struct flm02_record *records, int n)
{
    struct bench *b = ctx;
    struct reading out[READING_KINDS];
    enum flm02_measure_note note;

    for (int i = 0; i < n; i++) {
        struct flm02_channel *c = &b->channels[records[i].id];
        int k = flm02_measure(c, &records[i], b->mono_ms, b->unix_s, out, &note);
        for (int j = 0; j < k; j++)
            hub_emit(&b->app.hub, &out[j]);
    }
}

static void on_state(void *ctx, enum flm02_state from, enum flm02_state to, const char *reason)
{
    (void)ctx, (void)from, (void)to, (void)reason;
}

static void on_enabled(void *ctx, unsigned id)
{
    (void)ctx, (void)id;
}

static void next_second(struct bench *b)
{
    b->mono_ms += 1000;
    b->unix_s++;
}

static void board_answers(struct bench *b)
{
    bool delta;

    b->reply_len = fake_board_reply(b->request, b->request_len, (uint32_t)b->mono_ms, b->reply, &delta);
}

/* Take the answer to the last poll, and poll. */
static void feed_reply(struct bench *b)
{
    flm02_conv_bytes(&b->conv, b->reply, b->reply_len, b->mono_ms);
    next_second(b);
    flm02_conv_poll(&b->conv, b->mono_ms);
}

static void configure_board(struct bench *b, const struct settings *s)
{
    static const struct flm02_callbacks callbacks = {on_send, on_records, NULL, on_state, on_enabled};
    struct flm02_picture want;

    settings_set_sensors(s, &b->app.sensors);
    flm02_channels_set(b->channels, &b->app.sensors, &b->app.ledger, s);
    flm02_want(&want, s);
    fake_board_init(false);
    flm02_conv_init(&b->conv, &callbacks, b);
    flm02_conv_want(&b->conv, &want, b->mono_ms);
    flm02_conv_line_up(&b->conv, b->mono_ms);
    while (b->conv.state != FLM02_POLL) {
        board_answers(b);
        flm02_conv_bytes(&b->conv, b->reply, b->reply_len, b->mono_ms);
        if (flm02_conv_deadline(&b->conv) >= 0)
            b->mono_ms = flm02_conv_deadline(&b->conv);
        flm02_conv_tick(&b->conv, b->mono_ms);
    }
    for (int i = 0; i < WARM_UP; i++) {
        board_answers(b);
        feed_reply(b);
    }
}

/* ---- readings of many sensors ---- */

static void make_sensors(struct bench *b, size_t n)
{
    struct sensor_def *defs = calloc(n, sizeof *defs);
    char(*ids)[SENSOR_ID_LEN + 1] = calloc(n, sizeof *ids);
    struct sensor *x;
    size_t cursor = 0;

    b->handles = calloc(n, sizeof *b->handles);
    if (!defs || !ids || !b->handles)
        bench_die("memory");
    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "a%031x", (unsigned)i);
        defs[i] = (struct sensor_def){.id = ids[i], .name = "bench", .number = (unsigned)i + 1};
        sensor_units(SENSOR_ELECTRICITY, defs[i].unit);
    }
    sensors_set(&b->app.sensors, defs, n);
    while ((x = sensors_next(&b->app.sensors, &cursor)))
        b->handles[b->n_handles++] = x->handle;
    free(ids);
    free(defs);
}

static void feed_sensors(struct bench *b)
{
    for (int i = 0; i < SENSORS_A_FEED; i++) {
        struct reading r = {.sensor = b->handles[b->next], .mono_ms = b->mono_ms, .unix_s = b->unix_s};
        r.kind = READING_GAUGE;
        r.milli = 1000 * (int64_t)(200 + b->next % 1000);
        hub_emit(&b->app.hub, &r);
        r.kind = READING_COUNTER;
        r.milli = b->mono_ms;
        hub_emit(&b->app.hub, &r);
        if (++b->next == b->n_handles) {
            b->next = 0;
            next_second(b);
        }
    }
}

/* ---- the loop ---- */

static void look_for_pending(void *ctx, const struct stat_value *v)
{
    struct bench *b = ctx;

    if (strcmp(v->name, "mqtt_pending") == 0)
        b->pending = v->value;
}

static bool sink_has_all(struct bench *b)
{
    stats_walk(&b->app.stats, look_for_pending, b);
    return b->pending == 0;
}

static void feed_some(struct bench *b)
{
    for (int i = 0; i < FEEDS_A_TURN && b->left > 0 && sink_has_all(b); i++) {
        if (b->from_board)
            board_answers(b);
        uint64_t before = b->app.hub.accepted;
        b->feed(b);
        b->left -= (long)(b->app.hub.accepted - before);
    }
}

static void run(struct bench *b)
{
    do {
        feed_some(b);
        mqtt_flush(b->app.mqtt);
        uv_run(b->app.loop, b->pending ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    } while (b->left > 0 || !sink_has_all(b));
}

static void on_up(void *ctx)
{
    struct bench *b = ctx;

    b->up = true;
}

static void on_down(void *ctx, const char *reason)
{
    (void)ctx;
    fprintf(stderr, "hub_bench: broker: %s\n", reason);
    exit(1);
}

static void on_writable(void *ctx)
{
    (void)ctx; /* run() sees that nothing is pending any more */
}

static void on_closed(void *ctx)
{
    bool *closed = ctx;

    *closed = true;
}

static void start(struct bench *b, const struct settings *s, const char *what)
{
    b->from_board = strcmp(what, "board") == 0;
    b->feed = b->from_board ? feed_reply : feed_sensors;
    b->app.loop = uv_default_loop();
    b->mono_ms = app_mono_ms(&b->app); /* later it runs ahead of the clock: no reading is old */
    b->unix_s = 1700000000;
    sensors_init(&b->app.sensors);
    hub_init(&b->app.hub, &b->app.sensors);
    facts_init(&b->app.facts, 0);
    clock_init(&b->app.clock);
    window_init(&b->window);
    if (b->from_board)
        configure_board(b, s); /* before there is a sink: what is measured begins after it */
    else
        make_sensors(b, (size_t)bench_arg(what));
    b->sink = service_mqtt_sink.new(&b->app);
    if (hub_attach(&b->app.hub, window_take, &b->window) < 0)
        bench_die("hub");
    mqtt_listen(b->app.mqtt, &(struct mqtt_listener){b, on_up, on_down, on_writable});
    service_mqtt_sink.apply(b->sink, NULL, s);
    while (!b->up)
        uv_run(b->app.loop, UV_RUN_ONCE);
    uv_run(b->app.loop, UV_RUN_NOWAIT); /* what the sink does at once when the broker is there */
}

static void finish(struct bench *b)
{
    bool closed = false;

    mqtt_unlisten(b->app.mqtt, b);
    service_mqtt_sink.stop(b->sink);
    service_mqtt_sink.close(b->sink, on_closed, &closed);
    while (!closed)
        uv_run(b->app.loop, UV_RUN_ONCE);
    window_fini(&b->window);
    sensors_fini(&b->app.sensors);
    free(b->handles);
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct settings_load l;

    if (argc != 4) {
        errno = EINVAL;
        bench_die("hub_bench SETTINGS (board | SENSORS) COUNT");
    }
    settings_load(&l, argv[1], SETTINGS_KEEP, NULL, NULL);
    if (!l.settings) {
        errno = EINVAL;
        bench_die(l.errors.v[0].message);
    }
    start(&b, l.settings, argv[2]);
    long count = b.left = bench_arg(argv[3]);
    int64_t cpu = bench_cpu_ns();
    run(&b);
    cpu = bench_cpu_ns() - cpu;
    printf("{\"readings\": %ld, \"cpu_ns\": %lld, \"private_kb\": %ld}\n", count - b.left, (long long)cpu,
           bench_private_kb());
    finish(&b);
    settings_free(l.settings);
    settings_load_free(&l);
    return 0;
}
