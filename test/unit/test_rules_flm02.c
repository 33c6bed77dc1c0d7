/* The manual's rules on an FLM02 board, by their ids. */
#include "unit.h"

#include "core/settings.h"
#include "core/settings_merge.h"
#include "core/settings_rules.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define DEVICE "0123456789abcdef0123456789abcdef"

/* A tree of a text with ' for ". */
static cJSON *tree(const char *text)
{
    char *copy = strdup(text);

    assert_non_null(copy);
    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    cJSON *t = cJSON_Parse(copy);
    if (!t)
        fail_msg("no JSON: %s", text);
    free(copy);
    return t;
}

static struct settings *parse(const char *text, struct settings_errors *errors)
{
    cJSON *t = tree(text);
    struct settings *s = settings_parse_tree(t, NULL, errors, NULL);

    cJSON_Delete(t);
    if (s && settings_derive_ids(s, DEVICE, errors) < 0) {
        settings_free(s);
        return NULL;
    }
    return s;
}

static void good(const char *text)
{
    struct settings_errors errors = {0};
    struct settings *s = parse(text, &errors);

    if (!s)
        fail_msg("%s: %s: %s", text, errors.v[0].path, errors.v[0].message);
    settings_free(s);
}

/* It is refused, and first for this. */
static void refused(const char *text, const char *error)
{
    struct settings_errors errors = {0};
    char got[512];

    assert_null(parse(text, &errors));
    snprintf(got, sizeof got, "%s: %s", errors.v[0].path, errors.v[0].message);
    assert_string_equal(got, error);
    settings_errors_free(&errors);
}

#define PORTS(list, more) "{'sensors':[{'ports':" list more "}]}"

static void p1_s4_the_class_follows_from_the_port(void **state)
{
    static const char *const classes[] = {"analog", "analog", "analog", "pulse", "pulse", "uart"};
    char text[128];

    (void)state;
    for (int port = 1; port <= 6; port++) {
        for (size_t k = 0; k < ARRAY_LEN(classes); k++) {
            struct settings_errors errors = {0};
            snprintf(text, sizeof text, PORTS("[%d]", ",'class':'%s'"), port, classes[k]);
            struct settings *s = parse(text, &errors);
            assert_int_equal(s != NULL, strcmp(classes[k], classes[port - 1]) == 0);
            settings_free(s);
            settings_errors_free(&errors);
        }
    }
    refused(PORTS("[4]", ",'class':'analog'"), "sensors[0].class: analog is not what port 4 is: pulse");
    refused(PORTS("[7]", ""), "sensors[0].ports[0]: 7 is not in 1 to 6");
    refused(PORTS("[0]", ""), "sensors[0].ports[0]: 0 is not in 1 to 6");
}

static void p2_clamps_and_voltages(void **state)
{
    char text[128];

    (void)state;
    for (int amps = 0; amps <= 1000; amps += 50) {
        bool ok = amps == 50 || amps == 100 || amps == 250 || amps == 500;
        struct settings_errors errors = {0};
        snprintf(text, sizeof text, PORTS("[1]", ",'current':%d"), amps);
        struct settings *s = parse(text, &errors);
        assert_int_equal(s != NULL, ok);
        settings_free(s);
        settings_errors_free(&errors);
    }
    refused(PORTS("[1]", ",'current':60"), "sensors[0].current: 60 is not one of 50, 100, 250, 500");
    good(PORTS("[1]", ",'voltage':1"));
    good(PORTS("[1]", ",'voltage':999"));
    refused(PORTS("[1]", ",'voltage':0"), "sensors[0].voltage: 0 is not in 1 to 999");
    refused(PORTS("[1]", ",'voltage':1000"), "sensors[0].voltage: 1000 is not in 1 to 999");
    refused(PORTS("[1]", ",'voltage':230.5"), "sensors[0].voltage: 230.5 is not a whole number");
    good(PORTS("[1]", ",'voltage':291,'current':500"));
    refused(PORTS("[1]", ",'voltage':292,'current':500"),
            "sensors[0].current: 500 A at 292 V makes a meter constant of 65554, over 65535");
    refused(PORTS("[4]", ",'voltage':230"), "sensors[0].voltage: a sensor of class pulse has none");
}

static void p3_pulse_constants(void **state)
{
    (void)state;
    good(PORTS("[4]", ",'constant':0.001"));
    good(PORTS("[5]", ",'constant':65535.999"));
    refused(PORTS("[4]", ",'constant':0"), "sensors[0].constant: 0 is not in 0.001 to 65535.999");
    refused(PORTS("[4]", ",'constant':65536"), "sensors[0].constant: 65536 is not in 0.001 to 65535.999");
    refused(PORTS("[4]", ",'constant':0.0015"),
            "sensors[0].constant: 0.0015 is not a number with at most three decimals");
    refused(PORTS("[1]", ",'constant':1"), "sensors[0].constant: a sensor of class analog has none");
}

