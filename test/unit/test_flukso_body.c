#include "unit.h"

#include "core/flukso_body.h"
#include "core/jsonw.h"
#include "core/thinning.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static struct jsonw w;

static int setup(void **state)
{
    (void)state;
    jsonw_init(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    jsonw_free(&w);
    return 0;
}

/* What was written, as a text; the writer is empty again. */
static const char *written(void)
{
    jsonw_raw(&w, "", 1);
    w.len = 0;
    w.comma = false;
    return w.buf;
}

static void measurements_of_the_spec(void **state)
{
    static const struct thin_row rows[] = {{.unix_s = 1306184100, .value = 81236000},
                                           {.unix_s = 1306184160, .value = 81241000}};

    (void)state;
    flukso_body_measurements(&w, rows, 2);
    assert_string_equal(written(), "{\"measurements\":[[1306184100,81236],[1306184160,81241]]}");
    flukso_body_measurements(&w, rows, 1);
    assert_string_equal(written(), "{\"measurements\":[[1306184100,81236]]}");
}

/* The server refuses a float: half a litre is not there yet. */
static void counters_are_whole_units(void **state)
{
    static const struct thin_row rows[] = {{1, 999, 0, 0}, {2, 1000, 0, 0}, {3, 1999, 0, 0}, {4, -1, 0, 0}};
    static const struct thin_row widest[] = {{INT64_MAX, INT64_MAX, 0, 0}, {INT64_MIN, INT64_MIN, 0, 0}};

    (void)state;
    flukso_body_measurements(&w, rows, 4);
    assert_string_equal(written(), "{\"measurements\":[[1,0],[2,1],[3,1],[4,-1]]}");
    flukso_body_measurements(&w, widest, 2);
    assert_string_equal(written(), "{\"measurements\":[[9223372036854775807,9223372036854775],"
                                   "[-9223372036854775808,-9223372036854776]]}");
}

static void many_rows_are_all_there(void **state)
{
    enum { N = 20000 };
    struct thin_row *rows = calloc(N, sizeof *rows);

    (void)state;
    for (int i = 0; i < N; i++)
        rows[i] = (struct thin_row){.unix_s = 1700000000 + i, .value = (int64_t)i * 1000};
    flukso_body_measurements(&w, rows, N);
    cJSON *tree = cJSON_Parse(written());
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, "measurements"), *row;
    int n = 0;
    cJSON_ArrayForEach(row, list)
    {
        assert_true(row->child->valuedouble == 1700000000.0 + n);
        assert_true(row->child->next->valuedouble == n);
        n++;
    }
    assert_int_equal(n, N);
    cJSON_Delete(tree);
    free(rows);
}

static void config_has_what_applies(void **state)
{
    char name[] = "main \"A\"";
    struct sensor_settings s = {.name = name,
                                .class = SENSOR_ANALOG,
                                .ports = {1},
                                .n_ports = 1,
                                .voltage = {230},
                                .current = {50},
                                .enable = true};

    (void)state;
    flukso_body_config(&w, &s, name, PHASE_1P);
    assert_string_equal(written(), "{\"config\":{\"class\":\"analog\",\"type\":\"electricity\",\"function\":"
                                   "\"main \\\"A\\\"\",\"voltage\":230,\"current\":50,\"phase\":1,\"enable\":1}}");
    s = (struct sensor_settings){.name = name,
                                 .class = SENSOR_PULSE,
                                 .type = SENSOR_GAS,
                                 .ports = {4},
                                 .n_ports = 1,
                                 .constant_milli = 10500,
                                 .enable = true};
    flukso_body_config(&w, &s, name, PHASE_3P);
    assert_string_equal(written(), "{\"config\":{\"class\":\"pulse\",\"type\":\"gas\",\"function\":\"main \\\"A\\\"\","
                                   "\"constant\":10.5,\"enable\":1}}");
    s.class = SENSOR_UART;
    s.type = SENSOR_OTHER;
    s.enable = false;
    flukso_body_config(&w, &s, name, PHASE_1P);
    assert_string_equal(
        written(), "{\"config\":{\"class\":\"uart\",\"type\":\"other\",\"function\":\"main \\\"A\\\"\",\"enable\":0}}");
}

