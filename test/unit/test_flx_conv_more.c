#include "flx_stub.h"

/* ---- sync and stop ---- */

static void sync_sends_it_again(void **state)
{
    (void)state;
    flx_conv_sync(&conv, &now);
    assert_int_equal(conv.state, FLX_CONFIGURE);
    assert_int_equal(count(FLX_PORT_CONFIG), 2);
    run_to(3006);
    assert_int_equal(conv.state, FLX_RUN);
}

static void sync_of_a_board_that_is_away_ends_in_lost(void **state)
{
    (void)state;
    board.silent = true;
    run_to(6500);
    assert_int_equal(conv.state, FLX_LOST);
    flx_conv_sync(&conv, &now);
    assert_int_equal(conv.state, FLX_CONFIGURE);
    run_to(9499);
    assert_int_equal(conv.state, FLX_CONFIGURE);
    run_to(9500);
    assert_int_equal(conv.state, FLX_LOST);
}

static void sync_of_a_board_that_goes_on_asking_ends_deaf(void **state)
{
    (void)state;
    board.asks_each_ms = 700;
    run_to(12500);
    assert_int_equal(conv.state, FLX_DEAF);
    flx_conv_sync(&conv, &now);
    run_to(14500); /* it has its five tries again */
    assert_int_equal(conv.state, FLX_CONFIGURE);
    run_to(22500);
    assert_int_equal(conv.state, FLX_DEAF);
    want.radio_group = 1;
    flx_conv_want(&conv, &want, &now);
    run_to(24500);
    assert_int_equal(conv.state, FLX_CONFIGURE);
}

static void stop_says_exit(void **state)
{
    size_t n;

    (void)state;
    flx_conv_stop(&conv);
    assert_int_equal(sent[n_sent - 1].type, FLX_EXIT);
    assert_int_equal(sent[n_sent - 1].len, 0);
    assert_int_equal(conv.state, FLX_DOWN);
    n = n_sent;
    flx_conv_stop(&conv);
    run_to(9000);
    assert_int_equal(n_sent, n);
}

/* Whatever is being sent when the line fails. */
static void a_line_may_die_under_any_frame(void **state)
{
    static const uint8_t types[] = {FLX_PORT_CONFIG, FLX_KUBE_CONTROL, FLX_TIME_STEP, FLX_PING};
    uint8_t two[2 * FLX_FRAME_MAX];

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        running(state);
        size_t n = flx_frame_put(two, FLX_PING, NULL, 0);
        n += flx_frame_put(two + n, FLX_TIME_STAMP, "abcd", 4);
        say_u32(FLX_TIME_STAMP, 1000);
        board.line_dies = true;
        board.kills = types[i];
        unsigned before = stamps;
        if (i < 2)
            flx_conv_bytes(&conv, two, n, &now); /* configures */
        else
            flx_conv_second(&conv, &now);
        assert_int_equal(conv.state, FLX_DOWN);
        assert_string_equal(reasons[n_states - 1], "dead");
        assert_int_equal(sent[n_sent - 1].type, types[i]);
        assert_int_equal(stamps, before); /* nothing behind it */
        flx_conv_tick(&conv, &now);
        run_to(9000);
        assert_int_equal(conv.state, FLX_DOWN);
        assert_int_equal(sent[n_sent - 1].type, types[i]);
    }
}

/* ---- the clock ---- */

static void a_clock_that_is_right_is_left_alone(void **state)
{
    static const int64_t offs[] = {0, 1, 20, -20, 400, -400, 899, -985};

    (void)state;
    board.stamps = board.cts = true;
    for (size_t i = 0; i < ARRAY_LEN(offs); i++) {
        board.off_ms = offs[i];
        run_to(now.mono_ms + 10000);
    }
    assert_int_equal(count(FLX_TIME_STEP), 0);
    assert_true(stamps > 70 && cts > 70);
}

static void check_step(int64_t off_ms)
{
    board.off_ms = off_ms;
    unsigned before = count(FLX_TIME_STEP);
    run_to(now.mono_ms + 10000);
    assert_int_equal(count(FLX_TIME_STEP), before + 1);
    assert_int_equal(sent[last(FLX_TIME_STEP)].ms % 1000, 1); /* at the wall second: it carries whole ones */
    assert_int_equal(sent[last(FLX_TIME_STEP) + 1].type, FLX_PING);
    assert_int_equal(sent[last(FLX_TIME_STEP) + 1].ms, sent[last(FLX_TIME_STEP)].ms);
    assert_int_equal(last_u32(FLX_TIME_STEP), (WALL + sent[last(FLX_TIME_STEP)].ms) / 1000);
    assert_in_range(board.off_ms + 1, 0, 1); /* what that left */
}

