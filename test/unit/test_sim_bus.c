#include "unit.h"

#include "sim/bus_meter.h"
#include "sim/bus_wire.h"
#include "sim/rng.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S 86400

/* ---- frames ---- */

/* From the standard's appendix (02 07), and a request as Eastron's papers print it. */
static void the_crc_is_the_standards(void **state)
{
    static const uint8_t appendix[] = {0x02, 0x07}, eastron[] = {0x01, 0x04, 0x00, 0x00, 0x00, 0x02};

    (void)state;
    assert_int_equal(bus_crc16(appendix, sizeof appendix), 0x1241);
    assert_int_equal(bus_crc16(eastron, sizeof eastron), 0xCB71);
}

static void a_request_is_taken_when_it_is_whole(void **state)
{
    static const uint8_t bytes[] = {0x01, 0x04, 0x00, 0x34, 0x00, 0x02, 0x30, 0x05, 0x01, 0x04};
    struct bus_request r;
    uint8_t wrong[8];

    (void)state;
    for (size_t n = 0; n < 8; n++)
        assert_int_equal(bus_wire_take(bytes, n, &r), 0);
    for (size_t n = 8; n <= sizeof bytes; n++) {
        assert_int_equal(bus_wire_take(bytes, n, &r), 8);
        assert_int_equal(r.unit, 1);
        assert_int_equal(r.function, 4);
        assert_int_equal(r.address, 0x34);
        assert_int_equal(r.count, 2);
    }
    for (unsigned bit = 0; bit < 64; bit++) {
        memcpy(wrong, bytes, sizeof wrong);
        wrong[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(bus_wire_take(wrong, sizeof wrong, &r), 0);
    }
}

static size_t closed(uint8_t *frame, size_t n)
{
    uint16_t crc = bus_crc16(frame, n);

    frame[n] = (uint8_t)crc;
    frame[n + 1] = (uint8_t)(crc >> 8);
    return n + 2;
}

/* Other functions are whole frames too: a meter refuses them, and the bytes of a write are not taken for requests. */
static void other_functions_are_frames(void **state)
{
    uint8_t several[32] = {5, 16, 0, 1, 0, 2, 4, 1, 2, 3, 4}, status[32] = {5, 7};
    struct bus_request r;

    (void)state;
    size_t n = closed(several, 11);
    for (size_t part = 0; part < n; part++)
        assert_int_equal(bus_wire_take(several, part, &r), 0);
    assert_int_equal(bus_wire_take(several, n, &r), n);
    assert_int_equal(r.function, 16);
    assert_int_equal(r.count, 0);
    n = closed(status, 2);
    assert_int_equal(bus_wire_take(status, n, &r), n);
    assert_int_equal(r.function, 7);
}

static void answers_are_the_standards(void **state)
{
    static const uint8_t want[] = {0x11, 0x03, 0x04, 0xAE, 0x41, 0x56, 0x52};
    const struct bus_request r = {.unit = 0x11, .function = 3, .address = 0x6B, .count = 2};
    uint8_t frame[BUS_FRAME_MAX];

    (void)state;
    assert_int_equal(bus_wire_answer(&r, (uint16_t[]){0xAE41, 0x5652}, frame), 9);
    assert_memory_equal(frame, want, sizeof want);
    assert_int_equal(frame[7] | frame[8] << 8, bus_crc16(frame, 7));
    assert_int_equal(bus_wire_refuse(&r, 2, frame), 5);
    assert_memory_equal(frame, ((uint8_t[]){0x11, 0x83, 0x02}), 3);
    assert_int_equal(frame[3] | frame[4] << 8, bus_crc16(frame, 3));
}

/* ---- meters ---- */

static const char three_phases[] =
    "{\"vendor\": \"T\", \"models\": [\"T3\"], \"phases\": 3, \"function\": 4, \"max_read\": 30, \"registers\": ["
    "{\"quantity\": \"power\", \"address\": 0, \"type\": \"float32\"},"
    "{\"quantity\": \"power_l1\", \"address\": 2, \"type\": \"int32\", \"scale\": 0.1},"
    "{\"quantity\": \"energy_import\", \"address\": 8, \"type\": \"uint32\", \"scale\": 10},"
    "{\"quantity\": \"energy_export\", \"address\": 10, \"type\": \"uint64\"},"
    "{\"quantity\": \"voltage_l1\", \"address\": 60, \"type\": \"uint16\", \"scale\": 0.1},"
    "{\"quantity\": \"power_l2\", \"address\": 31, \"type\": \"int16\", \"function\": 3}]}";

static uint32_t two(const uint16_t *w)
{
    return (uint32_t)w[0] << 16 | w[1];
}

static struct meter_model *parsed(const char *text)
{
    char error[METER_ERROR];
    struct meter_model *m = meter_model_parse("test", text, strlen(text), error);

    if (!m)
        fail_msg("%s", error);
    return m;
}

static struct bus_meter meter(const struct meter_model *m, enum meter_role role)
{
    return (struct bus_meter){.model = m, .unit = 1, .role = role, .seed = 1};
}

/* The integral, kept here by other means: over a day of the household, cut into pieces of any length. */
static void energy_is_the_integral(void **state)
{
    struct meter_model *model = parsed(three_phases);
    struct bus_meter m[ROLES];
    struct household h;
    struct board_input in = {0};
    int64_t want[ROLES][2] = {{0}};
    uint64_t rng = 7;

    (void)state;
    household_init(&h, 3);
    for (int r = 0; r < ROLES; r++)
        m[r] = meter(model, (enum meter_role)r);
    for (in.second = 0; in.second < DAY_S; in.second++) {
        household_second(&h, in.second, &in.flow);
        int64_t w[4] = {in.flow.clamp_w[0], in.flow.clamp_w[1], in.flow.clamp_w[2]};
        int64_t cut = (int64_t)(rng_next(&rng) % 1001);
        w[3] = w[0] - w[1];
        for (int r = 0; r < ROLES; r++) {
            bus_meter_run(&m[r], cut, &in);
            bus_meter_run(&m[r], 1000 - cut, &in);
        }
        for (int r = 0; r < 4; r++)
            want[r][w[r] < 0] += llabs(w[r]) * 1000000;
    }
    for (int r = 0; r < 4; r++) {
        assert_int_equal(m[r].uj[ENERGY_IMPORT][0], want[r][0]);
        assert_int_equal(m[r].uj[ENERGY_EXPORT][0], want[r][1]);
    }
    assert_true(want[ROLE_GRID][1] > 0 && want[ROLE_BOILER][0] > 0 && want[ROLE_BOILER][1] == 0);
    meter_model_free(model);
}

static int64_t net(const struct bus_meter *m, unsigned suffix)
{
    return m->uj[ENERGY_IMPORT][suffix] - m->uj[ENERGY_EXPORT][suffix];
}

static void phases_and_tariffs_add_up(void **state)
{
    struct meter_model *model = parsed(three_phases);
    struct bus_meter grid = meter(model, ROLE_GRID), one[3];
    struct household h;
    struct board_input in = {0};

    (void)state;
    household_init(&h, 9);
    for (int i = 0; i < 3; i++)
        one[i] = meter(model, (enum meter_role)(ROLE_L1 + i));
    for (in.second = 0; in.second < DAY_S; in.second++) {
        household_second(&h, in.second, &in.flow);
        in.extra_w = in.second % 3000;
        bus_meter_run(&grid, 1000, &in);
        for (int i = 0; i < 3; i++)
            bus_meter_run(&one[i], 1000, &in);
    }
    assert_int_equal(net(&grid, 0), net(&grid, 1) + net(&grid, 2) + net(&grid, 3));
    for (unsigned i = 0; i < 3; i++)
        for (int e = 0; e < METER_ENERGIES; e++)
            assert_int_equal(grid.uj[e][i + 1], one[i].uj[e][0]);
    for (int e = 0; e < METER_ENERGIES; e++)
        assert_int_equal(grid.uj[e][0], grid.uj[e][4] + grid.uj[e][5]);
    assert_true(grid.uj[ENERGY_IMPORT][4] > 0 && grid.uj[ENERGY_IMPORT][5] > 0);
    meter_model_free(model);
}

static void registers_are_as_the_file_says(void **state)
{
    struct meter_model *model = parsed(three_phases);
    struct bus_meter m = meter(model, ROLE_MAIN);
    struct board_input in = {.second = 5};
    uint16_t w[BUS_READ_MAX];

    (void)state;
    m.given = true;
    m.watts = -1500;
    bus_meter_run(&m, 3600 * 1000, &in);
    m.uj[ENERGY_IMPORT][0] = INT64_C(3600000000) * 123459;
    assert_int_equal(bus_meter_read(&m, 4, 0, 14, w), 0);
    assert_int_equal(two(w), 0xC4BB8000); /* -1500 */
    assert_int_equal((int32_t)two(w + 2), -15000);
    assert_int_equal(w[4] | w[5] | w[6] | w[7], 0);
    assert_int_equal(two(w + 8), 12345); /* never rounded up: a counter must not run ahead */
    assert_int_equal(w[10] | w[11] | w[12], 0);
    assert_int_equal(w[13], 1500);
    assert_int_equal(bus_meter_read(&m, 4, 60, 1, w), 0);
    assert_in_range(w[0], 2250, 2350);
    assert_int_equal(bus_meter_read(&m, 3, 31, 1, w), 0);
    assert_int_equal(w[0], 0);
    meter_model_free(model);
}

#define LITTLE(bytes)                                                                                                  \
    "{\"vendor\": \"T\", \"models\": [\"T\"], \"phases\": 1, \"function\": 3, \"word_order\": \"little\", " bytes      \
    "\"registers\": [{\"quantity\": \"energy_import\", \"address\": 4, \"type\": \"uint64\", \"scale\": 0.000001}]}"

static void orders_of_words_and_bytes(void **state)
{
    static const char *const texts[] = {LITTLE(""), LITTLE("\"byte_order\": \"little\", ")};

    (void)state;
    for (int bytes = 0; bytes < 2; bytes++) {
        struct meter_model *model = parsed(texts[bytes]);
        struct bus_meter m = meter(model, ROLE_MAIN);
        uint16_t w[4];
        m.uj[ENERGY_IMPORT][0] = INT64_C(0x0001000200030004) * 3600;
        assert_int_equal(bus_meter_read(&m, 3, 4, 4, w), 0);
        for (int i = 0; i < 4; i++)
            assert_int_equal(w[i], bytes ? (4 - i) << 8 : 4 - i);
        meter_model_free(model);
    }
}

static void counters_wrap_and_gauges_do_not(void **state)
{
    struct meter_model *model = parsed(three_phases);
    struct bus_meter m = meter(model, ROLE_MAIN);
    struct board_input in = {0};
    uint16_t w[2];

    (void)state;
    m.given = true;
    m.watts = INT64_C(1000000000);
    bus_meter_run(&m, 0, &in);
    m.load[2].p_mw = INT64_C(-40000) * 1000;
    assert_int_equal(bus_meter_read(&m, 4, 2, 2, w), 0);
    assert_int_equal(two(w), 0x7FFFFFFF);
    assert_int_equal(bus_meter_read(&m, 3, 31, 1, w), 0);
    assert_int_equal(w[0], 0x8000);
    m.uj[ENERGY_EXPORT][0] = 0;
    m.uj[ENERGY_IMPORT][0] = 0;
    assert_int_equal(bus_meter_milli(&m, QUANTITY(QUANTITY_ENERGY_IMPORT, 0)), 0);
    model->registers[2].scale_micro = 1; /* a millionth of a Wh: it wraps within reach */
    m.uj[ENERGY_IMPORT][0] = 3600 * ((INT64_C(1) << 32) + 5);
    assert_int_equal(bus_meter_read(&m, 4, 8, 2, w), 0);
    assert_int_equal(two(w), 5);
    meter_model_free(model);
}

static void what_it_does_not_have_is_refused(void **state)
{
    struct meter_model *model = parsed(three_phases);
    struct bus_meter m = meter(model, ROLE_MAIN);
    uint16_t w[BUS_READ_MAX];

    (void)state;
    m.mv[1] = m.mv[2] = m.mv[3] = 230000;
    assert_int_equal(bus_meter_read(&m, 4, 0, 0, w), BUS_ILLEGAL_VALUE);
    assert_int_equal(bus_meter_read(&m, 4, 0, 31, w), BUS_ILLEGAL_VALUE);
    assert_int_equal(bus_meter_read(&m, 4, 0, 22, w), 0); /* eight behind its last */
    assert_int_equal(bus_meter_read(&m, 4, 0, 23, w), BUS_ILLEGAL_ADDRESS);
    assert_int_equal(bus_meter_read(&m, 3, 0, 2, w), BUS_ILLEGAL_ADDRESS);
    assert_int_equal(bus_meter_read(&m, 6, 0, 2, w), BUS_ILLEGAL_FUNCTION);
    assert_int_equal(bus_meter_read(&m, 4, 65530, 10, w), BUS_ILLEGAL_ADDRESS);
    m.strict = true;
    assert_int_equal(bus_meter_read(&m, 4, 0, 4, w), 0);
    assert_int_equal(bus_meter_read(&m, 4, 0, 5, w), BUS_ILLEGAL_ADDRESS);
    meter_model_free(model);
}

static void roles_have_names(void **state)
{
    (void)state;
    assert_int_equal(meter_role_find("L3"), ROLE_L3);
    assert_int_equal(meter_role_find("l4"), -1);
    for (int r = 0; r < ROLES; r++)
        assert_int_equal(meter_role_find(meter_role_name((enum meter_role)r)), r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_crc_is_the_standards),
        cmocka_unit_test(a_request_is_taken_when_it_is_whole),
        cmocka_unit_test(other_functions_are_frames),
        cmocka_unit_test(answers_are_the_standards),
        cmocka_unit_test(energy_is_the_integral),
        cmocka_unit_test(phases_and_tariffs_add_up),
        cmocka_unit_test(registers_are_as_the_file_says),
        cmocka_unit_test(orders_of_words_and_bytes),
        cmocka_unit_test(counters_wrap_and_gauges_do_not),
        cmocka_unit_test(what_it_does_not_have_is_refused),
        cmocka_unit_test(roles_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
