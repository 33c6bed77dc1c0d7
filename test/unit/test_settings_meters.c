/* Buses and meters as settings: their values, which sensors they make, and how these are called. */
#include "unit.h"

#include "meters_house.h"

#include "core/flm02_want.h"
#include "core/ident.h"
#include "core/mb_round.h"

#include <time.h>

static const struct sensor_settings *sensor(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->n_sensors; i++)
        if (s->sensors[i].name && strcmp(s->sensors[i].name, name) == 0)
            return &s->sensors[i];
    fail_msg("no sensor %s", name);
    return NULL;
}

/* ---- values ---- */

static void what_is_not_given_has_its_default(void **state)
{
    struct settings *s = good(one(SDM120));
    const struct bus_settings *b = s->buses;
    const struct meter_settings *m = b->meters;

    (void)state;
    assert_int_equal(s->n_buses, 1);
    assert_int_equal(b->line, BUS_SERIAL);
    assert_string_equal(b->device, "/dev/ttyUSB0");
    assert_null(b->tcp.host);
    assert_true(b->enable);
    assert_int_equal(b->baud, 115200); /* P4 */
    assert_int_equal(b->parity, PARITY_NONE);
    assert_int_equal(b->stop_bits, 1);
    assert_int_equal(b->rs485, RS485_NONE);
    assert_int_equal(b->proxy.port, 0);
    assert_string_equal(b->proxy.listen, "127.0.0.1");
    assert_int_equal(b->n_meters, 1);
    assert_string_equal(m->key, "boiler");
    assert_int_equal(m->unit, 3);
    assert_true(m->enable);
    assert_int_equal(m->interval_ms, 1000);
    assert_int_equal(m->timeout_ms, MB_TIMEOUT_MS);
    assert_int_equal(m->pause_ms, MB_PAUSE_MS);
    assert_int_equal(m->ratio_milli, 1000);
    assert_true(m->current > 0);
    assert_int_equal(m->n_quantities, 0);
    assert_null(m->id);
    settings_free(s);
}

static void what_is_given_is_taken(void **state)
{
    struct settings *s =
        good("{'buses':[{'key':'gw','tcp':{'host':'gw.lan','port':1502,'framing':'rtu'},'proxy':{'port':1503,'listen':'"
             "::1'},"
             "'meters':[{'key':'k_1-a','name':'Main','unit':0,'model':'eastron-sdm630','interval':0.1,'timeout':0.02,"
             "'pause':0,'quantities':['power','energy_import'],'ratio':0.001,'current':10000,"
             "'id':'000000000000000000000000000000aa','rid':7},{'name':'off','unit':255,'model':'eastron-sdm120',"
             "'enable':false}]},{'key':'line2','device':'/dev/a','enable':false,'baud':9600,'parity':'E','stop_bits':2,"
             "'rs485':'rts-low'}]}");
    const struct meter_settings *m = s->buses[0].meters;

    (void)state;
    assert_int_equal(s->buses[0].line, BUS_TCP);
    assert_string_equal(s->buses[0].tcp.host, "gw.lan");
    assert_int_equal(s->buses[0].tcp.port, 1502);
    assert_int_equal(s->buses[0].tcp.framing, FRAMING_RTU);
    assert_int_equal(s->buses[0].proxy.port, 1503);
    assert_string_equal(s->buses[0].proxy.listen, "::1");
    assert_string_equal(m->key, "k_1-a");
    assert_int_equal(m->unit, 0);
    assert_int_equal(m->interval_ms, 100);
    assert_int_equal(m->timeout_ms, 20);
    assert_int_equal(m->pause_ms, 0);
    assert_int_equal(m->ratio_milli, 1);
    assert_int_equal(m->current, 10000);
    assert_int_equal(m->rid, 7);
    assert_int_equal(m->n_wanted, 2);
    assert_int_equal(s->buses[1].parity, PARITY_EVEN);
    assert_int_equal(s->buses[1].stop_bits, 2);
    assert_int_equal(s->buses[1].rs485, RS485_RTS_LOW);
    assert_false(s->buses[1].enable);
    assert_int_equal(s->n_sensors, 1); /* of what is off none */
    assert_string_equal(s->sensors[0].id, "000000000000000000000000000000aa");
    assert_int_equal(s->sensors[0].rid, 7);
    settings_free(s);
}

