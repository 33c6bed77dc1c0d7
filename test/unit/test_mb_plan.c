#include "unit.h"

#include "core/mb_plan.h"

#include <stdio.h>
#include <string.h>

static struct meter_register registers[METER_REGISTERS_MAX];
static struct meter_model model;
static uint8_t wanted[QUANTITIES];
static size_t n_wanted;
static struct mb_plan plan;
static bool planned;
static uint64_t seed;

static unsigned draw(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (unsigned)(seed >> 33) % below;
}

static int setup(void **state)
{
    (void)state;
    model = (struct meter_model){.id = "x", .registers = registers, .max_read = 80, .careful_read = 10};
    n_wanted = 0;
    planned = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (planned)
        mb_plan_fini(&plan);
    return 0;
}

static void hold(unsigned function, unsigned address, unsigned words)
{
    uint8_t quantity = (uint8_t)model.n_registers;

    wanted[n_wanted++] = quantity;
    registers[model.n_registers++] = (struct meter_register){.address = (uint16_t)address,
                                                             .quantity = quantity,
                                                             .type = METER_UINT16,
                                                             .words = (uint8_t)words,
                                                             .function = (uint8_t)function,
                                                             .scale_micro = 1000000};
}

static void make(void)
{
    mb_plan_init(&plan, &model, wanted, n_wanted);
    planned = true;
}

static void is_read(size_t i, unsigned function, unsigned address, unsigned count, unsigned n)
{
    assert_true(i < plan.n_reads);
    assert_int_equal(plan.reads[i].function, function);
    assert_int_equal(plan.reads[i].address, address);
    assert_int_equal(plan.reads[i].count, count);
    assert_int_equal(plan.reads[i].n, n);
}

/* ---- plans ---- */

static void neighbours_are_one_read(void **state)
{
    (void)state;
    hold(4, 4, 2);
    hold(4, 0, 2);
    hold(4, 2, 2);
    make();
    assert_int_equal(plan.n_reads, 1);
    is_read(0, 4, 0, 6, 3);
    assert_int_equal(plan.registers[0].quantity, 1);
    assert_int_equal(plan.registers[2].quantity, 0);
}

static void a_gap_of_eight_is_read_along_and_one_of_nine_is_not(void **state)
{
    (void)state;
    hold(3, 100, 2);
    hold(3, 102 + MB_GAP, 2);
    hold(3, 104 + MB_GAP + MB_GAP + 1, 1);
    make();
    assert_int_equal(plan.n_reads, 2);
    is_read(0, 3, 100, 12, 2);
    is_read(1, 3, 121, 1, 1);
}

static void functions_are_kept_apart(void **state)
{
    (void)state;
    hold(4, 0, 2);
    hold(3, 2, 2);
    hold(4, 4, 2);
    make();
    assert_int_equal(plan.n_reads, 2);
    is_read(0, 3, 2, 2, 1);
    is_read(1, 4, 0, 6, 2);
}

static void no_read_is_longer_than_the_model_takes(void **state)
{
    (void)state;
    model.max_read = 20;
    for (unsigned i = 0; i < 15; i++)
        hold(4, 2 * i, 2);
    make();
    assert_int_equal(plan.n_reads, 2);
    is_read(0, 4, 0, 20, 10);
    is_read(1, 4, 20, 10, 5);
}

/* 0 and more than Modbus allows mean what Modbus allows; a register that is longer than a read is read all the same. */
static void odd_limits(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        hold(4, 4 * i, 4);
    model.max_read = 0;
    make();
    assert_int_equal(plan.n_reads, 4);
    is_read(0, 4, 0, 124, 31);
    mb_plan_fini(&plan);
    model.max_read = 60000;
    make();
    is_read(0, 4, 0, 124, 31);
    mb_plan_fini(&plan);
    model.max_read = 1;
    make();
    assert_int_equal(plan.n_reads, 100);
    is_read(99, 4, 396, 4, 1);
}

static void only_what_is_wanted_and_each_once(void **state)
{
    (void)state;
    hold(4, 0, 2);
    hold(4, 2, 2);
    hold(4, 4, 2);
    registers[2].quantity = 0; /* the same again: the first one counts */
    wanted[0] = 0;
    wanted[1] = 77; /* the model has none such */
    wanted[2] = 0;
    make();
    assert_int_equal(plan.n_registers, 1);
    is_read(0, 4, 0, 2, 1);
}

static void nothing_wanted_is_no_read(void **state)
{
    (void)state;
    hold(4, 0, 2);
    n_wanted = 0;
    make();
    assert_int_equal(plan.n_reads, 0);
}

