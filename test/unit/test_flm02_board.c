#include "flm02_stub.h"
#include "board_host.h"

#include <stdlib.h>

#define DEVICE "\"device\":{\"id\":\"0123456789abcdef0123456789abcdef\"},"
#define BOARD  "\"board\":{\"protocol\":\"flm02\",\"device\":\"/dev/ttyX\"},"
#define CLAMP  "{\"name\":\"main\",\"ports\":[1],\"voltage\":230,\"current\":50,\"enable\":true}"
#define PULSE  "{\"name\":\"water\",\"type\":\"water\",\"ports\":[4],\"constant\":%s,\"enable\":true}"

static void board_sends(const uint8_t *bytes, size_t n)
{
    board_hears((const char *)bytes, n);
}

static const char *with(const char *constant)
{
    static char text[600];

    snprintf(text, sizeof text, "{" DEVICE BOARD "\"sensors\":[" CLAMP "," PULSE "]}", constant);
    return text;
}

static int open_it(void **state)
{
    (void)state;
    board_reset();
    host_open(&board_flm02, with("0.5"));
    return 0;
}

static int close_it(void **state)
{
    (void)state;
    host_close();
    return 0;
}

static void run(int64_t ms)
{
    char bytes[sizeof pending];

    for (int64_t end = host.now.mono_ms + ms; host.now.mono_ms < end;) {
        host_later();
        if (board_says(host.now.mono_ms, bytes))
            host.driver->bytes(host.self, (const uint8_t *)bytes, strlen(bytes), &host.now);
    }
}

static void start(void)
{
    host.driver->line_up(host.self, &host.now);
    host.driver->second(host.self, &host.now);
    run(5000);
}

static void it_is_polled_and_said(void **state)
{
    (void)state;
    start();
    assert_string_equal(host.driver->doing(host.self), "polling");
    assert_true(host.on[FACT_BOARD] && host.on[FACT_HEARTBEAT]);
    assert_string_equal(host.facts[FACT_BOARD], "hardware 2.1 on /dev/ttyX");
    assert_non_null(strstr(host.said, "I writing its settings (8 commands)\n"));
    assert_non_null(strstr(host.said, "I polling, hardware 2.1 on /dev/ttyX\n"));
    assert_int_equal(host.minor, 1);
    assert_int_equal(number_of("board_writes_total"), 1);
    assert_true(number_of("board_polls_total") >= 2);
    assert_int_equal(number_of("board_refused_total{why=\"crc\"}"), 0);
}

/* V4: readings bear the second of the poll that they answer. */
static void readings_bear_the_second_of_their_poll(void **state)
{
    (void)state;
    start();
    host.n_readings = 0;
    strcpy(board.gd, "0000000002000000000064030000006701f40000169d");
    run(1000);
    assert_int_equal(host.n_readings, 2); /* the first power after enabling is dropped */
    assert_int_equal(host.readings[0].kind, READING_COUNTER);
    assert_int_equal(host.readings[0].milli, 2000);
    assert_int_equal(host.readings[1].milli, 103500);
    assert_int_equal(host.readings[0].unix_s, HOST_UNIX_S + 6);
    assert_int_equal(host.readings[0].mono_ms, 1000 + 5701);
}

/* Two answers in one second: a counter that the hub refused comes again in the next. */
static void a_refused_counter_is_owed(void **state)
{
    (void)state;
    start();
    strcpy(board.gd, "030000006701f40000169d");
    run(1000);
    host.n_readings = 0;
    host.now.wall_ms -= 2000;
    strcpy(board.gd, "0300000068000000001aff");
    run(1000);
    assert_int_equal(host.n_readings, 1);
    assert_int_equal(host.readings[0].kind, READING_GAUGE); /* the first one */
    run(3000);
    assert_int_equal(host.n_readings, 2);
    assert_int_equal(host.readings[1].kind, READING_COUNTER);
    assert_int_equal(host.readings[1].milli, 104000);
}

