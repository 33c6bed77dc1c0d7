/* Lines with telegrams as settings: their values, which sensors they make, how these are called, and changes of them.
 */
#include "unit.h"

#include "meters_house.h"

#include "core/flm02_want.h"
#include "core/ident.h"
#include "core/sensor_patch.h"

static const char *line(const char *more)
{
    static char text[2048];

    snprintf(text, sizeof text, "{'lines':[{'key':'k','name':'Meter',%s}]}", more);
    return text;
}

#define DEVICE_P1 "'device':'/dev/ttyUSB0','protocol':'p1'"

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
    static const struct {
        const char *protocol;
        int baud;
        enum line_format format;
    } usual[] = {
        {"p1", 115200, LINE_8N1}, {"d0", 9600, LINE_7E1}, {"tic", 9600, LINE_7E1}, {"tic-historique", 1200, LINE_7E1}};
    char more[100];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
        snprintf(more, sizeof more, "'device':'/dev/ttyUSB0','protocol':'%s'", usual[i].protocol);
        struct settings *s = good(line(more));
        const struct line_settings *l = s->lines;
        assert_int_equal(s->n_lines, 1);
        assert_int_equal(l->protocol, i);
        assert_int_equal(l->way, LINE_BY_DEVICE);
        assert_int_equal(l->baud, usual[i].baud);
        assert_int_equal(l->format, usual[i].format);
        assert_true(l->enable && !l->invert && !l->pull && !l->report && !l->board);
        assert_int_equal(l->current, 100);
        assert_int_equal(l->rid, 0);
        assert_null(l->id);
        settings_free(s);
    }
    struct settings *s = good(line("'device':'/dev/a','protocol':'d0','pull':true"));
    assert_int_equal(s->lines[0].interval, 60);
    settings_free(s);
}

static void what_is_given_is_taken(void **state)
{
    struct settings *s =
        good("{'board':{'protocol':'flm02','device':'/dev/b'},'lines':["
             "{'key':'a','name':'A','tcp':{'host':'dongle.lan','port':2323},'protocol':'p1','report':true,"
             "'current':40,'id':'000000000000000000000000000000aa','rid':7},"
             "{'key':'b','name':'B','board':true,'invert':true,'protocol':'p1'},"
             "{'key':'c','device':'/dev/c','enable':false,'protocol':'d0','baud':2400,'format':'8E1','pull':true,"
             "'interval':3600}]}");
    const struct line_settings *l = s->lines;

    (void)state;
    assert_int_equal(s->n_lines, 3);
    assert_int_equal(l[0].way, LINE_BY_TCP);
    assert_string_equal(l[0].tcp.host, "dongle.lan");
    assert_int_equal(l[0].tcp.port, 2323);
    assert_true(l[0].report);
    assert_int_equal(l[0].current, 40);
    assert_string_equal(s->sensors[0].id, "000000000000000000000000000000aa");
    assert_int_equal(sensor(s, "A gas")->rid, 7);
    assert_int_equal(l[1].way, LINE_BY_BOARD);
    assert_true(l[1].board && l[1].invert);
    assert_int_equal(l[2].baud, 2400);
    assert_int_equal(l[2].format, LINE_8E1);
    assert_int_equal(l[2].interval, 3600);
    assert_int_equal(s->sensors[s->n_sensors - 1].made_of, 1); /* of what is off none */
    settings_free(s);
}

/* ---- sensors ---- */

static void check(const struct settings *s, const char *name, const char *gauge, const char *counter, const char *key,
                  enum sensor_type type)
{
    const struct sensor_settings *x = sensor(s, name);
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
    assert_int_equal(x->type, type);
    assert_int_equal(x->made, MADE_LINE);
    assert_int_equal(x->class, SENSOR_LINE);
    assert_true(x->enable && !x->metered && x->n_ports == 0);
    assert_string_equal(sensor_class_name(x->class), "line");
}

