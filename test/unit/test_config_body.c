#include "unit.h"

#include "core/config_body.h"
#include "core/jsonw.h"
#include "core/ledger.h"
#include "core/util.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter_folder.h"

#define ID1 "11111111111111111111111111111111"
#define ID2 "22222222222222222222222222222222"

static char id1[] = ID1, id2[] = ID2, name1[] = "mains \"A\"", name2[] = "water";
static struct sensor_settings sensors[2];
static struct jsonw w;
static struct ledger ledger;

static int setup(void **state)
{
    (void)state;
    sensors[0] = (struct sensor_settings){.id = id1,
                                          .name = name1,
                                          .class = SENSOR_ANALOG,
                                          .ports = {1},
                                          .n_ports = 1,
                                          .voltage = {230},
                                          .current = {50},
                                          .enable = true};
    sensors[1] = (struct sensor_settings){.id = id2,
                                          .name = name2,
                                          .class = SENSOR_PULSE,
                                          .type = SENSOR_WATER,
                                          .ports = {4, 5},
                                          .n_ports = 2,
                                          .constant_milli = 500,
                                          .enable = true};
    jsonw_init(&w);
    ledger_init(&ledger);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    jsonw_free(&w);
    ledger_fini(&ledger);
    return 0;
}

static const char *body(size_t n)
{
    const struct settings s = {.sensors = sensors, .n_sensors = n};

    jsonw_free(&w);
    config_body_sensors(&w, &s, &ledger);
    jsonw_raw(&w, "", 1);
    return w.buf;
}

static void every_field_of_both_classes(void **state)
{
    (void)state;
    assert_string_equal(body(2),
                        "{\"1\":{\"id\":\"" ID1 "\",\"enable\":1,\"type\":\"electricity\",\"class\":\"analog\","
                        "\"function\":\"mains \\\"A\\\"\",\"port\":[1],\"voltage\":230,\"current\":50,"
                        "\"data_type\":\"counter\",\"rid\":0},"
                        "\"4\":{\"id\":\"" ID2 "\",\"enable\":1,\"type\":\"water\",\"class\":\"pulse\","
                        "\"function\":\"water\",\"port\":[4,5],\"constant\":0.5,\"data_type\":\"counter\",\"rid\":0}}");
}

/* The message that flukso-hacs was seen to take (mqtt.md): the same members, of the same types. */
static void holds_what_the_minimal_message_has(void **state)
{
    static const char minimal[] = "{\"1\":{\"id\":\"" ID1 "\",\"enable\":1,\"class\":\"ct\",\"type\":\"electricity\","
                                  "\"function\":\"mains\",\"port\":[1],\"data_type\":\"counter\",\"rid\":0}}";
    cJSON *want = cJSON_Parse(minimal), *have = cJSON_Parse(body(1));
    const cJSON *sensor = cJSON_GetObjectItemCaseSensitive(have, "1"), *x;

    (void)state;
    cJSON_ArrayForEach(x, want->child)
    {
        const cJSON *mine = cJSON_GetObjectItemCaseSensitive(sensor, x->string);
        assert_non_null(mine);
        assert_int_equal(mine->type, x->type);
    }
    cJSON_Delete(want);
    cJSON_Delete(have);
}

static void ports_that_differ_are_listed(void **state)
{
    (void)state;
    sensors[0].n_ports = 3;
    for (int i = 0; i < 3; i++) {
        sensors[0].ports[i] = i + 1;
        sensors[0].voltage[i] = 230 + 10 * (i == 2);
        sensors[0].current[i] = 100;
    }
    assert_non_null(strstr(body(1), "\"port\":[1,2,3],\"voltage\":[230,230,240],\"current\":100,"));
}

static void disabled_is_id_and_enable_alone(void **state)
{
    (void)state;
    sensors[0].enable = false;
    assert_string_equal(body(1), "{\"1\":{\"id\":\"" ID1 "\",\"enable\":0}}");
    assert_string_equal(body(0), "{}");
}

