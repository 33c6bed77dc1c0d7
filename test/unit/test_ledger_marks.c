/* The ledger's marks: which are saved when, what comes back, whose line was heard; core/marks.h is tested by itself. */
#include "unit.h"

#include "core/ledger_marks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A        "0000000000000000000000000000000a"
#define B        "0000000000000000000000000000000b"
#define MIDNIGHT 1795478400 /* 2026-11-24 00:00 UTC */
#define HOUR     3600

static struct ledger ledger, next; /* before and after a restart */
static int64_t now_s;
static unsigned urgent;

static void on_urgent(void *ctx)
{
    (void)ctx;
    urgent++;
}

static void at(struct ledger *l, int64_t unix_s)
{
    now_s = unix_s;
    ledger_clock(l, unix_s, (unix_s - MIDNIGHT + 24 * HOUR) * 1000, true);
}

static int setup(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    ledger_init(&ledger);
    ledger_init(&next);
    ledger.urgent = on_urgent;
    urgent = 0;
    ledger.now.started_ms = 1;
    next.now.started_ms = 25 * HOUR * 1000;
    at(&ledger, MIDNIGHT - HOUR);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ledger_fini(&ledger);
    ledger_fini(&next);
    return 0;
}

/* A meter's reading, as it goes through meter and hub. */
static void feed(struct ledger_entry *e, int64_t milli)
{
    e->meter.known = true;
    e->meter.raw = milli - e->meter.offset;
    e->meter.raw_ms = e->owner->now.mono_ms;
    ledger_changed(e, false);
    ledger_marks_feed(e, milli);
    ledger_heard(e->owner, "flm02");
}

static struct ledger_entry *restart(int64_t later_s)
{
    struct ledger_saved s[300];
    struct ledger_marks m[300];
    size_t n = ledger_take(&ledger, s, 300, ledger.now.mono_ms, now_s);

    for (size_t i = 0; i < n; i++)
        ledger_restore(&next, &s[i], 5000, later_s);
    n = ledger_marks_take(&ledger, m, 300);
    for (size_t i = 0; i < n; i++)
        ledger_marks_restore(&next, &m[i]);
    at(&next, later_s);
    return ledger_find(&next, A);
}

static void marks_are_taken_when_they_change(void **state)
{
    struct ledger_entry *a = ledger_open(&ledger, A, "flm02:1");
    struct ledger_marks m[2];

    (void)state;
    feed(a, 5000);
    assert_int_equal(ledger_marks_take(&ledger, m, 2), 1); /* why there is none */
    feed(a, 6000);
    assert_int_equal(ledger_marks_take(&ledger, m, 2), 0);
    at(&ledger, MIDNIGHT);
    feed(a, 7000);
    at(&ledger, MIDNIGHT + 1);
    feed(a, 8000);
    assert_int_equal(ledger_marks_take(&ledger, m, 2), 1);
    assert_string_equal(m[0].id, A);
    assert_int_equal(m[0].v[MARKS_DAY].at_s, MIDNIGHT);
    assert_int_equal(m[0].v[MARKS_DAY].milli, 7000);
    assert_int_equal(m[0].v[MARKS_MONTH].at_s, 0);
    assert_int_equal(m[0].v[MARKS_MONTH].why, MARKS_NEW);
    assert_int_equal(ledger_marks_take(&ledger, m, 2), 0);
    ledger_marks_unsaved(&ledger, m, 1);
    assert_int_equal(ledger_marks_take(&ledger, m, 2), 1);
}

static void marks_go_on_after_a_restart(void **state)
{
    struct ledger_entry *a = ledger_open(&ledger, A, "flm02:1");

    (void)state;
    feed(a, 5000);
    at(&ledger, MIDNIGHT);
    feed(a, 7000);
    at(&ledger, MIDNIGHT + HOUR);
    feed(a, 9000);
    a = restart(MIDNIGHT + 5 * HOUR);
    assert_ptr_equal(ledger_open(&next, A, "flm02:1"), a);
    feed(a, 20000);
    struct marks_sum s = ledger_marks_sum(&next, a, MARKS_DAY);
    assert_int_equal(s.why, MARKS_KNOWN);
    assert_int_equal(s.milli, 13000);
    assert_int_equal(ledger_marks_sum(&next, a, MARKS_MONTH).why, MARKS_NEW);
    assert_int_equal(ledger_marks_sum(&next, NULL, MARKS_DAY).why, MARKS_NEW);
}

