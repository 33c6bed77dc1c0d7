#include "core/status_body.h"

#include "core/clock.h"
#include "core/facts.h"
#include "core/jsonw.h"
#include "core/ledger.h"
#include "core/sensors.h"
#include "core/settings.h"
#include "core/stats.h"
#include "core/status_view.h"

#include <stdio.h>

static void put_programs(struct jsonw *w, const struct status_view *v)
{
    jsonw_str(w, "version", v->version);
    jsonw_open(w, "libraries", '{');
    for (size_t i = 0; i < v->n_libraries; i++)
        jsonw_str(w, v->libraries[i].name, v->libraries[i].version);
    jsonw_close(w, '}');
    jsonw_milli(w, "uptime_s", v->mono_ms - v->started_ms);
}

static void put_unix(struct jsonw *w, const char *key, int64_t unix_s)
{
    if (unix_s)
        jsonw_int(w, key, unix_s);
    else
        jsonw_null(w, key);
}

static void put_clock(struct jsonw *w, const struct status_view *v)
{
    jsonw_open(w, "clock", '{');
    jsonw_str(w, "state", clock_state_name(v->clock->state));
    put_unix(w, "unix_s", v->unix_s);
    jsonw_int(w, "steps", (int64_t)v->clock->steps);
    jsonw_milli(w, "last_step_s", v->clock->step_ms);
    jsonw_bool(w, "kernel_synced", v->clock->kernel);
    if (v->clock->server_known)
        jsonw_int(w, "ahead_of_server_s", v->clock->ahead_s);
    else
        jsonw_null(w, "ahead_of_server_s");
    jsonw_close(w, '}');
}

static void put_settings(struct jsonw *w, const struct settings *s)
{
    jsonw_open(w, "device", '{');
    jsonw_str(w, "id", s->device.id);
    jsonw_str(w, "name", s->device.name);
    jsonw_str(w, "serial", s->device.serial);
    jsonw_close(w, '}');
    jsonw_int(w, "settings_generation", s->generation);
    jsonw_open(w, "board", '{');
    jsonw_str(w, "protocol", board_protocol_name(s->board.protocol));
    jsonw_str(w, "device", s->board.device);
    jsonw_int(w, "baud", s->board.baud);
    jsonw_str(w, "phase", phase_name(s->phase));
    jsonw_close(w, '}');
    jsonw_open(w, "broker", '{');
    jsonw_str(w, "host", s->mqtt.host);
    jsonw_int(w, "port", s->mqtt.port);
    jsonw_bool(w, "tls", s->mqtt.tls.ca_file != NULL);
    jsonw_close(w, '}');
}

static void put_facts(struct jsonw *w, const struct status_view *v)
{
    jsonw_open(w, "facts", '{');
    for (int i = 0; i < FACT_COUNT; i++) {
        const struct fact_value *f = &v->facts->v[i];
        int64_t for_ms = v->mono_ms - f->since_ms;
        jsonw_open(w, fact_name((enum fact)i), '{');
        jsonw_bool(w, "on", f->on);
        put_unix(w, "since", v->unix_s ? v->unix_s - for_ms / 1000 : 0);
        jsonw_milli(w, "for_s", for_ms);
        jsonw_int(w, "pulses", (int64_t)f->pulses);
        jsonw_str(w, "reason", f->reason);
        jsonw_close(w, '}');
    }
    jsonw_close(w, '}');
}

static void put_number(void *ctx, const struct stat_value *s)
{
    char key[256];

    snprintf(key, sizeof key, s->labels ? "%s{%s}" : "%s", s->name, s->labels);
    jsonw_int(ctx, key, s->value);
}

static void put_sections(struct jsonw *w, const struct status_view *v, const struct sensor *s)
{
    for (size_t i = 0; v->sections && i < v->sections->n; i++) {
        const struct status_section *x = &v->sections->v[i];
        if (s ? !x->sensor : !x->top)
            continue;
        jsonw_open(w, x->name, '{');
        if (s)
            x->sensor(x->self, s, w);
        else
            x->top(x->self, w);
        jsonw_close(w, '}');
    }
}

static void put_head(struct jsonw *w, const struct status_view *v)
{
    jsonw_open(w, NULL, '{');
    put_programs(w, v);
    put_clock(w, v);
    put_settings(w, v->settings);
    put_facts(w, v);
    put_sections(w, v, NULL);
    jsonw_open(w, "numbers", '{');
    stats_walk(v->stats, put_number, w);
    jsonw_close(w, '}');
    jsonw_open(w, "sensors", '[');
}

static void put_sensor(struct jsonw *w, const struct sensor *s, const struct status_view *v)
{
    jsonw_open(w, NULL, '{');
    jsonw_str(w, "id", s->id);
    jsonw_str(w, "name", s->name);
    jsonw_int(w, "number", s->number);
    jsonw_str(w, "class", sensor_class_name(s->class));
    jsonw_str(w, "type", sensor_type_name(s->type));
    for (int kind = 0; kind < READING_KINDS; kind++) {
        const struct sensor_latest *l = &s->latest[kind];
        if (!s->unit[kind])
            continue;
        if (!sensor_latest_known(l)) {
            jsonw_null(w, reading_kind_name(kind));
            continue;
        }
        jsonw_open(w, reading_kind_name(kind), '{');
        jsonw_milli(w, "value", l->milli);
        jsonw_str(w, "unit", s->unit[kind]);
        put_unix(w, "unix_s", l->unix_s);
        jsonw_milli(w, "age_s", v->mono_ms - l->mono_ms);
        jsonw_close(w, '}');
    }
    put_sections(w, v, s);
    jsonw_close(w, '}');
}

/* Of a line only what its meter ever told, in this run or an earlier one. */
static bool is_shown(const struct status_view *v, const struct sensor *s)
{
    return s->class != SENSOR_LINE || sensor_latest_known(&s->latest[READING_GAUGE]) ||
           sensor_latest_known(&s->latest[READING_COUNTER]) || ledger_knows(v->ledger, s->id);
}

/* False when the walk is at its end. */
static bool put_sensors(struct jsonw *w, const struct status_view *v, size_t *cursor)
{
    size_t before = w->len;

    for (int i = 0; i < STATUS_PIECE_SENSORS; i++) {
        const struct sensor *s = sensors_next(v->sensors, cursor);
        if (!s)
            return false;
        if (is_shown(v, s))
            put_sensor(w, s, v);
    }
    if (w->len == before) /* a piece that is empty would be the last */
        jsonw_raw(w, "\n", 1);
    return true;
}

bool status_body_more(struct status_body *b, const struct status_view *v, struct jsonw *w)
{
    switch (b->stage) {
    case STATUS_HEAD:
        put_head(w, v);
        b->stage = STATUS_SENSORS;
        return true;
    case STATUS_SENSORS:
        if (put_sensors(w, v, &b->cursor))
            return true;
        jsonw_close(w, ']');
        jsonw_close(w, '}');
        jsonw_raw(w, "\n", 1);
        b->stage = STATUS_END;
        return true;
    case STATUS_END:
        break;
    }
    return false;
}
