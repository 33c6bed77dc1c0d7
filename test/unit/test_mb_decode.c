/* Words of registers to thousandths: types, word orders, scales, what is no value. */
#include "unit.h"

#include "core/mb_decode.h"
#include "core/meter_model.h"

#include <string.h>

#define UNIT ((int64_t)1000000) /* a scale of 1 */

static struct meter_model model;
static int64_t milli;

static int setup(void **state)
{
    (void)state;
    memset(&model, 0, sizeof model);
    milli = -12345;
    return 0;
}

static enum mb_value decode(enum meter_type type, int64_t scale, uint16_t a, uint16_t b, uint16_t c, uint16_t d)
{
    static const uint8_t words[METER_TYPES] = {1, 1, 2, 2, 4, 4, 2, 4};
    const struct meter_register r = {.type = type, .words = words[type], .scale_micro = scale};
    const uint16_t w[4] = {a, b, c, d};

    return mb_decode(&model, &r, w, &milli);
}

static void is(enum meter_type type, int64_t scale, uint16_t a, uint16_t b, uint16_t c, uint16_t d, int64_t expected)
{
    assert_int_equal(decode(type, scale, a, b, c, d), MB_VALUE);
    assert_int_equal(milli, expected);
}

static void integers_of_each_width_have_their_sign(void **state)
{
    (void)state;
    is(METER_INT16, UNIT, 0xffff, 0, 0, 0, -1000);
    is(METER_INT16, UNIT, 0x8000, 0, 0, 0, -32768000);
    is(METER_UINT16, UNIT, 0xffff, 0, 0, 0, 65535000);
    is(METER_INT32, UNIT, 0xffff, 0xfffe, 0, 0, -2000);
    is(METER_INT32, UNIT, 0x8000, 0, 0, 0, -2147483648000);
    is(METER_UINT32, UNIT, 0x0001, 0x0002, 0, 0, 65538000);
    is(METER_UINT32, UNIT, 0xffff, 0xffff, 0, 0, 4294967295000);
    is(METER_INT64, UNIT, 0xffff, 0xffff, 0xffff, 0xff00, -256000);
    is(METER_UINT64, UNIT, 0, 1, 2, 3, 4295098371000);
}

static void floats_are_read_as_they_are(void **state)
{
    (void)state;
    is(METER_FLOAT32, UNIT, 0x4366, 0x6666, 0, 0, 230400); /* 230.399994 */
    is(METER_FLOAT32, UNIT, 0xc2c8, 0x0000, 0, 0, -100000);
    is(METER_FLOAT32, UNIT, 0x8000, 0x0000, 0, 0, 0);
    is(METER_FLOAT32, 1000 * UNIT, 0x449a, 0x5000, 0, 0, 1234500000); /* 1234.5 kWh */
    is(METER_FLOAT64, UNIT, 0x4132, 0xd687, 0x28f5, 0xc28f, 1234567160);
    is(METER_FLOAT32, UNIT, 0x0000, 0x59e2, 0, 0, 0); /* an integer that was taken for a float */
}

static void the_low_word_may_come_first(void **state)
{
    (void)state;
    model.low_word_first = true;
    is(METER_INT32, UNIT / 10, 0x08fd, 0x0000, 0, 0, 230100);
    is(METER_INT32, UNIT / 10, 0xfff6, 0xffff, 0, 0, -1000);
    is(METER_UINT64, UNIT, 3, 2, 1, 0, 4295098371000);
    is(METER_FLOAT32, UNIT, 0x6666, 0x4366, 0, 0, 230400);
    is(METER_INT16, UNIT, 0x0001, 0, 0, 0, 1000);
}

static void the_low_byte_may_come_first(void **state)
{
    (void)state;
    model.low_byte_first = true;
    is(METER_UINT16, UNIT, 0x0100, 0, 0, 0, 1000);
    is(METER_INT16, UNIT, 0xfeff, 0, 0, 0, -2000);
    is(METER_FLOAT32, UNIT, 0x6643, 0x6666, 0, 0, 230400);
    model.low_word_first = true;
    is(METER_FLOAT32, UNIT, 0x6666, 0x6643, 0, 0, 230400);
}

static void halves_go_away_from_zero(void **state)
{
    (void)state;
    is(METER_INT16, 100, 5, 0, 0, 0, 1); /* 0.0005 */
    is(METER_INT16, 100, 4, 0, 0, 0, 0);
    is(METER_INT16, 100, (uint16_t)-5, 0, 0, 0, -1);
    is(METER_INT16, 100, (uint16_t)-4, 0, 0, 0, 0);
    is(METER_UINT32, 100, 0, 12345, 0, 0, 1235);
    is(METER_FLOAT32, UNIT, 0x3b00, 0x0000, 0, 0, 2);   /* 1/512 = 0.001953125 */
    is(METER_FLOAT32, 500000, 0x3a80, 0x0000, 0, 0, 0); /* 1/1024 / 2 = 0.00048828125 */
    is(METER_FLOAT32, 512, 0x3f80, 0x0000, 0, 0, 1);    /* 0.000512 */
    is(METER_FLOAT32, 512, 0xbf80, 0x0000, 0, 0, -1);
}

