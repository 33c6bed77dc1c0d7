#include "sim/flx.h"

#include <string.h>

#include "core/crc8.h"
#include "core/num.h"
#include "sim/flx_say.h"

#define SECOND_US   INT64_C(1000000)
#define WH_UJ       UINT64_C(3600000000)
#define MILLI       1000
#define KEEP_S      3600 /* the counters are saved each hour of its clock */
#define REBASE_MS   INT64_C(1000000)
#define FIRST_INPUT FLX_CLAMPS

/* ---- clock ---- */

int64_t flx_unix_us(const struct flx *b)
{
    const struct flx_clock *c = &b->clock;

    return c->base_us + (b->house_ms - c->base_house_ms) * (SECOND_US + c->drift_ppm) / 1000;
}

/* When its clock shows us, in time of the household. */
static int64_t house_time(const struct flx *b, int64_t us)
{
    int64_t rate = SECOND_US + b->clock.drift_ppm;

    return b->clock.base_house_ms + ((us - b->clock.base_us) * 1000 + rate - 1) / rate;
}

/* Keep products within 64 bits; exact, because 1000 ms are a whole number of us. */
static void rebase(struct flx *b)
{
    struct flx_clock *c = &b->clock;
    int64_t seconds = (b->house_ms - c->base_house_ms) / 1000;

    if (seconds < REBASE_MS / 1000)
        return;
    c->base_house_ms += seconds * 1000;
    c->base_us += seconds * (SECOND_US + c->drift_ppm);
}

static int64_t wave_period(const struct flx *b)
{
    return b->waves_per_s ? SECOND_US / b->waves_per_s : INT64_MAX / 4;
}

/* After the clock was set, or the board switched on. */
static void next_times(struct flx *b)
{
    int64_t us = flx_unix_us(b);

    b->second_s = us / SECOND_US + 1;
    b->wave_us = us + wave_period(b);
}

static void set_clock_us(struct flx *b, int64_t us)
{
    b->clock.base_us = us;
    b->clock.base_house_ms = b->house_ms;
    next_times(b);
}

void flx_set_clock(struct flx *b, uint32_t unix_s)
{
    set_clock_us(b, unix_s * SECOND_US);
}

/* ---- start, reset, EEPROM ---- */

/* Counters as saved, nothing measured yet. */
static void start(struct flx *b)
{
    for (int i = 0; i < FLX_CLAMPS; i++) {
        struct flx_clamp *c = &b->clamp[i];
        memcpy(c->counter, c->saved, sizeof c->counter);
        c->p_uj = c->q_uj = c->ms = 0;
        c->second = (struct mains_load){0, 0};
    }
    for (int i = 0; i < FLX_INPUTS; i++) {
        b->input[i].counter = b->input[i].saved;
        b->input[i].last_ms = -1;
        b->input[i].gauge = 0;
    }
    next_times(b);
}

static void forget(struct flx *b)
{
    memset(b->port, 0, sizeof b->port);
    b->state = FLX_ASKS;
}

void flx_init(struct flx *b, int64_t house_ms, int64_t unix_ms)
{
    b->house_ms = house_ms;
    for (int i = 0; i < FLX_CLAMPS; i++)
        b->clamp[i].phase = i;
    set_clock_us(b, unix_ms * 1000);
    forget(b);
    start(b);
}

void flx_save(struct flx *b)
{
    for (int i = 0; i < FLX_CLAMPS; i++)
        memcpy(b->clamp[i].saved, b->clamp[i].counter, sizeof b->clamp[i].saved);
    for (int i = 0; i < FLX_INPUTS; i++)
        b->input[i].saved = b->input[i].counter;
    b->saves++;
}

void flx_off(struct flx *b)
{
    flx_save(b);
    b->state = FLX_OFF;
}

void flx_on(struct flx *b)
{
    forget(b);
    start(b);
}

void flx_reset(struct flx *b, bool forgets)
{
    if (forgets)
        forget(b);
    start(b);
}

static struct flx_counter *saved(struct flx *b, int i)
{
    int clamps = FLX_CLAMPS * FLX_ENERGIES;

    return i < clamps ? &b->clamp[i / FLX_ENERGIES].saved[i % FLX_ENERGIES] : &b->input[i - clamps].saved;
}

#define COUNTERS (FLX_CLAMPS * FLX_ENERGIES + FLX_INPUTS)

