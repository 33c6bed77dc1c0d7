#include "core/bus_body.h"

#include "core/jsonw.h"
#include "core/mb_measure.h"

static void put_second(struct jsonw *w, const char *key, int64_t unix_s)
{
    if (unix_s)
        jsonw_int(w, key, unix_s);
    else
        jsonw_null(w, key);
}

static void put_line(struct jsonw *w, const struct bus_view *v)
{
    if (v->device) {
        jsonw_str(w, "device", v->device);
        return;
    }
    jsonw_open(w, "tcp", '{');
    jsonw_str(w, "host", v->host);
    jsonw_int(w, "port", v->port);
    jsonw_str(w, "framing", v->rtu ? "rtu" : "mbap");
    jsonw_close(w, '}');
}

void bus_body_open(struct jsonw *w, const struct bus_view *v)
{
    jsonw_open(w, NULL, '{');
    jsonw_str(w, "key", v->key);
    put_line(w, v);
    jsonw_bool(w, "enable", v->enable);
    jsonw_str(w, "state", v->state);
    jsonw_str(w, "reason", v->reason);
    put_second(w, "since_s", v->since_s);
    jsonw_milli(w, "polls_per_s", v->polls_per_s);
    jsonw_open(w, "meters", '[');
}

void bus_body_close(struct jsonw *w)
{
    jsonw_close(w, ']');
    jsonw_close(w, '}');
}

/* Milliseconds; there is none before the first answer. */
static void put_ms(struct jsonw *w, const char *key, const struct mb_stats *s, int part)
{
    int64_t us = mb_stats_quantile_us(s, part);

    if (us)
        jsonw_milli(w, key, us);
    else
        jsonw_null(w, key);
}

static void put_stats(struct jsonw *w, const struct mb_stats *s, int64_t mono_ms)
{
    jsonw_int(w, "ok", (int64_t)s->n[MB_OK]);
    jsonw_int(w, "timeouts", (int64_t)s->n[MB_TIMEOUT]);
    jsonw_int(w, "crc", (int64_t)s->n[MB_CRC]);
    jsonw_int(w, "exceptions", (int64_t)s->n[MB_EXCEPTION]);
    jsonw_int(w, "bad", (int64_t)s->n[MB_BAD]);
    jsonw_int(w, "retries", (int64_t)s->retries);
    put_ms(w, "ms_p50", s, 500);
    put_ms(w, "ms_p99", s, 990);
    jsonw_int(w, "errors_per_minute", mb_stats_errors_per_minute(s, mono_ms));
}

void bus_body_meter(struct jsonw *w, const struct bus_meter_view *v)
{
    static const struct mb_stats none;

    jsonw_open(w, NULL, '{');
    jsonw_str(w, "key", v->key);
    jsonw_str(w, "name", v->name);
    jsonw_int(w, "unit", v->unit);
    jsonw_str(w, "model", v->model);
    jsonw_str(w, "state", v->state);
    put_second(w, "since_s", v->since_s);
    jsonw_str(w, "reason", v->reason);
    jsonw_milli(w, "interval", v->interval_ms);
    jsonw_int(w, "missed", (int64_t)v->missed);
    put_stats(w, v->stats ? v->stats : &none, v->mono_ms);
    jsonw_int(w, "reads", (int64_t)v->reads);
    put_second(w, "last_s", v->last_s);
    jsonw_open(w, "refused", '{');
    for (int i = 0; i < MB_REFUSED_KINDS; i++)
        jsonw_int(w, mb_refused_name((enum mb_refused)i), v->refused ? (int64_t)v->refused[i] : 0);
    jsonw_close(w, '}');
    jsonw_close(w, '}');
}
