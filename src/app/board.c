/* The sensor board service: a serial line, the conversation with the board on it, and what its records mean.
 * It publishes nothing itself: readings go to the hub, its state to the facts. */
#include "app/app.h"
#include "app/board_sync.h"
#include "app/record.h"
#include "core/flm02_conv.h"
#include "core/flm02_measure.h"
#include "core/ledger_marks.h"
#include "core/settings.h"
#include "core/util.h"
#include "io/log.h"
#include "io/tty.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct board {
    struct app *app;
    struct tty *tty;
    struct flm02_conv conv;
    struct flm02_channel channels[FLM02_SENSORS];
    struct record *record; /* NULL: not recorded */
    struct board_sync sync;
    uv_timer_t second, deadline;
    int64_t poll_mono_ms, poll_unix_s; /* stamp of the poll under way */
    enum flm02_problem said[FLM02_SENSORS];
    bool uart_said, impossible[FLM02_SENSORS]; /* said already */
    unsigned owed;                             /* bit per channel: its counter is to be emitted once more */
    char name[96];                             /* of the line, for the log */
    uint64_t notes[FLM02_IMPOSSIBLE + 1];
    uint64_t unread_uart, unsent;
    service_done done;
    void *done_ctx;
    int closing; /* handles still open */
};

static const char no_board[] = "no board is set up";

static void on_deadline(uv_timer_t *t);

static void arm_deadline(struct board *b)
{
    int64_t at = flm02_conv_deadline(&b->conv);
    int64_t now = app_mono_ms(b->app);

    if (at < 0)
        uv_timer_stop(&b->deadline);
    else
        uv_timer_start(&b->deadline, on_deadline, at > now ? (uint64_t)(at - now) : 0, 0);
}

static void on_deadline(uv_timer_t *t)
{
    struct board *b = t->data;

    flm02_conv_tick(&b->conv, app_mono_ms(b->app));
    arm_deadline(b);
}

/* V4: the board is polled at each wall second, one or two milliseconds into it. */
static void on_second(uv_timer_t *t)
{
    struct board *b = t->data;

    uv_update_time(b->app->loop);
    b->poll_mono_ms = app_mono_ms(b->app);
    b->poll_unix_s = app_unix_s(b->app);
    flm02_conv_poll(&b->conv, b->poll_mono_ms);
    arm_deadline(b);
    uv_timer_start(t, on_second, (uint64_t)(1001 - app_wall_ms() % 1000), 0);
}

/* ---- what the line says ---- */

static void on_opened(void *ctx)
{
    struct board *b = ctx;

    log_info("board: %s: open", b->name);
    flm02_conv_line_up(&b->conv, app_mono_ms(b->app));
    on_second(&b->second);
}

static void on_bytes(void *ctx, const char *p, size_t n)
{
    struct board *b = ctx;

    if (b->record)
        record_bytes(b->record, app_mono_ms(b->app), "rx", p, n);
    flm02_conv_bytes(&b->conv, p, n, app_mono_ms(b->app));
    board_sync_look(&b->sync);
    arm_deadline(b);
}

static void on_lost(void *ctx, const char *reason)
{
    struct board *b = ctx;
    char text[FACT_REASON];

    uv_timer_stop(&b->second);
    snprintf(text, sizeof text, "%s: %s", b->name, reason);
    log_warn("board: %s; trying again", text);
    flm02_conv_line_down(&b->conv, text);
    facts_set(&b->app->facts, FACT_BOARD, false, text, app_mono_ms(b->app));
    facts_set(&b->app->facts, FACT_HEARTBEAT, false, text, app_mono_ms(b->app));
    arm_deadline(b);
}

static const struct tty_callbacks tty_callbacks = {on_opened, on_bytes, on_lost};

/* ---- what the conversation says ---- */

static void on_send(void *ctx, const char *bytes, size_t n)
{
    struct board *b = ctx;

    if (b->record)
        record_bytes(b->record, app_mono_ms(b->app), "tx", bytes, n);
    if (tty_write(b->tty, bytes, n) < 0)
        b->unsent++; /* the conversation asks again */
}

static const char *channel_name(struct board *b, unsigned id)
{
    struct sensor *s = sensors_get(&b->app->sensors, b->channels[id].sensor);

    return s ? s->name : "?";
}

static void say_note(struct board *b, const struct flm02_record *r, enum flm02_measure_note note)
{
    b->notes[note]++;
    switch (note) {
    case FLM02_WRAPPED:
        log_note("board: %s: the counter passed 2^32 and goes on", channel_name(b, r->id));
        break;
    case FLM02_RESET_SEEN:
        log_note("board: %s: the board's counter was set to %u; the published one goes on from where it was",
                 channel_name(b, r->id), (unsigned)r->counter);
        flm02_conv_recheck(&b->conv); /* it was reset, and may hold older settings */
        break;
    case FLM02_IMPOSSIBLE:
        if (!b->impossible[r->id])
            log_warn("board: %s: %u W is more than its clamps can measure; such readings are refused and counted",
                     channel_name(b, r->id), (unsigned)r->extra);
        b->impossible[r->id] = true;
        break;
    case FLM02_MEASURED:
        b->impossible[r->id] = false;
        break;
    default:
        break;
    }
}

