#include "flx_stub.h"

/* ---- configuration ---- */

static void line_up_sends_configuration_and_radio_group(void **state)
{
    static const uint8_t ping1[] = {1, 0, 0, 0};

    (void)state;
    assert_int_equal(n_sent, 0);
    up();
    assert_int_equal(n_sent, 3);
    assert_int_equal(sent[0].type, FLX_PORT_CONFIG);
    assert_int_equal(sent[0].len, FLX_CONFIG_LENGTH);
    assert_int_equal(sent[0].payload[6], 1);
    assert_int_equal(sent[0].payload[57], 255);
    assert_int_equal(sent[1].type, FLX_KUBE_CONTROL);
    assert_int_equal(sent[1].len, 1);
    assert_int_equal(sent[1].payload[0], 174);
    assert_int_equal(sent[2].type, FLX_PING);
    assert_memory_equal(sent[2].payload, ping1, 4);
    assert_int_equal(conv.state, FLX_CONFIGURE);
    run_to(505);
    assert_int_equal(conv.state, FLX_RUN);
    assert_int_equal(heartbeats, 1);
}

static void without_a_line_nothing_is_sent(void **state)
{
    (void)state;
    assert_int_equal(flx_conv_deadline(&conv), -1);
    flx_conv_second(&conv, &now);
    flx_conv_sync(&conv, &now);
    flx_conv_stop(&conv);
    want.radio_group = 1;
    flx_conv_want(&conv, &want, &now);
    say(FLX_PING, NULL, 0);
    assert_int_equal(n_sent, 0);
    assert_int_equal(n_states, 0);
}

static void before_it_knows_the_settings_it_sends_none(void **state)
{
    (void)state;
    flx_conv_init(&conv, &callbacks, NULL);
    up();
    say(FLX_PING, NULL, 0);
    run_to(2500);
    assert_int_equal(count(FLX_PORT_CONFIG), 0);
    assert_int_equal(conv.state, FLX_CONFIGURE);
    flx_conv_want(&conv, &want, &now);
    assert_int_equal(count(FLX_PORT_CONFIG), 1);
    run_to(3500);
    assert_int_equal(conv.state, FLX_RUN);
}

static void a_ping_of_the_board_is_answered_with_it(void **state)
{
    (void)state;
    say_u32(FLX_PING, 1234); /* whatever it carries */
    assert_int_equal(count(FLX_PORT_CONFIG), 2);
    assert_int_equal(count(FLX_KUBE_CONTROL), 2);
    assert_int_equal(sent[n_sent - 2].type, FLX_PORT_CONFIG);
    assert_int_equal(conv.state, FLX_CONFIGURE);
    run_to(3006); /* the next ping's pong: it asked once only */
    assert_int_equal(conv.state, FLX_RUN);
}

/* A pong to a ping that was sent before the configuration says nothing of it. */
static void an_older_ping_confirms_nothing(void **state)
{
    (void)state;
    board.pong_after_ms = 400;
    run_to(3100); /* pinged at 3001 */
    say(FLX_PING, NULL, 0);
    run_to(3500);
    assert_int_equal(conv.state, FLX_CONFIGURE);
    run_to(4401);
    assert_int_equal(conv.state, FLX_RUN);
}

/* Nor does one to a ping that was, when another configuration waits. */
static void what_waits_is_not_confirmed(void **state)
{
    (void)state;
    board.pong_after_ms = 400;
    run_to(2990);
    want.radio_group = 1;
    flx_conv_want(&conv, &want, &now);
    run_to(3100); /* pinged at 3001 */
    want.radio_group = 2;
    flx_conv_want(&conv, &want, &now);
    run_to(3500);
    assert_int_equal(heartbeats, 4);
    assert_int_equal(conv.state, FLX_CONFIGURE);
    run_to(4401);
    assert_int_equal(conv.state, FLX_RUN);
}

static void a_board_that_asks_twice_must_be_quiet_for_a_while(void **state)
{
    (void)state;
    say(FLX_PING, NULL, 0);
    run_to(3500);
    assert_int_equal(conv.state, FLX_RUN);
    say(FLX_PING, NULL, 0); /* again, after 1 s */
    run_to(4500);
    assert_int_equal(conv.state, FLX_CONFIGURE);
    run_to(5500);
    assert_int_equal(conv.state, FLX_RUN);
    run_to(5600);
    assert_int_equal(count(FLX_PORT_CONFIG), 3);
}