static void a_clock_off_by_a_second_is_set_once(void **state)
{
    (void)state;
    board.stamps = true;
    check_step(-1000);
    check_step(1000);
    check_step(-1500);
    check_step(1700);
    check_step((int64_t)365 * 86400 * 1000);
    check_step((int64_t)-365 * 86400 * 1000);
    check_step(-WALL); /* 1970 */
    assert_int_equal(conv.steps, 7);
    board.cts = true; /* of a second that may be the next one: less is known by them */
    check_step(1000);
    check_step(-1000);
}

/* A CT's second is the one after what it measured: a board may say it when that second begins, or just before. */
static void ct_data_may_be_a_second_ahead(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        run_to(now.mono_ms + 500);
        say_ct((uint32_t)(now.wall_ms / 1000 + 1));
    }
    run_to(now.mono_ms + 1000);
    assert_int_equal(count(FLX_TIME_STEP), 0);
    board.cts = true;
    board.off_ms = 2000;
    run_to(now.mono_ms + 3000);
    assert_int_equal(count(FLX_TIME_STEP), 1);
    check_step(-1000);
}

static void a_board_that_takes_no_step_gets_one_each_5_s(void **state)
{
    (void)state;
    board.stamps = board.cts = true;
    board.deaf_to_steps = true;
    board.off_ms = 3600000;
    run_to(32500);
    assert_in_range(count(FLX_TIME_STEP), 5, 6);
}

/* Its second begins 40 ms before ours whatever it is told: that is right to the second, and no reason to go on. */
static void a_board_that_keeps_its_fraction_is_left_alone(void **state)
{
    (void)state;
    board.stamps = board.cts = true;
    board.keeps_fraction = true;
    board.off_ms = 3600000 + 960;
    run_to(60000);
    assert_int_equal(count(FLX_TIME_STEP), FLX_STEPS_MAX);
    assert_in_range(board.off_ms, 900, 999);
    board.off_ms += 1000; /* a whole second is another thing */
    run_to(now.mono_ms + 20000);
    assert_true(count(FLX_TIME_STEP) > FLX_STEPS_MAX);
    assert_in_range(board.off_ms, 900, 999);
    board.keeps_fraction = false;
    check_step(-2000);
    run_to(now.mono_ms + 5000);
    check_step(995); /* it was right in between */
}

/* Messages under way still tell the old time. */
static void one_step_is_enough_for_what_is_under_way(void **state)
{
    (void)state;
    say_u32(FLX_TIME_STAMP, (uint32_t)(now.wall_ms / 1000 - 100));
    run_to(3001);
    assert_int_equal(count(FLX_TIME_STEP), 1);
    for (int i = 0; i < 3; i++)
        say_u32(FLX_TIME_STAMP, (uint32_t)(now.wall_ms / 1000 - 100));
    board.stamps = true;
    run_to(20000);
    assert_int_equal(count(FLX_TIME_STEP), 1);
}

/* Judged by its last word: it was right after all. */
static void a_single_wrong_stamp_before_a_right_one_sets_nothing(void **state)
{
    (void)state;
    say_u32(FLX_TIME_STAMP, (uint32_t)(now.wall_ms / 1000 - 100));
    say_u32(FLX_TIME_STAMP, (uint32_t)(now.wall_ms / 1000));
    run_to(9000);
    assert_int_equal(count(FLX_TIME_STEP), 0);
}

static void the_host_is_set_late_and_the_step_is_rounded(void **state)
{
    (void)state;
    say_u32(FLX_TIME_STAMP, 1700000000);
    now.mono_ms = 2999;
    set_wall(WALL + 2999, CLOCK_SYNCED);
    flx_conv_second(&conv, &now); /* a timer that ran early */
    assert_int_equal(last_u32(FLX_TIME_STEP), WALL / 1000 + 3);
}

static void the_board_has_the_time_when_the_host_has_none(void **state)
{
    (void)state;
    set_wall(now.mono_ms, CLOCK_UNSET); /* 1970 */
    board.off_ms = WALL - 86400000;
    board.stamps = board.cts = true;
    run_to(12500);
    assert_int_equal(count(FLX_TIME_STEP), 0);
    assert_int_equal(board_times, 10);
    assert_int_equal(last_board_time, WALL / 1000 - 86400 + 12);
    set_wall(WALL + 12500, CLOCK_SYNCED); /* NTP: the host knows better now */
    board.off_ms = -86400000;
    run_to(14500);
    assert_int_equal(count(FLX_TIME_STEP), 1);
    assert_int_equal(board_times, 10);
}

