/* Quarter hours: what is kept of them over kills, changed settings and orders, and that whatever happens none counts
 * that is not known, and none is lost that is. */
#include "derive_peak_house.h"

#define NEAR 5

static void a_kill_keeps_start_and_peak(void **state)
{
    (void)state;
    tells();
    live_to(0);
    power = 4 * KW;
    live_to(0);
    power = KW;
    live(300);
    save(NULL);
    live(55);
    passes(20);
    kill_and_start();
    tells();
    assert_near(shows(QUARTER), KW, 2 * NEAR);
    assert_near(shows(MONTH), 4 * KW, NEAR);
    assert_int_equal(derive.peaks[0].quarter->meter.first, entry(QUARTER)->meter.first);
    live_to(0);
    assert_int_equal(derive.peaks[0].counted, 1);
    assert_near(shows(QUARTER), KW, NEAR);
}

/* What a quarter hour raised is saved with it. */
static void a_kill_right_behind_the_end(void **state)
{
    (void)state;
    tells();
    live_to(0);
    power = 4 * KW;
    live_to(0);
    n_said = 0;
    kill_and_start();
    live(1);
    assert_near(shows(MONTH), 4 * KW, NEAR);
    live_to(0);
    assert_int_equal(n_said, 0);
}

static void a_kill_over_the_end(void **state)
{
    (void)state;
    tells();
    live_to(0);
    live_to(850);
    save(NULL);
    n_said = 0;
    live(40);
    passes(30);
    kill_and_start();
    tells();
    assert_near(shows(MONTH), KW, NEAR);
    live_to(0);
    assert_int_equal(n_said, 0);
    assert_int_equal(derive.peaks[0].counted, 2);
}

/* A disk that can be read only later. */
static void a_store_that_comes_late(void **state)
{
    (void)state;
    tells();
    live_to(0);
    power = 4 * KW;
    live_to(0);
    power = KW;
    live(100);
    save(NULL);
    const size_t n = n_kept;
    n_kept = 0;
    passes(30);
    kill_and_start();
    tells();
    live(10);
    assert_int_equal(count[MONTH][READING_GAUGE], 0);
    for (size_t i = 0; i < n; i++)
        ledger_restore(&ledger, &kept[i], mono_ms, unix_s);
    live(1);
    assert_near(shows(MONTH), 4 * KW, NEAR);
    assert_near(shows(QUARTER), KW, 30 * NEAR);
    live_to(0);
    assert_int_equal(derive.peaks[0].counted, 1);
}

/* Without a clock nobody knows how long it was away; once there is one, it does. */
static void a_start_without_a_clock(void **state)
{
    (void)state;
    tells();
    live_to(0);
    live(300);
    save(NULL);
    const int64_t now = unix_s;
    mono_ms = 5000; /* of another boot */
    unix_s = 0;
    kill_and_start();
    for (int i = 0; i < 20; i++) {
        mono_ms += 1000;
        energy += power * 1000;
        tells();
    }
    unix_s = now + 20;
    live(1);
    assert_near(shows(QUARTER), KW, 2 * NEAR);
    live_to(0);
    assert_int_equal(derive.peaks[0].counted, 1);
}

static void changed_settings_disturb_nothing(void **state)
{
    (void)state;
    tells();
    live_to(0);
    for (int i = 0; i < 45; i++) {
        live(20);
        derive_set(&derive, &settings);
    }
    assert_near(shows(MONTH), KW, NEAR);
    assert_int_equal(n_said, 1);
    derive_settings[0].enable = false;
    derive_set(&derive, &settings);
    assert_true(derive_empty(&derive));
    live(30);
    derive_settings[0].enable = true;
    derive_set(&derive, &settings);
    live_to(0);
    assert_int_equal(n_said, 1);
    assert_near(shows(MONTH), KW, NEAR);
}

static void statistics_outlive_settings(void **state)
{
    (void)state;
    tells();
    live_to(0);
    live_to(0);
    derive_set(&derive, &settings);
    assert_true(derive.counted == 1 && derive.left_out_before == 1);
}

/* Another part is another consumption. */
static void another_part_begins_anew(void **state)
{
    (void)state;
    tells();
    live_to(0);
    power = 5 * KW;
    live_to(0);
    derive_settings[0].parts[0] = 1;
    derive_set(&derive, &settings);
    n_said = 0;
    for (int i = 0; i < 1000; i++) {
        next_second();
        part_counts(1, i * 1000, true);
        assert_true(shows(MONTH) == INT64_MIN && (i > 899 || shows(QUARTER) == INT64_MIN));
    }
    assert_int_equal(said[0].why, PEAK_BEGUN);
}

/* People set the part's counter: that is no energy. */
static void an_order_is_no_energy(void **state)
{
    (void)state;
    tells();
    live_to(0);
    live(300);
    ledger_set(entry(0), published(0) + 900000000);
    live(100);
    assert_near(shows(QUARTER), KW, NEAR * 3);
    assert_near(shows(FORECAST), KW, NEAR * 3);
    kill_and_start(); /* the order was saved at once */
    live_to(0);
    assert_near(shows(MONTH), KW, NEAR);
}

