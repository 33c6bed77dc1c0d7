/* /api/v1/sensors: what it says of a sensor, and that it comes in pieces. */
#include "unit.h"

#include "core/jsonw.h"
#include "core/ledger_marks.h"
#include "core/sensor_body.h"
#include "core/settings.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY     1000
#define MIDNIGHT 1795478400 /* 2026-11-24 00:00 UTC */

static char ids[MANY][SENSOR_ID_LEN + 1];
static struct sensor_settings list[MANY];
static struct settings settings = {.sensors = list};
static struct sensors sensors;
static struct ledger ledger;
static const struct sensor_body_view view = {.settings = &settings, .sensors = &sensors, .ledger = &ledger};

static int setup(void **state)
{
    static char name[] = "main \"1\"";

    (void)state;
    setenv("TZ", "UTC", 1);
    for (int i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof ids[i], "%032x", i + 1);
        list[i] = (struct sensor_settings){.id = ids[i], .name = name, .ports = {i + 1}, .n_ports = 1, .enable = true};
    }
    settings.n_sensors = 3;
    sensors_init(&sensors);
    ledger_init(&ledger);
    ledger.now.started_ms = 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sensors_fini(&sensors);
    ledger_fini(&ledger);
    return 0;
}

static void at(int64_t unix_s)
{
    ledger_clock(&ledger, unix_s, 100000000 + (unix_s ? unix_s - MIDNIGHT : 0) * 1000, true);
}

/* A reading, as the hub and the keeper take it. */
static void feed(int i, int64_t milli)
{
    struct ledger_entry *e = ledger_open(&ledger, ids[i], "flm02:1");
    struct sensor *s = sensors_find(&sensors, ids[i]);

    e->meter.known = true;
    e->meter.raw = milli;
    s->latest[READING_COUNTER] =
        (struct sensor_latest){.milli = milli, .mono_ms = ledger.now.mono_ms, .unix_s = ledger.now.unix_s};
    ledger_marks_feed(e, milli);
}

static cJSON *one(int i)
{
    struct jsonw w;
    cJSON *tree;

    jsonw_init(&w);
    sensor_body_one(&w, &view, &list[i]);
    tree = cJSON_ParseWithLength(w.buf, w.len);
    assert_non_null(tree);
    jsonw_free(&w);
    return tree;
}

static void assert_json(int i, const char *member, const char *expect)
{
    cJSON *tree = one(i);
    char *text = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(tree, member));

    if (expect)
        assert_string_equal(text, expect);
    else
        assert_null(text);
    cJSON_free(text);
    cJSON_Delete(tree);
}

static void what_the_settings_say(void **state)
{
    (void)state;
    list[1] = (struct sensor_settings){.id = ids[1],
                                       .class = SENSOR_PULSE,
                                       .type = SENSOR_GAS,
                                       .ports = {4, 5},
                                       .n_ports = 2,
                                       .report = true,
                                       .rid = 3};
    list[2].type = SENSOR_HEAT;
    settings_set_sensors(&settings, &sensors);
    assert_json(0, "name", "\"main \\\"1\\\"\"");
    assert_json(0, "unit", "{\"gauge\":\"W\",\"counter\":\"Wh\"}");
    assert_json(0, "rid", "0");
    assert_json(1, "id", "\"00000000000000000000000000000002\"");
    assert_json(1, "number", "4");
    assert_json(1, "name", "null");
    assert_json(1, "class", "\"pulse\"");
    assert_json(1, "type", "\"gas\"");
    assert_json(1, "ports", "[4,5]");
    assert_json(1, "enable", "false");
    assert_json(1, "report", "true");
    assert_json(1, "rid", "3");
    assert_json(1, "unit", "{\"gauge\":\"L/day\",\"counter\":\"L\"}");
    assert_json(2, "unit", "{\"gauge\":null,\"counter\":null}");
}

