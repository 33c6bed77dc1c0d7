/* Buses and meters as settings: what they are judged by, which sensors they make, and how these are called. */
#include "unit.h"

#include "settings_house.h"

#include "core/flm02_want.h"
#include "core/ident.h"
#include "core/mb_round.h"
#include "core/model_near.h"

#include <time.h>

static struct settings_errors errors;

static int setup(void **state)
{
    (void)state;
    settings_errors_free(&errors);
    meter_folder_finds = 0;
    return 0;
}

/* A text of settings with ' for "; NULL with errors. */
static struct settings *parse(const char *text)
{
    cJSON *t = tree(text);
    struct settings *s = settings_parse_tree(t, &meter_folder, &errors, NULL);

    cJSON_Delete(t);
    if (s && settings_derive_ids(s, DEVICE, &errors) < 0) {
        settings_free(s);
        return NULL;
    }
    return s;
}

static struct settings *good(const char *text)
{
    struct settings *s = parse(text);

    for (size_t i = 0; i < errors.n; i++)
        print_message("%s: %s\n", errors.v[i].path, errors.v[i].message);
    assert_non_null(s);
    return s;
}

/* It is refused with these errors, a line each. */
static void bad(const char *text, const char *want)
{
    char got[4096] = "";
    size_t n = 0;

    assert_null(parse(text));
    for (size_t i = 0; i < errors.n && n < sizeof got; i++)
        n += (size_t)snprintf(got + n, sizeof got - n, "%s: %s\n", errors.v[i].path, errors.v[i].message);
    settings_errors_free(&errors);
    assert_string_equal(got, want);
}

/* A bus with one meter, of which this is said beside what is needed. */
static const char *one(const char *more)
{
    static char text[4096];

    snprintf(text, sizeof text,
             "{'buses':[{'key':'line1','device':'/dev/ttyUSB0','meters':[{'name':'Boiler','unit':3%s%s}]}]}",
             *more ? "," : "", more);
    return text;
}

#define SDM120 "'model':'eastron-sdm120'"
#define SDM630 "'model':'eastron-sdm630'"

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

/* ---- rules ---- */