/* mqtt.md, rule 5: one enabled sensor of a type that clients do not know takes all sensors from them */
static void what_clients_do_not_take_is_not_announced(void **state)
{
    static const struct {
        enum sensor_class class;
        enum sensor_type type;
        bool announced;
    } cases[] = {
        {SENSOR_PULSE, SENSOR_ELECTRICITY, true}, {SENSOR_PULSE, SENSOR_WATER, true},
        {SENSOR_PULSE, SENSOR_GAS, true},         {SENSOR_PULSE, SENSOR_HEAT, false},
        {SENSOR_PULSE, SENSOR_FUEL, false},       {SENSOR_PULSE, SENSOR_PELLET, false},
        {SENSOR_PULSE, SENSOR_OTHER, false},      {SENSOR_UART, SENSOR_ELECTRICITY, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        sensors[1].class = cases[i].class;
        sensors[1].type = cases[i].type;
        assert_int_equal(config_body_announced(&sensors[1]), cases[i].announced);
    }
    assert_non_null(strstr(body(2), "\"4\":{\"id\":\"" ID2 "\",\"enable\":0}"));
}

/* ---- an FLX board ---- */

#define DEVICE "0123456789abcdef0123456789abcdef"

static struct settings *with_board(const char *board, const char *more)
{
    static const char head[] = "{\"version\":1,\"device\":{\"id\":\"" DEVICE "\"},\"board\":";
    struct settings_errors errors = {0};
    char text[40000];

    snprintf(text, sizeof text, "%s{\"protocol\":\"%s\",\"device\":\"/dev/x\"}%s}", head, board, more);
    struct settings *s = settings_parse(text, strlen(text), &meter_folder, &errors, NULL);
    if (!s || settings_derive_ids(s, NULL, &errors) < 0)
        fail_msg("%s: %s", errors.v[0].path, errors.v[0].message);
    return s;
}

static struct settings *flx(const char *more)
{
    return with_board("flx", more);
}

static cJSON *written(void (*write)(struct jsonw *w, const struct settings *s), const struct settings *s)
{
    jsonw_free(&w);
    write(&w, s);
    jsonw_raw(&w, "", 1);
    return cJSON_Parse(w.buf);
}

static cJSON *sensors_written(const struct settings *s)
{
    jsonw_free(&w);
    config_body_sensors(&w, s, &ledger);
    jsonw_raw(&w, "", 1);
    return cJSON_Parse(w.buf);
}

/* One entry as text, with its id cut out; static. */
static const char *entry(const cJSON *tree, const char *key)
{
    static char text[400];
    cJSON *one = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(tree, key), true);
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(one, "id"));

    assert_true(id && sensor_id_valid(id));
    cJSON_DeleteItemFromObjectCaseSensitive(one, "id");
    assert_true(cJSON_PrintPreallocated(one, text, sizeof text, false));
    cJSON_Delete(one);
    return text;
}

/* mqtt.md: 12 per clamp, data_type counter for pplus to q4; names are the ports', in config/flx */
static void twelve_sensors_of_a_clamp(void **state)
{
    static const char *const names[] = {"pplus", "pminus", "q1", "q2",   "q3",   "q4",
                                        "vrms",  "irms",   "pf", "vthd", "ithd", "alpha"};
    struct settings *s = flx("");
    cJSON *tree = sensors_written(s);
    char key[8], want[200];

    (void)state;
    assert_int_equal(cJSON_GetArraySize(tree), 39);
    for (int i = 0; i < 36; i++) {
        snprintf(key, sizeof key, "%d", i + 1);
        snprintf(want, sizeof want,
                 "{\"enable\":1,\"type\":\"electricity\",\"subtype\":\"%s\",\"class\":\"ct\",\"port\":[%d],"
                 "\"data_type\":\"%s\",\"rid\":0}",
                 names[i % 12], i / 12 + 1, i % 12 < 6 ? "counter" : "gauge");
        assert_string_equal(entry(tree, key), want);
    }
    for (int i = 36; i < 39; i++) {
        snprintf(key, sizeof key, "%d", i + 1);
        assert_string_equal(entry(tree, key), "{\"enable\":0}");
    }
    cJSON_Delete(tree);
    settings_free(s);
}

