/* Model files: what one says arrives, a mistake is told with its place, and all that the project has are good. */
#include "unit.h"

#include "core/jsonw.h"
#include "core/meter_model.h"
#include "core/models_body.h"
#include "meter_house.h"

static char error[METER_ERROR];

static const char whole[] =
    "// ours\n"
    "{\"vendor\": \"Acme\", \"models\": [\"One\", \"Two (new)\"], \"phases\": 3, \"function\": 4, \"word_order\": "
    "\"little\","
    "\"byte_order\": \"big\", \"serial\": {\"baud\": 19200, \"parity\": \"E\", \"stop_bits\": 2, \"unit\": 33},"
    "\"max_read\": 64, \"careful_read\": 12, \"timeout\": 1.5, \"pause\": 0.05, \"current\": 80,"
    "\"no_value\": {\"int32\": [\"0x7fffffff\", 2147483648], \"uint64\": [\"0xffffffffffffffff\"]},"
    "\"identify\": [{\"address\": 50000, \"function\": 3, \"words\": 2, \"text\": \"SOCO\"},"
    "{\"address\": \"0x0010\", \"words\": 1, \"number\": 513}],"
    "\"registers\": [{\"quantity\": \"voltage_l1\", \"address\": \"0x0000\", \"type\": \"float32\"},"
    "{\"quantity\": \"energy_import\", \"address\": 65532, \"type\": \"uint64\", \"scale\": 0.01, \"function\": 3}],"
    "\"source\": \"a paper\", \"checked_with\": [\"another\"], \"confidence\": \"medium\", \"notes\": [\"Odd.\", "
    "\"Slow.\"]}";

static void what_a_file_says_arrives(void **state)
{
    struct meter_model *m = meter_model_parse("acme-one", whole, strlen(whole), error);

    (void)state;
    assert_non_null(m);
    assert_string_equal(m->id, "acme-one");
    assert_string_equal(m->vendor, "Acme");
    assert_string_equal(m->names, "One, Two (new)");
    assert_int_equal(m->phases, 3);
    assert_true(m->low_word_first);
    assert_false(m->low_byte_first);
    assert_int_equal(m->serial.baud, 19200);
    assert_int_equal(m->serial.parity, 'E');
    assert_int_equal(m->serial.stop_bits, 2);
    assert_int_equal(m->serial.unit, 33);
    assert_int_equal(m->max_read, 64);
    assert_int_equal(m->careful_read, 12);
    assert_int_equal(m->timeout_ms, 1500);
    assert_int_equal(m->pause_ms, 50);
    assert_int_equal(m->current_a, 80);
    assert_int_equal(m->n_no_value[METER_INT32], 2);
    assert_int_equal(m->no_value[METER_INT32][1], 0x80000000);
    assert_true(m->no_value[METER_UINT64][0] == UINT64_MAX);
    assert_int_equal(m->n_no_value[METER_INT16], 0);
    assert_int_equal(m->n_identify, 2);
    assert_int_equal(m->identify[0].address, 50000);
    assert_int_equal(m->identify[0].function, 3);
    assert_string_equal(m->identify[0].text, "SOCO");
    assert_int_equal(m->identify[1].address, 0x10);
    assert_int_equal(m->identify[1].function, 4);
    assert_int_equal(m->identify[1].number, 513);
    assert_int_equal(m->n_registers, 2);
    assert_int_equal(m->registers[0].scale_micro, 1000000);
    assert_int_equal(m->registers[0].function, 4);
    assert_int_equal(m->registers[0].words, 2);
    assert_int_equal(m->registers[1].address, 65532);
    assert_int_equal(m->registers[1].scale_micro, 10000);
    assert_int_equal(m->registers[1].function, 3);
    assert_int_equal(m->registers[1].words, 4);
    assert_string_equal(m->source, "a paper");
    assert_string_equal(m->confidence, "medium");
    assert_int_equal(m->n_notes, 2);
    assert_string_equal(m->notes[1], "Slow.");
    assert_ptr_equal(meter_model_register(m, quantity_find("energy_import")), &m->registers[1]);
    assert_null(meter_model_register(m, quantity_find("power")));
    meter_model_free(m);
}

#define HEAD  "{\"vendor\":\"A\",\"models\":[\"B\"],\"phases\":1,\"function\":4,"
#define POWER "{\"quantity\":\"power\",\"address\":0,\"type\":\"int16\"}"
#define TAIL  ",\"registers\":[" POWER "]}"