/* A broken board: a thousand pings a second. */
static void a_storm_of_pings_gets_one_configuration_a_second(void **state)
{
    int64_t before = -FLX_CONFIG_MS;
    int was;

    (void)state;
    board.asks_each_ms = 1;
    run_to(22500);
    assert_in_range(count(FLX_PORT_CONFIG), 20, 23);
    assert_int_equal(count(FLX_PORT_CONFIG), count(FLX_KUBE_CONTROL));
    for (size_t i = 0; i < n_sent; i++)
        if (sent[i].type == FLX_PORT_CONFIG) {
            assert_true(sent[i].ms - before >= FLX_CONFIG_MS);
            before = sent[i].ms;
        }
    assert_int_equal(conv.state, FLX_DEAF);
    assert_in_range(n_states, 3, 4); /* it does not flutter */
    was = n_states;
    board.asks_each_ms = 0;
    run_to(25500);
    assert_int_equal(conv.state, FLX_RUN);
    assert_int_equal(n_states, was + 1);
}

/* However often it pings in a second, it asked for one configuration. */
static void a_burst_of_pings_asks_once_or_twice(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        say(FLX_PING, NULL, 0);
        run_to(now.mono_ms + 10);
    }
    assert_int_equal(conv.state, FLX_CONFIGURE);
    assert_int_equal(conv.asks, 2);
    run_to(5500);
    assert_int_equal(conv.state, FLX_RUN);
    assert_int_equal(count(FLX_PORT_CONFIG), 3);
}

static void a_board_that_forgets_each_second_is_deaf(void **state)
{
    (void)state;
    board.asks_each_ms = 1000;
    run_to(20500);
    assert_int_equal(conv.state, FLX_DEAF);
    assert_in_range(count(FLX_PORT_CONFIG), 15, 21);
    assert_int_equal(n_states, 6); /* two more times it seemed to have taken it */
}

/* One that is reset once an hour is none of those. */
static void asking_now_and_then_is_no_fault(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        say(FLX_PING, NULL, 0);
        run_to(now.mono_ms + 600);
        assert_int_equal(conv.state, FLX_RUN);
        run_to(now.mono_ms + 5400);
    }
    assert_int_equal(count(FLX_PORT_CONFIG), 21);
}

static void a_change_of_settings_is_sent(void **state)
{
    (void)state;
    flx_conv_want(&conv, &want, &now);
    assert_int_equal(count(FLX_PORT_CONFIG), 1);
    assert_int_equal(conv.state, FLX_RUN);
    want.ports.port[0].shift = 2;
    flx_conv_want(&conv, &want, &now);
    assert_int_equal(count(FLX_PORT_CONFIG), 2);
    assert_int_equal(sent[last(FLX_PORT_CONFIG)].payload[5], 2);
    assert_int_equal(conv.state, FLX_CONFIGURE);
    assert_string_equal(reasons[n_states - 1], "the settings changed");
    want.radio_group = 9; /* at once after: it waits, and is one with the next */
    flx_conv_want(&conv, &want, &now);
    want.ports.port[0].shift = 3;
    flx_conv_want(&conv, &want, &now);
    assert_int_equal(count(FLX_PORT_CONFIG), 2);
    run_to(3499);
    assert_int_equal(count(FLX_PORT_CONFIG), 2);
    assert_int_equal(conv.state, FLX_CONFIGURE); /* a pong came meanwhile, but not to these */
    run_to(3500);
    assert_int_equal(count(FLX_PORT_CONFIG), 3);
    assert_int_equal(sent[last(FLX_PORT_CONFIG)].payload[5], 3);
    assert_int_equal(sent[last(FLX_KUBE_CONTROL)].payload[0], 9);
    run_to(4500);
    assert_int_equal(conv.state, FLX_RUN);
}

static void a_new_line_gets_it_again(void **state)
{
    (void)state;
    flx_conv_line_down(&conv, "unplugged");
    assert_int_equal(conv.state, FLX_DOWN);
    assert_string_equal(reasons[n_states - 1], "unplugged");
    assert_int_equal(flx_conv_deadline(&conv), -1);
    run_to(9000);
    up();
    assert_int_equal(count(FLX_PORT_CONFIG), 2);
    run_to(9100);
    assert_int_equal(conv.state, FLX_RUN);
}

