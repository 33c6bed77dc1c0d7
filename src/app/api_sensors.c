/* /api/v1/sensors: sensors with their newest values, their settings, and their counters to be set after a swap of the
 * meter. It never saves itself: the desk saves settings, the store counters. */
#include "app/app.h"

#include "app/desk.h"
#include "app/desk_reply.h"
#include "app/pieces.h"
#include "core/counter_order.h"
#include "core/jsonw.h"
#include "core/ledger_marks.h"
#include "core/num.h"
#include "core/query.h"
#include "core/sensor_body.h"
#include "core/sensor_patch.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/httpd.h"
#include "io/log.h"
#include "io/store.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDER_MAX 1024
#define PATCH_MAX 16384

struct api_sensors {
    struct app *app;
    struct pieces pieces;
};

static struct sensor_body_view view_of(struct app *app)
{
    int64_t unix_s = app_unix_s(app);

    ledger_clock(&app->ledger, unix_s, app_mono_ms(app), app->clock.state == CLOCK_SYNCED);
    return (struct sensor_body_view){.settings = app->settings, .sensors = &app->sensors, .ledger = &app->ledger};
}

/* ---- all ---- */

static bool write_all(struct app *app, void *state, struct jsonw *w)
{
    const struct sensor_body_view v = view_of(app);

    return sensor_body_more(state, &v, w);
}

/* With those of lines that no reading ever came of. */
static bool write_every(struct app *app, void *state, struct jsonw *w)
{
    ((struct sensor_body *)state)->all = true;
    return write_all(app, state, w);
}

static void answer_all(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct api_sensors *s = ctx;
    char all[8];
    int len = query_get(q->query, "all", all, sizeof all);

    if (len != QUERY_ABSENT && (len < 0 || strcmp(all, "true") != 0)) {
        http_error(r, 400, "all can only be true");
        return;
    }
    if (!pieces_answer(&s->pieces, r, "application/json", len < 0 ? write_all : write_every, sizeof(struct sensor_body),
                       s->app->settings->n_sensors, SENSOR_BODY_PIECE))
        http_error(r, 503, pieces_busy);
}

/* ---- one ---- */

/* By its id; NULL: answered 404. */
static const struct sensor_settings *find(const struct api_sensors *s, const char *id, struct http_reply *r)
{
    for (size_t i = 0; i < s->app->settings->n_sensors; i++)
        if (strcmp(s->app->settings->sensors[i].id, id) == 0)
            return &s->app->settings->sensors[i];
    http_error(r, 404, "no sensor has this id");
    return NULL;
}

static void put_one(struct app *app, const struct sensor_settings *x, struct http_reply *r)
{
    const struct sensor_body_view v = view_of(app);
    struct jsonw w;

    jsonw_init(&w);
    sensor_body_one(&w, &v, x);
    jsonw_raw(&w, "\n", 1);
    http_json(r, 200, w.buf, w.len);
}

static void answer_one(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct api_sensors *s = ctx;
    const struct sensor_settings *x = find(s, q->rest, r);

    if (x)
        put_one(s->app, x, r);
}

/* ---- its settings ---- */

/* A patch whose answer is still to come. */
struct patch {
    struct app *app;
    struct http_later *later;
    char id[SENSOR_ID_LEN + 1];
    int number;
    unsigned generation; /* of the settings when it came */
    char user[HTTP_USER_MAX];
};

/* The sensor that was patched, which may have another id or number now. */
static const struct sensor_settings *patched(const struct patch *p)
{
    const struct settings *s = p->app->settings;

    for (size_t i = 0; i < s->n_sensors; i++)
        if (strcmp(s->sensors[i].id, p->id) == 0)
            return &s->sensors[i];
    for (size_t i = 0; i < s->n_sensors; i++)
        if (sensor_settings_number(&s->sensors[i]) == p->number)
            return &s->sensors[i];
    return NULL;
}

static void on_patched(void *ctx, int status, const struct settings_errors *errors)
{
    struct patch *p = ctx;
    struct http_reply r = {0};
    const struct sensor_settings *x = patched(p);

    if (status < 0) {
        desk_reply_failed(&r, status, errors);
    } else {
        if (x)
            put_one(p->app, x, &r);
        else
            r.status = 204;
        desk_reply_headers(&r, p->app->desk);
        if (p->app->settings->generation != p->generation)
            log_info("settings: sensor %s (%d) changed by %s", p->id, p->number, p->user);
    }
    http_answer(p->later, &r);
    free(p);
}

static void send_patch(struct app *app, const struct http_request *q, const struct sensor_settings *x,
                       const cJSON *patch)
{
    struct patch *p = must(calloc(1, sizeof *p));

    p->app = app;
    p->later = http_later(q);
    p->number = sensor_settings_number(x);
    p->generation = app->settings->generation;
    memcpy(p->id, x->id, sizeof p->id);
    snprintf(p->user, sizeof p->user, "%s", q->user ? q->user : "a client");
    desk_patch(app->desk, patch, http_header(q, "If-Match"), on_patched, p);
}

/* What is said of a sensor goes to where the settings say it. */
static void patch_sensor(struct app *app, const struct http_request *q, struct http_reply *r,
                         const struct sensor_settings *x, const cJSON *members)
{
    struct settings_errors errors = {0};
    cJSON *patch = sensor_patch(app->settings, x, members, &errors);

    if (patch)
        send_patch(app, q, x, patch);
    else
        desk_reply_errors(r, 422, &errors);
    cJSON_Delete(patch);
    settings_errors_free(&errors);
}

