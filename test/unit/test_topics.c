#include "unit.h"

#include "core/topics.h"

#include <string.h>

#define ID "0123456789abcdef0123456789abcdef"

static struct payload_stamp stamp;

static void check_by(payload_fn put, int64_t unix_s, enum reading_kind kind, int64_t milli, const char *unit,
                     const char *want)
{
    char buf[PAYLOAD_MAX + 1];

    memset(buf, 'x', sizeof buf);
    buf[put(buf, &stamp, unix_s, kind, milli, unit)] = '\0';
    assert_string_equal(buf, want);
    assert_int_equal(buf[PAYLOAD_MAX], 'x');
}

static void check(int64_t unix_s, enum reading_kind kind, int64_t milli, const char *unit, const char *want)
{
    check_by(payload_put, unix_s, kind, milli, unit, want);
}

static void check_v3(int64_t unix_s, enum reading_kind kind, int64_t milli, const char *unit, const char *want)
{
    check_by(payload_put_v3, unix_s, kind, milli, unit, want);
}

static void topics_of_both_kinds(void **state)
{
    char topic[TOPIC_SENSOR_MAX];

    (void)state;
    topic_init(topic, READING_GAUGE);
    topic_set_id(topic, "ffffffffffffffffffffffffffffffff");
    topic_set_id(topic, ID);
    assert_string_equal(topic, "/sensor/" ID "/gauge");
    topic_init(topic, READING_COUNTER);
    topic_set_id(topic, ID);
    assert_string_equal(topic, "/sensor/" ID "/counter");
}

/* mqtt.md: gauge "%d", rounded half up; no spaces */
static void gauge_is_rounded_half_up(void **state)
{
    (void)state;
    check(1800000000, READING_GAUGE, 230000, "W", "[1800000000,230,\"W\"]");
    check(1800000000, READING_GAUGE, 230499, "W", "[1800000000,230,\"W\"]");
    check(1800000000, READING_GAUGE, 230500, "W", "[1800000000,231,\"W\"]");
    check(1800000001, READING_GAUGE, 0, "L/day", "[1800000001,0,\"L/day\"]");
    check(1800000001, READING_GAUGE, -1500, "W", "[1800000001,-1,\"W\"]");
    check(1800000001, READING_GAUGE, -1501, "W", "[1800000001,-2,\"W\"]");
    check(1800000001, READING_GAUGE, -500, "W", "[1800000001,0,\"W\"]");
    check(1800000001, READING_GAUGE, -501, "W", "[1800000001,-1,\"W\"]");
}

static void counter_is_a_short_decimal(void **state)
{
    (void)state;
    check(1800000000, READING_COUNTER, 103500, "Wh", "[1800000000,103.5,\"Wh\"]");
    check(1800000000, READING_COUNTER, 4294967296000, "Wh", "[1800000000,4294967296,\"Wh\"]");
    check(1800000002, READING_COUNTER, 1, "L", "[1800000002,0.001,\"L\"]");
    check(1800000000, READING_COUNTER, 2000, "L", "[1800000000,2,\"L\"]");
}

static void the_longest_fits(void **state)
{
    (void)state;
    check(INT64_MIN, READING_COUNTER, INT64_MIN, "12345678",
          "[-9223372036854775808,-9223372036854775.808,\"12345678\"]");
    check(INT64_MAX, READING_GAUGE, INT64_MAX, "12345678", "[9223372036854775807,9223372036854776,\"12345678\"]");
    check(1800000000, READING_GAUGE, 0, "", "[1800000000,0,\"\"]");
    check_v3(INT64_MIN, READING_GAUGE, INT64_MIN, "12345678",
             "[-9223372036854775808, -9223372036854775.808, \"12345678\"]");
}

/* mqtt.md: "%u" when the fraction is 0, else "%u.%03u"; spaces behind commas; the same for both kinds */
static void v3_has_three_decimals_or_none(void **state)
{
    static const struct {
        int64_t milli;
        const char *unit, *gauge;
    } cases[] = {
        {230000, "W", "[1800000000, 230, \"W\"]"},
        {230001, "V", "[1800000000, 230.001, \"V\"]"},
        {230100, "VAR", "[1800000000, 230.100, \"VAR\"]"},
        {230010, "VARh", "[1800000000, 230.010, \"VARh\"]"},
        {0, "", "[1800000000, 0, \"\"]"},
        {987, "", "[1800000000, 0.987, \"\"]"},
        {-1, "\u00b0", "[1800000000, -0.001, \"\u00b0\"]"},
        {-999, "\u00b0", "[1800000000, -0.999, \"\u00b0\"]"},
        {-1000, "W", "[1800000000, -1, \"W\"]"},
        {-59500, "\u00b0", "[1800000000, -59.500, \"\u00b0\"]"},
        {4294967295999, "Wh", "[1800000000, 4294967295.999, \"Wh\"]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int kind = 0; kind < READING_KINDS; kind++)
            check_v3(1800000000, (enum reading_kind)kind, cases[i].milli, cases[i].unit, cases[i].gauge);
}

/* A derived sensor beside those of an FLM02 board: both share the second's text. */
/* Of meters, beside a board that rounds. */
static void fine_gauges_are_short_decimals(void **state)
{
    (void)state;
    check_by(payload_put_fine, 1, READING_GAUGE, 231400, "V", "[1,231.4,\"V\"]");
    check_by(payload_put_fine, 1, READING_GAUGE, -970, "", "[1,-0.97,\"\"]");
    check_by(payload_put_fine, 1, READING_GAUGE, 50021, "Hz", "[1,50.021,\"Hz\"]");
    check_by(payload_put_fine, 1, READING_GAUGE, 2300000, "W", "[1,2300,\"W\"]");
    check_by(payload_put_fine, 1, READING_COUNTER, 1234500, "VARh", "[1,1234.5,\"VARh\"]");
}

static void both_forms_share_a_stamp(void **state)
{
    (void)state;
    check(1800000007, READING_GAUGE, 1500, "W", "[1800000007,2,\"W\"]");
    check_v3(1800000007, READING_GAUGE, 1500, "W", "[1800000007, 1.500, \"W\"]");
    check(1800000007, READING_GAUGE, 2500, "W", "[1800000007,3,\"W\"]");
}

/* A zeroed stamp stands for nothing, not for second 0. */
static void second_zero_is_written(void **state)
{
    (void)state;
    memset(&stamp, 0, sizeof stamp);
    check(0, READING_GAUGE, 1000, "W", "[0,1,\"W\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_of_both_kinds),          cmocka_unit_test(gauge_is_rounded_half_up),
        cmocka_unit_test(counter_is_a_short_decimal),    cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(v3_has_three_decimals_or_none), cmocka_unit_test(fine_gauges_are_short_decimals),
        cmocka_unit_test(both_forms_share_a_stamp),      cmocka_unit_test(second_zero_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
