#include "unit.h"

#include "core/clock.h"

#define T 1800000000 /* a second after the floor */

static struct clock c;

static int setup(void **state)
{
    (void)state;
    clock_init(&c);
    return 0;
}

/* The wall clock says `wall_s` when the monotonic one says `mono_s`. */
static int64_t look(int64_t wall_s, int64_t mono_s)
{
    return clock_look(&c, wall_s * 1000, mono_s * 1000);
}

static void unset_until_past_the_floor(void **state)
{
    (void)state;
    assert_int_equal(c.state, CLOCK_UNSET);
    assert_int_equal(look(1, 0), 0);
    assert_int_equal(c.state, CLOCK_UNSET);
    assert_int_equal(clock_look(&c, 1234567890999, 20), 0); /* the floor itself is not a time */
    clock_kernel(&c, true);                                 /* nor does the kernel's word make it one */
    assert_int_equal(c.state, CLOCK_UNSET);
    clock_kernel(&c, false);
    assert_int_equal(look(T, 1), T);
    assert_int_equal(c.state, CLOCK_LOCAL);
    assert_int_equal(c.steps, 0); /* being set is no step */
}

static void the_kernel_syncs(void **state)
{
    (void)state;
    look(T, 0);
    clock_kernel(&c, true);
    assert_int_equal(c.state, CLOCK_SYNCED);
    look(T + 1, 1);
    assert_int_equal(c.state, CLOCK_SYNCED);
    clock_kernel(&c, false);
    assert_int_equal(c.state, CLOCK_LOCAL);
}

static void a_server_within_60_s_syncs(void **state)
{
    static const struct {
        int64_t ahead_s;
        enum clock_state state;
    } cases[] = {{0, CLOCK_SYNCED},  {60, CLOCK_SYNCED},  {-60, CLOCK_SYNCED}, {61, CLOCK_LOCAL},
                 {-61, CLOCK_LOCAL}, {3600, CLOCK_LOCAL}, {-T, CLOCK_LOCAL}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        clock_init(&c);
        look(T, 0);
        assert_false(c.server_known);
        clock_server(&c, T - cases[i].ahead_s, T);
        assert_int_equal(c.state, cases[i].state);
        assert_true(c.server_known);
        assert_int_equal(c.ahead_s, cases[i].ahead_s);
    }
}

static void a_server_cannot_set_an_unset_clock(void **state)
{
    (void)state;
    look(30, 30);
    clock_server(&c, T, 0);
    assert_int_equal(c.state, CLOCK_UNSET);
    assert_int_equal(look(T, 31), T); /* NTP sets it: what the server said before does not confirm it */
    assert_int_equal(c.state, CLOCK_LOCAL);
    clock_server(&c, T + 1, T + 1);
    assert_int_equal(c.state, CLOCK_SYNCED);
}

static void a_servers_new_word_counts(void **state)
{
    (void)state;
    look(T, 0);
    clock_server(&c, T, T);
    clock_server(&c, T + 100, T);
    assert_int_equal(c.state, CLOCK_LOCAL);
    clock_server(&c, T + 100, T + 100);
    assert_int_equal(c.state, CLOCK_SYNCED);
    clock_kernel(&c, true);
    clock_server(&c, T + 999, T); /* the kernel's word is enough */
    assert_int_equal(c.state, CLOCK_SYNCED);
    assert_int_equal(c.ahead_s, -999);
}

/* Whoever confirmed the clock before confirmed another time. */
static void a_step_needs_a_new_word(void **state)
{
    static const int64_t steps[] = {1, -1, 3600, -7200};
    int64_t moved = 0;

    (void)state;
    look(T, 0);
    for (int64_t i = 0; i < 4; i++) {
        clock_kernel(&c, true);
        clock_server(&c, T, T);
        moved += steps[i];
        assert_int_equal(look(T + i + moved, i), T + i + moved);
        assert_int_equal(c.state, CLOCK_LOCAL);
        assert_int_equal(c.steps, i + 1);
        assert_int_equal(c.step_ms, steps[i] * 1000);
        assert_false(c.kernel || c.server);
    }
}

static void a_drift_is_no_step(void **state)
{
    (void)state;
    look(T, 0);
    clock_server(&c, T, T);
    for (int64_t i = 1; i <= 1000; i++)
        clock_look(&c, T * 1000LL + i * 1999, i * 1000); /* a slew as no kernel does it */
    assert_int_equal(c.steps, 0);
    assert_int_equal(c.state, CLOCK_SYNCED);
}

static void set_back_before_the_floor_it_is_unset(void **state)
{
    (void)state;
    look(T, 0);
    clock_kernel(&c, true);
    assert_int_equal(look(100, 1), 0);
    assert_int_equal(c.state, CLOCK_UNSET);
    assert_int_equal(look(T + 2, 2), T + 2);
    assert_int_equal(c.state, CLOCK_LOCAL);
}

static void states_have_names(void **state)
{
    (void)state;
    assert_string_equal(clock_state_name(CLOCK_UNSET), "unset");
    assert_string_equal(clock_state_name(CLOCK_LOCAL), "local");
    assert_string_equal(clock_state_name(CLOCK_SYNCED), "synced");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(unset_until_past_the_floor, setup),
        cmocka_unit_test_setup(the_kernel_syncs, setup),
        cmocka_unit_test_setup(a_server_within_60_s_syncs, setup),
        cmocka_unit_test_setup(a_server_cannot_set_an_unset_clock, setup),
        cmocka_unit_test_setup(a_servers_new_word_counts, setup),
        cmocka_unit_test_setup(a_step_needs_a_new_word, setup),
        cmocka_unit_test_setup(a_drift_is_no_step, setup),
        cmocka_unit_test_setup(set_back_before_the_floor_it_is_unset, setup),
        cmocka_unit_test(states_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
