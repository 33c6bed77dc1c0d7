#include "sim/flx_say.h"

#define SECOND_US INT64_C(1000000)
#define WH_UJ     UINT64_C(3600000000)

const char *flx_energy_name(enum flx_energy e)
{
    static const char *const names[FLX_ENERGIES] = {"pplus", "pminus", "q1", "q2", "q3", "q4"};

    return names[e];
}

/* Of a clamp of 50 A, by the port's current: 50, 100, 250, 500 A. */
int flx_scale(const struct flx_port *p)
{
    static const uint8_t scales[] = {1, 2, 5, 10};

    return scales[p->current];
}

enum flx_energy flx_quadrant(int64_t p, int64_t q)
{
    if (q < 0)
        return p < 0 ? FLX_Q3 : FLX_Q4;
    return p < 0 ? FLX_Q2 : FLX_Q1;
}

void flx_say(struct flx *b, enum flx_frame_type type, const uint8_t *payload, size_t len)
{
    if (b->state == FLX_OFF)
        return;
    b->sent[type]++;
    b->out(b->ctx, type, payload, len);
}

/* s and ms, as most messages begin. */
static uint8_t *put_time(const struct flx *b, uint8_t *p)
{
    int64_t us = flx_unix_us(b);

    return flx_put16(flx_put32(p, (uint32_t)(us / SECOND_US)), (uint32_t)(us % SECOND_US / 1000));
}

/*  0 u32 s, u16 ms, u8 port, u8 pad      32 u16[6] fractions of 1/65536
 *  8 u32[6] P+ P- Q1..Q4 in Wh, VARh     44 i32[12] gauges, Q20.11                   92 bytes */
void flx_say_ct(struct flx *b, unsigned port)
{
    const struct flx_clamp *c = &b->clamp[port];
    int64_t p = c->second.p_mw, q = c->second.q_mvar;
    struct mains_gauges g = mains_measure(c->second, c->phase, b->port[port].shift, b->mv);
    const int32_t others[] = {g.vrms, g.irms, g.pf, g.vthd, g.ithd, g.alpha};
    int64_t energy[FLX_ENERGIES] = {0};
    uint8_t buf[92], *end = put_time(b, buf);

    energy[p < 0 ? FLX_PMINUS : FLX_PPLUS] = p < 0 ? -p : p;
    energy[flx_quadrant(p, q)] = q < 0 ? -q : q;
    *end++ = (uint8_t)port;
    *end++ = 0;
    for (int e = 0; e < FLX_ENERGIES; e++)
        end = flx_put32(end, c->counter[e].whole);
    for (int e = 0; e < FLX_ENERGIES; e++)
        end = flx_put16(end, (uint32_t)(c->counter[e].rest * 65536 / WH_UJ));
    for (int e = 0; e < FLX_ENERGIES; e++)
        end = flx_put32(end, (uint32_t)mains_q11(energy[e]));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        end = flx_put32(end, (uint32_t)others[i]);
    flx_say(b, FRAME_CT, buf, (size_t)(end - buf));
}

/* u32 s, u16 ms, u8 index, u8 pad, i32 rms, i32[32] samples. */
void flx_say_wave(struct flx *b)
{
    uint8_t buf[140], *end = put_time(b, buf);
    int32_t sample[MAINS_SAMPLES], rms;
    bool voltage = b->wave_turn == 0;

    if (voltage) {
        *end++ = 0;
        rms = mains_voltage_wave(b->mv, sample);
    } else {
        const struct flx_clamp *c = &b->clamp[b->wave_turn - 1];
        struct mains_current i = mains_current(c->load, c->phase, c->reversed, b->mv);
        i.amps *= flx_scale(&b->port[b->wave_turn - 1]);
        *end++ = (uint8_t)(b->wave_turn - 1);
        rms = mains_current_wave(&i, sample);
    }
    *end++ = 0;
    end = flx_put32(end, (uint32_t)rms);
    for (int i = 0; i < MAINS_SAMPLES; i++)
        end = flx_put32(end, (uint32_t)sample[i]);
    flx_say(b, voltage ? FRAME_VOLTAGE : FRAME_CURRENT, buf, (size_t)(end - buf));
}

/* u32 s, u16 ms, u8 port, u8 pad, i32 gauge, u32 counter, u16 thousandths, u16 pad */
void flx_say_pulse(struct flx *b, unsigned port)
{
    const struct flx_input *in = &b->input[port - FLX_CLAMPS];
    uint8_t buf[20], *end = put_time(b, buf);

    *end++ = (uint8_t)port;
    *end++ = 0;
    end = flx_put32(end, (uint32_t)in->gauge);
    end = flx_put32(end, in->counter.whole);
    end = flx_put16(end, (uint32_t)in->counter.rest);
    end = flx_put16(end, 0);
    flx_say(b, FRAME_PULSE, buf, (size_t)(end - buf));
}

void flx_say_time(struct flx *b)
{
    uint8_t stamp[4];

    flx_put32(stamp, (uint32_t)(flx_unix_us(b) / SECOND_US));
    flx_say(b, FRAME_TIME_STAMP, stamp, sizeof stamp);
}

void flx_ping(struct flx *b)
{
    uint8_t counter[4];

    flx_put32(counter, ++b->pings);
    flx_say(b, FRAME_PING, counter, sizeof counter);
}