static void sensors_of_p1(void **state)
{
    struct settings *s = good(line(DEVICE_P1));

    (void)state;
    check(s, "Meter", "W", "Wh", "line/k/net", SENSOR_ELECTRICITY);
    check(s, "Meter import", "W", "Wh", "line/k/import", SENSOR_ELECTRICITY);
    check(s, "Meter export", "W", "Wh", "line/k/export", SENSOR_ELECTRICITY);
    check(s, "Meter import T1", NULL, "Wh", "line/k/1.8.1", SENSOR_ELECTRICITY);
    check(s, "Meter export T4", NULL, "Wh", "line/k/2.8.4", SENSOR_ELECTRICITY);
    check(s, "Meter import L2", "W", NULL, "line/k/41.7.0", SENSOR_ELECTRICITY);
    check(s, "Meter voltage L1", "V", NULL, "line/k/32.7.0", SENSOR_ELECTRICITY);
    check(s, "Meter current L3", "A", NULL, "line/k/71.7.0", SENSOR_ELECTRICITY);
    check(s, "Meter quarter", "W", NULL, "line/k/1.4.0", SENSOR_ELECTRICITY);
    check(s, "Meter month peak", "W", NULL, "line/k/1.6.0", SENSOR_ELECTRICITY);
    check(s, "Meter gas", NULL, "L", "line/k/gas", SENSOR_GAS);
    check(s, "Meter gas 2", NULL, "L", "line/k/gas-2", SENSOR_GAS);
    check(s, "Meter warm water", NULL, "L", "line/k/warm-water", SENSOR_WATER);
    check(s, "Meter heat", NULL, "Wh", "line/k/heat", SENSOR_HEAT);
    assert_true(sensor_settings_falls(sensor(s, "Meter")));
    assert_false(sensor_settings_falls(sensor(s, "Meter import")));
    settings_free(s);
}

static void sensors_of_the_others(void **state)
{
    struct settings *s = good(line("'device':'/dev/a','protocol':'tic'"));

    (void)state;
    check(s, "Meter import", NULL, "Wh", "line/k/import", SENSOR_ELECTRICITY);
    check(s, "Meter export", NULL, "Wh", "line/k/export", SENSOR_ELECTRICITY);
    check(s, "Meter EASF01", NULL, "Wh", "line/k/easf01", SENSOR_ELECTRICITY);
    check(s, "Meter apparent power out", "VA", NULL, "line/k/sinsti", SENSOR_ELECTRICITY);
    check(s, "Meter ERQ4", NULL, "VARh", "line/k/erq4", SENSOR_ELECTRICITY);
    settings_free(s);
    s = good(line("'device':'/dev/a','protocol':'tic-historique','id':'000000000000000000000000000000aa'"));
    assert_string_equal(sensor(s, "Meter import")->id, "000000000000000000000000000000aa");
    check(s, "Meter HCHC", NULL, "Wh", "line/k/hchc", SENSOR_ELECTRICITY);
    check(s, "Meter apparent power", "VA", NULL, "line/k/papp", SENSOR_ELECTRICITY);
    settings_free(s);
    s = good(line("'device':'/dev/a','protocol':'d0'"));
    check(s, "Meter", "W", "Wh", "line/k/net", SENSOR_ELECTRICITY);
    check(s, "Meter heat", "W", "Wh", "line/k/heat", SENSOR_HEAT);
    check(s, "Meter frequency", "Hz", NULL, "line/k/14.7.0", SENSOR_ELECTRICITY);
    settings_free(s);
}

/* Behind those of meters, and before those that derive. */
static void numbers_go_on_behind_meters(void **state)
{
    struct settings *s =
        good("{'buses':[{'key':'a','device':'/dev/a','meters':[{'name':'B','unit':1," SDM120 "}]}],"
             "'lines':[{'key':'k','name':'M'," DEVICE_P1 "},{'key':'l','name':'N','device':'/dev/l','protocol':'tic'}],"
             "'derive':[{'key':'d','name':'D','of':['M']}]}");

    (void)state;
    for (size_t i = 0; i + 1 < s->n_sensors; i++) {
        assert_int_equal(sensor_settings_number(&s->sensors[i]), SETTINGS_METERED + (int)i);
        assert_int_equal(s->sensors[i].made, i < 5 ? MADE_METER : MADE_LINE);
    }
    assert_int_equal(s->sensors[s->n_sensors - 1].made, MADE_DERIVE);
    settings_free(s);
    s = good(line(DEVICE_P1));
    assert_int_equal(sensor_settings_number(&s->sensors[0]), SETTINGS_METERED);
    settings_free(s);
}

/* What the Flukso server may get: the net counter (of TIC import), gas, water. */
static void what_is_reported(void **state)
{
    struct settings *s = good(line(DEVICE_P1 ",'report':true"));
    size_t reported = 0;

    (void)state;
    for (size_t i = 0; i < s->n_sensors; i++)
        reported += s->sensors[i].report && sensor_settings_reportable(&s->sensors[i]);
    assert_int_equal(reported, 1 + 3 * LINE_DEVICES);
    assert_true(sensor(s, "Meter")->report && sensor(s, "Meter gas")->report && sensor(s, "Meter water 3")->report);
    assert_false(sensor(s, "Meter import")->report);
    settings_free(s);
    s = good(line(DEVICE_P1));
    for (size_t i = 0; i < s->n_sensors; i++)
        assert_false(s->sensors[i].report);
    settings_free(s);
    s = good(line("'device':'/dev/a','protocol':'tic','report':true"));
    assert_true(sensor(s, "Meter import")->report);
    assert_false(sensor(s, "Meter export")->report);
    settings_free(s);
}