/* Counters that the hub refused, because two answers came in one second or the clock went back a little, come again
 * with this second's stamp: the next pulse may be days away. */
static void emit_owed(struct board *b)
{
    unsigned owed = b->owed;

    for (unsigned id = 0; id < FLM02_SENSORS; id++) { /* those that people set */
        struct ledger_entry *e = b->channels[id].entry;
        if (e && e->owed)
            owed |= 1u << id;
        if (e)
            e->owed = false;
    }
    b->owed = 0;
    for (unsigned id = 0; owed >> id; id++) {
        const struct flm02_channel *c = &b->channels[id];
        struct reading r = {.sensor = c->sensor,
                            .kind = READING_COUNTER,
                            .milli = c->sensor ? meter_published(&c->entry->meter) : 0,
                            .mono_ms = b->poll_mono_ms,
                            .unix_s = b->poll_unix_s};
        if (owed >> id & 1 && c->sensor && c->entry->meter.known && hub_emit(&b->app->hub, &r) < 0)
            b->owed |= 1u << id;
    }
}

static void on_records(void *ctx, const struct flm02_record *records, int n)
{
    struct board *b = ctx;
    struct reading out[READING_KINDS];
    enum flm02_measure_note note;

    facts_set(&b->app->facts, FACT_HEARTBEAT, true, "", b->poll_mono_ms);
    for (int i = 0; i < n; i++) {
        int k = flm02_measure(&b->channels[records[i].id], &records[i], b->poll_mono_ms, b->poll_unix_s, out, &note);
        say_note(b, &records[i], note);
        for (int j = 0; j < k; j++) {
            bool taken = hub_emit(&b->app->hub, &out[j]) == 0;
            if (out[j].kind == READING_COUNTER)
                b->owed = taken ? b->owed & ~(1u << records[i].id) : b->owed | 1u << records[i].id;
        }
    }
    emit_owed(b); /* last: a record's own counter is newer, and a second takes one */
    ledger_clock(&b->app->ledger, b->poll_unix_s, b->poll_mono_ms, b->app->clock.state == CLOCK_SYNCED);
    ledger_heard(&b->app->ledger, "flm02");
}

/* Bytes of the RS-485 port (S4). */
static void on_uart(void *ctx, const uint8_t *bytes, size_t n)
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

static void say_problems(struct board *b)
{
    for (unsigned id = 0; id < FLM02_SENSORS; id++) {
        enum flm02_problem p = b->conv.problems[id];
        if (p != FLM02_FITS && p != b->said[id])
            log_error("board: %s: %s; this sensor stays off", channel_name(b, id), flm02_problem_text(p));
        b->said[id] = p;
    }
}

static void on_state(void *ctx, enum flm02_state from, enum flm02_state to, const char *reason)
{
    struct board *b = ctx;
    int64_t now = app_mono_ms(b->app);
    char text[FACT_REASON];

    log_detail("board: %s -> %s %s", flm02_state_name(from), flm02_state_name(to), reason);
    switch (to) {
    case FLM02_WRITE:
        log_info("board: writing its settings (%d commands)", b->conv.n_script);
        break;
    case FLM02_POLL:
        say_problems(b);
        snprintf(text, sizeof text, "hardware %u.%u on %s", b->conv.major, b->conv.minor, b->name);
        log_info("board: polling, %s", text);
        b->app->board_minor = b->conv.minor;
        facts_set(&b->app->facts, FACT_BOARD, true, text, now);
        break;
    case FLM02_LOST:
    case FLM02_REFUSED_BOARD:
        log_warn("board: %s: %s: %s", b->name, flm02_state_name(to), reason);
        facts_set(&b->app->facts, FACT_BOARD, false, reason, now);
        facts_set(&b->app->facts, FACT_HEARTBEAT, false, reason, now);
        break;
    default:
        break;
    }
    board_sync_state(&b->sync, to, reason);
}

static void on_enabled(void *ctx, unsigned id)
{
    struct board *b = ctx;

    b->channels[id].drop_gauge = true;
}

static const struct flm02_callbacks conv_callbacks = {on_send, on_records, on_uart, on_state, on_enabled};

/* ---- its errand ---- */

static const char *why_down(void *ctx)
{
    struct board *b = ctx;

    return b->app->facts.v[FACT_BOARD].reason;
}

static const char *sensor_name(void *ctx, unsigned id)
{
    return channel_name(ctx, id);
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
    board_sync_start(&b->sync, told);
    arm_deadline(b);
}

static void sync_cancel(void *self)
{
    struct board *b = self;

    board_sync_cancel(&b->sync);
}

/* ---- the service ---- */

#define N(counter) ((int64_t)(counter))

