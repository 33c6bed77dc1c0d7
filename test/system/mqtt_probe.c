/* The MQTT services on a loop of their own, fed through the real hub by a timer: what the tests of the
 * broker's link drive, without board or settings file. It never looks at what comes of it: the tests
 * subscribe to that.
 *
 * SIGUSR1 prints a line of JSON: all statistics, the state of the broker, and since the last such line the
 * longest gap of a 10 ms tick and the most messages in one turn of the loop. SIGUSR2 applies settings with
 * one sensor less. SIGHUP makes the clock known after --unset. With --frozen the counters stay at 0. */
#include "app/app.h"
#include "core/jsonw.h"
#include "core/settings.h"
#include "io/log.h"
#include "io/mqtt.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 10

static const struct service *const services[] = {&service_mqtt_sink, &service_config_topics};

struct probe {
    struct app app;
    struct settings settings;
    void *self[ARRAY_LEN(services)];
    size_t open;
    uv_timer_t readings, tick;
    uv_check_t turn;
    uv_signal_t signals[5];
    size_t sensors;
    unsigned every_ms;
    long rounds; /* left; negative: no end */
    int64_t round, second, last_ms;
    bool unset, frozen;
    uint64_t last_tick_ns, gap_ns;
    int64_t messages, busiest; /* published so far; most in one turn of the loop */
};

static void set_sensors(struct probe *p)
{
    struct sensor_def *defs = must(calloc(p->sensors, sizeof *defs));

    for (size_t i = 0; i < p->sensors; i++)
        defs[i] = (struct sensor_def){.id = p->settings.sensors[i].id,
                                      .name = p->settings.sensors[i].name,
                                      .number = (unsigned)i + 1,
                                      .unit = {"W", "Wh"}};
    sensors_set(&p->app.sensors, defs, p->sensors);
    free(defs);
}

static void make_settings(struct probe *p)
{
    struct settings *s = &p->settings;

    s->n_sensors = p->sensors;
    s->sensors = must(calloc(p->sensors, sizeof *s->sensors));
    for (size_t i = 0; i < p->sensors; i++) {
        struct sensor_settings *x = &s->sensors[i];
        char text[SENSOR_ID_LEN + 1];

        snprintf(text, sizeof text, "%.24s%08x", s->device.id, (unsigned)i + 1);
        *x = (struct sensor_settings){.id = must(strdup(text)),
                                      .ports = {1 + (int)i % SETTINGS_PORTS},
                                      .n_ports = 1,
                                      .made = MADE_PORT,
                                      .number = (int)i + 1,
                                      .enable = true};
        snprintf(text, sizeof text, "sensor %zu", i + 1);
        x->name = must(strdup(text));
        x->voltage[0] = 230;
        x->current[0] = 50;
    }
}

/* ---- readings ---- */

/* A round is a second of all sensors: gauge and counter of each; the gauge is the number of the round. */
static void on_readings(uv_timer_t *t)
{
    struct probe *p = t->data;
    size_t cursor = 0;
    const struct sensor *x;

    if (p->rounds > 0 && --p->rounds == 0)
        uv_timer_stop(t);
    p->round++;
    p->second++;
    p->last_ms = app_mono_ms(&p->app);
    while ((x = sensors_next(&p->app.sensors, &cursor))) {
        struct reading r = {.sensor = x->handle,
                            .kind = READING_GAUGE,
                            .milli = p->round * 1000,
                            .mono_ms = app_mono_ms(&p->app),
                            .unix_s = p->unset ? 0 : p->second};
        hub_emit(&p->app.hub, &r);
        r.kind = READING_COUNTER;
        r.milli = p->frozen ? 0 : p->round * 1000;
        hub_emit(&p->app.hub, &r);
    }
}

static void on_tick(uv_timer_t *t)
{
    struct probe *p = t->data;
    uint64_t now = uv_hrtime();

    facts_deliver(&p->app.facts);
    if (p->app.mqtt)
        mqtt_flush(p->app.mqtt);
    if (p->last_tick_ns && now - p->last_tick_ns > p->gap_ns)
        p->gap_ns = now - p->last_tick_ns;
    p->last_tick_ns = now;
}