static void what_is_not_said_has_its_default(void **state)
{
    static const char text[] = HEAD "\"max_read\":6" TAIL, least[] = HEAD "\"registers\":[" POWER "]}";
    struct meter_model *m = meter_model_parse("a", least, strlen(least), error);

    (void)state;
    assert_non_null(m);
    assert_int_equal(m->max_read, METER_MAX_READ);
    assert_int_equal(m->careful_read, METER_CAREFUL_READ);
    assert_int_equal(m->timeout_ms, 0);
    assert_int_equal(m->serial.baud, 0);
    assert_int_equal(m->serial.parity, '\0');
    assert_string_equal(m->confidence, "low");
    assert_null(m->source);
    assert_false(m->low_word_first);
    meter_model_free(m);
    m = meter_model_parse("a", text, strlen(text), error);
    assert_non_null(m);
    assert_int_equal(m->max_read, 6);
    assert_int_equal(m->careful_read, 6);
    meter_model_free(m);
}

static const struct {
    const char *text, *says;
} mistakes[] = {
    {"{\n  \"vendor\" \"A\"}", "line 2, column 12: a colon is missing"},
    {"[]", "a list is not an object"},
    {"{}", "vendor: is missing"},
    {HEAD "\"registers\":[]}", "registers: is empty"},
    {HEAD "\"max_read\":9}", "registers: is missing"},
    {HEAD "\"colour\":\"red\"" TAIL, "colour: unknown key"},
    {HEAD "\"phases\":1" TAIL, "phases: is given twice"},
    {"{\"phases\":2}", "phases: 2 is not 1 or 3"},
    {"{\"function\":1}", "function: 1 is not 3 or 4"},
    {"{\"models\":[]}", "models: is empty"},
    {"{\"models\":[\"a, b\"]}", "models[0]: holds a comma"},
    {"{\"vendor\":\"\"}", "vendor: is not 1 to 64 characters long"},
    {"{\"vendor\":\"a\\nb\"}", "vendor: holds a control character"},
    {HEAD "\"word_order\":\"middle\"" TAIL, "word_order: \"middle\" is not one of big, little"},
    {HEAD "\"max_read\":126" TAIL, "max_read: 126 is not in 1 to 125"},
    {HEAD "\"max_read\":1.5" TAIL, "max_read: 1.5 is not a whole number"},
    {HEAD "\"max_read\":4,\"careful_read\":5" TAIL, "careful_read: 5 is more than max_read, 4"},
    {HEAD "\"timeout\":0.01" TAIL, "timeout: 0.01 is not in 0.02 to 10"},
    {HEAD "\"serial\":{\"parity\":\"M\"}" TAIL, "serial.parity: \"M\" is not one of N, E, O"},
    {HEAD "\"serial\":{\"unit\":0}" TAIL, "serial.unit: 0 is not in 1 to 247"},
    {HEAD "\"no_value\":{\"int24\":[0]}" TAIL, "no_value.int24: unknown key"},
    {HEAD "\"no_value\":{\"int16\":[\"0x10000\"]}" TAIL, "no_value.int16: \"0x10000\" is not in 0 to 0xffff"},
    {HEAD "\"no_value\":{\"uint64\":[1e300]}" TAIL, "no_value.uint64: 1e+300 is not in 0 to 0xfffffffffffffffe"},
    {HEAD "\"no_value\":{\"int16\":[1,2,3]}" TAIL, "no_value.int16: has not 1 or 2 members"},
    {HEAD "\"identify\":[{\"address\":0,\"words\":1}]" TAIL, "identify[0]: needs either text or number"},
    {HEAD "\"identify\":[{\"address\":0,\"words\":1,\"number\":65536}]" TAIL,
     "identify[0]: number does not fit into its words (4 at most)"},
    {HEAD "\"identify\":[{\"address\":0,\"words\":1,\"text\":\"abc\"}]" TAIL,
     "identify[0]: text does not fit into its words, two characters each"},
    {HEAD "\"registers\":[" POWER "," POWER "]}", "registers[1].quantity: power has a register already"},
    {HEAD "\"registers\":[{\"quantity\":\"watts\",\"address\":0,\"type\":\"int16\"}]}",
     "registers[0].quantity: \"watts\" is not a quantity, such as power, voltage_l1 or energy_import"},
    {HEAD "\"registers\":[" POWER ",{\"quantity\":\"voltage\",\"address\":1,\"type\":\"int24\"}]}",
     "registers[1].type: \"int24\" is not one of int16, uint16, int32, uint32, int64, uint64, float32, float64"},
    {HEAD "\"registers\":[{\"quantity\":\"power\",\"type\":\"int16\"}]}", "registers[0].address: is missing"},
    {HEAD "\"registers\":[{\"quantity\":\"power\",\"address\":\"12\",\"type\":\"int16\"}]}",
     "registers[0].address: \"12\" is not a number or \"0x\" and hex digits"},
    {HEAD "\"registers\":[{\"quantity\":\"power\",\"address\":65535,\"type\":\"int32\"}]}",
     "registers[0]: ends behind register 65535"},
    {HEAD "\"registers\":[{\"quantity\":\"power\",\"address\":0,\"type\":\"int16\",\"scale\":0}]}",
     "registers[0].scale: 0 is not in 0.000001 to 1000000000"},
    {HEAD "\"registers\":[{\"quantity\":\"power\",\"address\":0,\"type\":\"int16\",\"scale\":0.0000015}]}",
     "registers[0].scale: 1.5e-06 is not a number with at most six decimals"},
    {HEAD "\"max_read\":3,\"registers\":[" POWER ",{\"quantity\":\"voltage\",\"address\":1,\"type\":\"int64\"}]}",
     "registers[1]: 4 words are more than careful_read or max_read, 3"},
    {"{\"vendor\":\"A\",\"models\":[\"B\"],\"phases\":1" TAIL, "registers[0]: has no function, and the model has none"},
    {HEAD "\"notes\":[\"a\",\"\"]" TAIL, "notes[1]: is not 1 to 500 characters long"},
    {HEAD "\"checked_with\":\"a\"" TAIL, "checked_with: \"a\" is not a list"},
    {HEAD "\"confidence\":\"full\"" TAIL, "confidence: \"full\" is not one of high, medium, low"},
};

