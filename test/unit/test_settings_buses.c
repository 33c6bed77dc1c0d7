/* Changes of buses and their meters, a keyed list in a keyed list: patches, layers, what saving adds. */
#include "unit.h"

#include "settings_house.h"

#include "core/ident.h"
#include "core/sensor_patch.h"

#define BUSES                                                                                                          \
    "'buses':[{'key':'line1','device':'/dev/ttyUSB0','baud':9600,'meters':["                                           \
    "{'name':'Boiler','unit':3,'model':'eastron-sdm120'},"                                                             \
    "{'key':'car','name':'Car charger','unit':4,'model':'eastron-sdm630','interval':2}]},"                             \
    "{'key':'gw','tcp':{'host':'gw.lan'}}]"

/* The file, in which a meter without a key is found by the one that is made of its name. */
static struct house home(void)
{
    return house("{" BUSES "}");
}

static const struct meter_settings *meter(const struct house *h, const char *key)
{
    for (size_t b = 0; b < h->now->n_buses; b++)
        for (size_t m = 0; m < h->now->buses[b].n_meters; m++)
            if (strcmp(h->now->buses[b].meters[m].key, key) == 0)
                return &h->now->buses[b].meters[m];
    return NULL;
}

static void one_member_of_a_meter_is_saved_alone(void **state)
{
    struct house h = home();

    (void)state;
    taken(&h, "{'buses':{'line1':{'meters':{'boiler':{'unit':7}}}}}",
          "{'buses':{'line1':{'meters':{'boiler':{'unit':7}}}}}");
    assert_int_equal(meter(&h, "boiler")->unit, 7);
    taken(&h, "{'buses':{'line1':{'meters':{'car':{'interval':1}}}}}", /* the default, and not what the file says */
          "{'buses':{'line1':{'meters':{'boiler':{'unit':7},'car':{'interval':1}}}}}");
    taken(&h, "{'buses':{'line1':{'meters':{'boiler':{'unit':3},'car':{'interval':2}}}}}", "{}");
    demolish(&h);
}

/* Another name is no other meter: its key is that of the file's name. */
static void a_name_moves_no_key(void **state)
{
    struct house h = home();
    char id[IDENT_LEN + 1];

    (void)state;
    taken(&h, "{'buses':{'line1':{'meters':{'boiler':{'name':'Kettle'}}}}}",
          "{'buses':{'line1':{'meters':{'boiler':{'name':'Kettle'}}}}}");
    ident_derive(DEVICE, "meter/boiler/power", id);
    assert_string_equal(h.now->sensors[0].name, "Kettle");
    assert_string_equal(h.now->sensors[0].id, id);
    demolish(&h);
}

static void a_meter_is_found_by_its_unit_too(void **state)
{
    struct house h = home();

    (void)state;
    taken(&h, "{'buses':{'line1':{'meters':{'4':{'interval':5}}}}}",
          "{'buses':{'line1':{'meters':{'car':{'interval':5}}}}}");
    taken(&h, "{'buses':{'line1':{'meters':[{'unit':4,'interval':6}]}}}",
          "{'buses':{'line1':{'meters':{'car':{'interval':6}}}}}");
    taken(&h, "{'buses':[{'key':'line1','meters':{'4':null}}]}", "{'buses':{'line1':{'meters':{'car':null}}}}");
    assert_null(meter(&h, "car"));
    /* another unit is another meter */
    taken(&h, "{'buses':{'line1':{'meters':{'3':{'unit':5,'name':'x','model':'eastron-sdm120'}}}}}",
          "{'buses':{'line1':{'meters':{'car':null,'3':{'key':'3','unit':5,'name':'x','model':'eastron-sdm120'}}}}}");
    demolish(&h);
}

static void a_new_meter_gets_its_key(void **state)
{
    struct house h = home();

    (void)state;
    taken(&h, "{'buses':{'gw':{'meters':{'pump':{'unit':0,'name':'Heat pump','model':'eastron-sdm120'}}}}}",
          "{'buses':{'gw':{'meters':{'pump':{'key':'pump','unit':0,'name':'Heat pump','model':'eastron-sdm120'}}}}}");
    /* in a list by its name, unlike those that there are on any bus */
    taken(&h,
          "{'buses':{'gw':{'meters':[{'unit':1,'name':'boiler','model':'eastron-sdm120'},"
          "{'unit':2,'name':'Boiler-','model':'eastron-sdm120'}]}}}",
          "{'buses':{'gw':{'meters':{'pump':{'key':'pump','unit':0,'name':'Heat pump','model':'eastron-sdm120'},"
          "'boiler-2':{'key':'boiler-2','unit':1,'name':'boiler','model':'eastron-sdm120'},"
          "'boiler-3':{'key':'boiler-3','unit':2,'name':'Boiler-','model':'eastron-sdm120'}}}}}");
    demolish(&h);
}

