#include "app/retained.h"

#include "core/jsonw.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/mqtt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same(const struct retained_body *a, const struct retained_body *b)
{
    return a->len == b->len && (!a->len || memcmp(a->text, b->text, a->len) == 0);
}

static bool is_due(const struct retained_topic *t)
{
    if (!t->name[0])
        return false;
    return t->want.len ? !t->known || !same(&t->want, &t->has) : !t->cleared;
}

/* The broker's from now on is what is wanted. */
static void note(struct retained_topic *t, int64_t now_ms)
{
    if (t->has.text != t->want.text)
        free(t->has.text);
    t->has = t->want;
    t->known = true;
    t->cleared = !t->want.len;
    t->not_before_ms = now_ms + RETAINED_GAP;
}

static void on_gap(uv_timer_t *gap);

static void publish(void *self)
{
    struct retained *r = self;
    int64_t now_ms = app_mono_ms(r->app), next_ms = INT64_MAX;

    for (size_t i = 0; i < RETAINED_MAX; i++) {
        struct retained_topic *t = &r->v[i];

        if (!is_due(t))
            continue;
        if (now_ms >= t->not_before_ms) {
            if (mqtt_publish(r->app->mqtt, t->name, t->want.len ? t->want.text : "", t->want.len, true) < 0)
                return; /* on when there is room, or a connection */
            note(t, now_ms);
        } else if (t->not_before_ms < next_ms) {
            next_ms = t->not_before_ms;
        }
    }
    if (next_ms != INT64_MAX)
        uv_timer_start(&r->gap, on_gap, (uint64_t)(next_ms - now_ms), 0);
}

static void on_gap(uv_timer_t *gap)
{
    publish(gap->data);
}

static void on_up(void *self)
{
    struct retained *r = self;

    for (size_t i = 0; i < RETAINED_MAX; i++) {
        r->v[i].known = false;
        r->v[i].not_before_ms = 0;
    }
    publish(r);
}

static void on_down(void *self, const char *reason)
{
    struct retained *r = self;

    (void)reason;
    uv_timer_stop(&r->gap);
}

void retained_init(struct retained *r, struct app *app)
{
    r->app = app;
    uv_timer_init(app->loop, &r->gap);
    r->gap.data = r;
    mqtt_listen(app->mqtt, &(struct mqtt_listener){r, on_up, on_down, publish});
}

static void rename_to(struct retained_topic *t, const char *device, const char *below)
{
    char name[RETAINED_TOPIC];

    snprintf(name, sizeof name, "/device/%s/%s", device, below);
    if (strcmp(name, t->name) == 0)
        return;
    memcpy(t->name, name, sizeof name);
    t->known = t->cleared = false;
}

bool retained_set(struct retained *r, size_t n, const char *below, struct jsonw *body)
{
    struct retained_topic *t = &r->v[n];
    struct retained_body next = {body->buf, body->len};
    bool other = !same(&next, &t->want);

    rename_to(t, r->app->settings->device.id, below);
    if (other) {
        if (t->want.text != t->has.text)
            free(t->want.text);
        t->want = next;
    } else {
        free(next.text);
    }
    jsonw_init(body);
    publish(r);
    return other;
}

static void on_closed(uv_handle_t *h)
{
    struct retained *r = h->data;

    for (size_t i = 0; i < RETAINED_MAX; i++) {
        if (r->v[i].has.text != r->v[i].want.text)
            free(r->v[i].has.text);
        free(r->v[i].want.text);
    }
    r->closed(r->ctx);
}

void retained_close(struct retained *r, void (*closed)(void *ctx), void *ctx)
{
    if (r->app->mqtt)
        mqtt_unlisten(r->app->mqtt, r);
    r->closed = closed;
    r->ctx = ctx;
    uv_close((uv_handle_t *)&r->gap, on_closed);
}