static void a_mistake_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct meter_model *m = meter_model_parse("a", mistakes[i].text, strlen(mistakes[i].text), error);
        assert_null(m);
        assert_string_equal(error, mistakes[i].says);
    }
}

static void a_long_wrong_text_is_cut(void **state)
{
    char text[4096] = HEAD "\"confidence\":\"", *p = text + strlen(text);

    (void)state;
    for (int i = 0; i < 1000; i++)
        p = stpcpy(p, "ä");
    strcpy(p, "\"" TAIL);
    assert_null(meter_model_parse("a", text, strlen(text), error));
    assert_non_null(strstr(error, "…"));
    assert_non_null(strstr(error, "is not one of high, medium, low"));
    assert_true(strlen(error) < METER_ERROR);
}

static void ids_are_names_of_files(void **state)
{
    static const char *const bad[] = {
        "", "-a", "_a", "A", "a.b", "../x", "a b", "ä", "a12345678901234567890123456789012345678901234567"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(meter_model_id_valid(bad[i]));
        assert_null(meter_model_parse(bad[i], whole, strlen(whole), error));
    }
    assert_true(meter_model_id_valid("7m-24_x"));
    assert_true(meter_model_id_valid("a1234567890123456789012345678901234567890123456"));
}

/* ---- those of the project ---- */

static void all_models_are_there(void **state)
{
    (void)state;
    assert_int_equal(n_house, 31);
    for (size_t i = 0; i < n_house; i++) {
        const struct meter_model *m = house[i];
        assert_non_null(m->source);
        assert_true(m->n_notes > 0);
        assert_true(m->n_registers >= 4);
        for (size_t k = 1; k < m->n_registers; k++) /* in their order, none over another */
            assert_true(m->registers[k - 1].address + m->registers[k - 1].words <= m->registers[k].address);
    }
}

static bool defaults_have(const struct meter_model *m, const char *name)
{
    uint8_t q[METER_REGISTERS_MAX];
    size_t n = meter_model_defaults(m, q);

    return memchr(q, quantity_find(name), n) != NULL;
}

static void defaults_are_what_the_model_has_and_nothing_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_house; i++) {
        const struct meter_model *m = house[i];
        assert_true(defaults_have(m, "power") || defaults_have(m, "power_import"));
        assert_true(defaults_have(m, "energy_import") || defaults_have(m, "energy_total"));
        assert_false(defaults_have(m, "energy_import") && defaults_have(m, "energy_total"));
        assert_false(defaults_have(m, "voltage") && defaults_have(m, "voltage_l1"));
    }
    assert_true(defaults_have(house_find("dzg-dvh4013"), "power_export"));
    assert_true(defaults_have(house_find("orno-we504"), "energy_total"));
    assert_true(defaults_have(house_find("eastron-sdm120"), "voltage"));
    assert_false(defaults_have(house_find("inepro-pro380"), "voltage"));
}

