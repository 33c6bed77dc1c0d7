/* For the tests of net: three phases, each with a counter of either way (as an FLX board has them), what a grid meter
 * makes of them, and what of it reaches the hub. */
#ifndef TEST_DERIVE_PHASES_H
#define TEST_DERIVE_PHASES_H

#include "derive_house.h"

#define IMPORT PARTS
#define EXPORT (PARTS + 1)
#define PHASES 3
#define MWH    ((int64_t)3600000) /* mW x ms */
#define LOOSE  (2 * 2 * PHASES)   /* thousandths: what the counters' own rounding may make */

/* Each phase, as it really is. */
static int64_t power[PHASES];          /* mW, import positive */
static int64_t way[PHASES][NET_SIDES]; /* energy of either way, mW x ms */
static int64_t grid[NET_SIDES];        /* of all together */
static int64_t set_milli;              /* what orders added to import - export of the parts */

static inline int setup(void **state)
{
    (void)state;
    build(SENSOR_CT);
    derive_settings[0] =
        (struct derive_settings){.kind = DERIVE_NET, .enable = true, .n_of = PHASES, .n_minus = PHASES};
    for (size_t i = 0; i < PHASES; i++) {
        derive_settings[0].parts[i] = i;
        derive_settings[0].minuses[i] = PHASES + i;
    }
    settings.n_derive = 1;
    make(0, 0, SUBTYPE_PPLUS);
    make(1, 0, SUBTYPE_PMINUS);
    memset(power, 0, sizeof power);
    memset(way, 0, sizeof way);
    memset(grid, 0, sizeof grid);
    set_milli = 0;
    ledger.now.started_ms = 1;
    starts();
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    ends();
    ledger_fini(&ledger);
    return 0;
}

static inline void passes(int64_t ms)
{
    int64_t all = 0;

    for (int i = 0; i < PHASES; i++) {
        way[i][power[i] < 0] += llabs(power[i]) * ms;
        all += power[i] * ms;
    }
    grid[all < 0] += llabs(all);
    mono_ms += ms;
}

enum lost { NOTHING, FRAME, GAUGES, COUNTERS };

static inline void phase_tells(int i, enum lost lost)
{
    for (int side = 0; side < NET_SIDES; side++) {
        unsigned part = (unsigned)(i + PHASES * side);
        if (lost == NOTHING || lost == COUNTERS)
            part_emits(part, READING_GAUGE, side ? (power[i] < 0 ? -power[i] : 0) : (power[i] > 0 ? power[i] : 0));
        if (lost == NOTHING || lost == GAUGES)
            part_counts(part, way[i][side] / MWH, true);
    }
}

static inline void tell(void)
{
    for (int i = 0; i < PHASES; i++)
        phase_tells(i, NOTHING);
}

static inline void second(void)
{
    passes(1000);
    unix_s++;
    tell();
}

static inline void powers(int64_t a, int64_t b, int64_t c)
{
    power[0] = a * 1000;
    power[1] = b * 1000;
    power[2] = c * 1000;
}

/* What the parts' published counters say together. */
static inline int64_t parts_say(void)
{
    int64_t milli = 0;

    for (unsigned i = 0; i < PHASES; i++)
        milli += published(i) - published(PHASES + i);
    return milli;
}

static inline void assert_near(int64_t a, int64_t b, int64_t by)
{
    if (llabs(a - b) > by)
        fail_msg("%lld is not within %lld of %lld", (long long)a, (long long)by, (long long)b);
}

#endif
