#include "unit.h"

#include "core/config_body.h"
#include "core/jsonw.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#define ID1 "11111111111111111111111111111111"
#define ID2 "22222222222222222222222222222222"

static char id1[] = ID1, id2[] = ID2, name1[] = "mains \"A\"", name2[] = "water";
static struct sensor_settings sensors[2];
static struct jsonw w;

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
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    jsonw_free(&w);
    return 0;
}

static const char *body(size_t n)
{
    const struct settings s = {.sensors = sensors, .n_sensors = n};

    jsonw_free(&w);
    config_body_sensors(&w, &s);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_field_of_both_classes, setup, teardown),
        cmocka_unit_test_setup_teardown(holds_what_the_minimal_message_has, setup, teardown),
        cmocka_unit_test_setup_teardown(ports_that_differ_are_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(disabled_is_id_and_enable_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(what_clients_do_not_take_is_not_announced, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
