#include "unit.h"

#include "settings_house.h"

#include "core/flx_ports.h"
#include "core/ident.h"
#include "core/sensors.h"

#define FLX "'board':{'protocol':'flx','device':'/dev/x'}"

static const struct sensor_settings *number(const struct settings *s, int n)
{
    for (size_t i = 0; i < s->n_sensors; i++)
        if (sensor_settings_number(&s->sensors[i]) == n)
            return &s->sensors[i];
    fail_msg("there is no sensor %d", n);
    return NULL;
}

static void id_is(const struct sensor_settings *x, const char *key)
{
    char id[IDENT_LEN + 1];

    ident_derive(DEVICE, key, id);
    assert_string_equal(x->id, id);
}

static void without_ports_the_clamps_are_on(void **state)
{
    struct house h = house("{" FLX "}");
    const struct settings *s = h.now;

    (void)state;
    assert_int_equal(s->board.baud, 460800);
    assert_int_equal(s->board.led_mode, 255);
    assert_int_equal(s->board.radio_group, 174);
    assert_false(s->board.set_host_clock || s->board.waveforms);
    assert_int_equal(s->n_port, SETTINGS_FLX_PORTS);
    for (int i = 0; i < SETTINGS_FLX_PORTS; i++) {
        const struct port_settings *p = &s->port[i];
        char name[16];
        snprintf(name, sizeof name, "port %d", i + 1);
        assert_int_equal(p->port, i + 1);
        assert_int_equal(p->place, -1);
        assert_int_equal(p->enable, i < 3);
        assert_int_equal(p->class, i < 3 ? SENSOR_CT : i < 6 ? SENSOR_PULSE : SENSOR_UART);
        if (i < 3)
            assert_string_equal(p->name, name);
        assert_true(p->current == 50 && p->shift == 0 && !p->flip && p->constant_milli == 1000 && p->report);
    }
    assert_int_equal(s->n_sensors, FLX_SENSORS);
    demolish(&h);
}

/* board-flx.md: 12 per clamp, then one per pulse input; ids derive from the device's, port and quantity. */
static void numbers_names_and_ids(void **state)
{
    struct house h = house("{" FLX ",'ports':[{'port':5,'name':'gas','type':'gas','enable':true,'rid':4},"
                           "{'port':2,'name':'b','enable':true,'current':250,'rid':2,"
                           "'ids':{'irms':'000000000000000000000000000000aa'}}]}");
    const struct settings *s = h.now;

    (void)state;
    for (size_t i = 0; i < s->n_sensors; i++) {
        const struct sensor_settings *x = &s->sensors[i];
        int n = x->number, port = n <= 36 ? (n - 1) / 12 + 1 : n - 33;
        char key[32];
        assert_int_equal(n, i + 1);
        assert_int_equal(x->made, MADE_PORT);
        assert_int_equal(s->port[x->made_of].port, port);
        assert_true(x->n_ports == 1 && x->ports[0] == port && x->enable == (port == 2 || port == 5));
        assert_int_equal(x->subtype, n <= 36 ? (n - 1) % 12 + 1 : SUBTYPE_NONE);
        assert_int_equal(x->class, n <= 36 ? SENSOR_CT : SENSOR_PULSE);
        assert_int_equal(x->rid, port == 2 ? 2 : port == 5 ? 4 : 0);
        snprintf(key, sizeof key, "flx/%d/%s", port, n <= 36 ? sensor_subtype_name(x->subtype) : "pulse");
        if (n != 20)
            id_is(x, key);
    }
    assert_string_equal(number(s, 20)->id, "000000000000000000000000000000aa");
    assert_string_equal(number(s, 13)->name, "b pplus");
    assert_string_equal(number(s, 24)->name, "b alpha");
    assert_string_equal(number(s, 38)->name, "gas");
    assert_int_equal(number(s, 38)->type, SENSOR_GAS);
    assert_null(number(s, 1)->name); /* of a port that nobody named */
    assert_int_equal(number(s, 13)->current[0], 250);
    assert_int_equal(s->port[1].place, 1);
    assert_int_equal(s->port[4].place, 0);
    demolish(&h);
}