static void a_new_bus_comes_with_its_meters(void **state)
{
    struct house h = home();
    struct settings *again;

    (void)state;
    taken(
        &h,
        "{'buses':{'line2':{'device':'/dev/ttyUSB1','meters':{'solar':{'unit':1,'name':'Solar','model':'abb-b23'}}}}}",
        "{'buses':{'line2':{'key':'line2','device':'/dev/ttyUSB1','meters':{'solar':{'key':'solar','unit':1,"
        "'name':'Solar','model':'abb-b23'}}}}}");
    again = restart(h.file, h.saved);
    assert_non_null(again);
    assert_int_equal(again->n_buses, 3);
    settings_free(again);
    taken(&h, "{'buses':{'line2':null}}", "{}");
    taken(&h, "{'buses':{'line1':null}}", "{'buses':{'line1':null}}");
    assert_int_equal(h.now->n_buses, 1);
    taken(&h, "{'buses':null}", "{'buses':{'line1':null,'gw':null}}");
    assert_int_equal(h.now->n_sensors, 0);
    demolish(&h);
}

/* A serial line that becomes a gateway leaves what is said of a serial line. */
static void a_line_may_become_a_gateway(void **state)
{
    struct house h = home();

    (void)state;
    refused(&h, "{'buses':{'line1':{'tcp':{'host':'h'}}}}", "buses[1].tcp: is given beside device: one of the two");
    taken(&h, "{'buses':{'line1':{'device':null,'baud':null,'tcp':{'host':'h'}}}}",
          "{'buses':{'line1':{'device':null,'baud':null,'tcp':{'host':'h'}}}}");
    assert_int_equal(h.now->buses[1].line, BUS_TCP);
    demolish(&h);
}

/* What people get and send back says nothing. */
static void the_whole_sent_back_changes_nothing(void **state)
{
    struct house h = home();

    (void)state;
    cJSON *whole = cJSON_Duplicate(h.whole, true);
    assert_true(patch(&h, whole));
    assert_null(h.saved->child);
    cJSON_Delete(whole);
    taken(&h, "{'buses':{'line1':{'meters':{'boiler':{'quantities':['power']}}}}}",
          "{'buses':{'line1':{'meters':{'boiler':{'quantities':['power']}}}}}");
    whole = cJSON_Duplicate(h.whole, true);
    cJSON *before = cJSON_Duplicate(h.saved, true);
    assert_true(patch(&h, whole));
    assert_true(cJSON_Compare(before, h.saved, true));
    cJSON_Delete(before);
    cJSON_Delete(whole);
    demolish(&h);
}

/* What follows from the model does so again, unless it is said by itself. */
static void another_model_brings_its_times(void **state)
{
    struct house h = home();

    (void)state;
    taken(&h, "{'buses':{'line1':{'meters':{'boiler':{'model':'orno-we516-517'}}}}}",
          "{'buses':{'line1':{'meters':{'boiler':{'model':'orno-we516-517'}}}}}");
    assert_int_equal(meter(&h, "boiler")->timeout_ms, 1000);
    taken(&h, "{'buses':{'line1':{'meters':{'boiler':{'model':'orno-we516-517','timeout':1}}}}}",
          "{'buses':{'line1':{'meters':{'boiler':{'model':'orno-we516-517'}}}}}");
    demolish(&h);
}

static void what_is_wrong_is_told_with_its_path(void **state)
{
    struct house h = home();

    (void)state;
    refused(&h, "{'buses':{'line1':{'meters':{'boiler':{'unit':300}}}}}",
            "buses[1].meters[0].unit: 300 is not in 0 to 255");
    refused(&h, "{'buses':{'line1':{'meters':{'boiler':{'unit':4}}}}}",
            "buses[1].meters[1].unit: 4 is the unit of buses[1].meters[0] too");
    refused(&h, "{'buses':{'line1':{'meters':{'boiler':{'units':4}}}}}",
            "buses.line1.meters.boiler.units: unknown key");
    refused(&h, "{'buses':{'line1':{'meters':{'boiler':4}}}}", "buses.line1.meters.boiler: is no object");
    refused(&h, "{'buses':{'line1':{'meters':[{'name':'x'}]}}}", "buses.line1.meters[0]: has neither key nor unit");
    refused(&h, "{'buses':{'line1':{'meters':[{'unit':3},{'unit':3}]}}}", "buses.line1.meters[1]: is given twice");
    refused(&h, "{'buses':{'line1':{'meters':{'new':{'unit':9}}}}}", "buses[1].meters[2].model: is missing");
    demolish(&h);
}

/* The administrator takes out what a layer says more of. */
static void a_layer_of_what_is_gone_is_left_out(void **state)
{
    cJSON *file = loaded("{'buses':[{'key':'line1','device':'/dev/a'}]}");
    cJSON *saved = tree("{'buses':{'line1':{'meters':{'boiler':{'unit':7},'ok':{'key':'ok','unit':1,'name':'n',"
                        "'model':'abb-b23'}}},'line2':{'meters':{'x':{'unit':1}}}}}");
    struct settings_errors warnings = {0};
    cJSON *merged = settings_merge(file, saved, &warnings);
    cJSON *want = tree("{'buses':[{'key':'line1','device':'/dev/a','meters':[{'key':'ok','unit':1,'name':'n',"
                       "'model':'abb-b23'}]}]}");

    (void)state;
    assert_true(cJSON_Compare(merged, want, true));
    assert_int_equal(warnings.n, 2);
    assert_string_equal(warnings.v[0].path, "buses.line1.meters.boiler");
    assert_string_equal(warnings.v[1].path, "buses.line2");
    settings_errors_free(&warnings);
    cJSON_Delete(merged);
    cJSON_Delete(want);
    cJSON_Delete(file);
    cJSON_Delete(saved);
}

