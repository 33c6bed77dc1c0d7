#include "unit.h"

#include "core/topics.h"

#include <string.h>

#define ID "0123456789abcdef0123456789abcdef"

static struct payload_stamp stamp;

static void check(int64_t unix_s, enum reading_kind kind, int64_t milli, const char *unit, const char *want)
{
    char buf[PAYLOAD_MAX + 1];

    memset(buf, 'x', sizeof buf);
    buf[payload_put(buf, &stamp, unix_s, kind, milli, unit)] = '\0';
    assert_string_equal(buf, want);
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
        cmocka_unit_test(topics_of_both_kinds),       cmocka_unit_test(gauge_is_rounded_half_up),
        cmocka_unit_test(counter_is_a_short_decimal), cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(second_zero_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
