#include "unit.h"

#include "core/flx_want.h"
#include "core/settings.h"

#include <string.h>

static struct flx_picture want;
static struct port_settings clamp, pulse, serial;
static struct settings s;

static int setup(void **state)
{
    (void)state;
    clamp =
        (struct port_settings){.port = 1, .class = SENSOR_CT, .enable = true, .current = 50, .constant_milli = 1000};
    pulse =
        (struct port_settings){.port = 4, .class = SENSOR_PULSE, .enable = true, .current = 50, .constant_milli = 1000};
    serial =
        (struct port_settings){.port = 7, .class = SENSOR_UART, .enable = true, .current = 50, .constant_milli = 1000};
    s = (struct settings){.board = {.led_mode = 255, .radio_group = 174}, .n_port = 1, .port = &clamp};
    memset(&want, 0xee, sizeof want);
    return 0;
}

static void without_ports_all_are_off(void **state)
{
    static const struct flx_port off[FLX_PORTS];

    (void)state;
    s.n_port = 0;
    flx_want(&want, &s);
    assert_memory_equal(want.ports.port, off, sizeof off);
    assert_int_equal(want.ports.led_mode, 255);
    assert_int_equal(want.radio_group, 174);
}

static void a_port_that_is_off_is_all_zeros(void **state)
{
    static const struct flx_port off;

    (void)state;
    clamp.enable = false;
    clamp.current = 500;
    clamp.shift = 5;
    flx_want(&want, &s);
    assert_memory_equal(&want.ports.port[0], &off, sizeof off);
}

static void currents_have_codes(void **state)
{
    static const int amps[] = {50, 100, 250, 500};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(amps); i++) {
        clamp.current = amps[i];
        flx_want(&want, &s);
        assert_int_equal(want.ports.port[0].current, i);
        assert_int_equal(want.ports.port[0].enable, 1);
        assert_int_equal(want.ports.port[0].constant, 0);
        assert_int_equal(want.ports.port[0].fraction, 0);
    }
}

/* A clamp that is the wrong way round: half a turn, which is three steps of 60 degrees. */
static void flip_is_half_a_turn(void **state)
{
    static const uint8_t turned[] = {3, 4, 5, 0, 1, 2};

    (void)state;
    for (int shift = 0; shift < 6; shift++) {
        clamp.shift = shift;
        clamp.flip = false;
        flx_want(&want, &s);
        assert_int_equal(want.ports.port[0].shift, shift);
        assert_int_equal(flx_shift(&clamp), shift);
        clamp.flip = true;
        flx_want(&want, &s);
        assert_int_equal(want.ports.port[0].shift, turned[shift]);
        assert_int_equal(flx_shift(&clamp), turned[shift]);
    }
}

static void constants_of_pulses(void **state)
{
    static const struct {
        int milli;
        uint16_t constant, fraction;
    } cases[] = {{1, 0, 1}, {1000, 1, 0}, {500, 0, 500}, {10250, 10, 250}, {65535999, 65535, 999}};

    (void)state;
    s.port = &pulse;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        pulse.constant_milli = cases[i].milli;
        flx_want(&want, &s);
        assert_int_equal(want.ports.port[3].constant, cases[i].constant);
        assert_int_equal(want.ports.port[3].fraction, cases[i].fraction);
        assert_int_equal(want.ports.port[3].current, 0);
        assert_int_equal(want.ports.port[3].shift, 0);
    }
    assert_int_equal(want.ports.port[3].trigger, 0);
    pulse.trigger = TRIGGER_LEVEL;
    flx_want(&want, &s);
    assert_int_equal(want.ports.port[3].trigger, 1);
}

static void the_serial_port_is_only_on(void **state)
{
    static const struct flx_port on = {.enable = 1};

    (void)state;
    s.port = &serial;
    flx_want(&want, &s);
    assert_memory_equal(&want.ports.port[6], &on, sizeof on);
}

/* The whole as it goes on the wire, written from board-flx.md by hand: math is 0, whatever is derived. */
static void on_the_wire(void **state)
{
    static const uint8_t expected[FLX_CONFIG_LENGTH] = {
        0,    0,    0,    0,    1, 4, 1, 0, /* 100 A, shift 1 turned */
        0,    0,    0,    0,    0, 0, 0, 0, /* not named */
        0,    0,    0,    0,    0, 0, 0, 0, /* not named */
        0x2c, 0x01, 0xf4, 0x01, 0, 0, 1, 1, /* 300.5 a pulse, level */
        0,    0,    0,    0,    0, 0, 0, 0, /* not named */
        0,    0,    0,    0,    0, 0, 0, 0, /* not named */
        0,    0,    0,    0,    0, 0, 1, 0, /* serial */
        2,    7,    0,    0,                /* 3p-n, LED mode, batch, math */
    };
    struct port_settings ports[3];
    struct derive_settings derive = {.kind = DERIVE_SUM, .enable = true};
    uint8_t wire[FLX_CONFIG_LENGTH];

    (void)state;
    clamp.current = 100;
    clamp.shift = 1;
    clamp.flip = true;
    pulse.constant_milli = 300500;
    pulse.trigger = TRIGGER_LEVEL;
    ports[0] = serial, ports[1] = clamp, ports[2] = pulse;
    s.port = ports;
    s.n_port = 3;
    s.derive = &derive;
    s.n_derive = 1;
    s.phase = PHASE_3P;
    s.board.led_mode = 7;
    flx_want(&want, &s);
    flx_put_port_config(wire, &want.ports);
    assert_memory_equal(wire, expected, sizeof wire);
}

static void phases_have_codes(void **state)
{
    (void)state;
    s.phase = PHASE_1P;
    flx_want(&want, &s);
    assert_int_equal(want.ports.phase, 0);
    s.phase = PHASE_3PN;
    flx_want(&want, &s);
    assert_int_equal(want.ports.phase, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_ports_all_are_off, setup),
        cmocka_unit_test_setup(a_port_that_is_off_is_all_zeros, setup),
        cmocka_unit_test_setup(currents_have_codes, setup),
        cmocka_unit_test_setup(flip_is_half_a_turn, setup),
        cmocka_unit_test_setup(constants_of_pulses, setup),
        cmocka_unit_test_setup(the_serial_port_is_only_on, setup),
        cmocka_unit_test_setup(on_the_wire, setup),
        cmocka_unit_test_setup(phases_have_codes, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
