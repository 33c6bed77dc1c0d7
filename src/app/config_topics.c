/* The retained topic /device/<device>/config/sensor, in the form that clients take (mqtt.md).
 * It never publishes the same body twice on one connection: a second within 2 s upsets a client (mqtt.md,
 * rule 4). */
#include "app/app.h"
#include "core/config_body.h"
#include "core/jsonw.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/log.h"
#include "io/mqtt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct config_topics {
    struct app *app;
    char topic[80];
    struct jsonw body;
    bool due; /* not yet published on this connection */
};

static void publish(void *self)
{
    struct config_topics *t = self;

    if (t->due)
        t->due = mqtt_publish(t->app->mqtt, t->topic, t->body.buf, t->body.len, true) < 0;
}

static void on_up(void *self)
{
    struct config_topics *t = self;

    t->due = t->body.len > 0;
    publish(t);
}

static void on_down(void *self, const char *reason)
{
    (void)self, (void)reason;
}

static void *topics_new(struct app *app)
{
    struct config_topics *t = must(calloc(1, sizeof *t));

    t->app = app;
    mqtt_listen(app->mqtt, &(struct mqtt_listener){t, on_up, on_down, publish});
    return t;
}

/* Enabled and yet not announced: people should know why a client does not show it. */
static void tell_unannounced(const struct settings *s)
{
    for (size_t i = 0; i < s->n_sensors; i++) {
        const struct sensor_settings *x = &s->sensors[i];

        if (x->enable && !config_body_announced(x))
            log_info("sensor %d (%s): %s %s is not announced in config/sensor, known clients do not take it",
                     sensor_settings_number(x), x->name, sensor_class_name(x->class), sensor_type_name(x->type));
    }
}

static void topics_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct config_topics *t = self;
    struct jsonw body;

    (void)old;
    snprintf(t->topic, sizeof t->topic, "/device/%s/config/sensor", next->device.id);
    jsonw_init(&body);
    config_body_sensors(&body, next);
    if (body.len == t->body.len && memcmp(body.buf, t->body.buf, body.len) == 0) {
        jsonw_free(&body);
        return;
    }
    jsonw_free(&t->body);
    t->body = body;
    t->due = true;
    tell_unannounced(next);
    publish(t);
}

static void topics_stop(void *self)
{
    (void)self;
}

static void topics_close(void *self, service_done done, void *ctx)
{
    struct config_topics *t = self;

    if (t->app->mqtt)
        mqtt_unlisten(t->app->mqtt, t);
    jsonw_free(&t->body);
    free(t);
    done(ctx);
}

const struct service service_config_topics = {
    .name = "config_topics",
    .new = topics_new,
    .apply = topics_apply,
    .stop = topics_stop,
    .close = topics_close,
};
