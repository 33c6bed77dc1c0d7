/* What all services share: the loop, the settings in force and the core's state. The gateway owns it.
 * A service includes this and core and io headers, never another service. */
#ifndef APP_APP_H
#define APP_APP_H

#include "app/errand.h"
#include "core/clock.h"
#include "core/facts.h"
#include "core/hub.h"
#include "core/jobs.h"
#include "core/ledger.h"
#include "core/sensors.h"
#include "core/stats.h"
#include "core/status_view.h"

#include <stdint.h>
#include <uv.h>

struct settings;
struct buses;
struct desk;
struct httpd;
struct lines;
struct live;
struct meter_finder;
struct mqtt;
struct secrets;
struct store;
struct streams;
struct window;

struct app {
    uv_loop_t *loop;
    const struct settings *settings; /* in force; ids derived, storage.path filled in */
    struct sensors sensors;
    struct hub hub;
    struct desk *desk;    /* where settings are changed; the gateway's */
    struct buses *buses;  /* service_buses from its new to its close (app/buses.h) */
    struct lines *lines;  /* service_lines likewise (app/lines.h) */
    struct ledger ledger; /* counter states; restored before any source starts */
    struct facts facts;
    struct clock clock;
    struct stats stats;
    struct jobs jobs;                /* verbs are added in a service's new */
    struct status_sections sections; /* what services add to the status: in their new */
    struct store *store;             /* service_keeper's from its new to its close */
    struct secrets *secrets;         /* service_secrets' likewise (app/secrets.h) */
    int64_t kernel_ms;               /* monotonic, when the kernel was last asked of its clock */
    struct mqtt *mqtt;       /* the broker's connection: service_mqtt_sink's from its new to its close, NULL else */
    struct window *window;   /* 60 seconds of each gauge */
    struct live *live;       /* where jobs tell their news (live_publish()): service_api_live's from new to close */
    struct streams *streams; /* likewise */
    struct httpd *httpd;     /* routes are added in a service's new */
    unsigned tls_port;       /* the HTTP server listens here with TLS; 0: nowhere (yet) */
    int64_t started_ms;      /* monotonic */
    const char *record_path; /* --record, or NULL */
    int board_minor;         /* of the hardware of the board that was found last; -1: none on this line yet */
    /* Bytes of the board's RS-485 port go to this line; NULL: nobody reads it. */
    void (*uart_bytes)(void *ctx, const uint8_t *bytes, size_t n);
    void *uart_ctx;
    /* Models of meters (io/meter_files.h); any thread may ask it. */
    const struct meter_finder *meters;
    struct errand errands[ERRANDS]; /* what services do for others; set in their new */
    void (*restart)(void *ctx);     /* end all in order, and start anew */
    void *restart_ctx;
};

/* Monotonic milliseconds of this turn of the loop. */
int64_t app_mono_ms(const struct app *a);

/* The wall clock, judged: the Unix second, or 0 while it is unset (core/clock.h). */
int64_t app_unix_s(struct app *a);

/* The wall clock as the host has it, in milliseconds. */
int64_t app_wall_ms(void);

/* Start a job, or end one, now: see jobs_start() and jobs_end(). */
enum jobs_why app_job(struct app *a, const char *verb, const struct cJSON *args, job_handle *j, char error[JOB_LINE]);
void app_job_end(struct app *a, job_handle j, enum job_state state, char *result);
struct job_time app_job_time(struct app *a);

/* Add to the status. Too many abort: their number is known when the program is written. */
void app_section(struct app *a, const struct status_section *s);
void app_section_end(struct app *a, const void *self);

/* A service: one part of the gateway with a life of its own. The gateway calls, in this order: new, apply (with
 * old == NULL at start, later at each change), stop (say good-bye; the loop still runs), close (release all handles,
 * then call done once). */
typedef void (*service_done)(void *ctx);

struct service {
    const char *name;
    void *(*new)(struct app *a);
    void (*apply)(void *self, const struct settings *old, const struct settings *next);
    void (*stop)(void *self);
    void (*close)(void *self, service_done done, void *ctx);
};

extern const struct service service_access, service_api_index, service_api_jobs, service_api_lines, service_api_live,
    service_api_local, service_api_log, service_api_models, service_api_secrets, service_api_sensors,
    service_api_settings, service_api_status, service_backup, service_board, service_bus_jobs, service_bus_proxy,
    service_buses, service_config_topics, service_derive, service_flukso, service_http, service_influx, service_keeper,
    service_lines, service_mqtt_sink, service_phase_match, service_restart, service_secrets, service_selftest,
    service_support, service_sync, service_tap;

#endif
