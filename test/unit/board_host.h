/* For the tests of drivers of boards: a host that notes what it is asked. */
#ifndef TEST_BOARD_HOST_H
#define TEST_BOARD_HOST_H

#include "unit.h"

#include "core/board.h"
#include "core/hub.h"
#include "core/ledger.h"
#include "core/sensors.h"
#include "core/settings.h"

#include <stdio.h>
#include <string.h>

#define HOST_UNIX_S 1800000000

static struct {
    const struct board_driver *driver;
    void *self;
    struct settings *settings;
    struct sensors sensors;
    struct ledger ledger;
    struct hub hub;
    struct board_now now;
    char said[4096];   /* a line each: "W text" */
    char synced[4096]; /* likewise: "40 text", "ok text" */
    char facts[FACT_COUNT][FACT_REASON];
    bool on[FACT_COUNT];
    struct reading readings[256];
    size_t n_readings;
    char published[8192]; /* a line each: "flx/time [1,2]" */
    unsigned n_published;
    bool deaf;       /* the broker takes nothing */
    int64_t clock_s; /* the last one told; 0: none */
    unsigned n_clock;
    int minor;
    char uart[64];
    size_t n_uart;
} host;

static void board_sends(const uint8_t *bytes, size_t n); /* the test's */

static inline void add_line(char *to, size_t size, const char *head, const char *text)
{
    size_t n = strlen(to);

    snprintf(to + n, size - n, "%s %s\n", head, text);
}

static inline void host_send(void *ctx, const void *bytes, size_t n)
{
    assert_ptr_equal(ctx, &host);
    board_sends(bytes, n);
}

static inline int host_emit(void *ctx, const struct reading *r)
{
    (void)ctx;
    if (hub_emit(&host.hub, r) < 0)
        return -1;
    assert_true(host.n_readings < ARRAY_LEN(host.readings));
    host.readings[host.n_readings++] = *r;
    return 0;
}

static inline void host_uart(void *ctx, const uint8_t *bytes, size_t n)
{
    (void)ctx;
    assert_true(host.n_uart + n <= sizeof host.uart);
    memcpy(host.uart + host.n_uart, bytes, n);
    host.n_uart += n;
}

static inline void host_fact(void *ctx, enum fact f, bool on, const char *reason, int64_t mono_ms)
{
    (void)ctx;
    assert_true(mono_ms <= host.now.mono_ms);
    host.on[f] = on;
    snprintf(host.facts[f], sizeof host.facts[f], "%s", reason);
}

static inline void PRINTF_LIKE(3, 4) host_say(void *ctx, enum board_say level, const char *fmt, ...)
{
    static const char *const levels[] = {"E", "W", "N", "I", "D"};
    char text[512];
    va_list ap;

    (void)ctx;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    add_line(host.said, sizeof host.said, levels[level], text);
}

static inline int host_publish(void *ctx, const char *below, const char *payload, size_t n)
{
    char text[2048];

    (void)ctx;
    if (host.deaf)
        return -1;
    snprintf(text, sizeof text, "%.*s", (int)n, payload);
    add_line(host.published, sizeof host.published, below, text);
    host.n_published++;
    return 0;
}

static inline void host_clock(void *ctx, int64_t unix_s)
{
    (void)ctx;
    host.clock_s = unix_s;
    host.n_clock++;
}

static inline void host_hardware(void *ctx, int minor)
{
    (void)ctx;
    host.minor = minor;
}

static inline void host_sync(void *ctx, enum board_synced what, int percent, const char *text)
{
    static const char *const ends[] = {"", "ok", "failed", "unfit"};
    char head[12];

    (void)ctx;
    snprintf(head, sizeof head, "%d", percent);
    add_line(host.synced, sizeof host.synced, what == BOARD_SYNC_STEP ? head : ends[what], text);
}

static const struct board_host host_calls = {host_send,    host_emit,  host_uart,     host_fact, host_say,
                                             host_publish, host_clock, host_hardware, host_sync};

/* Other settings come in force. */
static inline void host_apply(const char *text)
{
    struct settings_errors errors = {0};

    settings_free(host.settings);
    host.settings = settings_parse(text, strlen(text), NULL, &errors, NULL);
    if (!host.settings || settings_derive_ids(host.settings, host.settings->device.id, &errors) < 0)
        fail_msg("%s: %s", errors.v[0].path, errors.v[0].message);
    settings_set_sensors(host.settings, &host.sensors);
    host.driver->apply(host.self, host.settings, &host.now);
}

/* A host with this driver and these settings; its line is not open yet. */
static inline void host_open(const struct board_driver *driver, const char *settings)
{
    memset(&host, 0, sizeof host);
    host.driver = driver;
    host.minor = -1;
    host.now = (struct board_now){1000, HOST_UNIX_S, (int64_t)HOST_UNIX_S * 1000 + 300, CLOCK_SYNCED};
    sensors_init(&host.sensors);
    hub_init(&host.hub, &host.sensors);
    ledger_init(&host.ledger);
    host.self = driver->new (&host_calls, &host, &host.sensors, &host.ledger);
    host_apply(settings);
}

static inline void host_close(void)
{
    host.driver->free(host.self);
    settings_free(host.settings);
    sensors_fini(&host.sensors);
    ledger_fini(&host.ledger);
}

/* A millisecond later. */
static inline void host_later(void)
{
    host.now.mono_ms++;
    host.now.wall_ms++;
    host.now.unix_s = host.now.clock == CLOCK_UNSET ? 0 : host.now.wall_ms / 1000;
    int64_t at = host.driver->deadline(host.self);
    if (at >= 0 && host.now.mono_ms >= at)
        host.driver->tick(host.self, &host.now);
    if (host.now.wall_ms % 1000 == 1)
        host.driver->second(host.self, &host.now);
}

static int64_t found; /* by number_of() */
static const char *sought;

static inline void stat_found(void *ctx, const struct stat_value *s)
{
    char key[128];

    (void)ctx;
    snprintf(key, sizeof key, s->labels ? "%s{%s}" : "%s", s->name, s->labels);
    if (strcmp(key, sought) == 0)
        found = s->value;
}

/* A number of the driver's; -1: it has none of that name. */
static inline int64_t number_of(const char *name)
{
    found = -1;
    sought = name;
    host.driver->stats(host.self, stat_found, NULL);
    return found;
}

#endif
