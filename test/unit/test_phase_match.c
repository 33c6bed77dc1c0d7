#include "unit.h"

#include "core/phase_match.h"
#include "core/util.h"

#include <stdio.h>
#include <string.h>

static struct phase_clamp clamps[PHASE_CLAMPS];
static struct phase_proposal p;

static int no_clamps(void **state)
{
    (void)state;
    memset(clamps, 0, sizeof clamps);
    return 0;
}

/* A clamp whose current lags `degrees` behind the board's voltage, measured under shift 0. */
static void clamp(int port, double degrees, double amps)
{
    clamps[port - 1] = (struct phase_clamp){true, (int64_t)(degrees * 1000), (int64_t)(amps * 1000), 0};
}

static void three(double a, double a_amps, double b, double b_amps, double c, double c_amps)
{
    clamp(1, a, a_amps);
    clamp(2, b, b_amps);
    clamp(3, c, c_amps);
}

static void expect(enum phase phase, int a, int b, int c, const char *summary)
{
    phase_match(clamps, phase, &p);
    assert_string_equal(p.summary, summary);
    assert_true(p.known);
    assert_int_equal(p.shift[0], a);
    assert_int_equal(p.shift[1], b);
    assert_int_equal(p.shift[2], c);
}

/* Nothing is proposed: each keeps what it has, and `part` of a reason is given. */
static void expect_unknown(enum phase phase, const char *part)
{
    phase_match(clamps, phase, &p);
    if (p.known || !strstr(p.summary, part))
        fail_msg("known %d: %s", p.known, p.summary);
    for (int i = 0; i < PHASE_CLAMPS; i++)
        assert_int_equal(p.shift[i], clamps[i].shift);
}

/* ---- three phases ---- */

static void both_sequences(void **state)
{
    (void)state;
    three(-0.03, 8, 117.96, 5, 245, 2); /* tenths are rounded, over 360 as well */
    expect(PHASE_3PN, 0, 2, 4, "in the order of the phases: port 1, 2, 3");
    assert_string_equal(p.why[0], "0.0 degrees at 8.000 A: the board's own phase, the right way round");
    assert_string_equal(p.why[1], "118.0 degrees at 5.000 A: the phase 120 behind, the right way round");
    assert_string_equal(p.why[2], "245.0 degrees at 2.000 A: the phase 240 behind, the right way round");
    three(3, 8, -118, 5, 115, 2);
    expect(PHASE_3PN, 0, 4, 2, "in the order of the phases: port 1, 3, 2");
    expect(PHASE_3P, 0, 4, 2, "in the order of the phases: port 1, 3, 2");
    three(121, 2, 1, 5, -121, 8);
    expect(PHASE_3PN, 2, 0, 4, "in the order of the phases: port 2, 1, 3");
}

/* The two largest say the sequence, the third has nothing to say. */
static void the_third_follows(void **state)
{
    (void)state;
    three(0, 8, 120, 5, 77, 0.2);
    expect(PHASE_3PN, 0, 2, 4, "in the order of the phases: port 1, 2, 3");
    assert_string_equal(p.why[2], "0.200 A are too little to tell: the phase that is left, the same way round as the "
                                  "others");
    three(77, 0.2, 0, 5, 120, 8);
    expect(PHASE_3PN, 4, 0, 2, "in the order of the phases: port 2, 3, 1");
    three(0, 8, 240, 5, 0, 0);
    expect(PHASE_3PN, 0, 4, 2, "in the order of the phases: port 1, 3, 2");
    /* a motor on the third: 45 degrees late is near to nothing, and yet it fits */
    three(0, 8, 120, 5, 285, 2);
    expect(PHASE_3PN, 0, 2, 4, "in the order of the phases: port 1, 2, 3");
    /* 55 degrees late: by itself it would be the second's phase, the wrong way round */
    three(0, 8, 120, 5, 295, 2);
    expect(PHASE_3PN, 0, 2, 4, "in the order of the phases: port 1, 2, 3");
    /* of the second only the angle to the first counts */
    three(22, 8, 148, 5, 0, 0);
    expect(PHASE_3PN, 0, 2, 4, "in the order of the phases: port 1, 2, 3");
}

static void clamps_the_wrong_way_round(void **state)
{
    (void)state;
    three(180, 8, 300, 5, 60, 2);
    expect(PHASE_3PN, 3, 5, 1,
           "in the order of the phases: port 1, 2, 3; the wrong way round, or feeding in: port 1, 2, 3");
    three(0, 8, 300, 5, 240, 2); /* each by itself: the second sits on the phase of 120 */
    expect(PHASE_3PN, 0, 5, 4, "in the order of the phases: port 1, 2, 3; the wrong way round, or feeding in: port 2");
    assert_string_equal(p.why[1], "300.0 degrees at 5.000 A: the phase 120 behind, the wrong way round");
    three(180, 8, 120, 5, 240, 2);
    expect(PHASE_3PN, 3, 2, 4, "in the order of the phases: port 1, 2, 3; the wrong way round, or feeding in: port 1");
    /* all of them, and the third says nothing */
    three(180, 8, 300, 5, 0, 0);
    expect(PHASE_3PN, 3, 5, 1,
           "in the order of the phases: port 1, 2, 3; the wrong way round, or feeding in: port 1, 2, 3");
    /* one of two cannot be told from a load far from ohmic */
    three(0, 8, 300, 5, 0, 0);
    expect_unknown(PHASE_3PN, "one of the two largest currents is the wrong way round");
    assert_string_equal(p.why[1], "300.0 degrees at 5.000 A");
    assert_string_equal(p.why[2], "0.000 A are too little to tell");
}