static void neither_has_the_time(void **state)
{
    (void)state;
    set_wall(now.mono_ms, CLOCK_UNSET);
    board.off_ms = (int64_t)1234567880 * 1000;
    board.stamps = board.cts = true;
    run_to(9500); /* to 1234567889 by its clock: at the floor it is not set */
    assert_int_equal(board_times, 0);
    assert_int_equal(count(FLX_TIME_STEP), 0);
    run_to(10500);
    assert_int_equal(board_times, 0);
    run_to(11500);
    assert_int_equal(board_times, 1);
}

/* The clock was set back below the floor between the stamp and the second. */
static void no_step_by_a_clock_that_is_not_set(void **state)
{
    (void)state;
    say_u32(FLX_TIME_STAMP, 1700000000);
    set_wall(2999, CLOCK_UNSET);
    flx_conv_second(&conv, &now);
    assert_int_equal(count(FLX_TIME_STEP), 0);
    set_wall((int64_t)1234567890 * 1000, CLOCK_LOCAL); /* the floor itself is none */
    say_u32(FLX_TIME_STAMP, 1000);
    flx_conv_second(&conv, &now);
    assert_int_equal(count(FLX_TIME_STEP), 0);
    set_wall((int64_t)1234567891 * 1000, CLOCK_LOCAL);
    say_u32(FLX_TIME_STAMP, 1000);
    flx_conv_second(&conv, &now);
    assert_int_equal(count(FLX_TIME_STEP), 1);
}

/* Another line, another board. */
static void what_the_old_line_said_sets_no_clock(void **state)
{
    (void)state;
    say_u32(FLX_TIME_STAMP, 1700000000);
    flx_conv_line_down(&conv, "");
    up();
    assert_int_equal(count(FLX_TIME_STEP), 0);
}

/* ---- messages ---- */

static void say_data(void)
{
    uint8_t pulse[20] = {0}, wave[140] = {0};

    say_ct(1800000000);
    pulse[6] = 4;
    say(FLX_PULSE, pulse, sizeof pulse);
    say(FLX_PULSE, pulse, 18);
    flx_put_u32(wave + 8, 230000);
    say(FLX_VOLTAGE, wave, sizeof wave);
    wave[6] = 2;
    say(FLX_CURRENT, wave, sizeof wave);
}

static void data_are_taken_whenever_there_is_a_line(void **state)
{
    (void)state;
    say_data();
    assert_int_equal(cts + pulses + voltages + currents, 0);
    board.silent = true;
    up();
    say_data(); /* not yet configured */
    run_to(9000);
    assert_int_equal(conv.state, FLX_LOST);
    say_data();
    assert_int_equal(cts, 2);
    assert_int_equal(pulses, 4);
    assert_int_equal(voltages, 2);
    assert_int_equal(currents, 2);
}

static void what_is_refused_is_counted_by_type(void **state)
{
    uint8_t ct[92] = {0}, nothing[140] = {0};

    (void)state;
    ct[6] = 3; /* no clamp */
    say(FLX_CT, ct, sizeof ct);
    say(FLX_CT, ct, 91);
    say(FLX_PULSE, nothing, 19);
    nothing[6] = 3;
    say(FLX_CURRENT, nothing, sizeof nothing);
    say(FLX_VOLTAGE, nothing, 139);
    say(FLX_TIME_STAMP, nothing, 5);
    say(FLX_PONG, nothing, 3);
    say(FLX_KUBE, nothing, 6);
    assert_int_equal(conv.refused[FLX_CT], 2);
    assert_int_equal(conv.got[FLX_CT], 2);
    assert_int_equal(conv.refused[FLX_PULSE], 1);
    assert_int_equal(conv.refused[FLX_CURRENT], 1);
    assert_int_equal(conv.refused[FLX_VOLTAGE], 1);
    assert_int_equal(conv.refused[FLX_TIME_STAMP], 1);
    assert_int_equal(conv.refused[FLX_PONG], 1);
    assert_int_equal(conv.refused[FLX_KUBE], 1);
    assert_int_equal(cts + pulses + voltages + currents + stamps, 0);
}

