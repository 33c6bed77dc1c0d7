#include "unit.h"

#include "core/sensors.h"

#include <stdio.h>
#include <string.h>

static struct sensor_def def(char *id, unsigned n)
{
    snprintf(id, SENSOR_ID_LEN + 1, "%032x", n);
    return (struct sensor_def){.id = id, .name = "x", .type = SENSOR_ELECTRICITY, .number = n, .unit = {"W", "Wh"}};
}

static void finds_by_id_and_handle(void **state)
{
    struct sensors s;
    char ids[3][33];
    struct sensor_def d[3];

    (void)state;
    sensors_init(&s);
    for (unsigned i = 0; i < 3; i++)
        d[i] = def(ids[i], i + 1);
    sensors_set(&s, d, 3);
    struct sensor *x = sensors_find(&s, ids[1]);
    assert_non_null(x);
    assert_int_equal(x->number, 2);
    assert_ptr_equal(sensors_get(&s, x->handle), x);
    assert_null(sensors_find(&s, "ffffffffffffffffffffffffffffffff"));
    assert_null(sensors_find(&s, "short"));
    assert_null(sensors_get(&s, 0));
    sensors_fini(&s);
}

static void ids_that_stay_keep_handle_and_value(void **state)
{
    struct sensors s;
    char ids[3][33];
    struct sensor_def d[3];

    (void)state;
    sensors_init(&s);
    for (unsigned i = 0; i < 3; i++)
        d[i] = def(ids[i], i + 1);
    sensors_set(&s, d, 2);
    sensor_handle kept = sensors_find(&s, ids[1])->handle;
    sensor_handle gone = sensors_find(&s, ids[0])->handle;
    sensors_find(&s, ids[1])->latest[READING_COUNTER].milli = 7;
    sensors_set(&s, d + 1, 2);
    assert_int_equal(sensors_find(&s, ids[1])->handle, kept);
    assert_int_equal(sensors_get(&s, kept)->latest[READING_COUNTER].milli, 7);
    assert_null(sensors_get(&s, gone));
    sensor_handle fresh = sensors_find(&s, ids[2])->handle;
    assert_int_equal(sensor_slot(fresh), sensor_slot(gone)); /* the slot is used again … */
    assert_int_not_equal(fresh, gone);                       /* … under another generation */
    sensors_fini(&s);
}

static void another_unit_has_no_value_yet(void **state)
{
    struct sensors s;
    char id[33];
    struct sensor_def d = def(id, 1);

    (void)state;
    sensors_init(&s);
    sensors_set(&s, &d, 1);
    struct sensor *x = sensors_find(&s, id);
    x->latest[READING_GAUGE] = x->latest[READING_COUNTER] = (struct sensor_latest){7, 8, 9};
    d.unit[READING_GAUGE] = "V";
    sensors_set(&s, &d, 1);
    x = sensors_find(&s, id);
    assert_false(sensor_latest_known(&x->latest[READING_GAUGE]));
    assert_int_equal(x->latest[READING_COUNTER].unix_s, 9);
    d.unit[READING_COUNTER] = NULL;
    sensors_set(&s, &d, 1);
    assert_false(sensor_latest_known(&sensors_find(&s, id)->latest[READING_COUNTER]));
    sensors_fini(&s);
}

static void ten_thousand_and_back_to_none(void **state)
{
    enum { N = 10000 };
    static char ids[N][33];
    static struct sensor_def d[N];
    struct sensors s;
    size_t cursor = 0, seen = 0;

    (void)state;
    sensors_init(&s);
    for (unsigned i = 0; i < N; i++)
        d[i] = def(ids[i], i * 16); /* the low digit alone would make a poor hash */
    sensors_set(&s, d, N);
    for (unsigned i = 0; i < N; i++)
        assert_non_null(sensors_find(&s, ids[i]));
    while (sensors_next(&s, &cursor))
        seen++;
    assert_int_equal(seen, N);
    sensors_set(&s, NULL, 0);
    cursor = 0;
    assert_null(sensors_next(&s, &cursor));
    assert_null(sensors_find(&s, ids[5]));
    sensors_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_id_and_handle),
        cmocka_unit_test(ids_that_stay_keep_handle_and_value),
        cmocka_unit_test(another_unit_has_no_value_yet),
        cmocka_unit_test(ten_thousand_and_back_to_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