static void two_clamps_on_one_phase(void **state)
{
    (void)state;
    three(0, 8, 2, 5, 120, 2);
    expect_unknown(PHASE_3PN, "on one phase");
    three(0, 8, 182, 5, 120, 2);
    expect_unknown(PHASE_3PN, "opposite");
    three(0, 8, 120, 5, 121, 2); /* the third where it cannot be: 119 degrees from what is left */
    expect_unknown(PHASE_3PN, "two clamps seem to be on one phase");
    three(0, 8, 120, 5, 1, 2);
    expect_unknown(PHASE_3PN, "two clamps seem to be on one phase");
}

static void a_missing_clamp(void **state)
{
    (void)state;
    clamp(1, 0, 3);
    clamp(3, 120, 6);
    clamps[1].shift = 5;
    phase_match(clamps, PHASE_3PN, &p);
    assert_true(p.known);
    assert_int_equal(p.shift[0], 0);
    assert_int_equal(p.shift[2], 2);
    assert_int_equal(p.shift[1], 5); /* as it was */
    assert_string_equal(p.why[1], "takes no part");
    assert_string_equal(p.summary, "in the order of the phases: port 1, 3");
    clamps[0].present = false;
    expect(PHASE_3PN, 0, 5, 2, "in the order of the phases: port 3");
    clamps[2].present = false;
    expect_unknown(PHASE_3PN, "there is no clamp");
    expect_unknown(PHASE_1P, "there is no clamp");
}

static void too_little_current(void **state)
{
    (void)state;
    three(0, 0.499, 120, 0.4, 240, 0.3);
    expect_unknown(PHASE_3PN, "no clamp carries enough current (0.5 A)");
    three(0, 0.5, 120, 0.499, 240, 0.3);
    clamps[2].shift = 4;
    expect_unknown(PHASE_3PN, "only one clamp carries enough current (0.5 A)");
    three(0, 0.5, 120, 0.5, 240, 0.3);
    expect(PHASE_3PN, 0, 2, 4, "in the order of the phases: port 1, 2, 3");
    three(0, -1, 120, 0, 240, 0);
    expect_unknown(PHASE_3P, "no clamp carries enough current (0.5 A)");
}

static void the_middle_between_two_multiples(void **state)
{
    (void)state;
    three(30, 8, 150, 5, 270, 2);
    expect_unknown(PHASE_3PN, "the largest current lies between two multiples of 60 degrees");
    three(24, 8, 144, 5, 264, 2);
    expect(PHASE_3PN, 0, 2, 4, "in the order of the phases: port 1, 2, 3");
    three(24.001, 8, 144, 5, 264, 2);
    expect_unknown(PHASE_3PN, "the largest current lies between");
    three(0, 8, 90, 5, 0, 0);
    expect_unknown(PHASE_3PN, "the angle between the two largest currents lies between");
    memset(clamps, 0, sizeof clamps);
    clamp(2, -30, 5);
    expect_unknown(PHASE_3PN, "lies between two multiples");
}

/* ---- every installation ---- */

static uint64_t seed = 5;

static int64_t draw(int64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((seed >> 33) % (uint64_t)below);
}

/* As the board would say it, whatever the shift: anywhere in -180 .. 360. */
static void measured(size_t i, int64_t angle, int64_t irms, uint8_t shift)
{
    int64_t alpha = (angle % 360000 + 360000) % 360000;

    if (alpha > 180000 && draw(2))
        alpha -= 360000;
    clamps[i] = (struct phase_clamp){true, alpha, irms, shift};
}

static void match_again(enum phase phase)
{
    struct phase_proposal first = p;

    for (size_t i = 0; i < PHASE_CLAMPS; i++)
        measured(i, clamps[i].alpha_milli, clamps[i].irms_milli, first.shift[i]);
    phase_match(clamps, phase, &p);
    assert_true(p.known);
    assert_memory_equal(p.shift, first.shift, sizeof p.shift);
}

static const uint8_t orders[6][PHASE_CLAMPS] = {{0, 2, 4}, {2, 4, 0}, {4, 0, 2}, {0, 4, 2}, {4, 2, 0}, {2, 0, 4}};

