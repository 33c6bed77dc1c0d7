#include "unit.h"

#include "core/crc8.h"
#include "core/num.h"

#include <string.h>

static void check_milli(int64_t v, const char *want)
{
    char buf[NUM_MAX + 1];

    *num_put_milli(buf, v) = '\0';
    assert_string_equal(buf, want);
}

static void milli_is_shortest_decimal(void **state)
{
    (void)state;
    check_milli(0, "0");
    check_milli(103500, "103.5");
    check_milli(2000, "2");
    check_milli(-50, "-0.05");
    check_milli(1, "0.001");
    check_milli(999, "0.999");
    check_milli(INT64_MAX, "9223372036854775.807");
    check_milli(INT64_MIN, "-9223372036854775.808");
}

static void int_covers_its_range(void **state)
{
    char buf[NUM_MAX + 1];

    (void)state;
    *num_put_int(buf, INT64_MIN) = '\0';
    assert_string_equal(buf, "-9223372036854775808");
    *num_put_int(buf, 0) = '\0';
    assert_string_equal(buf, "0");
}

static void hex_both_ways(void **state)
{
    char buf[9] = "";
    uint32_t v;

    (void)state;
    *num_put_hex(buf, 0x00ab12ffu, 8) = '\0';
    assert_string_equal(buf, "00ab12ff");
    assert_int_equal(num_get_hex("fFfF1234", 8, &v), 0);
    assert_int_equal(v, 0xffff1234u);
    assert_int_equal(num_get_hex("12g4", 4, &v), -1);
    assert_int_equal(num_hex("fFfF1234", 8), 0xffff1234u);
    assert_int_equal(num_hex("0a", 2), 10);
    assert_int_equal(num_hex8("fFfF1234"), 0xffff1234u);
    assert_int_equal(num_hex8("567890aB"), 0x567890abu);
    assert_int_equal(num_hex8("cdeCDE00"), 0xcdecde00u);
}

static void crc_of_the_spec(void **state)
{
    (void)state;
    assert_int_equal(crc8("gh", 2), 0x93);
    assert_int_equal(crc8("gd", 2), 0x30);
    assert_int_equal(crc8("ct", 2), 0x96);
    assert_int_equal(crc8("", 0), 0);
    for (unsigned v = 0; v < 256; v++) { /* reflected polynomial 0x8c, bit by bit */
        uint8_t byte = (uint8_t)v, crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = (uint8_t)(crc >> 1 ^ (crc & 1 ? 0x8c : 0));
        assert_int_equal(crc8(&byte, 1), crc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(milli_is_shortest_decimal),
        cmocka_unit_test(int_covers_its_range),
        cmocka_unit_test(hex_both_ways),
        cmocka_unit_test(crc_of_the_spec),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
