#include "unit.h"

#include "core/crc8.h"
#include "core/flm02_conv.h"
#include "core/num.h"

#include <stdio.h>
#include <string.h>

/* A board small enough to be seen through: it keeps a picture, answers each message, and notes what it was told. */
static struct {
    struct flm02_picture held;
    unsigned minor;
    bool silent, forgets, deaf_to_ct, refuses; /* refuses: echoes without arguments */
    unsigned drop;                             /* replies to lose from now on */
    unsigned wrong_crc;                        /* replies to spoil from now on */
    char log[65536];                           /* letters of each request, a space between */
    char gd[160];                              /* arguments of the next gd reply */
    const char *tail;                          /* what stands behind the next reply's u */
} board;

static struct flm02_conv conv;
static struct flm02_picture want;
static int64_t now;
static struct flm02_record records[FLM02_SENSORS];
static int n_records, polls;
static char uart[64];
static size_t n_uart;
static char enabled[8];
static enum flm02_state states[64];
static int n_states;

static uint32_t hex(const char *p, unsigned digits)
{
    uint32_t v = 0;

    assert_int_equal(num_get_hex(p, digits, &v), 0);
    return v;
}

/* What a request's reply carries, from the picture. */
static int answer(const char *q, size_t n_args, char *args)
{
    const char *a = q + 3;
    unsigned id = n_args >= 2 ? hex(a, 2) : 0;
    struct flm02_picture *h = &board.held;

    if (q[1] == 's' && q[2] == 'e' && !board.forgets)
        h->sensor[id].enable = hex(a + 2, 2);
    if (q[1] == 's' && q[2] == 'm')
        h->sensor[id].constant = (uint16_t)hex(a + 2, 4);
    if (q[1] == 's' && q[2] == 'f')
        h->sensor[id].fraction = (uint16_t)hex(a + 2, 4);
    if (q[1] == 's' && q[2] == 'p')
        for (unsigned p = 0; p < FLM02_PORTS; p++)
            h->port_map[p] = (uint8_t)hex(a + 2 * p, 2);
    if (q[1] == 's' && q[2] == 'k')
        h->analog_enable = (uint8_t)hex(a, 2);
    if (q[1] == 'g' && q[2] == 'h')
        return sprintf(args, "0002%02x", board.minor);
    if (q[1] == 'g' && q[2] == 'e')
        return sprintf(args, "%02x%02x", id, h->sensor[id].enable);
    if (q[1] == 'g' && q[2] == 'm')
        return sprintf(args, "%02x%04x", id, h->sensor[id].constant);
    if (q[1] == 'g' && q[2] == 'f')
        return sprintf(args, "%02x%04x", id, h->sensor[id].fraction);
    if (q[1] == 'g' && q[2] == 'p')
        return sprintf(args, "%02x%02x%02x%02x%02x%02x", h->port_map[0], h->port_map[1], h->port_map[2], h->port_map[3],
                       h->port_map[4], h->port_map[5]);
    if (q[1] == 'g' && q[2] == 'k')
        return sprintf(args, "%02x0000", h->analog_enable);
    if (q[1] == 'g' && q[2] == 'i')
        return sprintf(args, "%02x", h->led_mode);
    if (q[1] == 'g' && (q[2] == 'w' || q[2] == 'b'))
        return sprintf(args, "0001");
    if (q[1] == 'g' && q[2] == 'd')
        return sprintf(args, "%s", board.gd);
    return sprintf(args, "%.*s", (int)n_args, a);
}

static char pending[512];
static int64_t reply_at;

static void on_send(void *ctx, const char *q, size_t n)
{
    char args[200] = "", body[220];
    size_t n_args = n - 6;

    (void)ctx;
    snprintf(board.log + strlen(board.log), sizeof board.log - strlen(board.log), "%.2s ", q + 1);
    assert_int_equal(q[0], 'l');
    assert_int_equal(q[n - 1], '.');
    assert_int_equal(hex(q + n - 3, 2), crc8(q + 1, n - 4));
    if (board.silent)
        return;
    answer(q, n_args, args);
    if (board.refuses && q[1] == 's')
        args[0] = '\0';
    snprintf(body, sizeof body, "%.2s%s", q + 1, args);
    if (board.deaf_to_ct && memcmp(q + 1, "ct", 2) == 0)
        return;
    if (board.drop) {
        board.drop--;
        return;
    }
    uint8_t crc = crc8(body, strlen(body));
    if (board.wrong_crc) {
        board.wrong_crc--;
        crc ^= 1;
    }
    snprintf(pending, sizeof pending, "l%s%02x.u%s", body, crc, board.tail ? board.tail : "");
    board.tail = NULL;
    if (memcmp(q + 1, "gd", 2) == 0)
        board.gd[0] = '\0';
}