static void find_messages(void *ctx, const struct stat_value *v)
{
    if (strcmp(v->name, "mqtt_messages_total") == 0)
        *(int64_t *)ctx = v->value;
}

static void on_turn(uv_check_t *check)
{
    struct probe *p = check->data;
    int64_t messages = 0;

    stats_walk(&p->app.stats, find_messages, &messages);
    if (messages - p->messages > p->busiest)
        p->busiest = messages - p->messages;
    p->messages = messages;
}

/* ---- orders ---- */

static void put_stat(void *ctx, const struct stat_value *v)
{
    char name[100];

    snprintf(name, sizeof name, "%s%s%s", v->name, v->labels ? " " : "", v->labels ? v->labels : "");
    jsonw_int(ctx, name, v->value);
}

static void print_stats(struct probe *p)
{
    struct jsonw w;

    on_tick(&p->tick); /* what this turn did so far counts */
    on_turn(&p->turn);
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    stats_walk(&p->app.stats, put_stat, &w);
    jsonw_bool(&w, "broker", p->app.facts.v[FACT_BROKER].on);
    jsonw_str(&w, "reason", p->app.facts.v[FACT_BROKER].reason);
    jsonw_int(&w, "round", p->round);
    jsonw_int(&w, "second", p->second);
    jsonw_int(&w, "last_ms", p->last_ms);
    jsonw_int(&w, "now_ms", app_mono_ms(&p->app));
    jsonw_int(&w, "gap_us", (int64_t)(p->gap_ns / 1000));
    jsonw_int(&w, "busiest_turn", p->busiest);
    jsonw_close(&w, '}');
    jsonw_raw(&w, "\n", 1);
    if (write(STDOUT_FILENO, w.buf, w.len) < 0)
        abort();
    jsonw_free(&w);
    p->gap_ns = 0;
    p->busiest = 0;
}

static void on_closed(void *ctx)
{
    struct probe *p = ctx;

    p->open--;
}

static void end(struct probe *p)
{
    for (size_t i = 0; i < ARRAY_LEN(p->signals); i++)
        uv_close((uv_handle_t *)&p->signals[i], NULL);
    uv_close((uv_handle_t *)&p->readings, NULL);
    uv_close((uv_handle_t *)&p->tick, NULL);
    uv_close((uv_handle_t *)&p->turn, NULL);
    for (size_t i = ARRAY_LEN(services); i-- > 0;)
        services[i]->stop(p->self[i]);
    p->open = ARRAY_LEN(services);
    for (size_t i = ARRAY_LEN(services); i-- > 0;)
        services[i]->close(p->self[i], on_closed, p);
}

static void on_signal(uv_signal_t *s, int signum)
{
    struct probe *p = s->data;
    struct settings old = p->settings;

    if (signum == SIGUSR1) {
        print_stats(p);
    } else if (signum == SIGUSR2) {
        p->settings.n_sensors = --p->sensors;
        set_sensors(p);
        for (size_t i = 0; i < ARRAY_LEN(services); i++)
            services[i]->apply(p->self[i], &old, &p->settings);
    } else if (signum == SIGHUP) {
        p->unset = false;
    } else {
        end(p);
    }
}