/* Pitfall 13 and the facts on ABB, Schneider, Carlo Gavazzi. */
static void patterns_of_no_value_are_told_apart(void **state)
{
    (void)state;
    model.no_value[METER_UINT32][0] = 0xffffffff;
    model.no_value[METER_INT32][0] = 0x7fffffff;
    model.no_value[METER_INT32][1] = 0x80000000;
    model.no_value[METER_INT64][0] = 0x8000000000000000;
    model.n_no_value[METER_UINT32] = model.n_no_value[METER_INT64] = 1;
    model.n_no_value[METER_INT32] = 2;
    assert_int_equal(decode(METER_UINT32, UNIT, 0xffff, 0xffff, 0, 0), MB_NO_VALUE);
    assert_int_equal(decode(METER_INT32, UNIT, 0x7fff, 0xffff, 0, 0), MB_NO_VALUE);
    assert_int_equal(decode(METER_INT32, UNIT, 0x8000, 0, 0, 0), MB_NO_VALUE);
    assert_int_equal(decode(METER_INT64, UNIT, 0x8000, 0, 0, 0), MB_NO_VALUE);
    assert_int_equal(milli, -12345);
    is(METER_UINT32, UNIT, 0x7fff, 0xffff, 0, 0, 2147483647000); /* another type's */
    is(METER_INT32, UNIT, 0xffff, 0xffff, 0, 0, -1000);
    model.low_word_first = true;
    assert_int_equal(decode(METER_INT32, UNIT, 0xffff, 0x7fff, 0, 0), MB_NO_VALUE);
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    assert_int_equal(decode(METER_FLOAT32, UNIT, 0x7fc0, 0, 0, 0), MB_NOT_A_NUMBER);
    assert_int_equal(decode(METER_FLOAT32, UNIT, 0xffff, 0xffff, 0, 0), MB_NOT_A_NUMBER);
    assert_int_equal(decode(METER_FLOAT32, UNIT, 0x7f80, 0, 0, 0), MB_NOT_A_NUMBER);
    assert_int_equal(decode(METER_FLOAT32, UNIT, 0xff80, 0, 0, 0), MB_NOT_A_NUMBER);
    assert_int_equal(decode(METER_FLOAT64, UNIT, 0x7ff8, 0, 0, 0), MB_NOT_A_NUMBER);
    assert_int_equal(milli, -12345);
}

static void what_thousandths_cannot_hold_is_refused(void **state)
{
    (void)state;
    assert_int_equal(decode(METER_FLOAT32, UNIT, 0x7f7f, 0xffff, 0, 0), MB_TOO_LARGE);
    assert_int_equal(decode(METER_FLOAT64, UNIT, 0xffef, 0xffff, 0xffff, 0xffff), MB_TOO_LARGE);
    assert_int_equal(decode(METER_UINT64, UNIT, 0xffff, 0xffff, 0xffff, 0xffff), MB_TOO_LARGE);
    assert_int_equal(decode(METER_INT64, UNIT, 0x8000, 0, 0, 0), MB_TOO_LARGE);
    assert_int_equal(decode(METER_UINT64, 1000000000 * UNIT, 0, 0, 0x7fff, 0xffff), MB_TOO_LARGE);
    assert_int_equal(milli, -12345);
    is(METER_UINT64, 1000, 0x1000, 0, 0, 0, MB_VALUE_MAX);
    assert_int_equal(decode(METER_UINT64, 1000, 0x1000, 0, 0, 1), MB_TOO_LARGE);
    is(METER_INT64, 1000, 0xf000, 0, 0, 0, -MB_VALUE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(integers_of_each_width_have_their_sign, setup),
        cmocka_unit_test_setup(floats_are_read_as_they_are, setup),
        cmocka_unit_test_setup(the_low_word_may_come_first, setup),
        cmocka_unit_test_setup(the_low_byte_may_come_first, setup),
        cmocka_unit_test_setup(halves_go_away_from_zero, setup),
        cmocka_unit_test_setup(patterns_of_no_value_are_told_apart, setup),
        cmocka_unit_test_setup(what_is_no_number_is_refused, setup),
        cmocka_unit_test_setup(what_thousandths_cannot_hold_is_refused, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
