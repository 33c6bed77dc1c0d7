/* A bus of the settings as its thread wants it, and whether a thread that runs is still right. It never starts twice.
 */
#include "app/buses_impl.h"

#include "core/util.h"

#include <stdio.h>
#include <string.h>

/* ---- what a thread goes by ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_meter(const struct meter_settings *a, const struct meter_settings *b)
{
    return strcmp(a->key, b->key) == 0 && a->unit == b->unit && a->interval_ms == b->interval_ms &&
           a->timeout_ms == b->timeout_ms && a->pause_ms == b->pause_ms && a->n_wanted == b->n_wanted &&
           (a->n_wanted == 0 || memcmp(a->wanted, b->wanted, a->n_wanted) == 0) && meter_model_same(a->model, b->model);
}

/* The next one that is asked, at or after place *at; NULL: there is none. */
static const struct meter_settings *next_meter(const struct bus_settings *s, size_t *at)
{
    while (*at < s->n_meters)
        if (s->meters[(*at)++].enable)
            return &s->meters[*at - 1];
    return NULL;
}

static bool same_meters(const struct bus_settings *a, const struct bus_settings *b)
{
    const struct meter_settings *x, *y;
    size_t i = 0, j = 0;

    do {
        x = next_meter(a, &i);
        y = next_meter(b, &j);
    } while (x && y && same_meter(x, y));
    return !x && !y;
}

static bool same_line(const struct bus_settings *a, const struct bus_settings *b)
{
    return same_text(a->device, b->device) && same_text(a->tcp.host, b->tcp.host) && a->tcp.port == b->tcp.port &&
           a->tcp.framing == b->tcp.framing && a->baud == b->baud && a->parity == b->parity &&
           a->stop_bits == b->stop_bits && a->rs485 == b->rs485;
}

bool bus_same(const struct bus_settings *a, const struct bus_settings *b)
{
    return strcmp(a->key, b->key) == 0 && a->enable == b->enable && same_line(a, b) && same_meters(a, b);
}

/* ---- the start ---- */

struct mb_line bus_mb_line(const struct bus_settings *s)
{
    static const char parity[] = {[PARITY_NONE] = 'N', [PARITY_EVEN] = 'E', [PARITY_ODD] = 'O'};
    static const enum mb_rs485 rs485[] = {[RS485_NONE] = MB_RS485_NONE,
                                          [RS485_KERNEL] = MB_RS485_KERNEL,
                                          [RS485_RTS] = MB_RS485_RTS,
                                          [RS485_RTS_LOW] = MB_RS485_RTS_LOW};

    return (struct mb_line){
        .device = s->device,
        .host = s->tcp.host,
        .port = s->tcp.port,
        .rtu = s->tcp.framing == FRAMING_RTU,
        .baud = s->baud,
        .parity = parity[s->parity],
        .stop_bits = s->stop_bits,
        .rs485 = rs485[s->rs485],
    };
}

char *bus_line_name(const struct mb_line *line)
{
    char *name;

    if (line->device)
        return must(strdup(line->device));
    if (asprintf(&name, "%s:%d", line->host, line->port) < 0)
        abort();
    return name;
}

static void add_meters(struct bus *x, const struct bus_settings *s, struct mb_meter_config *config)
{
    int64_t now = app_mono_ms(x->owner->app);
    const struct meter_settings *m;

    for (size_t at = 0; (m = next_meter(s, &at));) {
        config[x->n_meters] = (struct mb_meter_config){
            .key = m->key,
            .unit = m->unit,
            .interval_ms = m->interval_ms,
            .timeout_ms = m->timeout_ms,
            .pause_ms = m->pause_ms,
            .model = m->model,
            .quantities = m->wanted,
            .n_quantities = m->n_wanted,
        };
        x->meters[x->n_meters++] = (struct bus_meter){.at = at - 1,
                                                      .since_ms = now,
                                                      .why = must(strdup("")),
                                                      .measured = mb_measure_find(&x->owner->measure, m->key)};
    }
}

static void start_borrowed(struct bus *x)
{
    const struct mb_bus_config config = {.key = "job", .line = x->own, .tag = x->slot};

    x->thread = mb_bus_start(x->owner->threads, &config);
}

static void start_own(struct bus *x, const struct bus_settings *s)
{
    struct mb_meter_config *meters = must(calloc(s->n_meters + 1, sizeof *meters));

    x->meters = must(calloc(s->n_meters + 1, sizeof *x->meters));
    add_meters(x, s, meters);
    const struct mb_bus_config config = {
        .key = x->key, .line = bus_mb_line(s), .meters = meters, .n_meters = x->n_meters, .tag = x->slot};
    x->thread = mb_bus_start(x->owner->threads, &config);
    free(meters);
}

void bus_start(struct bus *x)
{
    x->waits = false;
    if (x->borrowed)
        start_borrowed(x);
    else
        start_own(x, bus_settings_of(x));
}
