#include "unit.h"

#include "core/jsonw.h"
#include "core/local_api.h"
#include "core/window.h"

#include <string.h>

static struct local_api_request r;
static char error[LOCAL_API_ERROR];

static int check(const char *query, const char *x_version, const char *unit)
{
    return local_api_check(&r, query, x_version, unit, error);
}

static void assert_refused(const char *query, const char *word)
{
    assert_int_equal(check(query, NULL, "W"), -1);
    assert_ptr_equal(strstr(error, word), error); /* says what is wrong … */
    assert_non_null(strstr(error, "version=1.0"));
    assert_non_null(strstr(error, "interval=minute"));
    assert_non_null(strstr(error, "unit=watt")); /* … and what is required */
}

static void takes_what_the_contract_says(void **state)
{
    (void)state;
    assert_int_equal(check("version=1.0&interval=minute&unit=watt", NULL, "W"), 0);
    assert_string_equal(r.callback, "");
    assert_int_equal(check("interval=minute&unit=lperday", "1.0", "L/day"), 0);
    assert_int_equal(check("unit=watt&callback=cb_1&interval=minute&x=y", "1.0", "W"), 0);
    assert_string_equal(r.callback, "cb_1");
    assert_int_equal(check("unit=watt&jsonp_callback=Old&interval=minute", "1.0", "W"), 0);
    assert_string_equal(r.callback, "Old");
    assert_int_equal(check("interval=minute&unit=lperday", "1.0", "L/s"), 0); /* of a v3 board */
}

static void refuses_and_says_what(void **state)
{
    (void)state;
    assert_refused("", "version");
    assert_refused("version=2.0&interval=minute&unit=watt", "version");
    assert_refused("version=1.0&unit=watt", "interval");
    assert_refused("version=1.0&interval=hour&unit=watt", "interval");
    assert_refused("version=1.0&interval=minute", "unit");
    assert_refused("version=1.0&interval=minute&unit=lperday", "unit"); /* not of this sensor */
    assert_int_equal(check("version=2.0&interval=minute&unit=watt", "1.0", "W"), -1);
    assert_int_equal(check("interval=minute&unit=watt", "1.1", "W"), -1);
}

static void the_callback_is_a_name(void **state)
{
    static const char *const bad[] = {"", "a.b", "a(", "a%20b", "%3Cscript%3E", "\xc3\xa9", "a-b", "%00", "a%"};
    char query[400] = "version=1.0&interval=minute&unit=watt&callback=";
    size_t len = strlen(query);

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        strncpy(query + len, bad[i], sizeof query - len - 1);
        assert_refused(query, "callback");
    }
    memset(query + len, 'a', LOCAL_API_CALLBACK);
    query[len + LOCAL_API_CALLBACK] = '\0';
    assert_int_equal(check(query, NULL, "W"), 0);
    query[len + LOCAL_API_CALLBACK] = 'a';
    query[len + LOCAL_API_CALLBACK + 1] = '\0';
    assert_refused(query, "callback");
}

static void a_sensor_of_another_unit_has_no_answer(void **state)
{
    (void)state;
    assert_int_equal(check("version=1.0&interval=minute&unit=watt", NULL, NULL), -1);
    assert_int_equal(check("version=1.0&interval=minute&unit=watt", NULL, "V"), -1);
    assert_non_null(strstr(error, "watt or lperday"));
}

static void assert_written(const struct window_pair *pairs, size_t n, const char *want)
{
    struct jsonw w;

    jsonw_init(&w);
    local_api_write(&w, &r, pairs, n);
    jsonw_raw(&w, "", 1);
    assert_string_equal(w.buf, want);
    jsonw_free(&w);
}

static void writes_pairs(void **state)
{
    const struct window_pair pairs[] = {{1310047446, 124000, true}, {1310047447, 125500, true}, {1310047504, 0, false}};

    (void)state;
    assert_int_equal(check("version=1.0&interval=minute&unit=watt", NULL, "W"), 0);
    assert_written(pairs, 3, "[[1310047446,124],[1310047447,125.5],[1310047504,\"nan\"]]");
    assert_written(NULL, 0, "[]");
    assert_int_equal(check("version=1.0&interval=minute&unit=watt&callback=f", NULL, "W"), 0);
    assert_written(pairs, 1, "f([[1310047446,124]]);");
    assert_written(NULL, 0, "f([]);");
}

/* L/day of the L/s that a v3 board measures */
static void flow_of_a_v3_board_is_a_days(void **state)
{
    const struct window_pair pairs[] = {{1310047446, 125, true}, {1310047447, 0, true}};

    (void)state;
    assert_int_equal(check("version=1.0&interval=minute&unit=lperday", NULL, "L/s"), 0);
    assert_written(pairs, 2, "[[1310047446,10800],[1310047447,0]]");
    assert_int_equal(check("version=1.0&interval=minute&unit=lperday", NULL, "L/day"), 0);
    assert_written(pairs, 1, "[[1310047446,0.125]]");
}

static void a_clamps_other_quantities_have_no_answer(void **state)
{
    static const char *const units[] = {"VAR", "V", "A", "", "\u00b0", "g/s", "1/s"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        assert_int_equal(check("version=1.0&interval=minute&unit=watt", NULL, units[i]), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_the_contract_says),
        cmocka_unit_test(refuses_and_says_what),
        cmocka_unit_test(the_callback_is_a_name),
        cmocka_unit_test(a_sensor_of_another_unit_has_no_answer),
        cmocka_unit_test(writes_pairs),
        cmocka_unit_test(flow_of_a_v3_board_is_a_days),
        cmocka_unit_test(a_clamps_other_quantities_have_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
