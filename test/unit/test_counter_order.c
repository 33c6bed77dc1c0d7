#include "unit.h"

#include "core/counter_order.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static struct settings_errors errors;

static int teardown(void **state)
{
    (void)state;
    settings_errors_free(&errors);
    return 0;
}

static int64_t order(const char *text, int64_t published)
{
    cJSON *tree = cJSON_Parse(text);
    int64_t n = counter_order(tree, published, "Wh", &errors);

    cJSON_Delete(tree);
    return n;
}

static void what_is_allowed(void **state)
{
    static const struct {
        const char *text;
        int64_t published, expect;
    } cases[] = {
        {"{\"set\": 12345.678}", 1000, 12345678},
        {"{\"set\": 1}", 1000, 1000},
        {"{\"set\": 0}", 0, 0},
        {"{\"set\": 8999999999.999}", 5, COUNTER_ORDER_END - 1},
        {"{\"set\": 1e3}", 0, 1000000},
        {"{\"offset\": 0}", 777, 777},
        {"{\"offset\": 0.001}", 777, 778},
        {"{\"offset\": 4294967296.5}", 777, 4294967296500 + 777},
        {"{\"offset\": 8999999999.999}", 0, COUNTER_ORDER_END - 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(order(cases[i].text, cases[i].published), cases[i].expect);
    assert_int_equal(errors.n, 0);
    /* every thousandth survives its way through a double */
    for (int64_t n = COUNTER_ORDER_END - 5000; n < COUNTER_ORDER_END; n++) {
        char text[64];
        snprintf(text, sizeof text, "{\"set\": %lld.%03lld}", (long long)(n / 1000), (long long)(n % 1000));
        assert_int_equal(order(text, 0), n);
    }
}

static void what_is_not(void **state)
{
    static const struct {
        const char *text;
        int64_t published;
        const char *path, *message, *allowed;
    } cases[] = {
        {"{\"set\": 0.999}", 1000, "set", "0.999 is not from 1 to 8999999999.999",
         "1 to 8999999999.999 Wh, with at most three decimals"},
        {"{\"set\": 9000000000}", 0, "set", "9000000000 is not from 0 to", NULL},
        {"{\"set\": 1e300}", 0, "set", "1e+300 is not", NULL},
        {"{\"set\": 1e999}", 0, "set", "inf is not", NULL},
        {"{\"set\": 1.0005}", 0, "set", "1.0005 has more than three decimals", NULL},
        {"{\"set\": \"5\"}", 0, "set", "is no number", NULL},
        {"{\"set\": null}", 0, "set", "is no number", NULL},
        {"{\"offset\": -0.001}", 1000, "offset", "-0.001 is not from 0 to 8999999998.999", NULL},
        {"{\"offset\": 8999999999.999}", 1, "offset", "is not from 0 to 8999999999.998", NULL},
        {"{\"set\": 5, \"offset\": 5}", 0, "", "it has not exactly one", "{\"set\":n} or {\"offset\":n}"},
        {"{\"set\": 5, \"set\": 6}", 0, "", "it has not exactly one", NULL},
        {"{\"Set\": 5}", 0, "", "it has not exactly one", NULL},
        {"{}", 0, "", "it has not exactly one", NULL},
        {"[5]", 0, "", "it has not exactly one", NULL},
        {"5", 0, "", "it has not exactly one", NULL},
        {"", 0, "", "it has not exactly one", NULL}, /* no JSON: NULL */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(order(cases[i].text, cases[i].published) < 0);
        assert_int_equal(errors.n, 1);
        assert_string_equal(errors.v[0].path, cases[i].path);
        assert_non_null(strstr(errors.v[0].message, cases[i].message));
        assert_non_null(errors.v[0].allowed);
        if (cases[i].allowed)
            assert_string_equal(errors.v[0].allowed, cases[i].allowed);
        teardown(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_allowed, teardown),
        cmocka_unit_test_teardown(what_is_not, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