/* Of an FLX board: no phase, no voltage; the server knows a clamp's two directions by their subtype. */
static void config_of_a_clamp_and_a_pair(void **state)
{
    struct sensor_settings s = {.class = SENSOR_CT,
                                .ports = {2},
                                .n_ports = 1,
                                .current = {100},
                                .enable = true,
                                .made = MADE_PORT,
                                .number = 14,
                                .subtype = SUBTYPE_PMINUS};

    (void)state;
    flukso_body_config(&w, &s, "port 2 pminus", PHASE_1P);
    assert_string_equal(written(), "{\"config\":{\"class\":\"ct\",\"type\":\"electricity\",\"subtype\":\"pminus\","
                                   "\"function\":\"port 2 pminus\",\"current\":100,\"enable\":1}}");
    s = (struct sensor_settings){
        .class = SENSOR_DERIVED, .enable = true, .made = MADE_DERIVE, .number = 101, .subtype = SUBTYPE_PPLUS};
    flukso_body_config(&w, &s, "grid import", PHASE_3PN);
    assert_string_equal(written(), "{\"config\":{\"class\":\"derived\",\"type\":\"electricity\",\"subtype\":\"pplus\","
                                   "\"function\":\"grid import\",\"enable\":1}}");
    s = (struct sensor_settings){
        .class = SENSOR_LINE, .type = SENSOR_GAS, .enable = true, .made = MADE_LINE, .number = 201};
    flukso_body_config(&w, &s, "meter gas", PHASE_1P); /* the server knows it as what came by the serial port */
    assert_string_equal(written(), "{\"config\":{\"class\":\"uart\",\"type\":\"gas\",\"function\":\"meter gas\","
                                   "\"enable\":1}}");
}

static void phase_is_where_the_spec_has_it(void **state)
{
    static const struct {
        enum sensor_class class;
        enum phase phase;
        int number;
        const char *wanted;
    } cases[] = {
        {SENSOR_ANALOG, PHASE_1P, 1, "\"phase\":1"},
        {SENSOR_ANALOG, PHASE_1P, 3, "\"phase\":1"},
        {SENSOR_ANALOG, PHASE_3PN, 1, "\"phase\":3"},
        {SENSOR_ANALOG, PHASE_3P, 1, "\"phase\":3"},
        {SENSOR_ANALOG, PHASE_3P, 2, NULL},
        {SENSOR_PULSE, PHASE_1P, 1, NULL},
        {SENSOR_PULSE, PHASE_3P, 1, NULL},
        {SENSOR_UART, PHASE_1P, 1, NULL},
    };
    char name[] = "x";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sensor_settings s = {
            .name = name, .class = cases[i].class, .ports = {cases[i].number}, .n_ports = 1, .enable = true};
        flukso_body_config(&w, &s, name, cases[i].phase);
        const char *text = written();
        assert_int_equal(!!strstr(text, "phase"), !!cases[i].wanted);
        assert_true(!cases[i].wanted || strstr(text, cases[i].wanted));
    }
}

static void heartbeat_of_the_spec(void **state)
{
    struct flukso_heartbeat h = {.version = 210,
                                 .reset = true,
                                 .unix_s = 1306184100,
                                 .uptime_s = 17394,
                                 .mem_total = 13572,
                                 .mem_free = 812,
                                 .mem_cached = 3280,
                                 .mem_buffers = 1076,
                                 .ip = "192.168.1.20",
                                 .port = "8080"};

    (void)state;
    flukso_body_heartbeat(&w, &h);
    assert_string_equal(written(), "{\"version\":210,\"reset\":1,\"time\":1306184100,\"uptime\":17394,"
                                   "\"memtotal\":13572,\"memfree\":812,\"memcached\":3280,\"membuffers\":1076,"
                                   "\"ip\":\"192.168.1.20\",\"port\":\"8080\"}");
    h = (struct flukso_heartbeat){0};
    flukso_body_heartbeat(&w, &h);
    assert_string_equal(written(), "{\"version\":0,\"reset\":0,\"time\":0,\"uptime\":0,\"memtotal\":0,\"memfree\":0,"
                                   "\"memcached\":0,\"membuffers\":0}");
}

