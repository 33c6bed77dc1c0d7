/* The FLX conversation under any mix of bytes, times, seconds, changes of settings, of the host's clock and of the
 * line. Input: operations, one byte each and what it needs; see step(). Whatever happens: each frame that is sent is
 * whole, a configuration comes with its radio group and at most once a second, a time step at most once in 5 s and to
 * the host's time, a deadline that is served is over, and RUN means that the board holds its configuration;
 * also where sending ends the line. */
#include "fuzz.h"

#include "core/flx_conv.h"

#include <assert.h>
#include <string.h>

static struct flx_conv conv;
static struct board_now now;
static int64_t config_ms, step_ms;
static uint64_t pings_before; /* of the board, when the configuration was sent */
static unsigned configs, controls, exits;
static uint32_t counter;
static uint8_t group;
static unsigned sends_left; /* then one ends the line; 0: none does */

static uint32_t u32_of(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void sent(void *ctx, uint8_t type, const uint8_t *payload, size_t len)
{
    (void)ctx;
    switch (type) {
    case FLX_PORT_CONFIG:
        assert(len == FLX_CONFIG_LENGTH && configs == controls);
        assert(now.mono_ms - config_ms >= FLX_CONFIG_MS);
        assert(payload[59] == 0); /* no sums on the board */
        config_ms = now.mono_ms;
        pings_before = conv.got[FLX_PING];
        configs++;
        break;
    case FLX_KUBE_CONTROL:
        assert(len == 1 && ++controls == configs && payload[0] == group);
        break;
    case FLX_PING:
        assert(len == 4 && u32_of(payload) == counter + 1);
        counter++;
        break;
    case FLX_TIME_STEP:
        assert(len == 4 && now.clock != CLOCK_UNSET && now.mono_ms - step_ms >= FLX_STEP_MS);
        assert(u32_of(payload) - (uint32_t)(now.wall_ms / 1000) <= 1);
        step_ms = now.mono_ms;
        break;
    default:
        assert(type == FLX_EXIT && len == 0);
        exits++;
    }
}

static void on_send(void *ctx, const void *bytes, size_t n)
{
    struct flx_reader r;

    (void)ctx;
    assert(conv.state != FLX_DOWN);
    flx_reader_init(&r);
    flx_reader_bytes(&r, bytes, n, sent, NULL);
    assert(r.frames == 1 && r.skipped == 0);
    if (sends_left && --sends_left == 0) {
        controls = configs; /* it may be cut between them */
        flx_conv_line_down(&conv, "");
    }
}

static void on_ct(void *ctx, const struct flx_ct *m)
{
    (void)ctx;
    assert(conv.state != FLX_DOWN && m->port < FLX_CLAMPS);
}

static void on_pulse(void *ctx, const struct flx_pulse *m)
{
    (void)ctx;
    assert(conv.state != FLX_DOWN && m->port >= FLX_CLAMPS && m->port < FLX_CLAMPS + FLX_PULSE_PORTS);
}

static void on_wave(void *ctx, enum flx_type type, const struct flx_wave *m)
{
    (void)ctx;
    assert(type == FLX_VOLTAGE ? m->index == 0 : type == FLX_CURRENT && m->index < FLX_CLAMPS);
}

static void on_heartbeat(void *ctx)
{
    (void)ctx;
    assert(conv.state != FLX_DOWN && conv.pongs <= conv.pings);
}

static void on_time_stamp(void *ctx, uint32_t s)
{
    (void)ctx, (void)s;
    assert(conv.state != FLX_DOWN);
}

static void on_board_time(void *ctx, uint32_t s)
{
    (void)ctx;
    assert((now.clock == CLOCK_UNSET || now.wall_ms / 1000 <= CLOCK_FLOOR_S) && s > CLOCK_FLOOR_S);
}

static void on_state(void *ctx, enum flx_state from, enum flx_state to, const char *reason)
{
    static const bool may[][5] = {
        [FLX_DOWN] = {[FLX_CONFIGURE] = true},
        [FLX_CONFIGURE] = {[FLX_DOWN] = true, [FLX_RUN] = true, [FLX_LOST] = true, [FLX_DEAF] = true},
        [FLX_RUN] = {[FLX_DOWN] = true, [FLX_CONFIGURE] = true, [FLX_LOST] = true},
        [FLX_LOST] = {[FLX_DOWN] = true, [FLX_CONFIGURE] = true},
        [FLX_DEAF] = {[FLX_DOWN] = true, [FLX_CONFIGURE] = true, [FLX_RUN] = true, [FLX_LOST] = true},
    };

    (void)ctx;
    assert(may[from][to] && reason);
    if (to == FLX_RUN)
        assert(configs > 0 && pings_before == conv.got[FLX_PING]);
    if (to == FLX_LOST)
        assert(now.mono_ms - conv.heard_ms >= FLX_SILENT_MS);
}

static const struct flx_callbacks callbacks = {on_send,      on_ct,         on_pulse,      on_wave,
                                               on_heartbeat, on_time_stamp, on_board_time, on_state};

static void say(uint8_t type, const uint8_t *payload, size_t len)
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

static void say_ct(uint32_t s, uint8_t port)
{
    uint8_t payload[92] = {[6] = port};

    flx_put_u32(payload, s);
    say(FLX_CT, payload, sizeof payload);
}

static void pass(int64_t ms)
{
    now.mono_ms += ms;
    now.wall_ms += ms;
    now.unix_s = now.clock == CLOCK_UNSET ? 0 : now.wall_ms / 1000;
}

static void tick(void)
{
    flx_conv_tick(&conv, &now);
    assert(flx_conv_deadline(&conv) < 0 || flx_conv_deadline(&conv) > now.mono_ms);
}

/* Time passes, and each deadline is served when it comes. */
static void wait(int64_t ms)
{
    for (int64_t end = now.mono_ms + ms; now.mono_ms < end;) {
        int64_t at = flx_conv_deadline(&conv);
        pass(at >= 0 && at < end ? (at > now.mono_ms ? at - now.mono_ms : 0) : end - now.mono_ms);
        if (at >= 0 && at <= now.mono_ms)
            tick();
    }
}

static void want(uint8_t bits)
{
    struct flx_picture w;

    memset(&w, 0, sizeof w);
    for (unsigned i = 0; i < FLX_PORTS; i++)
        w.ports.port[i].enable = bits >> i & 1;
    w.radio_group = group = bits & 0x81;
    flx_conv_want(&conv, &w, &now);
}

static void set_clock(uint8_t bits)
{
    static const int64_t walls[] = {0, (int64_t)CLOCK_FLOOR_S * 1000, 1700000000000, 1800000000999};

    now.clock = (enum clock_state)(bits % 3);
    now.wall_ms = walls[bits >> 2 & 3];
    pass(0);
}

static void line(uint8_t bits)
{
    switch (bits % 4) {
    case 0:
        flx_conv_line_down(&conv, "");
        break;
    case 1:
        flx_conv_stop(&conv);
        break;
    case 2:
        sends_left = bits / 4;
        break;
    default:
        flx_conv_line_up(&conv, &now);
    }
}

/* The longest part of what follows; two bytes before it. */
static size_t rest(size_t n, size_t len)
{
    return n < 2 ? 0 : len > n - 2 ? n - 2 : len;
}

static size_t step(const uint8_t *p, size_t n)
{
    uint8_t x = n > 1 ? p[1] : 0;
    size_t len = rest(n, x);

    switch (p[0] % 12) {
    case 0: /* raw bytes from the line */
        if (len)
            flx_conv_bytes(&conv, p + 2, len, &now);
        return len + 2;
    case 1: /* the last ping's pong, or one near it */
        say_u32(FLX_PONG, conv.counter - x % 2);
        return 2;
    case 2:
        wait((int64_t)x * 16);
        return 2;
    case 3: /* the host stands still */
        pass((int64_t)x * 50);
        tick();
        return 2;
    case 4:
        flx_conv_second(&conv, &now);
        return 1;
    case 5:
        line(x);
        return 2;
    case 6:
        want(x);
        return 2;
    case 7: /* a right frame of any type: the fuzzer need not find the check bytes */
        len = rest(n, p[0] / 12 * 12);
        say(x, p + 2, len);
        return len + 2;
    case 8:
        flx_conv_sync(&conv, &now);
        return 1;
    case 9:
        set_clock(x);
        return 2;
    case 10:
        say_u32(FLX_TIME_STAMP, (uint32_t)(now.wall_ms / 1000) + x - 128);
        return 2;
    default:
        say_ct((uint32_t)(now.wall_ms / 1000) + x - 128, x % 4);
        return 2;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    now = (struct board_now){.mono_ms = 1000, .wall_ms = 1800000000000, .clock = CLOCK_SYNCED};
    pass(0);
    config_ms = step_ms = -1000000;
    pings_before = 0;
    configs = controls = exits = 0;
    counter = 0;
    group = 0;
    sends_left = 0;
    flx_conv_init(&conv, &callbacks, NULL);
    for (size_t at = 0; at < size && at < 4096;) {
        at += step(data + at, size - at);
        assert(configs == controls && conv.configs == configs && conv.pings == counter);
        assert(conv.state != FLX_RUN || (conv.configured && !conv.config_due));
        assert(conv.state != FLX_DOWN || flx_conv_deadline(&conv) == -1);
        assert(conv.state == FLX_DOWN || conv.state == FLX_LOST ||
               flx_conv_deadline(&conv) <= now.mono_ms + FLX_SILENT_MS + FLX_PONG_MS);
    }
    return 0;
}
