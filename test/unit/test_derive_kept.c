/* Net: what is kept of it over kills, orders, changed settings and backups, and that no energy is lost whatever
 * happens. */
#include "derive_phases.h"

static struct ledger_saved kept[PARTS + MADE];
static size_t n_kept;
static bool killed;

/* The store writes all that changed in one go, at any moment. */
static void save(void)
{
    n_kept = 0;
    for (const struct ledger_entry *e = ledger.all; e; e = e->after)
        ledger_copy(e, &kept[n_kept++], mono_ms, unix_s);
}

/* SIGKILL, and a start: what was not saved is not known. Boards count on. */
static void kill_and_start(void)
{
    ends();
    ledger_fini(&ledger);
    ledger.now.started_ms = mono_ms;
    for (size_t i = 0; i < n_kept; i++)
        ledger_restore(&ledger, &kept[i], mono_ms, unix_s);
    starts();
    killed = true;
}

static void a_kill_loses_nothing_and_counts_nothing_twice(void **state)
{
    (void)state;
    powers(3600, 0, 0);
    tell();
    for (int i = 0; i < 100; i++)
        second();
    save();
    for (int i = 0; i < 50; i++)
        second();
    assert_int_equal(published(IMPORT), 150000);
    passes(20 * 1000);
    unix_s += 20;
    kill_and_start();
    tell();
    assert_near(published(IMPORT), 170000, LOOSE);
    assert_int_equal(published(EXPORT), 0);
    second();
    assert_near(published(IMPORT), 171000, LOOSE);
}

/* A disk that can be read only later: what it knows replaces what was counted so far, and the rest follows. */
static void a_store_that_comes_late(void **state)
{
    (void)state;
    powers(3600, 0, 0);
    tell();
    for (int i = 0; i < 100; i++)
        second();
    save();
    passes(60000);
    unix_s += 60;
    ends();
    ledger_fini(&ledger);
    starts();
    tell();
    for (int i = 0; i < 10; i++)
        second();
    assert_int_equal(published(IMPORT), 10000);
    for (size_t i = 0; i < n_kept; i++)
        ledger_restore(&ledger, &kept[i], mono_ms, unix_s);
    second();
    assert_near(published(IMPORT), 171000, LOOSE);
    assert_int_equal(published(EXPORT), 0);
    second();
    assert_near(published(IMPORT), 172000, LOOSE);
}

/* People set a part's counter, or that of import: neither is energy. */
static void orders_are_no_energy(void **state)
{
    (void)state;
    powers(3600, 0, 0);
    tell();
    second();
    ledger_set(entry(1), 50000000);
    ledger_set(entry(PHASES), 70000000);
    ledger_set(entry(IMPORT), 9000000);
    assert_true(entry(IMPORT)->owed);
    second();
    assert_false(entry(IMPORT)->owed);
    assert_int_equal(got[IMPORT][READING_COUNTER].milli, 9001000);
    assert_int_equal(got[EXPORT][READING_COUNTER].milli, 0);
    passes(60000);
    unix_s += 60;
    save();
    kill_and_start();
    tell();
    assert_near(got[IMPORT][READING_COUNTER].milli, 9061000, LOOSE);
    assert_int_equal(got[EXPORT][READING_COUNTER].milli, 0);
}

/* With other parts it goes on from where it was, and counts what they count from then on. */
static void other_parts_go_on(void **state)
{
    (void)state;
    derive_settings[0].n_of = derive_settings[0].n_minus = 2;
    derive_set(&derive, &settings);
    powers(3600, 0, 7200);
    tell();
    for (int i = 0; i < 10; i++)
        second();
    assert_int_equal(published(IMPORT), 10000);
    derive_settings[0].parts[1] = 2; /* instead of phase 2's */
    derive_settings[0].minuses[1] = 5;
    derive_set(&derive, &settings);
    assert_int_equal(published(IMPORT), 10000);
    for (int i = 0; i < 10; i++)
        second();
    assert_int_equal(published(IMPORT), 37000); /* the first of these tied it */
    assert_int_equal(published(EXPORT), 0);
}