/* What the old line was asked is not answered on the new one. */
static void a_pong_of_the_old_line_is_none(void **state)
{
    (void)state;
    board.silent = true;
    up();
    flx_conv_line_down(&conv, "");
    flx_conv_line_up(&conv, &now);
    say_u32(FLX_PONG, 1);
    assert_int_equal(heartbeats, 0);
    assert_int_equal(conv.pongs_stale, 1);
}

/* ---- heartbeat ---- */

static void it_pings_once_a_wall_second(void **state)
{
    (void)state;
    run_to(10500);
    assert_int_equal(count(FLX_PING), 11); /* at 500 with the line, and at 1001 to 10001 */
    assert_int_equal(last_u32(FLX_PING), 11);
    assert_int_equal(sent[last(FLX_PING)].ms, 10001);
    assert_int_equal(heartbeats, 11);
    assert_int_equal(conv.pongs, 11);
    assert_int_equal(conv.pongs_lost, 0);
}

static void a_pong_with_another_counter_is_counted_only(void **state)
{
    (void)state;
    board.silent = true;
    up();
    say_u32(FLX_PONG, 0);
    say_u32(FLX_PONG, 2);
    assert_int_equal(heartbeats, 0);
    assert_int_equal(conv.pongs_stale, 2);
    say_u32(FLX_PONG, 1);
    assert_int_equal(heartbeats, 1);
    assert_int_equal(conv.state, FLX_RUN);
    say_u32(FLX_PONG, 1); /* twice */
    assert_int_equal(heartbeats, 1);
    assert_int_equal(conv.pongs_stale, 3);
    run_to(1500);
    say_u32(FLX_PONG, 1); /* of the second before */
    assert_int_equal(heartbeats, 1);
    assert_int_equal(conv.pongs_stale, 4);
}

/* Last pong at 2006. The ping of 5001 is under way then, and has its 200 ms. */
static void without_a_pong_for_3_s_it_is_lost(void **state)
{
    (void)state;
    board.silent = true;
    run_to(5200);
    assert_int_equal(conv.state, FLX_RUN);
    run_to(5201);
    assert_int_equal(conv.state, FLX_LOST);
    assert_string_equal(reasons[n_states - 1], "no pong for 3 s");
    assert_int_equal(conv.pongs_lost, 2);
}

/* Where no ping is under way it is 3 s to the millisecond. */
static void three_seconds_are_exact(void **state)
{
    (void)state;
    board.pong_after_ms = 600;
    run_to(3700); /* pong at 3601 */
    board.silent = true;
    run_to(6600);
    assert_int_equal(conv.state, FLX_RUN);
    assert_int_equal(flx_conv_deadline(&conv), 6601);
    run_to(6601);
    assert_int_equal(conv.state, FLX_LOST);
}

/* Pings that follow each other fast, because the wall clock is set again and again, put nothing off. */
static void pinging_more_does_not_help(void **state)
{
    (void)state;
    board.silent = true;
    while (now.mono_ms < 5300) {
        run_to(now.mono_ms + 50);
        flx_conv_second(&conv, &now);
    }
    assert_int_equal(conv.state, FLX_LOST);
}

static void two_lost_pongs_are_no_loss(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        board.silent = true;
        run_to(now.mono_ms + 2000);
        board.silent = false;
        board.pong_after_ms = 5 + i * 15; /* later than the one before */
        run_to(now.mono_ms + 1000);
        assert_int_equal(conv.state, FLX_RUN);
    }
    assert_int_equal(conv.pongs_lost, 20);
}

/* Pitfall 16: what comes back may be another board, or one without a configuration. */
static void a_board_that_comes_back_is_configured_again(void **state)
{
    (void)state;
    board.silent = true;
    run_to(20500);
    assert_int_equal(conv.state, FLX_LOST);
    assert_int_equal(count(FLX_PING), 21); /* it keeps trying */
    assert_int_equal(count(FLX_PORT_CONFIG), 1);
    board.silent = false;
    run_to(21006);
    assert_int_equal(conv.state, FLX_CONFIGURE);
    assert_int_equal(count(FLX_PORT_CONFIG), 2);
    run_to(22006);
    assert_int_equal(conv.state, FLX_RUN);
}