static void board_stats(void *self, stat_emit emit, void *ctx)
{
    struct board *b = self;
    const struct flm02_conv *c = &b->conv;
    const struct stat_value v[] = {
        {"board_polls_total", NULL, STAT_COUNTER, N(c->polls), "Polls that the board answered."},
        {"board_polls_lost_total", NULL, STAT_COUNTER, N(c->polls_lost), "Polls without an answer in five tries."},
        {"board_requests_total", NULL, STAT_COUNTER, N(c->requests), "Requests sent to the board."},
        {"board_retries_total", NULL, STAT_COUNTER, N(c->retries), "Requests sent once more."},
        {"board_unexpected_total", NULL, STAT_COUNTER, N(c->unexpected), "Replies that answered nothing asked."},
        {"board_writes_total", NULL, STAT_COUNTER, N(c->writes), "Times that the board's settings were written."},
        {"board_unsent_total", NULL, STAT_COUNTER, N(b->unsent), "Requests that the line did not take."},
        {"board_uart_bytes_total", NULL, STAT_COUNTER, N(c->uart_bytes), "Bytes from the RS-485 port."},
        {"board_uart_unread_total", NULL, STAT_COUNTER, N(b->unread_uart), "RS-485 bytes that no line read."},
        {"board_wraps_total", NULL, STAT_COUNTER, N(b->notes[FLM02_WRAPPED]), "Counters that passed 2^32."},
        {"board_counter_resets_total", NULL, STAT_COUNTER, N(b->notes[FLM02_RESET_SEEN]), "Counters found set anew."},
        {"board_suspects_total", NULL, STAT_COUNTER, N(b->notes[FLM02_SUSPECT]),
         "Counter values that await confirmation."},
        {"board_impossible_total", NULL, STAT_COUNTER, N(b->notes[FLM02_IMPOSSIBLE]), "Readings beyond the clamps."},
        {"board_not_ours_total", NULL, STAT_COUNTER, N(b->notes[FLM02_NOT_OURS]), "Records of sensors not enabled."},
        {"board_watchdog_resets", NULL, STAT_GAUGE, c->held.watchdog_resets, "Watchdog resets that the board counted."},
        {"board_brown_outs", NULL, STAT_GAUGE, c->held.brown_outs, "Brown-outs that the board counted."},
    };

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit(ctx, &v[i]);
    for (int i = 0; i < FLM02_REFUSALS; i++) {
        char labels[40];
        snprintf(labels, sizeof labels, "why=\"%s\"", flm02_refusal_name((enum flm02_refusal)i));
        emit(ctx, &(struct stat_value){"board_refused_total", labels, STAT_COUNTER, (int64_t)c->reader.refused[i],
                                       "Pieces of the board's text that were refused."});
    }
}

static void *board_new(struct app *app)
{
    struct board *b = must(calloc(1, sizeof *b));

    b->app = app;
    b->tty = tty_new(app->loop, &tty_callbacks, b);
    flm02_conv_init(&b->conv, &conv_callbacks, b);
    uv_timer_init(app->loop, &b->second);
    uv_timer_init(app->loop, &b->deadline);
    b->second.data = b->deadline.data = b;
    b->sync = (struct board_sync){.conv = &b->conv, .why_down = why_down, .sensor = sensor_name, .ctx = b};
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

static void board_apply(void *self, const struct settings *old, const struct settings *next)
{
    struct board *b = self;
    struct flm02_picture want;

    flm02_channels_set(b->channels, &b->app->sensors, &b->app->ledger, next);
    flm02_want(&want, next);
    flm02_conv_want(&b->conv, &want, app_mono_ms(b->app));
    if (!same_line(old, next)) {
        uv_timer_stop(&b->second);
        tty_shut(b->tty);
        flm02_conv_line_down(&b->conv, "the settings changed");
        b->app->board_minor = -1;
        facts_set(&b->app->facts, FACT_HEARTBEAT, false, "", app_mono_ms(b->app));
        facts_set(&b->app->facts, FACT_BOARD, false, next->board.protocol == BOARD_NONE ? no_board : "",
                  app_mono_ms(b->app));
        if (next->board.protocol == BOARD_FLM02) {
            snprintf(b->name, sizeof b->name, "%s", next->board.device);
            tty_open(b->tty, next->board.device, next->board.baud);
        } else {
            board_sync_end(&b->sync, ERRAND_NONE, no_board);
        }
    }
    arm_deadline(b);
}

static void board_stop(void *self)
{
    struct board *b = self;

    board_sync_cancel(&b->sync);
    uv_timer_stop(&b->second);
    tty_shut(b->tty);
    flm02_conv_line_down(&b->conv, "");
    arm_deadline(b);
}

static void closed_one(struct board *b)
{
    if (--b->closing > 0)
        return;
    service_done done = b->done;
    void *ctx = b->done_ctx;
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

static void board_close(void *self, service_done done, void *ctx)
{
    struct board *b = self;

    stats_remove(&b->app->stats, board_stats, b);
    record_close(b->record);
    b->done = done;
    b->done_ctx = ctx;
    b->closing = 4;
    uv_close((uv_handle_t *)&b->second, on_timer_closed);
    uv_close((uv_handle_t *)&b->deadline, on_timer_closed);
    uv_close((uv_handle_t *)&b->sync.limit, on_limit_closed);
    tty_close(b->tty, on_tty_closed, b);
}

const struct service service_board = {"board", board_new, board_apply, board_stop, board_close};