/* What the model needs counts where nothing is said. */
static void the_models_own_times_count(void **state)
{
    struct settings *s = good(one("'model':'orno-we516-517'"));

    (void)state;
    assert_int_equal(s->buses[0].meters[0].timeout_ms, 1000);
    settings_free(s);
    s = good(one("'model':'orno-we516-517','timeout':0.3"));
    assert_int_equal(s->buses[0].meters[0].timeout_ms, 300);
    settings_free(s);
}

static void a_model_is_read_once(void **state)
{
    struct settings *s = good("{'buses':[{'key':'a','device':'/dev/a','meters':[{'name':'1','unit':1," SDM120 "},"
                              "{'name':'2','unit':2," SDM120 "},{'name':'3','unit':3," SDM630
                              "}]},{'key':'b','device':'/dev/b','meters':[{'name':'4','unit':1," SDM120 "}]}]}");

    (void)state;
    assert_int_equal(meter_folder_finds, 2);
    assert_int_equal(s->n_models, 2);
    assert_ptr_equal(s->buses[1].meters[0].model, s->buses[0].meters[1].model);
    settings_free(s);
}

/* ---- sensors ---- */

static void check_sensor(const struct sensor_settings *x, const char *gauge, const char *counter, const char *key)
{
    const char *unit[READING_KINDS];
    char id[IDENT_LEN + 1];

    sensor_settings_units(x, unit);
    assert_int_equal(!unit[READING_GAUGE], !gauge);
    assert_int_equal(!unit[READING_COUNTER], !counter);
    if (gauge)
        assert_string_equal(unit[READING_GAUGE], gauge);
    if (counter)
        assert_string_equal(unit[READING_COUNTER], counter);
    ident_derive(DEVICE, key, id);
    assert_string_equal(x->id, id);
    assert_true(x->metered && x->enable);
    assert_int_equal(x->class, SENSOR_METER);
    assert_int_equal(x->type, SENSOR_ELECTRICITY);
    assert_int_equal(x->made, MADE_METER);
}

static void power_and_energy_are_one_sensor(void **state)
{
    struct settings *s = good(one(SDM120));

    (void)state;
    assert_int_equal(s->n_sensors, 5);
    for (size_t i = 0; i < s->n_sensors; i++)
        assert_int_equal(sensor_settings_number(&s->sensors[i]), SETTINGS_METERED + (int)i);
    check_sensor(&s->sensors[0], "W", "Wh", "meter/boiler/power");
    assert_string_equal(s->sensors[0].name, "Boiler");
    check_sensor(&s->sensors[1], NULL, "Wh", "meter/boiler/export");
    assert_string_equal(s->sensors[1].name, "Boiler export");
    check_sensor(sensor(s, "Boiler voltage"), "V", NULL, "meter/boiler/voltage");
    check_sensor(sensor(s, "Boiler current"), "A", NULL, "meter/boiler/current");
    check_sensor(sensor(s, "Boiler frequency"), "Hz", NULL, "meter/boiler/frequency");
    assert_false(s->sensors[0].report);
    settings_free(s);
}

static void three_phases_have_a_sensor_for_each(void **state)
{
    static const char *const names[] = {"Boiler voltage L1", "Boiler current L3", "Boiler power L2"};
    struct settings *s = good(one(SDM630));

    (void)state;
    assert_int_equal(s->n_sensors, 2 + 1 + 9);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        sensor(s, names[i]);
    settings_free(s);
}