static void a_lost_board_that_pings_gets_its_configuration(void **state)
{
    (void)state;
    board.silent = true;
    run_to(6500);
    say(FLX_PING, NULL, 0);
    assert_int_equal(count(FLX_PORT_CONFIG), 2);
    assert_int_equal(conv.state, FLX_LOST);
    want.radio_group = 3;
    flx_conv_want(&conv, &want, &now);
    assert_int_equal(conv.state, FLX_LOST);
    assert_int_equal(count(FLX_PORT_CONFIG), 2);
    for (int i = 0; i < 6; i++) {
        run_to(now.mono_ms + 1100);
        say(FLX_PING, NULL, 0);
    }
    assert_int_equal(conv.state, FLX_LOST);
    board.silent = false;
    run_to(14100);
    assert_int_equal(conv.state, FLX_CONFIGURE);
    say(FLX_PING, NULL, 0); /* what it asked for while it was lost is forgotten */
    assert_int_equal(conv.state, FLX_CONFIGURE);
    run_to(17500);
    assert_int_equal(conv.state, FLX_RUN);
    assert_int_equal(sent[last(FLX_KUBE_CONTROL)].payload[0], 3);
}

/* A host that slept 10 s did not listen: what came meanwhile is read first. */
static void a_host_that_stood_still_asks_once_more(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        now.mono_ms += 10000;
        now.wall_ms += 10000;
        flx_conv_tick(&conv, &now);
        assert_int_equal(conv.state, FLX_RUN);
        assert_int_equal(flx_conv_deadline(&conv), now.mono_ms + FLX_PONG_MS);
        flx_conv_second(&conv, &now);
        run_to(now.mono_ms + 500);
        assert_int_equal(conv.state, FLX_RUN);
    }
}

static void but_only_once(void **state)
{
    (void)state;
    board.silent = true;
    now.mono_ms += 10000;
    now.wall_ms += 10000;
    flx_conv_tick(&conv, &now);
    assert_int_equal(conv.state, FLX_RUN);
    now.mono_ms += 10000;
    flx_conv_tick(&conv, &now);
    assert_int_equal(conv.state, FLX_LOST);
}

static void a_board_that_never_answered_is_lost_too(void **state)
{
    (void)state;
    board.silent = true;
    up();
    run_to(3499);
    assert_int_equal(conv.state, FLX_CONFIGURE);
    run_to(3500);
    assert_int_equal(conv.state, FLX_LOST);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(flx_state_name(FLX_DOWN), "no line");
    assert_string_equal(flx_state_name(FLX_RUN), "running");
    assert_string_equal(flx_state_name(FLX_DEAF), "not taking its configuration");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(line_up_sends_configuration_and_radio_group, setup),
        cmocka_unit_test_setup(without_a_line_nothing_is_sent, setup),
        cmocka_unit_test_setup(before_it_knows_the_settings_it_sends_none, setup),
        cmocka_unit_test_setup(a_ping_of_the_board_is_answered_with_it, running),
        cmocka_unit_test_setup(an_older_ping_confirms_nothing, running),
        cmocka_unit_test_setup(what_waits_is_not_confirmed, running),
        cmocka_unit_test_setup(a_board_that_asks_twice_must_be_quiet_for_a_while, running),
        cmocka_unit_test_setup(a_storm_of_pings_gets_one_configuration_a_second, running),
        cmocka_unit_test_setup(a_burst_of_pings_asks_once_or_twice, running),
        cmocka_unit_test_setup(a_board_that_forgets_each_second_is_deaf, running),
        cmocka_unit_test_setup(asking_now_and_then_is_no_fault, running),
        cmocka_unit_test_setup(a_change_of_settings_is_sent, running),
        cmocka_unit_test_setup(a_new_line_gets_it_again, running),
        cmocka_unit_test_setup(a_pong_of_the_old_line_is_none, setup),
        cmocka_unit_test_setup(it_pings_once_a_wall_second, running),
        cmocka_unit_test_setup(a_pong_with_another_counter_is_counted_only, setup),
        cmocka_unit_test_setup(without_a_pong_for_3_s_it_is_lost, running),
        cmocka_unit_test_setup(three_seconds_are_exact, running),
        cmocka_unit_test_setup(pinging_more_does_not_help, running),
        cmocka_unit_test_setup(two_lost_pongs_are_no_loss, running),
        cmocka_unit_test_setup(a_board_that_comes_back_is_configured_again, running),
        cmocka_unit_test_setup(a_lost_board_that_pings_gets_its_configuration, running),
        cmocka_unit_test_setup(a_host_that_stood_still_asks_once_more, running),
        cmocka_unit_test_setup(but_only_once, running),
        cmocka_unit_test_setup(a_board_that_never_answered_is_lost_too, setup),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
