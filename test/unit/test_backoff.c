#include "unit.h"

#include "core/backoff.h"

static void ceiling_doubles_up_to_a_minute(void **state)
{
    static const uint32_t ceilings[] = {1000, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct backoff b = {0};

    (void)state;
    for (size_t i = 0; i < sizeof ceilings / sizeof ceilings[0]; i++) {
        assert_int_equal(backoff_ms(&b, UINT32_MAX), ceilings[i]);
        backoff_failed(&b);
    }
    b.failures = UINT32_MAX;
    assert_int_equal(backoff_ms(&b, UINT32_MAX), BACKOFF_CEILING_MS);
}

/* pitfall 3: full jitter, so that a hundred gateways do not come back in step */
static void jitter_is_full(void **state)
{
    struct backoff b = {.failures = 3};

    (void)state;
    assert_int_equal(backoff_ms(&b, 0), 0);
    assert_int_equal(backoff_ms(&b, UINT32_MAX / 2), 2000);
    assert_int_equal(backoff_ms(&b, UINT32_MAX / 4), 1000);
}

/* pitfall 2 */
static void kicks_grow_and_a_failed_try_clears_them(void **state)
{
    struct backoff b = {0};

    (void)state;
    backoff_lost(&b, 100);
    backoff_lost(&b, BACKOFF_STEADY_MS - 1);
    backoff_lost(&b, 0);
    assert_int_equal(b.kicks, 3);
    assert_int_equal(backoff_ms(&b, UINT32_MAX), 4000);
    backoff_failed(&b);
    assert_int_equal(b.kicks, 0);
    assert_int_equal(backoff_ms(&b, UINT32_MAX), 1000);
}

static void a_steady_minute_clears_all(void **state)
{
    struct backoff b = {.failures = 9};

    (void)state;
    backoff_lost(&b, 5);
    assert_int_equal(b.failures, 0);
    assert_int_equal(b.kicks, 1);
    backoff_lost(&b, BACKOFF_STEADY_MS);
    assert_int_equal(b.kicks, 0);
    assert_int_equal(backoff_ms(&b, UINT32_MAX), BACKOFF_BASE_MS);
}

static void limits_of_ones_own(void **state)
{
    (void)state;
    assert_int_equal(backoff_within(0, 5000, 300000, UINT32_MAX), 5000);
    assert_int_equal(backoff_within(1, 5000, 300000, UINT32_MAX), 5000);
    assert_int_equal(backoff_within(2, 5000, 300000, UINT32_MAX), 10000);
    assert_int_equal(backoff_within(6, 5000, 300000, UINT32_MAX), 160000);
    assert_int_equal(backoff_within(7, 5000, 300000, UINT32_MAX), 300000);
    assert_int_equal(backoff_within(UINT32_MAX, 5000, 300000, UINT32_MAX), 300000);
    assert_int_equal(backoff_within(7, 5000, 300000, UINT32_MAX / 2), 150000);
    assert_int_equal(backoff_within(7, 5000, 300000, 0), 0);
    assert_int_equal(backoff_within(0, 5000, 1000, UINT32_MAX), 1000);
    assert_int_equal(backoff_within(UINT32_MAX, 0, 1000, UINT32_MAX), 0);
    assert_int_equal(backoff_within(UINT32_MAX, 3, UINT32_MAX, UINT32_MAX), UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ceiling_doubles_up_to_a_minute),
        cmocka_unit_test(jitter_is_full),
        cmocka_unit_test(kicks_grow_and_a_failed_try_clears_them),
        cmocka_unit_test(a_steady_minute_clears_all),
        cmocka_unit_test(limits_of_ones_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