static void what_is_ignored_is_counted_by_type(void **state)
{
    static const uint8_t nothing[140];

    (void)state;
    for (unsigned type = FLX_DEBUG; type <= FLX_RFM_DEBUG; type++)
        for (unsigned i = 0; i < type; i++)
            say((uint8_t)type, nothing, i);
    say(FLX_KUBE, nothing, 7);
    say(17, nothing, 3);
    say(255, nothing, 0);
    say(255, nothing, 140);
    for (unsigned type = FLX_DEBUG; type <= FLX_RFM_DEBUG; type++)
        assert_int_equal(conv.got[type], type);
    assert_int_equal(conv.got[FLX_KUBE], 1);
    assert_int_equal(conv.got[17], 1);
    assert_int_equal(conv.got[255], 2);
    assert_int_equal(conv.state, FLX_RUN);
}

/* A line that is tied to itself: it never pongs, so it is lost, and its echo makes no storm. */
static void an_echo_is_no_board(void **state)
{
    size_t seen = 0;

    (void)state;
    board.silent = true;
    up();
    while (now.mono_ms < 20500) {
        run_to(now.mono_ms + 1);
        for (; seen < n_sent; seen++)
            say(sent[seen].type, sent[seen].payload, sent[seen].len);
    }
    assert_int_equal(conv.state, FLX_LOST);
    assert_int_equal(heartbeats, 0);
    assert_in_range(count(FLX_PORT_CONFIG), 1, 21);
    assert_int_equal(conv.refused[FLX_PORT_CONFIG], count(FLX_PORT_CONFIG));
}

/* A frame that was cut claims what follows; when the line is silent, that is taken. */
static void a_cut_frame_holds_nothing_up(void **state)
{
    static const uint8_t head[] = {0xaa, 0xaa, FLX_CT, 92, 1, 2, 3};

    (void)state;
    flx_conv_bytes(&conv, head, sizeof head, &now);
    say_u32(FLX_TIME_STAMP, 1800000002);
    assert_int_equal(stamps, 0);
    assert_int_equal(flx_conv_deadline(&conv), now.mono_ms + FLX_CUT_MS);
    run_to(now.mono_ms + FLX_CUT_MS);
    assert_int_equal(stamps, 1);
    assert_int_equal(last_stamp, 1800000002);
}

static void half_a_frame_does_not_outlive_its_line(void **state)
{
    static const uint8_t head[] = {0xaa, 0xaa, FLX_CT, 92, 1, 2, 3};

    (void)state;
    flx_conv_bytes(&conv, head, sizeof head, &now);
    flx_conv_line_down(&conv, "");
    up();
    say_u32(FLX_TIME_STAMP, 1800000002);
    assert_int_equal(stamps, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(sync_sends_it_again, running),
        cmocka_unit_test_setup(sync_of_a_board_that_is_away_ends_in_lost, running),
        cmocka_unit_test_setup(sync_of_a_board_that_goes_on_asking_ends_deaf, running),
        cmocka_unit_test_setup(stop_says_exit, running),
        cmocka_unit_test(a_line_may_die_under_any_frame),
        cmocka_unit_test_setup(a_clock_that_is_right_is_left_alone, running),
        cmocka_unit_test_setup(a_clock_off_by_a_second_is_set_once, running),
        cmocka_unit_test_setup(ct_data_may_be_a_second_ahead, running),
        cmocka_unit_test_setup(a_board_that_takes_no_step_gets_one_each_5_s, running),
        cmocka_unit_test_setup(a_board_that_keeps_its_fraction_is_left_alone, running),
        cmocka_unit_test_setup(one_step_is_enough_for_what_is_under_way, running),
        cmocka_unit_test_setup(a_single_wrong_stamp_before_a_right_one_sets_nothing, running),
        cmocka_unit_test_setup(the_host_is_set_late_and_the_step_is_rounded, running),
        cmocka_unit_test_setup(the_board_has_the_time_when_the_host_has_none, running),
        cmocka_unit_test_setup(neither_has_the_time, running),
        cmocka_unit_test_setup(no_step_by_a_clock_that_is_not_set, running),
        cmocka_unit_test_setup(what_the_old_line_said_sets_no_clock, running),
        cmocka_unit_test_setup(data_are_taken_whenever_there_is_a_line, setup),
        cmocka_unit_test_setup(what_is_refused_is_counted_by_type, running),
        cmocka_unit_test_setup(what_is_ignored_is_counted_by_type, running),
        cmocka_unit_test_setup(an_echo_is_no_board, setup),
        cmocka_unit_test_setup(a_cut_frame_holds_nothing_up, running),
        cmocka_unit_test_setup(half_a_frame_does_not_outlive_its_line, running),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
