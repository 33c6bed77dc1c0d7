#include "unit.h"

#include "core/ledger.h"

#include <stdio.h>

#define A     "0000000000000000000000000000000a"
#define B     "0000000000000000000000000000000b"
#define NOW_S 1800000000

static const struct meter_limits limits = {
    .wrap = (int64_t)1000 << 32, .rate_per_s = 6400, .slack = (int64_t)100000 * 1000};
static struct ledger ledger, next; /* before and after a restart */
static unsigned urgent;

static void on_urgent(void *ctx)
{
    (void)ctx;
    urgent++;
}

static int setup(void **state)
{
    (void)state;
    ledger_init(&ledger);
    ledger_init(&next);
    urgent = 0;
    ledger.urgent = on_urgent;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ledger_fini(&ledger);
    ledger_fini(&next);
    return 0;
}

static enum meter_result feed(struct ledger_entry *e, int64_t raw, int64_t mono_ms)
{
    enum meter_result r = meter_feed(&e->meter, &limits, raw, mono_ms);

    ledger_changed(e, r != METER_TAKEN);
    return r;
}

/* Save all, and restore it later, on a host whose monotonic clock began anew. */
static struct ledger_entry *restart(int64_t mono_ms, int64_t unix_s, int64_t later_unix_s)
{
    struct ledger_saved s[8];
    size_t n = ledger_take(&ledger, s, 8, mono_ms, unix_s);

    for (size_t i = 0; i < n; i++)
        ledger_restore(&next, &s[i], 5000, later_unix_s);
    return ledger_open(&next, A, "flm02:1");
}

static void entries_stay_and_are_taken_once(void **state)
{
    struct ledger_entry *a = ledger_open(&ledger, A, "flm02:1");
    struct ledger_saved s[2];

    (void)state;
    assert_ptr_equal(ledger_open(&ledger, A, "flm02:1"), a);
    assert_int_equal(ledger_take(&ledger, s, 2, 0, 0), 0);
    feed(a, 1000, 1000);
    feed(a, 2000, 2000);
    feed(ledger_open(&ledger, B, "flm02:2"), 7000, 2000);
    assert_int_equal(ledger_take(&ledger, s, 1, 12000, NOW_S), 1);
    assert_int_equal(ledger_take(&ledger, s + 1, 2, 12000, NOW_S), 1);
    assert_int_equal(ledger_take(&ledger, s, 2, 12000, NOW_S), 0);
    assert_string_equal(s[1].id, A);
    assert_int_equal(s[1].raw, 2000);
    assert_int_equal(s[1].unix_s, NOW_S - 10);
    ledger_unsaved(&ledger, s + 1, 1);
    assert_int_equal(ledger_take(&ledger, s, 2, 12000, 0), 1);
    assert_int_equal(s[0].unix_s, 0);
}

static void published_goes_on_after_a_restart(void **state)
{
    struct ledger_entry *a = ledger_open(&ledger, A, "flm02:1");

    (void)state;
    a->meter = (struct meter){.known = true, .raw = 50000, .raw_ms = 1000, .offset = 1000000};
    ledger_changed(a, false);
    a = restart(1000, NOW_S, NOW_S + 60);
    assert_int_equal(feed(a, 52000, 6000), METER_TAKEN);
    assert_int_equal(meter_published(&a->meter), 1052000);
}

/* Three days of full power are energy, when three days have passed; in a minute they are not. */
static void a_rise_counts_by_the_time_that_passed(void **state)
{
    struct ledger_entry *a = ledger_open(&ledger, A, "flm02:1");
    const int64_t three_days = 3 * 86400 * (int64_t)6000;

    (void)state;
    feed(a, 50000, 1000);
    a = restart(1000, NOW_S, NOW_S + 3 * 86400);
    assert_int_equal(feed(a, 50000 + three_days, 6000), METER_TAKEN);
    teardown(NULL);
    setup(NULL);
    a = ledger_open(&ledger, A, "flm02:1");
    feed(a, 50000, 1000);
    a = restart(1000, NOW_S, NOW_S + 60);
    assert_int_equal(feed(a, 50000 + three_days, 6000), METER_SUSPECT);
}

/* A clock that was never set, or was set back, tells nothing of the time that passed: energy counts. */
static void an_unknown_time_is_a_long_one(void **state)
{
    const int64_t later[] = {0, NOW_S - 10};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        teardown(NULL);
        setup(NULL);
        struct ledger_entry *a = ledger_open(&ledger, A, "flm02:1");
        feed(a, 50000, 1000);
        a = restart(1000, NOW_S, later[i]);
        assert_int_equal(feed(a, 50000 + 86400 * (int64_t)6000, 6000), METER_TAKEN);
    }
}

/* A reset that was seen once before the restart is confirmed after it, though the counter passed its old value. */
static void a_fall_candidate_outlives_a_restart(void **state)
{
    struct ledger_entry *a = ledger_open(&ledger, A, "flm02:1");

    (void)state;
    feed(a, 100000, 1000);
    assert_int_equal(feed(a, 90000, 2000), METER_SUSPECT);
    assert_int_equal(urgent, 1);
    a = restart(2000, NOW_S, NOW_S + 20);
    assert_int_equal(feed(a, 101000, 6000), METER_SUSPECT);
    assert_int_equal(feed(a, 102000, 7000), METER_RESET);
    assert_int_equal(meter_published(&a->meter), 112000);
}

static void an_old_candidate_is_dropped(void **state)
{
    struct ledger_entry *a = ledger_open(&ledger, A, "flm02:1");

    (void)state;
    feed(a, 100000, 1000);
    assert_int_equal(feed(a, 5, 2000), METER_SUSPECT); /* a spoilt reading, pitfall 14 */
    a = restart(2000, NOW_S, NOW_S + 2 * 86400);
    assert_int_equal(feed(a, 140000, 6000), METER_TAKEN);
    assert_int_equal(meter_published(&a->meter), 140000);
}

/* Another port's counter: the published value goes on from where it was, also over a restart. */
static void another_source_is_another_counter(void **state)
{
    struct ledger_entry *a = ledger_open(&ledger, A, "flm02:1");

    (void)state;
    feed(a, 100000, 1000);
    a = restart(1000, NOW_S, NOW_S + 60);
    assert_ptr_equal(ledger_open(&next, A, "flm02:2"), a);
    assert_int_equal(feed(a, 7000, 6000), METER_TAKEN);
    assert_int_equal(meter_published(&a->meter), 100000);
    feed(a, 8000, 7000);
    assert_int_equal(meter_published(&a->meter), 101000);
}

static void a_new_store_learns_of_all(void **state)
{
    struct ledger_saved s[200];
    char id[SENSOR_ID_LEN + 1];

    (void)state;
    for (int i = 0; i < 150; i++) {
        snprintf(id, sizeof id, "%032x", i);
        feed(ledger_open(&ledger, id, "flm02:1"), 1000, 1000);
    }
    assert_int_equal(ledger_take(&ledger, s, 200, 0, 0), 150);
    ledger_all_changed(&ledger);
    assert_int_equal(ledger_take(&ledger, s, 200, 0, 0), 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_stay_and_are_taken_once, setup, teardown),
        cmocka_unit_test_setup_teardown(published_goes_on_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rise_counts_by_the_time_that_passed, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_time_is_a_long_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fall_candidate_outlives_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(an_old_candidate_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(another_source_is_another_counter, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_store_learns_of_all, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
