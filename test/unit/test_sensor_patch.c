#include "unit.h"

#include "settings_house.h"

#include "core/sensor_patch.h"

#define FLX "'board':{'protocol':'flx','device':'/dev/x'}"

static struct house h;

static int setup(void **state)
{
    (void)state;
    h = house("{" FLX ",'phase':'3p+n','ports':[{'port':1,'name':'main','enable':true},"
              "{'port':2,'name':'b','enable':true},{'port':4,'name':'gas','type':'gas','enable':true}],"
              "'derive':[{'key':'k','name':'sum','of':['main pplus','b pplus']}]}");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    demolish(&h);
    return 0;
}

static cJSON *made(const char *name, const char *members, struct settings_errors *errors)
{
    for (size_t i = 0; i < h.now->n_sensors; i++) {
        if (!h.now->sensors[i].name || strcmp(h.now->sensors[i].name, name) != 0)
            continue;
        cJSON *m = tree(members), *p = sensor_patch(h.now, &h.now->sensors[i], m, errors);
        cJSON_Delete(m);
        return p;
    }
    fail_msg("there is no sensor %s", name);
    return NULL;
}

static void becomes(const char *name, const char *members, const char *patch)
{
    struct settings_errors errors = {0};
    cJSON *got = made(name, members, &errors), *want = tree(patch);

    assert_int_equal(errors.n, 0);
    if (!cJSON_Compare(got, want, true)) {
        char *text = cJSON_PrintUnformatted(got);
        fail_msg("%s of %s is %s", members, name, text);
    }
    cJSON_Delete(got);
    cJSON_Delete(want);
}

static void is_refused(const char *name, const char *members, const char *error, const char *allowed)
{
    struct settings_errors errors = {0};
    char text[512];

    assert_null(made(name, members, &errors));
    assert_int_equal(errors.n, 1);
    snprintf(text, sizeof text, "%s: %s", errors.v[0].path, errors.v[0].message);
    assert_string_equal(text, error);
    if (allowed)
        assert_string_equal(errors.v[0].allowed, allowed);
    else
        assert_null(errors.v[0].allowed);
    settings_errors_free(&errors);
}

static void what_the_port_has_goes_there(void **state)
{
    (void)state;
    becomes("main irms", "{'enable':false,'current':100,'rid':3,'flip':true}",
            "{'ports':{'1':{'enable':false,'current':100,'rid':3,'flip':true}}}");
    becomes("gas", "{'name':'water','type':'water','constant':2.5,'trigger':null,'report':false}",
            "{'ports':{'4':{'name':'water','type':'water','constant':2.5,'trigger':null,'report':false}}}");
    becomes("sum", "{'name':'total','report':true,'factors':[1,2]}",
            "{'derive':{'k':{'name':'total','report':true,'factors':[1,2]}}}");
    becomes("grid import", "{'report':true}", "{'derive':{'grid':{'report':true}}}");
}

static void a_name_is_the_ports(void **state)
{
    (void)state;
    becomes("main irms", "{'name':'house'}", "{'ports':{'1':{'name':'house'}}}");
    becomes("main irms", "{'name':'house irms'}", "{'ports':{'1':{'name':'house'}}}");
    becomes("main irms", "{'name':'house vrms'}", "{'ports':{'1':{'name':'house vrms'}}}");
    becomes("main irms", "{'name':'irms'}", "{'ports':{'1':{'name':'irms'}}}");
    becomes("main irms", "{'name':7}", "{'ports':{'1':{'name':7}}}"); /* the settings refuse it */
    becomes("grid export", "{'name':'meter export'}", "{'derive':{'grid':{'name':'meter'}}}");
    becomes("sum", "{'name':'a export'}", "{'derive':{'k':{'name':'a export'}}}");
}

static void what_repeats_is_left_out(void **state)
{
    char text[256];

    (void)state;
    snprintf(text, sizeof text, "{'id':'%s','name':'main pplus','class':'ct','ports':[1],'enable':true}",
             h.now->sensors[0].id);
    becomes("main pplus", text, "{'ports':{'1':{'enable':true}}}");
    becomes("sum", "{'class':'derived','ports':[]}", "{'derive':{'k':{}}}");
}

static void what_it_has_not_is_refused_with_the_key(void **state)
{
    (void)state;
    is_refused("main q1", "{'id':'000000000000000000000000000000aa'}",
               "id: of a sensor that is made it is said in the settings: use ports.1.ids.q1", "ports.1.ids.q1");
    is_refused("gas", "{'id':null}", "id: of a sensor that is made it is said in the settings: use ports.4.ids.pulse",
               "ports.4.ids.pulse");
    is_refused("sum", "{'id':7}", "id: of a sensor that is made it is said in the settings: use derive.k.ids.sum",
               "derive.k.ids.sum");
    is_refused("grid export", "{'id':7}",
               "id: of a sensor that is made it is said in the settings: use derive.grid.ids.export",
               "derive.grid.ids.export");
    is_refused("main q1", "{'voltage':230}",
               "voltage: a sensor of class ct has none of its own; what it is made of is ports.1", "ports.1");
    is_refused("main q1", "{'ports':[2]}",
               "ports: a sensor of class ct has none of its own; what it is made of is ports.1", "ports.1");
    is_refused("sum", "{'current':50}",
               "current: a sensor of class derived has none of its own; what it is made of is derive.k", "derive.k");
    is_refused("main q1", "{'port':2}", "port: unknown key", NULL);
    is_refused("main q1", "{'ids':{}}", "ids: unknown key", NULL);
    is_refused("sum", "{'key':'x'}", "key: unknown key", NULL);
    is_refused("main q1", "{'report':true}", "report: the Flukso server takes no counter of a sensor like this", NULL);
    is_refused("main q1", "{'rid':1,'rid':2}", "rid: is given twice", NULL);
}

static void a_given_sensor_goes_by_its_number(void **state)
{
    struct house flm02 = house("{'sensors':[{'ports':[5],'name':'gas','type':'gas'}]}");
    struct settings_errors errors = {0};
    cJSON *m = tree("{'name':'x','nonsense':1}"), *want = tree("{'sensors':{'5':{'name':'x','nonsense':1}}}");
    cJSON *got = sensor_patch(flm02.now, &flm02.now->sensors[0], m, &errors);

    (void)state;
    assert_true(cJSON_Compare(got, want, true));
    cJSON_Delete(got);
    cJSON_Delete(want);
    cJSON_Delete(m);
    demolish(&flm02);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_the_port_has_goes_there),
        T(a_name_is_the_ports),
        T(what_repeats_is_left_out),
        T(what_it_has_not_is_refused_with_the_key),
        cmocka_unit_test(a_given_sensor_goes_by_its_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
