#include "unit.h"

#include "core/clock.h"
#include "core/facts.h"
#include "core/hub.h"
#include "core/jsonw.h"
#include "core/ledger.h"
#include "core/metrics_body.h"
#include "core/sensors.h"
#include "core/settings.h"
#include "core/stats.h"
#include "core/status_body.h"
#include "core/status_view.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 10000

static struct sensors sensors;
static struct facts facts;
static struct clock clk;
static struct stats stats;
static struct ledger ledger;
static struct settings settings;
static struct status_view view;
static const struct status_library libraries[] = {{"libuv", "1.2.3"}, {"libother", NULL}};

static void numbers(void *module, stat_emit emit, void *ctx)
{
    (void)module;
    emit(ctx, &(struct stat_value){"dropped_total", "why=\"full\"", STAT_COUNTER, 3, "Dropped."});
    emit(ctx, &(struct stat_value){"dropped_total", "why=\"old\"", STAT_COUNTER, 4, "Dropped."});
    emit(ctx, &(struct stat_value){"lag_ms", NULL, STAT_GAUGE, -5, "Lag."});
}

/* n sensors, ids counting from 1 */
static void make_sensors(unsigned n, const char *name)
{
    static char ids[MANY][SENSOR_ID_LEN + 1];
    static struct sensor_def defs[MANY];

    for (unsigned i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "%032x", i + 1);
        defs[i] = (struct sensor_def){.id = ids[i], .name = name, .number = i + 1, .unit = {"W", "Wh"}};
    }
    sensors_set(&sensors, defs, n);
}

static void give(unsigned slot, enum reading_kind kind, int64_t milli, int64_t mono_ms, int64_t unix_s)
{
    sensors.slots[slot].latest[kind] = (struct sensor_latest){.milli = milli, .mono_ms = mono_ms, .unix_s = unix_s};
}

static int setup(void **state)
{
    static char id[] = "device", host[] = "localhost", key[] = "SECRET", dev[] = "/dev/ttyS1";

    (void)state;
    sensors_init(&sensors);
    facts_init(&facts, 1000);
    facts_set(&facts, FACT_BOARD, true, "hardware 2.1", 3000);
    clock_init(&clk);
    clock_look(&clk, 2000000000000, 61000);
    memset(&stats, 0, sizeof stats);
    ledger_init(&ledger);
    stats_add(&stats, numbers, NULL);
    settings = (struct settings){.generation = 2, .board = {.protocol = BOARD_FLM02, .device = dev, .baud = 115200}};
    settings.device.id = id;
    settings.device.key = settings.mqtt.username = key;
    settings.mqtt.host = host;
    settings.mqtt.port = 1883;
    view = (struct status_view){.version = "9.9",
                                .libraries = libraries,
                                .n_libraries = 2,
                                .settings = &settings,
                                .sensors = &sensors,
                                .ledger = &ledger,
                                .facts = &facts,
                                .clock = &clk,
                                .stats = &stats,
                                .started_ms = 1000,
                                .mono_ms = 61500,
                                .unix_s = 2000000000};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sensors_fini(&sensors);
    ledger_fini(&ledger);
    return 0;
}

typedef void (*between)(unsigned piece);

/* The whole body as one terminated text; no piece may be empty or long. */
static char *body(bool metrics, between cb)
{
    struct status_body s = {.cursor = 0};
    struct metrics_body m = {.cursor = 0};
    struct jsonw w;
    size_t before = 0;

    jsonw_init(&w);
    for (unsigned i = 0; metrics ? metrics_body_more(&m, &view, &w) : status_body_more(&s, &view, &w); i++) {
        assert_true(w.len > before);
        assert_true(w.len - before < STATUS_PIECE_SENSORS * 512);
        before = w.len;
        if (cb)
            cb(i);
    }
    jsonw_raw(&w, "", 1);
    return w.buf;
}

