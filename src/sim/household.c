#include "sim/household.h"

#include <math.h>
#include <stddef.h>

#include "core/util.h"
#include "sim/rng.h"

#define DAY_S  86400
#define HOUR_S 3600

/* Something done once a day: it begins at start + a daily chance of up to jitter minutes, all before
 * midnight. */
struct use {
    short start_min;
    short jitter_min;
    short len_s;
    short amount; /* W or mL/s */
};

#define AT(h, m) ((h)*60 + (m))

/* From 07:10 to 07:14 kettle, shower and heating are sure to run: the time to show the household at. */
static const struct use electric[] = {
    {AT(7, 9), 1, 300, 2000},     /* kettle */
    {AT(10, 20), 30, 170, 2000},  /* kettle */
    {AT(15, 10), 40, 200, 2000},  /* kettle */
    {AT(20, 0), 45, 160, 2000},   /* kettle */
    {AT(6, 25), 15, 6000, 110},   /* lights */
    {AT(17, 10), 40, 19800, 190}, /* lights */
    {AT(18, 30), 30, 14400, 120}, /* television */
    {AT(9, 0), 90, 1500, 1900},   /* washing machine, heating */
    {AT(11, 0), 5, 3000, 180},    /* washing machine, turning */
    {AT(12, 0), 20, 900, 1100},   /* oven */
    {AT(18, 0), 20, 1800, 1400},  /* hob */
};

static const struct use boiler[] = {
    {AT(1, 0), 10, 6300, 2100},
    {AT(7, 25), 10, 1500, 2100},
    {AT(13, 30), 15, 1300, 2100},
    {AT(21, 0), 20, 900, 2100},
};

static const struct use water[] = {
    {AT(7, 0), 8, 900, 150},  /* shower */
    {AT(2, 20), 90, 70, 100}, /* from here: cistern */
    {AT(6, 30), 20, 70, 100},   {AT(8, 0), 10, 70, 100},   {AT(11, 30), 40, 70, 100},
    {AT(14, 0), 60, 70, 100},   {AT(17, 30), 30, 70, 100}, {AT(20, 0), 50, 70, 100},
    {AT(22, 40), 40, 70, 100},  {AT(9, 15), 60, 240, 160}, /* washing machine fills */
    {AT(12, 10), 30, 120, 90},                             /* tap */
    {AT(18, 0), 30, 240, 90},                              /* tap */
    {AT(19, 15), 30, 300, 110},                            /* dishes */
};

static const struct use gas[] = {
    {AT(6, 20), 10, 3900, 420}, /* the house warms up */
    {AT(18, 5), 10, 1500, 60},  /* stove */
};

static const int32_t ml_per_pulse[HOUSEHOLD_METERS] = {1000, 10000};

/* Chance number `what` at time step n: in [0, 1), the same each time it is asked. */
static double chance(const struct household *h, unsigned what, int64_t n)
{
    return rng_unit(rng_mix(h->seed + rng_mix((uint64_t)n * 1024 + what + 1)));
}

/* A value in [0, 1) that wanders: chances every `step` seconds, joined by straight lines. */
static double wander(const struct household *h, unsigned what, int64_t t, int step)
{
    double a = chance(h, what, t / step);
    double b = chance(h, what, t / step + 1);

    return a + (b - a) * (double)(t % step) / step;
}

/* What all uses of a list that run at t take together. `what` sets the list's chances apart from others. */
static int32_t taken(const struct household *h, unsigned what, const struct use *list, size_t n, int64_t t)
{
    int32_t sum = 0;

    for (unsigned i = 0; i < n; i++) {
        double late_s = chance(h, what + i, t / DAY_S) * list[i].jitter_min * 60;
        int64_t into = t % DAY_S - list[i].start_min * 60 - (int64_t)late_s;
        if (into >= 0 && into < list[i].len_s)
            sum += list[i].amount;
    }
    return sum;
}

/* Something that runs by itself, on_s out of each period_s, shifted by chance. Seconds since it came on, or
 * -1. */
static int64_t cycle(const struct household *h, unsigned what, int64_t t, int period_s, int on_s)
{
    int64_t into = (t + (int64_t)(chance(h, what, 0) * period_s)) % period_s;

    return into < on_s ? into : -1;
}

static int32_t fridge_w(const struct household *h, int64_t t)
{
    int64_t on = cycle(h, 900, t, 2700, 900);

    if (on < 0)
        return 0;
    return on < 2 ? 420 : 85; /* the compressor starts heavily */
}

static int32_t solar_w(const struct household *h, int64_t t)
{
    double height = sin(3.141592653589793 * ((double)(t % DAY_S) / HOUR_S - 6) / 14); /* up from 06:00 to 20:00 */

    if (height <= 0)
        return 0;
    double clouds = wander(h, 901, t, 420);
    return (int32_t)lround(4200 * pow(height, 1.3) * (1 - 0.7 * clouds * clouds));
}

static int32_t gas_ml(const struct household *h, int64_t t)
{
    int32_t ml = taken(h, 400, gas, ARRAY_LEN(gas), t);
    int64_t hour = t % DAY_S / HOUR_S;

    if (hour >= 8 && hour < 22 && cycle(h, 902, t, 1440, 420) >= 0)
        ml += 380;
    return ml;
}

/* Volume flows on: where within the second does the meter close its contact? */
static int32_t turn_meter(int64_t *since_pulse_ml, int32_t flow_ml, int32_t unit_ml)
{
    int64_t before = *since_pulse_ml;

    *since_pulse_ml += flow_ml;
    if (*since_pulse_ml < unit_ml)
        return -1;
    *since_pulse_ml -= unit_ml;
    return (int32_t)(((unit_ml - before) * 1000 + flow_ml - 1) / flow_ml);
}

void household_init(struct household *h, uint64_t seed)
{
    *h = (struct household){.seed = rng_mix(seed + 1)};
}

void household_second(struct household *h, int64_t t, struct household_second *out)
{
    int32_t boiler_w = taken(h, 200, boiler, ARRAY_LEN(boiler), t);
    double base = 95 + 30 * wander(h, 903, t, 600);
    double main_w = base + fridge_w(h, t) + taken(h, 100, electric, ARRAY_LEN(electric), t) + boiler_w;

    out->clamp_w[0] = (int32_t)lround(main_w * (0.99 + 0.02 * chance(h, 904, t)));
    out->clamp_w[1] = solar_w(h, t);
    out->clamp_w[2] = boiler_w;
    out->flow_ml[0] = taken(h, 300, water, ARRAY_LEN(water), t);
    out->flow_ml[1] = gas_ml(h, t);
    for (int i = 0; i < HOUSEHOLD_METERS; i++)
        out->pulse_ms[i] = turn_meter(&h->since_pulse_ml[i], out->flow_ml[i], ml_per_pulse[i]);
}
