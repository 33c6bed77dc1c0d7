/* Which sensors the Flukso reporter reports, with their configuration as the server gets it. */
#include "app/flukso_impl.h"

#include "core/flukso_body.h"
#include "core/fold.h"

#include <stdlib.h>
#include <string.h>

static void sensor_free(struct flukso_sensor *s)
{
    flukso_batch_fini(&s->batch);
    jsonw_free(&s->config_body);
    free(s->name);
}

static void drop_sensors(struct flukso_sensor *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sensor_free(&v[i]);
    free(v);
}

/* What the meter of a line never told the server need not know of. */
static bool is_reported(const struct flukso *f, const struct sensor_settings *x)
{
    return x->enable && x->report && sensor_settings_reportable(x) &&
           (x->made != MADE_LINE || ledger_knows(&f->app->ledger, x->id));
}

/* What was known of the sensor, when its settings are what they were. */
static void inherit(struct flukso_sensor *s, const struct flukso_sensor *old, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(old[i].id, s->id) != 0)
            continue;
        s->sent_s = old[i].sent_s;
        s->sent_milli = old[i].sent_milli;
        if (old[i].config == FLUKSO_CONFIG_OK && old[i].config_body.len == s->config_body.len &&
            memcmp(old[i].config_body.buf, s->config_body.buf, s->config_body.len) == 0)
            s->config = FLUKSO_CONFIG_OK;
    }
}

void flukso_sensors_set(struct flukso *f, const struct settings *next)
{
    struct flukso_sensor *old = f->sensors;
    size_t n_old = f->n_sensors;
    char(*names)[FOLD_MAX + 1] = fold_sensors(next);

    f->sensors = must(calloc(next->n_sensors + 1, sizeof *f->sensors));
    f->n_sensors = 0;
    f->turn = f->config_turn = 0;
    store_want_none(f->app->store, STORE_FLUKSO);
    for (size_t i = 0; i < next->n_sensors; i++) {
        const struct sensor_settings *x = &next->sensors[i];
        if (!is_reported(f, x))
            continue;
        struct flukso_sensor *s = &f->sensors[f->n_sensors++];
        memcpy(s->id, x->id, SENSOR_ID_LEN);
        s->name = must(strdup(x->name));
        s->series = store_series(f->app->store, s->id, READING_COUNTER);
        store_want(f->app->store, STORE_FLUKSO, s->series);
        jsonw_init(&s->config_body);
        flukso_body_config(&s->config_body, x, names[i], next->phase);
        inherit(s, old, n_old);
    }
    drop_sensors(old, n_old);
    free(names);
}

bool flukso_sensors_same(const struct flukso *f, const struct settings *next)
{
    char(*names)[FOLD_MAX + 1] = fold_sensors(next);
    bool same = true;
    size_t n = 0;

    for (size_t i = 0; i < next->n_sensors; i++) {
        const struct sensor_settings *x = &next->sensors[i];
        if (!is_reported(f, x))
            continue;
        const struct flukso_sensor *s = n < f->n_sensors ? &f->sensors[n] : NULL;
        struct jsonw w;
        jsonw_init(&w);
        flukso_body_config(&w, x, names[i], next->phase);
        same = same && s && strcmp(s->id, x->id) == 0 && strcmp(s->name, x->name) == 0 && s->config_body.len == w.len &&
               memcmp(s->config_body.buf, w.buf, w.len) == 0;
        jsonw_free(&w);
        n++;
    }
    free(names);
    return same && n == f->n_sensors;
}

void flukso_sensors_free(struct flukso *f)
{
    drop_sensors(f->sensors, f->n_sensors);
}