/* mqtt.md, "Units published" and "FLM03". */
static void units_are_those_of_v3(void **state)
{
    static const char *const clamp[][2] = {{"W", "Wh"},     {"W", "Wh"},     {"VAR", "VARh"}, {"VAR", "VARh"},
                                           {"VAR", "VARh"}, {"VAR", "VARh"}, {"V", NULL},     {"A", NULL},
                                           {"", NULL},      {"", NULL},      {"", NULL},      {"°", NULL}};
    static const struct {
        const char *type, *gauge, *counter;
    } pulse[] = {{"electricity", "W", "Wh"}, {"water", "L/s", "L"},  {"gas", "L/s", "L"}, {"heat", "W", "Wh"},
                 {"fuel", "L/s", "L"},       {"pellet", "g/s", "g"}, {"other", "1/s", ""}};
    const char *unit[READING_KINDS];
    char text[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pulse); i++) {
        snprintf(text, sizeof text, "{" FLX ",'ports':[{'port':4,'name':'p','type':'%s'}]}", pulse[i].type);
        struct house h = house(text);
        sensor_settings_units(number(h.now, 37), unit);
        assert_string_equal(unit[READING_GAUGE], pulse[i].gauge);
        assert_string_equal(unit[READING_COUNTER], pulse[i].counter);
        /* flukso-api.md: only Wh and L are reported */
        assert_int_equal(number(h.now, 37)->report, *pulse[i].counter == 'W' || *pulse[i].counter == 'L');
        for (int n = 1; i == 0 && n <= 36; n++) {
            sensor_settings_units(number(h.now, n), unit);
            assert_string_equal(unit[READING_GAUGE], clamp[(n - 1) % 12][0]);
            if (clamp[(n - 1) % 12][1])
                assert_string_equal(unit[READING_COUNTER], clamp[(n - 1) % 12][1]);
            else
                assert_null(unit[READING_COUNTER]);
            assert_int_equal(number(h.now, n)->report, (n - 1) % 12 < 2);
        }
        demolish(&h);
    }
}

static void a_port_that_is_not_reported(void **state)
{
    struct house h = house("{" FLX ",'ports':[{'port':1,'name':'a','enable':true,'report':false}]}");

    (void)state;
    for (int n = 1; n <= 12; n++)
        assert_false(number(h.now, n)->report);
    demolish(&h);
}

/* The table of sensors has all that are on, more than a v2 board has ports. */
static void all_that_are_on_are_in_the_table(void **state)
{
    struct house h = house("{" FLX ",'ports':[{'port':1,'name':'a','enable':true},{'port':2,'name':'b','enable':true},"
                           "{'port':3,'name':'c'},{'port':6,'name':'f','type':'other','enable':true}]}");
    struct sensors sensors;

    (void)state;
    sensors_init(&sensors);
    settings_set_sensors(h.now, &sensors);
    assert_int_equal(sensors.n_used, 25);
    const struct sensor *x = sensors_find(&sensors, number(h.now, 20)->id);
    assert_non_null(x);
    assert_string_equal(x->name, "b irms");
    assert_string_equal(x->unit[READING_GAUGE], "A");
    assert_null(x->unit[READING_COUNTER]);
    assert_true(x->number == 20 && x->class == SENSOR_CT && x->subtype == SUBTYPE_IRMS);
    assert_null(sensors_find(&sensors, number(h.now, 25)->id));
    assert_string_equal(sensors_find(&sensors, number(h.now, 39)->id)->unit[READING_GAUGE], "1/s");
    sensors_fini(&sensors);
    demolish(&h);
}

/* ---- what people change ---- */

/* The first word about a port makes a list of what was on without one. */
static void the_defaults_stay_when_one_is_changed(void **state)
{
    struct house h = house("{" FLX "}");

    (void)state;
    taken(&h, "{'ports':{'2':{'name':'boiler','current':100}}}",
          "{'ports':{'1':{'port':1,'name':'port 1','enable':true},"
          "'2':{'port':2,'name':'boiler','current':100,'enable':true},'3':{'port':3,'name':'port 3','enable':true}}}");
    assert_string_equal(number(h.now, 13)->name, "boiler pplus");
    assert_true(number(h.now, 1)->enable && number(h.now, 36)->enable);
    /* now it is a list like any */
    taken(&h, "{'ports':{'1':null,'3':null,'4':{'type':'water','enable':true}}}",
          "{'ports':{'2':{'port':2,'name':'boiler','current':100,'enable':true},"
          "'4':{'port':4,'name':'port 4','type':'water','enable':true}}}");
    assert_false(number(h.now, 1)->enable);
    taken(&h, "{'ports':{'2':null,'4':null}}", "{'ports':{}}"); /* all are off, which is not the default */
    assert_false(number(h.now, 13)->enable);
    taken(&h, "{'ports':null}", "{}");
    assert_true(number(h.now, 13)->enable);
    demolish(&h);
}

static void all_ports_may_go_at_once(void **state)
{
    struct house h = house("{" FLX "}");

    (void)state;
    taken(&h, "{'ports':{'1':null,'2':null,'3':null}}", "{'ports':{}}");
    assert_false(number(h.now, 1)->enable);
    taken(&h, "{'ports':{'7':{'enable':true}}}", "{'ports':{'7':{'port':7,'name':'port 7','enable':true}}}");
    demolish(&h);
}

static void a_list_of_the_file_may_be_taken_away(void **state)
{
    struct house h = house("{" FLX ",'ports':[{'port':4,'name':'d','enable':true}]}");

    (void)state;
    taken(&h, "{'ports':null}", "{'ports':null}");
    assert_true(number(h.now, 1)->enable && !number(h.now, 37)->enable);
    taken(&h, "{'ports':{'4':{'enable':true}}}",
          "{'ports':{'1':{'port':1,'name':'port 1','enable':true},'2':{'port':2,'name':'port 2','enable':true},"
          "'3':{'port':3,'name':'port 3','enable':true},'4':{'name':'port 4'}}}");
    demolish(&h);
}