static void one_that_is_off(void **state)
{
    (void)state;
    settings_set_sensors(&settings, &sensors);
    at(MIDNIGHT);
    feed(0, 5000);
    list[0].enable = false;
    settings_set_sensors(&settings, &sensors);
    assert_json(0, "gauge", "null");
    assert_json(0, "counter", "null");
    assert_json(0, "today", "null");
    assert_json(0, "today_reason", "\"the sensor is switched off\"");
    assert_json(0, "month_reason", "\"the sensor is switched off\"");
}

static void values_and_sums(void **state)
{
    (void)state;
    settings_set_sensors(&settings, &sensors);
    at(MIDNIGHT - 10);
    assert_json(0, "gauge", "null");
    assert_json(0, "counter", "null");
    assert_json(0, "today_reason", "\"the sensor came later than midnight\"");
    feed(0, 5000);
    assert_json(0, "counter", "{\"value\":5,\"time_s\":1795478390}");
    at(MIDNIGHT);
    feed(0, 5500);
    at(MIDNIGHT + 60);
    feed(0, 7250);
    sensors_find(&sensors, ids[0])->latest[READING_GAUGE] = (struct sensor_latest){.milli = -103500, .mono_ms = 1};
    assert_json(0, "gauge", "{\"value\":-103.5,\"time_s\":null}");
    assert_json(0, "counter", "{\"value\":7.25,\"time_s\":1795478460}");
    assert_json(0, "today", "{\"value\":1.75,\"unit\":\"Wh\",\"since_s\":1795478400}");
    assert_json(0, "today_reason", NULL);
    assert_json(0, "month", "null");
    assert_json(0, "month_reason", "\"the sensor came later than the month began\"");
    at(0);
    assert_json(0, "today_reason", "\"the clock is not set\"");
    assert_json(0, "month_reason", "\"the clock is not set\"");
}

/* The counter is what is published from now on, also before it is emitted; today does not jump. */
static void a_counter_that_was_set(void **state)
{
    (void)state;
    settings_set_sensors(&settings, &sensors);
    at(MIDNIGHT);
    feed(0, 5000);
    at(MIDNIGHT + 60);
    feed(0, 7000);
    ledger_set(ledger_find(&ledger, ids[0]), 90000);
    assert_json(0, "counter", "{\"value\":90,\"time_s\":1795478460}");
    assert_json(0, "today", "{\"value\":2,\"unit\":\"Wh\",\"since_s\":1795478400}");
}

/* After a start, before the first reading. */
static void a_counter_that_is_restored(void **state)
{
    const struct ledger_saved counter = {.id = "00000000000000000000000000000001", .raw = 7000, .known = true};
    const struct ledger_marks marks = {.id = "00000000000000000000000000000001",
                                       .v = {{.at_s = MIDNIGHT, .milli = 4000}, {.missed_s = 5, .why = MARKS_OFF}}};

    (void)state;
    settings_set_sensors(&settings, &sensors);
    ledger_restore(&ledger, &counter, 1, 0);
    ledger_marks_restore(&ledger, &marks);
    at(MIDNIGHT + 60);
    assert_json(0, "counter", "{\"value\":7,\"time_s\":null}");
    assert_json(0, "today", "{\"value\":3,\"unit\":\"Wh\",\"since_s\":1795478400}");
}

static void all_come_in_pieces(void **state)
{
    static const size_t numbers[] = {0, 1, SENSOR_BODY_PIECE, SENSOR_BODY_PIECE + 1, MANY};

    (void)state;
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
        struct sensor_body b = {0};
        struct jsonw w;
        size_t pieces = 0, before = 0;
        settings.n_sensors = numbers[k];
        settings_set_sensors(&settings, &sensors);
        jsonw_init(&w);
        for (; sensor_body_more(&b, &view, &w); before = b.next, pieces++)
            assert_true(b.next - before <= SENSOR_BODY_PIECE);
        assert_true(pieces <= numbers[k] / SENSOR_BODY_PIECE + 1);
        cJSON *tree = cJSON_ParseWithLength(w.buf, w.len);
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "sensors")), numbers[k]);
        cJSON_Delete(tree);
        jsonw_free(&w);
    }
}

