/* The conversation with an FLM02 board on a bad line, and what passes on a good one. */
#include "flm02_conv_host.h"

static void lost_replies_cost_tries_only(void **state)
{
    (void)state;
    board.drop = 4;
    start(5000);
    assert_int_equal(conv.state, FLM02_POLL);
    assert_int_equal(conv.retries, 4);
}

static void spoilt_replies_are_asked_again(void **state)
{
    (void)state;
    start(5100);
    int before = polls;
    board.wrong_crc = 1;
    run(1500);
    assert_int_equal(polls, before + 1);
    assert_int_equal(conv.reader.refused[FLM02_BAD_CRC], 1);
}

/* "Board silent for 3 s: lost", and found again by itself */
static void a_silent_board_is_lost_and_found(void **state)
{
    (void)state;
    start(5000);
    assert_int_equal(conv.state, FLM02_POLL);
    board.silent = true;
    run(2500);
    assert_int_equal(conv.state, FLM02_POLL);
    run(1600);
    assert_int_equal(conv.state, FLM02_LOST);
    n_states = 0;
    run(20000);
    assert_int_equal(n_states, 0); /* said once */
    board.silent = false;
    run(2500);
    assert_int_equal(conv.state, FLM02_POLL);
    assert_int_equal(conv.writes, 1);
}

/* A line that is never quiet must not stop it for ever. */
static void a_babbling_line_ends_in_lost_with_a_reason(void **state)
{
    (void)state;
    board.minor = 1;
    flm02_conv_want(&conv, &want, now);
    flm02_conv_line_up(&conv, now);
    pending[0] = '\0';
    for (int i = 0; i < 1000 && conv.state != FLM02_LOST; i++, now += 10) {
        flm02_conv_tick(&conv, now);
        flm02_conv_bytes(&conv, "x", 1, now);
        pending[0] = '\0';
    }
    assert_int_equal(conv.state, FLM02_LOST);
}

/* A delta that comes late holds pulses that come only once. */
static void a_late_delta_is_taken(void **state)
{
    (void)state;
    start(5500);
    strcpy(board.gd, "030000006701f40000169d");
    char late[sizeof pending] = "";
    while (!late[0]) {
        run(1);
        if (pending[0]) {
            strcpy(late, pending);
            pending[0] = '\0';
            reply_at = 0;
            board.silent = true;
        }
    }
    run(FLM02_REPLY_MS + 5);
    n_records = 0;
    flm02_conv_bytes(&conv, late, strlen(late), now);
    assert_int_equal(n_records, 1);
    assert_int_equal(records[0].counter, 0x67);
}

static void polls_without_an_answer_are_counted(void **state)
{
    (void)state;
    start(5500);
    board.silent = true;
    run(2000);
    board.silent = false;
    assert_int_equal(conv.polls_lost, 1);
}

static void bytes_of_the_rs485_port_pass(void **state)
{
    (void)state;
    start(5000);
    board.tail = "48656c6c6f";
    run(1500);
    assert_int_equal(n_uart, 5);
    assert_memory_equal(uart, "Hello", 5);
    assert_int_equal(conv.uart_bytes, 5);
}

static void records_reach_the_owner(void **state)
{
    (void)state;
    start(5000);
    strcpy(board.gd, "0000000002000000000b78030000006701f40000169d");
    run(1500);
    assert_int_equal(n_records, 2);
    assert_int_equal(records[0].counter, 2);
    assert_int_equal(records[0].extra, 2936);
    assert_int_equal(records[1].id, 3);
    assert_int_equal(records[1].counter, 0x67);
    assert_int_equal(records[1].milli, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lost_replies_cost_tries_only, setup),
        cmocka_unit_test_setup(spoilt_replies_are_asked_again, setup),
        cmocka_unit_test_setup(a_silent_board_is_lost_and_found, setup),
        cmocka_unit_test_setup(a_babbling_line_ends_in_lost_with_a_reason, setup),
        cmocka_unit_test_setup(a_late_delta_is_taken, setup),
        cmocka_unit_test_setup(polls_without_an_answer_are_counted, setup),
        cmocka_unit_test_setup(bytes_of_the_rs485_port_pass, setup),
        cmocka_unit_test_setup(records_reach_the_owner, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
