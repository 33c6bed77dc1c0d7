#include "unit.h"

#include "core/fold.h"
#include "core/settings.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void folds(const char *name, const char *want)
{
    char out[FOLD_MAX + 1];
    size_t len = fold_name(name, out);

    assert_string_equal(out, want);
    assert_int_equal(len, strlen(want));
}

static void latin_letters_lose_their_marks(void **state)
{
    (void)state;
    folds("main", "main");
    folds("Küche", "Kuche");
    folds("Straße Ærø", "Strasse AEro");
    folds("kWh_été-2", "kWh_ete-2");
    folds("Łódź piętro Čáslav", "Lodz pietro Caslav");
    folds("Țânțar", "Tantar");
    folds("Ku\xcc\x88"
          "che",
          "Kuche"); /* the mark as a character of its own */
    folds("m³ µ 1²", "m3 u 12");
    folds("\xc3\x80\xc5\xbf", "As"); /* the ends of the table, U+00C0 and U+017F */
    folds("×÷\xc6\x80", "");
}

static void other_letters_become_underscores(void **state)
{
    (void)state;
    folds("Λ1", "_1");
    folds("厨房 A", "__ A");
    folds("😀x", "_x");
    folds("κουζίνα", "");
    folds("_ -", "");
    folds("", "");
}

static void long_names_are_cut(void **state)
{
    (void)state;
    folds("abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz012345");
    folds("abcdefghijklmnopqrstuvwxyz01234ß", "abcdefghijklmnopqrstuvwxyz01234"); /* not half of "ss" */
    folds("abcdefghijklmnopqrstuvwxyz0123ß", "abcdefghijklmnopqrstuvwxyz0123ss");
}

/* Names of sensors 1, 2, 3 …, as they are folded. */
static void distinct(const char *const *names, const char *const *want, size_t n)
{
    struct sensor_settings sensors[SETTINGS_PORTS] = {0};
    struct settings s = {.sensors = sensors, .n_sensors = n};

    for (size_t i = 0; i < n; i++) {
        sensors[i].name = names[i] ? strdup(names[i]) : NULL;
        sensors[i].ports[0] = (int)i + 1;
        sensors[i].n_ports = 1;
    }
    char(*out)[FOLD_MAX + 1] = fold_sensors(&s);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(out[i], want[i]);
        free(sensors[i].name);
    }
    free(out);
}

#define DISTINCT(...)                                                                                                  \
    do {                                                                                                               \
        static const char *const both[][SETTINGS_PORTS] = __VA_ARGS__;                                                 \
        size_t n = 0;                                                                                                  \
        while (n < SETTINGS_PORTS && both[1][n])                                                                       \
            n++;                                                                                                       \
        distinct(both[0], both[1], n);                                                                                 \
    } while (0)

static void folded_names_stay_distinct(void **state)
{
    (void)state;
    DISTINCT({{"Küche", "Kûche", "Kuche"}, {"Kuche-2", "Kuche-3", "Kuche"}}); /* who needs no folding stays */
    DISTINCT({{"Kuche", "Küche", "Kuche-2"}, {"Kuche", "Kuche-3", "Kuche-2"}});
    DISTINCT({{"κουζίνα", NULL, "厨房", "sensor-1"}, {"sensor-1-2", "", "sensor-3", "sensor-1"}});
    DISTINCT({{"é23456789012345678901234567890123", "ê23456789012345678901234567890123"},
              {"e2345678901234567890123456789012", "e23456789012345678901234567890-2"}});
}

/* In the order of numbers, not of the list: an edit of the file's order changes no name. */
static void the_lower_number_keeps_the_name(void **state)
{
    char a[] = "Küche", b[] = "Kûche";
    struct sensor_settings sensors[] = {{.name = a, .ports = {2}, .n_ports = 1},
                                        {.name = b, .ports = {1}, .n_ports = 1}};
    struct settings s = {.sensors = sensors, .n_sensors = 2};
    char(*out)[FOLD_MAX + 1] = fold_sensors(&s);

    (void)state;
    assert_string_equal(out[0], "Kuche-2");
    assert_string_equal(out[1], "Kuche");
    free(out);
}

/* Sensors that are made have numbers of their own, beyond the ports that a v2 board has. */
static void made_sensors_fold_too(void **state)
{
    char a[] = "Küche", b[] = "Kûche", c[] = "厨房";
    struct sensor_settings sensors[] = {{.name = a, .made = MADE_DERIVE, .number = 102},
                                        {.name = b, .made = MADE_PORT, .number = 39},
                                        {.name = c, .made = MADE_DERIVE, .number = 101}};
    struct settings s = {.sensors = sensors, .n_sensors = 3};
    char(*out)[FOLD_MAX + 1] = fold_sensors(&s);

    (void)state;
    assert_string_equal(out[0], "Kuche-2");
    assert_string_equal(out[1], "Kuche");
    assert_string_equal(out[2], "sensor-101");
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latin_letters_lose_their_marks),
        cmocka_unit_test(other_letters_become_underscores),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(folded_names_stay_distinct),
        cmocka_unit_test(the_lower_number_keeps_the_name),
        cmocka_unit_test(made_sensors_fold_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
