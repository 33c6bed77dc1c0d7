#include "core/flx_msg.h"

#include <assert.h>

/* Wire sizes; board-flx.md. */
#define STAMP_BYTES     6 /* u32 s, u16 ms */
#define CT_BYTES        92
#define PULSE_BYTES     18
#define PULSE_PADDED    20
#define WAVE_BYTES      140
#define KUBE_PACKET_MAX 69

static_assert(CT_BYTES == STAMP_BYTES + 2 + FLX_CT_COUNTERS * (4 + 2) + FLX_CT_GAUGES * 4, "CT data");
static_assert(WAVE_BYTES == STAMP_BYTES + 2 + 4 + FLX_WAVE_SAMPLES * 4, "samples");
static_assert(FLX_CONFIG_LENGTH == FLX_PORTS * 8 + 4, "port configuration");

/* Bytes that are left of a payload whose length was checked before. */
struct cursor {
    const uint8_t *p, *end;
};

static uint32_t get(struct cursor *c, unsigned bytes)
{
    uint32_t v = 0;

    assert((size_t)(c->end - c->p) >= bytes);
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint32_t)c->p[i] << (8 * i);
    c->p += bytes;
    return v;
}

static int32_t get_signed(struct cursor *c)
{
    uint32_t v = get(c, 4);

    return v <= INT32_MAX ? (int32_t)v : (int32_t)(v - INT32_MAX - 1) + INT32_MIN;
}

/* v / 2^bits, rounded half away from zero. */
static int64_t shifted(int64_t v, unsigned bits)
{
    int64_t half = (int64_t)1 << (bits - 1);

    return v < 0 ? -((-v + half) >> bits) : (v + half) >> bits;
}

/* Q20.11 to thousandths: 1000 / 2048 = 125 / 2^8. */
static int64_t gauge_milli(int32_t q)
{
    return shifted((int64_t)q * 125, 8);
}

/* Q20.11 to millionths: 1000000 / 2048 = 15625 / 2^5. */
static int64_t gauge_micro(int32_t q)
{
    return shifted((int64_t)q * 15625, 5);
}

int flx_msg_u32(const uint8_t *p, size_t n, uint32_t *out)
{
    struct cursor c = {p, p + n};

    if (n != 4)
        return -1;
    *out = get(&c, 4);
    return 0;
}

int flx_msg_ct(const uint8_t *p, size_t n, struct flx_ct *out)
{
    struct cursor c = {p, p + n};

    if (n != CT_BYTES)
        return -1;
    out->s = get(&c, 4);
    out->ms = (uint16_t)get(&c, 2);
    out->port = (uint8_t)get(&c, 1);
    get(&c, 1);
    for (unsigned i = 0; i < FLX_CT_COUNTERS; i++)
        out->counter_milli[i] = (int64_t)get(&c, 4) * 1000;
    for (unsigned i = 0; i < FLX_CT_COUNTERS; i++)
        out->counter_milli[i] += get(&c, 2) * 1000 >> 16; /* the floor: a counter never runs ahead */
    for (unsigned i = 0; i < FLX_CT_GAUGES; i++)
        out->gauge_milli[i] = gauge_milli(get_signed(&c));
    return out->port < FLX_CLAMPS ? 0 : -1;
}

int flx_msg_pulse(const uint8_t *p, size_t n, struct flx_pulse *out)
{
    struct cursor c = {p, p + n};

    if (n != PULSE_BYTES && n != PULSE_PADDED)
        return -1;
    out->s = get(&c, 4);
    out->ms = (uint16_t)get(&c, 2);
    out->port = (uint8_t)get(&c, 1);
    get(&c, 1);
    out->gauge_micro = gauge_micro(get_signed(&c));
    out->counter_milli = (int64_t)get(&c, 4) * 1000;
    uint32_t milli = get(&c, 2);
    out->counter_milli += milli;
    return out->port >= FLX_CLAMPS && out->port < FLX_CLAMPS + FLX_PULSE_PORTS && milli < 1000 ? 0 : -1;
}

static int get_wave(const uint8_t *p, size_t n, struct flx_wave *out)
{
    struct cursor c = {p, p + n};

    if (n != WAVE_BYTES)
        return -1;
    out->s = get(&c, 4);
    out->ms = (uint16_t)get(&c, 2);
    out->index = (uint8_t)get(&c, 1);
    get(&c, 1);
    out->rms = get_signed(&c);
    for (unsigned i = 0; i < FLX_WAVE_SAMPLES; i++)
        out->sample[i] = get_signed(&c);
    return 0;
}

int flx_msg_voltage(const uint8_t *p, size_t n, struct flx_wave *out)
{
    if (get_wave(p, n, out) < 0)
        return -1;
    out->index = 0; /* padding on the wire */
    return 0;
}

int flx_msg_current(const uint8_t *p, size_t n, struct flx_wave *out)
{
    return get_wave(p, n, out) < 0 || out->index >= FLX_CLAMPS ? -1 : 0;
}

int flx_msg_kube(const uint8_t *p, size_t n, struct flx_kube *out)
{
    struct cursor c = {p, p + n};

    if (n < STAMP_BYTES + 1 || n > STAMP_BYTES + 1 + KUBE_PACKET_MAX)
        return -1;
    out->s = get(&c, 4);
    out->ms = (uint16_t)get(&c, 2);
    out->rssi = (uint8_t)get(&c, 1);
    out->packet = c.p;
    out->len = (size_t)(c.end - c.p);
    return 0;
}

const char *flx_type_name(unsigned type)
{
    static const char *const names[FLX_TYPES] = {
        [FLX_PING] = "ping",
        [FLX_PONG] = "pong",
        [FLX_PORT_CONFIG] = "port_config",
        [FLX_TIME_STAMP] = "time_stamp",
        [FLX_TIME_STEP] = "time_step",
        [FLX_TIME_SLEW] = "time_slew",
        [FLX_VOLTAGE] = "voltage",
        [FLX_CURRENT] = "current",
        [FLX_CT] = "ct",
        [FLX_PULSE] = "pulse",
        [FLX_KUBE] = "kube",
        [FLX_KUBE_CONTROL] = "kube_control",
        [FLX_DEBUG] = "debug",
        [FLX_SAR] = "sar",
        [FLX_SDADC] = "sdadc",
        [FLX_RFM_DEBUG] = "rfm_debug",
        [FLX_EXIT] = "exit",
    };

    return type < FLX_TYPES ? names[type] : "unknown";
}

static uint8_t *put_u16(uint8_t *out, uint16_t v)
{
    out[0] = (uint8_t)v;
    out[1] = (uint8_t)(v >> 8);
    return out + 2;
}

void flx_put_u32(uint8_t out[4], uint32_t v)
{
    put_u16(put_u16(out, (uint16_t)v), (uint16_t)(v >> 16));
}

void flx_put_port_config(uint8_t out[FLX_CONFIG_LENGTH], const struct flx_port_config *c)
{
    for (unsigned i = 0; i < FLX_PORTS; i++) {
        const struct flx_port *port = &c->port[i];
        out = put_u16(put_u16(out, port->constant), port->fraction);
        *out++ = port->current;
        *out++ = port->shift;
        *out++ = port->enable;
        *out++ = port->trigger;
    }
    *out++ = c->phase;
    *out++ = c->led_mode;
    *out++ = c->batch;
    *out++ = c->math;
}
