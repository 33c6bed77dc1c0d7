#include "unit.h"

#include "settings_house.h"

static const char plain[] = "{'sensors':[{'ports':[4],'name':'water','type':'water','enable':true},"
                            "{'ports':[1],'name':'main','enable':true},{'ports':[2],'name':'solar','enable':true}]}";

static void errors_count_sensors_by_number(void **state)
{
    struct house h = house(plain);

    (void)state;
    refused(&h, "{'sensors':{'4':{'constant':0}}}", "sensors[2].constant: 0 is not in 0.001 to 65535.999");
    refused(&h, "{'sensors':{'3':{'name':'x'}}}", "sensors[3].ports: is missing");
    refused(&h, "{'sensors':{'2':{'name':'main'}}}", "sensors[1].name: main is the name of sensors[0] too");
    refused(&h, "{'mqtt':{'port':0}}", "mqtt.port: 0 is not in 1 to 65535");
    demolish(&h);
}

static void what_is_allowed_is_said(void **state)
{
    static const char *const cases[][2] = {
        {"{'sensors':{'1':{'current':60}}}", "one of 50, 100, 250, 500"},
        {"{'sensors':{'1':{'voltage':0}}}", "1 to 999"},
        {"{'sensors':{'4':{'constant':0}}}", "0.001 to 65535.999"},
        {"{'sensors':{'1':{'name':''}}}", "1 to 64 characters long"},
        {"{'sensors':{'1':{'enable':1}}}", "true or false"},
        {"{'sensors':7}", "a list"},
        {"{'sensors':[7]}", "an object"},
        {"{'device':{'key':'x'}}", "PUT /api/v1/secrets/device.key"},
        {"7", "an object"},
        {"{'sensors':{'2':{'name':'main'}}}", NULL},
    };
    struct house h = house(plain);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct settings_base base = base_of(&h);
        struct settings_errors errors = {0};
        struct settings_change c;
        cJSON *p = tree(cases[i][0]);
        assert_int_equal(settings_change_patch(&c, &base, p, &errors), -1);
        if (cases[i][1])
            assert_string_equal(errors.v[0].allowed, cases[i][1]);
        else
            assert_null(errors.v[0].allowed);
        settings_errors_free(&errors);
        cJSON_Delete(p);
    }
    demolish(&h);
}

static void nothing_changed_is_the_same(void **state)
{
    struct house h = house(plain);
    struct settings_base base = base_of(&h);
    struct settings_errors errors = {0};
    struct settings_change c;

    (void)state;
    assert_int_equal(settings_change_patch(&c, &base, h.whole, &errors), 0); /* all that there is, sent back */
    assert_true(c.same);
    settings_change_free(&c);
    cJSON *p = tree("{'sensors':{'1':{'voltage':231}}}");
    assert_int_equal(settings_change_patch(&c, &base, p, &errors), 0);
    assert_false(c.same);
    settings_change_free(&c);
    cJSON_Delete(p);
    demolish(&h);
}

/* S3 and rid, as they come out of the whole. */
static void saving_adds_what_goes_with_it(void **state)
{
    struct house h = house(plain);

    (void)state;
    taken(&h, "{'phase':'3p+n'}", "{'phase':'3p+n','sensors':{'1':{'ports':[1,2,3],'rid':1},'2':{'enable':false}}}");
    taken(&h, "{'phase':'1p'}", "{'sensors':{'1':{'rid':2},'2':{'enable':false}}}");
    taken(&h, "{'sensors':{'2':{'enable':true},'4':{'type':'gas'}}}",
          "{'sensors':{'1':{'rid':2},'4':{'type':'gas','rid':1}}}");
    demolish(&h);
}

