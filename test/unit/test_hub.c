#include "unit.h"

#include "core/facts.h"
#include "core/hub.h"
#include "core/jsonw.h"
#include "core/sensors.h"

#include <string.h>

#define ID "0123456789abcdef0123456789abcdef"

static struct sensors sensors;
static struct hub hub;
static struct reading got;
static unsigned calls;

static void sink(void *ctx, const struct reading *r)
{
    (void)ctx;
    got = *r;
    calls++;
}

static int setup(void **state)
{
    struct sensor_def d = {.id = ID, .name = "main", .unit = {"W", "Wh"}, .number = 1};

    (void)state;
    calls = 0;
    sensors_init(&sensors);
    sensors_set(&sensors, &d, 1);
    hub_init(&hub, &sensors);
    return hub_attach(&hub, sink, NULL);
}

static int teardown(void **state)
{
    (void)state;
    sensors_fini(&sensors);
    return 0;
}

static void emit(int64_t unix_s, int64_t milli)
{
    struct reading r = {.sensor = sensors_find(&sensors, ID)->handle,
                        .kind = READING_COUNTER,
                        .milli = milli,
                        .mono_ms = unix_s * 1000,
                        .unix_s = unix_s};

    hub_emit(&hub, &r);
}

static void says_what_changed(void **state)
{
    (void)state;
    emit(2000000000, 0);
    assert_true(got.changed); /* the first value is news, a zero too */
    emit(2000000001, 0);
    assert_false(got.changed);
    emit(2000000002, 1);
    assert_true(got.changed);
    assert_int_equal(calls, 3);
}

/* "only strictly increasing ts per sensor", but pitfall 18: a clock that steps back must not silence a sensor */
static void stamps_rise_but_for_a_stepped_clock(void **state)
{
    (void)state;
    emit(2000000100, 1);
    emit(2000000100, 2);
    emit(2000000050, 3);
    assert_int_equal(calls, 1);
    assert_int_equal(hub.refused_stale, 2);
    emit(2000000100 - HUB_STEP_BACK_S - 1, 4);
    assert_int_equal(calls, 2);
}

static void a_gone_sensor_is_counted(void **state)
{
    struct reading r = {.sensor = 12345};

    (void)state;
    hub_emit(&hub, &r);
    assert_int_equal(calls, 0);
    assert_int_equal(hub.refused_gone, 1);
}

static unsigned told;

static void watch(void *ctx, enum fact f, const struct fact_value *v)
{
    (void)ctx, (void)f, (void)v;
    told++;
}

static void facts_latch_until_delivered(void **state)
{
    struct facts f;

    (void)state;
    facts_init(&f, 0);
    told = 0;
    assert_int_equal(facts_watch(&f, watch, NULL), 0);
    assert_int_equal(told, FACT_COUNT); /* a new watcher sees the present state */
    facts_set(&f, FACT_BOARD, true, "hello", 5);
    facts_set(&f, FACT_BOARD, true, "hello", 6);
    assert_int_equal(told, FACT_COUNT);
    facts_deliver(&f);
    facts_deliver(&f);
    assert_int_equal(told, FACT_COUNT + 1);
    assert_int_equal(f.v[FACT_BOARD].since_ms, 5);
}

static void json_commas_and_escapes(void **state)
{
    struct jsonw w;

    (void)state;
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_str(&w, "a", "x\"\n\x01\xc3\xa9\xff");
    jsonw_open(&w, "b", '[');
    jsonw_int(&w, NULL, 1);
    jsonw_milli(&w, NULL, -1500);
    jsonw_bool(&w, NULL, true);
    jsonw_str(&w, NULL, NULL);
    jsonw_close(&w, ']');
    jsonw_close(&w, '}');
    jsonw_raw(&w, "", 1);
    assert_string_equal(w.buf, "{\"a\":\"x\\\"\\n\\u0001\xc3\xa9\xef\xbf\xbd\",\"b\":[1,-1.5,true,null]}");
    jsonw_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_what_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(stamps_rise_but_for_a_stepped_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gone_sensor_is_counted, setup, teardown),
        cmocka_unit_test(facts_latch_until_delivered),
        cmocka_unit_test(json_commas_and_escapes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