static int reply(const char *text, int64_t *upgrade, int64_t *timestamp)
{
    return flukso_reply_heartbeat(text, strlen(text), upgrade, timestamp);
}

static void the_heartbeats_answer(void **state)
{
    int64_t upgrade = -1, timestamp = -1;

    (void)state;
    assert_int_equal(reply("{\"upgrade\":210,\"timestamp\":1306184101}", &upgrade, &timestamp), 0);
    assert_int_equal(upgrade, 210);
    assert_int_equal(timestamp, 1306184101);
    assert_int_equal(reply(" {\"timestamp\":1.306184102e9, \"new\":[{}]}\n", &upgrade, &timestamp), 0);
    assert_int_equal(upgrade, 0);
    assert_int_equal(timestamp, 1306184102);
    assert_int_equal(reply("{\"upgrade\":null,\"timestamp\":1}", &upgrade, &timestamp), 0);
}

static void a_broken_answer_changes_nothing(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "[1306184101]",
        "{}",
        "{\"timestamp\":1306184101",
        "{\"upgrade\":210}",
        "{\"upgrade\":210,\"timestamp\":\"1306184101\"}",
        "{\"upgrade\":\"210\",\"timestamp\":1306184101}",
        "{\"upgrade\":-1,\"timestamp\":1306184101}",
        "{\"upgrade\":2.5,\"timestamp\":1306184101}",
        "{\"upgrade\":210,\"timestamp\":1306184101.5}",
        "{\"upgrade\":210,\"timestamp\":0}",
        "{\"upgrade\":210,\"timestamp\":-5}",
        "{\"upgrade\":210,\"timestamp\":1e300}",
        "{\"upgrade\":210,\"timestamp\":1e999}",
        "{\"upgrade\":210,\"timestamp\":NaN}",
        "{\"Timestamp\":1306184101}",
        "<html>",
        "\xff\xfe",
    };
    int64_t upgrade = 7, timestamp = 8;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(reply(bad[i], &upgrade, &timestamp), -1);
    assert_int_equal(flukso_reply_heartbeat(NULL, 0, &upgrade, &timestamp), -1);
    assert_int_equal(upgrade, 7);
    assert_int_equal(timestamp, 8);
}

static void releases_as_numbers(void **state)
{
    static const struct {
        const char *release;
        int number;
    } cases[] = {
        {"0.1.0", 100},
        {"0.2.10", 210},
        {"2.1.0", 20100},
        {"99.99.99", 999999},
        {"0.1.0-rc1", 100},
        {"1.2.3.4", 10203},
        {"", 0},
        {"0.1", 0},
        {"0.1.", 0},
        {"a.1.0", 0},
        {"0..1", 0},
        {"-1.2.3", 0},
        {"0.100.0", 0},
        {"1.2.100", 0},
        {"0,1,0", 0},
        {" 0.1.0", 0},
        {"99999999999.1.0", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(flukso_version_number(cases[i].release), cases[i].number);
    assert_true(flukso_version_number(FLUKSOD_VERSION) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(measurements_of_the_spec, setup, teardown),
        cmocka_unit_test_setup_teardown(counters_are_whole_units, setup, teardown),
        cmocka_unit_test_setup_teardown(many_rows_are_all_there, setup, teardown),
        cmocka_unit_test_setup_teardown(config_has_what_applies, setup, teardown),
        cmocka_unit_test_setup_teardown(config_of_a_clamp_and_a_pair, setup, teardown),
        cmocka_unit_test_setup_teardown(phase_is_where_the_spec_has_it, setup, teardown),
        cmocka_unit_test_setup_teardown(heartbeat_of_the_spec, setup, teardown),
        cmocka_unit_test(the_heartbeats_answer),
        cmocka_unit_test(a_broken_answer_changes_nothing),
        cmocka_unit_test(releases_as_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
