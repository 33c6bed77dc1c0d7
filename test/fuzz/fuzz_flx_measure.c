/* Any data of an FLX board at any time through measuring and ledger: nothing overflows, a published counter never
 * falls, gauges stay in their bounds, and stamps are those of the board or the host.
 * Input: operations, one byte each and what it needs; see step(). */
#include "fuzz.h"

#include "core/flx_measure.h"
#include "core/settings.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORTS (FLX_CLAMPS + FLX_PULSE_PORTS)

static struct port_settings ports[PORTS];
static struct sensor_settings made[FLX_CHANNELS];
static char ids[FLX_CHANNELS][SENSOR_ID_LEN + 1], name[] = "x";
static struct ledger ledger;
static struct sensors sensors;
static struct flx_channels channels;
static struct board_now now;
static int64_t published[FLX_CHANNELS];

/* All kinds of settings: which ports are on, clamps of 50 or 500 A, types and constants of pulses. */
static void apply(uint8_t on, uint8_t kind)
{
    struct settings s = {.sensors = made, .n_sensors = FLX_CHANNELS, .port = ports, .n_port = PORTS};
    struct sensor_def defs[FLX_CHANNELS];
    size_t n = 0;

    for (unsigned i = 0; i < PORTS; i++)
        ports[i] = (struct port_settings){.port = (int)i + 1,
                                          .enable = on >> i & 1,
                                          .current = kind & 1 ? 500 : 50,
                                          .constant_milli = kind & 2 ? 65535999 : 1};
    for (unsigned i = 0; i < FLX_CHANNELS; i++) {
        size_t port = i < 36 ? i / 12 : i - 33;
        made[i] = (struct sensor_settings){.id = ids[i],
                                           .name = name,
                                           .type = (enum sensor_type)(i < 36 ? 0 : (kind >> 2) % SENSOR_TYPES),
                                           .enable = ports[port].enable,
                                           .made = MADE_PORT,
                                           .made_of = port,
                                           .number = (int)i + 1};
        if (made[i].enable)
            defs[n++] = (struct sensor_def){.id = ids[i], .name = name, .number = i + 1};
    }
    sensors_set(&sensors, defs, n);
    flx_channels_set(&channels, &sensors, &ledger, &s);
}

static unsigned channel_of(const struct reading *r)
{
    unsigned i = 0;

    while (i < FLX_CHANNELS && channels.v[i].sensor != r->sensor)
        i++;
    assert(i < FLX_CHANNELS && r->sensor);
    return i;
}

static void check_reading(const struct reading *r)
{
    unsigned i = channel_of(r);
    const struct flx_channel *c = &channels.v[i];

    assert(r->mono_ms == now.mono_ms && (r->unix_s == 0 || r->unix_s > CLOCK_FLOOR_S));
    if (r->kind == READING_GAUGE) {
        assert(r->milli >= c->low && r->milli <= c->high && (i < 36 || r->milli > 0));
        return;
    }
    assert(c->entry && r->milli >= published[i]);
    published[i] = r->milli;
}

static void check(const struct flx_measured *m, uint32_t s, int back, uint8_t taken)
{
    assert(m->n <= FLX_CT_READINGS && m->n_special <= FLX_CT_GAUGES);
    for (size_t i = 0; i < m->n_special; i++)
        assert(m->special[i].note > FLX_MEASURED && m->special[i].note < FLX_NOTES &&
               m->special[i].channel < FLX_CHANNELS);
    for (size_t i = 0; i < m->n; i++) {
        int64_t unix_s = m->reading[i].unix_s;
        check_reading(&m->reading[i]);
        if (now.unix_s)
            assert(unix_s == now.unix_s - back || (unix_s == (int64_t)s - back && llabs(s - now.unix_s) <= FLX_NEAR_S));
        else
            assert(unix_s == 0 || unix_s == (int64_t)s - back);
        flx_measure_emitted(&channels, &m->reading[i], taken >> i % 8 & 1);
    }
}

static void owed(uint8_t taken)
{
    struct reading out[FLX_PULSE_PORTS];
    size_t n = flx_measure_owed(&channels, &now, out);

    assert(n <= FLX_PULSE_PORTS);
    for (size_t i = 0; i < n; i++) {
        assert(out[i].kind == READING_COUNTER);
        check_reading(&out[i]);
        flx_measure_emitted(&channels, &out[i], taken >> i & 1);
    }
}

static void set_clock(uint8_t bits)
{
    now.clock = (enum clock_state)(bits % 3);
    now.unix_s = now.clock == CLOCK_UNSET ? 0 : 1800000000 + bits / 3;
}

/* A message of which the first bytes are the input's and the others 0. */
static size_t message(const uint8_t *p, size_t n, uint8_t taken)
{
    uint8_t payload[92] = {0};
    struct flx_measured out;
    struct flx_ct ct;
    struct flx_pulse pulse;
    size_t len = n < sizeof payload ? n : sizeof payload;

    memcpy(payload, p, len);
    if (taken & 1 && flx_msg_pulse(payload, 18, &pulse) == 0) {
        flx_measure_pulse(&channels, &pulse, &now, &out);
        check(&out, pulse.s, 0, taken);
        return len < 18 ? len : 18;
    }
    if (flx_msg_ct(payload, sizeof payload, &ct) == 0) {
        flx_measure_ct(&channels, &ct, &now, &out);
        check(&out, ct.s, 1, taken);
    }
    return len;
}

static size_t step(const uint8_t *p, size_t n)
{
    uint8_t x = n > 1 ? p[1] : 0;

    switch (p[0] % 6) {
    case 0:
        apply(x, n > 2 ? p[2] : 0);
        return 3;
    case 1:
        set_clock(x);
        return 2;
    case 2:
        now.mono_ms += p[0] & 0x80 ? (int64_t)x * 100000 : (int64_t)x * 16;
        return 2;
    case 3:
        owed(x);
        return 2;
    default:
        return n < 2 ? 2 : 2 + message(p + 2, n - 2, x);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (unsigned i = 0; i < FLX_CHANNELS; i++)
        snprintf(ids[i], sizeof ids[i], "%032x", i + 1);
    memset(published, 0, sizeof published);
    memset(&channels, 0, sizeof channels);
    now = (struct board_now){.mono_ms = 1000, .unix_s = 1800000000, .clock = CLOCK_SYNCED};
    ledger_init(&ledger);
    sensors_init(&sensors);
    apply(0x3f, 0);
    for (size_t at = 0; at < size && at < 4096;)
        at += step(data + at, size - at);
    sensors_fini(&sensors);
    ledger_fini(&ledger);
    return 0;
}
