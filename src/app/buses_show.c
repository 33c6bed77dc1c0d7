/* The buses as people and programs see them: /api/v1/buses, a part of the status, metrics. Each is written in pieces of
 * a few meters, because there may be thousands (design: nothing blocks the loop). */
#include "app/buses_impl.h"

#include "core/bus_body.h"
#include "core/jsonw.h"
#include "core/mb_words.h"
#include "core/util.h"
#include "io/httpd.h"

#include <stdio.h>
#include <string.h>

#define PATH   "/api/v1/buses"
#define PIECE  32 /* meters */
#define LABELS 128

/* ---- one bus ---- */

/* The Unix second of a monotonic moment; 0: not known. */
static int64_t second_of(struct app *app, int64_t mono_ms)
{
    int64_t unix_s = app_unix_s(app);

    return unix_s && mono_ms ? unix_s - (app_mono_ms(app) - mono_ms) / 1000 : 0;
}

static void put_bus(const struct bus *x, struct jsonw *w)
{
    const struct bus_settings *s = bus_settings_of(x);
    struct app *app = x->owner->app;
    const struct bus_view v = {
        .key = s->key,
        .device = s->device,
        .host = s->tcp.host,
        .port = s->tcp.port,
        .rtu = s->tcp.framing == FRAMING_RTU,
        .enable = s->enable,
        .state = bus_state_name(x->state),
        .reason = x->why,
        .since_s = second_of(app, x->since_ms),
        .polls_per_s = bus_polls_milli(x, app_mono_ms(app)),
    };

    bus_body_open(w, &v);
}

/* What is known of the nth meter of its settings; NULL: it is not asked. */
static const struct bus_meter *meter_at(const struct bus *x, size_t nth)
{
    for (size_t i = nth < x->n_meters ? nth + 1 : x->n_meters; i-- > 0 && x->meters[i].at >= nth;)
        if (x->meters[i].at == nth)
            return &x->meters[i];
    return NULL;
}

static void put_meter(struct bus *x, size_t nth, struct jsonw *w)
{
    const struct meter_settings *s = &bus_settings_of(x)->meters[nth];
    const struct bus_meter *m = meter_at(x, nth);
    struct app *app = x->owner->app;
    struct mb_stats stats;
    struct bus_meter_view v = {.key = s->key,
                               .name = s->name,
                               .model = s->model_id,
                               .unit = s->unit,
                               .state = "off",
                               .reason = "",
                               .interval_ms = s->interval_ms,
                               .mono_ms = app_mono_ms(app)};

    if (m) {
        bool down = x->state == BUS_DOWN; /* what it last said is no news of it any more */
        v.state = mb_state_name(down ? MB_OFFLINE : m->state);
        v.reason = down ? x->why : m->why;
        v.since_s = second_of(app, down ? x->since_ms : m->since_ms);
        v.last_s = second_of(app, m->last_ms);
        v.missed = m->missed;
        v.refused = m->measured ? m->measured->refused : NULL;
        mb_bus_stats(x->thread, (size_t)(m - x->meters), &stats, &v.reads);
        v.stats = &stats;
    }
    bus_body_meter(w, &v);
}

/* ---- all, in pieces ---- */

struct walk {
    bool started, open, ended;
    size_t bus, meter; /* places in the settings */
    char key[BUS_KEY]; /* of the bus that is open */
};

/* The bus in whose object the writing stands: the settings may have changed since the last piece. */
static struct bus *opened(struct buses *b, const struct walk *walk)
{
    struct bus *x = walk->bus < b->n ? b->v[walk->bus] : NULL;

    return x && strcmp(x->key, walk->key) == 0 ? x : bus_find(b, walk->key);
}

static void next_bus(struct buses *b, struct walk *walk, struct jsonw *w)
{
    const struct bus *x = b->v[walk->bus];

    snprintf(walk->key, sizeof walk->key, "%s", x->key);
    put_bus(x, w);
    walk->open = true;
    walk->meter = 0;
}

/* At most `room` meters of the one that is open. Returns how many. */
static size_t some_meters(struct buses *b, struct walk *walk, struct jsonw *w, size_t room)
{
    struct bus *x = opened(b, walk);
    size_t all = x ? bus_settings_of(x)->n_meters : 0, n = 0;

    for (; n < room && walk->meter < all; n++)
        put_meter(x, walk->meter++, w);
    if (walk->meter >= all) {
        bus_body_close(w);
        walk->open = false;
        walk->bus++;
    }
    return n;
}