static int length_of(const cJSON *tree)
{
    return cJSON_GetArraySize(cJSON_GetObjectItem(tree, "sensors"));
}

/* All of them, a piece after another. None but the last is empty: who sends them takes that for the end. */
static cJSON *list_of(bool all)
{
    struct sensor_body b = {.all = all};
    struct jsonw w;

    jsonw_init(&w);
    for (size_t before = 0; sensor_body_more(&b, &view, &w); before = w.len)
        assert_true(w.len > before);
    cJSON *tree = cJSON_ParseWithLength(w.buf, w.len);
    assert_non_null(tree);
    jsonw_free(&w);
    return tree;
}

/* Of a line only what its meter ever told is there: by a reading of this run, or by a counter of an earlier one. */
static void what_a_line_never_told(void **state)
{
    static char key[] = "p1";
    struct line_settings line = {.key = key};
    const int n = 4 * SENSOR_BODY_PIECE, gauge = SENSOR_BODY_PIECE + 3, counter = 3 * SENSOR_BODY_PIECE - 1;
    cJSON *tree;

    (void)state;
    settings.n_sensors = (size_t)n;
    settings.lines = &line;
    for (int i = 1; i < n; i++)
        list[i].made = MADE_LINE;
    settings_set_sensors(&settings, &sensors);
    tree = list_of(false);
    assert_int_equal(length_of(tree), 1);
    assert_int_equal(cJSON_GetObjectItem(tree, "unheard")->valueint, n - 1);
    cJSON_Delete(tree);

    sensors_find(&sensors, ids[gauge])->latest[READING_GAUGE].mono_ms = 1;
    ledger_open(&ledger, ids[counter], "line/p1:gas");
    tree = list_of(false);
    assert_int_equal(length_of(tree), 2); /* a counter that is waited for is none */
    cJSON_Delete(tree);
    ledger_find(&ledger, ids[counter])->meter.known = true;
    tree = list_of(false);
    assert_int_equal(length_of(tree), 3);
    assert_int_equal(cJSON_GetObjectItem(tree, "unheard")->valueint, n - 3);
    const cJSON *last = cJSON_GetArrayItem(cJSON_GetObjectItem(tree, "sensors"), 2);
    assert_string_equal(cJSON_GetObjectItem(last, "id")->valuestring, ids[counter]);
    assert_string_equal(cJSON_GetObjectItem(last, "made")->valuestring, "line p1");
    cJSON_Delete(tree);

    tree = list_of(true);
    assert_int_equal(length_of(tree), n);
    assert_int_equal(cJSON_GetObjectItem(tree, "unheard")->valueint, n - 3);
    cJSON_Delete(tree);
    settings.lines = NULL;
}

/* The settings change between two pieces: it is JSON all the same. */
static void fewer_sensors_under_way(void **state)
{
    struct sensor_body b = {0};
    struct jsonw w;

    (void)state;
    settings.n_sensors = MANY;
    settings_set_sensors(&settings, &sensors);
    jsonw_init(&w);
    for (int i = 0; i < 3; i++)
        assert_true(sensor_body_more(&b, &view, &w));
    settings.n_sensors = 10;
    settings_set_sensors(&settings, &sensors);
    assert_true(sensor_body_more(&b, &view, &w));
    assert_false(sensor_body_more(&b, &view, &w));
    cJSON *tree = cJSON_ParseWithLength(w.buf, w.len);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "sensors")), 3 * SENSOR_BODY_PIECE);
    cJSON_Delete(tree);
    jsonw_free(&w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_settings_say),
        TEST(one_that_is_off),
        TEST(values_and_sums),
        TEST(a_counter_that_was_set),
        TEST(a_counter_that_is_restored),
        TEST(all_come_in_pieces),
        TEST(what_a_line_never_told),
        TEST(fewer_sensors_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
