#include "flm02_conv_host.h"

static void a_fresh_board_is_written_once(void **state)
{
    (void)state;
    start(5000);
    assert_int_equal(conv.state, FLM02_POLL);
    assert_non_null(strstr(board.log, "sp sm sf sm sf se se ct gp ")); /* off needs nothing: all were off */
    assert_true(enabled[0] && enabled[3] && !enabled[1]);
    assert_int_equal(board.held.sensor[3].fraction, 500);
    assert_int_equal(conv.writes, 1);
    assert_true(polls >= 2);
}

/* "if all holds, nothing is switched off and no ct is sent" */
static void a_board_that_holds_all_is_only_read(void **state)
{
    (void)state;
    start(5000);
    board.log[0] = '\0';
    flm02_conv_line_down(&conv, "");
    flm02_conv_line_up(&conv, now);
    run(3000);
    assert_int_equal(conv.state, FLM02_POLL);
    assert_int_equal(conv.writes, 1);
    assert_null(strstr(board.log, "ct"));
    assert_null(strchr(board.log, 's'));
}

/* "only the sensors concerned: off -> sp -> sm, sf -> se -> ct" */
static void a_change_disturbs_only_its_sensor(void **state)
{
    (void)state;
    start(5000);
    board.log[0] = '\0';
    want.sensor[3].constant = 10;
    want.sensor[3].fraction = 0;
    memset(enabled, 0, sizeof enabled);
    flm02_conv_want(&conv, &want, now);
    run(4000);
    assert_non_null(strstr(board.log, "se sm sf se ct"));
    assert_null(strstr(board.log, "sp"));
    assert_true(enabled[3] && !enabled[0]);
    assert_int_equal(board.held.sensor[3].constant, 10);
}

static void hardware_2_2_gets_its_own_settings(void **state)
{
    (void)state;
    board.minor = 2;
    board.held.analog_enable = 0;
    start(5000);
    assert_int_equal(conv.state, FLM02_POLL);
    assert_non_null(strstr(board.log, "sk sp sm"));
    assert_int_equal(board.held.analog_enable, 1);
}

static void hardware_2_0_has_no_fractions(void **state)
{
    (void)state;
    board.minor = 0;
    start(5000);
    assert_int_equal(conv.state, FLM02_POLL);
    assert_null(strstr(board.log, "f ")); /* neither gf nor sf */
    assert_int_equal(conv.problems[3], FLM02_NEEDS_FRACTION);
    assert_false(board.held.sensor[3].enable);
    strcpy(board.gd, "000000000300000b78"); /* 18 digits */
    run(1500);
    assert_int_equal(n_records, 1);
    assert_int_equal(records[0].extra, 2936);
}

static void joined_pulse_ports_are_refused_on_2_2_only(void **state)
{
    enum flm02_problem problems[FLM02_SENSORS];

    (void)state;
    want.port_map[4] = 3;
    struct flm02_picture on_1 = want, on_2 = want;
    flm02_fit(&on_1, 1, problems);
    assert_int_equal(problems[3], FLM02_FITS);
    flm02_fit(&on_2, 2, problems);
    assert_int_equal(problems[3], FLM02_NO_JOINED_PULSE);
    assert_false(on_2.sensor[3].enable);
    assert_int_equal(on_2.port_map[4], FLM02_NO_SENSOR);
}

static void unknown_hardware_is_refused_and_looked_at_again(void **state)
{
    (void)state;
    board.minor = 3;
    start(2000);
    assert_int_equal(conv.state, FLM02_REFUSED_BOARD);
    assert_string_equal(board.log, "gh ");
    board.minor = 2;
    run(FLM02_RETRY_MS + 5000);
    assert_int_equal(conv.state, FLM02_POLL);
}

/* An EEPROM that forgets must not be written again and again: after 1, 2, 4 … minutes. */
static void a_board_that_keeps_nothing_is_not_worn_out(void **state)
{
    (void)state;
    board.forgets = true;
    start(20 * 60000);
    assert_int_equal(conv.state, FLM02_REFUSED_BOARD);
    assert_in_range(conv.writes, 3, 5);
    board.forgets = false;
    run(20 * 60000);
    assert_int_equal(conv.state, FLM02_POLL);
}

/* S6: on request, what was changed behind our back is written, and what holds is only read. */
static void a_sync_reads_and_writes_what_differs(void **state)
{
    (void)state;
    start(5000);
    board.log[0] = '\0';
    flm02_conv_sync(&conv, now);
    run(3000);
    assert_int_equal(conv.state, FLM02_POLL);
    assert_non_null(strstr(board.log, "gh gp "));
    assert_null(strstr(board.log, "ct"));
    board.held.sensor[3].constant = 9;
    flm02_conv_sync(&conv, now);
    run(4000);
    assert_int_equal(conv.state, FLM02_POLL);
    assert_non_null(strstr(board.log, "se sm sf se ct gp"));
    assert_int_equal(board.held.sensor[3].constant, 1);
}

