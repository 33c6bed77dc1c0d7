/* The FLM02 board as a driver (core/board.h): its conversation, what its records mean, and what people are told. */
#include "core/board.h"
#include "core/flm02_conv.h"
#include "core/flm02_measure.h"
#include "core/ledger_marks.h"

#include <stdio.h>
#include <string.h>

/* How far a synchronisation is, in percent, when it comes to each part. */
#define AT_IDENTIFIED 10
#define AT_READ       40
#define AT_WRITTEN    80

struct flm02_board {
    const struct board_host *host;
    void *ctx; /* of host */
    const struct sensors *sensors;
    struct ledger *ledger;
    struct flm02_conv conv;
    struct flm02_channel channels[FLM02_SENSORS];
    struct board_now now;              /* of the call under way */
    int64_t poll_mono_ms, poll_unix_s; /* stamp of the poll under way */
    enum flm02_problem said[FLM02_SENSORS];
    bool impossible[FLM02_SENSORS]; /* said already */
    bool said_invert;               /* likewise */
    unsigned owed;                  /* bit per channel: its counter is to be emitted once more */
    int echoed, to_echo;            /* commands of the write under way, or of the one before */
    char name[BOARD_NAME];          /* of the line */
    uint64_t notes[FLM02_IMPOSSIBLE + 1];
};

static const char *channel_name(struct flm02_board *b, unsigned id)
{
    struct sensor *s = sensors_get(b->sensors, b->channels[id].sensor);

    return s ? s->name : "?";
}

/* ---- what records mean ---- */

