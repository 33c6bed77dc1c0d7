/* Lines with telegrams as a service: one for each of the settings, opened, closed and opened anew as they say. A line
 * whose own settings stay goes on undisturbed.
 *
 *   settings ─► OFF | DOWN ── the port opens ──► SILENT ── a good telegram ──► OK
 *                     ▲                            ▲                            │
 *                     └──── the port is lost ──────┴── 60 s without one ────────┘                       */
#include "app/lines_impl.h"

#include "core/util.h"
#include "io/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_MS 1000

/* ---- a line ---- */

struct line *line_find(const struct lines *l, const char *key)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i]->key, key) == 0)
            return l->v[i];
    return NULL;
}

const struct line_settings *line_settings_of(const struct line *x)
{
    return &x->owner->app->settings->lines[x->at];
}

static struct line *line_new(struct lines *l, const struct line_settings *s)
{
    struct line *x = must(calloc(1, sizeof *x));

    x->owner = l;
    x->way = s->way;
    x->protocol = s->protocol;
    x->pull = s->pull;
    x->decoder = line_decoder(s->protocol);
    x->decoding = must(calloc(1, x->decoder->size));
    x->decoder->init(x->decoding);
    x->refused_why = "";
    x->since_ms = app_mono_ms(l->app);
    snprintf(x->key, sizeof x->key, "%s", s->key);
    uv_timer_init(l->app->loop, &x->timer);
    x->timer.data = x;
    return x;
}

static void closed(struct lines *l);

static void on_line_closed(struct line *x)
{
    struct lines *l = x->owner;

    free(x->decoding);
    free(x);
    if (--l->leaving == 0 && l->done)
        closed(l);
}

static void line_end(struct line *x)
{
    struct app *app = x->owner->app;

    if (app->uart_ctx == x) {
        app->uart_bytes = NULL;
        app->uart_ctx = NULL;
    }
    x->owner->leaving++;
    line_port_close(x, on_line_closed);
}

static void line_begin(struct line *x, const struct line_settings *s)
{
    struct app *app = x->owner->app;

    if (!s->enable)
        return;
    if (s->way == LINE_BY_BOARD) {
        app->uart_bytes = line_port_board_bytes;
        app->uart_ctx = x;
    }
    line_port_open(x, s);
}

/* ---- settings ---- */

static const struct line_settings *settings_of_key(const struct settings *s, const char *key)
{
    for (size_t i = 0; s && i < s->n_lines; i++)
        if (strcmp(s->lines[i].key, key) == 0)
            return &s->lines[i];
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Does it go on as it is? Names, what its connection can and what is reported do not matter to it. */
static bool same(const struct line_settings *a, const struct line_settings *b)
{
    return a->enable == b->enable && a->way == b->way && same_text(a->device, b->device) &&
           same_text(a->tcp.host, b->tcp.host) && a->tcp.port == b->tcp.port && a->protocol == b->protocol &&
           a->baud == b->baud && a->format == b->format && a->pull == b->pull;
}

static struct line *taken(struct line **old, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (old[i] && strcmp(old[i]->key, key) == 0) {
            struct line *x = old[i];
            old[i] = NULL;
            return x;
        }
    return NULL;
}

/* What is gone, or another line by now, gives its port back first: another one may want it. */
static void end_others(struct line **old, size_t n, const struct settings *before, const struct settings *next)
{
    for (size_t i = 0; i < n; i++) {
        const struct line_settings *was = settings_of_key(before, old[i]->key),
                                   *is = settings_of_key(next, old[i]->key);
        if (was && is && same(was, is))
            continue;
        if (!is)
            log_info("line %s: it is no longer in the settings", old[i]->key);
        line_end(old[i]);
        old[i] = NULL;
    }
}

static void lines_apply(void *self, const struct settings *before, const struct settings *next)
{
    struct lines *l = self;
    struct line **old = l->v;
    size_t n_old = l->n;

    l->v = must(calloc(next->n_lines + 1, sizeof(struct line *)));
    l->n = 0;
    line_measure_set(&l->measure, &l->app->sensors, &l->app->ledger, next);
    end_others(old, n_old, before, next);
    for (size_t i = 0; i < next->n_lines; i++) {
        const struct line_settings *s = &next->lines[i];
        struct line *x = taken(old, n_old, s->key);
        bool new = !x;
        if (new)
            x = line_new(l, s);
        l->v[l->n++] = x;
        x->at = i;
        x->interval_ms = s->interval * 1000;
        x->measured = line_measure_find(&l->measure, s->key);
        if (new)
            line_begin(x, s);
    }
    free(old);
}

/* ---- the service ---- */

static void on_second(uv_timer_t *timer)
{
    struct lines *l = timer->data;

    for (size_t i = 0; i < l->n; i++)
        line_port_second(l->v[i]);
}

static void *lines_new(struct app *app)
{
    struct lines *l = must(calloc(1, sizeof *l));

    l->app = app;
    line_measure_init(&l->measure);
    uv_timer_init(app->loop, &l->second);
    l->second.data = l;
    uv_timer_start(&l->second, on_second, SECOND_MS, SECOND_MS);
    app->lines = l;
    lines_show_new(l);
    return l;
}

static void lines_stop(void *self)
{
    struct lines *l = self;

    uv_timer_stop(&l->second);
    lines_show_stop(l);
    while (l->n)
        line_end(l->v[--l->n]);
}

static void on_second_closed(uv_handle_t *h)
{
    struct lines *l = h->data;
    service_done done = l->done;
    void *ctx = l->done_ctx;

    l->app->lines = NULL;
    line_measure_fini(&l->measure);
    free(l->v);
    free(l);
    done(ctx);
}

/* No line is left. */
static void closed(struct lines *l)
{
    uv_close((uv_handle_t *)&l->second, on_second_closed);
}

static void lines_close(void *self, service_done done, void *ctx)
{
    struct lines *l = self;

    l->done = done;
    l->done_ctx = ctx;
    if (!l->leaving)
        closed(l);
}

const struct service service_lines = {"lines", lines_new, lines_apply, lines_stop, lines_close};
