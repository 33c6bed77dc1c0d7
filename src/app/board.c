/* The sensor board service: a serial line, the driver of the board on it, and how that reaches the others.
 * It publishes no reading itself: readings go to the hub, the board's state to the facts. */
#include "app/app.h"
#include "app/board_sync.h"
#include "app/record.h"
#include "core/board.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/kernel_clock.h"
#include "io/log.h"
#include "io/mqtt.h"
#include "io/tty.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without a board, its settings are those of an FLM02. */
static const struct board_driver *const drivers[] = {
    [BOARD_NONE] = &board_flm02, [BOARD_FLM02] = &board_flm02, [BOARD_FLX] = &board_flx};

#define GOODBYE_MS 20 /* for the last word to leave the line, which forgets what was not sent when it is shut */

struct board {
    struct app *app;
    struct tty *tty;
    const struct board_driver *driver;
    void *self;            /* the driver's */
    struct record *record; /* NULL: not recorded */
    struct board_sync sync;
    uv_timer_t second, deadline;
    bool stopped, goodbye; /* a word of it is under way */
    bool uart_said;        /* said already */
    int clock_said;        /* why the clock could not be set, likewise; 0: nothing */
    char name[BOARD_NAME]; /* of the line, for the log */
    uint64_t unread_uart, unsent;
    service_done done;
    void *done_ctx;
    int closing; /* handles still open */
};

static const char no_board[] = "no board is set up", changed[] = "the settings changed";

static struct board_now this_moment(struct board *b)
{
    struct board_now now = {.mono_ms = app_mono_ms(b->app), .wall_ms = app_wall_ms(), .unix_s = app_unix_s(b->app)};

    now.clock = b->app->clock.state;
    return now;
}

/* The same by the last look at the wall clock, a second ago at most: bytes come often. */
static struct board_now about_now(const struct board *b)
{
    const struct clock *c = &b->app->clock;
    int64_t mono_ms = app_mono_ms(b->app), wall_ms = mono_ms + c->offset_ms;

    return (struct board_now){mono_ms, c->state == CLOCK_UNSET ? 0 : wall_ms / 1000, wall_ms, c->state};
}

static void on_deadline(uv_timer_t *t);

/* After each call into the driver. */
static void arm_deadline(struct board *b)
{
    int64_t at = b->driver->deadline(b->self);
    int64_t now = app_mono_ms(b->app);

    if (at < 0)
        uv_timer_stop(&b->deadline);
    else
        uv_timer_start(&b->deadline, on_deadline, at > now ? (uint64_t)(at - now) : 0, 0);
}

static void on_deadline(uv_timer_t *t)
{
    struct board *b = t->data;
    struct board_now now = this_moment(b);

    b->driver->tick(b->self, &now);
    arm_deadline(b);
}

/* V4: the driver is called at each wall second, one or two milliseconds into it. */
static void on_second(uv_timer_t *t)
{
    struct board *b = t->data;

    uv_update_time(b->app->loop);
    struct board_now now = this_moment(b);
    b->driver->second(b->self, &now);
    arm_deadline(b);
    uv_timer_start(t, on_second, (uint64_t)(1001 - app_wall_ms() % 1000), 0);
}

/* ---- what the line says ---- */

static void on_opened(void *ctx)
{
    struct board *b = ctx;
    struct board_now now = this_moment(b);

    log_info("board: %s: open", b->name);
    board_sync_line(&b->sync, true);
    b->driver->line_up(b->self, &now);
    on_second(&b->second);
}

static void on_bytes(void *ctx, const char *p, size_t n)
{
    struct board *b = ctx;

    if (b->stopped)
        return;
    struct board_now now = about_now(b);
    if (b->record)
        record_bytes(b->record, now.mono_ms, "rx", p, n);
    b->driver->bytes(b->self, (const uint8_t *)p, n, &now);
    arm_deadline(b);
}

static void line_down(struct board *b, const char *reason)
{
    struct board_now now = this_moment(b);

    uv_timer_stop(&b->second);
    board_sync_line(&b->sync, false);
    b->driver->line_down(b->self, reason, &now);
}

static void on_lost(void *ctx, const char *reason)
{
    struct board *b = ctx;
    char text[FACT_REASON];

    if (b->stopped)
        return;
    snprintf(text, sizeof text, "%s: %s", b->name, reason);
    log_warn("board: %s; trying again", text);
    line_down(b, text);
    facts_set(&b->app->facts, FACT_BOARD, false, text, app_mono_ms(b->app));
    facts_set(&b->app->facts, FACT_HEARTBEAT, false, text, app_mono_ms(b->app));
    arm_deadline(b);
}

