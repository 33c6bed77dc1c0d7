#include "unit.h"

#include "core/meter.h"

#define WRAP ((int64_t)1000 << 32)

static const struct meter_limits limits = {.wrap = WRAP, .rate_per_s = 6000, .slack = 100000000};
static struct meter m;
static int64_t now;

static int setup(void **state)
{
    (void)state;
    m = (struct meter){0};
    now = 0;
    return 0;
}

static enum meter_result feed(int64_t raw)
{
    now += 1000;
    return meter_feed(&m, &limits, raw, now);
}

static void follows_a_rising_counter(void **state)
{
    (void)state;
    assert_int_equal(feed(5000), METER_TAKEN);
    assert_int_equal(meter_published(&m), 5000);
    assert_int_equal(feed(7000), METER_TAKEN);
    assert_int_equal(feed(7000), METER_TAKEN);
    assert_int_equal(meter_published(&m), 7000);
}

static void a_wrap_adds_two_to_the_32(void **state)
{
    (void)state;
    assert_int_equal(feed(WRAP - 1000), METER_TAKEN);
    assert_int_equal(feed(2000), METER_WRAPPED);
    assert_int_equal(meter_published(&m), WRAP + 2000);
    assert_int_equal(feed(3000), METER_TAKEN);
    assert_int_equal(meter_published(&m), WRAP + 3000);
}

/* "a fall confirmed by two more polls is a reset and adds last - new" */
static void a_confirmed_fall_is_a_reset(void **state)
{
    (void)state;
    assert_int_equal(feed(900000), METER_TAKEN);
    assert_int_equal(feed(100000), METER_SUSPECT);
    assert_int_equal(meter_published(&m), 900000);
    assert_int_equal(feed(100500), METER_SUSPECT);
    assert_int_equal(feed(101000), METER_RESET);
    assert_int_equal(meter_published(&m), 901000);
    assert_int_equal(feed(102000), METER_TAKEN);
    assert_int_equal(meter_published(&m), 902000);
}

/* After a reset to a recent save the counter passes its old value before it is confirmed: the energy counts. */
static void a_small_fall_that_rises_again_still_counts(void **state)
{
    (void)state;
    assert_int_equal(feed(1000000), METER_TAKEN);
    assert_int_equal(feed(999000), METER_SUSPECT);
    assert_int_equal(feed(1000000), METER_SUSPECT);
    assert_int_equal(feed(1001000), METER_RESET);
    assert_int_equal(meter_published(&m), 1002000);
}

/* A pulse input speaks only after a pulse: the one that follows a reset is energy too. */
static void the_pulse_after_a_reset_counts(void **state)
{
    struct meter_limits pulses = limits;

    (void)state;
    pulses.step = 10000;
    assert_int_equal(meter_feed(&m, &pulses, 700000, 1000), METER_TAKEN);
    assert_int_equal(meter_feed(&m, &pulses, 110000, 2000), METER_SUSPECT); /* saved at 100000, one pulse since */
    assert_int_equal(meter_feed(&m, &pulses, 120000, 3000), METER_SUSPECT);
    assert_int_equal(meter_feed(&m, &pulses, 130000, 4000), METER_RESET);
    assert_int_equal(meter_published(&m), 730000);
}

/* A single reading that is wrong, near or far, costs nothing: the next one goes on from the last good one. */
static void one_wrong_reading_costs_nothing(void **state)
{
    static const int64_t wrong[] = {4950000000, 0, 5099000000, 5000500000, 4294967295000};

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        m = (struct meter){0};
        assert_int_equal(feed(5000000000), METER_TAKEN);
        assert_int_equal(feed(wrong[i]), METER_SUSPECT);
        assert_int_equal(feed(5000001000), METER_TAKEN);
        assert_int_equal(feed(5000002000), METER_TAKEN);
        assert_int_equal(meter_published(&m), 5000002000);
    }
}

static void a_reset_near_the_wrap_is_no_wrap(void **state)
{
    (void)state;
    assert_int_equal(feed(WRAP - 90000000), METER_TAKEN);
    for (int i = 0; i < METER_CONFIRM; i++)
        (void)feed(1000 * i);
    assert_int_equal(meter_published(&m), WRAP - 90000000 + 2000);
}

/* Faster than the clamps can, again and again: energy, but believed only when it is confirmed. */
static void a_hurried_simulator_loses_nothing(void **state)
{
    int64_t raw = 0;

    (void)state;
    for (int i = 0; i < 100; i++)
        (void)feed(raw += 2800000);
    for (int i = 0; i < METER_CONFIRM; i++)
        (void)feed(raw);
    assert_int_equal(meter_published(&m), raw - 0);
    /* … also over a reset: what is lost is what came before the first reading after it */
    int64_t published = meter_published(&m), base = raw - 5000000;
    for (int i = 1; i <= 30; i++)
        (void)feed(base + 2800000 * i);
    for (int i = 0; i < METER_CONFIRM; i++)
        (void)feed(base + 2800000 * 30);
    assert_int_equal(meter_published(&m), published + 2800000 * 29);
}

