#include "unit.h"

#include "core/jsonw.h"
#include "core/live.h"
#include "core/live_query.h"
#include "core/sensors.h"
#include "core/window.h"

#include <stdio.h>
#include <string.h>

#define A    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define GONE "cccccccccccccccccccccccccccccccc"

static struct sensors sensors;
static char error[LIVE_QUERY_ERROR];

static int setup(void **state)
{
    struct sensor_def d[] = {{.id = A, .name = "a", .unit = {"W", "Wh"}, .number = 1},
                             {.id = B, .name = "b", .unit = {NULL, "L"}, .number = 2}};

    (void)state;
    sensors_init(&sensors);
    sensors_set(&sensors, d, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sensors_fini(&sensors);
    return 0;
}

static void readings(void **state)
{
    static const char *const bad[] = {
        "",
        "sensor=",
        "sensor=12",
        "sensor=" A "0",
        "sensor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "kind=gauge",
        "sensor=" A "&kind=counter",
        "sensor=" A "&kind=",
        "sensor=" A "&kind=%zz",
        "sensor=" B,
    };
    const struct sensor *s = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        error[0] = '\0';
        assert_int_equal(readings_query(bad[i], &sensors, &s, error), 400);
        assert_true(strlen(error) > 10);
    }
    assert_int_equal(readings_query("sensor=" GONE, &sensors, &s, error), 404);
    assert_int_equal(readings_query("sensor=" A, &sensors, &s, error), 0);
    assert_string_equal(s->id, A);
    assert_int_equal(readings_query("kind=gauge&sensor=" A, &sensors, &s, error), 0);
    assert_int_equal(readings_query("sensor=" A "&kind=counter", &sensors, &s, error), 400);
    assert_non_null(strstr(error, "only gauges"));
}

static void the_body(void **state)
{
    const struct window_pair pairs[] = {{100, 1500, true}, {101, -2000, true}, {102, 0, false}};
    struct jsonw w;

    (void)state;
    jsonw_init(&w);
    readings_write(&w, pairs, 3);
    jsonw_raw(&w, "", 1);
    assert_string_equal(w.buf, "[[100,1.5],[101,-2],[102,null]]");
    jsonw_free(&w);
    readings_write(&w, pairs, 0);
    jsonw_raw(&w, "", 1);
    assert_string_equal(w.buf, "[]");
    jsonw_free(&w);
}

static void live(void **state)
{
    char query[LIVE_FILTER * 48 + 64] = "sensor=" B;
    struct live_filter f;

    (void)state;
    assert_int_equal(live_query("", &sensors, &f, error), 0);
    assert_int_equal(f.n, 0);
    assert_int_equal(live_query("sensor=" A "&x=1&sensor=" B, &sensors, &f, error), 0);
    assert_int_equal(f.n, 2);
    assert_string_equal(f.ids[0], A);
    assert_string_equal(f.ids[1], B);
    assert_int_equal(live_query("sensor=" A "&sensor=" GONE, &sensors, &f, error), 404);
    assert_non_null(strstr(error, GONE));
    assert_int_equal(live_query("sensor=" A "&sensor=x", &sensors, &f, error), 400);
    for (int i = 1; i < LIVE_FILTER; i++)
        strcat(query, "&sensor=" A);
    assert_int_equal(live_query(query, &sensors, &f, error), 0);
    assert_int_equal(f.n, LIVE_FILTER);
    strcat(query, "&sensor=" A);
    assert_int_equal(live_query(query, &sensors, &f, error), 400);
}

static void log_lines(void **state)
{
    static const char *const bad[] = {"lines=",      "lines=-1", "lines=1001", "lines=1e2",
                                      "lines=00010", "follow=2", "follow"};
    unsigned lines;
    bool follow;

    (void)state;
    assert_int_equal(log_query("", &lines, &follow, error), 0);
    assert_int_equal(lines, 1000);
    assert_false(follow);
    assert_int_equal(log_query("lines=0&follow=1", &lines, &follow, error), 0);
    assert_int_equal(lines, 0);
    assert_true(follow);
    assert_int_equal(log_query("lines=1000&follow=0", &lines, &follow, error), 0);
    assert_int_equal(lines, 1000);
    assert_false(follow);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(log_query(bad[i], &lines, &follow, error), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(readings, setup, teardown),
        cmocka_unit_test(the_body),
        cmocka_unit_test_setup_teardown(live, setup, teardown),
        cmocka_unit_test(log_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
