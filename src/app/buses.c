/* The buses: a thread for each that is enabled, started, stopped and started anew as the settings say. A bus whose own
 * settings stay goes on undisturbed; one that changed starts anew once its thread before has let go of the line.
 *
 *   settings ─► OFF | OPENING ── MB_RESULT_LINE ──► UP ◄──► DOWN */
#include "app/buses_impl.h"

#include "core/util.h"
#include "io/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a bus ---- */

struct bus *bus_find(const struct buses *b, const char *key)
{
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->v[i]->key, key) == 0)
            return b->v[i];
    return NULL;
}

const struct bus_settings *bus_settings_of(const struct bus *x)
{
    return &x->owner->app->settings->buses[x->at];
}

const struct meter_settings *bus_meter_settings_of(const struct bus *x, const struct bus_meter *m)
{
    return &bus_settings_of(x)->meters[m->at];
}

void bus_say(char **text, const char *words)
{
    if (strcmp(*text, words) == 0)
        return;
    char *new = must(strdup(words));
    free(*text);
    *text = new;
}

void bus_set_state(struct bus *x, enum bus_state state, const char *why)
{
    if (x->state != state)
        x->since_ms = app_mono_ms(x->owner->app);
    x->state = state;
    bus_say(&x->why, why);
}

static struct bus *bus_new(struct buses *b, const char *key)
{
    uint32_t slot = 0;

    while (slot < BUSES_SLOTS && b->slots[slot])
        slot++;
    if (slot == BUSES_SLOTS)
        return NULL;
    struct bus *x = must(calloc(1, sizeof *x));
    x->owner = b;
    x->slot = slot;
    x->why = must(strdup(""));
    x->since_ms = app_mono_ms(b->app);
    snprintf(x->key, sizeof x->key, "%s", key);
    b->slots[slot] = x;
    return x;
}

static void append(struct buses *b, struct bus *x)
{
    b->v = grown(b->v, b->n, sizeof *b->v);
    b->v[b->n++] = x;
}

struct bus *bus_add(struct buses *b, const char *key)
{
    struct bus *x = bus_new(b, key);

    if (x)
        append(b, x);
    return x;
}

static void forget_meters(struct bus *x)
{
    for (size_t i = 0; i < x->n_meters; i++)
        free(x->meters[i].why);
    free(x->meters);
    x->meters = NULL;
    x->n_meters = 0;
}

/* ---- threads ---- */

static void closed(struct buses *b);

static void on_left(void *ctx)
{
    struct bus_leaving *l = ctx;
    struct buses *b = l->owner;

    for (struct bus_leaving **at = &b->leaving; *at; at = &(*at)->next)
        if (*at == l) {
            *at = l->next;
            break;
        }
    free(l->line);
    free(l);
    if (b->done && !b->leaving)
        closed(b);
    else if (!b->stopped)
        buses_start_waiting(b);
}

/* Its thread ends; the line is free when that has. */
static void halt(struct bus *x)
{
    struct buses *b = x->owner;

    x->waits = false;
    forget_meters(x);
    bus_asks_lost(x);
    memset(x->pace, 0, sizeof x->pace);
    if (x->thread) {
        struct bus_leaving *l = must(calloc(1, sizeof *l));
        *l = (struct bus_leaving){.next = b->leaving, .owner = b, .line = x->line};
        b->leaving = l;
        mb_bus_stop(x->thread, on_left, l);
    } else {
        free(x->line);
    }
    x->line = NULL;
    x->thread = NULL;
}

static void bus_free(struct bus *x)
{
    halt(x);
    x->owner->slots[x->slot] = NULL;
    free((char *)x->own.device);
    free((char *)x->own.host);
    free(x->why);
    free(x);
}

void bus_remove(struct buses *b, struct bus *x)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i] == x) {
            memmove(&b->v[i], &b->v[i + 1], (--b->n - i) * sizeof b->v[0]);
            break;
        }
    bus_free(x);
}

static bool is_leaving(const struct buses *b, const char *line)
{
    for (const struct bus_leaving *l = b->leaving; l; l = l->next)
        if (strcmp(l->line, line) == 0)
            return true;
    return false;
}

void buses_start_waiting(struct buses *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i]->waits && !is_leaving(b, b->v[i]->line))
            bus_start(b->v[i]);
}

/* ---- settings ---- */