static bool write_all(struct app *app, void *state, struct jsonw *w)
{
    struct walk *walk = state;
    struct buses *b = app->buses;

    if (walk->ended)
        return false;
    if (!walk->started) {
        jsonw_open(w, NULL, '{');
        jsonw_open(w, "buses", '[');
        walk->started = true;
    }
    for (size_t room = PIECE; room > 0;) {
        if (walk->open) {
            room -= some_meters(b, walk, w, room);
        } else if (walk->bus < app->settings->n_buses) {
            next_bus(b, walk, w);
            room--;
        } else {
            jsonw_close(w, ']');
            jsonw_close(w, '}');
            jsonw_raw(w, "\n", 1);
            walk->ended = true;
            break;
        }
    }
    return true;
}

static size_t how_many_meters(const struct buses *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++)
        n += b->v[i]->n_meters;
    return n;
}

static void answer_all(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct buses *b = ctx;

    (void)q;
    if (!pieces_answer(&b->pieces, r, "application/json", write_all, sizeof(struct walk), b->n + how_many_meters(b),
                       PIECE))
        http_error(r, 503, pieces_busy);
}

static void answer_one(void *ctx, const struct http_request *q, struct http_reply *r)
{
    struct buses *b = ctx;
    struct bus *x = bus_find(b, q->rest);
    struct jsonw w;

    if (!x || x->borrowed) {
        http_error(r, 404, "no bus has this key");
        return;
    }
    jsonw_init(&w);
    put_bus(x, &w);
    for (size_t i = 0; i < bus_settings_of(x)->n_meters; i++)
        put_meter(x, i, &w);
    bus_body_close(&w);
    jsonw_raw(&w, "\n", 1);
    http_json(r, 200, w.buf, w.len);
}

/* ---- status ---- */

static void status_top(void *self, struct jsonw *w)
{
    const struct buses *b = self;
    int64_t buses[BUS_DOWN + 1] = {0}, meters[MB_STATES] = {0};

    for (size_t i = 0; i < b->app->settings->n_buses; i++) {
        const struct bus *x = b->v[i];
        buses[x->state]++;
        for (size_t j = 0; j < x->n_meters; j++)
            meters[x->state == BUS_DOWN ? MB_OFFLINE : x->meters[j].state]++;
    }
    for (int i = BUS_OFF; i <= BUS_DOWN; i++)
        jsonw_int(w, bus_state_name((enum bus_state)i), buses[i]);
    jsonw_open(w, "meters", '{');
    for (int i = 0; i < MB_STATES; i++)
        jsonw_int(w, mb_state_name((enum mb_state)i), meters[i]);
    jsonw_close(w, '}');
}

/* ---- metrics ---- */

struct emitting {
    stat_emit emit;
    void *ctx;
    struct bus *bus;
    const struct bus_meter *meter;
    struct mb_stats stats;
};

/* One number; name and value of a label more, or NULL. */
static void say(const struct emitting *e, const char *name, enum stat_type type, int64_t value, const char *label,
                const char *label_value, const char *help)
{
    char labels[LABELS];

    snprintf(labels, sizeof labels, label ? "bus=\"%s\",meter=\"%s\",%s=\"%s\"" : "bus=\"%s\",meter=\"%s\"",
             e->bus->key, bus_meter_settings_of(e->bus, e->meter)->key, label, label_value);
    e->emit(e->ctx, &(struct stat_value){name, labels, type, value, help});
}

static void say_up(const struct emitting *e)
{
    bool up = e->bus->state == BUS_UP && (e->meter->state == MB_FINE || e->meter->state == MB_SUSPECT);

    say(e, "bus_meter_up", STAT_GAUGE, up, NULL, NULL, "1 while the meter answers.");
}

static void say_requests(const struct emitting *e)
{
    static const char *const names[] = {
        [MB_OK] = "ok",   [MB_TIMEOUT] = "timeout", [MB_CRC] = "crc", [MB_EXCEPTION] = "exception",
        [MB_BAD] = "bad", [MB_GONE] = "gone",
    };

    for (int i = 0; i < MB_OUTCOMES; i++)
        say(e, "bus_requests_total", STAT_COUNTER, (int64_t)e->stats.n[i], "outcome", names[i],
            "Requests to the meter by what became of them.");
}

static void say_retries(const struct emitting *e)
{
    say(e, "bus_retries_total", STAT_COUNTER, (int64_t)e->stats.retries, NULL, NULL, "Requests that were sent again.");
}