static void run(struct probe *p)
{
    static const int signums[] = {SIGUSR1, SIGUSR2, SIGHUP, SIGTERM, SIGINT};
    uv_loop_t loop;

    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    p->app.loop = &loop;
    p->app.settings = &p->settings;
    sensors_init(&p->app.sensors);
    hub_init(&p->app.hub, &p->app.sensors);
    facts_init(&p->app.facts, app_mono_ms(&p->app));
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        p->self[i] = services[i]->new (&p->app);
    set_sensors(p);
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        services[i]->apply(p->self[i], NULL, &p->settings);
    for (size_t i = 0; i < ARRAY_LEN(signums); i++) {
        uv_signal_init(&loop, &p->signals[i]);
        p->signals[i].data = p;
        uv_signal_start(&p->signals[i], on_signal, signums[i]);
    }
    puts("ready");
    fflush(stdout);
    uv_timer_init(&loop, &p->readings);
    uv_timer_init(&loop, &p->tick);
    uv_check_init(&loop, &p->turn);
    p->readings.data = p->tick.data = p->turn.data = p;
    uv_check_start(&p->turn, on_turn);
    uv_timer_start(&p->readings, on_readings, p->every_ms, p->every_ms);
    uv_timer_start(&p->tick, on_tick, TICK_MS, TICK_MS);
    uv_run(&loop, UV_RUN_DEFAULT);
    if (p->open != 0 || uv_loop_close(&loop) != 0)
        abort(); /* something was left open */
    sensors_fini(&p->app.sensors);
    uv_library_shutdown();
}

int main(int argc, char **argv)
{
    enum { HOST, PORT, SENSORS, EVERY, ROUNDS, DEVICE, CLIENT, USER, PASSWORD, CA, CERT, KEY, UNSET, FROZEN };
    static const struct option options[] = {[HOST] = {"host", 1, NULL, HOST},
                                            [PORT] = {"port", 1, NULL, PORT},
                                            [SENSORS] = {"sensors", 1, NULL, SENSORS},
                                            [EVERY] = {"every-ms", 1, NULL, EVERY},
                                            [ROUNDS] = {"rounds", 1, NULL, ROUNDS},
                                            [DEVICE] = {"device", 1, NULL, DEVICE},
                                            [CLIENT] = {"client-id", 1, NULL, CLIENT},
                                            [USER] = {"username", 1, NULL, USER},
                                            [PASSWORD] = {"password-file", 1, NULL, PASSWORD},
                                            [CA] = {"ca-file", 1, NULL, CA},
                                            [CERT] = {"cert-file", 1, NULL, CERT},
                                            [KEY] = {"key-file", 1, NULL, KEY},
                                            [UNSET] = {"unset", 0, NULL, UNSET},
                                            [FROZEN] = {"frozen", 0, NULL, FROZEN},
                                            {0}};
    static char localhost[] = "127.0.0.1", device[] = "0123456789abcdef0123456789abcdef";
    struct probe p = {.sensors = 6, .every_ms = 1000, .rounds = -1, .second = time(NULL)};
    struct settings *s = &p.settings;
    char **const texts[ARRAY_LEN(options)] = {[HOST] = &s->mqtt.host,
                                              [DEVICE] = &s->device.id,
                                              [CLIENT] = &s->mqtt.client_id,
                                              [USER] = &s->mqtt.username,
                                              [PASSWORD] = &s->mqtt.password_file,
                                              [CA] = &s->mqtt.tls.ca_file,
                                              [CERT] = &s->mqtt.tls.cert_file,
                                              [KEY] = &s->mqtt.tls.key_file};
    int c;

    s->mqtt.host = localhost;
    s->device.id = device;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c >= (int)ARRAY_LEN(options))
            return 2;
        if (texts[c])
            *texts[c] = optarg;
        else if (c == UNSET)
            p.unset = true;
        else if (c == FROZEN)
            p.frozen = true;
        else if (c == PORT)
            s->mqtt.port = (int)strtol(optarg, NULL, 10);
        else if (c == SENSORS)
            p.sensors = strtoul(optarg, NULL, 10);
        else if (c == EVERY)
            p.every_ms = (unsigned)strtoul(optarg, NULL, 10);
        else
            p.rounds = strtol(optarg, NULL, 10);
    }
    make_settings(&p);
    size_t made = s->n_sensors;
    run(&p);
    for (size_t i = 0; i < made; i++) {
        free(s->sensors[i].id);
        free(s->sensors[i].name);
    }
    free(s->sensors);
    return EXIT_SUCCESS;
}