/* S1: at most six sensors, each of one or more ports of one class. */
static void s1_ports_of_one_class(void **state)
{
    (void)state;
    refused(PORTS("[]", ""), "sensors[0].ports: is empty");
    refused(PORTS("[3,4]", ""), "sensors[0].ports: 3 is analog and 4 is pulse: the ports of a sensor are of one class");
    refused(PORTS("[6,5]", ""), "sensors[0].ports: 5 is pulse and 6 is uart: the ports of a sensor are of one class");
    refused(PORTS("[4,4]", ""), "sensors[0].ports[1]: 4 is there twice");
    refused("{'sensors':[{'ports':[1]},{'ports':[2]},{'ports':[3]},{'ports':[4]},{'ports':[5]},{'ports':[6]},"
            "{'ports':[1]}]}",
            "sensors: 7 members are more than 6");
    good("{'sensors':[{'ports':[1]},{'ports':[2]},{'ports':[3]},{'ports':[4]},{'ports':[5]},{'ports':[6]}]}");
}

static void s1_a_port_feeds_one_sensor(void **state)
{
    (void)state;
    refused("{'sensors':[{'ports':[4,5],'name':'a','enable':true},{'ports':[5],'name':'b','enable':true}]}",
            "sensors[1].ports: 5 is a port of sensors[0] too");
    good("{'sensors':[{'ports':[4,5],'name':'a','enable':true},{'ports':[5],'name':'b'}]}");
    refused("{'sensors':[{'ports':[4]},{'ports':[5,4]}]}",
            "sensors[1].ports: 4 is the lowest port of sensors[0] too, and so the number of both");
}

/* What the board at hand says of it, hardware 2.<minor>: "" or the first error. */
static void hardware_says(const char *text, int minor, const char *want)
{
    struct settings_errors errors = {0};
    struct settings *s = parse(text, &errors);
    char got[256] = "";

    assert_non_null(s);
    for (size_t i = 0; i < s->n_sensors; i++) {
        const char *member, *why = rules_flm02.hardware(s, i, minor, &member);
        if (why)
            snprintf(got, sizeof got, "sensors[%zu].%s: %s", i, member, why);
    }
    assert_string_equal(got, want);
    settings_free(s);
}

static void s1_joined_pulse_ports_by_hardware(void **state)
{
    static const char joined[] = "{'sensors':[{'ports':[1]},{'ports':[4,5],'name':'a','enable':true}]}";
    static const char off[] = "{'sensors':[{'ports':[4,5],'name':'a'}]}";
    static const char fraction[] = "{'sensors':[{'ports':[4],'name':'a','constant':0.5,'enable':true}]}";

    (void)state;
    hardware_says(joined, 0, "");
    hardware_says(joined, 1, "");
    hardware_says(joined, 2, "sensors[1].ports: pulse ports cannot be joined on board hardware 2.2");
    hardware_says(off, 2, "");
    hardware_says(fraction, 0,
                  "sensors[0].constant: its constant has decimals, which needs board hardware 2.1 or newer");
    hardware_says(fraction, 1, "");
}

static void s2_names(void **state)
{
    (void)state;
    good(PORTS("[1]", ",'name':'Küche 2_b-c','enable':true"));
    good(PORTS("[1]", ",'name':'厨房'"));
    good(PORTS("[1]", ",'name':'1234567890123456789012345678901234567890123456789012345678901é34'"));
    refused(PORTS("[1]", ",'name':'12345678901234567890123456789012345678901234567890123456789012345'"),
            "sensors[0].name: \"12345678901234567890123456789012345678901234567890123456789… is not 1 to 64 characters "
            "long");
    refused(PORTS("[1]", ",'name':''"), "sensors[0].name: \"\" is not 1 to 64 characters long");
    refused(PORTS("[1]", ",'name':'a/b'"),
            "sensors[0].name: \"a/b\" is not a name of letters, digits, '_', spaces and '-'");
    refused(PORTS("[1]", ",'enable':true"), "sensors[0].name: is missing: an enabled sensor has one");
    refused("{'sensors':[{'ports':[1],'name':'a'},{'ports':[2],'name':'a'}]}",
            "sensors[1].name: a is the name of sensors[0] too");
}