static const struct tty_callbacks tty_callbacks = {on_opened, on_bytes, on_lost};

/* ---- what the driver says ---- */

static void host_send(void *ctx, const void *bytes, size_t n)
{
    struct board *b = ctx;

    if (b->record)
        record_bytes(b->record, app_mono_ms(b->app), "tx", bytes, n);
    if (tty_write(b->tty, bytes, n) < 0)
        b->unsent++;
    else
        b->goodbye = b->stopped;
}

static int host_emit(void *ctx, const struct reading *r)
{
    struct board *b = ctx;

    return hub_emit(&b->app->hub, r);
}

/* Bytes of the board's own serial port (S4). */
static void host_uart(void *ctx, const uint8_t *bytes, size_t n)
{
    struct board *b = ctx;

    if (b->app->uart_bytes) {
        b->app->uart_bytes(b->app->uart_ctx, bytes, n);
        return;
    }
    b->unread_uart += n;
    if (!b->uart_said)
        log_note("board: bytes come in on its RS-485 port and no line reads them; they are counted");
    b->uart_said = true;
}

static void host_fact(void *ctx, enum fact f, bool on, const char *reason, int64_t mono_ms)
{
    struct board *b = ctx;

    facts_set(&b->app->facts, f, on, reason, mono_ms);
}

static void host_say(void *ctx, enum board_say level, const char *fmt, ...)
{
    static const enum log_level levels[] = {[BOARD_ERROR] = LOG_ERROR,
                                            [BOARD_WARN] = LOG_WARN,
                                            [BOARD_NOTE] = LOG_NOTE,
                                            [BOARD_INFO] = LOG_INFO,
                                            [BOARD_DETAIL] = LOG_DETAIL};
    char text[512];
    va_list ap;

    (void)ctx;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log_line(levels[level], "board: %s", text);
}

static int host_publish(void *ctx, const char *below, const char *payload, size_t n)
{
    struct board *b = ctx;
    char topic[96];

    if (!b->app->mqtt)
        return -1;
    snprintf(topic, sizeof topic, "/device/%s/%s", b->app->settings->device.id, below);
    return mqtt_publish(b->app->mqtt, topic, payload, n, false);
}

/* Once it is set, it is valid, and the driver says no more. */
static void host_clock(void *ctx, int64_t unix_s)
{
    struct board *b = ctx;
    int error;

    if (!b->app->settings->board.set_host_clock)
        return;
    error = kernel_clock_set(unix_s);
    app_unix_s(b->app); /* it is looked at again */
    if (error == 0)
        log_note("board: this host's clock was set to the board's (%lld)", (long long)unix_s);
    else if (error != b->clock_said)
        log_error("board: this host's clock cannot be set to the board's: %s", strerror(-error));
    b->clock_said = error;
}

static void host_hardware(void *ctx, int minor)
{
    struct board *b = ctx;

    b->app->board_minor = minor;
}

static void host_sync(void *ctx, enum board_synced what, int percent, const char *text)
{
    struct board *b = ctx;

    board_sync_told(&b->sync, what, percent, text);
}

static const struct board_host host = {
    .send = host_send,
    .emit = host_emit,
    .uart = host_uart,
    .fact = host_fact,
    .say = host_say,
    .publish = host_publish,
    .clock = host_clock,
    .hardware = host_hardware,
    .sync = host_sync,
};

/* ---- its errand ---- */

static const char *why_down(void *ctx)
{
    struct board *b = ctx;

    return b->app->facts.v[FACT_BOARD].reason;
}

static const char *doing(void *ctx)
{
    struct board *b = ctx;

    return b->driver->doing(b->self);
}

static const char *sync_idle(void *self)
{
    const struct board *b = self;

    return b->app->settings->board.protocol == BOARD_NONE ? no_board : NULL;
}

static void sync_start(void *self, const struct errand_told *told)
{
    struct board *b = self;

    if (sync_idle(b)) {
        told->end(told->ctx, ERRAND_NONE, sync_idle(b));
        return;
    }
    struct board_now now = this_moment(b);
    board_sync_start(&b->sync, told);
    b->driver->sync(b->self, &now);
    arm_deadline(b);
}

static void sync_cancel(void *self)
{
    struct board *b = self;

    board_sync_cancel(&b->sync);
}

/* ---- the service ---- */

