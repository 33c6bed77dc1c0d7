/* The FLX board as a driver (core/board.h): its conversation, what its data mean, and what people are told. */
#include "core/board.h"
#include "core/flx_conv.h"
#include "core/flx_measure.h"
#include "core/flx_topics.h"
#include "core/flx_want.h"
#include "core/ledger_marks.h"
#include "core/num.h"

#include <stdio.h>
#include <string.h>

#define AT_SENT 50 /* percent of a synchronisation: what is left is the board's answer */

struct flx_board {
    const struct board_host *host;
    void *ctx; /* of host */
    const struct sensors *sensors;
    struct ledger *ledger;
    struct flx_conv conv;
    struct flx_channels channels;
    struct board_now now;          /* of the call under way */
    bool impossible[FLX_CHANNELS]; /* said already */
    bool waveforms;                /* are published */
    int64_t board_s, board_ms;     /* the board's time at this moment, while the host's is not known; 0: not known */
    uint64_t steps;                /* time steps that people were told of */
    uint64_t dropped;              /* messages that the broker's connection did not take */
    char name[BOARD_NAME];         /* of the line */
};

/* ---- what its data mean ---- */

static const char *channel_name(struct flx_board *b, unsigned channel)
{
    struct sensor *s = sensors_get(b->sensors, b->channels.v[channel].sensor);

    return s ? s->name : "?";
}

static void say_special(struct flx_board *b, enum flx_note note, unsigned channel, int64_t milli)
{
    char value[NUM_MAX + 1];

    *num_put_milli(value, milli) = '\0';
    switch (note) {
    case FLX_WRAPPED:
        b->host->say(b->ctx, BOARD_NOTE, "%s: the counter passed 2^32 and goes on", channel_name(b, channel));
        break;
    case FLX_RESET_SEEN:
        b->host->say(b->ctx, BOARD_NOTE,
                     "%s: the board's counter was set to %s; the published one goes on from where it was",
                     channel_name(b, channel), value);
        break;
    case FLX_IMPOSSIBLE:
        if (!b->impossible[channel])
            b->host->say(b->ctx, BOARD_WARN, "%s: %s is more than its %s; such readings are refused and counted",
                         channel_name(b, channel), value,
                         channel < FLX_CLAMPS * FLX_CT_GAUGES ? "clamp can measure" : "pulses can bring");
        break;
    default:
        break;
    }
}

/* What came of a message about the n channels from `first` on. */
static void emit(struct flx_board *b, const struct flx_measured *m, unsigned first, unsigned n)
{
    bool impossible[FLX_CT_GAUGES] = {false};

    for (size_t i = 0; i < m->n_special; i++) {
        say_special(b, m->special[i].note, m->special[i].channel, m->special[i].milli);
        impossible[m->special[i].channel - first] |= m->special[i].note == FLX_IMPOSSIBLE;
    }
    memcpy(&b->impossible[first], impossible, n * sizeof impossible[0]);
    for (size_t i = 0; i < m->n; i++)
        flx_measure_emitted(&b->channels, &m->reading[i], b->host->emit(b->ctx, &m->reading[i]) == 0);
}

static void on_ct(void *ctx, const struct flx_ct *m)
{
    struct flx_board *b = ctx;
    struct flx_measured out;

    flx_measure_ct(&b->channels, m, &b->now, &out);
    emit(b, &out, m->port * FLX_CT_GAUGES, FLX_CT_GAUGES);
}

static void on_pulse(void *ctx, const struct flx_pulse *m)
{
    struct flx_board *b = ctx;
    struct flx_measured out;

    flx_measure_pulse(&b->channels, m, &b->now, &out);
    emit(b, &out, FLX_CLAMPS * FLX_CT_GAUGES + m->port - FLX_CLAMPS, 1);
}

/* What time it is, for counters at midnight: by the board when the host does not know. */
static int64_t second_of(const struct flx_board *b)
{
    if (b->now.unix_s || !b->board_s)
        return b->now.unix_s;
    return b->board_s + (b->now.mono_ms - b->board_ms) / 1000;
}