/* Of a sum of two parts: an order to one of them jumps it too. */
static void a_peak_of_a_sum(void **state)
{
    (void)state;
    derive_settings[1] = (struct derive_settings){
        .kind = DERIVE_SUM, .enable = true, .n_of = 2, .parts = {0, 1}, .factor_milli = {1000, 2000}};
    settings.n_derive = 2;
    make(3, 1, SUBTYPE_NONE);
    derive_settings[0].parts[0] = PARTS + 3;
    ends();
    begins();
    tells();
    for (int i = 0; i < 2700; i++) {
        passes(1);
        tells();
        part_emits(1, READING_GAUGE, power);
        part_counts(1, energy / MWH, true);
        if (i == 1500)
            ledger_set(entry(1), published(1) + 100000000);
        if (i == 2000)
            kill_and_start();
    }
    assert_near(got[MONTH][READING_GAUGE].milli, 3 * KW, 3 * NEAR);
    assert_near(shows(QUARTER), 3 * KW, 20 * NEAR);
    assert_int_equal(n_said, 1);
}

/* Garbage that the ledger took is no peak. */
static void an_absurd_counter(void **state)
{
    (void)state;
    tells();
    live_to(0);
    live(300);
    no_gauge = true;
    energy += 2000000000000 * MWH;
    live_to(0);
    assert_int_equal(said[n_said - 1].why, PEAK_ABSURD);
    assert_int_equal(count[MONTH][READING_GAUGE], 0);
}

/* No backup takes it over, and nobody sets it. */
static void it_is_no_counter(void **state)
{
    (void)state;
    tells();
    live_to(0);
    live_to(0);
    assert_true(ledger_computed(entry(QUARTER)->source) && ledger_computed(entry(MONTH)->source));
    assert_null(entry(FORECAST));
    save(NULL);
    kill_and_start();
    assert_false(entry(MONTH)->marks.known);
}

/* ---- anything ---- */

#define QUARTERS 400
#define MAX_KW   10

/* A quarter hour in the order of time, as it really was and as far as anybody could know. */
struct truth {
    int64_t start_s, energy; /* mW x ms, of those of its seconds that passed */
    int64_t seconds;
    int64_t unknown_s, off[2]; /* start, end: seconds to the nearest reading, where one was missed */
    int64_t vague[2];          /* likewise, of any that did not come each second */
    bool stepped, cut;         /* no reading saw the start of it */
};

static struct world {
    struct truth q[QUARTERS];
    size_t n;       /* the last one runs */
    int64_t last_s; /* of the newest reading, 0: none */
    size_t last_q;
} world, saved_world;

static void save_world(void *ctx)
{
    save(ctx);
    saved_world = world;
}

static void new_quarter(bool stepped)
{
    assert_true(world.n < QUARTERS);
    world.q[world.n++] = (struct truth){.start_s = (unix_s - 1) / 900 * 900, .stepped = stepped, .cut = !world.last_s};
}

static void second_passes(void)
{
    passes(1);
    if (!world.n || world.q[world.n - 1].start_s != (unix_s - 1) / 900 * 900)
        new_quarter(false);
    world.q[world.n - 1].energy += power * 1000;
    world.q[world.n - 1].seconds++;
}

static int64_t nearer(int64_t at_s)
{
    return at_s - world.last_s < unix_s - at_s ? at_s - world.last_s : unix_s - at_s;
}

/* What the gap behind the last reading left unknown: a short one nothing, but where in it the energy was. */
static void read_world(void)
{
    const int64_t gap = world.last_s ? unix_s - world.last_s : 0;
    const bool lost = gap * 1000 > PEAK_USUAL_MS;

    for (size_t i = world.last_q; gap > 1 && i < world.n; i++) {
        struct truth *q = &world.q[i];
        const int64_t from = q->start_s > world.last_s ? q->start_s : world.last_s;
        const int64_t end = q->start_s + PEAK_QUARTER_S, to = end < unix_s ? end : unix_s;
        if (world.last_s < q->start_s)
            q->vague[0] = nearer(q->start_s);
        if (unix_s >= end && world.last_s < end)
            q->vague[1] = nearer(end);
        if (!lost)
            continue;
        q->unknown_s += to > from ? to - from : 0;
        memcpy(q->off, q->vague, sizeof q->off);
    }
    world.last_s = unix_s;
    world.last_q = world.n - 1;
}

static bool is_known(const struct truth *q)
{
    const bool ends = q->off[0] <= PEAK_EDGE_S && q->off[1] <= PEAK_EDGE_S;

    return !q->stepped && !q->cut && (q->unknown_s <= PEAK_UNKNOWN_S || ends);
}

static void step_clock(int64_t by)
{
    for (size_t i = world.last_q; i < world.n; i++) /* all that were not over at the last reading */
        world.q[i].stepped |= world.q[i].start_s + PEAK_QUARTER_S > world.last_s;
    unix_s += by;
    passes(1);
    new_quarter(true);
    world.last_s = unix_s;
    world.last_q = world.n - 1;
    tells();
    save_world(NULL);
}

