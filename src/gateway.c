#include "gateway.h"

#include "app/app.h"
#include "app/desk.h"
#include "io/lag.h"
#include "io/log.h"
#include "io/mqtt.h"

#include <cjson/cJSON.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* In the order of start; they stop and close in reverse. */
static const struct service *const services[] = {
    &service_keeper,      &service_secrets,     &service_mqtt_sink, &service_config_topics, &service_tap,
    &service_http,        &service_access,      &service_backup,    &service_api_local,     &service_api_status,
    &service_api_live,    &service_api_log,     &service_flukso,    &service_influx,        &service_derive,
    &service_board,       &service_buses,       &service_lines,     &service_bus_jobs,      &service_bus_proxy,
    &service_sync,        &service_selftest,    &service_support,   &service_api_settings,  &service_api_secrets,
    &service_api_sensors, &service_phase_match, &service_restart,   &service_api_jobs,      &service_api_models,
    &service_api_lines,   &service_api_index,
};

#define SERVICES ARRAY_LEN(services)

struct gateway {
    struct app app;
    const struct gateway_options *options;
    struct settings *settings;
    void *self[SERVICES];
    struct lag lag;
    uv_signal_t hangup, terminate, interrupt;
    size_t open; /* services, and the desk, not closed yet */
    bool again;  /* to be started anew after that */
    bool reload; /* SIGHUP came while a save was under way */
    bool bad;    /* the file is: the settings in force are those from before, or the last good ones */
};

/* ---- settings ---- */

static void take_settings(struct gateway *g, struct settings *next)
{
    struct settings *old = g->settings;

    next->generation = old ? old->generation + 1 : 1;
    g->settings = next;
    g->app.settings = next;
    settings_set_sensors(next, &g->app.sensors);
    for (size_t i = 0; i < SERVICES; i++)
        services[i]->apply(g->self[i], old, next);
    settings_free(old);
}

static void say_settings(struct gateway *g, const char *why)
{
    facts_set(&g->app.facts, FACT_SETTINGS, !*why, why, app_mono_ms(&g->app));
}

/* The desk saved what people changed. */
static void on_take(void *ctx, struct settings *next)
{
    struct gateway *g = ctx;

    take_settings(g, next);
    say_settings(g, g->bad ? "the file has errors; it is not what is in force" : "");
    log_info("settings: what people changed is saved and in force (generation %u)", g->settings->generation);
}

/* What was loaded, which is good, comes in force. */
static void take_loaded(struct gateway *g, struct settings_load *l)
{
    char why[SETTINGS_LOAD_REASON];

    take_settings(g, l->settings);
    desk_loaded(g->app.desk, l->file, l->saved);
    l->settings = NULL;
    l->file = l->saved = NULL;
    g->bad = l->last_good;
    say_settings(g, settings_load_reason(l, why));
}

/* The whole file is parsed first; an invalid one changes nothing. */
static void reload(struct gateway *g)
{
    cJSON *saved = desk_saved(g->app.desk);
    const struct settings_running running = {g->settings->device.id, g->settings->storage.path, saved};
    struct settings_load l;

    settings_load(&l, g->options->settings_path, SETTINGS_KEEP, &running, g->options->meters);
    cJSON_Delete(saved);
    settings_load_log(&l);
    if (l.settings) {
        take_loaded(g, &l);
        log_info("settings: %s is in force (generation %u)", g->options->settings_path, g->settings->generation);
    } else {
        log_error("settings: %s changes nothing: %zu error%s", g->options->settings_path, l.errors.n,
                  l.errors.n == 1 ? "" : "s");
        g->bad = true;
        say_settings(g, "the file has errors; the settings from before are in force");
    }
    settings_load_free(&l);
}

/* What is on the disk and what is in force go together again. */
static void on_idle(void *ctx)
{
    struct gateway *g = ctx;

    if (g->reload && !g->open)
        reload(g);
    g->reload = false;
}

static void on_hangup(uv_signal_t *sig, int signum)
{
    struct gateway *g = sig->data;

    (void)signum;
    if (g->open)
        return; /* stopping */
    if (desk_saving(g->app.desk))
        g->reload = true;
    else
        reload(g);
}

/* ---- the end ---- */

static void on_service_closed(void *ctx)
{
    struct gateway *g = ctx;

    if (--g->open > 0)
        return;
    uv_close((uv_handle_t *)&g->hangup, NULL);
    signal(SIGHUP, SIG_IGN); /* or one that comes now would end us with another status */
    uv_close((uv_handle_t *)&g->terminate, NULL);
    uv_close((uv_handle_t *)&g->interrupt, NULL);
    lag_close(&g->lag);
}