static void on_heartbeat(void *ctx)
{
    struct flx_board *b = ctx;
    struct reading owed[FLX_PULSE_PORTS];
    size_t n;

    b->host->fact(b->ctx, FACT_HEARTBEAT, true, "", b->now.mono_ms);
    n = flx_measure_owed(&b->channels, &b->now, owed);
    for (size_t i = 0; i < n; i++)
        flx_measure_emitted(&b->channels, &owed[i], b->host->emit(b->ctx, &owed[i]) == 0);
    ledger_clock(b->ledger, second_of(b), b->now.mono_ms, b->now.clock == CLOCK_SYNCED);
    ledger_heard(b->ledger, "flx");
}

/* ---- what else it tells ---- */

static void on_wave(void *ctx, enum flx_type type, const struct flx_wave *m)
{
    struct flx_board *b = ctx;
    char payload[FLX_TOPICS_WAVE_MAX];

    if (!b->waveforms)
        return;
    size_t n = flx_topics_wave(payload, type, m);
    b->dropped += b->host->publish(b->ctx, flx_topics_wave_below(type, m->index), payload, n) < 0;
}

static void on_time_stamp(void *ctx, uint32_t s)
{
    struct flx_board *b = ctx;
    char payload[FLX_TOPICS_TIME_MAX];
    size_t n = flx_topics_time(payload, b->now.wall_ms / 1000, s);

    b->dropped += b->host->publish(b->ctx, FLX_TOPICS_TIME, payload, n) < 0;
}

static void on_board_time(void *ctx, uint32_t s)
{
    struct flx_board *b = ctx;

    b->board_s = s;
    b->board_ms = b->now.mono_ms;
    b->host->clock(b->ctx, s);
}

/* ---- what the conversation says ---- */

static void on_send(void *ctx, const void *bytes, size_t n)
{
    struct flx_board *b = ctx;

    b->host->send(b->ctx, bytes, n);
}

static void say_configuring(struct flx_board *b)
{
    b->host->sync(b->ctx, BOARD_SYNC_STEP, AT_SENT, "its configuration is sent, to be answered");
}

static void on_state(void *ctx, enum flx_state from, enum flx_state to, const char *reason)
{
    struct flx_board *b = ctx;
    char text[FACT_REASON];

    b->host->say(b->ctx, BOARD_DETAIL, "%s -> %s %s", flx_state_name(from), flx_state_name(to), reason);
    switch (to) {
    case FLX_DOWN:
        break;
    case FLX_CONFIGURE:
        b->host->say(b->ctx, BOARD_INFO, "sending its configuration%s%s", *reason ? ": " : "", reason);
        say_configuring(b);
        break;
    case FLX_RUN:
        snprintf(text, sizeof text, "FLX on %s", b->name);
        b->host->say(b->ctx, BOARD_INFO, "polling, %s", text);
        b->host->fact(b->ctx, FACT_BOARD, true, text, b->now.mono_ms);
        b->host->sync(b->ctx, BOARD_SYNC_OK, 0, "its configuration was sent, and it asks for none");
        break;
    case FLX_LOST:
    case FLX_DEAF:
        b->host->say(b->ctx, BOARD_WARN, "%s: %s: %s", b->name, flx_state_name(to), reason);
        b->host->fact(b->ctx, FACT_BOARD, false, reason, b->now.mono_ms);
        if (to == FLX_LOST) /* a deaf one answers pings */
            b->host->fact(b->ctx, FACT_HEARTBEAT, false, reason, b->now.mono_ms);
        b->host->sync(b->ctx, BOARD_SYNC_FAILED, 0, reason);
        break;
    }
}

static const struct flx_callbacks conv_callbacks = {
    .send = on_send,
    .ct = on_ct,
    .pulse = on_pulse,
    .wave = on_wave,
    .heartbeat = on_heartbeat,
    .time_stamp = on_time_stamp,
    .board_time = on_board_time,
    .state = on_state,
};

/* ---- the driver ---- */

