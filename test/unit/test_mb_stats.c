#include "unit.h"

#include "core/mb_stats.h"

static struct mb_stats s;

static int setup(void **state)
{
    (void)state;
    s = (struct mb_stats){0};
    return 0;
}

static void ok(int64_t took_us)
{
    mb_stats_note(&s, MB_OK, 0, took_us, 1000);
}

static void near(int64_t is, int64_t about, int percent)
{
    if (is < about - about * percent / 100 || is > about + about * percent / 100)
        fail_msg("%lld is not within %d %% of %lld", (long long)is, percent, (long long)about);
}

static void outcomes_are_counted(void **state)
{
    (void)state;
    for (int o = 0; o < MB_OUTCOMES; o++)
        for (int i = 0; i <= o; i++)
            mb_stats_note(&s, (enum mb_outcome)o, o == MB_EXCEPTION ? 2 : 0, 100, 1000);
    for (int o = 0; o < MB_OUTCOMES; o++)
        assert_int_equal(s.n[o], o + 1);
    assert_int_equal(s.exceptions[2], MB_EXCEPTION + 1);
}

static void exceptions_by_their_code(void **state)
{
    (void)state;
    for (int code = -1; code < 300; code++)
        mb_stats_note(&s, MB_EXCEPTION, code, 100, 1000);
    for (int code = 1; code <= 11; code++)
        assert_int_equal(s.exceptions[code], 1);
    assert_int_equal(s.exceptions[0], 301 - 11);
}

static void no_answer_no_time(void **state)
{
    (void)state;
    assert_int_equal(mb_stats_quantile_us(&s, 500), 0);
    mb_stats_note(&s, MB_TIMEOUT, 0, 500000, 1000);
    assert_int_equal(mb_stats_quantile_us(&s, 990), 0);
}

static void quantiles_are_within_a_third_of_an_octave(void **state)
{
    (void)state;
    for (int64_t us = 300; us < 12000000; us = us * 9 / 8) {
        s = (struct mb_stats){0};
        for (int i = 0; i < 100; i++)
            ok(us);
        near(mb_stats_quantile_us(&s, 500), us, 26);
        near(mb_stats_quantile_us(&s, 990), us, 26);
    }
}

static void the_half_and_the_tail(void **state)
{
    (void)state;
    for (int i = 0; i < 980; i++)
        ok(20000);
    for (int i = 0; i < 20; i++)
        ok(400000);
    near(mb_stats_quantile_us(&s, 500), 20000, 26);
    near(mb_stats_quantile_us(&s, 980), 20000, 26);
    near(mb_stats_quantile_us(&s, 990), 400000, 26);
}

static void a_quantile_never_falls_with_its_part(void **state)
{
    (void)state;
    for (int i = 1; i < 3000; i++)
        ok((int64_t)i * i);
    for (int part = 1; part <= 1000; part++)
        assert_true(mb_stats_quantile_us(&s, part) >= mb_stats_quantile_us(&s, part - 1));
    near(mb_stats_quantile_us(&s, 1000), 9000000, 26);
}

static void faster_and_slower_than_all_buckets(void **state)
{
    (void)state;
    ok(0);
    assert_true(mb_stats_quantile_us(&s, 500) <= MB_BUCKET_US);
    s = (struct mb_stats){0};
    ok(3600000000);
    near(mb_stats_quantile_us(&s, 500), 13000000, 26);
}

/* A line that was mended shows it, and no count overflows. */
static void old_answers_fade(void **state)
{
    (void)state;
    for (int i = 0; i < 100000; i++)
        ok(400000);
    for (int i = 0; i < 20000; i++)
        ok(10000);
    near(mb_stats_quantile_us(&s, 990), 10000, 26);
    assert_int_equal(s.n[MB_OK], 120000);
    for (int i = 0; i < MB_BUCKETS; i++)
        assert_true(s.bucket[i] <= 2048);
}

static void error_at(int64_t ms)
{
    mb_stats_note(&s, MB_CRC, 0, 0, ms);
}

static void errors_of_the_last_minute(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        error_at(100000 + i * 1000);
    ok(100); /* is none */
    assert_int_equal(mb_stats_errors_per_minute(&s, 109999), 10);
    assert_int_equal(mb_stats_errors_per_minute(&s, 159000), 10);
    assert_int_equal(mb_stats_errors_per_minute(&s, 160000), 9);
    assert_int_equal(mb_stats_errors_per_minute(&s, 168999), 1);
    assert_int_equal(mb_stats_errors_per_minute(&s, 169000), 0);
    assert_int_equal(mb_stats_errors_per_minute(&s, 999999999), 0);
    error_at(170000);
    assert_int_equal(mb_stats_errors_per_minute(&s, 170000), 1);
}

/* Against a plain list, over gaps of every size, from the machine's first second on. */
static void errors_per_minute_as_a_list_has_them(void **state)
{
    static int64_t at[5000];
    int64_t ms = 0;
    uint32_t x = 1;

    (void)state;
    for (int n = 0; n < 5000; n++) {
        x = x * 1664525 + 1013904223;
        ms += x >> 20 & 1 ? x >> 25 : (x >> 12) % 90000;
        error_at(ms);
        at[n] = ms / 1000;
        for (int64_t later = 0; later < 61000; later += 7300) {
            unsigned expected = 0;
            for (int i = n; i >= 0 && at[i] > (ms + later) / 1000 - 60; i--)
                expected++;
            assert_int_equal(mb_stats_errors_per_minute(&s, ms + later), expected);
        }
    }
}

static void many_errors_in_one_second_do_not_wrap(void **state)
{
    (void)state;
    for (int i = 0; i < 70000; i++)
        error_at(5000);
    assert_int_equal(mb_stats_errors_per_minute(&s, 5000), UINT16_MAX);
    assert_int_equal(s.n[MB_CRC], 70000);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(mb_outcome_name(MB_OK), "ok");
    assert_string_equal(mb_outcome_name(MB_TIMEOUT), "timeout");
    assert_string_equal(mb_outcome_name(MB_CRC), "crc");
    assert_string_equal(mb_outcome_name(MB_EXCEPTION), "exception");
    assert_string_equal(mb_outcome_name(MB_BAD), "bad answer");
    assert_string_equal(mb_outcome_name(MB_GONE), "line gone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(outcomes_are_counted, setup),
        cmocka_unit_test_setup(exceptions_by_their_code, setup),
        cmocka_unit_test_setup(no_answer_no_time, setup),
        cmocka_unit_test_setup(quantiles_are_within_a_third_of_an_octave, setup),
        cmocka_unit_test_setup(the_half_and_the_tail, setup),
        cmocka_unit_test_setup(a_quantile_never_falls_with_its_part, setup),
        cmocka_unit_test_setup(faster_and_slower_than_all_buckets, setup),
        cmocka_unit_test_setup(old_answers_fade, setup),
        cmocka_unit_test_setup(errors_of_the_last_minute, setup),
        cmocka_unit_test_setup(errors_per_minute_as_a_list_has_them, setup),
        cmocka_unit_test_setup(many_errors_in_one_second_do_not_wrap, setup),
        cmocka_unit_test_setup(names, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