static void s2_ids(void **state)
{
    (void)state;
    good(PORTS("[1]", ",'id':'000000000000000000000000000000af'"));
    refused(PORTS("[1]", ",'id':'000000000000000000000000000000AF'"),
            "sensors[0].id: \"000000000000000000000000000000AF\" is not 32 lower-case hex digits");
    refused(PORTS("[1]", ",'id':'00'"), "sensors[0].id: \"00\" is not 32 characters long");
    refused("{'sensors':[{'ports':[1],'id':'000000000000000000000000000000af'},"
            "{'ports':[2],'id':'000000000000000000000000000000af'}]}",
            "sensors[1].id: 000000000000000000000000000000af is the id of sensors[0] too");
    refused(PORTS("[1]", ",'id':'" DEVICE "'"), "sensors[0].id: " DEVICE " is the device's id");
}

static void s3_clamps_by_phase(void **state)
{
    (void)state;
    refused(PORTS("[1,2]", ""), "sensors[0].ports: 2 ports, where an analog sensor has one with phase 1p");
    good("{'phase':'3p+n','sensors':[{'ports':[1,2,3],'name':'main','enable':true},{'ports':[2]},{'ports':[3]}]}");
    good("{'phase':'3p-n','sensors':[{'ports':[3,2,1],'name':'main','enable':true}]}");
    refused("{'phase':'3p+n','sensors':[{'ports':[1],'name':'main','enable':true}]}",
            "sensors[0].ports: with phase 3p+n the enabled analog sensor has the ports 1, 2, 3");
    refused("{'phase':'3p+n','sensors':[{'ports':[1,2,3],'name':'main','enable':true},"
            "{'ports':[2],'name':'b','enable':true}]}",
            "sensors[1].ports: with phase 3p+n the enabled analog sensor has the ports 1, 2, 3");
    refused("{'phase':3,'sensors':[{'ports':[1,2,3],'current':[50,50,100],'name':'main','enable':true}]}",
            "sensors[0].current: 50, 50 and 100 are not identical, which clamps of three phases must be");
    refused("{'phase':3,'sensors':[{'ports':[1,2,3],'current':[50,50],'name':'main','enable':true}]}",
            "sensors[0].current: 2 values for 3 ports");
}

static void s5_types(void **state)
{
    (void)state;
    good(PORTS("[4]", ",'type':'water'"));
    good(PORTS("[5]", ",'type':'gas'"));
    good(PORTS("[4]", ",'type':'electricity'"));
    refused(PORTS("[1]", ",'type':'water'"),
            "sensors[0].type: water is for pulse ports; class analog measures electricity");
    refused(PORTS("[6]", ",'type':'gas'"), "sensors[0].type: gas is for pulse ports; class uart measures electricity");
    refused(PORTS("[4]", ",'type':'pellet'"),
            "sensors[0].type: pellet has no unit on this board; electricity, water, gas have");
}

/* ---- what saving adds ---- */

static const char single[] = "{'sensors':[{'ports':[1],'name':'main','enable':true},"
                             "{'ports':[2],'name':'solar','current':[100],'enable':true},"
                             "{'ports':[3],'name':'boiler'},{'ports':[4],'type':'gas','rid':3}]}";
static const char three[] = "{'phase':'3p+n','sensors':[{'ports':[1,2,3],'voltage':[231,231,231],'name':'main',"
                            "'enable':true},{'ports':[2],'name':'solar'}]}";

/* The patch as it is when saving has added to it. */
static void saves(const char *before, const char *patch, const char *want)
{
    cJSON *b = tree(before), *p = tree(patch), *w = tree(want);

    settings_saving(p, b);
    if (!cJSON_Compare(p, w, true)) {
        char *got = cJSON_PrintUnformatted(p);
        fail_msg("%s became %s", patch, got);
    }
    cJSON_Delete(b);
    cJSON_Delete(p);
    cJSON_Delete(w);
}

/* What was saved so is accepted. */
static void saved_is_good(const char *before, const char *patch)
{
    cJSON *b = tree(before), *p = tree(patch);

    settings_saving(p, b);
    cJSON *after = settings_patch(b, p);
    char *text = cJSON_PrintUnformatted(after);
    good(text);
    cJSON_free(text);
    cJSON_Delete(b);
    cJSON_Delete(p);
    cJSON_Delete(after);
}

