/* What buses and meters are judged by, and the keys of meters that have none. */
#include "unit.h"

#include "meters_house.h"

static const struct {
    const char *text, *want;
} rules[] = {
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
    {"{'buses':[{'key':'a','device':'/dev/a','parity':'none'}]}", "buses[0].parity: \"none\" is not one of N, E, O\n"},
    {"{'buses':[{'key':'a','device':'/dev/a','meters':[{'name':'m'}]}]}",
     "buses[0].meters[0].unit: is missing\nbuses[0].meters[0].model: is missing\n"},
    {"{'buses':[{'key':'a','device':'/dev/a','meters':[{'unit':0,'name':'x'," SDM120 "},{'unit':248,'name':'y'," SDM120
     "},{'unit':247,'name':'z'," SDM120 "}]}]}",
     "buses[0].meters[0].unit: 0 is not in 1 to 247, the units of a serial line\n"
     "buses[0].meters[1].unit: 248 is not in 1 to 247, the units of a serial line\n"},
    {"{'buses':[{'key':'a','tcp':{'host':'h'},'meters':[{'unit':256,'name':'x'," SDM120 "}]}]}",
     "buses[0].meters[0].unit: 256 is not in 0 to 255\n"},
    {"{'buses':[{'key':'a','device':'/dev/a','meters':[{'unit':1,'name':'x'," SDM120 "},{'unit':1,'name':'x'," SDM120
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
    {"{'sensors':[{'name':'x','ports':[6],'meter':'b'}]}", "sensors[0].meter: b is not the key of a meter on a bus\n"},
    {"{'sensors':[{'name':'x','ports':[4],'meter':'b'}]}", "sensors[0].meter: a sensor of class pulse has none\n"
                                                           "sensors[0].meter: b is not the key of a meter on a bus\n"},
    {"{'sensors':[{'name':'x','ports':[6],'meter':'b','enable':true}],'buses':[{'key':'a','device':'/dev/"
     "a','meters':"
     "[{'unit':1,'key':'b','name':'y','quantities':['voltage']," SDM120 "}]}]}",
     "sensors[0].meter: of b neither power nor energy is read\n"},
};

static void each_rule_has_its_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        bad(rules[i].text, rules[i].want);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_rule_has_its_error, setup, setup),
        cmocka_unit_test_setup_teardown(gateways_may_be_shared, setup, setup),
        cmocka_unit_test_setup_teardown(a_model_that_is_none_is_told_with_those_near_it, setup, setup),
        cmocka_unit_test_setup_teardown(a_broken_file_of_a_model_is_told, setup, setup),
        cmocka_unit_test_setup_teardown(keys_are_made_of_names, setup, setup),
        cmocka_unit_test_setup_teardown(made_keys_are_unlike_all_others, setup, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
