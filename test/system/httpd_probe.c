/* The HTTP services over a real hub, without the rest of the daemon: sensors with readings known in advance.
 *   httpd_probe SENSORS READINGS_PER_SECOND ADDRESS PORT [EXTRA ADDRESS:PORT …]
 * Sensor 1 has a reading each second, sensor 2 (water) every seventh, sensor 3 none; the others share the
 * rate. A reading of second s is s % 1000 + 0.5 for sensor 1, s % 1000 for sensor 2. SIGUSR1 changes the
 * settings and the table: local API off, extra addresses gone, half the sensors; and back. Says the longest
 * gap of a 10 ms tick. More routes, and their environment: httpd_routes.h. */
#include "app/app.h"

#include "core/settings.h"
#include "httpd_routes.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICK_MS  10
#define BACKFILL 70 /* seconds of readings at the start */

static const struct service *const services[] = {&service_http, &service_api_local, &service_api_status,
                                                 &service_api_live, &service_api_log};
static void *selves[ARRAY_LEN(services)];
static unsigned n_open;

static struct app app;
static struct settings settings[2]; /* as started, and as changed */
static unsigned in_force, n_sensors, rate;
static uv_timer_t tick;
static uv_signal_t terminate, change;
static uint64_t last_tick_ns, worst_gap_ns;
static int64_t last_s;
static unsigned due, next_sensor;

static void emit(unsigned number, int64_t unix_s, int64_t milli)
{
    char id[SENSOR_ID_LEN + 1];

    snprintf(id, sizeof id, "%032x", number);
    const struct sensor *s = sensors_find(&app.sensors, id);
    if (!s)
        return;
    struct reading r = {.sensor = s->handle, .milli = milli, .mono_ms = app_mono_ms(&app), .unix_s = unix_s};
    hub_emit(&app.hub, &r);
}

static void emit_second(int64_t s)
{
    emit(1, s, s % 1000 * 1000 + 500);
    if (s % 7 == 0)
        emit(2, s, s % 1000 * 1000);
}

static void on_tick(uv_timer_t *t)
{
    uint64_t now_ns = uv_hrtime();
    int64_t now_s = app_unix_s(&app);

    (void)t;
    if (now_ns - last_tick_ns > worst_gap_ns)
        worst_gap_ns = now_ns - last_tick_ns;
    last_tick_ns = now_ns;
    while (last_s < now_s)
        emit_second(++last_s);
    for (due += rate * TICK_MS; due >= 1000 && n_sensors > 3; due -= 1000) {
        emit(4 + next_sensor, now_s, next_sensor);
        next_sensor = (next_sensor + 1) % (n_sensors - 3);
    }
}

static void set_sensors(unsigned n)
{
    struct sensor_def *defs = calloc(n, sizeof *defs);
    char(*ids)[SENSOR_ID_LEN + 1] = calloc(n, sizeof *ids);

    for (unsigned i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "%032x", i + 1);
        defs[i] = (struct sensor_def){.id = ids[i], .name = "sensor", .number = i + 1};
        defs[i].type = i == 1 ? SENSOR_WATER : SENSOR_ELECTRICITY;
        defs[i].unit[READING_GAUGE] = i == 1 ? "L/day" : "W";
        defs[i].unit[READING_COUNTER] = i == 1 ? "L" : "Wh";
    }
    sensors_set(&app.sensors, defs, n);
    free(defs);
    free(ids);
}

static void apply(const struct settings *old, const struct settings *next)
{
    app.settings = next;
    set_sensors(next == &settings[0] ? n_sensors : (n_sensors + 1) / 2);
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        services[i]->apply(selves[i], old, next);
}

static void on_change(uv_signal_t *sig, int signum)
{
    (void)sig, (void)signum;
    in_force = 1 - in_force;
    apply(&settings[1 - in_force], &settings[in_force]);
    puts("changed");
}

static void on_service_closed(void *ctx)
{
    (void)ctx;
    if (--n_open)
        return;
    uv_close((uv_handle_t *)&tick, NULL);
    uv_close((uv_handle_t *)&terminate, NULL);
    uv_close((uv_handle_t *)&change, NULL);
    routes_end();
}

static void on_terminate(uv_signal_t *sig, int signum)
{
    (void)sig, (void)signum;
    n_open = ARRAY_LEN(services);
    for (size_t i = n_open; i-- > 0;)
        services[i]->stop(selves[i]);
    for (size_t i = ARRAY_LEN(services); i-- > 0;)
        services[i]->close(selves[i], on_service_closed, NULL);
}

static void watch_signal(uv_signal_t *s, int signum, uv_signal_cb cb)
{
    uv_signal_init(app.loop, s);
    uv_signal_start(s, cb, signum);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    n_sensors = (unsigned)strtoul(argv[1], NULL, 10);
    rate = (unsigned)strtoul(argv[2], NULL, 10);
    settings[0].http.listen = settings[1].http.listen = argv[3];
    settings[0].http.port = settings[1].http.port = (int)strtol(argv[4], NULL, 10);
    settings[0].http.extra_listen = argv + 5;
    settings[0].http.n_extra_listen = (size_t)argc - 5;
    settings[0].local_api.enable = true;
    app.loop = uv_default_loop();
    app.started_ms = app_mono_ms(&app);
    sensors_init(&app.sensors);
    hub_init(&app.hub, &app.sensors);
    facts_init(&app.facts, app.started_ms);
    clock_init(&app.clock);
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        selves[i] = services[i]->new (&app);
    apply(NULL, &settings[0]);
    routes_start(app.httpd, app.loop);
    last_s = app_unix_s(&app) - BACKFILL;
    watch_signal(&terminate, SIGTERM, on_terminate);
    watch_signal(&change, SIGUSR1, on_change);
    uv_timer_init(app.loop, &tick);
    last_tick_ns = uv_hrtime();
    if (rate)
        uv_timer_start(&tick, on_tick, 0, TICK_MS);
    else
        on_tick(&tick); /* once: an idle loop is wanted */
    printf("ready\n");
    uv_run(app.loop, UV_RUN_DEFAULT);
    printf("longest gap of a tick: %.1f ms\n", (double)worst_gap_ns / 1e6);
    sensors_fini(&app.sensors);
    return uv_loop_close(app.loop) == 0 ? 0 : 1;
}
