#include "board_host.h"

#include "core/flx_frame.h"
#include "core/flx_msg.h"

#define SETTINGS                                                                                                       \
    "{\"device\":{\"id\":\"0123456789abcdef0123456789abcdef\"},"                                                       \
    "\"board\":{\"protocol\":\"flx\",\"device\":\"/dev/ttyX\",\"waveforms\":%s},"                                      \
    "\"ports\":[{\"port\":1,\"name\":\"main\",\"current\":%d,\"enable\":true},"                                        \
    "{\"port\":4,\"name\":\"water\",\"type\":\"water\",\"enable\":true}]}"

/* What the board heard, and whether it answers pings. */
static struct {
    struct flx_reader reader;
    bool silent, asks; /* asks: it pings for its configuration each second, whatever it gets */
    unsigned got[FLX_TYPES];
    uint8_t config[FLX_CONFIG_LENGTH];
    uint32_t stepped_to;
    uint8_t says[4096];
    size_t n_says;
} board;

static void says(enum flx_type type, const void *payload, size_t n)
{
    board.n_says += flx_frame_put(board.says + board.n_says, type, payload, n);
}

static void on_frame(void *ctx, uint8_t type, const uint8_t *payload, size_t n)
{
    uint32_t v = 0;

    (void)ctx;
    assert_true(type < FLX_TYPES);
    board.got[type]++;
    if (type == FLX_PING && !board.silent)
        says(FLX_PONG, payload, n);
    if (type == FLX_PORT_CONFIG) {
        assert_int_equal(n, sizeof board.config);
        memcpy(board.config, payload, n);
    }
    if (type == FLX_TIME_STEP && flx_msg_u32(payload, n, &v) == 0)
        board.stepped_to = v;
}

static void board_sends(const uint8_t *bytes, size_t n)
{
    flx_reader_bytes(&board.reader, bytes, n, on_frame, NULL);
}

static const char *with(const char *waveforms, int current)
{
    static char text[600];

    snprintf(text, sizeof text, SETTINGS, waveforms, current);
    return text;
}

static int open_it(void **state)
{
    (void)state;
    memset(&board, 0, sizeof board);
    flx_reader_init(&board.reader);
    host_open(&board_flx, with("false", 50));
    return 0;
}

static int close_it(void **state)
{
    (void)state;
    host_close();
    return 0;
}

/* What the board says arrives 5 ms later. */
static void run(int64_t ms)
{
    uint8_t bytes[sizeof board.says];

    for (int64_t end = host.now.mono_ms + ms; host.now.mono_ms < end;) {
        host_later();
        if (host.now.wall_ms % 1000 == 3 && board.asks)
            says(FLX_PING, "\0\0\0\0", 4);
        if (host.now.wall_ms % 5 || !board.n_says)
            continue;
        size_t n = board.n_says;
        memcpy(bytes, board.says, n);
        board.n_says = 0;
        host.driver->bytes(host.self, bytes, n, &host.now);
    }
}

static void start(void)
{
    host.driver->line_up(host.self, &host.now);
    host.driver->second(host.self, &host.now);
    run(3500);
}

