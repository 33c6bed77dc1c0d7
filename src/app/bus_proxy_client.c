/* A client of a bus's proxy: one request at a time, in its turn behind the seconds. What comes meanwhile waits in its
 * socket, so a client costs this much memory and no more. */
#include "app/bus_proxy_impl.h"

#include "core/limits.h"
#include "core/settings.h"
#include "core/util.h"

#include <stdlib.h>
#include <string.h>

#define IDLE_MS    120000 /* silent for so long: it is gone without a word */
#define ANSWER_MS  10000  /* a request that found no turn on the bus */
#define GIVE_UP_MS 10000  /* silent for so long, it gives way to a new one when all places are taken */
#define KEEP_S     60     /* of TCP's own probes */

#define SERIAL_UNITS 247
#define ASKS         (MB_ASKS / 2) /* at one bus at once: people, and jobs, get through too */

static void advance(struct proxy_client *c);
static void next_turn(struct bus_proxy *p, const char *bus);

/* ---- the end of one ---- */

static void on_closed(uv_handle_t *handle)
{
    struct proxy_client *c = handle->data;
    struct bus_proxy *p = c->proxy;

    if (--c->handles == 0)
        free(c);
    proxy_handle_closed(p);
}

void proxy_client_close(struct proxy_client *c)
{
    struct bus_proxy *p = c->proxy;
    bool asked = c->state == PROXY_ASKS;

    if (c->state == PROXY_CLOSES)
        return;
    c->state = PROXY_CLOSES;
    for (struct proxy_client **at = &p->clients; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    p->n_clients--;
    buses_forget(p->app->buses, c->ask);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
    uv_close((uv_handle_t *)&c->timer, on_closed);
    if (asked)
        next_turn(p, c->bus);
}

/* ---- answers ---- */

static void on_written(uv_write_t *w, int status)
{
    struct proxy_client *c = w->data;

    if (c->state == PROXY_CLOSES)
        return;
    if (status < 0) {
        proxy_client_close(c);
        return;
    }
    c->state = PROXY_READS;
    advance(c);
}

static void on_time(uv_timer_t *timer);

static void send_out(struct proxy_client *c, size_t n)
{
    const uv_buf_t buf = uv_buf_init((char *)c->out, (unsigned)n);

    c->state = PROXY_WRITES;
    uv_timer_start(&c->timer, on_time, IDLE_MS, 0);
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) < 0)
        proxy_client_close(c);
}

static void refuse(struct proxy_client *c, uint8_t code)
{
    send_out(c, mb_proxy_refuse(&c->request, code, c->out));
}

static void on_answer(void *ctx, const struct bus_answer *a)
{
    struct proxy_client *c = ctx;

    c->ask = 0;
    if (a->outcome == MB_OK && a->n_words == c->request.count) {
        c->proxy->answers++;
        send_out(c, mb_proxy_answer(&c->request, a->words, c->out));
    } else {
        c->proxy->failed++;
        refuse(c, mb_proxy_code(a->outcome, a->exception));
    }
    next_turn(c->proxy, c->bus);
}

/* Its answer did not come in time; or it is silent, or does not read. */
static void on_time(uv_timer_t *timer)
{
    struct proxy_client *c = timer->data;

    if (c->state != PROXY_ASKS && c->state != PROXY_WAITS) {
        proxy_client_close(c);
        return;
    }
    buses_forget(c->proxy->app->buses, c->ask);
    c->ask = 0;
    c->proxy->failed++;
    refuse(c, MB_PROXY_BUSY);
    next_turn(c->proxy, c->bus);
}

/* ---- requests ---- */

/* A meter's own timeout; 0: none is known. */
static int timeout_of(const struct proxy_client *c)
{
    const struct settings *s = c->proxy->app->settings;

    for (size_t i = 0; i < s->n_buses; i++) {
        const struct bus_settings *b = &s->buses[i];
        for (size_t k = 0; strcmp(b->key, c->bus) == 0 && k < b->n_meters; k++)
            if (b->meters[k].unit == c->request.unit)
                return b->meters[k].timeout_ms;
    }
    return 0;
}

static void ask(struct proxy_client *c)
{
    const struct mb_proxy_request *r = &c->request;
    const struct mb_ask a = {.unit = r->unit,
                             .function = r->function,
                             .address = r->address,
                             .count = r->count,
                             .timeout_ms = timeout_of(c)};
    struct buses *buses = c->proxy->app->buses;
    char why[MB_LINK_ERROR];
    const char *state_why;

    c->ask = buses_ask(buses, c->bus, &a, on_answer, c, why);
    if (c->ask) {
        c->state = PROXY_ASKS;
        return;
    }
    c->proxy->failed++;
    enum bus_state state = buses_state(buses, c->bus, &state_why);
    refuse(c, state == BUS_UP || state == BUS_DOWN ? MB_PROXY_BUSY : MB_PROXY_NO_PATH);
}