/* A kill: what was known and not saved is not known any more. */
static void forget(void)
{
    world.last_s = saved_world.last_s;
    world.last_q = saved_world.last_q;
    for (size_t i = 0; i < world.n; i++) {
        const struct truth none = {0}, *was = i < saved_world.n ? &saved_world.q[i] : &none;
        world.q[i].unknown_s = was->unknown_s;
        memcpy(world.q[i].off, was->off, sizeof was->off);
        memcpy(world.q[i].vague, was->vague, sizeof was->vague);
    }
}

static bool day_of_the_bad(void)
{
    static const int64_t steps[] = {-86400, -3600, -600, 11, 61, 700, 3600, 86400};
    static unsigned silent_s;

    if (rand() % 30 == 0)
        power = rand() % (MAX_KW * KW);
    if (rand() % 400 == 0)
        silent_s = (unsigned)rand() % (rand() % 4 ? 100 : 2500);
    if (rand() % 60 == 0)
        save_world(NULL);
    if (silent_s) {
        silent_s--;
        second_passes();
        return false;
    }
    if (rand() % 5000 == 0)
        step_clock(steps[(unsigned)rand() % ARRAY_LEN(steps)]);
    second_passes();
    if (rand() % 1000 == 0) {
        kill_and_start();
        ledger.urgent = save_world;
        forget();
    }
    no_gauge = rand() % 10 == 0;
    read_world();
    tells();
    return true;
}

/* The month's peak is the highest of those that are known, as high as it really was: what a gap over a boundary holds
 * may lie on either side of it. */
static void peak_is_right(bool exact)
{
    int64_t peak = -1, low = -1;

    for (size_t i = 0; i < world.n; i++) {
        const struct truth *q = &world.q[i];
        if (!is_known(q) || q->seconds != 900)
            continue;
        const int64_t real = q->energy / 900000, rounding = 2 * 4 * coarse + 8;
        const int64_t loose = rounding + MAX_KW * KW * (q->vague[0] + q->vague[1]) / 900;
        if (real + loose > peak)
            peak = real + loose;
        if (real - loose > low)
            low = real - loose;
    }
    if (exact)
        assert_true(low > 0);
    if (shows(MONTH) == INT64_MIN)
        assert_true(low < 0);
    else if (shows(MONTH) > peak || shows(MONTH) < low)
        fail_msg("%lld is not from %lld to %lld", (long long)shows(MONTH), (long long)low, (long long)peak);
}

static void one_life(unsigned seed)
{
    srand(seed);
    memset(&world, 0, sizeof world);
    coarse = seed % 3 ? 1000 : 1;
    gauge_first = seed % 2;
    unix_s = START + 10 * 86400 + rand() % 900; /* amid a month */
    ledger.urgent = save_world;
    second_passes();
    read_world();
    tells();
    save_world(NULL);
    for (int i = 0; i < 12000; i++) {
        n_said = 0;
        if (day_of_the_bad())
            peak_is_right(false);
    }
    no_gauge = false;
    for (int i = 0; i < 1900; i++) {
        second_passes();
        read_world();
        tells();
    }
    peak_is_right(true);
}

static void whatever_happens_the_peak_is_one_that_was(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 100; seed++) {
        one_life(seed);
        teardown(NULL);
        setup(NULL);
    }
}

/* Two years in Brussels, of each quarter hour a reading near to either end: each month has the highest of its own, also
 * where the clocks are changed, and none is left out. */
static void months_of_two_years(void **state)
{
    int64_t peak = 0, month_s = 0;
    unsigned months = 0;
    struct calendar c;

    (void)state;
    srand(7);
    setenv("TZ", "Europe/Brussels", 1);
    unix_s = 1772319600; /* 2026-03-01 00:00 */
    tells();
    for (int i = 0; i < 2 * 365 * 96; i++) {
        power = rand() % (MAX_KW * KW);
        calendar_of(unix_s, &c);
        if (c.month_s != month_s)
            peak = 0;
        months += c.month_s != month_s;
        month_s = c.month_s;
        passes(5);
        tells();
        if (months > 1 && peak == 0)
            assert_int_equal(shows(MONTH), 0); /* the first one of it */
        passes(890);
        tells();
        passes(5);
        tells();
        if (power > peak)
            peak = power;
        assert_near(shows(MONTH), peak, NEAR);
    }
    assert_int_equal(months, 24);
    assert_int_equal(derive.peaks[0].counted, 2 * 365 * 96);
    assert_int_equal(n_said, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_kill_keeps_start_and_peak),
        CASE(a_kill_right_behind_the_end),
        CASE(a_kill_over_the_end),
        CASE(a_store_that_comes_late),
        CASE(a_start_without_a_clock),
        CASE(changed_settings_disturb_nothing),
        CASE(statistics_outlive_settings),
        CASE(another_part_begins_anew),
        CASE(an_order_is_no_energy),
        CASE(a_peak_of_a_sum),
        CASE(an_absurd_counter),
        CASE(it_is_no_counter),
        CASE(whatever_happens_the_peak_is_one_that_was),
        CASE(months_of_two_years),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