static void put(uint8_t *p, uint32_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* CT data of clamp 1: P+ stands at counter Wh and shows watts; 230 V, 2 A. */
static void says_ct(uint32_t s, uint32_t counter, int32_t watts)
{
    uint8_t p[92] = {0};

    put(p, s, 4);
    put(p + 8, counter, 4);
    put(p + 32, 0x8000, 2); /* half a Wh more */
    put(p + 44, (uint32_t)watts * 2048, 4);
    put(p + 44 + 6 * 4, 230 * 2048, 4);
    put(p + 44 + 7 * 4, 2 * 2048, 4);
    says(FLX_CT, p, sizeof p);
}

static void says_pulse(uint32_t s, uint32_t counter, uint32_t milli)
{
    uint8_t p[18] = {0};

    put(p, s, 4);
    p[6] = 3;
    put(p + 12, counter, 4);
    put(p + 16, milli, 2);
    says(FLX_PULSE, p, sizeof p);
}

static uint32_t wall_s(void)
{
    return (uint32_t)(host.now.wall_ms / 1000);
}

static const struct reading *reading_of(size_t sensor, enum reading_kind kind)
{
    const struct sensor *s = sensors_find(&host.sensors, host.settings->sensors[sensor].id);

    for (size_t i = host.n_readings; i-- > 0;)
        if (s && host.readings[i].sensor == s->handle && host.readings[i].kind == kind)
            return &host.readings[i];
    return NULL;
}

static void it_runs_and_is_said(void **state)
{
    (void)state;
    start();
    assert_true(host.on[FACT_BOARD] && host.on[FACT_HEARTBEAT]);
    assert_string_equal(host.facts[FACT_BOARD], "FLX on /dev/ttyX");
    assert_non_null(strstr(host.said, "I sending its configuration\n"));
    assert_non_null(strstr(host.said, "I polling, FLX on /dev/ttyX\n"));
    assert_int_equal(board.got[FLX_PORT_CONFIG], 1);
    assert_int_equal(board.got[FLX_KUBE_CONTROL], 1);
    assert_int_equal(board.config[6], 1); /* port 1 is on */
    assert_int_equal(number_of("board_writes_total"), 1);
    assert_int_equal(number_of("board_pings_total"), board.got[FLX_PING]);
    assert_int_equal(number_of("board_pongs_total"), board.got[FLX_PING]);
    assert_int_equal(number_of("board_frames_total{type=\"pong\"}"), board.got[FLX_PING]);
    assert_int_equal(number_of("board_frames_total{type=\"other\"}"), 0);
    assert_int_equal(number_of("board_refused_total{why=\"check\"}"), 0);
    assert_int_equal(host.minor, -1); /* it tells none */
}

/* "of the second after the one measured: publish with seconds - 1" */
static void a_clamp_gives_twelve_sensors(void **state)
{
    (void)state;
    start();
    says_ct(wall_s(), 7, 460);
    run(10);
    assert_int_equal(host.n_readings, 18);
    assert_int_equal(reading_of(0, READING_GAUGE)->milli, 460000);
    assert_int_equal(reading_of(0, READING_COUNTER)->milli, 7500);
    assert_int_equal(reading_of(0, READING_COUNTER)->unix_s, wall_s() - 1);
    assert_int_equal(reading_of(6, READING_GAUGE)->milli, 230000);
    assert_null(reading_of(6, READING_COUNTER));
    assert_int_equal(number_of("board_frames_total{type=\"ct\"}"), 1);
}

/* pitfall 13 */
static void the_impossible_is_said_once_until_all_is_well(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 3; i++) {
        says_ct(wall_s(), 7, 999999);
        run(1000);
    }
    char *first = strstr(host.said, "W main pplus: 999999 is more than its clamp can measure");
    assert_non_null(first);
    assert_null(strstr(first + 30, "is more"));
    assert_int_equal(number_of("board_impossible_total"), 3);
    says_ct(wall_s(), 7, 460);
    run(1000);
    says_ct(wall_s(), 7, 999999);
    run(1000);
    assert_non_null(strstr(strstr(first, "is more") + 5, "is more"));
}

static void a_counter_that_is_set_anew_is_said(void **state)
{
    (void)state;
    start();
    for (uint32_t i = 0; i < 5; i++) {
        says_ct(wall_s(), i < 2 ? 5000 + i : i, 460);
        run(1000);
    }
    assert_int_equal(number_of("board_counter_resets_total"), 1);
    assert_non_null(strstr(host.said, "N main pplus: the board's counter was set to "));
    assert_in_range(reading_of(0, READING_COUNTER)->milli, 5001500, 5010000);
}

/* Two pulses in one second: the counter that the hub refused comes again, and the next pulse may be days away. */
static void a_refused_pulse_is_owed(void **state)
{
    (void)state;
    start();
    says_pulse(wall_s(), 10, 500);
    says_pulse(wall_s(), 11, 0);
    run(10);
    const struct sensor_settings *water = NULL;
    size_t at = 0;
    for (size_t i = 0; i < host.settings->n_sensors; i++)
        if (host.settings->sensors[i].enable && strcmp(host.settings->sensors[i].name, "water") == 0)
            water = &host.settings->sensors[at = i];
    assert_non_null(water);
    assert_int_equal(reading_of(at, READING_COUNTER)->milli, 10500);
    run(1000);
    assert_int_equal(reading_of(at, READING_COUNTER)->milli, 11000);
    assert_int_equal(reading_of(at, READING_COUNTER)->unix_s, wall_s());
    ledger_set(ledger_find(&host.ledger, water->id), 50000); /* people set it */
    ledger_find(&host.ledger, water->id)->owed = true;
    run(1000);
    assert_int_equal(reading_of(at, READING_COUNTER)->milli, 50000);
}

