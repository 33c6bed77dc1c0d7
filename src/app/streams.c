#include "app/streams.h"

#include "app/app.h"
#include "core/sse.h"
#include "io/httpd.h"

#include <stdlib.h>
#include <string.h>

struct stream {
    struct streams *owner;
    struct stream *next, **link;
    const struct stream_source *source;
    void *self;
    struct http_stream *http;
    struct sse_pace pace;
    bool waiting; /* for the next frame */
    bool greeted, heartbeat;
    size_t len, sent; /* of the piece */
    char piece[STREAM_PIECE];
};

struct streams {
    struct app *app;
    uv_timer_t tick; /* runs while there are streams */
    struct stream *list;
    unsigned n;
    uint64_t opened;
    void (*done)(void *ctx);
    void *done_ctx;
};

/* ---- speaking ---- */

static void on_tick(uv_timer_t *t)
{
    struct streams *s = t->data;
    int64_t now_ms = app_mono_ms(s->app);

    for (struct stream *x = s->list; x; x = x->next) {
        bool news = sse_pace_may(&x->pace, now_ms) && x->source->grant(x->self, now_ms);
        if (news)
            sse_pace_frame(&x->pace, now_ms);
        else if (!x->waiting || !sse_pace_silent(&x->pace, now_ms))
            continue;
        x->heartbeat = !news;
        if (x->waiting)
            http_wake(x->http);
        x->waiting = false;
    }
}

static size_t say(struct stream *x, const char *text)
{
    size_t len = strlen(text);

    memcpy(x->piece, text, len);
    return len;
}

static size_t next_piece(struct stream *x)
{
    if (!x->greeted) {
        x->greeted = true;
        return say(x, SSE_GREETING);
    }
    size_t n = x->source->read(x->self, x->piece, sizeof x->piece);
    if (n == 0 && x->heartbeat)
        n = say(x, SSE_HEARTBEAT);
    x->heartbeat = false;
    return n;
}

static size_t on_more(void *ctx, char *dst, size_t size)
{
    struct stream *x = ctx;

    if (x->sent == x->len) {
        x->len = next_piece(x);
        x->sent = 0;
        x->waiting = x->len == 0;
        if (x->waiting)
            return HTTP_WAIT;
    }
    size_t n = x->len - x->sent < size ? x->len - x->sent : size;
    memcpy(dst, x->piece + x->sent, n);
    x->sent += n;
    return n;
}

/* ---- coming and going ---- */

static void on_done(void *ctx)
{
    struct stream *x = ctx;
    struct streams *s = x->owner;

    x->source->close(x->self);
    *x->link = x->next;
    if (x->next)
        x->next->link = x->link;
    free(x);
    if (--s->n == 0)
        uv_timer_stop(&s->tick);
}

bool streams_admit(const struct streams *s, const struct http_request *q, struct http_reply *r)
{
    if (strcmp(q->method, "HEAD") == 0) {
        r->type = SSE_CONTENT_TYPE;
        return false;
    }
    if (s->n < STREAMS_MAX)
        return true;
    http_error(r, 503, "as many live streams as there may be are open; please close one");
    return false;
}

void streams_open(struct streams *s, const struct http_request *q, struct http_reply *r,
                  const struct stream_source *source, void *self)
{
    struct stream *x = must(calloc(1, sizeof *x));
    int64_t now_ms = app_mono_ms(s->app);

    x->owner = s;
    x->source = source;
    x->self = self;
    x->next = s->list;
    x->link = &s->list;
    if (x->next)
        x->next->link = &x->next;
    s->list = x;
    if (s->n++ == 0)
        uv_timer_start(&s->tick, on_tick, SSE_FRAME_MS, SSE_FRAME_MS);
    s->opened++;
    sse_pace_init(&x->pace, now_ms);
    if (source->grant(self, now_ms))
        sse_pace_frame(&x->pace, now_ms);
    r->type = SSE_CONTENT_TYPE;
    r->more = on_more;
    r->done = on_done;
    r->ctx = x;
    x->http = http_stream(q);
}

/* ---- the whole ---- */

static void streams_stats(void *self, stat_emit emit, void *ctx)
{
    const struct streams *s = self;
    const struct stat_value v[] = {
        {"streams", NULL, STAT_GAUGE, s->n, "Live streams open now."},
        {"streams_opened_total", NULL, STAT_COUNTER, (int64_t)s->opened, "Live streams opened."},
    };

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit(ctx, &v[i]);
}

struct streams *streams_new(struct app *a)
{
    struct streams *s = must(calloc(1, sizeof *s));

    s->app = a;
    uv_timer_init(a->loop, &s->tick);
    s->tick.data = s;
    stats_add(&a->stats, streams_stats, s);
    return s;
}

static void on_tick_closed(uv_handle_t *h)
{
    struct streams *s = h->data;
    void (*done)(void *) = s->done;
    void *ctx = s->done_ctx;

    free(s);
    done(ctx);
}

void streams_close(struct streams *s, void (*done)(void *ctx), void *ctx)
{
    s->done = done;
    s->done_ctx = ctx;
    stats_remove(&s->app->stats, streams_stats, s);
    uv_close((uv_handle_t *)&s->tick, on_tick_closed);
}
