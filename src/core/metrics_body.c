#include "core/metrics_body.h"

#include "core/facts.h"
#include "core/jsonw.h"
#include "core/num.h"
#include "core/sensors.h"
#include "core/stats.h"
#include "core/status_view.h"
#include "core/util.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "fluksod_"

static void text(struct jsonw *w, const char *s)
{
    jsonw_raw(w, s, strlen(s));
}

/* name is written as it is, with its bracket or comma; the value is escaped as the format wants it. */
static void put_label(struct jsonw *w, const char *name, const char *value)
{
    text(w, name);
    text(w, "=\"");
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            text(w, "\\");
        if (*value == '\n')
            text(w, "\\n");
        else
            jsonw_raw(w, value, 1);
    }
    text(w, "\"");
}

static void put_family(struct jsonw *w, const char *name, enum stat_type type, const char *help)
{
    text(w, "# HELP " PREFIX);
    text(w, name);
    text(w, " ");
    text(w, help);
    text(w, "\n# TYPE " PREFIX);
    text(w, name);
    text(w, type == STAT_COUNTER ? " counter\n" : " gauge\n");
}

struct number_walk {
    struct jsonw *w;
    char *last; /* family of the number before */
};

static void put_number(void *ctx, const struct stat_value *s)
{
    struct number_walk *walk = ctx;
    char value[NUM_MAX];

    if (strcmp(walk->last, s->name) != 0) {
        put_family(walk->w, s->name, s->type, s->help);
        snprintf(walk->last, METRICS_NAME, "%s", s->name);
    }
    text(walk->w, PREFIX);
    text(walk->w, s->name);
    if (s->labels) {
        text(walk->w, "{");
        text(walk->w, s->labels);
        text(walk->w, "}");
    }
    text(walk->w, " ");
    jsonw_raw(walk->w, value, (size_t)(num_put_int(value, s->value) - value));
    text(walk->w, "\n");
}

static void put_head(struct metrics_body *b, struct jsonw *w, const struct status_view *v)
{
    struct number_walk walk = {w, b->last};
    char labels[64];

    snprintf(labels, sizeof labels, "version=\"%s\"", v->version);
    put_number(&walk, &(struct stat_value){"build_info", labels, STAT_GAUGE, 1, "The program's version."});
    put_number(&walk, &(struct stat_value){"uptime_seconds", NULL, STAT_GAUGE, (v->mono_ms - v->started_ms) / 1000,
                                           "Time since the start of the program."});
    for (int i = 0; i < FACT_COUNT; i++) {
        snprintf(labels, sizeof labels, "fact=\"%s\"", fact_name((enum fact)i));
        put_number(&walk, &(struct stat_value){"fact", labels, STAT_GAUGE, v->facts->v[i].on,
                                               "1 while the fact holds; the status says why not."});
    }
    stats_walk(v->stats, put_number, &walk);
}

/* False when there are no more: the stage is over then, and nothing was written. */
static bool put_many(struct metrics_body *b, struct jsonw *w, const struct status_view *v)
{
    struct number_walk walk = {w, b->last};

    if (v->stats->more && v->stats->more(v->stats->more_module, &b->cursor, put_number, &walk))
        return true;
    b->stage++;
    b->cursor = 0;
    return false;
}

static void put_sample(struct jsonw *w, const char *name, const struct sensor *s, int kind, bool with_unit,
                       int64_t milli)
{
    char value[NUM_MAX];

    text(w, name);
    put_label(w, "{sensor", s->id);
    put_label(w, ",name", s->name);
    put_label(w, ",kind", reading_kind_name(kind));
    if (with_unit)
        put_label(w, ",unit", s->unit[kind]);
    text(w, "} ");
    jsonw_raw(w, value, (size_t)(num_put_milli(value, milli) - value));
    text(w, "\n");
}

static void put_sensor(struct jsonw *w, const struct sensor *s, const struct status_view *v, bool age)
{
    for (int kind = 0; kind < READING_KINDS; kind++) {
        const struct sensor_latest *l = &s->latest[kind];
        if (!s->unit[kind] || !sensor_latest_known(l))
            continue;
        if (age)
            put_sample(w, PREFIX "sensor_age_seconds", s, kind, false, v->mono_ms - l->mono_ms);
        else
            put_sample(w, PREFIX "sensor_value", s, kind, true, l->milli);
    }
}

/* False when the walk is at its end. */
static bool put_sensors(struct jsonw *w, const struct status_view *v, size_t *cursor, bool age)
{
    if (*cursor == 0)
        put_family(w, age ? "sensor_age_seconds" : "sensor_value", STAT_GAUGE,
                   age ? "Time since the sensor's newest reading." : "The sensor's newest reading.");
    for (int i = 0; i < STATUS_PIECE_SENSORS; i++) {
        const struct sensor *s = sensors_next(v->sensors, cursor);
        if (!s)
            return false;
        put_sensor(w, s, v, age);
    }
    return true;
}

bool metrics_body_more(struct metrics_body *b, const struct status_view *v, struct jsonw *w)
{
    size_t before = w->len;
    bool walking = false;

    if (b->stage == METRICS_END)
        return false;
    if (b->stage == METRICS_HEAD)
        put_head(b, w, v);
    else if (b->stage == METRICS_MANY && put_many(b, w, v))
        walking = true;
    else
        walking = put_sensors(w, v, &b->cursor, b->stage == METRICS_AGES);
    if (!walking) {
        b->stage++;
        b->cursor = 0;
    }
    if (w->len == before) /* sensors without a reading: a piece is never empty, and an empty line is allowed */
        text(w, "\n");
    return true;
}