static void say_missed(const struct emitting *e)
{
    say(e, "bus_missed_total", STAT_COUNTER, (int64_t)e->meter->missed, NULL, NULL,
        "Intervals in which the meter was not asked, or did not answer.");
}

static void say_times(const struct emitting *e)
{
    static const char help[] = "Time from a request to its answer; 0: there was none.";

    say(e, "bus_answer_microseconds", STAT_GAUGE, mb_stats_quantile_us(&e->stats, 500), "quantile", "0.5", help);
    say(e, "bus_answer_microseconds", STAT_GAUGE, mb_stats_quantile_us(&e->stats, 990), "quantile", "0.99", help);
}

static void say_refused(const struct emitting *e)
{
    const struct mb_measured *m = e->meter->measured;

    for (int i = 0; i < MB_REFUSED_KINDS; i++)
        say(e, "bus_refused_total", STAT_COUNTER, m ? (int64_t)m->refused[i] : 0, "reason",
            mb_refused_name((enum mb_refused)i), "Values of the meter that were not taken.");
}

static const struct {
    void (*say)(const struct emitting *e);
    bool stats; /* it wants the thread's */
} families[] = {{say_up, false},     {say_requests, true}, {say_retries, true},
                {say_missed, false}, {say_times, true},    {say_refused, false}};

/* The nth meter that is asked, over all buses. */
static bool find_nth(struct buses *b, size_t nth, struct emitting *e)
{
    for (size_t i = 0; i < b->n; i++) {
        if (nth < b->v[i]->n_meters) {
            e->bus = b->v[i];
            e->meter = &b->v[i]->meters[nth];
            return true;
        }
        nth -= b->v[i]->n_meters;
    }
    return false;
}

/* The next meter: on the same bus, or on one behind it. */
static bool find_next(struct buses *b, struct emitting *e)
{
    size_t at = (size_t)(e->meter - e->bus->meters) + 1, i = 0;

    if (at < e->bus->n_meters) {
        e->meter++;
        return true;
    }
    while (i < b->n && b->v[i] != e->bus)
        i++;
    for (i++; i < b->n; i++)
        if (b->v[i]->n_meters) {
            e->bus = b->v[i];
            e->meter = e->bus->meters;
            return true;
        }
    return false;
}

/* *cursor: family x METERS + place of the meter. */
#define METERS ((size_t)SETTINGS_BUSES * SETTINGS_METERS)

static bool numbers_more(void *self, size_t *cursor, stat_emit emit, void *ctx)
{
    struct buses *b = self;
    struct emitting e = {.emit = emit, .ctx = ctx};
    size_t family = *cursor / METERS, n = 0;

    if (family >= ARRAY_LEN(families) || !how_many_meters(b))
        return false;
    bool there = find_nth(b, *cursor % METERS, &e);
    for (; there && n < PIECE; n++) {
        if (families[family].stats)
            mb_bus_stats(e.bus->thread, (size_t)(e.meter - e.bus->meters), &e.stats, &(size_t){0});
        families[family].say(&e);
        there = find_next(b, &e);
    }
    *cursor = there ? *cursor + n : (family + 1) * METERS;
    return true;
}

static void buses_stats(void *self, stat_emit emit, void *ctx)
{
    const struct buses *b = self;
    char labels[LABELS];

    for (size_t i = 0; i < b->n; i++) {
        if (b->v[i]->borrowed || b->v[i]->state == BUS_OFF)
            continue;
        snprintf(labels, sizeof labels, "bus=\"%s\"", b->v[i]->key);
        emit(ctx,
             &(struct stat_value){"bus_up", labels, STAT_GAUGE, b->v[i]->state == BUS_UP, "1 while the line is open."});
    }
}

/* ---- the service's ---- */

void buses_show_new(struct buses *b)
{
    static const struct http_route routes[] = {
        {"GET", PATH, HTTP_READ, 0, answer_all},
        {"GET", PATH "/*", HTTP_READ, 0, answer_one},
    };

    httpd_routes(b->app->httpd, routes, ARRAY_LEN(routes), b);
    app_section(b->app, &(struct status_section){"buses", status_top, NULL, b});
    stats_add(&b->app->stats, buses_stats, b);
    b->app->stats.more = numbers_more;
    b->app->stats.more_module = b;
}

void buses_show_stop(struct buses *b)
{
    httpd_unroute(b->app->httpd, b);
    app_section_end(b->app, b);
    stats_remove(&b->app->stats, buses_stats, b);
    b->app->stats.more = NULL;
}