/* Nobody waits for minutes who asks for it: a refused board and one that forgot are tried now, and a lost one five
 * times. */
static void a_sync_waits_for_nothing(void **state)
{
    (void)state;
    board.forgets = true;
    start(20 * 60000);
    assert_int_equal(conv.state, FLM02_REFUSED_BOARD);
    uint64_t writes = conv.writes;
    board.forgets = false;
    flm02_conv_sync(&conv, now);
    run(3000);
    assert_int_equal(conv.state, FLM02_POLL);
    assert_int_equal(conv.writes, writes + 1);
    board.silent = true;
    run(5000);
    assert_int_equal(conv.state, FLM02_LOST);
    flm02_conv_sync(&conv, now);
    assert_int_equal(conv.state, FLM02_IDENTIFY);
    run(FLM02_TRIES * (FLM02_REPLY_MS + FLM02_QUIET_MS) + 10);
    assert_int_equal(conv.state, FLM02_LOST);
    flm02_conv_line_down(&conv, "");
    flm02_conv_sync(&conv, now);
    assert_int_equal(conv.state, FLM02_DOWN);
}

/* A board that will not take a set is left alone for a minute; one that falls silent meanwhile is tried each second. */
static void a_refused_set_and_a_lost_one_differ(void **state)
{
    (void)state;
    board.refuses = true;
    start(3000);
    assert_int_equal(conv.state, FLM02_REFUSED_BOARD);
    board.refuses = false;
    run(FLM02_RETRY_MS + 3000);
    assert_int_equal(conv.state, FLM02_POLL);
    want.sensor[3].constant = 7;
    flm02_conv_want(&conv, &want, now);
    while (!strstr(board.log, "se sm"))
        run(1);
    board.silent = true;
    run(3000);
    assert_int_equal(conv.state, FLM02_LOST);
    board.silent = false;
    run(5000);
    assert_int_equal(conv.state, FLM02_POLL);
    assert_int_equal(board.held.sensor[3].constant, 7);
}

/* What was set and not committed would be gone with the next reset. */
static void a_ct_that_was_missed_is_made_up_for(void **state)
{
    (void)state;
    start(1);
    while (!strstr(board.log, "ct"))
        run(1);
    board.silent = true;
    pending[0] = '\0';
    reply_at = 0;
    run(5000);
    board.silent = false;
    board.log[0] = '\0';
    run(5000);
    assert_int_equal(conv.state, FLM02_POLL);
    assert_int_equal(count("ct "), 1);
    assert_int_equal(count("sm "), 0);
}

/* A ct that is never answered must neither wear the EEPROM out nor keep the board from being polled. */
static void a_ct_that_is_never_answered_is_not_repeated_for_ever(void **state)
{
    (void)state;
    board.deaf_to_ct = true;
    start(30000);
    board.log[0] = '\0';
    polls = 0;
    run(20 * 60000);
    assert_in_range(count("ct "), 5, 50);
    assert_in_range(polls, 1000, 1200);
    board.deaf_to_ct = false;
    run(20 * 60000);
    assert_false(conv.unsaved);
}

/* After a short reset the board may hold older settings, and a sensor that is off says nothing. */
static void a_clamp_that_stays_away_is_looked_after(void **state)
{
    (void)state;
    start(5000);
    board.held.sensor[0].enable = false;
    run(20000);
    assert_int_equal(conv.state, FLM02_POLL);
    assert_true(board.held.sensor[0].enable);
    unsigned looks = count("gh ");
    run(60000);
    assert_int_equal(count("gh "), looks); /* once is enough as long as it stays silent */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_fresh_board_is_written_once, setup),
        cmocka_unit_test_setup(a_board_that_holds_all_is_only_read, setup),
        cmocka_unit_test_setup(a_change_disturbs_only_its_sensor, setup),
        cmocka_unit_test_setup(hardware_2_2_gets_its_own_settings, setup),
        cmocka_unit_test_setup(hardware_2_0_has_no_fractions, setup),
        cmocka_unit_test_setup(joined_pulse_ports_are_refused_on_2_2_only, setup),
        cmocka_unit_test_setup(unknown_hardware_is_refused_and_looked_at_again, setup),
        cmocka_unit_test_setup(a_board_that_keeps_nothing_is_not_worn_out, setup),
        cmocka_unit_test_setup(a_sync_reads_and_writes_what_differs, setup),
        cmocka_unit_test_setup(a_sync_waits_for_nothing, setup),
        cmocka_unit_test_setup(a_refused_set_and_a_lost_one_differ, setup),
        cmocka_unit_test_setup(a_ct_that_was_missed_is_made_up_for, setup),
        cmocka_unit_test_setup(a_ct_that_is_never_answered_is_not_repeated_for_ever, setup),
        cmocka_unit_test_setup(a_clamp_that_stays_away_is_looked_after, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