static void derived_sensors_have_them_as_parts(void **state)
{
    struct settings *s = good("{'lines':[{'key':'k','name':'M'," DEVICE_P1 "}],'derive':["
                              "{'key':'d','name':'D','of':['M','M import']},"
                              "{'key':'n','name':'N','kind':'net','of':['M import'],'minus':['M export']},"
                              "{'key':'g','name':'G','of':['M gas']}]}");

    (void)state;
    assert_string_equal(sensor(s, "D")->unit[READING_GAUGE], "W");
    assert_string_equal(sensor(s, "G")->unit[READING_COUNTER], "L");
    assert_int_equal(sensor(s, "G")->type, SENSOR_GAS);
    settings_free(s);
    bad("{'lines':[{'key':'k','name':'M'," DEVICE_P1 "}],'derive':[{'key':'d','name':'D','of':['M','M gas']}]}",
        "derive[0].of[1]: M gas is in L and the first part in Wh: the parts of a sum are of one unit\n");
}

/* Neither path, protocol nor order moves an id, nor another name. */
static void ids_follow_the_key_alone(void **state)
{
    struct settings *a = good("{'lines':[{'key':'k','name':'x'," DEVICE_P1
                              "},{'key':'l','name':'y','device':'/dev/l','protocol':'p1'}]}");
    struct settings *b = good("{'lines':[{'key':'l','name':'z','tcp':{'host':'h','port':1},'protocol':'d0'},"
                              "{'key':'k','name':'w','device':'/dev/l','protocol':'p1'}]}");

    (void)state;
    assert_string_equal(sensor(a, "x")->id, sensor(b, "w")->id);
    assert_string_equal(sensor(a, "y import T2")->id, sensor(b, "z import T2")->id);
    settings_free(a);
    settings_free(b);
}

static void ids_that_meet_are_told(void **state)
{
    char id[IDENT_LEN + 1], more[256], text[2200], want[256];

    (void)state;
    ident_derive(DEVICE, "line/k/gas", id);
    snprintf(text, sizeof text, "{'sensors':[{'ports':[1],'id':'%s'}],%s", id, line(DEVICE_P1) + 1);
    snprintf(want, sizeof want, "lines[0].key: %s is the id of sensors[0] too\n", id);
    bad(text, want);
    snprintf(more, sizeof more, DEVICE_P1 ",'id':'%s'", DEVICE);
    snprintf(want, sizeof want, "lines[0].id: %s is the device's id\n", DEVICE);
    bad(line(more), want);
}

/* ---- the whole, and changes ---- */

static void a_line_is_one_of_three_in_the_whole(void **state)
{
    struct settings *s = good("{'board':{'protocol':'flm02','device':'/dev/b'},'lines':["
                              "{'key':'a','name':'A','device':'/dev/a','protocol':'d0','pull':true},"
                              "{'key':'b','name':'B','tcp':{'host':'h','port':1},'protocol':'p1'},"
                              "{'key':'c','name':'C','board':true,'protocol':'p1'}]}");
    cJSON *whole = settings_tree(s), *lines = cJSON_GetObjectItem(whole, "lines");
    cJSON *want = tree("[{'key':'a','name':'A','enable':true,'device':'/dev/a','protocol':'d0','baud':9600,"
                       "'format':'7E1','pull':true,'interval':60,'report':false,'current':100,'rid':0},"
                       "{'key':'b','name':'B','enable':true,'tcp':{'host':'h','port':1},'protocol':'p1',"
                       "'report':false,'current':100,'rid':0},"
                       "{'key':'c','name':'C','enable':true,'board':true,'protocol':'p1','invert':false,"
                       "'report':false,'current':100,'rid':0}]");

    (void)state;
    assert_true(cJSON_Compare(lines, want, true));
    struct settings *again = settings_parse_tree(whole, &meter_folder, &errors, NULL);
    assert_non_null(again);
    assert_int_equal(again->n_sensors, s->n_sensors);
    settings_free(again);
    cJSON_Delete(want);
    cJSON_Delete(whole);
    settings_free(s);
}