static void on_records(void *ctx, const struct flm02_record *r, int n)
{
    (void)ctx;
    memcpy(records, r, (size_t)n * sizeof *r);
    n_records = n;
    polls++;
}

static void on_uart(void *ctx, const uint8_t *p, size_t n)
{
    (void)ctx;
    memcpy(uart + n_uart, p, n);
    n_uart += n;
}

static void on_state(void *ctx, enum flm02_state from, enum flm02_state to, const char *reason)
{
    (void)ctx;
    assert_int_not_equal(from, to);
    assert_non_null(reason);
    states[n_states++ % 64] = to;
}

static void on_enabled(void *ctx, unsigned id)
{
    (void)ctx;
    enabled[id] = 1;
}

static const struct flm02_callbacks callbacks = {on_send, on_records, on_uart, on_state, on_enabled};

/* Let time pass, one millisecond at a time, until `ms` later; replies arrive 5 ms after their request. */
static void run(int64_t ms)
{
    for (int64_t end = now + ms; now < end; now++) {
        flm02_conv_tick(&conv, now);
        if (pending[0] && !reply_at)
            reply_at = now + 5;
        if (pending[0] && now >= reply_at) {
            char bytes[sizeof pending];
            strcpy(bytes, pending);
            pending[0] = '\0';
            reply_at = 0;
            flm02_conv_bytes(&conv, bytes, strlen(bytes), now);
        }
        if (now % 1000 == 0)
            flm02_conv_poll(&conv, now);
    }
}

static int setup(void **state)
{
    (void)state;
    memset(&board, 0, sizeof board);
    memset(board.held.port_map, 0xff, sizeof board.held.port_map);
    board.held.analog_enable = 1;
    board.held.led_mode = 0xff;
    board.minor = 1;
    memset(&want, 0, sizeof want);
    memset(want.port_map, 0xff, sizeof want.port_map);
    want.analog_enable = 1;
    want.led_mode = 0xff;
    want.port_map[0] = 0;
    want.port_map[3] = 3;
    want.sensor[0].enable = want.sensor[0].scaled = true;
    want.sensor[0].constant = 5163;
    want.sensor[3].enable = want.sensor[3].scaled = true;
    want.sensor[3].constant = 1;
    want.sensor[3].fraction = 500;
    now = 1;
    n_records = polls = n_states = 0;
    n_uart = 0;
    memset(enabled, 0, sizeof enabled);
    pending[0] = '\0';
    reply_at = 0;
    flm02_conv_init(&conv, &callbacks, NULL);
    return 0;
}

static void start(int64_t ms)
{
    flm02_conv_want(&conv, &want, now);
    flm02_conv_line_up(&conv, now);
    run(ms);
}

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

static unsigned count(const char *letters)
{
    unsigned n = 0;

    for (const char *p = board.log; (p = strstr(p, letters)); p++)
        n++;
    return n;
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
        cmocka_unit_test_setup(a_fresh_board_is_written_once, setup),
        cmocka_unit_test_setup(a_board_that_holds_all_is_only_read, setup),
        cmocka_unit_test_setup(a_change_disturbs_only_its_sensor, setup),
        cmocka_unit_test_setup(hardware_2_2_gets_its_own_settings, setup),
        cmocka_unit_test_setup(hardware_2_0_has_no_fractions, setup),
        cmocka_unit_test_setup(joined_pulse_ports_are_refused_on_2_2_only, setup),
        cmocka_unit_test_setup(unknown_hardware_is_refused_and_looked_at_again, setup),
        cmocka_unit_test_setup(lost_replies_cost_tries_only, setup),
        cmocka_unit_test_setup(spoilt_replies_are_asked_again, setup),
        cmocka_unit_test_setup(a_silent_board_is_lost_and_found, setup),
        cmocka_unit_test_setup(a_board_that_keeps_nothing_is_not_worn_out, setup),
        cmocka_unit_test_setup(a_sync_reads_and_writes_what_differs, setup),
        cmocka_unit_test_setup(a_sync_waits_for_nothing, setup),
        cmocka_unit_test_setup(a_refused_set_and_a_lost_one_differ, setup),
        cmocka_unit_test_setup(a_ct_that_was_missed_is_made_up_for, setup),
        cmocka_unit_test_setup(a_ct_that_is_never_answered_is_not_repeated_for_ever, setup),
        cmocka_unit_test_setup(a_clamp_that_stays_away_is_looked_after, setup),
        cmocka_unit_test_setup(a_babbling_line_ends_in_lost_with_a_reason, setup),
        cmocka_unit_test_setup(a_late_delta_is_taken, setup),
        cmocka_unit_test_setup(polls_without_an_answer_are_counted, setup),
        cmocka_unit_test_setup(bytes_of_the_rs485_port_pass, setup),
        cmocka_unit_test_setup(records_reach_the_owner, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