static void say_note(struct flm02_board *b, const struct flm02_record *r, enum flm02_measure_note note)
{
    b->notes[note]++;
    switch (note) {
    case FLM02_WRAPPED:
        b->host->say(b->ctx, BOARD_NOTE, "%s: the counter passed 2^32 and goes on", channel_name(b, r->id));
        break;
    case FLM02_RESET_SEEN:
        b->host->say(b->ctx, BOARD_NOTE,
                     "%s: the board's counter was set to %u; the published one goes on from where it was",
                     channel_name(b, r->id), (unsigned)r->counter);
        flm02_conv_recheck(&b->conv); /* it was reset, and may hold older settings */
        break;
    case FLM02_IMPOSSIBLE:
        if (!b->impossible[r->id])
            b->host->say(b->ctx, BOARD_WARN,
                         "%s: %u W is more than its clamps can measure; such readings are refused and counted",
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
static void emit_owed(struct flm02_board *b)
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
        if (owed >> id & 1 && c->sensor && c->entry->meter.known && b->host->emit(b->ctx, &r) < 0)
            b->owed |= 1u << id;
    }
}

static void on_records(void *ctx, const struct flm02_record *records, int n)
{
    struct flm02_board *b = ctx;
    struct reading out[READING_KINDS];
    enum flm02_measure_note note;

    b->host->fact(b->ctx, FACT_HEARTBEAT, true, "", b->poll_mono_ms);
    for (int i = 0; i < n; i++) {
        int k = flm02_measure(&b->channels[records[i].id], &records[i], b->poll_mono_ms, b->poll_unix_s, out, &note);
        say_note(b, &records[i], note);
        for (int j = 0; j < k; j++) {
            bool taken = b->host->emit(b->ctx, &out[j]) == 0;
            if (out[j].kind == READING_COUNTER)
                b->owed = taken ? b->owed & ~(1u << records[i].id) : b->owed | 1u << records[i].id;
        }
    }
    emit_owed(b); /* last: a record's own counter is newer, and a second takes one */
    ledger_clock(b->ledger, b->poll_unix_s, b->poll_mono_ms, b->now.clock == CLOCK_SYNCED);
    ledger_heard(b->ledger, "flm02");
}

/* ---- what a synchronisation is told ---- */

/* It is polled, so it holds its settings; but for sensors that its hardware cannot have. */
static void synced(struct flm02_board *b)
{
    char detail[160];

    for (unsigned id = 0; id < FLM02_SENSORS; id++) {
        if (b->conv.problems[id] == FLM02_FITS)
            continue;
        snprintf(detail, sizeof detail, "%s: %s", channel_name(b, id), flm02_problem_text(b->conv.problems[id]));
        b->host->sync(b->ctx, BOARD_SYNC_UNFIT, 0, detail);
        return;
    }
    if (b->conv.unsaved) {
        b->host->sync(b->ctx, BOARD_SYNC_FAILED, 0, "it did not confirm that it keeps its settings");
        return;
    }
    if (b->to_echo)
        snprintf(detail, sizeof detail, "%d command%s written, each echoed, and all read back", b->to_echo,
                 b->to_echo == 1 ? "" : "s");
    else
        snprintf(detail, sizeof detail, "read back, it held all");
    b->host->sync(b->ctx, BOARD_SYNC_OK, 0, detail);
}

static void sync_writing(struct flm02_board *b)
{
    char line[80];

    b->to_echo = b->conv.n_script;
    b->echoed = 0;
    snprintf(line, sizeof line, "it differs: %d command%s to write", b->to_echo, b->to_echo == 1 ? "" : "s");
    b->host->sync(b->ctx, BOARD_SYNC_STEP, AT_READ, line);
}

static void sync_state(struct flm02_board *b, enum flm02_state to, const char *reason)
{
    char line[80];

    switch (to) {
    case FLM02_DOWN:
    case FLM02_IDENTIFY:
        break;
    case FLM02_READBACK:
        snprintf(line, sizeof line, "hardware %u.%u, reading back", b->conv.major, b->conv.minor);
        b->host->sync(b->ctx, BOARD_SYNC_STEP, b->conv.verified ? AT_WRITTEN : AT_IDENTIFIED, line);
        break;
    case FLM02_WRITE:
        sync_writing(b);
        break;
    case FLM02_POLL:
        synced(b);
        break;
    case FLM02_LOST:
        b->host->sync(b->ctx, BOARD_SYNC_FAILED, 0, reason);
        break;
    case FLM02_REFUSED_BOARD:
        b->host->sync(b->ctx, flm02_conv_knows(&b->conv) ? BOARD_SYNC_FAILED : BOARD_SYNC_UNFIT, 0, reason);
        break;
    }
}

static void sync_echoes(struct flm02_board *b)
{
    char line[80];

    while (b->conv.state == FLM02_WRITE && b->echoed < b->conv.at) {
        const struct flm02_command *c = &b->conv.script[b->echoed++];
        snprintf(line, sizeof line, "%.2s %.*s: echoed", c->letters, c->n_args, c->args);
        b->host->sync(b->ctx, BOARD_SYNC_STEP, AT_READ + (AT_WRITTEN - AT_READ) * b->echoed / b->to_echo, line);
    }
}

/* ---- what the conversation says ---- */

static void on_send(void *ctx, const char *bytes, size_t n)
{
    struct flm02_board *b = ctx;

    b->host->send(b->ctx, bytes, n); /* what the line does not take, the conversation asks again */
}

/* Bytes of the RS-485 port (S4). */
static void on_uart(void *ctx, const uint8_t *bytes, size_t n)
{
    struct flm02_board *b = ctx;

    b->host->uart(b->ctx, bytes, n);
}

static void say_problems(struct flm02_board *b)
{
    if (b->conv.want.rx_invert && b->conv.minor < 2 && !b->said_invert)
        b->host->say(b->ctx, BOARD_ERROR,
                     "a line shall be inverted, which needs board hardware 2.2; use an inverting cable");
    b->said_invert = b->conv.want.rx_invert && b->conv.minor < 2;
    for (unsigned id = 0; id < FLM02_SENSORS; id++) {
        enum flm02_problem p = b->conv.problems[id];
        if (p != FLM02_FITS && p != b->said[id])
            b->host->say(b->ctx, BOARD_ERROR, "%s: %s; this sensor stays off", channel_name(b, id),
                         flm02_problem_text(p));
        b->said[id] = p;
    }
}

static void on_state(void *ctx, enum flm02_state from, enum flm02_state to, const char *reason)
{
    struct flm02_board *b = ctx;
    char text[FACT_REASON];

    b->host->say(b->ctx, BOARD_DETAIL, "%s -> %s %s", flm02_state_name(from), flm02_state_name(to), reason);
    switch (to) {
    case FLM02_WRITE:
        b->host->say(b->ctx, BOARD_INFO, "writing its settings (%d commands)", b->conv.n_script);
        break;
    case FLM02_POLL:
        say_problems(b);
        snprintf(text, sizeof text, "hardware %u.%u on %s", b->conv.major, b->conv.minor, b->name);
        b->host->say(b->ctx, BOARD_INFO, "polling, %s", text);
        b->host->hardware(b->ctx, (int)b->conv.minor);
        b->host->fact(b->ctx, FACT_BOARD, true, text, b->now.mono_ms);
        break;
    case FLM02_LOST:
    case FLM02_REFUSED_BOARD:
        b->host->say(b->ctx, BOARD_WARN, "%s: %s: %s", b->name, flm02_state_name(to), reason);
        b->host->fact(b->ctx, FACT_BOARD, false, reason, b->now.mono_ms);
        b->host->fact(b->ctx, FACT_HEARTBEAT, false, reason, b->now.mono_ms);
        break;
    default:
        break;
    }
    sync_state(b, to, reason);
}

static void on_enabled(void *ctx, unsigned id)
{
    struct flm02_board *b = ctx;

    b->channels[id].drop_gauge = true;
}

static const struct flm02_callbacks conv_callbacks = {on_send, on_records, on_uart, on_state, on_enabled};

/* ---- the driver ---- */

static void *flm02_board_new(const struct board_host *host, void *ctx, const struct sensors *sensors,
                             struct ledger *ledger)
{
    struct flm02_board *b = must(calloc(1, sizeof *b));

    b->host = host;
    b->ctx = ctx;
    b->sensors = sensors;
    b->ledger = ledger;
    flm02_conv_init(&b->conv, &conv_callbacks, b);
    return b;
}

static void flm02_board_apply(void *self, const struct settings *s, const struct board_now *now)
{
    struct flm02_board *b = self;
    struct flm02_picture want;

    b->now = *now;
    snprintf(b->name, sizeof b->name, "%s", s->board.device ? s->board.device : "");
    flm02_channels_set(b->channels, b->sensors, b->ledger, s);
    flm02_want(&want, s);
    flm02_conv_want(&b->conv, &want, now->mono_ms);
}

static void flm02_board_line_up(void *self, const struct board_now *now)
{
    struct flm02_board *b = self;

    b->now = *now;
    flm02_conv_line_up(&b->conv, now->mono_ms);
}

static void flm02_board_line_down(void *self, const char *reason, const struct board_now *now)
{
    struct flm02_board *b = self;

    b->now = *now;
    flm02_conv_line_down(&b->conv, reason);
}

static void flm02_board_second(void *self, const struct board_now *now)
{
    struct flm02_board *b = self;

    b->now = *now;
    b->poll_mono_ms = now->mono_ms;
    b->poll_unix_s = now->unix_s;
    flm02_conv_poll(&b->conv, now->mono_ms);
}

static void flm02_board_bytes(void *self, const uint8_t *p, size_t n, const struct board_now *now)
{
    struct flm02_board *b = self;

    b->now = *now;
    flm02_conv_bytes(&b->conv, (const char *)p, n, now->mono_ms);
    sync_echoes(b);
}

static int64_t flm02_board_deadline(const void *self)
{
    const struct flm02_board *b = self;

    return flm02_conv_deadline(&b->conv);
}

static void flm02_board_tick(void *self, const struct board_now *now)
{
    struct flm02_board *b = self;

    b->now = *now;
    flm02_conv_tick(&b->conv, now->mono_ms);
}

static void flm02_board_sync(void *self, const struct board_now *now)
{
    struct flm02_board *b = self;

    b->now = *now;
    b->echoed = b->conv.state == FLM02_WRITE ? b->conv.at : 0; /* it may be at it already */
    b->to_echo = b->conv.state == FLM02_WRITE ? b->conv.n_script : 0;
    flm02_conv_sync(&b->conv, now->mono_ms);
}

static void flm02_board_stop(void *self, const struct board_now *now)
{
    (void)self, (void)now; /* it needs no good-bye */
}

static const char *flm02_board_doing(const void *self)
{
    const struct flm02_board *b = self;

    return flm02_state_name(b->conv.state);
}

#define N(counter) ((int64_t)(counter))

static void flm02_board_stats(void *self, stat_emit emit, void *ctx)
{
    struct flm02_board *b = self;
    const struct flm02_conv *c = &b->conv;
    const struct stat_value v[] = {
        {"board_polls_total", NULL, STAT_COUNTER, N(c->polls), "Polls that the board answered."},
        {"board_polls_lost_total", NULL, STAT_COUNTER, N(c->polls_lost), "Polls without an answer in five tries."},
        {"board_requests_total", NULL, STAT_COUNTER, N(c->requests), "Requests sent to the board."},
        {"board_retries_total", NULL, STAT_COUNTER, N(c->retries), "Requests sent once more."},
        {"board_unexpected_total", NULL, STAT_COUNTER, N(c->unexpected), "Replies that answered nothing asked."},
        {"board_writes_total", NULL, STAT_COUNTER, N(c->writes), "Times that the board's settings were written."},
        {"board_uart_bytes_total", NULL, STAT_COUNTER, N(c->uart_bytes), "Bytes from the RS-485 port."},
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
        emit(ctx, &(struct stat_value){"board_refused_total", labels, STAT_COUNTER, N(c->reader.refused[i]),
                                       "Pieces of the board's text that were refused."});
    }
}

const struct board_driver board_flm02 = {
    .name = "flm02",
    .new = flm02_board_new,
    .free = free,
    .apply = flm02_board_apply,
    .line_up = flm02_board_line_up,
    .line_down = flm02_board_line_down,
    .second = flm02_board_second,
    .bytes = flm02_board_bytes,
    .deadline = flm02_board_deadline,
    .tick = flm02_board_tick,
    .sync = flm02_board_sync,
    .stop = flm02_board_stop,
    .doing = flm02_board_doing,
    .stats = flm02_board_stats,
};