static void *flx_board_new(const struct board_host *host, void *ctx, const struct sensors *sensors,
                           struct ledger *ledger)
{
    struct flx_board *b = must(calloc(1, sizeof *b));

    b->host = host;
    b->ctx = ctx;
    b->sensors = sensors;
    b->ledger = ledger;
    flx_conv_init(&b->conv, &conv_callbacks, b);
    return b;
}

static void flx_board_apply(void *self, const struct settings *s, const struct board_now *now)
{
    struct flx_board *b = self;
    struct flx_picture want;

    b->now = *now;
    snprintf(b->name, sizeof b->name, "%s", s->board.device ? s->board.device : "");
    b->waveforms = s->board.waveforms;
    flx_channels_set(&b->channels, b->sensors, b->ledger, s);
    flx_want(&want, s);
    flx_conv_want(&b->conv, &want, now);
}

static void flx_board_line_up(void *self, const struct board_now *now)
{
    struct flx_board *b = self;

    b->now = *now;
    flx_conv_line_up(&b->conv, now);
}

static void flx_board_line_down(void *self, const char *reason, const struct board_now *now)
{
    struct flx_board *b = self;

    b->now = *now;
    flx_conv_line_down(&b->conv, reason);
}

/* Its clock is right again within the second: people are told by how much it was not. Of one that stays wrong they
 * are told once. */
static void say_steps(struct flx_board *b)
{
    char off[NUM_MAX + 1];

    if (b->conv.steps == b->steps)
        return;
    b->steps = b->conv.steps;
    *num_put_milli(off, b->conv.off_ms < 0 ? -b->conv.off_ms : b->conv.off_ms) = '\0';
    if (b->conv.in_row == FLX_STEPS_MAX)
        b->host->say(b->ctx, BOARD_WARN, "its clock was set %d times and is %s s %s still", FLX_STEPS_MAX - 1, off,
                     b->conv.off_ms < 0 ? "ahead" : "behind");
    else
        b->host->say(b->ctx, b->conv.in_row == 1 ? BOARD_INFO : BOARD_DETAIL, "its clock is set: it was %s s %s", off,
                     b->conv.off_ms < 0 ? "ahead" : "behind");
}

static void flx_board_second(void *self, const struct board_now *now)
{
    struct flx_board *b = self;

    b->now = *now;
    flx_conv_second(&b->conv, now);
    say_steps(b);
}

static void flx_board_bytes(void *self, const uint8_t *p, size_t n, const struct board_now *now)
{
    struct flx_board *b = self;

    b->now = *now;
    flx_conv_bytes(&b->conv, p, n, now);
}

static int64_t flx_board_deadline(const void *self)
{
    const struct flx_board *b = self;

    return flx_conv_deadline(&b->conv);
}

static void flx_board_tick(void *self, const struct board_now *now)
{
    struct flx_board *b = self;

    b->now = *now;
    flx_conv_tick(&b->conv, now);
}

static void flx_board_sync(void *self, const struct board_now *now)
{
    struct flx_board *b = self;

    b->now = *now;
    if (b->conv.state == FLX_CONFIGURE) /* it is at it already, and says no change */
        say_configuring(b);
    flx_conv_sync(&b->conv, now);
}

static void flx_board_stop(void *self, const struct board_now *now)
{
    struct flx_board *b = self;

    b->now = *now;
    flx_conv_stop(&b->conv);
}

static const char *flx_board_doing(const void *self)
{
    const struct flx_board *b = self;

    return flx_state_name(b->conv.state);
}

/* ---- its numbers ---- */

#define N(counter) ((int64_t)(counter))