/* Byte for byte, with a clamp alone: what is off holds id and enable, and all 39 are there. */
static void the_first_bytes(void **state)
{
    struct settings *s = flx(",\"ports\":[{\"port\":1,\"name\":\"main\",\"enable\":true,\"rid\":3,"
                             "\"ids\":{\"pplus\":\"" ID1 "\",\"pminus\":\"" ID2 "\"}}]");
    static const char head[] =
        "{\"1\":{\"id\":\"" ID1 "\",\"enable\":1,\"type\":\"electricity\",\"subtype\":\"pplus\",\"class\":\"ct\","
        "\"port\":[1],\"data_type\":\"counter\",\"rid\":3},"
        "\"2\":{\"id\":\"" ID2 "\",\"enable\":1,\"type\":\"electricity\",\"subtype\":\"pminus\",";

    (void)state;
    cJSON *tree = sensors_written(s);
    assert_memory_equal(w.buf, head, sizeof head - 1);
    assert_string_equal(entry(tree, "13"), "{\"enable\":0}");
    assert_string_equal(entry(tree, "39"), "{\"enable\":0}");
    cJSON_Delete(tree);
    settings_free(s);
}

/* A client that takes this for a v3 device knows no electricity without subtype; heat it does not know at all. */
static void pulse_ports(void **state)
{
    struct settings *s =
        flx(",\"ports\":[{\"port\":4,\"name\":\"water\",\"type\":\"water\",\"constant\":0.5,\"enable\":true},"
            "{\"port\":5,\"name\":\"heat\",\"type\":\"heat\",\"enable\":true},"
            "{\"port\":6,\"name\":\"pump\",\"type\":\"electricity\",\"constant\":1,\"enable\":true}]");
    cJSON *tree = sensors_written(s);

    (void)state;
    assert_string_equal(entry(tree, "37"), "{\"enable\":1,\"type\":\"water\",\"class\":\"pulse\",\"port\":[4],"
                                           "\"constant\":0.5,\"data_type\":\"counter\",\"rid\":0}");
    assert_string_equal(entry(tree, "38"), "{\"enable\":0}");
    assert_string_equal(entry(tree, "39"),
                        "{\"enable\":1,\"type\":\"electricity\",\"subtype\":\"pplus\",\"class\":\"pulse\","
                        "\"port\":[6],\"constant\":1,\"data_type\":\"counter\",\"rid\":0}");
    cJSON_Delete(tree);
    settings_free(s);
}

/* A derived sensor has a name of its own, which one client looks at only where there is a port: those of its parts. */
static void derived_sensors(void **state)
{
    struct settings *s =
        flx(",\"phase\":\"3p+n\",\"derive\":["
            "{\"key\":\"a\",\"name\":\"two\",\"kind\":\"sum\",\"of\":[\"port 3 irms\",\"port 1 irms\"]},"
            "{\"key\":\"b\",\"name\":\"mixed\",\"kind\":\"sum\",\"of\":[\"port 1 pplus\",\"port 2 pminus\"]},"
            "{\"key\":\"c\",\"name\":\"odd\",\"kind\":\"sum\",\"of\":[\"port 1 q1\",\"port 2 q2\"]},"
            "{\"key\":\"d\",\"name\":\"none\",\"kind\":\"sum\",\"of\":[\"port 1 vthd\",\"port 2 pf\"]}]");
    cJSON *tree = sensors_written(s);

    (void)state;
    assert_string_equal(entry(tree, "101"), "{\"enable\":1,\"type\":\"electricity\",\"subtype\":\"irms\",\"class\":"
                                            "\"derived\",\"function\":\"two\",\"port\":[1,3],\"data_type\":\"gauge\","
                                            "\"rid\":0}");
    assert_string_equal(entry(tree, "102"),
                        "{\"enable\":1,\"type\":\"electricity\",\"subtype\":\"pplus\",\"class\":"
                        "\"derived\",\"function\":\"mixed\",\"port\":[1,2],\"data_type\":\"counter\","
                        "\"rid\":0}");
    assert_string_equal(entry(tree, "103"), "{\"enable\":0}"); /* of VAR, which no client would know */
    assert_string_equal(entry(tree, "104"), "{\"enable\":0}"); /* it has no counter, and nothing tells what it is */
    assert_string_equal(entry(tree, "105"),
                        "{\"enable\":1,\"type\":\"electricity\",\"subtype\":\"pplus\",\"class\":\"derived\","
                        "\"function\":\"grid import\",\"port\":[1,2,3],\"data_type\":\"counter\",\"rid\":0}");
    assert_non_null(
        strstr(entry(tree, "106"), "\"subtype\":\"pminus\",\"class\":\"derived\",\"function\":\"grid export\""));
    cJSON_Delete(tree);
    settings_free(s);
}