static size_t put_image(struct flx *b, char *dst)
{
    char *p = dst;

    memcpy(p, "flx\n", 4);
    p += 4;
    for (int i = 0; i < COUNTERS; i++) {
        const struct flx_counter *c = saved(b, i);
        p = num_put_hex(p, c->whole, 8);
        *p++ = ' ';
        p = num_put_hex(p, (uint32_t)c->rest, 8);
        *p++ = '\n';
    }
    p = num_put_hex(p, crc8(dst, (size_t)(p - dst)), 2);
    *p++ = '\n';
    return (size_t)(p - dst);
}

size_t flx_image(const struct flx *b, char *dst)
{
    struct flx copy = *b;

    return put_image(&copy, dst);
}

int flx_load(struct flx *b, const char *image, size_t len)
{
    struct flx found = *b;
    char shape[BOARD_IMAGE_MAX];
    const char *p = image + 4;
    uint32_t rest;

    /* Every image has the same shape: read the values where they must be, then compare the whole. */
    if (len != put_image(&found, shape))
        return -1;
    for (int i = 0; i < COUNTERS; i++, p += 18) {
        struct flx_counter *c = saved(&found, i);
        if (num_get_hex(p, 8, &c->whole) < 0 || num_get_hex(p + 9, 8, &rest) < 0 ||
            rest >= (i < FLX_CLAMPS * FLX_ENERGIES ? WH_UJ : MILLI))
            return -1;
        c->rest = rest;
    }
    if (put_image(&found, shape) != len || memcmp(shape, image, len) != 0)
        return -1;
    *b = found;
    start(b);
    return 0;
}

/* ---- clamps ---- */

static void add(struct flx_counter *c, uint64_t amount, uint64_t unit)
{
    c->rest += amount;
    c->whole += (uint32_t)(c->rest / unit);
    c->rest %= unit;
}

static void count(struct flx_clamp *c, enum flx_energy e, int64_t uj)
{
    uint64_t size = (uint64_t)(uj < 0 ? -uj : uj);

    c->truth_uj[e] += size;
    add(&c->counter[e], size, WH_UJ);
}

static bool measures(const struct flx *b, unsigned port)
{
    return b->state == FLX_MEASURES && b->port[port].enable;
}

static int64_t mean(int64_t sum, int64_t n)
{
    return (sum + (sum < 0 ? -n : n) / 2) / n;
}

static void flow(struct flx *b, const struct board_input *in)
{
    struct mains_load loads[MAINS_PHASES];

    b->mv = mains_mv(b->mains_seed, in->second);
    mains_loads(&in->flow, in->extra_w, loads);
    for (int i = 0; i < FLX_CLAMPS; i++) {
        struct flx_clamp *c = &b->clamp[i];
        c->load = c->given ? mains_typical(c->phase, c->given_w * 1000) : loads[c->phase];
    }
}

static void measure(struct flx *b, int64_t ms)
{
    for (unsigned i = 0; i < FLX_CLAMPS; i++) {
        struct flx_clamp *c = &b->clamp[i];
        const struct flx_port *port = &b->port[i];
        struct mains_load seen = mains_seen(c->load, c->phase, c->reversed, port->shift);

        if (!measures(b, i))
            continue;
        c->p_uj += seen.p_mw * flx_scale(port) * ms;
        c->q_uj += seen.q_mvar * flx_scale(port) * ms;
        c->ms += ms;
    }
}

static void clamp_second(struct flx *b, unsigned port)
{
    struct flx_clamp *c = &b->clamp[port];

    if (!measures(b, port) || c->ms == 0)
        return;
    count(c, c->p_uj < 0 ? FLX_PMINUS : FLX_PPLUS, c->p_uj);
    count(c, flx_quadrant(c->p_uj, c->q_uj), c->q_uj);
    c->second = (struct mains_load){mean(c->p_uj, c->ms), mean(c->q_uj, c->ms)};
    c->p_uj = c->q_uj = c->ms = 0;
    flx_say_ct(b, port);
}

static void second_ends(struct flx *b)
{
    for (unsigned i = 0; i < FLX_CLAMPS; i++)
        clamp_second(b, i);
    flx_say_time(b);
    if (b->second_s % KEEP_S == 0)
        flx_save(b);
    b->second_s++;
}

/* ---- waveforms ---- */

/* Voltage and the clamps that are on take turns. */
static void wave(struct flx *b)
{
    b->wave_us += wave_period(b);
    if (b->state != FLX_MEASURES)
        return;
    flx_say_wave(b);
    do
        b->wave_turn = (b->wave_turn + 1) % (1 + FLX_CLAMPS);
    while (b->wave_turn && !b->port[b->wave_turn - 1].enable);
}

/* ---- time goes by ---- */

