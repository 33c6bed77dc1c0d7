/* The messages of the FLX board: any payload of any length is refused or comes out within its ranges; a port
 * configuration of any fields is the bytes that it was. */
#include "fuzz.h"

#include "core/flx_msg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MILLI_END 4294967296000 /* of a counter of 32 bits */

static void ct_and_pulse(const uint8_t *p, size_t n)
{
    struct flx_ct ct;
    struct flx_pulse pulse;

    if (flx_msg_ct(p, n, &ct) == 0) {
        assert(ct.port < FLX_CLAMPS);
        for (size_t i = 0; i < FLX_CT_COUNTERS; i++)
            assert(ct.counter_milli[i] >= 0 && ct.counter_milli[i] < MILLI_END);
        for (size_t i = 0; i < FLX_CT_GAUGES; i++)
            assert(ct.gauge_milli[i] >= -1048576000 && ct.gauge_milli[i] <= 1048576000);
    }
    if (flx_msg_pulse(p, n, &pulse) == 0) {
        assert(pulse.port >= FLX_CLAMPS && pulse.port < FLX_CLAMPS + FLX_PULSE_PORTS);
        assert(pulse.counter_milli >= 0 && pulse.counter_milli < MILLI_END);
        assert(pulse.gauge_micro >= -1048576000000 && pulse.gauge_micro <= 1048576000000);
    }
}

static void waves_and_packets(const uint8_t *p, size_t n)
{
    struct flx_wave wave;
    struct flx_kube kube;

    if (flx_msg_voltage(p, n, &wave) == 0)
        assert(n == 140 && wave.index == 0);
    if (flx_msg_current(p, n, &wave) == 0)
        assert(n == 140 && wave.index < FLX_CLAMPS && wave.index == p[6]);
    if (flx_msg_kube(p, n, &kube) == 0)
        assert(kube.len <= 69 && kube.packet + kube.len == p + n);
}

static void numbers(const uint8_t *p, size_t n)
{
    uint32_t v;
    uint8_t again[4];

    if (flx_msg_u32(p, n, &v) < 0)
        return;
    flx_put_u32(again, v);
    assert(n == 4 && memcmp(again, p, 4) == 0);
}

static void configuration(const uint8_t *p, size_t n)
{
    struct flx_port_config c;
    uint8_t out[FLX_CONFIG_LENGTH];

    if (n < sizeof out)
        return;
    for (size_t i = 0; i < FLX_PORTS; i++) {
        const uint8_t *b = p + 8 * i;
        c.port[i] =
            (struct flx_port){(uint16_t)(b[0] | b[1] << 8), (uint16_t)(b[2] | b[3] << 8), b[4], b[5], b[6], b[7]};
    }
    c.phase = p[56];
    c.led_mode = p[57];
    c.batch = p[58];
    c.math = p[59];
    flx_put_port_config(out, &c);
    assert(memcmp(out, p, sizeof out) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 300)
        return 0;
    ct_and_pulse(data, size);
    waves_and_packets(data, size);
    numbers(data, size);
    configuration(data, size);
    return 0;
}