static void two_quantities_of_one_register(void **state)
{
    (void)state;
    hold(4, 10, 4);
    hold(4, 10, 2);
    hold(4, 12, 1);
    make();
    assert_int_equal(plan.n_reads, 1);
    is_read(0, 4, 10, 4, 3);
    assert_true(mb_plan_split(&plan, 0));
    is_read(0, 4, 10, 4, 2);
    is_read(1, 4, 12, 1, 1);
    assert_true(mb_plan_split(&plan, 0));
    is_read(0, 4, 10, 4, 1);
    is_read(1, 4, 10, 2, 1);
}

static void the_last_register_of_all(void **state)
{
    (void)state;
    hold(3, 65534, 2);
    hold(3, 65520, 2);
    make();
    is_read(0, 3, 65520, 2, 1);
    is_read(1, 3, 65534, 2, 1);
}

/* ---- what the meter refuses ---- */

static void a_refused_read_loses_its_widest_gap_first(void **state)
{
    (void)state;
    hold(4, 0, 2);
    hold(4, 4, 2);
    hold(4, 12, 2);
    hold(4, 14, 2);
    hold(4, 100, 2);
    make();
    is_read(0, 4, 0, 16, 4);
    assert_true(mb_plan_split(&plan, 0));
    assert_int_equal(plan.n_reads, 3);
    is_read(0, 4, 0, 6, 2);
    is_read(1, 4, 12, 4, 2);
    is_read(2, 4, 100, 2, 1);
    assert_true(mb_plan_split(&plan, 0));
    is_read(0, 4, 0, 2, 1);
    is_read(1, 4, 4, 2, 1);
    is_read(2, 4, 12, 4, 2);
}

static void without_a_gap_it_is_halved(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        hold(4, 2 * i, 2);
    make();
    assert_true(mb_plan_split(&plan, 0));
    is_read(0, 4, 0, 8, 4);
    is_read(1, 4, 8, 8, 4);
}

static void one_register_that_is_refused_is_gone_for_an_hour(void **state)
{
    (void)state;
    hold(4, 0, 2);
    make();
    assert_true(mb_read_asked(&plan.reads[0], 5000));
    assert_false(mb_plan_split(&plan, 0));
    assert_true(plan.reads[0].gone);
    plan.reads[0].gone_ms = 5000;
    assert_false(mb_read_asked(&plan.reads[0], 5000));
    assert_false(mb_read_asked(&plan.reads[0], 5000 + MB_GONE_MS - 1));
    assert_true(mb_read_asked(&plan.reads[0], 5000 + MB_GONE_MS));
    plan.reads[0].gone = false;
    assert_true(mb_read_asked(&plan.reads[0], 5001));
}

/* SDM72: 80 registers by its description, about ten by its answers (meters.md) */
static void a_careful_plan_keeps_what_was_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++)
        hold(4, 2 * i, 2);
    hold(4, 200, 2);
    make();
    assert_false(mb_plan_split(&plan, 1)); /* 200 is gone */
    plan.reads[1].gone_ms = 42;
    assert_true(mb_plan_split(&plan, 0)); /* 0-19, 20-39 */
    assert_true(mb_plan_careful(&plan, &model));
    assert_int_equal(plan.max_read, 10);
    assert_int_equal(plan.n_reads, 5);
    is_read(0, 4, 0, 10, 5);
    is_read(1, 4, 10, 10, 5);
    is_read(2, 4, 20, 10, 5);
    is_read(3, 4, 30, 10, 5);
    is_read(4, 4, 200, 2, 1);
    assert_true(plan.reads[4].gone);
    assert_int_equal(plan.reads[4].gone_ms, 42);
    assert_false(mb_plan_careful(&plan, &model)); /* it does so already */
}

static void careful_makes_no_difference_to_short_reads(void **state)
{
    (void)state;
    hold(4, 0, 2);
    hold(4, 100, 2);
    make();
    assert_false(mb_plan_careful(&plan, &model));
    assert_int_equal(plan.n_reads, 2);
    mb_plan_fini(&plan);
    model.careful_read = 0;
    make();
    assert_false(mb_plan_careful(&plan, &model));
    model.careful_read = 80;
    assert_false(mb_plan_careful(&plan, &model));
}

/* ---- whatever the model ---- */

static unsigned end_of(const struct meter_register *r)
{
    return (unsigned)r->address + r->words;
}