int64_t flx_house_due(const struct flx *b)
{
    int64_t second = house_time(b, b->second_s * SECOND_US);
    int64_t due = b->waves_per_s && b->state == FLX_MEASURES ? house_time(b, b->wave_us) : second;

    if (b->state == FLX_OFF)
        return INT64_MAX;
    return due < second ? due : second;
}

void flx_run(struct flx *b, int64_t house_ms, const struct board_input *in)
{
    flow(b, in);
    while (b->house_ms < house_ms) {
        int64_t due = flx_house_due(b);
        int64_t next = due < house_ms ? due : house_ms;

        if (next > b->house_ms)
            measure(b, next - b->house_ms);
        b->house_ms = next;
        rebase(b);
        if (b->state == FLX_OFF)
            continue;
        if (flx_unix_us(b) >= b->second_s * SECOND_US)
            second_ends(b);
        if (b->waves_per_s && flx_unix_us(b) >= b->wave_us)
            wave(b);
    }
}

void flx_pulse(struct flx *b, unsigned port, unsigned n)
{
    if (port < FIRST_INPUT || port >= FIRST_INPUT + FLX_INPUTS || !measures(b, port) || n == 0)
        return;
    struct flx_input *in = &b->input[port - FIRST_INPUT];
    uint64_t milli = n * (b->port[port].constant * UINT64_C(1000) + b->port[port].fraction);

    in->pulses += n;
    in->truth_milli += milli;
    add(&in->counter, milli, MILLI);
    if (in->last_ms >= 0 && b->house_ms > in->last_ms) {
        double per_s = (double)milli / (double)(b->house_ms - in->last_ms); /* thousandths per ms */
        in->gauge = per_s < INT32_MAX / 2048 ? (int32_t)(per_s * 2048 + 0.5) : INT32_MAX;
    }
    in->last_ms = b->house_ms;
    flx_say_pulse(b, port);
}

/* ---- from the host ---- */

static bool sane(const struct flx_port *p, const uint8_t main[4])
{
    return p->fraction < MILLI && p->current <= 3 && p->shift < 6 && p->enable <= 1 && p->trigger <= 1 &&
           main[0] <= 2 && main[3] <= 3;
}

/* 7 x (u16 constant, u16 thousandths, u8 current, u8 shift, u8 enable, u8 trigger), u8 phase, led mode, batch, math */
static bool take_config(struct flx *b, const uint8_t *p, size_t len)
{
    struct flx_port port[FLX_PORTS];
    const uint8_t *main = p + FLX_PORTS * 8;

    if (len != FLX_CONFIG_BYTES)
        return false;
    for (int i = 0; i < FLX_PORTS; i++, p += 8) {
        port[i] = (struct flx_port){(uint16_t)flx_get16(p), (uint16_t)flx_get16(p + 2), p[4], p[5], p[6], p[7]};
        if (!sane(&port[i], main))
            return false;
    }
    for (int i = 0; i < FLX_CLAMPS; i++)
        if (!b->port[i].enable)
            b->clamp[i].p_uj = b->clamp[i].q_uj = b->clamp[i].ms = 0;
    for (int i = 0; i < FLX_INPUTS; i++)
        if (!b->port[FIRST_INPUT + i].enable)
            b->input[i].last_ms = -1;
    memcpy(b->port, port, sizeof port);
    b->phase = main[0];
    b->led_mode = main[1];
    b->batch = main[2];
    b->math = main[3];
    if (b->state != FLX_MEASURES)
        b->wave_us = flx_unix_us(b) + wave_period(b);
    b->state = FLX_MEASURES;
    return true;
}

static bool take(struct flx *b, uint8_t type, const uint8_t *p, size_t len)
{
    switch (type) {
    case FRAME_PING:
        if (len == 4 && !b->silent)
            flx_say(b, FRAME_PONG, p, len);
        return len == 4;
    case FRAME_PORT_CONFIG:
        return take_config(b, p, len);
    case FRAME_TIME_STEP:
        if (len == 4)
            flx_set_clock(b, flx_get32(p));
        return len == 4;
    case FRAME_KUBE_CONTROL:
        if (len == 1)
            b->radio_group = p[0];
        return len == 1;
    case FRAME_EXIT:
        flx_save(b);
        return len == 0;
    case FRAME_TIME_SLEW:
    case FRAME_KUBE:
        return true;
    default: /* what only a board says */
        return false;
    }
}

void flx_take(struct flx *b, uint8_t type, const uint8_t *p, size_t len)
{
    if (b->state == FLX_OFF)
        return;
    if (take(b, type, p, len))
        b->got[type]++;
    else
        b->refused++;
}