/* In one patch with the board. */
static void a_board_with_its_ports(void **state)
{
    struct house h = house("{}");

    (void)state;
    taken(&h, "{" FLX ",'ports':{'1':{'name':'main'}}}",
          "{" FLX ",'ports':{'1':{'port':1,'name':'main','enable':true},"
          "'2':{'port':2,'name':'port 2','enable':true},'3':{'port':3,'name':'port 3','enable':true}}}");
    demolish(&h);
}

/* What people get they may send back, and nothing is said by it; ids of sensors go along. */
static void what_repeats_says_nothing(void **state)
{
    struct house h = house("{" FLX ",'phase':'3p+n'}");
    cJSON *p = tree("{'ports':[{'port':1,'name':'port 1','class':'ct','enable':true},{'port':5,'enable':false}],"
                    "'derive':[{'key':'grid','kind':'net','name':'grid'}],'board':{'baud':460800}}");

    (void)state;
    assert_true(patch(&h, p));
    assert_null(h.saved->child);
    assert_true(patch(&h, h.whole));
    assert_null(h.saved->child);
    cJSON_Delete(p);
    demolish(&h);
}

static void another_type_raises_rid(void **state)
{
    struct house h = house("{" FLX ",'ports':[{'port':4,'name':'d','enable':true,'rid':3}],"
                           "'derive':[{'key':'k','name':'k','of':['d']}]}");

    (void)state;
    taken(&h, "{'ports':{'4':{'type':'water'}}}", "{'ports':{'4':{'type':'water','rid':4}}}");
    taken(&h, "{'ports':{'4':{'type':'water','name':'w'}},'derive':{'k':{'of':['w']}}}",
          "{'ports':{'4':{'type':'water','rid':4,'name':'w'}},'derive':{'k':{'of':['w'],'rid':1}}}");
    taken(&h, "{'derive':{'k':{'factors':2}}}",
          "{'ports':{'4':{'type':'water','rid':4,'name':'w'}},'derive':{'k':{'of':['w'],'rid':2,'factors':2}}}");
    taken(&h, "{'derive':{'k':{'factors':2,'report':true}}}",
          "{'ports':{'4':{'type':'water','rid':4,'name':'w'}},"
          "'derive':{'k':{'of':['w'],'rid':2,'factors':2,'report':true}}}");
    demolish(&h);
}

static void refusals_name_the_port(void **state)
{
    struct house h = house("{" FLX ",'phase':'3p-n'}");

    (void)state;
    refused(&h, "{'ports':{'4':{'shift':1}}}", "ports[3].shift: a port of class pulse has none");
    refused(&h, "{'ports':{'2':{'current':100}}}",
            "ports[1].current: 100 differs from the 50 of ports[0]; clamps of three phases are identical");
    refused(&h, "{'ports':{'9':{'name':'x'}}}", "ports[3].port: 9 is not in 1 to 7");
    refused(&h, "{'ports':[{'name':'x'}]}", "ports[0]: has no port");
    refused(&h, "{'ports':{'1':{'ids':{'q9':null}}}}", "ports.1.ids.q9: unknown key");
    demolish(&h);
}

/* What the other board's list says is kept, whole and told apart. */
static void the_other_list_is_kept(void **state)
{
    struct house h = house("{" FLX ",'sensors':[{'ports':[1],'name':'main','enable':true}]}");

    (void)state;
    assert_int_equal(h.now->n_sensors, FLX_SENSORS);
    taken(&h, "{'sensors':{'1':{'name':'house'}}}", "{'sensors':{'1':{'name':'house'}}}");
    refused(&h, "{'sensors':{'2':{'ports':[2],'enable':true}}}",
            "sensors[1].name: is missing: what is enabled has one");
    taken(&h, "{'board':{'protocol':'flm02'}}", "{'board':{'protocol':'flm02'},'sensors':{'1':{'name':'house'}}}");
    assert_int_equal(h.now->n_sensors, 1);
    assert_int_equal(h.now->board.baud, 115200);
    assert_null(h.now->port);
    assert_string_equal(h.now->sensors[0].name, "house");
    demolish(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_ports_the_clamps_are_on),
        cmocka_unit_test(numbers_names_and_ids),
        cmocka_unit_test(units_are_those_of_v3),
        cmocka_unit_test(a_port_that_is_not_reported),
        cmocka_unit_test(all_that_are_on_are_in_the_table),
        cmocka_unit_test(the_defaults_stay_when_one_is_changed),
        cmocka_unit_test(all_ports_may_go_at_once),
        cmocka_unit_test(a_list_of_the_file_may_be_taken_away),
        cmocka_unit_test(a_board_with_its_ports),
        cmocka_unit_test(what_repeats_says_nothing),
        cmocka_unit_test(another_type_raises_rid),
        cmocka_unit_test(refusals_name_the_port),
        cmocka_unit_test(the_other_list_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
