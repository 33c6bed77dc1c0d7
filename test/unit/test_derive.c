/* Derived sensors: sums and differences with factors; net has a test of its own. */
#include "derive_house.h"

#define SUM PARTS

static void define(unsigned i, const int *factors, const size_t *parts, size_t n)
{
    struct derive_settings *d = &derive_settings[i];

    *d = (struct derive_settings){.kind = DERIVE_SUM, .enable = true, .n_of = n};
    memcpy(d->parts, parts, n * sizeof *parts);
    memcpy(d->factor_milli, factors, n * sizeof *factors);
    make(i, i, SUBTYPE_NONE);
    settings.n_derive = i + 1;
}

/* Part 0 x a + part 1 x b. */
static void of_two(enum sensor_class class, int a, int b)
{
    build(class);
    define(0, (const int[]){a, b}, (const size_t[]){0, 1}, 2);
    starts();
}

static int teardown(void **state)
{
    (void)state;
    ends();
    ledger_fini(&ledger);
    return 0;
}

static int two_clamps(void **state)
{
    (void)state;
    of_two(SENSOR_CT, 1000, 1000);
    return 0;
}

static int two_pulses(void **state)
{
    (void)state;
    of_two(SENSOR_PULSE, 1000, 1000);
    return 0;
}

/* rule 19 */
static void a_gauge_is_of_one_second(void **state)
{
    (void)state;
    part_emits(0, READING_GAUGE, 100500);
    assert_int_equal(count[SUM][READING_GAUGE], 0);
    part_emits(1, READING_GAUGE, -40123);
    assert_int_equal(count[SUM][READING_GAUGE], 1);
    assert_int_equal(got[SUM][READING_GAUGE].milli, 60377);
    assert_int_equal(got[SUM][READING_GAUGE].unix_s, START);
    assert_int_equal(got[SUM][READING_GAUGE].mono_ms, mono_ms);
    next_second();
    part_emits(0, READING_GAUGE, 7000); /* part 1's frame was lost */
    next_second();
    part_emits(1, READING_GAUGE, 8000);
    assert_int_equal(count[SUM][READING_GAUGE], 1);
    part_emits(0, READING_GAUGE, 1000);
    assert_int_equal(got[SUM][READING_GAUGE].milli, 9000);
    assert_int_equal(got[SUM][READING_GAUGE].unix_s, START + 2);
}

static void a_counter_waits_for_all_that_report_each_second(void **state)
{
    (void)state;
    part_counts(0, 5000001, true);
    assert_int_equal(count[SUM][READING_COUNTER], 0);
    part_counts(1, 2000002, true);
    assert_int_equal(got[SUM][READING_COUNTER].milli, 7000003);
    assert_int_equal(published(SUM), 7000003);
    next_second();
    part_counts(0, 5000101, true);
    assert_int_equal(count[SUM][READING_COUNTER], 1);
    next_second();
    part_counts(0, 5000201, true);
    part_counts(1, 2000302, true);
    assert_int_equal(count[SUM][READING_COUNTER], 2);
    assert_int_equal(got[SUM][READING_COUNTER].milli, 7000503);
}

/* A clock that is not set stamps nothing: seconds are told apart by when they came. */
static void without_a_clock(void **state)
{
    (void)state;
    unix_s = 0;
    for (unsigned i = 0; i < 5; i++) {
        part_emits(0, READING_GAUGE, 1000);
        mono_ms += 20;
        part_emits(1, READING_GAUGE, 2000);
        assert_int_equal(count[SUM][READING_GAUGE], i + 1);
        mono_ms += 980;
    }
}

static void pulses_count_with_their_latest(void **state)
{
    (void)state;
    part_counts(0, 10000, true);
    assert_int_equal(count[SUM][READING_COUNTER], 0);
    part_counts(1, 20000, false); /* known from before the start: nothing of it came yet */
    next_second();
    part_counts(0, 11000, true);
    assert_int_equal(got[SUM][READING_COUNTER].milli, 31000);
    unix_s += 3600;
    mono_ms += 3600000;
    part_counts(1, 21000, true);
    assert_int_equal(got[SUM][READING_COUNTER].milli, 32000);
    assert_int_equal(got[SUM][READING_COUNTER].unix_s, START + 3601);
    assert_false(derive_owes(&derive));
}

