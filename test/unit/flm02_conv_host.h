/* For the tests of the conversation with an FLM02 board: the conversation on the board of flm02_stub.h. */
#ifndef TEST_FLM02_CONV_HOST_H
#define TEST_FLM02_CONV_HOST_H

#include "flm02_stub.h"

#include "core/flm02_conv.h"

static struct flm02_conv conv;
static struct flm02_picture want;
static int64_t now;
static struct flm02_record records[FLM02_SENSORS];
static int n_records, polls;
static char uart[64];
static size_t n_uart;
static char enabled[8];
static enum flm02_state states[64];
static int n_states;

static inline void on_send(void *ctx, const char *q, size_t n)
{
    (void)ctx;
    board_hears(q, n);
}

static inline void on_records(void *ctx, const struct flm02_record *r, int n)
{
    (void)ctx;
    memcpy(records, r, (size_t)n * sizeof *r);
    n_records = n;
    polls++;
}

static inline void on_uart(void *ctx, const uint8_t *p, size_t n)
{
    (void)ctx;
    memcpy(uart + n_uart, p, n);
    n_uart += n;
}

static inline void on_state(void *ctx, enum flm02_state from, enum flm02_state to, const char *reason)
{
    (void)ctx;
    assert_int_not_equal(from, to);
    assert_non_null(reason);
    states[n_states++ % 64] = to;
}

static inline void on_enabled(void *ctx, unsigned id)
{
    (void)ctx;
    enabled[id] = 1;
}

static const struct flm02_callbacks callbacks = {on_send, on_records, on_uart, on_state, on_enabled};

/* Let time pass, one millisecond at a time, until `ms` later. */
static inline void run(int64_t ms)
{
    char bytes[sizeof pending];

    for (int64_t end = now + ms; now < end; now++) {
        flm02_conv_tick(&conv, now);
        if (board_says(now, bytes))
            flm02_conv_bytes(&conv, bytes, strlen(bytes), now);
        if (now % 1000 == 0)
            flm02_conv_poll(&conv, now);
    }
}

static inline int setup(void **state)
{
    (void)state;
    board_reset();
    memset(&want, 0, sizeof want);
    memset(want.port_map, 0xff, sizeof want.port_map);
    want.analog_enable = 1;
    want.led_mode = 0xff;
    want.port_map[0] = 0;
    want.port_map[3] = 3;
    want.sensor[0].enable = want.sensor[0].scaled = true;
    want.sensor[0].constant = 5163;
    want.sensor[3].enable = want.sensor[3].scaled = true;
    want.sensor[3].constant = 1;
    want.sensor[3].fraction = 500;
    now = 1;
    n_records = polls = n_states = 0;
    n_uart = 0;
    memset(enabled, 0, sizeof enabled);
    flm02_conv_init(&conv, &callbacks, NULL);
    return 0;
}

static inline void start(int64_t ms)
{
    flm02_conv_want(&conv, &want, now);
    flm02_conv_line_up(&conv, now);
    run(ms);
}

#endif
