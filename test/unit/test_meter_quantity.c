/* Names, units and kinds of what meters measure. */
#include "unit.h"

#include "core/meter_quantity.h"

#include <string.h>

static char text[QUANTITY_NAME];

static void each_name_leads_to_its_code_and_back(void **state)
{
    unsigned valid = 0;

    (void)state;
    for (unsigned q = 0; q < QUANTITIES; q++) {
        quantity_name((uint8_t)q, text);
        assert_true(strlen(text) > 0);
        assert_int_equal(quantity_find(text), quantity_valid((uint8_t)q) ? (int)q : -1);
        valid += quantity_valid((uint8_t)q);
    }
    assert_int_equal(valid, 6 * 8 + 8 * 4 + 2);
    assert_string_equal(quantity_name(QUANTITY_NONE, text), "");
    assert_false(quantity_valid(QUANTITY_NONE));
    assert_false(quantity_valid(QUANTITIES));
}

static void what_is_no_name_is_not_found(void **state)
{
    static const char *const bad[] = {
        "",       "Power",          "power_",    "power_l4",         "power_t1",     "power_l1x", "frequency_l1",
        "energy", "current_sum_l1", "voltage_l", "energy_import_t5", "power import", "reactive",  "power_import_l1_l2"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(quantity_find(bad[i]), -1);
    assert_int_equal(quantity_find("power"), QUANTITY(QUANTITY_POWER, 0));
    assert_int_equal(quantity_find("power_import"), QUANTITY(QUANTITY_POWER_IMPORT, 0));
    assert_int_equal(quantity_find("energy_import_l2"), QUANTITY(QUANTITY_ENERGY_IMPORT, 2));
    assert_int_equal(quantity_find("reactive_energy_total_t4"), QUANTITY(QUANTITY_REACTIVE_ENERGY_TOTAL, 7));
}

static void units_are_those_of_topics_and_energies_count(void **state)
{
    static const struct {
        const char *name, *unit, *words;
        enum reading_kind kind;
    } rows[] = {
        {"power_l1", "W", "power L1", READING_GAUGE},
        {"reactive_power", "VAR", "reactive power", READING_GAUGE},
        {"apparent_power_l3", "VA", "apparent power L3", READING_GAUGE},
        {"power_factor", "", "power factor", READING_GAUGE},
        {"voltage_l2", "V", "voltage L2", READING_GAUGE},
        {"current_sum", "A", "current sum", READING_GAUGE},
        {"frequency", "Hz", "frequency", READING_GAUGE},
        {"energy_import_l2", "Wh", "energy import L2", READING_COUNTER},
        {"energy_total_t1", "Wh", "energy total T1", READING_COUNTER},
        {"reactive_energy_export", "VARh", "reactive energy export", READING_COUNTER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t q = (uint8_t)quantity_find(rows[i].name);
        assert_string_equal(quantity_unit(q), rows[i].unit);
        assert_string_equal(quantity_words(q, text), rows[i].words);
        assert_int_equal(quantity_kind(q), rows[i].kind);
    }
    assert_string_equal(quantity_unit(QUANTITY_NONE), "");
    assert_string_equal(quantity_words(QUANTITY_NONE, text), "");
}

static void few_are_read_when_nothing_is_named(void **state)
{
    static const char *const yes[] = {"power",     "power_l2",      "voltage",       "voltage_l3",   "current_l1",
                                      "frequency", "energy_import", "energy_export", "energy_total", "power_import"};
    static const char *const no[] = {"energy_import_l1", "energy_import_t1",       "reactive_power", "apparent_power",
                                     "power_factor",     "reactive_energy_import", "current_sum",    "power_import_l1"};

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(quantity_is_default((uint8_t)quantity_find(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(quantity_is_default((uint8_t)quantity_find(no[i])));
    assert_false(quantity_is_default(QUANTITY_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_leads_to_its_code_and_back),
        cmocka_unit_test(what_is_no_name_is_not_found),
        cmocka_unit_test(units_are_those_of_topics_and_energies_count),
        cmocka_unit_test(few_are_read_when_nothing_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