static void a_counter_that_people_set_is_emitted(void **state)
{
    (void)state;
    start();
    strcpy(board.gd, "030000006701f40000169d");
    run(1000);
    host.n_readings = 0;
    struct ledger_entry *e = ledger_find(&host.ledger, host.settings->sensors[1].id);
    ledger_set(e, 5000000);
    e->owed = true;
    run(1000);
    assert_int_equal(host.n_readings, 1);
    assert_int_equal(host.readings[0].milli, 5000000);
}

/* pitfall 13 */
static void the_impossible_is_said_once(void **state)
{
    (void)state;
    start();
    strcpy(board.gd, "0000000002000000000064");
    run(1000);
    for (int i = 0; i < 3; i++) {
        strcpy(board.gd, "000000000200000000ffff");
        run(1000);
    }
    char *first = strstr(host.said, "W main: 65535 W is more than its clamps can measure");
    assert_non_null(first);
    assert_null(strstr(first + strlen("W main: 65535 W is more"), "is more"));
    assert_int_equal(number_of("board_impossible_total"), 3);
}

static void a_lost_board_is_a_fact(void **state)
{
    (void)state;
    start();
    board.silent = true;
    run(4000);
    assert_false(host.on[FACT_BOARD] || host.on[FACT_HEARTBEAT]);
    assert_string_equal(host.facts[FACT_HEARTBEAT], "the board has been silent for 3 s");
    assert_non_null(strstr(host.said, "W /dev/ttyX: lost: the board has been silent for 3 s\n"));
    assert_non_null(strstr(host.synced, "failed the board has been silent for 3 s\n"));
}

/* S6: each step is told, in percent, and what became of it. */
static void a_synchronisation_is_told(void **state)
{
    (void)state;
    start();
    host.synced[0] = '\0';
    host.driver->sync(host.self, &host.now);
    run(3000);
    assert_string_equal(host.synced, "10 hardware 2.1, reading back\nok read back, it held all\n");
    board.held.sensor[3].constant = 9;
    host.synced[0] = '\0';
    host.driver->sync(host.self, &host.now);
    run(4000);
    assert_string_equal(host.synced, "10 hardware 2.1, reading back\n40 it differs: 5 commands to write\n"
                                     "48 se 0300: echoed\n56 sm 030000: echoed\n64 sf 0301f4: echoed\n"
                                     "72 se 0301: echoed\n80 ct : echoed\n80 hardware 2.1, reading back\n"
                                     "ok 5 commands written, each echoed, and all read back\n");
}

static void what_the_hardware_cannot_do_is_said(void **state)
{
    (void)state;
    board.minor = 0;
    start();
    assert_non_null(strstr(host.said, "E water: its constant has decimals, which needs board hardware 2.1 or newer; "
                                      "this sensor stays off\n"));
    assert_non_null(strstr(host.synced, "unfit water: its constant has decimals"));
    host_apply(with("1"));
    run(4000);
    assert_string_equal(strrchr(host.synced, '\n') + 1, "");
    assert_non_null(strstr(host.synced, "ok "));
}

static void bytes_of_its_port_pass(void **state)
{
    (void)state;
    start();
    board.tail = "48656c6c6f";
    run(1500);
    assert_int_equal(host.n_uart, 5);
    assert_memory_equal(host.uart, "Hello", 5);
    assert_int_equal(number_of("board_uart_bytes_total"), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_polled_and_said, open_it, close_it),
        cmocka_unit_test_setup_teardown(readings_bear_the_second_of_their_poll, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_refused_counter_is_owed, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_counter_that_people_set_is_emitted, open_it, close_it),
        cmocka_unit_test_setup_teardown(the_impossible_is_said_once, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_lost_board_is_a_fact, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_synchronisation_is_told, open_it, close_it),
        cmocka_unit_test_setup_teardown(what_the_hardware_cannot_do_is_said, open_it, close_it),
        cmocka_unit_test_setup_teardown(bytes_of_its_port_pass, open_it, close_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