/* "only strictly increasing ts per sensor": the second one waits for the next second, not for the next pulse. */
static void two_pulses_in_one_second(void **state)
{
    (void)state;
    part_counts(1, 20000, false);
    part_counts(0, 10000, true);
    part_counts(1, 21000, true);
    assert_int_equal(count[SUM][READING_COUNTER], 1);
    assert_int_equal(published(SUM), 31000);
    assert_true(derive_owes(&derive));
    derive_pay(&derive, mono_ms, unix_s);
    assert_true(derive_owes(&derive)); /* still the same second */
    derive_set(&derive, &settings);
    assert_true(derive_owes(&derive)); /* whatever settings change meanwhile */
    next_second();
    derive_pay(&derive, mono_ms, unix_s);
    assert_false(derive_owes(&derive));
    assert_int_equal(got[SUM][READING_COUNTER].milli, 31000);
    assert_int_equal(got[SUM][READING_COUNTER].unix_s, START + 1);
}

static int64_t both(int a, int b, int64_t x, int64_t y)
{
    of_two(SENSOR_CT, a, b);
    part_emits(0, READING_GAUGE, x);
    part_emits(1, READING_GAUGE, y);
    ends();
    ledger_fini(&ledger);
    return got[SUM][READING_GAUGE].milli;
}

static void factors_round_once_half_away_from_zero(void **state)
{
    (void)state;
    assert_int_equal(both(1000, -1000, 5000, 7001), -2001);
    assert_int_equal(both(500, 0, 1, 0), 1);
    assert_int_equal(both(500, 0, -1, 0), -1);
    assert_int_equal(both(500, 500, 1, 1), 1); /* not 2: rounded at the end */
    assert_int_equal(both(500, 499, 1, 1), 1);
    assert_int_equal(both(-499, -2, 1, 0), 0);
    assert_int_equal(both(-500, -1, 1, 1), -1);
    assert_int_equal(both(1, 1, -400, -101), -1);
    assert_int_equal(both(1000000, -1000000, 9000000000000, 8999999999999), 1000);
    of_two(SENSOR_CT, 1, 1); /* for the teardown */
}

/* Against arithmetic of 128 bits, at any size. */
static void totals_are_exact(void **state)
{
    (void)state;
#ifdef __SIZEOF_INT128__
    __extension__ typedef __int128 wide;
    uint64_t seed = 1;
    unsigned beyond = 0;

    for (int round = 0; round < 200000; round++) {
        struct derive_total t = {0};
        wide sum = 0;
        int64_t milli;
        for (int i = 0; i < 1 + round % 32; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            int64_t v = (int64_t)seed >> (round % 60), f = (int64_t)(seed >> 20) % 1000001;
            derive_total_add(&t, v, f);
            sum += (wide)v * f;
        }
        wide half = sum < 0 ? -500 : 500;
        wide rounded = (sum + half) / 1000;
        if (!derive_total_end(&t, &milli)) {
            beyond++;
            assert_true(round % 60 < 20); /* 2^43 thousandths are more than any counter holds */
        } else {
            assert_true(rounded == milli);
        }
    }
    assert_in_range(beyond, 1000, 100000);
#endif
}

static void a_sum_beyond_64_bits_is_none(void **state)
{
    (void)state;
    of_two(SENSOR_CT, 1000, 1000);
    part_emits(0, READING_GAUGE, INT64_MAX);
    part_emits(1, READING_GAUGE, 1);
    assert_int_equal(count[SUM][READING_GAUGE], 0);
    next_second();
    part_emits(0, READING_GAUGE, INT64_MIN);
    part_emits(1, READING_GAUGE, 1);
    assert_int_equal(count[SUM][READING_GAUGE], 1);
    assert_true(got[SUM][READING_GAUGE].milli == INT64_MIN + 1);
}