static void each_rule_has_its_error(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"{'buses':[{'device':'/dev/a'}]}", "buses[0].key: is missing\n"},
        {"{'buses':[{'key':'A','device':'/dev/a'}]}", "buses[0].key: \"A\" is not a key of a-z, 0-9, '_' and '-'\n"},
        {"{'buses':[{'key':'a'}]}",
         "buses[0].device: is missing: the path of a serial line, or tcp of a gateway on the network\n"},
        {"{'buses':[{'key':'a','tcp':{}}]}", "buses[0].tcp.host: is missing\n"},
        {"{'buses':[{'key':'a','device':'/dev/a','tcp':{'host':'h'}}]}",
         "buses[0].tcp: is given beside device: one of the two\n"},
        {"{'buses':[{'key':'a','tcp':{'host':'h'},'baud':9600,'rs485':'none'}]}",
         "buses[0].baud: a bus with tcp has none\nbuses[0].rs485: a bus with tcp has none\n"},
        {"{'buses':[{'key':'a','device':'/dev/a'},{'key':'a','device':'/dev/a'}]}",
         "buses[1].key: a is the key of buses[0] too\nbuses[1].device: /dev/a is the device of buses[0] too\n"},
        {"{'board':{'protocol':'flm02','device':'/dev/a'},'buses':[{'key':'a','device':'/dev/a'}]}",
         "buses[0].device: /dev/a is the board's\n"},
        {"{'buses':[{'key':'a','device':'/dev/a','proxy':{'port':502}},{'key':'b','device':'/dev/"
         "b','proxy':{'port':502,"
         "'listen':'0.0.0.0'}},{'key':'c','device':'/dev/"
         "c','proxy':{'port':502,'listen':'127.0.0.2'},'enable':false}]}",
         "buses[1].proxy.port: 502 is the port of buses[0] too\n"},
        {"{'http':{'port':81},'buses':[{'key':'a','device':'/dev/a','proxy':{'port':81}}]}",
         "buses[0].proxy.port: 81 is http.port too\n"},
        {"{'buses':[{'key':'a','device':'/dev/a','parity':'none'}]}",
         "buses[0].parity: \"none\" is not one of N, E, O\n"},
        {"{'buses':[{'key':'a','device':'/dev/a','meters':[{'name':'m'}]}]}",
         "buses[0].meters[0].unit: is missing\nbuses[0].meters[0].model: is missing\n"},
        {"{'buses':[{'key':'a','device':'/dev/a','meters':[{'unit':0,'name':'x'," SDM120
         "},{'unit':248,'name':'y'," SDM120 "},{'unit':247,'name':'z'," SDM120 "}]}]}",
         "buses[0].meters[0].unit: 0 is not in 1 to 247, the units of a serial line\n"
         "buses[0].meters[1].unit: 248 is not in 1 to 247, the units of a serial line\n"},
        {"{'buses':[{'key':'a','tcp':{'host':'h'},'meters':[{'unit':256,'name':'x'," SDM120 "}]}]}",
         "buses[0].meters[0].unit: 256 is not in 0 to 255\n"},
        {"{'buses':[{'key':'a','device':'/dev/a','meters':[{'unit':1,'name':'x'," SDM120
         "},{'unit':1,'name':'x'," SDM120
         "}]},{'key':'b','device':'/dev/b','meters':[{'unit':1,'key':'x','name':'y'," SDM120 "},{'key':'x','unit':2,"
         "'enable':false," SDM120 "}]}]}",
         "buses[0].meters[1].name: x is the name of buses[0].meters[0] too\n"
         "buses[0].meters[1].unit: 1 is the unit of buses[0].meters[0] too\n"
         "buses[1].meters[1].key: x is the key of buses[1].meters[0] too\n"},
        {"{'buses':[{'key':'a','device':'/dev/a','meters':[{'unit':1," SDM120 "}]}]}",
         "buses[0].meters[0].name: is missing: an enabled meter has one\n"},
        {"{'sensors':[{'name':'Boiler','ports':[1]}],'buses':[{'key':'a','device':'/dev/a','meters':[{'unit':1,"
         "'name':'Boiler'," SDM120 "}]}]}",
         "buses[0].meters[0].name: Boiler is the name of sensors[0] too\n"},
        {"{'sensors':[{'name':'Boiler export','ports':[1]}],'buses':[{'key':'a','device':'/dev/a','meters':[{'unit':1,"
         "'name':'Boiler'," SDM120 "}]}]}",
         "buses[0].meters[0].name: Boiler export is the name of sensors[0] too\n"},
        {"{'buses':[{'key':'a','device':'/dev/"
         "a','meters':[{'unit':1,'name':'x','quantities':['power','watts','power_l3',"
         "'power']," SDM120 "}]}]}",
         "buses[0].meters[0].quantities[1]: \"watts\" is not a quantity of a meter (power, voltage_l1, energy_import, "
         "...)\n"
         "buses[0].meters[0].quantities[3]: \"power\" is there twice\n"
         "buses[0].meters[0].quantities[2]: power_l3 is nothing that eastron-sdm120 has\n"},
        {"{'sensors':[{'name':'x','ports':[6],'meter':'b'}]}",
         "sensors[0].meter: b is not the key of a meter on a bus\n"},
        {"{'sensors':[{'name':'x','ports':[4],'meter':'b'}]}",
         "sensors[0].meter: a sensor of class pulse has none\n"
         "sensors[0].meter: b is not the key of a meter on a bus\n"},
        {"{'sensors':[{'name':'x','ports':[6],'meter':'b','enable':true}],'buses':[{'key':'a','device':'/dev/"
         "a','meters':"
         "[{'unit':1,'key':'b','name':'y','quantities':['voltage']," SDM120 "}]}]}",
         "sensors[0].meter: of b neither power nor energy is read\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        bad(cases[i].text, cases[i].want);
}

static void gateways_may_be_shared(void **state)
{
    (void)state;
    settings_free(good("{'buses':[{'key':'a','tcp':{'host':'h'}},{'key':'b','tcp':{'host':'h'}},"
                       "{'key':'c','device':'/dev/c'},{'key':'d','device':'/dev/c','enable':false}]}"));
}