static void a_lost_board_is_a_fact(void **state)
{
    (void)state;
    start();
    board.silent = true;
    run(5000);
    assert_false(host.on[FACT_BOARD] || host.on[FACT_HEARTBEAT]);
    assert_true(host.facts[FACT_BOARD][0]);
    assert_non_null(strstr(host.said, "W /dev/ttyX: "));
    assert_non_null(strstr(host.synced, "failed "));
    assert_true(number_of("board_pongs_lost_total") >= 2);
    board.silent = false;
    run(3000);
    assert_true(host.on[FACT_BOARD] && host.on[FACT_HEARTBEAT]);
}

/* "Board: it has no port configuration and asks for one" */
static void a_board_that_asks_is_told(void **state)
{
    (void)state;
    start();
    says(FLX_PING, "\0\0\0\0", 4);
    run(3000);
    assert_int_equal(board.got[FLX_PORT_CONFIG], 2);
    assert_true(host.on[FACT_BOARD]);
    board.asks = true;
    run(20000);
    assert_false(host.on[FACT_BOARD]);
    assert_true(host.on[FACT_HEARTBEAT]); /* it answers, but keeps nothing */
    assert_non_null(strstr(host.synced, "failed "));
}

static void a_change_of_settings_is_sent(void **state)
{
    (void)state;
    start();
    assert_int_equal(board.config[4], 0); /* 50 A */
    host_apply(with("false", 500));
    run(3000);
    assert_int_equal(board.got[FLX_PORT_CONFIG], 2);
    assert_int_equal(board.config[4], 3); /* 500 A */
    host_apply(with("true", 500));        /* nothing of the board's */
    run(3000);
    assert_int_equal(board.got[FLX_PORT_CONFIG], 2);
}

/* S6 */
static void a_synchronisation_is_told(void **state)
{
    (void)state;
    start();
    host.synced[0] = '\0';
    host.driver->sync(host.self, &host.now);
    run(3000);
    assert_string_equal(host.synced, "50 its configuration is sent, to be answered\n"
                                     "ok its configuration was sent, and it asks for none\n");
    board.silent = true;
    run(100);
    host.synced[0] = '\0';
    host.driver->sync(host.self, &host.now);
    run(5000);
    assert_non_null(strstr(host.synced, "50 its configuration is sent, to be answered\nfailed "));
}

static void its_clock_is_set_by_the_host(void **state)
{
    (void)state;
    uint8_t stamp[4];
    start();
    uint32_t at = wall_s();
    put(stamp, wall_s() - 365 * 86400, 4);
    says(FLX_TIME_STAMP, stamp, sizeof stamp);
    run(1500);
    assert_int_equal(board.got[FLX_TIME_STEP], 1);
    assert_in_range(board.stepped_to, wall_s() - 1, wall_s());
    assert_int_equal(number_of("board_time_steps_total"), 1);
    assert_non_null(strstr(host.said, "I its clock is set: it was 31536000"));
    char line[80];
    snprintf(line, sizeof line, "flx/time [%u,%u]\n", at, at - 365 * 86400);
    char *space;
    while ((space = strstr(host.published, ", ")))
        memmove(space + 1, space + 2, strlen(space + 2) + 1);
    assert_string_equal(host.published, line);
    assert_int_equal(host.n_clock, 0);
}

/* It is set again and again; people read of it twice. */
static void a_clock_that_stays_wrong_is_told_once(void **state)
{
    (void)state;
    uint8_t stamp[4];
    int infos = 0, warnings = 0;

    start();
    for (int i = 0; i < 60; i++) {
        put(stamp, wall_s() - 3600, 4);
        says(FLX_TIME_STAMP, stamp, sizeof stamp);
        run(1000);
    }
    assert_in_range(board.got[FLX_TIME_STEP], 9, 13);
    for (const char *p = host.said; (p = strstr(p, "I its clock is set: it was 3600")); p++)
        infos++;
    for (const char *p = host.said; (p = strstr(p, "W its clock was set 2 times and is 3600")); p++)
        warnings++;
    assert_int_equal(infos, 1);
    assert_int_equal(warnings, 1);
}