/* Of a model without a total power what it takes is its power. */
static void a_pair_stands_for_a_power_that_there_is_not(void **state)
{
    struct settings *s = good(one("'model':'dzg-dvh4013'"));
    const struct sensor_settings *x = &s->sensors[0];

    (void)state;
    check_sensor(x, "W", "Wh", "meter/boiler/power");
    assert_int_equal(x->quantity[READING_GAUGE], QUANTITY(QUANTITY_POWER_IMPORT, 0));
    assert_int_equal(x->quantity[READING_COUNTER], QUANTITY(QUANTITY_ENERGY_IMPORT, 0));
    check_sensor(&s->sensors[1], "W", "Wh", "meter/boiler/export");
    settings_free(s);
}

static void what_stands_beside_a_better_one_has_its_own(void **state)
{
    struct settings *s = good(one(SDM120 ",'quantities':['energy_total','energy_import','reactive_energy_import']"));

    (void)state;
    assert_int_equal(s->n_sensors, 3);
    check_sensor(&s->sensors[0], NULL, "Wh", "meter/boiler/power");
    check_sensor(sensor(s, "Boiler energy total"), NULL, "Wh", "meter/boiler/energy_total");
    check_sensor(sensor(s, "Boiler reactive energy import"), NULL, "VARh", "meter/boiler/reactive_energy_import");
    settings_free(s);
    s = good(one(SDM120 ",'quantities':['energy_total']"));
    assert_int_equal(s->n_sensors, 1);
    check_sensor(&s->sensors[0], NULL, "Wh", "meter/boiler/power");
    settings_free(s);
}

/* Neither path, unit nor order moves an id, nor another name where the key is given. */
static void ids_follow_the_key_alone(void **state)
{
    struct settings *a = good("{'buses':[{'key':'a','device':'/dev/a','meters':[{'key':'k','name':'x','unit':1," SDM120
                              "},{'key':'l','name':'y','unit':2," SDM120 "}]}]}");
    struct settings *b = good("{'buses':[{'key':'b','tcp':{'host':'h'},'meters':[{'key':'l','name':'z','unit':9," SDM120
                              "},{'key':'k','name':'w','unit':8," SDM120 "}]}]}");

    (void)state;
    assert_string_equal(sensor(a, "x")->id, sensor(b, "w")->id);
    assert_string_equal(sensor(a, "y voltage")->id, sensor(b, "z voltage")->id);
    settings_free(a);
    settings_free(b);
}

/* S4: a sensor of class uart is its meter's power and energy. */
static void a_sensor_of_the_board_takes_a_meter(void **state)
{
    static const char text[] =
        "{'board':{'protocol':'flm02','device':'/dev/"
        "b'},'sensors':[{'name':'main','ports':[6],'meter':'boiler','enable':%s}],"
        "'buses':[{'key':'a','device':'/dev/a','enable':%s,'meters':[{'name':'Boiler','unit':1," SDM120 "}]}]}";
    struct flm02_picture want;
    char whole[1024], id[IDENT_LEN + 1];

    (void)state;
    snprintf(whole, sizeof whole, text, "true", "true");
    struct settings *s = good(whole);
    const struct sensor_settings *x = &s->sensors[0];
    assert_int_equal(s->n_sensors, 5); /* export, voltage, current, frequency */
    assert_true(x->metered && x->report && sensor_settings_reportable(x));
    assert_int_equal(x->quantity[READING_GAUGE], QUANTITY(QUANTITY_POWER, 0));
    assert_int_equal(x->quantity[READING_COUNTER], QUANTITY(QUANTITY_ENERGY_IMPORT, 0));
    ident_sensor(DEVICE, 6, id);
    assert_string_equal(x->id, id);
    assert_string_equal(s->sensors[1].name, "Boiler export");
    flm02_want(&want, s); /* the board is not asked for it */
    assert_false(want.sensor[5].enable);
    settings_free(s);

    snprintf(whole, sizeof whole, text, "false", "true");
    s = good(whole);
    assert_int_equal(s->n_sensors, 6); /* what is off takes nothing */
    assert_false(s->sensors[0].metered || sensor_settings_reportable(&s->sensors[0]));
    assert_string_equal(s->sensors[1].name, "Boiler");
    settings_free(s);

    snprintf(whole, sizeof whole, text, "true", "false");
    s = good(whole);
    assert_int_equal(s->n_sensors, 1);
    assert_false(s->sensors[0].metered);
    settings_free(s);
}

