/* /api/v1/log: the last lines of the log, and those that come. It never keeps a line itself (io/log does).
 *
 *   text:      2026-01-31T23:59:59.123Z warning broker: …      a line each
 *   follow=1:  event: line                                     the last n first, then each new one
 *              id: <start>-<number>
 *              data: 2026-01-31T23:59:59.123Z warning broker: …
 *
 * A browser that comes back says the last id that it has, and goes on behind it. */
#include "app/app.h"

#include "app/streams.h"
#include "core/live_query.h"
#include "core/log_ring.h"
#include "core/sse.h"
#include "core/util.h"
#include "io/httpd.h"
#include "io/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api_log {
    struct app *app;
    uint64_t start; /* tells this process's numbers from those of others */
};

/* Lines next .. end are still to be sent. */
struct range {
    uint64_t next, end;
};

static struct range last_lines(unsigned n)
{
    uint64_t newest = log_newest();

    return (struct range){newest > n ? newest - n + 1 : 1, newest};
}

/* ---- as text ---- */

struct text {
    struct range range;
    size_t len, sent; /* of the line in hand */
    char line[LOG_ENTRY_MAX + 1];
};

static bool next_line(struct text *t)
{
    struct log_entry e;

    if (t->range.next > t->range.end || !log_get(t->range.next, &e) || e.number > t->range.end)
        return false;
    t->range.next = e.number + 1;
    t->len = log_entry_format(t->line, &e);
    t->line[t->len++] = '\n';
    t->sent = 0;
    return true;
}

static size_t more_text(void *ctx, char *dst, size_t size)
{
    struct text *t = ctx;
    size_t n = 0;

    while (n < size && (t->sent < t->len || next_line(t))) {
        size_t part = t->len - t->sent < size - n ? t->len - t->sent : size - n;
        memcpy(dst + n, t->line + t->sent, part);
        t->sent += part;
        n += part;
    }
    return n;
}

/* ---- as a stream ---- */

struct follower {
    const struct api_log *service;
    struct range range;
};

static bool grant(void *self, int64_t now_ms)
{
    struct follower *f = self;

    (void)now_ms;
    f->range.end = log_newest();
    return f->range.next <= f->range.end;
}

/* Lines that made room before they were sent. */
static size_t put_skipped(char *dst, size_t size, uint64_t n)
{
    char json[48];

    snprintf(json, sizeof json, "{\"n\":%" PRIu64 "}", n);
    return sse_put(dst, size, "skipped", NULL, json, strlen(json));
}

static size_t put_line(const struct follower *f, char *dst, size_t size, const struct log_entry *e)
{
    char line[LOG_ENTRY_MAX], id[48];

    snprintf(id, sizeof id, "%" PRIu64 "-%" PRIu64, f->service->start, e->number);
    return sse_put(dst, size, "line", id, line, log_entry_format(line, e));
}

static size_t read_lines(void *self, char *dst, size_t size)
{
    struct follower *f = self;
    struct log_entry e;
    size_t n = 0;

    while (f->range.next <= f->range.end && log_get(f->range.next, &e)) {
        size_t skip = e.number > f->range.next ? put_skipped(dst + n, size - n, e.number - f->range.next) : 0;
        size_t line = put_line(f, dst + n + skip, size - n - skip, &e);
        if (line == 0)
            break; /* with the next piece */
        n += skip + line;
        f->range.next = e.number + 1;
    }
    return n;
}

/* Where to go on when the client was here before and says what it has. */
static void resume(const struct api_log *s, struct range *range, const char *last_id)
{
    uint64_t start, number;

    if (last_id && sscanf(last_id, "%" SCNu64 "-%" SCNu64, &start, &number) == 2 && start == s->start &&
        number <= range->end)
        range->next = number + 1;
}

/* ---- the service ---- */

static void answer(void *ctx, const struct http_request *q, struct http_reply *r)
{
    static const struct stream_source source = {grant, read_lines, free};
    struct api_log *s = ctx;
    char error[LIVE_QUERY_ERROR];
    unsigned lines;
    bool follow;
    int status = log_query(q->query, &lines, &follow, error);

    if (status) {
        http_error(r, (unsigned)status, error);
    } else if (!follow) {
        struct text *t = must(calloc(1, sizeof *t));
        t->range = last_lines(lines);
        r->more = more_text;
        r->done = free;
        r->ctx = t;
    } else if (streams_admit(s->app->streams, q, r)) {
        struct follower *f = must(calloc(1, sizeof *f));
        f->service = s;
        f->range = last_lines(lines);
        resume(s, &f->range, http_header(q, "Last-Event-ID"));
        streams_open(s->app->streams, q, r, &source, f);
    }
}

static void *api_log_new(struct app *a)
{
    static const struct http_route routes[] = {{"GET", "/api/v1/log", HTTP_READ, 0, answer}};
    struct api_log *s = must(calloc(1, sizeof *s));

    s->app = a;
    s->start = (uint64_t)app_wall_ms();
    httpd_routes(a->httpd, routes, ARRAY_LEN(routes), s);
    return s;
}

static void api_log_apply(void *self, const struct settings *old, const struct settings *next)
{
    (void)self, (void)old, (void)next;
}

static void api_log_stop(void *self)
{
    struct api_log *s = self;

    httpd_unroute(s->app->httpd, s);
}

static void api_log_close(void *self, service_done done, void *ctx)
{
    free(self);
    done(ctx);
}

const struct service service_api_log = {
    .name = "api_log",
    .new = api_log_new,
    .apply = api_log_apply,
    .stop = api_log_stop,
    .close = api_log_close,
};
