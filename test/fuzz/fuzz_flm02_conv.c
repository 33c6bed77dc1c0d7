/* The FLM02 conversation under any mix of bytes, times, polls, changes of settings and a line that comes and goes.
 * Input: operations, one byte each; see step(). Whatever happens, it stays in bounds and can be polled again. */
#include "fuzz.h"

#include "core/flm02_conv.h"
#include "core/flm02_measure.h"

#include <assert.h>
#include <string.h>

static struct flm02_conv conv;
static int64_t now;
static char reply[FLM02_BODY_MAX + 8];
static size_t n_reply;

static void on_send(void *ctx, const char *bytes, size_t n)
{
    (void)ctx;
    assert(n >= 6 && n <= FLM02_REQUEST_MAX && bytes[0] == 'l' && bytes[n - 1] == '.');
    memcpy(reply, bytes, n); /* a set's reply is its echo: what a mutation starts from */
    reply[n] = 'u';
    n_reply = n + 1;
}

static void on_records(void *ctx, const struct flm02_record *r, int n)
{
    (void)ctx;
    assert(n >= 0 && n <= FLM02_SENSORS);
    for (int i = 0; i < n; i++)
        assert(r[i].id < FLM02_SENSORS);
}

static void on_uart(void *ctx, const uint8_t *bytes, size_t n)
{
    (void)ctx, (void)bytes;
    assert(n > 0);
}

static void on_state(void *ctx, enum flm02_state from, enum flm02_state to, const char *reason)
{
    (void)ctx;
    assert(from != to && reason);
}

static void on_enabled(void *ctx, unsigned id)
{
    (void)ctx;
    assert(id < FLM02_SENSORS);
}

static const struct flm02_callbacks callbacks = {on_send, on_records, on_uart, on_state, on_enabled};

static void wish(uint8_t bits)
{
    struct flm02_picture w;

    memset(&w, 0, sizeof w);
    memset(w.port_map, FLM02_NO_SENSOR, sizeof w.port_map);
    for (unsigned id = 0; id < FLM02_SENSORS; id++) {
        w.sensor[id].enable = bits >> id & 1;
        w.sensor[id].scaled = id != 5;
        w.sensor[id].constant = bits;
        w.sensor[id].fraction = bits & 0x80 ? 500 : 0;
        if (w.sensor[id].enable)
            w.port_map[id] = (uint8_t)id;
    }
    flm02_conv_want(&conv, &w, now);
}

static size_t step(const uint8_t *p, size_t n)
{
    size_t len = n > 1 ? p[1] : 0;

    switch (p[0] % 8) {
    case 0: /* raw bytes from the line */
        len = len > n - 2 ? (n < 2 ? 0 : n - 2) : len;
        if (len)
            flm02_conv_bytes(&conv, (const char *)p + 2, len, now);
        return len + 2;
    case 1: /* the last request comes back as it was */
        flm02_conv_bytes(&conv, reply, n_reply, now);
        return 1;
    case 2:
        now += (int64_t)len * 8;
        flm02_conv_tick(&conv, now);
        return 2;
    case 3:
        flm02_conv_poll(&conv, now);
        return 1;
    case 4:
        flm02_conv_line_down(&conv, "");
        return 1;
    case 5:
        flm02_conv_line_up(&conv, now);
        return 1;
    case 6:
        wish((uint8_t)len);
        return 2;
    default: { /* a right answer of this text, letters and arguments: the fuzzer need not find the CRC */
        char text[FLM02_REQUEST_MAX];
        len = len % 16 > n - 2 ? (n < 2 ? 0 : n - 2) : len % 16;
        if (len >= 2)
            flm02_conv_bytes(&conv, text, flm02_write(text, (const char *)p + 2, (const char *)p + 4, len - 2), now);
        return len + 2;
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    now = 1000;
    n_reply = 0;
    flm02_conv_init(&conv, &callbacks, NULL);
    for (size_t at = 0; at < size && at < 4096;) {
        at += step(data + at, size - at);
        assert(conv.at <= conv.n_script && conv.n_script <= FLM02_SCRIPT_MAX);
        assert(conv.deadline_ms < 0 || conv.deadline_ms <= now + FLM02_COMMIT_MS + FLM02_REPLY_MS);
    }
    return 0;
}
