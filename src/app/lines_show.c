/* The lines as others see them: views of one (app/lines.h), a part of the status, metrics. */
#include "app/lines_impl.h"

#include "core/jsonw.h"
#include "core/util.h"

#include <stdio.h>
#include <string.h>

#define LABELS 96

/* The Unix second of a monotonic moment; 0: not known. */
static int64_t second_of(struct app *app, int64_t mono_ms)
{
    int64_t unix_s = app_unix_s(app);

    return unix_s && mono_ms ? unix_s - (app_mono_ms(app) - mono_ms) / 1000 : 0;
}

bool lines_view(const struct lines *l, const char *key, struct line_view *out)
{
    const struct line *x = line_find(l, key);

    if (!x)
        return false;
    *out = (struct line_view){
        .settings = line_settings_of(x),
        .state = x->state,
        .reason = x->reason,
        .since_s = second_of(l->app, x->since_ms),
        .telegrams = x->telegrams,
        .errors_per_hour = line_errors_per_hour(x, app_mono_ms(l->app)),
        .last_s = second_of(l->app, x->good_ms),
        .ident = x->ident,
        .telegram = x->text,
        .refused_telegram = x->refused_text,
        .refused_why = x->refused_why,
        .refused_s = second_of(l->app, x->refused_ms),
        .n_values = x->values.n,
        .notes = x->notes,
        .n_notes = x->n_notes,
    };
    memcpy(out->refused, x->refused, sizeof out->refused);
    return true;
}

bool lines_value(const struct lines *l, const char *key, size_t nth, struct line_value_view *out)
{
    const struct line *x = line_find(l, key);

    if (!x || nth >= x->values.n)
        return false;
    const struct line_value *v = &x->values.v[nth];
    int at = x->measured ? x->measured->at[v->code][v->kind] : -1;
    const struct sensor *sensor = at >= 0 ? sensors_get(&l->app->sensors, x->measured->channels[at].sensor) : NULL;
    enum line_refused why = (enum line_refused)x->value_why[nth];

    *out = (struct line_value_view){.value = v,
                                    .name = sensor ? sensor->name : NULL,
                                    .id = sensor ? sensor->id : NULL,
                                    .why = why == LINE_REFUSED_KINDS ? NULL : line_refused_name(why)};
    return true;
}

static void status_top(void *self, struct jsonw *w)
{
    const struct lines *l = self;
    int64_t states[LINE_STATES] = {0};

    for (size_t i = 0; i < l->n; i++)
        states[l->v[i]->state]++;
    for (int i = 0; i < LINE_STATES; i++)
        jsonw_int(w, line_state_name((enum line_state)i), states[i]);
}

struct emitting {
    stat_emit emit;
    void *ctx;
};

static void say(const struct emitting *e, const struct line *x, const char *name, enum stat_type type, int64_t value,
                const char *help)
{
    char labels[LABELS];

    snprintf(labels, sizeof labels, "line=\"%s\"", x->key);
    e->emit(e->ctx, &(struct stat_value){name, labels, type, value, help});
}

static void say_refused(const struct emitting *e, const struct line *x)
{
    char labels[LABELS];

    for (int i = 0; i < LINE_REFUSED_KINDS; i++) {
        snprintf(labels, sizeof labels, "line=\"%s\",reason=\"%s\"", x->key, line_refused_name((enum line_refused)i));
        e->emit(e->ctx, &(struct stat_value){"line_refused_total", labels, STAT_COUNTER, (int64_t)x->refused[i],
                                             "Telegrams and values of the line that were not taken."});
    }
}

/* Those of one name in a row, as Prometheus wants them. */
static void lines_stats(void *self, stat_emit emit, void *ctx)
{
    const struct lines *l = self;
    const struct emitting e = {emit, ctx};

    for (size_t i = 0; i < l->n; i++)
        if (l->v[i]->state != LINE_OFF)
            say(&e, l->v[i], "line_up", STAT_GAUGE, l->v[i]->state == LINE_OK, "1 while good telegrams come.");
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i]->state != LINE_OFF)
            say(&e, l->v[i], "line_telegrams_total", STAT_COUNTER, (int64_t)l->v[i]->telegrams, "Good telegrams.");
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i]->state != LINE_OFF)
            say(&e, l->v[i], "line_bytes_total", STAT_COUNTER, (int64_t)l->v[i]->bytes, "Bytes that came by the line.");
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i]->state != LINE_OFF)
            say_refused(&e, l->v[i]);
}

void lines_show_new(struct lines *l)
{
    app_section(l->app, &(struct status_section){"lines", status_top, NULL, l});
    stats_add(&l->app->stats, lines_stats, l);
}

void lines_show_stop(struct lines *l)
{
    app_section_end(l->app, l);
    stats_remove(&l->app->stats, lines_stats, l);
}
