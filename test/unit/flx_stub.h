/* A board small enough to be seen through, for tests of the conversation with an FLX board: it answers pings, asks for
 * its configuration when told to, and has a clock that is off by so much. It keeps what was sent and what was called.
 */
#ifndef TEST_FLX_STUB_H
#define TEST_FLX_STUB_H

#include "unit.h"

#include "core/flx_conv.h"

#include <stdio.h>
#include <string.h>

#define WALL 1800000000000 /* of the host at monotonic 0, a whole second */

static struct {
    bool silent;                        /* no pongs */
    int64_t pong_after_ms;              /* of a ping */
    int64_t asks_each_ms;               /* it pings; 0: it does not */
    int64_t off_ms;                     /* its clock - the host's true time */
    bool stamps, cts;                   /* each second of its clock, as it begins */
    bool deaf_to_steps, keeps_fraction; /* of a second, when its clock is set */
    uint8_t kills;                      /* a frame of this type ends the line, when line_dies */
    bool line_dies;
} board;

static struct flx_conv conv;
static struct flx_picture want;
static struct board_now now;
static int64_t pong_ms; /* one is due then; 0: none */
static uint32_t pong_counter;

/* What was sent, and what was called. */
static struct {
    uint8_t type;
    int64_t ms;
    uint8_t payload[FLX_CONFIG_LENGTH];
    size_t len;
} sent[4096];
static size_t n_sent;
static unsigned heartbeats, cts, pulses, voltages, currents, stamps, board_times;
static uint32_t last_board_time, last_stamp;
static enum flx_state states[64];
static char reasons[64][80];
static int n_states;