/* Beside an FLM02 board's sensors: there electricity without a subtype is what clients know. */
static void derived_of_an_flm02_board(void **state)
{
    size_t of[] = {0};
    char name[] = "sum", id[] = ID2;
    struct derive_settings d = {.kind = DERIVE_SUM, .n_of = 1};
    struct settings s = {
        .board = {.protocol = BOARD_FLM02}, .sensors = sensors, .n_sensors = 2, .derive = &d, .n_derive = 1};

    (void)state;
    memcpy(d.parts, of, sizeof of);
    sensors[1] = (struct sensor_settings){.id = id,
                                          .name = name,
                                          .class = SENSOR_DERIVED,
                                          .made = MADE_DERIVE,
                                          .number = 101,
                                          .unit = {"W", "Wh"},
                                          .enable = true};
    cJSON *tree = sensors_written(&s);
    assert_string_equal(entry(tree, "101"), "{\"enable\":1,\"type\":\"electricity\",\"class\":\"derived\",\"function\":"
                                            "\"sum\",\"port\":[1],\"data_type\":\"counter\",\"rid\":0}");
    cJSON_Delete(tree);
}

/* ---- meters ---- */

#define METERS                                                                                                         \
    ",\"buses\":[{\"key\":\"b\",\"device\":\"/dev/b\",\"meters\":["                                                    \
    "{\"name\":\"Boiler\",\"unit\":1,\"model\":\"eastron-sdm120\"},"                                                   \
    "{\"name\":\"Car\",\"unit\":2,\"model\":\"eastron-sdm630\",\"rid\":3,\"quantities\":[\"power\",\"energy_import\"," \
    "\"energy_import_l1\",\"reactive_energy_import\"]}]}]"

/* Their energy in Wh is announced as if it came by the board's serial port; the rest appears by discovery alone. */
static void energy_of_meters(void **state)
{
    static const char *const boards[] = {"flm02", "flx"};

    (void)state;
    for (int flx = 0; flx <= 1; flx++) {
        struct settings *s = with_board(boards[flx], METERS);
        cJSON *tree = sensors_written(s);
        static const struct {
            const char *key, *name;
            int rid;
        } want[] = {
            {"201", "Boiler", 0}, {"202", "Boiler export", 0}, {"206", "Car", 3}, {"208", "Car energy import L1", 3}};
        char text[300];

        assert_int_equal(cJSON_GetArraySize(tree), (flx ? 39 : 0) + 4);
        for (size_t i = 0; i < ARRAY_LEN(want); i++) {
            snprintf(text, sizeof text,
                     "{\"enable\":1,\"type\":\"electricity\",%s\"class\":\"uart\",\"function\":\"%s\",\"port\":[%d],"
                     "\"data_type\":\"counter\",\"rid\":%d}",
                     flx ? "\"subtype\":\"pplus\"," : "", want[i].name, flx ? 7 : 6, want[i].rid);
            assert_string_equal(entry(tree, want[i].key), text);
        }
        assert_int_equal(config_body_left_out(s, &ledger), 0);
        cJSON_Delete(tree);
        settings_free(s);
    }
}

/* S4 */
static void a_meter_as_a_sensor_of_port_6(void **state)
{
    struct settings *s = with_board("flm02", ",\"sensors\":[{\"name\":\"main\",\"ports\":[6],\"meter\":\"boiler\","
                                             "\"enable\":true,\"rid\":1}]" METERS);
    cJSON *tree = sensors_written(s);

    (void)state;
    assert_int_equal(cJSON_GetArraySize(tree), 4);
    assert_string_equal(entry(tree, "6"),
                        "{\"enable\":1,\"type\":\"electricity\",\"class\":\"uart\",\"function\":\"main\","
                        "\"port\":[6],\"data_type\":\"counter\",\"rid\":1}");
    cJSON_Delete(tree);
    settings_free(s);
}