static const struct bus_settings *settings_of_key(const struct settings *s, const char *key)
{
    for (size_t i = 0; s && i < s->n_buses; i++)
        if (strcmp(s->buses[i].key, key) == 0)
            return &s->buses[i];
    return NULL;
}

/* Another start, with other settings. */
static void begin(struct bus *x, const struct bus_settings *s)
{
    const struct mb_line line = bus_mb_line(s);

    halt(x);
    bus_set_state(x, s->enable ? BUS_OPENING : BUS_OFF, "");
    if (!s->enable)
        return;
    x->line = bus_line_name(&line);
    x->waits = true;
}

static struct bus *taken(struct bus **old, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (old[i] && strcmp(old[i]->key, key) == 0) {
            struct bus *x = old[i];
            old[i] = NULL;
            return x;
        }
    return NULL;
}

/* Those of the settings in their order, then the borrowed ones; what is left in old is gone. */
static void arrange(struct buses *b, struct bus **old, size_t n_old, const struct settings *before)
{
    const struct settings *s = b->app->settings;

    for (size_t i = 0; i < s->n_buses; i++) {
        struct bus *x = taken(old, n_old, s->buses[i].key);
        const struct bus_settings *was = x ? settings_of_key(before, x->key) : NULL;
        if (!x)
            x = must(bus_new(b, s->buses[i].key)); /* there are as many slots */
        x->at = i;
        append(b, x);
        if (!was || !bus_same(was, &s->buses[i]))
            begin(x, &s->buses[i]);
    }
    for (size_t i = 0; i < n_old; i++)
        if (old[i] && old[i]->borrowed) {
            append(b, old[i]);
            old[i] = NULL;
        }
}

/* Meters keep their places in the thread; those in the settings may move by others that are not asked. */
static void place_meters(struct bus *x)
{
    const struct bus_settings *s = bus_settings_of(x);
    size_t n = 0;

    for (size_t i = 0; i < s->n_meters && n < x->n_meters; i++)
        if (s->meters[i].enable) {
            x->meters[n].at = i;
            x->meters[n++].measured = mb_measure_find(&x->owner->measure, s->meters[i].key);
        }
}

static void buses_apply(void *self, const struct settings *before, const struct settings *next)
{
    struct buses *b = self;
    struct bus **old = b->v;
    size_t n_old = b->n;

    b->v = NULL;
    b->n = 0;
    /* what is gone gives its slot back first, and its line */
    for (size_t i = 0; i < n_old; i++)
        if (!old[i]->borrowed && !settings_of_key(next, old[i]->key)) {
            log_info("bus %s: it is no longer in the settings", old[i]->key);
            bus_free(old[i]);
            old[i] = NULL;
        }
    arrange(b, old, n_old, before);
    free(old);
    mb_measure_set(&b->measure, &b->app->sensors, &b->app->ledger, next);
    buses_start_waiting(b);
    for (size_t i = 0; i < b->n; i++)
        if (!b->v[i]->borrowed)
            place_meters(b->v[i]);
    buses_answer_lost(b);
}

/* ---- the service ---- */

static void *buses_new(struct app *app)
{
    struct buses *b = must(calloc(1, sizeof *b));

    b->app = b->pieces.app = app;
    mb_measure_init(&b->measure);
    b->threads = mb_threads_new(app->loop, buses_on_result, b);
    app->buses = b;
    buses_show_new(b);
    return b;
}

static void buses_stop(void *self)
{
    struct buses *b = self;

    b->stopped = true;
    buses_show_stop(b);
    while (b->n)
        bus_remove(b, b->v[b->n - 1]);
    buses_answer_lost(b);
}

static void on_threads_closed(void *ctx)
{
    struct buses *b = ctx;
    service_done done = b->done;
    void *done_ctx = b->done_ctx;

    b->app->buses = NULL;
    mb_measure_fini(&b->measure);
    free(b->v);
    free(b);
    done(done_ctx);
}

/* No thread is left. */
static void closed(struct buses *b)
{
    mb_threads_close(b->threads, on_threads_closed, b);
}

static void buses_close(void *self, service_done done, void *ctx)
{
    struct buses *b = self;

    b->done = done;
    b->done_ctx = ctx;
    if (!b->leaving)
        closed(b);
}

const struct service service_buses = {
    .name = "buses",
    .new = buses_new,
    .apply = buses_apply,
    .stop = buses_stop,
    .close = buses_close,
};