/* Garbage among the readings that confirm a reset must be confirmed itself. */
static void garbage_right_after_a_reset_costs_nothing(void **state)
{
    static const int64_t readings[] = {1000500, 100000, 100500, 20000000, 101500, 102000, 102500, 103000};

    (void)state;
    for (unsigned i = 0; i < sizeof readings / sizeof readings[0]; i++)
        (void)feed(readings[i]);
    assert_in_range(meter_published(&m), 1000500, 1004000);
}

/* An id that moves to another port: its published value goes on from there. */
static void a_swap_keeps_the_published_value(void **state)
{
    (void)state;
    meter_swap(&m);
    assert_int_equal(feed(29999000), METER_TAKEN);
    meter_swap(&m);
    meter_swap(&m);
    assert_int_equal(feed(1000000), METER_TAKEN);
    assert_int_equal(meter_published(&m), 29999000);
    assert_int_equal(feed(1001000), METER_TAKEN);
    assert_int_equal(meter_published(&m), 30000000);
}

static void time_that_goes_back_is_harmless(void **state)
{
    (void)state;
    now = 100000;
    assert_int_equal(feed(1000), METER_TAKEN);
    now -= 2500;
    assert_int_equal(feed(2000), METER_TAKEN);
    now -= 50000;
    assert_int_equal(feed(3000), METER_TAKEN);
    assert_int_equal(meter_published(&m), 3000);
}

/* pitfall 13: garbage with a good CRC */
static void garbage_once_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(feed(900000000), METER_TAKEN);
    assert_int_equal(feed(3000000000000), METER_SUSPECT);
    assert_int_equal(feed(900001000), METER_TAKEN);
    assert_int_equal(feed(0), METER_SUSPECT);
    assert_int_equal(feed(900002000), METER_TAKEN);
    assert_int_equal(meter_published(&m), 900002000);
    assert_int_equal(feed(-1), METER_REFUSED);
    assert_int_equal(feed(WRAP), METER_REFUSED);
    assert_int_equal(meter_published(&m), 900002000);
}

/* pitfall 14: 0, then the true value again, must not count a year's energy twice */
static void zero_and_back_counts_nothing_twice(void **state)
{
    (void)state;
    for (int64_t value = 90000000; value <= 5000000000; value += 4910000000) { /* below and above the slack */
        m = (struct meter){0};
        assert_int_equal(feed(value), METER_TAKEN);
        for (int i = 0; i < METER_CONFIRM; i++)
            (void)feed(i);
        assert_int_equal(meter_published(&m), value + METER_CONFIRM - 1);
        for (int i = 0; i < METER_CONFIRM; i++)
            (void)feed(value + i * 1000);
        assert_in_range(meter_published(&m), value, value + 10000);
    }
}

static void a_long_silence_may_bring_much_energy(void **state)
{
    (void)state;
    assert_int_equal(feed(0), METER_TAKEN);
    now += (int64_t)30 * 86400 * 1000;
    assert_int_equal(feed((int64_t)4000 * 1000 * 1000), METER_TAKEN); /* 4 MWh in 30 days */
    assert_int_equal(meter_published(&m), (int64_t)4000 * 1000 * 1000);
}

static void never_falls_whatever_comes(void **state)
{
    uint64_t seed = 42;
    int64_t last = 0;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int64_t raw = (seed >> 60) == 0 ? (int64_t)(seed % WRAP) : m.raw + (int64_t)(seed >> 33) % 8000 - 100;
        (void)feed(raw);
        if (!m.known)
            continue;
        assert_true(meter_published(&m) >= last);
        last = meter_published(&m);
    }
    assert_in_range(last, (int64_t)100000 * 3000, (int64_t)WRAP + (int64_t)200000 * 8000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(follows_a_rising_counter, setup),
        cmocka_unit_test_setup(a_wrap_adds_two_to_the_32, setup),
        cmocka_unit_test_setup(a_confirmed_fall_is_a_reset, setup),
        cmocka_unit_test_setup(a_small_fall_that_rises_again_still_counts, setup),
        cmocka_unit_test_setup(the_pulse_after_a_reset_counts, setup),
        cmocka_unit_test_setup(one_wrong_reading_costs_nothing, setup),
        cmocka_unit_test_setup(a_reset_near_the_wrap_is_no_wrap, setup),
        cmocka_unit_test_setup(a_hurried_simulator_loses_nothing, setup),
        cmocka_unit_test_setup(garbage_right_after_a_reset_costs_nothing, setup),
        cmocka_unit_test_setup(a_swap_keeps_the_published_value, setup),
        cmocka_unit_test_setup(time_that_goes_back_is_harmless, setup),
        cmocka_unit_test_setup(garbage_once_changes_nothing, setup),
        cmocka_unit_test_setup(zero_and_back_counts_nothing_twice, setup),
        cmocka_unit_test_setup(a_long_silence_may_bring_much_energy, setup),
        cmocka_unit_test_setup(never_falls_whatever_comes, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
