#include "sim/mains.h"

#include <math.h>

#include "sim/rng.h"

#define PI       3.14159265358979323846
#define RAD(deg) ((deg)*PI / 180)

/* Of the voltage, as parts of its fundamental. */
#define V_THIRD 0.012
#define V_FIFTH 0.021

/* Angle of the voltage; Q as thousandths of |P|; harmonics of the current as parts of its fundamental. */
static const struct phase {
    int angle;
    int64_t q_share;
    double third, fifth;
} phases[MAINS_PHASES] = {
    {0, 300, 0.060, 0.030},
    {-120, 20, 0.010, 0.020},
    {120, -200, 0.180, 0.090},
};

int32_t mains_q11(int64_t milli)
{
    int64_t v = (milli * 2048 + (milli < 0 ? -500 : 500)) / 1000;

    if (v > INT32_MAX)
        return INT32_MAX;
    return v < INT32_MIN ? INT32_MIN : (int32_t)v;
}

struct mains_load mains_typical(int phase, int64_t p_mw)
{
    int64_t size = p_mw < 0 ? -p_mw : p_mw;

    return (struct mains_load){p_mw, size * phases[phase].q_share / 1000};
}

void mains_loads(const struct household_second *s, int64_t extra_w, struct mains_load out[MAINS_PHASES])
{
    int64_t boiler = s->clamp_w[2] * INT64_C(1000);
    int64_t rest = s->clamp_w[0] * INT64_C(1000) - boiler;
    int64_t solar = s->clamp_w[1] * INT64_C(1000);

    out[0] = mains_typical(0, rest * 5 / 8 + extra_w * 1000);
    out[1] = mains_typical(1, rest / 8 + boiler);
    out[2] = mains_typical(2, rest - rest * 5 / 8 - rest / 8);
    out[2].p_mw -= solar;
    out[2].q_mvar -= solar / 20;
}

/* Turned by k x 60 degrees; by the half turns without a rounding. */
static struct mains_load turned(struct mains_load a, unsigned k)
{
    double c = k % 3 == 1 ? 0.5 : -0.5;
    double s = sqrt(0.75);

    if (k >= 3)
        a = (struct mains_load){-a.p_mw, -a.q_mvar};
    if (k % 3 == 0)
        return a;
    return (struct mains_load){llround((double)a.p_mw * c - (double)a.q_mvar * s),
                               llround((double)a.p_mw * s + (double)a.q_mvar * c)};
}

struct mains_load mains_seen(struct mains_load load, int phase, bool reversed, unsigned shift)
{
    /* The current of a phase lags behind L1's voltage by its own phase's angle more. */
    int sixths = -phases[phase].angle / 60 + (reversed ? 3 : 0) - (int)shift;

    return turned(load, (unsigned)(sixths + 12) % 6);
}

int32_t mains_mv(uint64_t seed, int64_t t)
{
    double chance[2];

    for (int i = 0; i < 2; i++)
        chance[i] = rng_unit(rng_mix(seed + rng_mix((uint64_t)(t / 300 + i) * 1024 + 950)));
    double now = chance[0] + (chance[1] - chance[0]) * (double)(t % 300) / 300;
    return (int32_t)lround(230000 + 5000 * (now - 0.5));
}

struct mains_current mains_current(struct mains_load load, int phase, bool reversed, int32_t mv)
{
    struct mains_current c = {.third = phases[phase].third, .fifth = phases[phase].fifth};
    double fundamental_mv = mv / sqrt(1 + V_THIRD * V_THIRD + V_FIFTH * V_FIFTH);

    c.amps = hypot((double)load.p_mw, (double)load.q_mvar) / fundamental_mv;
    c.lag_deg = atan2((double)load.q_mvar, (double)load.p_mw) * 180 / PI - phases[phase].angle + (reversed ? 180 : 0);
    return c;
}

struct mains_gauges mains_measure(struct mains_load seen, int phase, unsigned shift, int32_t mv)
{
    struct mains_current c = mains_current(seen, phase, false, mv);
    double vthd = hypot(V_THIRD, V_FIFTH), ithd = hypot(c.third, c.fifth);
    double amps = c.amps * sqrt(1 + ithd * ithd);
    double alpha = remainder(atan2((double)seen.q_mvar, (double)seen.p_mw) * 180 / PI + 60.0 * shift, 360);
    bool flows = seen.p_mw || seen.q_mvar;

    return (struct mains_gauges){
        .vrms = mains_q11(mv),
        .irms = (int32_t)fmin(INT32_MAX, round(amps * 2048)),
        .pf = flows ? (int32_t)lround((double)seen.p_mw / ((double)mv * amps) * 2048) : 0,
        .vthd = (int32_t)lround(vthd * 2048),
        .ithd = flows ? (int32_t)lround(ithd * 2048) : 0,
        .alpha = flows ? (int32_t)lround(alpha * 2048) : 0,
    };
}

/* One period of a fundamental (peak, lag) with its harmonics, which follow it. */
static int32_t wave(double peak, double lag_deg, double third, double fifth, int32_t out[MAINS_SAMPLES])
{
    double sum = 0;

    for (int i = 0; i < MAINS_SAMPLES; i++) {
        double x = 2 * PI * i / MAINS_SAMPLES - RAD(lag_deg);
        double v = peak * (sin(x) + third * sin(3 * x) + fifth * sin(5 * x));
        out[i] = (int32_t)fmax(INT32_MIN, fmin(INT32_MAX, round(v)));
        sum += (double)out[i] * out[i];
    }
    return (int32_t)fmin(INT32_MAX, round(sqrt(sum / MAINS_SAMPLES)));
}

int32_t mains_voltage_wave(int32_t mv, int32_t out[MAINS_SAMPLES])
{
    double peak = mv * sqrt(2 / (1 + V_THIRD * V_THIRD + V_FIFTH * V_FIFTH));

    return wave(peak, 0, V_THIRD, V_FIFTH, out);
}

int32_t mains_current_wave(const struct mains_current *c, int32_t out[MAINS_SAMPLES])
{
    return wave(c->amps * 1000 * sqrt(2), c->lag_deg, c->third, c->fifth, out);
}