/* A file that comes later than the first reading, or beside what is known already, takes nothing away. */
static void what_is_known_is_newer(void **state)
{
    struct ledger_entry *a = ledger_open(&ledger, A, "flm02:1");
    struct ledger_marks old = {.id = A, .stood_s = 1, .v = {{.at_s = MIDNIGHT, .milli = 1}}};

    (void)state;
    feed(a, 5000);
    at(&ledger, MIDNIGHT);
    feed(a, 7000);
    ledger_marks_restore(&ledger, &old);
    assert_int_equal(ledger_marks_sum(&ledger, a, MARKS_DAY).milli, 0);
    memcpy(old.id, B, sizeof old.id);
    ledger_marks_restore(&ledger, &old); /* no counter */
    assert_null(ledger_find(&ledger, B));
}

/* What a damaged file may say. */
static void nonsense_is_left_alone(void **state)
{
    const struct ledger_saved counter = {.id = A, .raw = 5000, .known = true, .unix_s = MIDNIGHT + HOUR};
    const struct ledger_marks marks[] = {
        {.id = A, .v = {{.at_s = MIDNIGHT, .milli = -1}, {.missed_s = MIDNIGHT, .why = 200}}},
        {.id = A, .v = {{.at_s = MIDNIGHT, .milli = 5001}, {.missed_s = MIDNIGHT, .why = MARKS_UNSET}}},
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        ledger_restore(&next, &counter, 5000, MIDNIGHT + HOUR);
        ledger_marks_restore(&next, &marks[i]);
        at(&next, MIDNIGHT + HOUR);
        struct ledger_entry *a = ledger_find(&next, A);
        assert_int_equal(ledger_marks_sum(&next, a, MARKS_DAY).why, MARKS_LOST);
        assert_non_null(marks_reason(MARKS_MONTH, a->marks.v[MARKS_MONTH].why));
    }
}

/* Pulses before evening, none until the day after tomorrow; each midnight is put down while the line is heard. */
static void standing_counters_are_rolled_in_turns(void **state)
{
    struct ledger_marks m[300];
    char id[SENSOR_ID_LEN + 1];
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 150; i++) {
        snprintf(id, sizeof id, "%032x", i);
        feed(ledger_open(&ledger, id, i < 140 ? "flm02:4" : "other:1"), 5000);
    }
    ledger_marks_take(&ledger, m, 300);
    for (int64_t s = MIDNIGHT - HOUR; s <= MIDNIGHT + MARKS_TOLERANCE_S; s += 100) {
        at(&ledger, s);
        ledger_heard(&ledger, "flm02");
        ledger_heard(&ledger, "nobody's");
    }
    assert_int_equal(ledger_marks_take(&ledger, m, 300), 0);
    for (int64_t s = 1; s <= 3; s++) {
        at(&ledger, MIDNIGHT + MARKS_TOLERANCE_S + s);
        ledger_heard(&ledger, "flm02");
        size_t some = ledger_marks_take(&ledger, m, 300);
        assert_true(some <= LEDGER_MARKS_TURN);
        n += some;
    }
    assert_int_equal(n, 140);
    assert_int_equal(m[0].v[MARKS_DAY].at_s, MIDNIGHT);
    assert_int_equal(m[0].stood_s, now_s);
}