static void answer_patch(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct api_sensors *s = ctx;
    const struct sensor_settings *x = find(s, q->rest, r);
    cJSON *members = x ? desk_body(q->body, q->body_len, r) : NULL;

    if (cJSON_IsObject(members))
        patch_sensor(s->app, q, r, x, members);
    else if (members)
        http_error(r, 400, "the body is no JSON object");
    cJSON_Delete(members);
}

/* ---- a counter is set ---- */

/* An order that was carried out, until it is on the disk. */
struct order {
    struct http_later *later;
    char id[SENSOR_ID_LEN + 1];
    const char *unit; /* static */
    int64_t before, now;
};

static void on_saved(void *ctx, int status)
{
    struct order *o = ctx;
    struct http_reply r = {.status = 200};
    struct jsonw w;

    if (status < 0) {
        http_error(&r, 500,
                   "the counter goes on from there, but that is not saved: the disk takes nothing; see status");
    } else {
        jsonw_init(&w);
        jsonw_open(&w, NULL, '{');
        jsonw_str(&w, "id", o->id);
        jsonw_milli(&w, "before", o->before);
        jsonw_milli(&w, "value", o->now);
        jsonw_str(&w, "unit", o->unit);
        jsonw_close(&w, '}');
        jsonw_raw(&w, "\n", 1);
        http_json(&r, 200, w.buf, w.len);
    }
    http_answer(o->later, &r);
    free(o);
}

static void say_set(const struct order *o, const struct sensor_settings *x, const char *user)
{
    char before[NUM_MAX + 1], now[NUM_MAX + 1];

    *num_put_milli(before, o->before) = '\0';
    *num_put_milli(now, o->now) = '\0';
    log_note("sensors: %s (%s): the counter was set from %s to %s %s by %s", x->name ? x->name : "", x->id, before, now,
             o->unit, user ? user : "a client");
}

static void set_counter(struct api_sensors *s, const struct http_request *q, struct http_reply *r,
                        const struct sensor_settings *x, const cJSON *text)
{
    struct ledger_entry *e = ledger_find(&s->app->ledger, x->id);
    const char *unit[READING_KINDS];
    struct settings_errors errors = {0};
    struct order o = {0};

    if (e && ledger_computed(e->source)) {
        http_error(r, 409, "this sensor is made of others: set their counters, and its own follows");
        return;
    }
    sensor_settings_units(x, unit);
    if (!ledger_published(e, &o.before) || !unit[READING_COUNTER]) {
        http_error(r, 409, "this sensor has no counter yet: its first reading has not come");
        return;
    }
    o.unit = unit[READING_COUNTER];
    o.now = counter_order(text, o.before, o.unit, &errors);
    if (o.now < 0) {
        desk_reply_errors(r, 422, &errors);
        settings_errors_free(&errors);
        return;
    }
    if (store_error(s->app->store)) {
        http_error(r, 503, "the disk takes nothing, so that the counter is not set; see status");
        return;
    }
    memcpy(o.id, x->id, sizeof o.id);
    if (o.now != o.before)
        ledger_set(e, o.now);
    say_set(&o, x, q->user);
    struct order *kept = must(malloc(sizeof *kept));
    *kept = o;
    kept->later = http_later(q);
    store_flush(s->app->store, on_saved, kept);
}

static void answer_counter(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct api_sensors *s = ctx;
    const struct sensor_settings *x = find(s, q->rest, r);
    cJSON *text = x ? desk_body(q->body, q->body_len, r) : NULL;

    if (text)
        set_counter(s, q, r, x, text);
    cJSON_Delete(text);
}

/* ---- the service ---- */

static const struct http_route routes[] = {
    {"GET", "/api/v1/sensors", HTTP_READ, 0, answer_all},
    {"GET", "/api/v1/sensors/*", HTTP_READ, 0, answer_one},
    {"PATCH", "/api/v1/sensors/*", HTTP_WRITE, PATCH_MAX, answer_patch},
    {"POST", "/api/v1/sensors/*/counter", HTTP_WRITE, ORDER_MAX, answer_counter},
};

static void *api_sensors_new(struct app *a)
{
    struct api_sensors *s = must(calloc(1, sizeof *s));

    s->app = s->pieces.app = a;
    httpd_routes(a->httpd, routes, ARRAY_LEN(routes), s);
    return s;
}

/* Nothing to compare: an answer shows the settings that are in force when it is written. */
static void api_sensors_apply(void *self, const struct settings *old, const struct settings *next)
{
    (void)self, (void)old, (void)next;
}

static void api_sensors_stop(void *self)
{
    struct api_sensors *s = self;

    httpd_unroute(s->app->httpd, s);
}

/* The server has stopped by now (services stop before any closes): no answer in pieces is on its way. */
static void api_sensors_close(void *self, service_done done, void *ctx)
{
    free(self);
    done(ctx);
}

const struct service service_api_sensors = {
    .name = "api_sensors",
    .new = api_sensors_new,
    .apply = api_sensors_apply,
    .stop = api_sensors_stop,
    .close = api_sensors_close,
};