static void s1_the_board_at_hand_counts(void **state)
{
    static const char joined[] = "{'sensors':{'4':{'ports':[4,5]}}}";
    struct house h = house(plain);

    (void)state;
    h.board_minor = 2;
    refused(&h, joined, "sensors[2].ports: pulse ports cannot be joined on board hardware 2.2");
    h.board_minor = 1;
    taken(&h, joined, "{'sensors':{'4':{'ports':[4,5],'rid':1}}}");
    h.board_minor = 2; /* another board, which leaves this sensor off: other changes go on */
    taken(&h, "{'sensors':{'1':{'voltage':240}}}", "{'sensors':{'1':{'voltage':240},'4':{'ports':[4,5],'rid':1}}}");
    demolish(&h);
}

/* The board's port turns what it receives from hardware 2.2 on. */
static void an_inverted_line_needs_the_boards_hardware(void **state)
{
    static const char invert[] = "{'lines':{'p1':{'invert':true}}}";
    struct house h = house("{'board':{'protocol':'flm02','device':'/dev/b'},"
                           "'lines':[{'key':'p1','name':'meter','board':true,'protocol':'p1'}]}");

    (void)state;
    h.board_minor = 1;
    refused(&h, invert, "lines[0].invert: needs board hardware 2.2; use an inverting cable");
    taken(&h, "{'lines':{'p1':{'enable':false,'invert':true}}}", "{'lines':{'p1':{'enable':false,'invert':true}}}");
    refused(&h, "{'lines':{'p1':{'enable':true}}}",
            "lines[0].invert: needs board hardware 2.2; use an inverting cable");
    h.board_minor = 2;
    taken(&h, "{'lines':{'p1':{'enable':true}}}", invert);
    h.board_minor = 0; /* another board: other changes go on */
    taken(&h, "{'lines':{'p1':{'current':40}}}", "{'lines':{'p1':{'current':40,'invert':true}}}");
    h.board_minor = -1; /* nobody knows */
    taken(&h, "{'lines':{'p1':{'current':null,'invert':null}}}", "{}");
    taken(&h, invert, invert);
    demolish(&h);
}

/* A layer cannot say what it means where two sensors of the file have one key. */
static void two_of_one_number_in_the_file(void **state)
{
    struct house h = house("{'sensors':[{'ports':[1],'name':'a'},{'ports':[2],'name':'b'}]}");

    (void)state;
    cJSON_AddItemToArray(cJSON_GetObjectItem(h.file, "sensors"), tree("{'ports':[1],'name':'c'}"));
    refused(&h, "{'sensors':{'2':{'name':'x'}}}",
            "sensors[1].ports: 1 is the lowest port of sensors[0] too, and so the number of both");
    demolish(&h);
}

static void another_layer(void **state)
{
    struct house h = house(plain);
    struct settings_base base = base_of(&h);
    struct settings_errors errors = {0};
    struct settings_change c;
    cJSON *layer = tree("{'phase':'1p','sensors':{'3':{'ports':[3],'name':'x'},'5':{'name':'lost'}},"
                        "'storage':{'path':'/elsewhere'}}");
    cJSON *want = tree("{'sensors':{'3':{'ports':[3],'name':'x'}}}");

    (void)state;
    assert_int_equal(settings_change_layer(&c, &base, layer, &errors), 0);
    assert_true(cJSON_Compare(c.saved, want, true));
    assert_string_equal(c.next->storage.path, STATE);
    settings_change_free(&c);
    cJSON *list = cJSON_CreateArray();
    assert_int_equal(settings_change_layer(&c, &base, list, &errors), -1);
    settings_errors_free(&errors);
    cJSON_Delete(list);
    cJSON_Delete(layer);
    cJSON_Delete(want);
    demolish(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_count_sensors_by_number), cmocka_unit_test(what_is_allowed_is_said),
        cmocka_unit_test(nothing_changed_is_the_same),    cmocka_unit_test(saving_adds_what_goes_with_it),
        cmocka_unit_test(s1_the_board_at_hand_counts),    cmocka_unit_test(an_inverted_line_needs_the_boards_hardware),
        cmocka_unit_test(two_of_one_number_in_the_file),  cmocka_unit_test(another_layer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