/* Who waits for longest asks next, while there may be one more. */
static void next_turn(struct bus_proxy *p, const char *bus)
{
    for (;;) {
        struct proxy_client *first = NULL;
        unsigned asks = 0;
        for (struct proxy_client *c = p->clients; c; c = c->next) {
            if (strcmp(c->bus, bus) != 0)
                continue;
            asks += c->state == PROXY_ASKS;
            if (c->state == PROXY_WAITS && (!first || c->turn < first->turn))
                first = c;
        }
        if (!first || asks >= ASKS)
            return;
        ask(first);
    }
}

/* A broadcast has no answer, and above 247 there is nobody. */
static bool can_be_there(const struct proxy_client *c)
{
    return !c->serial || (c->request.unit >= 1 && c->request.unit <= SERIAL_UNITS);
}

static void take(struct proxy_client *c, enum mb_proxy_take t)
{
    struct bus_proxy *p = c->proxy;

    p->requests++;
    c->heard_ms = app_mono_ms(p->app);
    if (t == MB_PROXY_ASK && can_be_there(c)) {
        c->state = PROXY_WAITS;
        c->turn = p->requests;
        uv_timer_start(&c->timer, on_time, ANSWER_MS, 0);
        next_turn(p, c->bus);
        return;
    }
    p->refused++;
    refuse(c, t == MB_PROXY_ASK ? MB_PROXY_NO_PATH : c->request.refuse);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct proxy_client *c = handle->data;

    (void)suggested;
    *buf = uv_buf_init((char *)c->in + c->in_len, (unsigned)(sizeof c->in - c->in_len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct proxy_client *c = stream->data;

    (void)buf;
    if (n < 0) {
        proxy_client_close(c);
        return;
    }
    c->in_len += (size_t)n;
    if (c->in_len == sizeof c->in)
        uv_read_stop(stream); /* until there is room: TCP tells the client */
    advance(c);
}

/* Serve what came. The longest frame fits into the buffer, so a full one holds a whole frame, or none ever. */
static void advance(struct proxy_client *c)
{
    size_t used;

    if (c->state != PROXY_READS)
        return;
    enum mb_proxy_take t = mb_proxy_take(c->in, c->in_len, &c->request, &used);
    if (t == MB_PROXY_BROKEN) {
        c->proxy->refused++;
        proxy_client_close(c);
        return;
    }
    c->in_len -= used;
    memmove(c->in, c->in + used, c->in_len);
    if (c->in_len < sizeof c->in)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read); /* it may read already, which is as well */
    if (t != MB_PROXY_MORE)
        take(c, t);
}

/* ---- new ones ---- */

/* All places are taken: the one that has been silent for longest leaves, if it has been for long. */
static void make_room(struct bus_proxy *p)
{
    struct proxy_client *oldest = NULL;

    for (struct proxy_client *c = p->clients; c; c = c->next)
        if (c->state == PROXY_READS && (!oldest || c->heard_ms < oldest->heard_ms))
            oldest = c;
    if (oldest && app_mono_ms(p->app) - oldest->heard_ms >= GIVE_UP_MS)
        proxy_client_close(oldest);
}

void proxy_accept(struct proxy_line *l)
{
    struct bus_proxy *p = l->proxy;
    struct proxy_client *c = must(calloc(1, sizeof *c));

    if (p->n_clients == LIMIT_PROXY)
        make_room(p);
    bool room = p->n_clients < LIMIT_PROXY;
    c->proxy = p;
    c->serial = l->serial;
    c->heard_ms = app_mono_ms(p->app);
    memcpy(c->bus, l->bus, sizeof c->bus);
    c->tcp.data = c->timer.data = c;
    uv_tcp_init(p->app->loop, &c->tcp);
    uv_timer_init(p->app->loop, &c->timer);
    c->handles = 2;
    p->handles += 2;
    c->next = p->clients;
    p->clients = c;
    p->n_clients++;
    if (uv_accept((uv_stream_t *)&l->listener->tcp, (uv_stream_t *)&c->tcp) < 0 || !room) {
        p->turned_away += !room;
        proxy_client_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_tcp_keepalive(&c->tcp, 1, KEEP_S);
    uv_timer_start(&c->timer, on_time, IDLE_MS, 0);
    advance(c);
}