/* Counters that stood longer than their last reading are saved with that at the end. */
static void the_end_says_until_when(void **state)
{
    struct ledger_entry *a = ledger_open(&ledger, A, "flm02:4"), *b = ledger_open(&ledger, B, "flm02:1");
    struct ledger_marks m[2];

    (void)state;
    feed(a, 5000);
    feed(b, 6000);
    ledger_marks_take(&ledger, m, 2);
    for (int64_t s = MIDNIGHT - HOUR; s < MIDNIGHT - HOUR / 2; s++) {
        at(&ledger, s);
        ledger_heard(&ledger, "flm02");
    }
    feed(b, 7000);
    ledger_marks_end(&ledger);
    ledger_changed(a, false);
    ledger_marks_changed(b);
    assert_int_equal(ledger.marks_changed == b && b->marks_next == a, 1);
    a = restart(MIDNIGHT - HOUR / 2 + 60);
    assert_int_equal(a->marks.unix_s, MIDNIGHT - HOUR / 2 - 1);
}

static void what_is_published_can_be_set(void **state)
{
    struct ledger_entry *a = ledger_open(&ledger, A, "flm02:1");
    int64_t milli;

    (void)state;
    assert_false(ledger_published(NULL, &milli));
    assert_false(ledger_published(a, &milli));
    ledger_set(a, 90000); /* of nothing */
    assert_false(a->owed);
    feed(a, 5000);
    at(&ledger, MIDNIGHT);
    feed(a, 7000);
    at(&ledger, MIDNIGHT + 5);
    feed(a, 8500);
    ledger_set(a, 90000);
    assert_true(a->owed && a->changed && a->marks_changed);
    assert_int_equal(urgent, 1);
    assert_true(ledger_published(a, &milli) && milli == 90000);
    assert_int_equal(ledger_marks_sum(&ledger, a, MARKS_DAY).milli, 1500);
    at(&ledger, MIDNIGHT + 6);
    feed(a, 90250);
    assert_int_equal(ledger_marks_sum(&ledger, a, MARKS_DAY).milli, 1750);
    /* moved to another port, whose counter has not been read yet */
    ledger_open(&ledger, A, "flm02:2");
    assert_true(ledger_published(a, &milli) && milli == 90250);
    ledger_set(a, 100000);
    assert_true(ledger_published(a, &milli) && milli == 100000);
    assert_int_equal(ledger_marks_sum(&ledger, a, MARKS_DAY).milli, 1750);
}

static void another_meaning_begins_anew(void **state)
{
    struct ledger_entry *a = ledger_open(&ledger, A, "flm02:1");

    (void)state;
    ledger_marks_mean(a, 1);
    feed(a, 5000);
    at(&ledger, MIDNIGHT);
    feed(a, 7000);
    at(&ledger, MIDNIGHT + HOUR);
    ledger_marks_mean(a, 1);
    feed(a, 8000);
    assert_int_equal(ledger_marks_sum(&ledger, a, MARKS_DAY).milli, 1000);
    a = restart(MIDNIGHT + 2 * HOUR);
    ledger_marks_mean(a, 1);
    assert_int_equal(ledger_marks_sum(&next, a, MARKS_DAY).milli, 1000);
    ledger_marks_mean(a, 2);
    assert_true(a->marks_changed);
    feed(a, 9000);
    assert_int_equal(ledger_marks_sum(&next, a, MARKS_DAY).why, MARKS_NEW);
}

static void a_new_store_learns_of_all(void **state)
{
    struct ledger_marks m[2];

    (void)state;
    feed(ledger_open(&ledger, A, "flm02:1"), 5000);
    assert_int_equal(ledger_marks_take(&ledger, m, 2), 1);
    ledger_all_changed(&ledger);
    assert_int_equal(ledger_marks_take(&ledger, m, 2), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(marks_are_taken_when_they_change),
        TEST(marks_go_on_after_a_restart),
        TEST(what_is_known_is_newer),
        TEST(nonsense_is_left_alone),
        TEST(standing_counters_are_rolled_in_turns),
        TEST(the_end_says_until_when),
        TEST(what_is_published_can_be_set),
        TEST(another_meaning_begins_anew),
        TEST(a_new_store_learns_of_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
