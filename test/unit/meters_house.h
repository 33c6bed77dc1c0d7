/* Settings with buses and meters, for tests: parsed with the models of conf/meters, or refused with these errors. */
#ifndef TEST_METERS_HOUSE_H
#define TEST_METERS_HOUSE_H

#include "settings_house.h"

static struct settings_errors errors;

static inline int setup(void **state)
{
    (void)state;
    settings_errors_free(&errors);
    meter_folder_finds = 0;
    return 0;
}

/* A text of settings with ' for "; NULL with errors. */
static inline struct settings *parse(const char *text)
{
    cJSON *t = tree(text);
    struct settings *s = settings_parse_tree(t, &meter_folder, &errors, NULL);

    cJSON_Delete(t);
    if (s && settings_derive_ids(s, DEVICE, &errors) < 0) {
        settings_free(s);
        return NULL;
    }
    return s;
}

static inline struct settings *good(const char *text)
{
    struct settings *s = parse(text);

    for (size_t i = 0; i < errors.n; i++)
        print_message("%s: %s\n", errors.v[i].path, errors.v[i].message);
    assert_non_null(s);
    return s;
}

/* It is refused with these errors, a line each. */
static inline void bad(const char *text, const char *want)
{
    char got[4096] = "";
    size_t n = 0;

    assert_null(parse(text));
    for (size_t i = 0; i < errors.n && n < sizeof got; i++)
        n += (size_t)snprintf(got + n, sizeof got - n, "%s: %s\n", errors.v[i].path, errors.v[i].message);
    settings_errors_free(&errors);
    assert_string_equal(got, want);
}

/* A bus with one meter, of which this is said beside what is needed. */
static inline const char *one(const char *more)
{
    static char text[4096];

    snprintf(text, sizeof text,
             "{'buses':[{'key':'line1','device':'/dev/ttyUSB0','meters':[{'name':'Boiler','unit':3%s%s}]}]}",
             *more ? "," : "", more);
    return text;
}

#define SDM120 "'model':'eastron-sdm120'"
#define SDM630 "'model':'eastron-sdm630'"

#endif