/* p1 + p2 + p3 and p2 + p1 at a time, a sensor twice in one, and one that is a part of nothing. */
static void parts_are_shared(void **state)
{
    (void)state;
    build(SENSOR_CT);
    define(0, (const int[]){1000, 1000, 1000}, (const size_t[]){0, 1, 2}, 3);
    define(1, (const int[]){1000, 1000}, (const size_t[]){1, 0}, 2);
    define(2, (const int[]){1000, 2000}, (const size_t[]){1, 1}, 2);
    starts();
    for (int i = 0; i < 10; i++) {
        for (unsigned part = 0; part < 4; part++)
            part_counts(part, 1000 * (part + 1) + i, true);
        next_second();
    }
    assert_int_equal(got[SUM][READING_COUNTER].milli, 6027);
    assert_int_equal(got[SUM + 1][READING_COUNTER].milli, 3018);
    assert_int_equal(got[SUM + 2][READING_COUNTER].milli, 6027);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(count[SUM + i][READING_COUNTER], 10);
    assert_int_equal(hub.refused_stale, 0);
}

/* pitfall 18: whatever the clock does, and whichever readings are lost; sink() sees to it that stamps rise. */
static void seconds_are_right_at_any_clock(void **state)
{
    static const int64_t steps[] = {-86400, -61, -60, -30, -1, 1, 30, 3600};
    int64_t last[2] = {0, 0};
    unsigned whole = 0;

    (void)state;
    srand(1);
    for (int i = 0; i < 20000; i++) {
        next_second();
        if (rand() % 50 == 0)
            unix_s += steps[(unsigned)rand() % ARRAY_LEN(steps)];
        unsigned before = count[SUM][READING_COUNTER];
        for (unsigned part = 0; part < 2; part++) {
            last[part] += rand() % 3000;
            if (rand() % 20)
                part_counts(part, last[part], true);
        }
        if (count[SUM][READING_COUNTER] == before)
            continue;
        assert_int_equal(got[0][READING_COUNTER].mono_ms, mono_ms); /* of this second, both */
        assert_int_equal(got[1][READING_COUNTER].mono_ms, mono_ms);
        assert_int_equal(got[SUM][READING_COUNTER].milli,
                         got[0][READING_COUNTER].milli + got[1][READING_COUNTER].milli);
        assert_int_equal(got[SUM][READING_COUNTER].unix_s, unix_s);
        whole++;
    }
    assert_in_range(whole, 10000, 20000);
}

/* Of a settings text: three phases have a net pair by themselves, and p1 + p2 + p3 is one more sensor. */
static void as_settings_make_them(void **state)
{
    static const char text[] = "{\"board\": {\"protocol\": \"flx\", \"device\": \"/dev/x\"}, \"phase\": \"3p+n\","
                               " \"derive\": [{\"key\": \"all\", \"name\": \"all\","
                               " \"of\": [\"port 1 pplus\", \"port 2 pplus\", \"port 3 pplus\"]}]}";
    struct settings_errors errors = {0};
    struct settings *s = settings_parse(text, sizeof text - 1, NULL, &errors, NULL);

    (void)state;
    assert_non_null(s);
    assert_int_equal(settings_derive_ids(s, "0123456789abcdef0123456789abcdef", &errors), 0);
    ends();
    sensors_init(&sensors);
    settings_set_sensors(s, &sensors);
    hub_init(&hub, &sensors);
    derive_init(&derive, &hub, &sensors, &ledger);
    derive_set(&derive, s);
    hub_stage(&hub, derive_take, &derive);
    assert_int_equal(derive.n_sums, 1);
    assert_int_equal(derive.n_nets, 1);
    for (unsigned clamp = 0; clamp < 3; clamp++)
        for (unsigned side = 0; side < 2; side++) {
            const struct sensor_settings *x = &s->sensors[12 * clamp + side];
            struct reading r = {.sensor = sensors_find(&sensors, x->id)->handle, .mono_ms = 1, .unix_s = START};
            r.milli = clamp == side ? 1000 * (clamp + 1) : 0; /* 1 W comes on phase 1, 2 W leave on phase 2 */
            hub_emit(&hub, &r);
        }
    for (size_t i = 39; i < s->n_sensors; i++) {
        const struct sensor_settings *x = &s->sensors[i];
        int64_t milli = sensors_find(&sensors, x->id)->latest[READING_GAUGE].milli;
        assert_int_equal(milli, strcmp(x->name, "grid import") == 0 ? 0 : 1000);
    }
    assert_int_equal(s->n_sensors, 39 + 3);
    settings_free(s);
}