/* Each wanted register is in exactly one read, and lies in it. */
static void all_are_there(void)
{
    size_t next = 0;

    assert_int_equal(plan.n_registers, n_wanted);
    for (size_t i = 0; i < plan.n_reads; i++) {
        const struct mb_read *r = &plan.reads[i];
        unsigned end = 0;
        assert_int_equal(r->first, next);
        assert_true(r->n > 0);
        for (size_t j = next; j < next + r->n; j++) {
            const struct meter_register *x = &plan.registers[j];
            assert_int_equal(x->function, r->function);
            assert_true(x->address >= r->address && end_of(x) <= (unsigned)r->address + r->count);
            assert_true(j == next || x->address <= end + MB_GAP);
            end = end_of(x) > end ? end_of(x) : end;
        }
        assert_int_equal(plan.registers[next].address, r->address);
        assert_int_equal(end, (unsigned)r->address + r->count);
        assert_true(r->count <= METER_READ_MAX);
        assert_true(r->n == 1 || r->count <= plan.max_read);
        next += r->n;
    }
    assert_int_equal(next, plan.n_registers);
}

/* No two reads that follow one another could have been one. */
static void few(void)
{
    for (size_t i = 0; i + 1 < plan.n_reads; i++) {
        const struct mb_read *a = &plan.reads[i], *b = &plan.reads[i + 1];
        const struct meter_register *x = &plan.registers[b->first];
        assert_true(a->function != b->function || x->address > (unsigned)a->address + a->count + MB_GAP ||
                    end_of(x) - a->address > plan.max_read);
    }
}

static void draw_model(void)
{
    static const unsigned words[] = {1, 2, 4};
    unsigned at = draw(200), function = 3;

    model.n_registers = n_wanted = 0;
    model.max_read = 4 + draw(130);
    model.careful_read = draw(20);
    for (unsigned n = 1 + draw(QUANTITIES - 1); n; n--) {
        unsigned w = words[draw(3)];
        hold(function, at, w);
        at += w + (draw(3) ? 0 : draw(20));
        if (function == 3 && draw(30) == 0) {
            function = 4;
            at = draw(100);
        }
    }
}

/* A meter that knows no register in some stretches: it refuses each read that touches one. */
static bool refuses(const struct mb_read *r, const bool hole[65536])
{
    for (unsigned i = r->address; i < (unsigned)r->address + r->count; i++)
        if (hole[i])
            return true;
    return false;
}

/* Ask all once, as a bus thread does; how often it refused. */
static unsigned ask_all(const bool hole[65536])
{
    unsigned refused = 0;

    for (size_t i = 0; i < plan.n_reads;) {
        if (plan.reads[i].gone || !refuses(&plan.reads[i], hole)) {
            i++;
            continue;
        }
        refused++;
        i += !mb_plan_split(&plan, i);
    }
    return refused;
}

static void every_register_that_there_is_is_read(void **state)
{
    static bool hole[65536];

    (void)state;
    seed = 1;
    for (unsigned round = 0; round < 2000; round++) {
        draw_model();
        make();
        all_are_there();
        few();
        memset(hole, 0, sizeof hole);
        for (unsigned n = draw(4); n; n--)
            memset(&hole[draw(600)], 1, 1 + draw(12));
        if (draw(2))
            mb_plan_careful(&plan, &model);
        all_are_there();
        assert_true(ask_all(hole) <= 2 * plan.n_registers);
        all_are_there();
        assert_int_equal(ask_all(hole), 0); /* it is remembered */
        for (size_t i = 0; i < plan.n_reads; i++)
            assert_int_equal(plan.reads[i].gone, refuses(&plan.reads[i], hole));
        mb_plan_careful(&plan, &model);
        all_are_there();
        assert_int_equal(ask_all(hole), 0);
        mb_plan_fini(&plan);
        planned = false;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(neighbours_are_one_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gap_of_eight_is_read_along_and_one_of_nine_is_not, setup, teardown),
        cmocka_unit_test_setup_teardown(functions_are_kept_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(no_read_is_longer_than_the_model_takes, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(only_what_is_wanted_and_each_once, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_wanted_is_no_read, setup, teardown),
        cmocka_unit_test_setup_teardown(two_quantities_of_one_register, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_register_of_all, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_read_loses_its_widest_gap_first, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_gap_it_is_halved, setup, teardown),
        cmocka_unit_test_setup_teardown(one_register_that_is_refused_is_gone_for_an_hour, setup, teardown),
        cmocka_unit_test_setup_teardown(a_careful_plan_keeps_what_was_found, setup, teardown),
        cmocka_unit_test_setup_teardown(careful_makes_no_difference_to_short_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(every_register_that_there_is_is_read, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