static void status_says_it_all(void **state)
{
    (void)state;
    make_sensors(2, "ma\"in");
    give(0, READING_GAUGE, 103500, 61000, 1999999999);
    give(0, READING_COUNTER, 7000, 61000, 0);
    char *text = body(false, NULL);
    assert_string_equal(
        text, "{\"version\":\"9.9\",\"libraries\":{\"libuv\":\"1.2.3\",\"libother\":null},\"uptime_s\":60.5,"
              "\"clock\":{\"state\":\"local\",\"unix_s\":2000000000,\"steps\":0,\"last_step_s\":0,"
              "\"kernel_synced\":false,\"ahead_of_server_s\":null},"
              "\"device\":{\"id\":\"device\",\"name\":null,\"serial\":null},\"settings_generation\":2,"
              "\"board\":{\"protocol\":\"flm02\",\"device\":\"/dev/ttyS1\",\"baud\":115200,\"phase\":\"1p\"},"
              "\"broker\":{\"host\":\"localhost\",\"port\":1883,\"tls\":false},"
              "\"facts\":{\"board\":{\"on\":true,\"since\":1999999942,\"for_s\":58.5,\"pulses\":0,\"reason\":"
              "\"hardware 2.1\"},"
              "\"heartbeat\":{\"on\":false,\"since\":1999999940,\"for_s\":60.5,\"pulses\":0,\"reason\":\"\"},"
              "\"broker\":{\"on\":false,\"since\":1999999940,\"for_s\":60.5,\"pulses\":0,\"reason\":\"\"},"
              "\"settings\":{\"on\":false,\"since\":1999999940,\"for_s\":60.5,\"pulses\":0,\"reason\":\"\"},"
              "\"server\":{\"on\":false,\"since\":1999999940,\"for_s\":60.5,\"pulses\":0,\"reason\":\"\"}},"
              "\"numbers\":{\"dropped_total{why=\\\"full\\\"}\":3,\"dropped_total{why=\\\"old\\\"}\":4,\"lag_ms\":-"
              "5},"
              "\"sensors\":[{\"id\":\"00000000000000000000000000000001\",\"name\":\"ma\\\"in\",\"number\":1,"
              "\"class\":\"analog\",\"type\":\"electricity\","
              "\"gauge\":{\"value\":103.5,\"unit\":\"W\",\"unix_s\":1999999999,\"age_s\":0.5},"
              "\"counter\":{\"value\":7,\"unit\":\"Wh\",\"unix_s\":null,\"age_s\":0.5}},"
              "{\"id\":\"00000000000000000000000000000002\",\"name\":\"ma\\\"in\",\"number\":2,"
              "\"class\":\"analog\",\"type\":\"electricity\",\"gauge\":null,\"counter\":null}]}\n");
    assert_null(strstr(text, "SECRET")); /* pitfall 23 */
    free(text);
}

