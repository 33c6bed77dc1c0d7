#include "core/sensor_body.h"

#include "core/jsonw.h"
#include "core/ledger_marks.h"
#include "core/settings.h"

#include <stdio.h>

/* "port 2", "meter boiler", "derive total"; nothing of a sensor that the settings give. */
static void put_made(struct jsonw *w, const struct settings *s, const struct sensor_settings *x)
{
    char made[64];

    if (x->made == MADE_PORT)
        snprintf(made, sizeof made, "port %d", x->ports[0]);
    else if (x->made == MADE_METER)
        snprintf(made, sizeof made, "meter %s", s->buses[x->made_of].meters[x->meter_at].key);
    else if (x->made == MADE_LINE)
        snprintf(made, sizeof made, "line %s", s->lines[x->made_of].key);
    else if (x->made == MADE_DERIVE)
        snprintf(made, sizeof made, "derive %s", s->derive[x->made_of].key);
    if (x->made != MADE_GIVEN)
        jsonw_str(w, "made", made);
}

static void put_settings(struct jsonw *w, const struct settings *s, const struct sensor_settings *x)
{
    const char *unit[READING_KINDS];

    jsonw_str(w, "id", x->id);
    jsonw_int(w, "number", sensor_settings_number(x));
    jsonw_str(w, "name", x->name);
    jsonw_str(w, "class", sensor_class_name(x->class));
    jsonw_str(w, "type", sensor_type_name(x->type));
    if (x->subtype != SUBTYPE_NONE)
        jsonw_str(w, "subtype", sensor_subtype_name(x->subtype));
    put_made(w, s, x);
    jsonw_open(w, "ports", '[');
    for (size_t i = 0; i < x->n_ports; i++)
        jsonw_int(w, NULL, x->ports[i]);
    jsonw_close(w, ']');
    jsonw_bool(w, "enable", x->enable);
    jsonw_bool(w, "report", x->report);
    jsonw_int(w, "rid", x->rid);
    sensor_settings_units(x, unit);
    jsonw_open(w, "unit", '{');
    for (int kind = 0; kind < READING_KINDS; kind++)
        jsonw_str(w, reading_kind_name((enum reading_kind)kind), unit[kind]);
    jsonw_close(w, '}');
}

static void put_value(struct jsonw *w, enum reading_kind kind, int64_t milli, int64_t unix_s)
{
    jsonw_open(w, reading_kind_name(kind), '{');
    jsonw_milli(w, "value", milli);
    if (unix_s)
        jsonw_int(w, "time_s", unix_s);
    else
        jsonw_null(w, "time_s");
    jsonw_close(w, '}');
}

/* sum: NULL for a sensor that is switched off. */
static void put_sum(struct jsonw *w, enum marks_kind kind, const struct marks_sum *sum, const char *unit)
{
    static const char *const names[MARKS_KINDS] = {"today", "month"};
    char key[16];

    if (sum && sum->why == MARKS_KNOWN) {
        jsonw_open(w, names[kind], '{');
        jsonw_milli(w, "value", sum->milli);
        jsonw_str(w, "unit", unit);
        jsonw_int(w, "since_s", sum->since_s);
        jsonw_close(w, '}');
        return;
    }
    jsonw_null(w, names[kind]);
    snprintf(key, sizeof key, "%s_reason", names[kind]);
    jsonw_str(w, key, sum ? marks_reason(kind, sum->why) : "the sensor is switched off");
}

static void put_values(struct jsonw *w, const struct sensor_body_view *v, const struct sensor *s)
{
    const struct ledger_entry *e = s->unit[READING_COUNTER] ? ledger_find(v->ledger, s->id) : NULL;
    const struct sensor_latest *gauge = &s->latest[READING_GAUGE], *counter = &s->latest[READING_COUNTER];
    int64_t published = counter->milli;

    if (sensor_latest_known(gauge))
        put_value(w, READING_GAUGE, gauge->milli, gauge->unix_s);
    else
        jsonw_null(w, reading_kind_name(READING_GAUGE));
    if (ledger_published(e, &published) || sensor_latest_known(counter))
        put_value(w, READING_COUNTER, published, counter->unix_s);
    else
        jsonw_null(w, reading_kind_name(READING_COUNTER));
    for (int kind = 0; kind < MARKS_KINDS; kind++) {
        struct marks_sum sum = ledger_marks_sum(v->ledger, e, (enum marks_kind)kind);
        put_sum(w, (enum marks_kind)kind, &sum, s->unit[READING_COUNTER]);
    }
}

void sensor_body_one(struct jsonw *w, const struct sensor_body_view *v, const struct sensor_settings *x)
{
    const struct sensor *s = x->enable ? sensors_find(v->sensors, x->id) : NULL;

    jsonw_open(w, NULL, '{');
    put_settings(w, v->settings, x);
    if (s) {
        put_values(w, v, s);
    } else {
        for (int kind = 0; kind < READING_KINDS; kind++)
            jsonw_null(w, reading_kind_name((enum reading_kind)kind));
        for (int kind = 0; kind < MARKS_KINDS; kind++)
            put_sum(w, (enum marks_kind)kind, NULL, NULL);
    }
    jsonw_close(w, '}');
}

bool sensor_body_heard(const struct sensor_body_view *v, const struct sensor_settings *x)
{
    if (x->made != MADE_LINE || ledger_knows(v->ledger, x->id))
        return true;
    const struct sensor *s = sensors_find(v->sensors, x->id);
    return s && (sensor_latest_known(&s->latest[READING_GAUGE]) || sensor_latest_known(&s->latest[READING_COUNTER]));
}

static void put_next(struct sensor_body *b, const struct sensor_body_view *v, struct jsonw *w)
{
    const struct sensor_settings *x = &v->settings->sensors[b->next++];
    bool heard = sensor_body_heard(v, x);

    b->unheard += !heard;
    if (heard || b->all)
        sensor_body_one(w, v, x);
}

bool sensor_body_more(struct sensor_body *b, const struct sensor_body_view *v, struct jsonw *w)
{
    if (b->stage == SENSOR_BODY_END)
        return false;
    if (b->stage == SENSOR_BODY_HEAD) {
        jsonw_open(w, NULL, '{');
        jsonw_open(w, "sensors", '[');
        b->stage = SENSOR_BODY_SENSORS;
    }
    size_t before = w->len;
    for (int i = 0; i < SENSOR_BODY_PIECE && b->next < v->settings->n_sensors; i++)
        put_next(b, v, w);
    if (b->next >= v->settings->n_sensors) {
        jsonw_close(w, ']');
        jsonw_int(w, "unheard", (int64_t)b->unheard);
        jsonw_close(w, '}');
        jsonw_raw(w, "\n", 1);
        b->stage = SENSOR_BODY_END;
    }
    if (w->len == before) /* all of them unheard: a piece that is empty would be the last */
        jsonw_raw(w, "\n", 1);
    return true;
}