/* The board's, then derived ones, and of the meters as many as have a place. */
static void there_are_128_at_most(void **state)
{
    char text[36000];
    size_t len = (size_t)snprintf(text, sizeof text,
                                  ",\"derive\":[{\"key\":\"d\",\"name\":\"d\",\"of\":[\"m 0\",\"m 199\"]}],\"buses\":[{"
                                  "\"key\":\"b\",\"device\":\"/dev/b\",\"meters\":[");

    (void)state;
    for (int i = 0; i < 200; i++)
        len +=
            (size_t)snprintf(text + len, sizeof text - len,
                             "%s{\"name\":\"m %d\",\"unit\":%d,\"model\":\"eastron-sdm120\",\"quantities\":[\"power\","
                             "\"energy_import\"]}",
                             i ? "," : "", i, i + 1);
    snprintf(text + len, sizeof text - len, "]}]");
    struct settings *s = flx(text);
    cJSON *tree = sensors_written(s);
    assert_int_equal(s->n_sensors, 39 + 200 + 1);
    assert_int_equal(cJSON_GetArraySize(tree), 128);
    assert_int_equal(config_body_left_out(s, &ledger), 39 + 1 + 200 - 128);
    assert_non_null(strstr(entry(tree, "101"), "\"port\":[7]")); /* where its parts are */
    assert_non_null(cJSON_GetObjectItem(tree, "201"));
    assert_non_null(cJSON_GetObjectItem(tree, "288"));
    assert_null(cJSON_GetObjectItem(tree, "289"));
    cJSON_Delete(tree);
    settings_free(s);
}

static void all_ports(void **state)
{
    struct settings *s =
        flx(",\"phase\":\"3p-n\",\"ports\":["
            "{\"port\":1,\"name\":\"a b\",\"enable\":true,\"current\":100,\"shift\":1},"
            "{\"port\":2,\"name\":\"c\",\"enable\":true,\"current\":100,\"shift\":4,\"flip\":true},"
            "{\"port\":4,\"name\":\"w\",\"type\":\"water\",\"enable\":true,\"constant\":0.5,\"trigger\":\"level\"},"
            "{\"port\":7,\"name\":\"meter\",\"enable\":true}]");

    (void)state;
    s->board.led_mode = 7;
    cJSON_Delete(written(config_body_flx, s));
    assert_string_equal(w.buf, "{\"1\":{\"enable\":1,\"class\":\"ct\",\"name\":\"a b\",\"shift\":1,\"current\":100},"
                               "\"2\":{\"enable\":1,\"class\":\"ct\",\"name\":\"c\",\"shift\":1,\"current\":100},"
                               "\"3\":{\"enable\":0,\"class\":\"ct\",\"shift\":0,\"current\":50},"
                               "\"4\":{\"enable\":1,\"class\":\"pulse\",\"name\":\"w\",\"constant\":0.5,"
                               "\"trigger\":\"level\"},"
                               "\"5\":{\"enable\":0,\"class\":\"pulse\",\"constant\":1,\"trigger\":\"edge\"},"
                               "\"6\":{\"enable\":0,\"class\":\"pulse\",\"constant\":1,\"trigger\":\"edge\"},"
                               "\"7\":{\"enable\":1,\"class\":\"uart\",\"name\":\"meter\"},"
                               "\"main\":{\"phase\":\"3p-n\",\"led_mode\":7}}");
    settings_free(s);
}

static void no_radio_nodes_and_no_keys(void **state)
{
    (void)state;
    config_body_kube(&w);
    jsonw_raw(&w, "", 1);
    assert_string_equal(w.buf, "{\"main\":{}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_field_of_both_classes, setup, teardown),
        cmocka_unit_test_setup_teardown(holds_what_the_minimal_message_has, setup, teardown),
        cmocka_unit_test_setup_teardown(ports_that_differ_are_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(disabled_is_id_and_enable_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(what_clients_do_not_take_is_not_announced, setup, teardown),
        cmocka_unit_test_setup_teardown(twelve_sensors_of_a_clamp, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(pulse_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(derived_sensors, setup, teardown),
        cmocka_unit_test_setup_teardown(derived_of_an_flm02_board, setup, teardown),
        cmocka_unit_test_setup_teardown(energy_of_meters, setup, teardown),
        cmocka_unit_test_setup_teardown(a_meter_as_a_sensor_of_port_6, setup, teardown),
        cmocka_unit_test_setup_teardown(there_are_128_at_most, setup, teardown),
        cmocka_unit_test_setup_teardown(all_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(no_radio_nodes_and_no_keys, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