static void metrics_in_prometheus_format(void **state)
{
    (void)state;
    make_sensors(2, "a\"b\\c\nd\xc3\xa9");
    give(1, READING_GAUGE, -1500, 61000, 1);
    char *text = body(true, NULL);
    assert_string_equal(text, "# HELP fluksod_build_info The program's version.\n"
                              "# TYPE fluksod_build_info gauge\n"
                              "fluksod_build_info{version=\"9.9\"} 1\n"
                              "# HELP fluksod_uptime_seconds Time since the start of the program.\n"
                              "# TYPE fluksod_uptime_seconds gauge\n"
                              "fluksod_uptime_seconds 60\n"
                              "# HELP fluksod_fact 1 while the fact holds; the status says why not.\n"
                              "# TYPE fluksod_fact gauge\n"
                              "fluksod_fact{fact=\"board\"} 1\n"
                              "fluksod_fact{fact=\"heartbeat\"} 0\n"
                              "fluksod_fact{fact=\"broker\"} 0\n"
                              "fluksod_fact{fact=\"settings\"} 0\n"
                              "fluksod_fact{fact=\"server\"} 0\n"
                              "# HELP fluksod_dropped_total Dropped.\n"
                              "# TYPE fluksod_dropped_total counter\n"
                              "fluksod_dropped_total{why=\"full\"} 3\n"
                              "fluksod_dropped_total{why=\"old\"} 4\n"
                              "# HELP fluksod_lag_ms Lag.\n"
                              "# TYPE fluksod_lag_ms gauge\n"
                              "fluksod_lag_ms -5\n"
                              "# HELP fluksod_sensor_value The sensor's newest reading.\n"
                              "# TYPE fluksod_sensor_value gauge\n"
                              "fluksod_sensor_value{sensor=\"00000000000000000000000000000002\","
                              "name=\"a\\\"b\\\\c\\nd\xc3\xa9\",kind=\"gauge\",unit=\"W\"} -1.5\n"
                              "# HELP fluksod_sensor_age_seconds Time since the sensor's newest reading.\n"
                              "# TYPE fluksod_sensor_age_seconds gauge\n"
                              "fluksod_sensor_age_seconds{sensor=\"00000000000000000000000000000002\","
                              "name=\"a\\\"b\\\\c\\nd\xc3\xa9\",kind=\"gauge\"} 0.5\n");
    free(text);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;

    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

/* Two families of MANY numbers, a hundred a piece. */
static bool many_more(void *module, size_t *cursor, stat_emit emit, void *ctx)
{
    static const char *const names[] = {"polls_total", "up"};
    char labels[32];

    assert_ptr_equal(module, &stats);
    if (*cursor == 2 * MANY)
        return false;
    for (size_t end = *cursor + 100; *cursor < end; ++*cursor) {
        snprintf(labels, sizeof labels, "meter=\"%zu\"", *cursor % MANY);
        emit(ctx, &(struct stat_value){names[*cursor / MANY], labels, STAT_COUNTER, 1, "Help."});
    }
    return true;
}

/* One head for each family, however many pieces it takes; and the sensors behind them. */
static void numbers_by_the_thousand(void **state)
{
    (void)state;
    make_sensors(1, "x");
    give(0, READING_GAUGE, 5, 1, 1);
    stats.more = many_more;
    stats.more_module = &stats;
    char *text = body(true, NULL);
    assert_int_equal(count(text, "# TYPE fluksod_polls_total counter\n"), 1);
    assert_int_equal(count(text, "# TYPE fluksod_up counter\n"), 1);
    assert_int_equal(count(text, "\nfluksod_polls_total{meter=\""), MANY);
    assert_int_equal(count(text, "\nfluksod_up{meter=\""), MANY);
    assert_non_null(strstr(text, "fluksod_up{meter=\"9999\"} 1\n# HELP fluksod_sensor_value "));
    free(text);
}

static void section_top(void *self, struct jsonw *w)
{
    jsonw_str(w, "self", self);
}

static void section_sensor(void *self, const struct sensor *s, struct jsonw *w)
{
    (void)self;
    jsonw_int(w, "twice", 2 * s->number);
}

static void services_add_sections(void **state)
{
    static char name[] = "me";
    static const struct status_sections sections = {.v = {{"both", section_top, section_sensor, name},
                                                          {"top", section_top, NULL, name},
                                                          {"each", NULL, section_sensor, NULL}},
                                                    .n = 3};

    (void)state;
    make_sensors(2, "x");
    view.sections = &sections;
    char *text = body(false, NULL);
    assert_non_null(strstr(text, ",\"both\":{\"self\":\"me\"},\"top\":{\"self\":\"me\"},\"numbers\""));
    assert_non_null(strstr(text, "\"counter\":null,\"both\":{\"twice\":2},\"each\":{\"twice\":2}}"));
    assert_non_null(strstr(text, "\"counter\":null,\"both\":{\"twice\":4},\"each\":{\"twice\":4}}]"));
    free(text);
}

static void the_clock_and_the_server(void **state)
{
    (void)state;
    clock_kernel(&clk, true);
    clock_server(&clk, 2000000007, 2000000000);
    facts_pulse(&facts, FACT_SERVER, "https://s/", 61000);
    char *text = body(false, NULL);
    assert_non_null(strstr(text, "\"clock\":{\"state\":\"synced\","));
    assert_non_null(strstr(text, "\"kernel_synced\":true,\"ahead_of_server_s\":-7}"));
    assert_non_null(strstr(text, "\"server\":{\"on\":true,\"since\":2000000000,\"for_s\":0.5,\"pulses\":1,"
                                 "\"reason\":\"https://s/\"}"));
    free(text);
}

static void ten_thousand_in_pieces(void **state)
{
    (void)state;
    make_sensors(MANY, "x");
    for (unsigned i = 0; i < MANY; i += 1000) /* long stretches of metrics have nothing to say */
        give(i, READING_GAUGE, i, 1, 1);
    char *text = body(false, NULL);
    cJSON *json = cJSON_Parse(text);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "sensors")), MANY);
    cJSON_Delete(json);
    free(text);
    text = body(true, NULL);
    assert_int_equal(count(text, "\nfluksod_sensor_value{"), 10);
    assert_int_equal(count(text, "\nfluksod_sensor_age_seconds{"), 10);
    free(text);
}