/* Before NTP the board's clock is the better one. */
static void the_host_is_told_the_board_s_time(void **state)
{
    (void)state;
    host.now = (struct board_now){1000, 0, 5000, CLOCK_UNSET};
    start();
    says_ct(HOST_UNIX_S + 1, 7, 460);
    run(10);
    assert_int_equal(host.clock_s, HOST_UNIX_S + 1);
    assert_int_equal(reading_of(0, READING_COUNTER)->unix_s, HOST_UNIX_S);
    assert_int_equal(board.got[FLX_TIME_STEP], 0);
    run(2000);
    assert_in_range(host.ledger.now.unix_s, HOST_UNIX_S + 2, HOST_UNIX_S + 3); /* midnight comes by it too */
    assert_false(host.ledger.now.sure);
}

static void says_wave(enum flx_type type, uint8_t index)
{
    uint8_t p[140] = {0};

    put(p, wall_s(), 4);
    put(p + 4, 20, 2);
    p[6] = type == FLX_CURRENT ? index : 0;
    put(p + 12, (uint32_t)-325000, 4);
    says(type, p, sizeof p);
}

static void waveforms_are_published_where_they_are_wanted(void **state)
{
    (void)state;
    start();
    says_wave(FLX_VOLTAGE, 0);
    run(10);
    assert_int_equal(host.n_published, 0);
    host_apply(with("true", 50));
    says_wave(FLX_VOLTAGE, 0);
    says_wave(FLX_CURRENT, 2);
    run(10);
    assert_int_equal(host.n_published, 2);
    assert_non_null(strstr(host.published, "flx/voltage/1 [["));
    assert_non_null(strstr(host.published, "-325000"));
    assert_non_null(strstr(host.published, "flx/current/3 [["));
    host.deaf = true;
    says_wave(FLX_CURRENT, 0);
    run(10);
    assert_int_equal(number_of("board_messages_dropped_total"), 1);
    assert_int_equal(number_of("board_frames_total{type=\"current\"}"), 2);
}

static void garbage_is_counted_and_costs_nothing_else(void **state)
{
    (void)state;
    start();
    memcpy(board.says, "\xaa\xaa\x08\x02..xx noise", 14);
    board.n_says = 14;
    says_ct(wall_s(), 7, 460);
    run(200);
    assert_int_equal(host.n_readings, 18);
    assert_int_equal(number_of("board_refused_total{why=\"check\"}"), 1);
    assert_int_equal(number_of("board_skipped_bytes_total"), 14);
    says(FLX_CT, "short", 5);
    says(99, "", 0);
    run(200);
    assert_int_equal(number_of("board_refused_total{why=\"content\"}"), 1);
    assert_int_equal(number_of("board_frames_total{type=\"other\"}"), 1);
}

static void it_is_told_that_the_daemon_stops(void **state)
{
    (void)state;
    start();
    host.driver->stop(host.self, &host.now);
    assert_int_equal(board.got[FLX_EXIT], 1);
    host.driver->line_down(host.self, "", &host.now);
    assert_int_equal(host.driver->deadline(host.self), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_runs_and_is_said, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_clamp_gives_twelve_sensors, open_it, close_it),
        cmocka_unit_test_setup_teardown(the_impossible_is_said_once_until_all_is_well, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_counter_that_is_set_anew_is_said, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_refused_pulse_is_owed, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_lost_board_is_a_fact, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_board_that_asks_is_told, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_change_of_settings_is_sent, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_synchronisation_is_told, open_it, close_it),
        cmocka_unit_test_setup_teardown(its_clock_is_set_by_the_host, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_clock_that_stays_wrong_is_told_once, open_it, close_it),
        cmocka_unit_test_setup_teardown(the_host_is_told_the_board_s_time, open_it, close_it),
        cmocka_unit_test_setup_teardown(waveforms_are_published_where_they_are_wanted, open_it, close_it),
        cmocka_unit_test_setup_teardown(garbage_is_counted_and_costs_nothing_else, open_it, close_it),
        cmocka_unit_test_setup_teardown(it_is_told_that_the_daemon_stops, open_it, close_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