static void stop_all(struct gateway *g)
{
    g->open = SERVICES + 1;
    desk_stop(g->app.desk);
    for (size_t i = SERVICES; i-- > 0;)
        services[i]->stop(g->self[i]);
    for (size_t i = SERVICES; i-- > 0;)
        services[i]->close(g->self[i], on_service_closed, g);
    desk_close(g->app.desk, on_service_closed, g);
}

static void on_terminate(uv_signal_t *sig, int signum)
{
    struct gateway *g = sig->data;

    log_info("stopping: %s", signum == SIGTERM ? "SIGTERM" : "SIGINT");
    uv_signal_stop(&g->terminate); /* the second one ends us at once */
    uv_signal_stop(&g->interrupt);
    g->again = false;
    if (!g->open)
        stop_all(g);
}

static void on_restart(void *ctx)
{
    struct gateway *g = ctx;

    if (g->open)
        return;
    log_info("stopping: to start anew");
    g->again = true;
    stop_all(g);
}

/* ---- the start ---- */

static void watch_signal(struct gateway *g, uv_signal_t *s, int signum, uv_signal_cb cb)
{
    uv_signal_init(g->app.loop, s);
    s->data = g;
    uv_signal_start(s, cb, signum);
}

static void on_turn(void *ctx)
{
    struct gateway *g = ctx;

    facts_deliver(&g->app.facts);
    if (g->app.mqtt)
        mqtt_flush(g->app.mqtt);
}

static void gateway_stats(void *self, stat_emit emit, void *ctx)
{
    struct gateway *g = self;
    const struct stat_value v[] = {
        {"loop_lag_ms", NULL, STAT_GAUGE, lag_worst_ms(&g->lag),
         "Longest turn of the loop in the last one to two minutes."},
        {"loop_turns_total", NULL, STAT_COUNTER, (int64_t)g->lag.turns, "Turns of the loop."},
        {"readings_total", NULL, STAT_COUNTER, (int64_t)g->app.hub.accepted, "Readings that passed the hub."},
        {"readings_stale_total", NULL, STAT_COUNTER, (int64_t)g->app.hub.refused_stale,
         "Readings refused because their second was not newer than the last."},
        {"readings_gone_total", NULL, STAT_COUNTER, (int64_t)g->app.hub.refused_gone,
         "Readings of sensors that are no longer there."},
        {"clock_steps_total", NULL, STAT_COUNTER, (int64_t)g->app.clock.steps, "Steps of the wall clock seen."},
    };

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit(ctx, &v[i]);
}

/* A few small threads at most, and one heap: each further arena of malloc would cost a thread its own pages. */
static void save_memory(void)
{
    mallopt(M_ARENA_MAX, 1);
    setenv("UV_THREADPOOL_SIZE", "2", 0);
}

int gateway_run(const struct gateway_options *o, struct settings_load *loaded)
{
    struct gateway *g = must(calloc(1, sizeof *g));
    uv_loop_t loop;
    int left;

    save_memory();
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    g->options = o;
    g->app.loop = &loop;
    g->app.record_path = o->record_path;
    g->app.meters = o->meters;
    g->app.restart = on_restart;
    g->app.restart_ctx = g;
    g->app.started_ms = app_mono_ms(&g->app);
    sensors_init(&g->app.sensors);
    hub_init(&g->app.hub, &g->app.sensors);
    ledger_init(&g->app.ledger);
    facts_init(&g->app.facts, g->app.started_ms);
    clock_init(&g->app.clock);
    jobs_init(&g->app.jobs);
    app_unix_s(&g->app);
    stats_add(&g->app.stats, gateway_stats, g);
    stats_add(&g->app.stats, jobs_stats, &g->app.jobs);
    lag_start(&g->lag, &loop, on_turn, g);
    watch_signal(g, &g->hangup, SIGHUP, on_hangup);
    watch_signal(g, &g->terminate, SIGTERM, on_terminate);
    watch_signal(g, &g->interrupt, SIGINT, on_terminate);
    g->app.board_minor = -1;
    g->app.desk = desk_new(&g->app, on_take, on_idle, g);
    for (size_t i = 0; i < SERVICES; i++)
        g->self[i] = services[i]->new (&g->app);
    take_loaded(g, loaded);
    uv_run(&loop, UV_RUN_DEFAULT);
    left = uv_loop_close(&loop);
    if (left != 0)
        log_error("stopping: the loop still holds handles: %s", uv_strerror(left));
    settings_free(g->settings);
    sensors_fini(&g->app.sensors);
    ledger_fini(&g->app.ledger);
    jobs_fini(&g->app.jobs);
    bool again = g->again;
    free(g);
    uv_library_shutdown();
    return again ? GATEWAY_AGAIN : left == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