static void derived_sensors_have_meters_as_parts(void **state)
{
    struct settings *s = good("{'buses':[{'key':'a','device':'/dev/a','meters':[{'name':'Boiler','unit':1," SDM120
                              "},{'name':'Car','unit':2," SDM120 "}]}],"
                              "'derive':[{'key':'d','name':'both','of':['Boiler','Car']},"
                              "{'key':'n','name':'net','kind':'net','of':['Car']}]}");

    (void)state;
    check_sensor(&s->sensors[5], "W", "Wh", "meter/car/power");
    assert_int_equal(s->derive[0].parts[1], 5);
    assert_string_equal(s->sensors[10].name, "both");
    assert_string_equal(s->sensors[10].unit[READING_COUNTER], "Wh");
    settings_free(s);
}

static void ids_that_meet_are_told(void **state)
{
    char id[IDENT_LEN + 1], more[128], text[6000], want[256];

    (void)state;
    ident_derive(DEVICE, "meter/boiler/voltage", id);
    snprintf(text, sizeof text, "{'sensors':[{'ports':[1],'id':'%s'}],%s", id, one(SDM120) + 1);
    snprintf(want, sizeof want, "buses[0].meters[0].key: %s is the id of sensors[0] too\n", id);
    bad(text, want);
    snprintf(text, sizeof text, "{'sensors':[{'ports':[1],'id':'%s'}],%s", id, one(SDM120 ",'id':'aa'") + 1);
    bad(text, "buses[0].meters[0].id: \"aa\" is not 32 characters long\n");
    snprintf(more, sizeof more, SDM120 ",'id':'%s'", DEVICE);
    snprintf(want, sizeof want, "buses[0].meters[0].id: %s is the device's id\n", DEVICE);
    bad(one(more), want);
}

/* ---- the whole ---- */

/* What settings_tree() says is good, and says the same again. */
static void the_whole_says_itself(void **state)
{
    static const char *const texts[] = {
        "{'buses':[{'key':'b','tcp':{'host':'h'},'meters':[{'name':'y','unit':2," SDM120
        "},{'name':'x','unit':1," SDM630 ",'quantities':['power']}]},{'key':'a','device':'/dev/a','rs485':'kernel'}],"
        "'sensors':[{'name':'s','ports':[6],'meter':'x','enable':true}]}",
        "{'buses':[{'key':'b','device':'/dev/a','baud':9600,'parity':'O'}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct settings *s = good(texts[i]);
        cJSON *whole = settings_tree(s);
        struct settings *again = settings_parse_tree(whole, &meter_folder, &errors, NULL);
        assert_non_null(again);
        cJSON *twice = settings_tree(again);
        assert_int_equal(again->n_sensors, s->n_sensors);
        for (size_t k = 0; k < s->n_derive; k++)
            assert_ptr_not_equal(s->derive[k].key, NULL);
        cJSON_DeleteItemFromObject(whole, "device"); /* the id was drawn */
        cJSON_DeleteItemFromObject(twice, "device");
        assert_true(cJSON_Compare(whole, twice, true));
        cJSON_Delete(whole);
        cJSON_Delete(twice);
        settings_free(s);
        settings_free(again);
    }
}

static void a_bus_is_one_of_two_in_the_whole(void **state)
{
    struct settings *s = good("{'buses':[{'key':'a','device':'/dev/a'},{'key':'b','tcp':{'host':'h'}}]}");
    cJSON *whole = settings_tree(s), *buses = cJSON_GetObjectItem(whole, "buses");
    cJSON *want = tree("[{'key':'a','device':'/dev/a','enable':true,'baud':115200,'parity':'N','stop_bits':1,"
                       "'rs485':'none','proxy':{'port':0,'listen':'127.0.0.1'},'meters':[]},"
                       "{'key':'b','tcp':{'host':'h','port':502,'framing':'mbap'},'enable':true,"
                       "'proxy':{'port':0,'listen':'127.0.0.1'},'meters':[]}]");

    (void)state;
    assert_true(cJSON_Compare(buses, want, true));
    cJSON_Delete(want);
    cJSON_Delete(whole);
    settings_free(s);
}