static void change_table(unsigned piece)
{
    static const unsigned sizes[] = {MANY, 100, 0, MANY, 1, 5000};

    make_sensors(sizes[piece % 6], "y");
}

static int shown(void)
{
    char *text = body(false, NULL);
    cJSON *tree = cJSON_Parse(text);
    int n = cJSON_GetArraySize(cJSON_GetObjectItem(tree, "sensors"));

    assert_non_null(tree);
    cJSON_Delete(tree);
    free(text);
    return n;
}

/* Of a line what its meter ever told, and no piece is empty because of the others. */
static void what_a_line_never_told(void **state)
{
    char id[SENSOR_ID_LEN + 1];

    (void)state;
    make_sensors(4 * STATUS_PIECE_SENSORS, "meter");
    for (size_t i = 0; i < sensors.n_slots; i++)
        sensors.slots[i].class = SENSOR_LINE;
    assert_int_equal(shown(), 0);
    give(STATUS_PIECE_SENSORS + 5, READING_GAUGE, 1, 1000, 0);
    snprintf(id, sizeof id, "%032x", 3 * STATUS_PIECE_SENSORS);
    ledger_open(&ledger, id, "line/p1:gas");
    assert_int_equal(shown(), 1);
    ledger_find(&ledger, id)->meter.known = true;
    assert_int_equal(shown(), 2);
}

static void the_table_may_change_between_pieces(void **state)
{
    (void)state;
    make_sensors(1000, "x");
    char *text = body(false, change_table);
    cJSON *json = cJSON_Parse(text);
    assert_non_null(json);
    cJSON_Delete(json);
    free(text);
    make_sensors(1000, "x");
    free(body(true, change_table));
}

static void an_unset_clock_shows_null(void **state)
{
    (void)state;
    view.unix_s = 0;
    char *text = body(false, NULL);
    assert_non_null(strstr(text, "\"unix_s\":null"));
    assert_non_null(strstr(text, "\"since\":null"));
    assert_non_null(strstr(text, "\"sensors\":[]}\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(status_says_it_all, setup, teardown),
        cmocka_unit_test_setup_teardown(services_add_sections, setup, teardown),
        cmocka_unit_test_setup_teardown(the_clock_and_the_server, setup, teardown),
        cmocka_unit_test_setup_teardown(metrics_in_prometheus_format, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_by_the_thousand, setup, teardown),
        cmocka_unit_test_setup_teardown(ten_thousand_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_line_never_told, setup, teardown),
        cmocka_unit_test_setup_teardown(the_table_may_change_between_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unset_clock_shows_null, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
