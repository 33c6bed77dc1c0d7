/* The rules of buses and the meters on them, for any board. */
#include "core/settings_rules.h"

#include "core/mb_round.h"
#include "core/model_near.h"
#include "core/seen.h"
#include "core/settings.h"
#include "core/settings_layer.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define UNITS           256
#define UNIT_MAX_SERIAL 247  /* of Modbus on a serial line; 0 is all of them */
#define CURRENT_A       1000 /* of a connection that neither settings nor model know */

/* A model that was asked for, or why there is none. */
struct asked {
    struct meter_model *model;
    char *why, *allowed;
};

struct judge {
    struct settings *s;
    const struct meter_finder *finder;
    struct settings_errors *errors;
    struct seen buses, devices, keys, names, models;
    struct asked *asked;
    size_t n_asked;
    size_t bus;         /* at hand */
    const cJSON *given; /* of the bus */
    size_t unit[UNITS]; /* 1 + the meter of the bus that has it */
};

PRINTF_LIKE(3, 4) static void bus_error(const struct judge *j, const char *name, const char *fmt, ...)
{
    char path[SETTINGS_PATH], message[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    snprintf(path, sizeof path, "buses[%zu].%s", j->bus, name);
    settings_error_add(j->errors, path, "%s", message);
}

static const char *meter_path(const struct judge *j, size_t at, const char *name, char path[SETTINGS_PATH])
{
    snprintf(path, SETTINGS_PATH, "buses[%zu].meters[%zu].%s", j->bus, at, name);
    return path;
}

/* ---- a bus ---- */

/* A serial line or a gateway, and what says nothing of it. */
static void judge_line(struct judge *j, struct bus_settings *b)
{
    static const char *const serial[] = {"baud", "parity", "stop_bits", "rs485"};
    bool device = layer_get(j->given, "device"), tcp = layer_get(j->given, "tcp");

    b->line = tcp ? BUS_TCP : BUS_SERIAL;
    if (tcp && device)
        bus_error(j, "tcp", "is given beside device: one of the two");
    if (!tcp && !device && cJSON_IsObject(j->given))
        bus_error(j, "device", "is missing: the path of a serial line, or tcp of a gateway on the network");
    for (size_t i = 0; tcp && !device && i < ARRAY_LEN(serial); i++)
        if (layer_get(j->given, serial[i]))
            bus_error(j, serial[i], "a bus with tcp has none");
}

/* Who opens a serial line has it alone; a gateway takes several connections. */
static void judge_device(struct judge *j, const struct bus_settings *b)
{
    const struct settings *s = j->s;

    if (!b->enable || !b->device)
        return;
    size_t other = seen_add(&j->devices, b->device, j->bus);
    if (other != SEEN_NONE)
        bus_error(j, "device", "%s is the device of buses[%zu] too", b->device, other);
    if (s->board.protocol != BOARD_NONE && s->board.device && strcmp(s->board.device, b->device) == 0)
        bus_error(j, "device", "%s is the board's", b->device);
}

static bool all_addresses(const char *listen)
{
    return strcmp(listen, "0.0.0.0") == 0 || strcmp(listen, "::") == 0;
}

static bool overlap(const char *a, const char *b)
{
    return !a || !b || strcmp(a, b) == 0 || all_addresses(a) || all_addresses(b);
}

static void judge_proxy(struct judge *j, const struct bus_settings *b)
{
    const struct settings *s = j->s;

    if (b->proxy.port <= 0 || !b->enable)
        return;
    if ((b->proxy.port == s->http.port || b->proxy.port == s->http.tls_port) &&
        overlap(b->proxy.listen, s->http.listen))
        bus_error(j, "proxy.port", "%d is %s too", b->proxy.port,
                  b->proxy.port == s->http.port ? "http.port" : "http.tls_port");
    for (size_t i = 0; i < j->bus; i++)
        if (s->buses[i].enable && s->buses[i].proxy.port == b->proxy.port &&
            overlap(s->buses[i].proxy.listen, b->proxy.listen)) {
            bus_error(j, "proxy.port", "%d is the port of buses[%zu] too", b->proxy.port, i);
            return;
        }
}

/* ---- the model of a meter ---- */

static void ask(struct judge *j, const char *id, struct asked *a)
{
    char error[METER_ERROR] = "there are none here";

    *a = (struct asked){0};
    if (j->finder)
        a->model = j->finder->find(j->finder->ctx, id, error);
    if (!a->model) {
        bool there = model_near(j->finder, id, &a->allowed);
        if (asprintf(&a->why, "\"%s\" %s: %s", id, there ? "cannot be used" : "is not a model", error) < 0)
            abort();
        return;
    }
    j->s->models = grown(j->s->models, j->s->n_models, sizeof *j->s->models);
    j->s->models[j->s->n_models++] = a->model;
}

/* Each is read once, and told of where it is named. */
static const struct meter_model *model_of(struct judge *j, const char *id, size_t meter)
{
    size_t at = seen_add(&j->models, id, j->n_asked);
    char path[SETTINGS_PATH];

    if (at == SEEN_NONE) {
        at = j->n_asked;
        j->asked = grown(j->asked, j->n_asked, sizeof *j->asked);
        ask(j, id, &j->asked[j->n_asked++]);
    }
    const struct asked *a = &j->asked[at];
    if (!a->model)
        settings_error_allow(j->errors, meter_path(j, meter, "model", path), a->allowed, "%s", a->why);
    return a->model;
}

/* ---- a meter ---- */

static void check_quantities(const struct judge *j, size_t at, const struct meter_settings *m, bool named[QUANTITIES])
{
    char name[40], path[SETTINGS_PATH];

    for (size_t i = 0; i < m->n_quantities; i++) {
        int q = m->quantities[i] ? quantity_find(m->quantities[i]) : -1; /* -1: that was an error of its own */
        if (q < 0)
            continue;
        named[q] = true;
        snprintf(name, sizeof name, "quantities[%zu]", i);
        if (!meter_model_register(m->model, q))
            settings_error_add(j->errors, meter_path(j, at, name, path), "%s is nothing that %s has", m->quantities[i],
                               m->model_id);
    }
}

/* What is read, in the order of the registers. */
static void complete_quantities(const struct judge *j, size_t at, struct meter_settings *m)
{
    bool named[QUANTITIES] = {false};

    check_quantities(j, at, m, named);
    m->wanted = must(calloc(m->model->n_registers + 1, sizeof *m->wanted));
    if (!m->n_quantities)
        m->n_wanted = meter_model_defaults(m->model, m->wanted);
    for (size_t i = 0; m->n_quantities && i < m->model->n_registers; i++) {
        uint8_t q = m->model->registers[i].quantity;
        if (named[q])
            m->wanted[m->n_wanted++] = q;
        named[q] = false;
    }
}

static void judge_unit(struct judge *j, size_t at, const struct meter_settings *m)
{
    char path[SETTINGS_PATH];

    meter_path(j, at, "unit", path);
    if (m->unit == SETTING_UNSET)
        return;
    if (j->s->buses[j->bus].line == BUS_SERIAL && (m->unit < 1 || m->unit > UNIT_MAX_SERIAL)) {
        settings_error_allow(j->errors, path, "1 to 247", "%d is not in 1 to 247, the units of a serial line", m->unit);
        return;
    }
    if (j->unit[m->unit])
        settings_error_add(j->errors, path, "%d is the unit of buses[%zu].meters[%zu] too", m->unit, j->bus,
                           j->unit[m->unit] - 1);
    else
        j->unit[m->unit] = at + 1;
}

/* The key or the name of a meter that was there before, on any bus. */
static void judge_text(struct judge *j, size_t at, struct seen *seen, const char *what, const char *text)
{
    char path[SETTINGS_PATH];
    size_t other = text ? seen_add(seen, text, j->bus * SETTINGS_METERS + at) : SEEN_NONE;

    if (other != SEEN_NONE)
        settings_error_add(j->errors, meter_path(j, at, what, path), "%s is the %s of buses[%zu].meters[%zu] too", text,
                           what, other / SETTINGS_METERS, other % SETTINGS_METERS);
}

static void judge_meter(struct judge *j, size_t at, const cJSON *given)
{
    struct meter_settings *m = &j->s->buses[j->bus].meters[at];
    char path[SETTINGS_PATH];

    if (!cJSON_IsObject(given)) /* that was an error of its own */
        return;
    judge_text(j, at, &j->keys, "key", m->key);
    judge_text(j, at, &j->names, "name", m->name);
    judge_unit(j, at, m);
    if (m->enable && !layer_get(given, "name")) /* S2 */
        settings_error_add(j->errors, meter_path(j, at, "name", path), "is missing: an enabled meter has one");
    m->model = m->model_id ? model_of(j, m->model_id, at) : NULL;
    if (m->timeout_ms == SETTING_UNSET)
        m->timeout_ms = m->model && m->model->timeout_ms ? m->model->timeout_ms : MB_TIMEOUT_MS;
    if (m->pause_ms == SETTING_UNSET)
        m->pause_ms = m->model && m->model->pause_ms ? m->model->pause_ms : MB_PAUSE_MS;
    if (m->current == SETTING_UNSET)
        m->current = m->model && m->model->current_a ? m->model->current_a : CURRENT_A;
    if (m->model)
        complete_quantities(j, at, m);
}

static void judge_bus(struct judge *j)
{
    struct bus_settings *b = &j->s->buses[j->bus];
    const cJSON *meters = layer_get(j->given, "meters"), *v = cJSON_IsArray(meters) ? meters->child : NULL;
    size_t other = b->key ? seen_add(&j->buses, b->key, j->bus) : SEEN_NONE;

    if (other != SEEN_NONE)
        bus_error(j, "key", "%s is the key of buses[%zu] too", b->key, other);
    judge_line(j, b);
    judge_device(j, b);
    judge_proxy(j, b);
    memset(j->unit, 0, sizeof j->unit);
    for (size_t i = 0; i < b->n_meters; i++, v = v->next)
        judge_meter(j, i, v);
}

void rules_buses(struct settings *s, const cJSON *given, const struct meter_finder *finder,
                 struct settings_errors *errors)
{
    struct judge j = {.s = s, .finder = finder, .errors = errors, .given = cJSON_IsArray(given) ? given->child : NULL};

    for (; j.bus < s->n_buses; j.bus++, j.given = j.given->next)
        judge_bus(&j);
    for (size_t i = 0; i < j.n_asked; i++) {
        free(j.asked[i].why);
        free(j.asked[i].allowed);
    }
    free(j.asked);
    seen_free(&j.buses);
    seen_free(&j.devices);
    seen_free(&j.keys);
    seen_free(&j.names);
    seen_free(&j.models);
}