/* Each of them has cost somebody data. */
static void traps_are_in_the_files(void **state)
{
    const struct meter_model *abb = house_find("abb-b23"), *orno = house_find("orno-we516-517");

    (void)state;
    assert_true(house_find("carlogavazzi-em340")->low_word_first);
    assert_true(house_find("carlogavazzi-em24")->low_word_first);
    assert_int_equal(house_find("carlogavazzi-em111")->no_value[METER_INT32][0], 0x7fffffff);
    assert_true(abb->no_value[METER_UINT64][0] == UINT64_MAX);
    assert_true(abb->no_value[METER_INT32][0] == 0x7fffffff);
    assert_true(house_find("schneider-iem3x55")->no_value[METER_INT64][0] == 0x8000000000000000);
    assert_int_equal(orno->timeout_ms, 1000);
    assert_int_equal(house_find("socomec-countis-e")->max_read, 125);
    assert_int_equal(house_find("eastron-sdm72")->careful_read, 10);
    assert_int_equal(meter_model_register(house_find("chint-dtsu666"), quantity_find("energy_import"))->address,
                     0x401e);
    assert_int_equal(meter_model_register(house_find("chint-dtsu666-new"), quantity_find("energy_import"))->address,
                     0x101e);
}

/* Of the text with one piece of it replaced. */
static bool same_with(const char *piece, const char *other)
{
    char text[sizeof whole + 100];
    const char *at = strstr(whole, piece);

    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, other, at + strlen(piece));
    struct meter_model *a = meter_model_parse("acme-one", whole, strlen(whole), error),
                       *b = meter_model_parse("acme-one", text, strlen(text), error);
    assert_non_null(a);
    if (!b)
        fail_msg("%s", error);
    bool same = meter_model_same(a, b);
    meter_model_free(a);
    meter_model_free(b);
    return same;
}

static void what_changes_how_a_meter_is_read_makes_another_model(void **state)
{
    (void)state;
    assert_true(same_with("Odd.", "Even."));
    assert_true(same_with("\"medium\"", "\"high\""));
    assert_false(same_with("\"little\"", "\"big\""));
    assert_false(same_with("\"max_read\": 64", "\"max_read\": 65"));
    assert_false(same_with("\"careful_read\": 12", "\"careful_read\": 10"));
    assert_false(same_with("\"scale\": 0.01", "\"scale\": 0.1"));
    assert_false(same_with("65532", "65531"));
    assert_false(same_with("float32", "int32"));
    assert_false(same_with("voltage_l1", "voltage_l2"));
    assert_false(same_with("2147483648", "2147483647"));
    assert_false(same_with(", 2147483648", ""));
    assert_false(same_with("\"phases\": 3", "\"phases\": 1"));
    assert_false(same_with("\"scale\": 0.01, \"function\": 3", "\"scale\": 0.01"));
}

static void a_model_as_the_api_tells_it(void **state)
{
    struct meter_model *m = meter_model_parse("acme-one", whole, strlen(whole), error);
    struct jsonw w;

    (void)state;
    assert_non_null(m);
    jsonw_init(&w);
    models_body_line(&w, m->id, m, NULL);
    models_body_line(&w, "x", NULL, "no \"good\"");
    jsonw_raw(&w, "\n", 1);
    models_body_whole(&w, m);
    jsonw_raw(&w, "", 1);
    assert_string_equal(
        w.buf,
        "{\"id\":\"acme-one\",\"vendor\":\"Acme\",\"models\":[\"One\",\"Two "
        "(new)\"],\"phases\":3,\"confidence\":\"medium\"},"
        "{\"id\":\"x\",\"error\":\"no \\\"good\\\"\"}\n"
        ",{\"id\":\"acme-one\",\"vendor\":\"Acme\",\"models\":[\"One\",\"Two "
        "(new)\"],\"phases\":3,\"confidence\":\"medium\","
        "\"serial\":{\"baud\":19200,\"parity\":\"E\",\"stop_bits\":2,\"unit\":33},\"max_read\":64,\"careful_read\":12,"
        "\"timeout\":1.5,\"pause\":0.05,\"current\":80,\"quantities\":["
        "{\"quantity\":\"voltage_l1\",\"unit\":\"V\",\"address\":0,\"type\":\"float32\",\"function\":4,\"default\":"
        "true},"
        "{\"quantity\":\"energy_import\",\"unit\":\"Wh\",\"address\":65532,\"type\":\"uint64\",\"function\":3,"
        "\"default\":true}],\"source\":\"a paper\",\"notes\":[\"Odd.\",\"Slow.\"]}");
    jsonw_free(&w);
    meter_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_file_says_arrives),
        cmocka_unit_test(what_is_not_said_has_its_default),
        cmocka_unit_test(a_mistake_is_told_with_its_place),
        cmocka_unit_test(a_long_wrong_text_is_cut),
        cmocka_unit_test(ids_are_names_of_files),
        cmocka_unit_test(all_models_are_there),
        cmocka_unit_test(defaults_are_what_the_model_has_and_nothing_twice),
        cmocka_unit_test(traps_are_in_the_files),
        cmocka_unit_test(what_changes_how_a_meter_is_read_makes_another_model),
        cmocka_unit_test(a_model_as_the_api_tells_it),
    };

    return cmocka_run_group_tests(tests, house_setup, house_teardown);
}