static void board_stats(void *self, stat_emit emit, void *ctx)
{
    struct board *b = self;
    const struct stat_value v[] = {
        {"board_unsent_total", NULL, STAT_COUNTER, (int64_t)b->unsent, "Requests that the line did not take."},
        {"board_uart_unread_total", NULL, STAT_COUNTER, (int64_t)b->unread_uart, "RS-485 bytes that no line read."},
    };

    b->driver->stats(b->self, emit, ctx);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit(ctx, &v[i]);
}

static void take_driver(struct board *b, enum board_protocol protocol)
{
    b->driver = drivers[protocol];
    b->self = b->driver->new (&host, b, &b->app->sensors, &b->app->ledger);
}

static void *board_new(struct app *app)
{
    struct board *b = must(calloc(1, sizeof *b));

    b->app = app;
    b->tty = tty_new(app->loop, &tty_callbacks, b);
    take_driver(b, BOARD_NONE);
    uv_timer_init(app->loop, &b->second);
    uv_timer_init(app->loop, &b->deadline);
    b->second.data = b->deadline.data = b;
    b->sync = (struct board_sync){.why_down = why_down, .doing = doing, .ctx = b};
    board_sync_init(&b->sync, app->loop);
    app->errands[ERRAND_BOARD_SYNC] = (struct errand){sync_start, sync_cancel, sync_idle, b};
    if (app->record_path)
        b->record = record_open(app->record_path);
    stats_add(&app->stats, board_stats, b);
    return b;
}

static bool same_line(const struct settings *a, const struct settings *b)
{
    return a && a->board.protocol == b->board.protocol && a->board.baud == b->board.baud &&
           strcmp(a->board.device ? a->board.device : "", b->board.device ? b->board.device : "") == 0;
}

/* Another kind of board: the one from before is let go, with its numbers. */
static void change_driver(struct board *b, enum board_protocol protocol)
{
    if (b->driver == drivers[protocol])
        return;
    tty_shut(b->tty);
    line_down(b, changed);
    b->driver->free(b->self);
    take_driver(b, protocol);
}

static void open_line(struct board *b, const struct settings *s)
{
    bool none = s->board.protocol == BOARD_NONE;

    tty_shut(b->tty);
    line_down(b, changed);
    b->app->board_minor = -1;
    facts_set(&b->app->facts, FACT_HEARTBEAT, false, "", app_mono_ms(b->app));
    facts_set(&b->app->facts, FACT_BOARD, false, none ? no_board : "", app_mono_ms(b->app));
    if (none) {
        board_sync_end(&b->sync, ERRAND_NONE, no_board);
        return;
    }
    snprintf(b->name, sizeof b->name, "%s", s->board.device);
    tty_open(b->tty, s->board.device, s->board.baud, TTY_8N1);
}

static void board_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct board *b = self;

    change_driver(b, next->board.protocol);
    struct board_now now = this_moment(b);
    b->driver->apply(b->self, next, &now);
    if (!same_line(old, next))
        open_line(b, next);
    arm_deadline(b);
}

static void board_stop(void *self)
{
    struct board *b = self;
    struct board_now now = this_moment(b);

    b->stopped = true;
    board_sync_cancel(&b->sync);
    b->driver->stop(b->self, &now);
    if (!b->goodbye)
        tty_shut(b->tty);
    line_down(b, "");
    uv_timer_stop(&b->deadline);
}

static void closed_one(struct board *b)
{
    if (--b->closing > 0)
        return;
    service_done done = b->done;
    void *ctx = b->done_ctx;
    b->driver->free(b->self);
    free(b);
    done(ctx);
}

static void on_timer_closed(uv_handle_t *h)
{
    closed_one(h->data);
}

static void on_limit_closed(uv_handle_t *h)
{
    struct board_sync *s = h->data;

    closed_one(s->ctx);
}

static void on_tty_closed(void *ctx)
{
    closed_one(ctx);
}

static void on_said_goodbye(uv_timer_t *t)
{
    struct board *b = t->data;

    record_close(b->record);
    b->closing = 4;
    uv_close((uv_handle_t *)&b->second, on_timer_closed);
    uv_close((uv_handle_t *)&b->deadline, on_timer_closed);
    uv_close((uv_handle_t *)&b->sync.limit, on_limit_closed);
    tty_close(b->tty, on_tty_closed, b);
}

static void board_close(void *self, service_done done, void *ctx)
{
    struct board *b = self;

    stats_remove(&b->app->stats, board_stats, b);
    b->done = done;
    b->done_ctx = ctx;
    uv_timer_start(&b->second, on_said_goodbye, b->goodbye ? GOODBYE_MS : 0, 0);
}

const struct service service_board = {"board", board_new, board_apply, board_stop, board_close};