/* ---- many ---- */

#define MANY        500
#define OF_EACH     30
#define SECONDS_MAX 5 /* with sanitizers, on a busy machine; asan takes 0.1 s of an idle one */

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The first quantities of the model, as a list. */
static void put_quantities(char *out, size_t room)
{
    char error[METER_ERROR], name[QUANTITY_NAME];
    struct meter_model *m = meter_folder_find(NULL, "eastron-sdm630", error);
    size_t len = 0;

    assert_non_null(m);
    assert_true(m->n_registers >= OF_EACH + 2);
    for (size_t i = 0; i < m->n_registers && i < OF_EACH + 2; i++)
        len += (size_t)snprintf(out + len, room - len, "%s'%s'", i ? "," : "",
                                quantity_name(m->registers[i].quantity, name));
    meter_model_free(m);
}

/* 500 gateways of one meter with 30 sensors: nothing is looked for among all others. */
static void fifteen_thousand_sensors_take_no_time(void **state)
{
    char quantities[2048], *text = calloc(MANY, 4096);
    size_t len;

    (void)state;
    assert_non_null(text);
    put_quantities(quantities, sizeof quantities);
    len = (size_t)sprintf(text, "{'buses':[");
    for (int i = 0; i < MANY; i++)
        len += (size_t)sprintf(text + len,
                               "%s{'key':'b%d','tcp':{'host':'10.0.0.%d'},'meters':[{'name':'meter %d',"
                               "'unit':1," SDM630 ",'quantities':[%s]}]}",
                               i ? "," : "", i, i, i, quantities);
    sprintf(text + len, "]}");
    cJSON *t = loaded(text);
    double start = now_s();
    struct settings *s = settings_parse_tree(t, &meter_folder, &errors, NULL);
    assert_non_null(s);
    double parsed = now_s();
    assert_int_equal(settings_derive_ids(s, DEVICE, &errors), 0);
    double took = now_s() - start;
    print_message("%zu sensors: %.0f ms to parse, %.0f ms to derive their ids\n", s->n_sensors, (parsed - start) * 1e3,
                  (took - parsed + start) * 1e3);
    assert_true(s->n_sensors >= 15000);
    assert_int_equal(meter_folder_finds, 2);
    assert_true(took < SECONDS_MAX);
    settings_free(s);
    cJSON_Delete(t);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_not_given_has_its_default, setup, setup),
        cmocka_unit_test_setup_teardown(what_is_given_is_taken, setup, setup),
        cmocka_unit_test_setup_teardown(the_models_own_times_count, setup, setup),
        cmocka_unit_test_setup_teardown(a_model_is_read_once, setup, setup),
        cmocka_unit_test_setup_teardown(power_and_energy_are_one_sensor, setup, setup),
        cmocka_unit_test_setup_teardown(three_phases_have_a_sensor_for_each, setup, setup),
        cmocka_unit_test_setup_teardown(a_pair_stands_for_a_power_that_there_is_not, setup, setup),
        cmocka_unit_test_setup_teardown(what_stands_beside_a_better_one_has_its_own, setup, setup),
        cmocka_unit_test_setup_teardown(ids_follow_the_key_alone, setup, setup),
        cmocka_unit_test_setup_teardown(a_sensor_of_the_board_takes_a_meter, setup, setup),
        cmocka_unit_test_setup_teardown(derived_sensors_have_meters_as_parts, setup, setup),
        cmocka_unit_test_setup_teardown(ids_that_meet_are_told, setup, setup),
        cmocka_unit_test_setup_teardown(the_whole_says_itself, setup, setup),
        cmocka_unit_test_setup_teardown(a_bus_is_one_of_two_in_the_whole, setup, setup),
        cmocka_unit_test_setup_teardown(fifteen_thousand_sensors_take_no_time, setup, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
