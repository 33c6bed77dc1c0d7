#include "unit.h"

#include "core/sensors.h"
#include "core/window.h"

#define S   ((sensor_handle)(1u << SENSOR_SLOT_BITS | 3)) /* slot 3, generation 1 */
#define NOW 2000000000

static struct window w;
static struct window_pair out[WINDOW_SECONDS];

static int setup(void **state)
{
    (void)state;
    window_init(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    window_fini(&w);
    return 0;
}

static void take(sensor_handle sensor, int64_t unix_s, int64_t milli)
{
    struct reading r = {.sensor = sensor, .kind = READING_GAUGE, .milli = milli, .unix_s = unix_s};

    window_take(&w, &r);
}

/* The pair of second s, with the window up to now. */
static const struct window_pair *at(int64_t now, int64_t s)
{
    assert_int_equal(window_pairs(&w, S, now, out), WINDOW_SECONDS);
    const struct window_pair *p = &out[s - now + WINDOW_SECONDS - 1];
    assert_int_equal(p->unix_s, s);
    return p;
}

static void assert_value(int64_t now, int64_t s, int64_t milli)
{
    const struct window_pair *p = at(now, s);

    assert_true(p->known);
    assert_int_equal(p->milli, milli);
}

static void sixty_seconds_ascending(void **state)
{
    (void)state;
    for (int64_t s = NOW - 100; s <= NOW; s++)
        take(S, s, s % 1000);
    assert_int_equal(window_pairs(&w, S, NOW, out), 60);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(out[i].unix_s, NOW - 59 + i);
        assert_true(out[i].known);
        assert_int_equal(out[i].milli, out[i].unix_s % 1000);
    }
}

/* "A hole before a known value is filled with that later value; seconds after the last known value" are not
 * known */
static void holes_take_the_later_value(void **state)
{
    (void)state;
    take(S, NOW - 40, 7);
    take(S, NOW - 10, -9);
    assert_value(NOW, NOW - 59, 7);
    assert_value(NOW, NOW - 40, 7);
    assert_value(NOW, NOW - 39, -9);
    assert_value(NOW, NOW - 10, -9);
    assert_false(at(NOW, NOW - 9)->known);
    assert_false(at(NOW, NOW)->known);
}

static void time_passes_without_readings(void **state)
{
    (void)state;
    take(S, NOW, 5);
    assert_value(NOW + 59, NOW, 5);
    assert_false(at(NOW + 59, NOW + 1)->known);
    assert_false(at(NOW + 60, NOW + 1)->known); /* it left the window: 60 pairs, none of them known */
    take(S, NOW + 200, 6);
    assert_value(NOW + 200, NOW + 141, 6); /* and no old second shows up again */
    take(S, NOW + 259, 8);
    assert_value(NOW + 259, NOW + 200, 6);
    assert_value(NOW + 259, NOW + 201, 8);
}

static void none_yet(void **state)
{
    struct reading counter = {.sensor = S, .kind = READING_COUNTER, .milli = 1, .unix_s = NOW};
    struct reading unset = {.sensor = S, .kind = READING_GAUGE, .milli = 1, .unix_s = 0};

    (void)state;
    assert_int_equal(window_pairs(&w, S, NOW, out), 0);
    window_take(&w, &counter);
    window_take(&w, &unset);
    assert_int_equal(window_pairs(&w, S, NOW, out), 0);
    assert_int_equal(w.n_rings, 0); /* no memory either */
}

static void a_new_sensor_in_the_slot_starts_empty(void **state)
{
    sensor_handle next = S + (1u << SENSOR_SLOT_BITS);

    (void)state;
    take(S, NOW, 1);
    assert_int_equal(window_pairs(&w, next, NOW, out), 0);
    take(next, NOW + 1, 2);
    assert_int_equal(window_pairs(&w, S, NOW + 1, out), 0);
    assert_int_equal(window_pairs(&w, next, NOW + 1, out), 60);
    assert_int_equal(out[58].milli, 2);
}

/* pitfall 18 */
static void the_clock_steps(void **state)
{
    (void)state;
    take(S, NOW, 1);
    take(S, NOW - 20, 2); /* a late one finds its place */
    assert_value(NOW, NOW - 20, 2);
    take(S, NOW - 60, 3); /* too late for the window, too early for a step */
    assert_value(NOW, NOW, 1);
    take(S, NOW - 61, 4); /* back by more than a window: what was is no longer true */
    assert_value(NOW - 61, NOW - 61, 4);
    assert_false(at(NOW, NOW)->known);
    take(S, NOW + 1000000, 5); /* forward */
    assert_value(NOW + 1000000, NOW + 1000000 - 59, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sixty_seconds_ascending, setup, teardown),
        cmocka_unit_test_setup_teardown(holes_take_the_later_value, setup, teardown),
        cmocka_unit_test_setup_teardown(time_passes_without_readings, setup, teardown),
        cmocka_unit_test_setup_teardown(none_yet, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_sensor_in_the_slot_starts_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(the_clock_steps, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