static void frame_stats(const struct flx_conv *c, stat_emit emit_stat, void *ctx)
{
    static const struct {
        enum flx_type type;
        const char *labels;
    } told[] = {
        {FLX_PING, "type=\"ping\""},       {FLX_PONG, "type=\"pong\""},       {FLX_TIME_STAMP, "type=\"time_stamp\""},
        {FLX_VOLTAGE, "type=\"voltage\""}, {FLX_CURRENT, "type=\"current\""}, {FLX_CT, "type=\"ct\""},
        {FLX_PULSE, "type=\"pulse\""},     {FLX_KUBE, "type=\"kube\""},       {FLX_DEBUG, "type=\"debug\""},
        {FLX_SAR, "type=\"sar\""},         {FLX_SDADC, "type=\"sdadc\""},     {FLX_RFM_DEBUG, "type=\"rfm_debug\""},
    };
    static const char help[] = "Good frames from the board.",
                      why[] = "Pieces of what the board said that were refused.";
    uint64_t others = c->reader.frames, content = 0;

    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        emit_stat(ctx, &(struct stat_value){"board_frames_total", told[i].labels, STAT_COUNTER, N(c->got[told[i].type]),
                                            help});
        others -= c->got[told[i].type];
    }
    emit_stat(ctx, &(struct stat_value){"board_frames_total", "type=\"other\"", STAT_COUNTER, N(others), help});
    for (size_t i = 0; i < FLX_TYPES; i++)
        content += c->refused[i];
    emit_stat(ctx, &(struct stat_value){"board_refused_total", "why=\"check\"", STAT_COUNTER, N(c->reader.bad), why});
    emit_stat(ctx, &(struct stat_value){"board_refused_total", "why=\"content\"", STAT_COUNTER, N(content), why});
}

static void flx_board_stats(void *self, stat_emit emit_stat, void *ctx)
{
    struct flx_board *b = self;
    const struct flx_conv *c = &b->conv;
    const uint64_t *notes = b->channels.notes;
    const struct stat_value v[] = {
        {"board_pings_total", NULL, STAT_COUNTER, N(c->pings), "Pings sent to the board."},
        {"board_pongs_total", NULL, STAT_COUNTER, N(c->pongs), "Pings that the board answered."},
        {"board_pongs_lost_total", NULL, STAT_COUNTER, N(c->pongs_lost), "Pings without an answer."},
        {"board_unexpected_total", NULL, STAT_COUNTER, N(c->pongs_stale), "Replies that answered nothing asked."},
        {"board_writes_total", NULL, STAT_COUNTER, N(c->configs), "Times that the board's settings were written."},
        {"board_time_steps_total", NULL, STAT_COUNTER, N(c->steps), "Times that the board's clock was set."},
        {"board_clock_off_ms", NULL, STAT_GAUGE, c->off_ms, "This host's clock less the board's, at its last word."},
        {"board_skipped_bytes_total", NULL, STAT_COUNTER, N(c->reader.skipped), "Bytes that were no good frame."},
        {"board_messages_dropped_total", NULL, STAT_COUNTER, N(b->dropped),
         "Clocks and waveforms that the broker's connection did not take."},
        {"board_wraps_total", NULL, STAT_COUNTER, N(notes[FLX_WRAPPED]), "Counters that passed 2^32."},
        {"board_counter_resets_total", NULL, STAT_COUNTER, N(notes[FLX_RESET_SEEN]), "Counters found set anew."},
        {"board_suspects_total", NULL, STAT_COUNTER, N(notes[FLX_SUSPECT]), "Counter values that await confirmation."},
        {"board_impossible_total", NULL, STAT_COUNTER, N(notes[FLX_IMPOSSIBLE]), "Readings beyond the clamps."},
        {"board_not_ours_total", NULL, STAT_COUNTER, N(notes[FLX_NOT_OURS]), "Records of sensors not enabled."},
    };

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit_stat(ctx, &v[i]);
    frame_stats(c, emit_stat, ctx);
}

const struct board_driver board_flx = {
    .name = "flx",
    .new = flx_board_new,
    .free = free,
    .apply = flx_board_apply,
    .line_up = flx_board_line_up,
    .line_down = flx_board_line_down,
    .second = flx_board_second,
    .bytes = flx_board_bytes,
    .deadline = flx_board_deadline,
    .tick = flx_board_tick,
    .sync = flx_board_sync,
    .stop = flx_board_stop,
    .doing = flx_board_doing,
    .stats = flx_board_stats,
};
