/* The retained topics /device/<device>/config/sensor, flx and kube, in the form that clients take (mqtt.md). The latter
 * two are those of a v3 device: without an FLX board they are cleared. */
#include "app/app.h"
#include "app/heard.h"
#include "app/retained.h"
#include "core/config_body.h"
#include "core/jsonw.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/log.h"

#include <stdlib.h>

/* In the order in which clients want them: sensors are what they cannot do without. */
enum { TOPIC_SENSOR, TOPIC_FLX, TOPIC_KUBE };

struct config_topics {
    struct app *app;
    struct retained topics;
    struct heard heard;
    service_done done;
    void *done_ctx;
};

/* Enabled and yet not announced: people should know why a client does not show it. Of a meter's it is as it should be:
 * clients of old know no voltage of a meter. */
static void tell_unannounced(const struct settings *s, const struct ledger *ledger)
{
    size_t left_out = config_body_left_out(s, ledger);

    for (size_t i = 0; i < s->n_sensors; i++) {
        const struct sensor_settings *x = &s->sensors[i];

        if (x->enable && x->made != MADE_METER && x->made != MADE_LINE && !config_body_announced(x))
            log_info("sensor %d (%s): %s %s is not announced in config/sensor, known clients do not take it",
                     sensor_settings_number(x), x->name, sensor_class_name(x->class), sensor_type_name(x->type));
    }
    if (left_out)
        log_info("config/sensor: %zu sensors of meters and lines are not announced, it holds 128", left_out);
}

static void topics_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct config_topics *t = self;
    bool flx = next->board.protocol == BOARD_FLX;
    struct jsonw sensors, ports, kubes;

    heard_apply(&t->heard);
    jsonw_init(&sensors);
    jsonw_init(&ports);
    jsonw_init(&kubes);
    config_body_sensors(&sensors, next, &t->app->ledger);
    if (flx) {
        config_body_flx(&ports, next);
        config_body_kube(&kubes);
    }
    if (retained_set(&t->topics, TOPIC_SENSOR, "config/sensor", &sensors) && old != next)
        tell_unannounced(next, &t->app->ledger);
    retained_set(&t->topics, TOPIC_FLX, "config/flx", &ports);
    retained_set(&t->topics, TOPIC_KUBE, "config/kube", &kubes);
}

/* A line's meter told something for the first time; of what is not announced people know already. */
static void on_heard(void *ctx)
{
    struct config_topics *t = ctx;

    topics_apply(t, t->app->settings, t->app->settings);
}

static void *topics_new(struct app *app)
{
    struct config_topics *t = must(calloc(1, sizeof *t));

    t->app = app;
    retained_init(&t->topics, app);
    heard_init(&t->heard, app, on_heard, t);
    return t;
}

static void topics_stop(void *self)
{
    struct config_topics *t = self;

    heard_stop(&t->heard);
}

static void on_closed(void *ctx)
{
    struct config_topics *t = ctx;
    service_done done = t->done;
    void *done_ctx = t->done_ctx;

    free(t);
    done(done_ctx);
}

static void on_heard_closed(void *ctx)
{
    struct config_topics *t = ctx;

    retained_close(&t->topics, on_closed, t);
}

static void topics_close(void *self, service_done done, void *ctx)
{
    struct config_topics *t = self;

    t->done = done;
    t->done_ctx = ctx;
    heard_close(&t->heard, on_heard_closed, t);
}

const struct service service_config_topics = {
    .name = "config_topics",
    .new = topics_new,
    .apply = topics_apply,
    .stop = topics_stop,
    .close = topics_close,
};