/* Switched off, it counts nothing; the same settings again disturb nothing. */
static void switched_off_it_counts_nothing(void **state)
{
    (void)state;
    powers(3600, 0, 0);
    tell();
    second();
    derive_set(&derive, &settings);
    second();
    assert_near(published(IMPORT), 2000, LOOSE);
    derive_settings[0].enable = false;
    derive_set(&derive, &settings);
    assert_true(derive_empty(&derive));
    for (int i = 0; i < 100; i++)
        second();
    derive_settings[0].enable = true;
    derive_set(&derive, &settings);
    second();
    second();
    assert_near(published(IMPORT), 3000, LOOSE);
}

/* A backup holds what it published, not what it was tied to. */
static void it_comes_back_from_a_backup(void **state)
{
    struct ledger_saved s = {.source = "flx:net:00000000", .raw = 500000, .offset = 1000, .known = true};

    (void)state;
    way[0][0] = 77000 * MWH;
    memcpy(s.id, ids[IMPORT], sizeof s.id);
    ends();
    ledger_fini(&ledger);
    ledger_adopt(&ledger, &s, mono_ms, unix_s);
    starts();
    powers(3600, 0, 0);
    tell();
    assert_int_equal(got[IMPORT][READING_COUNTER].milli, 501000);
    assert_int_equal(got[EXPORT][READING_COUNTER].milli, 0);
    second();
    assert_int_equal(got[IMPORT][READING_COUNTER].milli, 502000);
}

/* ---- anything ---- */

static void order(void)
{
    unsigned part = (unsigned)rand() % (2 * PHASES);
    int64_t jump = rand() % 100000000, before;

    if (!ledger_published(entry(part), &before))
        return;
    ledger_set(entry(part), before + jump);
    save(); /* an order is written at once */
    set_milli += part < PHASES ? jump : -jump;
}

/* One second of a bad day. */
static void anything(void)
{
    static const int64_t steps[] = {-86400, -61, -5, -1, 1, 5, 86400};
    const enum lost lost = rand() % 10 ? NOTHING : (enum lost)(1 + rand() % 3);
    const int of = rand() % PHASES, saved = rand() % 20 ? PHASES : rand() % PHASES;

    for (int p = 0; p < PHASES; p++)
        if (rand() % 10 == 0)
            power[p] = rand() % 20000001 - 10000000;
    if (rand() % 200 == 0)
        unix_s += steps[(unsigned)rand() % ARRAY_LEN(steps)];
    passes(rand() % 50 ? 950 + rand() % 100 : 1000 * (rand() % 1000));
    unix_s++;
    for (int p = 0; p < PHASES; p++) {
        phase_tells(p, p == of ? lost : NOTHING);
        if (p == saved)
            save(); /* amid a second, too */
    }
    if (rand() % 300 == 0)
        order();
    if (rand() % 100 == 0)
        kill_and_start();
}

/* Frames and gauges lost, boards away, kills with the last minutes unsaved, orders, steps of the clock: in the end it
 * has counted what the counters have, and no more. */
static void whatever_happens_no_energy_is_lost_or_doubled(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 60; seed++) {
        srand(seed);
        tell();
        int64_t began = parts_say();
        save();
        for (int i = 0; i < 1000; i++) {
            int64_t before[] = {published(IMPORT), published(EXPORT)};
            killed = false;
            anything();
            for (unsigned side = 0; side < NET_SIDES && !killed; side++)
                assert_true(published(IMPORT + side) >= before[side]);
        }
        unix_s += 3600;
        passes(10000);
        tell();
        unix_s += 10;
        passes(10000);
        tell();
        assert_near(published(IMPORT) - published(EXPORT), parts_say() - began - set_milli, LOOSE);
        teardown(NULL);
        setup(NULL);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_kill_loses_nothing_and_counts_nothing_twice),
        CASE(a_store_that_comes_late),
        CASE(orders_are_no_energy),
        CASE(other_parts_go_on),
        CASE(switched_off_it_counts_nothing),
        CASE(it_comes_back_from_a_backup),
        CASE(whatever_happens_no_energy_is_lost_or_doubled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