/* ---- the ledger ---- */

#define MIDNIGHT 1800057600 /* UTC */

static struct marks_sum today(unsigned number)
{
    ledger_clock(&ledger, unix_s, mono_ms, true);
    return ledger_marks_sum(&ledger, entry(number), MARKS_DAY);
}

/* One second of both, at that time. */
static void at(int64_t at_s, int64_t a, int64_t b)
{
    mono_ms += (at_s - unix_s) * 1000;
    unix_s = at_s;
    part_counts(0, a, true);
    part_counts(1, b, true);
    ledger_heard(&ledger, "flx");
}

static void it_has_a_today(void **state)
{
    (void)state;
    ledger.now.started_ms = 1;
    at(MIDNIGHT - 1, 1000, 2000);
    at(MIDNIGHT, 1100, 2200);
    at(MIDNIGHT + 3600, 5000, 9000);
    assert_int_equal(today(SUM).why, MARKS_KNOWN);
    assert_int_equal(today(SUM).milli, 14000 - 3300);
    assert_int_equal(today(SUM).milli, today(0).milli + today(1).milli);
}

/* A part's counter is set: that is no energy of the sum either, before and after the part is heard again. */
static void a_part_that_is_set_is_no_energy(void **state)
{
    (void)state;
    ends();
    ledger_fini(&ledger);
    of_two(SENSOR_CT, 1500, 1000);
    ledger.now.started_ms = 1;
    at(MIDNIGHT, 1000, 2000);
    at(MIDNIGHT + 60, 2000, 3000);
    assert_int_equal(today(SUM).milli, 2500);
    ledger_set(entry(0), 1002001);
    assert_int_equal(published(SUM), 6000 + 1500001);
    assert_int_equal(today(SUM).milli, 2500);
    at(MIDNIGHT + 61, 2000, 3000);
    assert_int_equal(got[SUM][READING_COUNTER].milli, 6000 + 1500002); /* the whole, rounded */
    assert_in_range(today(SUM).milli, 2500, 2501);
}

static struct ledger next;

/* What the store keeps. */
static void restart(void)
{
    struct ledger_saved s[PARTS + MADE];
    struct ledger_marks m[PARTS + MADE];
    size_t n = ledger_take(&ledger, s, ARRAY_LEN(s), mono_ms, unix_s);

    next_second();
    ledger_init(&next);
    next.now.started_ms = mono_ms;
    for (size_t i = 0; i < n; i++)
        ledger_restore(&next, &s[i], mono_ms, unix_s);
    n = ledger_marks_take(&ledger, m, ARRAY_LEN(m));
    for (size_t i = 0; i < n; i++)
        ledger_marks_restore(&next, &m[i]);
    ends();
    ledger_fini(&ledger);
    ledger = next;
    for (struct ledger_entry *e = ledger.all; e; e = e->after)
        e->owner = &ledger;
    starts();
}

/* Its counter may fall, below 0 as well, and so may its day. */
static void a_difference_falls(void **state)
{
    (void)state;
    ends();
    ledger_fini(&ledger);
    of_two(SENSOR_CT, 1000, -1000);
    ledger.now.started_ms = 1;
    at(MIDNIGHT, 1000, 500);
    at(MIDNIGHT + 60, 1000, 3000);
    assert_int_equal(got[SUM][READING_COUNTER].milli, -2000);
    assert_int_equal(today(SUM).why, MARKS_KNOWN);
    assert_int_equal(today(SUM).milli, -2500);
    restart();
    assert_int_equal(published(SUM), -2000);
    assert_int_equal(today(SUM).why, MARKS_KNOWN);
    assert_int_equal(today(SUM).milli, -2500);
    at(MIDNIGHT + 70, 1000, 3500);
    assert_int_equal(today(SUM).milli, -3000);
}