static uint32_t u32_of(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void on_send(void *ctx, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    (void)ctx;
    assert_true(n >= 6 && n <= FLX_CONFIG_LENGTH + 6 && n_sent < 4096);
    assert_int_equal(p[0], 0xaa);
    assert_int_equal(p[1], 0xaa);
    assert_int_equal(p[3], n - 6);
    sent[n_sent].type = p[2];
    sent[n_sent].ms = now.mono_ms;
    sent[n_sent].len = p[3];
    memcpy(sent[n_sent++].payload, p + 4, p[3]);
    if (p[2] == FLX_PING && !board.silent) {
        pong_ms = now.mono_ms + board.pong_after_ms;
        pong_counter = u32_of(p + 4);
    }
    if (p[2] == FLX_TIME_STEP && !board.deaf_to_steps)
        board.off_ms = (int64_t)u32_of(p + 4) * 1000 - now.wall_ms +
                       (board.keeps_fraction ? (now.wall_ms + board.off_ms) % 1000 : 0);
    if (board.line_dies && p[2] == board.kills)
        flx_conv_line_down(&conv, "dead");
}

static void on_ct(void *ctx, const struct flx_ct *m)
{
    (void)ctx;
    assert_true(m->port < FLX_CLAMPS);
    cts++;
}

static void on_pulse(void *ctx, const struct flx_pulse *m)
{
    (void)ctx;
    assert_int_equal(m->port, 4);
    pulses++;
}

static void on_wave(void *ctx, enum flx_type type, const struct flx_wave *m)
{
    (void)ctx;
    assert_int_equal(m->rms, 230000);
    voltages += type == FLX_VOLTAGE;
    currents += type == FLX_CURRENT;
}

static void on_heartbeat(void *ctx)
{
    (void)ctx;
    heartbeats++;
}

static void on_time_stamp(void *ctx, uint32_t s)
{
    (void)ctx;
    last_stamp = s;
    stamps++;
}

static void on_board_time(void *ctx, uint32_t s)
{
    (void)ctx;
    last_board_time = s;
    board_times++;
}

static void on_state(void *ctx, enum flx_state from, enum flx_state to, const char *reason)
{
    (void)ctx;
    assert_int_not_equal(from, to);
    assert_int_equal(conv.state, to);
    states[n_states % 64] = to;
    snprintf(reasons[n_states++ % 64], sizeof reasons[0], "%s", reason);
}

static const struct flx_callbacks callbacks = {on_send,      on_ct,         on_pulse,      on_wave,
                                               on_heartbeat, on_time_stamp, on_board_time, on_state};

static void say(uint8_t type, const void *payload, size_t len)
{
    uint8_t frame[FLX_FRAME_MAX];

    flx_conv_bytes(&conv, frame, flx_frame_put(frame, type, payload, len), &now);
}

static void say_u32(uint8_t type, uint32_t v)
{
    uint8_t payload[4];

    flx_put_u32(payload, v);
    say(type, payload, sizeof payload);
}

static void say_ct(uint32_t s)
{
    uint8_t payload[92] = {0};

    flx_put_u32(payload, s);
    say(FLX_CT, payload, sizeof payload);
}

static void one_ms(void)
{
    int64_t board_ms = now.wall_ms + board.off_ms;

    if (flx_conv_deadline(&conv) >= 0 && flx_conv_deadline(&conv) <= now.mono_ms) {
        flx_conv_tick(&conv, &now);
        assert_true(flx_conv_deadline(&conv) < 0 || flx_conv_deadline(&conv) > now.mono_ms);
    }
    if (now.wall_ms % 1000 == 1)
        flx_conv_second(&conv, &now);
    if (pong_ms && now.mono_ms >= pong_ms) {
        pong_ms = 0;
        say_u32(FLX_PONG, pong_counter);
    }
    if (board.asks_each_ms && now.mono_ms % board.asks_each_ms == 0)
        say(FLX_PING, NULL, 0);
    if (board_ms % 1000 == 0 && board.stamps)
        say_u32(FLX_TIME_STAMP, (uint32_t)(board_ms / 1000));
    if (board_ms % 1000 == 0 && board.cts)
        say_ct((uint32_t)(board_ms / 1000));
}

/* Let time pass until monotonic `ms`, which is handled too. */
static void run_to(int64_t ms)
{
    while (now.mono_ms < ms) {
        now.mono_ms++;
        now.wall_ms++;
        now.unix_s = now.clock == CLOCK_UNSET ? 0 : now.wall_ms / 1000;
        one_ms();
    }
}

static unsigned count(uint8_t type)
{
    unsigned n = 0;

    for (size_t i = 0; i < n_sent; i++)
        n += sent[i].type == type;
    return n;
}

static size_t last(uint8_t type)
{
    size_t i = n_sent;

    while (i > 0 && sent[i - 1].type != type)
        i--;
    assert_true(i > 0);
    return i - 1;
}

static uint32_t last_u32(uint8_t type)
{
    return u32_of(sent[last(type)].payload);
}

static void set_wall(int64_t wall_ms, enum clock_state state)
{
    now.wall_ms = wall_ms;
    now.clock = state;
    now.unix_s = state == CLOCK_UNSET ? 0 : wall_ms / 1000;
}

static int setup(void **state)
{
    (void)state;
    memset(&board, 0, sizeof board);
    board.pong_after_ms = 5;
    memset(&want, 0, sizeof want);
    want.ports.port[0].enable = 1;
    want.ports.led_mode = 255;
    want.radio_group = 174;
    now = (struct board_now){.mono_ms = 500};
    set_wall(WALL + 500, CLOCK_SYNCED);
    n_sent = 0;
    n_states = 0;
    pong_ms = 0;
    heartbeats = cts = pulses = voltages = currents = stamps = board_times = 0;
    flx_conv_init(&conv, &callbacks, NULL);
    flx_conv_want(&conv, &want, &now);
    return 0;
}

static void up(void)
{
    flx_conv_line_up(&conv, &now);
    flx_conv_second(&conv, &now);
}

/* A board that runs; the last pong came at 2006. */
static int running(void **state)
{
    setup(state);
    up();
    run_to(2500);
    assert_int_equal(conv.state, FLX_RUN);
    return 0;
}

#endif