static void a_model_that_is_none_is_told_with_those_near_it(void **state)
{
    (void)state;
    assert_null(parse(one("'model':'sdm360'")));
    assert_int_equal(errors.n, 1);
    assert_string_equal(errors.v[0].path, "buses[0].meters[0].model");
    assert_string_equal(errors.v[0].message, "\"sdm360\" is not a model: there is none in conf/meters");
    assert_non_null(strstr(errors.v[0].allowed, "eastron-sdm630"));
    assert_null(strstr(errors.v[0].allowed, "abb-b23"));
    settings_errors_free(&errors);
    assert_null(parse(one("'model':'kamstrup'"))); /* near nothing: all, as far as there is room */
    assert_int_equal(strncmp(errors.v[0].allowed, "abb-b23, ", 9), 0);
    assert_non_null(strstr(errors.v[0].allowed, ", …"));
    assert_true(strlen(errors.v[0].allowed) < 256);
}

static struct meter_model *broken_find(void *ctx, const char *id, char error[METER_ERROR])
{
    (void)ctx;
    (void)id;
    snprintf(error, METER_ERROR, "/etc/fluksod/meters/x.json: line 3, column 7: no value");
    return NULL;
}

static void broken_list(void *ctx, void (*each)(void *each_ctx, const char *id), void *each_ctx)
{
    (void)ctx;
    each(each_ctx, "x");
}

static void a_broken_file_of_a_model_is_told(void **state)
{
    static const struct meter_finder broken = {broken_find, broken_list, NULL};
    cJSON *t = tree(one("'model':'x'"));

    (void)state;
    assert_null(settings_parse_tree(t, &broken, &errors, NULL));
    assert_string_equal(errors.v[0].message,
                        "\"x\" cannot be used: /etc/fluksod/meters/x.json: line 3, column 7: no value");
    assert_null(errors.v[0].allowed);
    settings_errors_free(&errors);
    assert_null(settings_parse_tree(t, NULL, &errors, NULL));
    assert_string_equal(errors.v[0].message, "\"x\" is not a model: there are none here");
    cJSON_Delete(t);
}

/* ---- keys ---- */

static void keys_are_made_of_names(void **state)
{
    static const struct {
        const char *name, *key;
    } cases[] = {
        {"Boiler", "boiler"},      {"Zähler 2", "zahler-2"},
        {"  a -- b_c  ", "a-b_c"}, {"Ångström Ÿ ſ", "angstrom-y-s"},
        {"Łódź", "lodz"},          {"Котёл", ""},
        {"котёл 3", "3"},          {"0123456789 0123456789 0123456789 0123456789", "0123456789-0123456789-0123456789"},
    };
    char key[SETTING_METER_KEY_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        setting_key_fold(cases[i].name, key);
        assert_string_equal(key, cases[i].key);
    }
}

static void made_keys_are_unlike_all_others(void **state)
{
    static const char *const want[] = {"boiler-2", "boiler", "boiler-3", "boiler-4", "unit-5", "unit-6", "unit-5-2"};
    struct settings *s = good("{'buses':[{'key':'a','device':'/dev/a','meters':[{'unit':1,'name':'Boiler'," SDM120
                              "},{'unit':2,'key':'boiler',"
                              "'name':'b'," SDM120 "},{'unit':3,'key':'boiler-3','name':'c'," SDM120
                              "},{'unit':4,'name':'boiler'," SDM120 "},{'unit':5,'enable':false," SDM120
                              "},{'unit':6,'name':'Котёл'," SDM120 "}]},"
                              "{'key':'b','device':'/dev/b','meters':[{'unit':5,'name':'Насос'," SDM120 "}]}]}");

    (void)state;
    for (size_t i = 0; s && i < 6; i++)
        assert_string_equal(s->buses[0].meters[i].key, want[i]);
    assert_string_equal(s->buses[1].meters[0].key, want[6]);
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
        cmocka_unit_test_setup_teardown(each_rule_has_its_error, setup, setup),
        cmocka_unit_test_setup_teardown(gateways_may_be_shared, setup, setup),
        cmocka_unit_test_setup_teardown(a_model_that_is_none_is_told_with_those_near_it, setup, setup),
        cmocka_unit_test_setup_teardown(a_broken_file_of_a_model_is_told, setup, setup),
        cmocka_unit_test_setup_teardown(keys_are_made_of_names, setup, setup),
        cmocka_unit_test_setup_teardown(made_keys_are_unlike_all_others, setup, setup),
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