/* The net counter of a line may fall, and so may what it is a part of. */
static void a_sum_with_a_part_that_falls(void **state)
{
    (void)state;
    ends();
    ledger_fini(&ledger);
    of_two(SENSOR_LINE, 1000, 1000);
    sensor_settings[0].made = sensor_settings[1].made = MADE_LINE;
    sensor_settings[0].code = LINE_NET;
    sensor_settings[1].code = LINE_IMPORT;
    derive_set(&derive, &settings);
    ledger.now.started_ms = 1;
    at(MIDNIGHT, 1000, 500);
    at(MIDNIGHT + 60, -3000, 700);
    assert_int_equal(got[SUM][READING_COUNTER].milli, -2300);
    assert_int_equal(today(SUM).why, MARKS_KNOWN);
    assert_int_equal(today(SUM).milli, -3800);
    assert_true(ledger_computed(entry(SUM)->source) && entry(SUM)->marks.falls);
    sensor_settings[0].code = LINE_IMPORT; /* without it, it is a sum like others */
    derive_set(&derive, &settings);
    assert_false(entry(SUM)->marks.falls);
}

/* What a heat meter counts is told when it changed: two of them hardly do so in one second. */
static void parts_that_change_seldom(void **state)
{
    (void)state;
    sensor_settings[0].made = sensor_settings[1].made = MADE_LINE;
    sensor_settings[0].code = sensor_settings[1].code = (uint8_t)line_code_find(LINE_D0, "heat");
    derive_set(&derive, &settings);
    assert_true(derive.sums[0].parts.rare);
}

static void a_restart_keeps_its_today(void **state)
{
    (void)state;
    ledger.now.started_ms = 1;
    at(MIDNIGHT, 1000, 2000);
    at(MIDNIGHT + 60, 2000, 3000);
    restart();
    assert_int_equal(published(SUM), 5000);
    assert_int_equal(today(SUM).milli, 2000);
    at(MIDNIGHT + 90, 2500, 3500);
    assert_int_equal(got[SUM][READING_COUNTER].milli, 6000);
    assert_int_equal(today(SUM).milli, 3000);
}

/* Another factor is another quantity. */
static void of_other_parts_it_starts_its_day_anew(void **state)
{
    (void)state;
    ledger.now.started_ms = 1;
    at(MIDNIGHT, 1000, 2000);
    at(MIDNIGHT + 1000, 2000, 3000);
    derive_settings[0].factor_milli[1] = 3000;
    restart();
    at(MIDNIGHT + 1002, 2000, 3000);
    assert_int_equal(got[SUM][READING_COUNTER].milli, 11000);
    assert_int_equal(today(SUM).why, MARKS_NEW);
}

/* A backup has nothing to say of a sum: its parts do. */
static void a_backup_leaves_sums_alone(void **state)
{
    struct ledger_saved s = {.source = "flx:sum", .raw = 77000000, .known = true};

    (void)state;
    at(START, 1000, 2000);
    memcpy(s.id, ids[SUM], sizeof s.id);
    ledger_adopt(&ledger, &s, mono_ms, unix_s);
    assert_int_equal(published(SUM), 3000);
    assert_true(ledger_computed("flm02:diff"));
    assert_false(ledger_computed("flm02:1"));
    assert_false(ledger_computed("sum"));
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_gauge_is_of_one_second, two_clamps),
        CASE(a_counter_waits_for_all_that_report_each_second, two_clamps),
        CASE(without_a_clock, two_clamps),
        CASE(pulses_count_with_their_latest, two_pulses),
        CASE(two_pulses_in_one_second, two_pulses),
        CASE(factors_round_once_half_away_from_zero, NULL),
        cmocka_unit_test(totals_are_exact),
        CASE(a_sum_beyond_64_bits_is_none, NULL),
        CASE(parts_are_shared, NULL),
        CASE(seconds_are_right_at_any_clock, two_clamps),
        CASE(as_settings_make_them, two_clamps),
        CASE(it_has_a_today, two_clamps),
        CASE(a_part_that_is_set_is_no_energy, two_clamps),
        CASE(a_difference_falls, two_clamps),
        CASE(a_sum_with_a_part_that_falls, two_clamps),
        CASE(parts_that_change_seldom, two_clamps),
        CASE(a_restart_keeps_its_today, two_clamps),
        CASE(of_other_parts_it_starts_its_day_anew, two_clamps),
        CASE(a_backup_leaves_sums_alone, two_clamps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
