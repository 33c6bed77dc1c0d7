#include "core/line_body.h"

#include "core/jsonw.h"
#include "core/settings.h"

const char *line_state_name(enum line_state s)
{
    static const char *const names[LINE_STATES] = {"off", "down", "silent", "ok"};

    return names[s];
}

static void put_second(struct jsonw *w, const char *key, int64_t unix_s)
{
    if (unix_s)
        jsonw_int(w, key, unix_s);
    else
        jsonw_null(w, key);
}

/* Null where there is none. */
static void put_text(struct jsonw *w, const char *key, const char *text)
{
    jsonw_str(w, key, text[0] ? text : NULL);
}

static void put_way(struct jsonw *w, const struct line_settings *s)
{
    switch (s->way) {
    case LINE_BY_DEVICE:
        jsonw_str(w, "device", s->device);
        break;
    case LINE_BY_TCP:
        jsonw_open(w, "tcp", '{');
        jsonw_str(w, "host", s->tcp.host);
        jsonw_int(w, "port", s->tcp.port);
        jsonw_close(w, '}');
        break;
    case LINE_BY_BOARD:
        jsonw_bool(w, "board", true);
        break;
    }
}

static void put_members(struct jsonw *w, const struct line_view *v)
{
    jsonw_str(w, "key", v->settings->key);
    jsonw_str(w, "name", v->settings->name);
    jsonw_str(w, "protocol", line_protocol_name(v->settings->protocol));
    put_way(w, v->settings);
    jsonw_bool(w, "enable", v->settings->enable);
    jsonw_str(w, "state", line_state_name(v->state));
    jsonw_str(w, "reason", v->reason);
    put_second(w, "since_s", v->since_s);
    jsonw_int(w, "telegrams", (int64_t)v->telegrams);
    jsonw_open(w, "refused", '{');
    for (int i = 0; i < LINE_REFUSED_KINDS; i++)
        jsonw_int(w, line_refused_name((enum line_refused)i), (int64_t)v->refused[i]);
    jsonw_close(w, '}');
    jsonw_int(w, "errors_per_hour", v->errors_per_hour);
    put_second(w, "last_s", v->last_s);
    jsonw_str(w, "ident", v->ident);
}

void line_body_brief(struct jsonw *w, const struct line_view *v)
{
    jsonw_open(w, NULL, '{');
    put_members(w, v);
    jsonw_close(w, '}');
}

void line_body_open(struct jsonw *w, const struct line_view *v)
{
    jsonw_open(w, NULL, '{');
    put_members(w, v);
    put_text(w, "telegram", v->telegram);
    put_second(w, "telegram_s", v->last_s);
    jsonw_open(w, "values", '[');
}

void line_body_value(struct jsonw *w, const struct line_value_view *v)
{
    const struct line_code *code = &line_codes[v->value->code];

    jsonw_open(w, NULL, '{');
    jsonw_str(w, "code", code->code);
    jsonw_str(w, "kind", v->value->kind == READING_GAUGE ? "gauge" : "counter");
    jsonw_str(w, "name", v->name);
    jsonw_str(w, "id", v->id);
    jsonw_milli(w, "value", v->value->milli);
    jsonw_str(w, "unit", code->unit[v->value->kind]);
    put_second(w, "stamp_s", v->value->stamp_s);
    jsonw_str(w, "refused", v->why);
    jsonw_close(w, '}');
}

void line_body_close(struct jsonw *w, const struct line_view *v)
{
    jsonw_close(w, ']');
    put_text(w, "refused_telegram", v->refused_telegram);
    put_text(w, "refused_why", v->refused_why);
    put_second(w, "refused_s", v->refused_s);
    jsonw_open(w, "notes", '[');
    for (size_t i = 0; i < v->n_notes; i++) {
        jsonw_open(w, NULL, '{');
        put_second(w, "time_s", v->notes[i].unix_s);
        jsonw_str(w, "text", v->notes[i].text);
        jsonw_close(w, '}');
    }
    jsonw_close(w, ']');
    jsonw_close(w, '}');
}
