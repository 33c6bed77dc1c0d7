/* For the tests of quarter hours: one consumption, second by second, and what comes of it. */
#ifndef TEST_DERIVE_PEAK_HOUSE_H
#define TEST_DERIVE_PEAK_HOUSE_H

#include "derive_house.h"

#define QUARTER  PARTS
#define FORECAST (PARTS + 1)
#define MONTH    (PARTS + 2)
#define KW       ((int64_t)1000000) /* mW */
#define MWH      ((int64_t)3600000) /* mW x ms */

static int64_t power;  /* mW */
static int64_t energy; /* mW x ms: as it really is */
static char key[] = "k";
static int64_t coarse; /* thousandths of a Wh: the counter shows whole ones */
static bool gauge_first, no_gauge, no_counter;

/* What was said to be left out. */
static struct peak_left_out said[64];
static size_t n_said;

static struct ledger_saved kept[PARTS + MADE];
static size_t n_kept;

static inline void on_left_out(void *ctx, const struct peak_left_out *x)
{
    (void)ctx;
    assert_true(n_said < ARRAY_LEN(said));
    assert_true(x->from_s % PEAK_QUARTER_S == 0 && x->until_s % PEAK_QUARTER_S == 0 && x->from_s < x->until_s);
    said[n_said++] = *x;
}

/* The store writes all that changed in one go, at any moment. */
static inline void save(void *ctx)
{
    (void)ctx;
    n_kept = 0;
    for (const struct ledger_entry *e = ledger.all; e; e = e->after)
        ledger_copy(e, &kept[n_kept++], mono_ms, unix_s);
}

static inline void begins(void)
{
    ledger.now.started_ms = mono_ms;
    ledger.urgent = save;
    starts();
    derive.left_out = on_left_out;
    derive_set(&derive, &settings);
}

/* SIGKILL, and a start: what was not saved is not known. Meters count on. */
static inline void kill_and_start(void)
{
    ends();
    ledger_fini(&ledger);
    for (size_t i = 0; i < n_kept; i++)
        ledger_restore(&ledger, &kept[i], mono_ms, unix_s);
    begins();
}

static inline void house_of(enum sensor_class class)
{
    build(class);
    derive_settings[0] = (struct derive_settings){.key = key, .kind = DERIVE_PEAK, .enable = true, .n_of = 1};
    settings.n_derive = 1;
    for (unsigned i = 0; i < PEAK_SENSORS; i++) {
        make(i, 0, SUBTYPE_NONE);
        sensor_settings[PARTS + i].derived = (enum derived_side)(DERIVED_QUARTER + i);
    }
    unix_s = START + 100; /* amid one */
    power = KW;
    energy = 0;
    coarse = 1;
    gauge_first = no_gauge = no_counter = false;
    n_said = n_kept = 0;
    begins();
}

static inline int setup(void **state)
{
    (void)state;
    house_of(SENSOR_CT);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    ends();
    ledger_fini(&ledger);
    setenv("TZ", "UTC", 1);
    return 0;
}

/* Time goes by, and nobody hears of it. */
static inline void passes(int64_t seconds)
{
    energy += power * seconds * 1000;
    mono_ms += seconds * 1000;
    unix_s += seconds;
}

static inline void tells(void)
{
    if (!no_gauge && gauge_first)
        part_emits(0, READING_GAUGE, power);
    if (!no_counter)
        part_counts(0, energy / MWH / coarse * coarse, true);
    if (!no_gauge && !gauge_first)
        part_emits(0, READING_GAUGE, power);
}

static inline void live(int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        passes(1);
        tells();
    }
}

/* Until the next second of which the remainder is this. */
static inline void live_to(int64_t rest)
{
    do
        live(1);
    while (unix_s % PEAK_QUARTER_S != rest);
}

static inline void assert_near(int64_t a, int64_t b, int64_t by)
{
    if (llabs(a - b) > by)
        fail_msg("%lld is not within %lld of %lld", (long long)a, (long long)by, (long long)b);
}

static inline int64_t shows(unsigned number)
{
    return got[number][READING_GAUGE].unix_s == unix_s ? got[number][READING_GAUGE].milli : INT64_MIN;
}

static inline void is_left_out(size_t i, int64_t from_s, int64_t until_s, enum peak_why why)
{
    assert_true(i < n_said);
    assert_true(said[i].from_s == from_s && said[i].until_s == until_s);
    assert_int_equal(said[i].why, why);
    assert_string_equal(said[i].key, "k");
}

/* Up to the start of a quarter hour that is known, and 450 s of it. */
static inline void amid_one(void)
{
    tells();
    live_to(0);
    live_to(450);
    n_said = 0;
}

#endif