/* Any order of phases, any way round, under any shifts: found, and found again under what was proposed. */
static void any_installation_with_ohmic_loads(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint8_t want[PHASE_CLAMPS];
        for (size_t k = 0; k < PHASE_CLAMPS; k++) {
            want[k] = (uint8_t)((orders[i % 6][k] + 3 * draw(2)) % 6);
            measured(k, want[k] * 60000 + draw(48001) - 24000, 500 + draw(50000), (uint8_t)draw(6));
        }
        phase_match(clamps, i % 2 ? PHASE_3PN : PHASE_3P, &p);
        assert_true(p.known);
        assert_memory_equal(p.shift, want, sizeof want);
        match_again(PHASE_3PN);
    }
}

/* The same way round, the smallest current anything: the two largest are enough. */
static void any_installation_by_its_two_largest(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        size_t first = (size_t)draw(3), second = (first + 1 + (size_t)draw(2)) % 3;
        int64_t off = draw(48001) - 24000;
        uint8_t turned = (uint8_t)(3 * draw(2)), want[PHASE_CLAMPS];
        for (size_t k = 0; k < PHASE_CLAMPS; k++) {
            want[k] = (uint8_t)((orders[i % 6][k] + turned) % 6);
            measured(k, draw(360000), draw(500), (uint8_t)draw(6));
        }
        measured(first, want[first] * 60000 + off, 9000 + draw(9000), (uint8_t)draw(6));
        measured(second, want[second] * 60000 + off + draw(48001) - 24000, 500 + draw(8500), (uint8_t)draw(6));
        phase_match(clamps, PHASE_3PN, &p);
        assert_true(p.known);
        assert_memory_equal(p.shift, want, sizeof want);
        match_again(PHASE_3PN);
    }
}

/* Whatever is measured: what is proposed for three clamps are three phases, and texts end within their room. */
static void any_measurement(void **state)
{
    int known = 0;

    (void)state;
    for (int i = 0; i < 50000; i++) {
        for (size_t k = 0; k < PHASE_CLAMPS; k++) {
            measured(k, draw(360000), draw(draw(2) ? 1000 : 2147483647), (uint8_t)draw(6));
            clamps[k].present = i % 4 || draw(2);
        }
        phase_match(clamps, (enum phase)(i % 3), &p);
        known += p.known;
        assert_true(p.summary[0] && strlen(p.summary) < sizeof p.summary - 1);
        for (size_t k = 0; k < PHASE_CLAMPS; k++)
            assert_true(p.shift[k] < 6 && p.why[k][0] && strlen(p.why[k]) < sizeof p.why[k] - 1);
        if (i % 3 != PHASE_1P && i % 4 && p.known)
            assert_int_equal(1 << p.shift[0] % 3 | 1 << p.shift[1] % 3 | 1 << p.shift[2] % 3, 7);
    }
    assert_true(known > 1000);
}

/* ---- one phase ---- */

static void single_phase(void **state)
{
    (void)state;
    three(5, 8, 176, 5, -50, 2);
    expect(PHASE_1P, 0, 3, 0, "3 of 3 clamps can be told; the wrong way round, or feeding in: port 2");
    assert_string_equal(p.why[1], "176.0 degrees at 5.000 A: the board's own phase, the wrong way round");
    three(66, 8, 114, 5, -66, 2);
    expect(PHASE_1P, 0, 3, 0, "3 of 3 clamps can be told; the wrong way round, or feeding in: port 2");
    three(90, 8, 0, 5, 0, 0.1);
    clamps[0].shift = 3;
    clamps[2].shift = 1;
    expect(PHASE_1P, 3, 0, 1, "1 of 3 clamps can be told");
    assert_string_equal(p.why[0], "90.0 degrees at 8.000 A: neither near 0 nor near 180, left as it is");
    assert_string_equal(p.why[2], "0.100 A are too little to tell: left as it is");
    three(90, 8, -90, 5, 0, 0.499);
    expect_unknown(PHASE_1P, "no clamp can be told");
    three(0, 1, 180, 1, 0, 1);
    clamps[1].shift = 3; /* it is the wrong way round, and stays so */
    expect(PHASE_1P, 0, 3, 0, "3 of 3 clamps can be told; the wrong way round, or feeding in: port 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(both_sequences, no_clamps),
        cmocka_unit_test_setup(the_third_follows, no_clamps),
        cmocka_unit_test_setup(clamps_the_wrong_way_round, no_clamps),
        cmocka_unit_test_setup(two_clamps_on_one_phase, no_clamps),
        cmocka_unit_test_setup(a_missing_clamp, no_clamps),
        cmocka_unit_test_setup(too_little_current, no_clamps),
        cmocka_unit_test_setup(the_middle_between_two_multiples, no_clamps),
        cmocka_unit_test_setup(any_installation_with_ohmic_loads, no_clamps),
        cmocka_unit_test_setup(any_installation_by_its_two_largest, no_clamps),
        cmocka_unit_test_setup(any_measurement, no_clamps),
        cmocka_unit_test_setup(single_phase, no_clamps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