static void changes(void **state)
{
    struct house h = house("{'lines':[{'key':'p1','name':'Meter'," DEVICE_P1 "}]}");

    (void)state;
    taken(&h, "{'lines':{'p1':{'name':'Grid','report':true}}}", "{'lines':{'p1':{'name':'Grid','report':true}}}");
    taken(&h, "{'lines':{'p1':{'protocol':'d0'}}}", /* another meaning */
          "{'lines':{'p1':{'name':'Grid','report':true,'protocol':'d0','rid':1}}}");
    assert_int_equal(h.now->lines[0].baud, 9600); /* which follows */
    taken(&h, "{'lines':{'heat':{'name':'Heat','device':'/dev/h','protocol':'d0','pull':true}}}",
          "{'lines':{'p1':{'name':'Grid','report':true,'protocol':'d0','rid':1},"
          "'heat':{'key':'heat','name':'Heat','device':'/dev/h','protocol':'d0','pull':true}}}");
    refused(&h, "{'lines':{'heat':{'device':'/dev/ttyUSB0'}}}",
            "lines[1].device: /dev/ttyUSB0 is the device of lines[0] too");
    taken(&h, "{'lines':{'p1':null}}",
          "{'lines':{'p1':null,'heat':{'key':'heat','name':'Heat','device':'/dev/h','protocol':'d0','pull':true}}}");
    taken(&h, "{'lines':{'heat':null}}", "{'lines':{'p1':null}}");
    demolish(&h);
}

/* PATCH /api/v1/sensors/{id} goes to the line. */
static void a_sensors_patch_is_its_lines(void **state)
{
    struct house h = house("{'lines':[{'key':'p1','name':'Meter'," DEVICE_P1 "}]}");
    static const struct {
        const char *sensor, *members, *want;
    } cases[] = {
        {"Meter", "{'name':'Grid','report':true,'current':40}",
         "{'lines':{'p1':{'name':'Grid','report':true,'current':40}}}"},
        {"Meter", "{'id':'00000000000000000000000000000001'}",
         "{'lines':{'p1':{'id':'00000000000000000000000000000001'}}}"},
        {"Meter import T1", "{'name':'Grid import T1','enable':false}",
         "{'lines':{'p1':{'name':'Grid','enable':false}}}"},
        {"Meter gas", "{'report':true}", "{'lines':{'p1':{'report':true}}}"},
        {"Meter import T1", "{'id':'00000000000000000000000000000001'}", NULL}, /* it derives */
        {"Meter voltage L1", "{'report':true}", NULL},                          /* no counter */
        {"Meter", "{'constant':2}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cJSON *m = tree(cases[i].members), *got = sensor_patch(h.now, sensor(h.now, cases[i].sensor), m, &errors);
        cJSON *want = cases[i].want ? tree(cases[i].want) : NULL;
        assert_int_equal(errors.n, want ? 0 : 1);
        assert_true(!want ? !got : cJSON_Compare(got, want, true));
        settings_errors_free(&errors);
        cJSON_Delete(m);
        cJSON_Delete(got);
        cJSON_Delete(want);
    }
    demolish(&h);
}

/* The board's port is turned for a line that is on, and for no other. */
static void the_board_inverts_its_port(void **state)
{
    static const char text[] = "{'board':{'protocol':'flm02','device':'/dev/b'},'lines':["
                               "{'key':'a','name':'A','board':true,'protocol':'p1','enable':%s,'invert':%s}]}";
    struct flm02_command script[FLM02_SCRIPT_MAX];
    struct flm02_picture want, held;
    bool enabled[FLM02_SENSORS];
    char whole[256];

    (void)state;
    for (int i = 0; i < 4; i++) {
        snprintf(whole, sizeof whole, text, i & 1 ? "true" : "false", i & 2 ? "true" : "false");
        struct settings *s = good(whole);
        flm02_want(&want, s);
        assert_int_equal(want.rx_invert, i == 3);
        assert_int_equal(want.tx_invert, 0);
        held = want;
        held.rx_invert = 0;
        int n = flm02_script(&held, &want, 2, script, enabled);
        assert_int_equal(n, i == 3 ? 2 : 0);
        if (n) {
            assert_memory_equal(script[0].letters, "sk", 2);
            assert_memory_equal(script[0].args, "010100", 6);
        }
        assert_int_equal(flm02_script(&held, &want, 1, script, enabled), 0); /* older ones cannot */
        settings_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_not_given_has_its_default, setup),
        cmocka_unit_test_setup(what_is_given_is_taken, setup),
        cmocka_unit_test_setup(sensors_of_p1, setup),
        cmocka_unit_test_setup(sensors_of_the_others, setup),
        cmocka_unit_test_setup(numbers_go_on_behind_meters, setup),
        cmocka_unit_test_setup(what_is_reported, setup),
        cmocka_unit_test_setup(derived_sensors_have_them_as_parts, setup),
        cmocka_unit_test_setup(ids_follow_the_key_alone, setup),
        cmocka_unit_test_setup(ids_that_meet_are_told, setup),
        cmocka_unit_test_setup(a_line_is_one_of_three_in_the_whole, setup),
        cmocka_unit_test_setup(changes, setup),
        cmocka_unit_test_setup(a_sensors_patch_is_its_lines, setup),
        cmocka_unit_test_setup(the_board_inverts_its_port, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