/* Keys of buses by letter, of meters numbers first. */
static void both_lists_are_sorted(void **state)
{
    cJSON *t = tree("{'buses':[{'key':'b','meters':[{'key':'x','unit':1},{'key':'10'},{'key':'9'},{'unit':2}]},"
                    "{'key':'a'}]}");
    cJSON *want = tree("{'buses':[{'key':'a'},{'key':'b','meters':[{'unit':2},{'key':'9'},{'key':'10'},"
                       "{'key':'x','unit':1}]}]}");

    (void)state;
    settings_sort(t);
    assert_true(cJSON_Compare(t, want, true));
    cJSON_Delete(t);
    cJSON_Delete(want);
}

static void another_meter_begins_a_new_series(void **state)
{
    struct house h = house("{'sensors':[{'name':'main','ports':[6],'meter':'boiler','enable':true}]," BUSES "}");

    (void)state;
    taken(&h, "{'sensors':{'6':{'meter':'car'}}}", "{'sensors':{'6':{'meter':'car','rid':1}}}");
    taken(&h, "{'sensors':{'6':{'name':'car','meter':'car'}}}",
          "{'sensors':{'6':{'name':'car','meter':'car','rid':1}}}");
    refused(&h, "{'buses':{'line1':{'meters':{'car':null}}}}",
            "sensors[0].meter: car is not the key of a meter on a bus");
    demolish(&h);
}

/* ---- by way of a sensor ---- */

/* The patch of the settings that a patch of this sensor is; NULL with an error, of which this is the text. */
static void patched(const struct house *h, const char *name, const char *members, const char *want, const char *error)
{
    struct settings_errors errors = {0};
    cJSON *m = tree(members), *got = NULL, *expected = want ? tree(want) : NULL;
    size_t i = 0;

    while (strcmp(h->now->sensors[i].name, name) != 0)
        i++;
    got = sensor_patch(h->now, &h->now->sensors[i], m, &errors);
    assert_int_equal(!got, !want);
    if (want)
        assert_true(cJSON_Compare(got, expected, true));
    else
        assert_string_equal(errors.v[0].message, error);
    settings_errors_free(&errors);
    cJSON_Delete(m);
    cJSON_Delete(got);
    cJSON_Delete(expected);
}

static void what_is_said_of_a_sensor_is_said_of_its_meter(void **state)
{
    struct house h = home();

    (void)state;
    patched(&h, "Boiler", "{'name':'Kettle','interval':5}",
            "{'buses':{'line1':{'meters':{'boiler':{'name':'Kettle','interval':5}}}}}", NULL);
    patched(&h, "Boiler voltage", "{'name':'Kettle voltage'}",
            "{'buses':{'line1':{'meters':{'boiler':{'name':'Kettle'}}}}}", NULL);
    patched(&h, "Boiler export", "{'name':'Kettle'}", "{'buses':{'line1':{'meters':{'boiler':{'name':'Kettle'}}}}}",
            NULL);
    patched(&h, "Boiler", "{'id':'000000000000000000000000000000aa'}",
            "{'buses':{'line1':{'meters':{'boiler':{'id':'000000000000000000000000000000aa'}}}}}", NULL);
    patched(&h, "Boiler voltage", "{'id':'000000000000000000000000000000aa'}", NULL,
            "it derives from the key of buses.line1.meters.boiler");
    patched(&h, "Boiler", "{'report':true}", NULL,
            "a sensor of class meter has none of its own; what it is made of is buses.line1.meters.boiler");
    patched(&h, "Boiler", "{'key':'x'}", NULL, "unknown key");
    demolish(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_member_of_a_meter_is_saved_alone),
        cmocka_unit_test(a_name_moves_no_key),
        cmocka_unit_test(a_meter_is_found_by_its_unit_too),
        cmocka_unit_test(a_new_meter_gets_its_key),
        cmocka_unit_test(a_new_bus_comes_with_its_meters),
        cmocka_unit_test(a_line_may_become_a_gateway),
        cmocka_unit_test(the_whole_sent_back_changes_nothing),
        cmocka_unit_test(another_model_brings_its_times),
        cmocka_unit_test(what_is_wrong_is_told_with_its_path),
        cmocka_unit_test(a_layer_of_what_is_gone_is_left_out),
        cmocka_unit_test(both_lists_are_sorted),
        cmocka_unit_test(another_meter_begins_a_new_series),
        cmocka_unit_test(what_is_said_of_a_sensor_is_said_of_its_meter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
