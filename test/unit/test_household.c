#include "unit.h"

#include "sim/household.h"

#include <string.h>

#define DAY_S  86400
#define HOUR_S 3600

static void same_seed_same_day(void **state)
{
    struct household a, b, c;
    struct household_second sa, sb, sc;
    int differ = 0;

    (void)state;
    household_init(&a, 5);
    household_init(&b, 5);
    household_init(&c, 6);
    for (int64_t t = 0; t < DAY_S; t++) {
        household_second(&a, t, &sa);
        household_second(&b, t, &sb);
        household_second(&c, t, &sc);
        assert_memory_equal(&sa, &sb, sizeof sa);
        differ += memcmp(&sa, &sc, sizeof sa) != 0;
    }
    assert_true(differ > DAY_S / 2);
}

/* Litres in pulses are litres that flowed, for any seed; each pulse lies within its second. */
static void pulses_are_the_flow(void **state)
{
    static const int64_t unit_ml[HOUSEHOLD_METERS] = {1000, 10000};

    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        int64_t flow[HOUSEHOLD_METERS] = {0}, pulses[HOUSEHOLD_METERS] = {0};
        struct household h;
        struct household_second s;

        household_init(&h, seed);
        for (int64_t t = 0; t < 2 * DAY_S; t++) {
            household_second(&h, t, &s);
            for (int i = 0; i < HOUSEHOLD_METERS; i++) {
                assert_in_range(s.flow_ml[i], 0, unit_ml[i] - 1); /* one pulse a second at most */
                assert_true(s.pulse_ms[i] == -1 || (s.pulse_ms[i] >= 1 && s.pulse_ms[i] <= 1000));
                flow[i] += s.flow_ml[i];
                pulses[i] += s.pulse_ms[i] != -1;
            }
        }
        for (int i = 0; i < HOUSEHOLD_METERS; i++) {
            assert_true(pulses[i] > 50);
            assert_int_equal(pulses[i], flow[i] / unit_ml[i]);
        }
    }
}

/* A steady flow gives evenly spaced pulses, so that the flow computed from their distance is right. */
static void pulses_are_evenly_spaced(void **state)
{
    struct household h;
    struct household_second s;
    int64_t last = -1;
    int seen = 0;

    (void)state;
    household_init(&h, 1);
    for (int64_t t = 0; t < 7 * HOUR_S + 13 * 60; t++) {
        household_second(&h, t, &s);
        if (t < 7 * HOUR_S + 10 * 60 || s.pulse_ms[0] < 0)
            continue;
        int64_t at = t * 1000 + s.pulse_ms[0];
        if (last >= 0)
            assert_in_range(at - last, 6666, 6668); /* 150 mL/s */
        last = at;
        seen++;
    }
    assert_true(seen > 20);
}

static void nights_are_dark_and_calm(void **state)
{
    struct household h;
    struct household_second s;
    int fridge_on = 0;

    (void)state;
    household_init(&h, 2);
    for (int64_t t = 0; t < DAY_S; t++) {
        household_second(&h, t, &s);
        assert_true(s.clamp_w[0] >= s.clamp_w[2] * 99 / 100 && s.clamp_w[0] > 50 && s.clamp_w[1] >= 0);
        if (t < 6 * HOUR_S || t > 20 * HOUR_S)
            assert_int_equal(s.clamp_w[1], 0);
        if (t >= 3 * HOUR_S + 1800 && t < 6 * HOUR_S) {
            assert_true(s.clamp_w[0] < 600); /* base load and fridge alone */
            fridge_on += s.clamp_w[0] > 160;
        }
    }
    assert_in_range(fridge_on, 2000, 4000); /* a third of the time */
}

static void lively_at_the_promised_time(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct household h;
        struct household_second s;

        household_init(&h, seed);
        for (int64_t t = 7 * HOUR_S + 10 * 60; t < 7 * HOUR_S + 14 * 60; t++) {
            household_second(&h, t, &s);
            assert_true(s.clamp_w[0] > 2000 && s.clamp_w[1] > 0 && s.flow_ml[0] >= 150 && s.flow_ml[1] >= 400);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_day),          cmocka_unit_test(pulses_are_the_flow),
        cmocka_unit_test(pulses_are_evenly_spaced),    cmocka_unit_test(nights_are_dark_and_calm),
        cmocka_unit_test(lively_at_the_promised_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