static void s3_saving_three_phases(void **state)
{
    (void)state;
    saves(single, "{'phase':'3p+n'}",
          "{'phase':'3p+n','sensors':{'1':{'ports':[1,2,3],'rid':1},'2':{'enable':false}}}");
    saves(single, "{'phase':'3p-n','sensors':{'1':{'ports':[1,2,3]},'3':{'enable':true}}}",
          "{'phase':'3p-n','sensors':{'1':{'ports':[1,2,3],'rid':1},'3':{'enable':false},'2':{'enable':false}}}");
    saves(single, "{'phase':3,'sensors':{'2':null}}", "{'phase':3,'sensors':{'2':null,'1':{'ports':[1,2,3],'rid':1}}}");
    saves("{'sensors':[{'ports':[1],'current':[250],'voltage':[231]}]}", "{'phase':3}",
          "{'phase':3,'sensors':{'1':{'ports':[1,2,3],'voltage':231,'current':250,'rid':1}}}");
    saves("{'phase':'3p-n','sensors':[{'ports':[1]},{'ports':[2],'enable':true}]}",
          "{'sensors':{'1':{'ports':[3,2,1]}}}", "{'sensors':{'1':{'ports':[3,2,1],'rid':1},'2':{'enable':false}}}");
    saved_is_good(single, "{'phase':'3p+n'}");
    saved_is_good(single, "{'phase':'3p-n','sensors':{'1':{'ports':[1,2,3]},'3':{'enable':true}}}");
}

/* With three phases already, a second clamp is no slip but a mistake: it is refused, not switched off. */
static void s3_saving_leaves_mistakes(void **state)
{
    (void)state;
    saves(three, "{'sensors':{'2':{'enable':true}}}", "{'sensors':{'2':{'enable':true}}}");
    saves(single, "{'phase':3,'sensors':{'1':{'ports':[1,2]}}}",
          "{'phase':3,'sensors':{'1':{'ports':[1,2],'rid':1},'2':{'enable':false}}}");
    saves(single, "{'sensors':{'1':{'ports':[1,2,3]}}}", "{'sensors':{'1':{'ports':[1,2,3],'rid':1}}}");
    saves("{}", "{'phase':3}", "{'phase':3}");
}

static void s3_saving_a_single_phase(void **state)
{
    (void)state;
    saves(three, "{'phase':'1p'}", "{'phase':'1p','sensors':{'1':{'ports':[1],'voltage':231,'rid':1}}}");
    saves(three, "{'phase':null}", "{'phase':null,'sensors':{'1':{'ports':[1],'voltage':231,'rid':1}}}");
    saves(three, "{'phase':'3p-n'}", "{'phase':'3p-n'}");
    saved_is_good(three, "{'phase':1}");
    saved_is_good(three, "{'phase':1,'sensors':{'2':{'enable':true}}}");
}

static void a_new_meaning_raises_rid(void **state)
{
    (void)state;
    saves(single, "{'sensors':{'4':{'type':'water'}}}", "{'sensors':{'4':{'type':'water','rid':4}}}");
    saves(single, "{'sensors':{'4':{'type':null}}}", "{'sensors':{'4':{'type':null,'rid':4}}}");
    saves(single, "{'sensors':{'4':{'ports':[5]}}}", "{'sensors':{'4':{'ports':[5],'rid':4}}}");
    saves(single, "{'sensors':{'4':{'type':'water','rid':3}}}", "{'sensors':{'4':{'type':'water','rid':4}}}");
    saves(single, "{'sensors':{'4':{'type':'water','rid':9}}}", "{'sensors':{'4':{'type':'water','rid':9}}}");
    saves(single, "{'sensors':{'4':{'type':'water','rid':0}}}", "{'sensors':{'4':{'type':'water','rid':0}}}");
    saves(single, "{'sensors':{'1':{'type':'electricity','ports':[1],'name':'x','current':100}}}",
          "{'sensors':{'1':{'type':'electricity','ports':[1],'name':'x','current':100}}}");
    saves(three, "{'sensors':{'1':{'ports':[3,2,1]}}}", "{'sensors':{'1':{'ports':[3,2,1]}}}");
    saves(single, "{'sensors':{'5':{'ports':[5],'type':'water'}}}", "{'sensors':{'5':{'ports':[5],'type':'water'}}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p1_s4_the_class_follows_from_the_port),
        cmocka_unit_test(p2_clamps_and_voltages),
        cmocka_unit_test(p3_pulse_constants),
        cmocka_unit_test(s1_ports_of_one_class),
        cmocka_unit_test(s1_a_port_feeds_one_sensor),
        cmocka_unit_test(s1_joined_pulse_ports_by_hardware),
        cmocka_unit_test(s2_names),
        cmocka_unit_test(s2_ids),
        cmocka_unit_test(s3_clamps_by_phase),
        cmocka_unit_test(s5_types),
        cmocka_unit_test(s3_saving_three_phases),
        cmocka_unit_test(s3_saving_leaves_mistakes),
        cmocka_unit_test(s3_saving_a_single_phase),
        cmocka_unit_test(a_new_meaning_raises_rid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
