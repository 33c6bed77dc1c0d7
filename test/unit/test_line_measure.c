/* What telegrams say, to readings: which sensor, what can be, counters through the ledger, net, the second that it is
 * of.
 */
#include "unit.h"

#include "settings_house.h"

#include "core/ledger_marks.h"
#include "core/line_measure.h"

#define UNIX_MS INT64_C(1800000000000)
#define P1(x)   "{'lines': [{'key': 'grid', 'name': 'grid', 'device': '/dev/ttyUSB0', 'protocol': 'p1'" x "}]}"
#define TIC     "{'lines': [{'key': 'grid', 'name': 'grid', 'device': '/dev/ttyUSB0', 'protocol': 'tic'}]}"

static struct settings *s;
static struct ledger ledger;
static struct sensors sensors;
static struct line_measure measure;
static struct line_measured *grid;
static int64_t mono, wall; /* wall 0: not known */

static struct line_values said;
static struct reading out[300];
static size_t n_out, n_whys;
static enum line_refused whys[300];
static struct {
    enum line_noted what;
    enum line_refused why;
    int64_t milli;
} notes[300];
static size_t n_notes;

static void emitted(void *ctx, const struct reading *r)
{
    assert_ptr_equal(ctx, out);
    out[n_out++] = *r;
}

static void noted(void *ctx, const struct line_measured *m, const struct line_channel *c, enum line_noted what,
                  enum line_refused why, int64_t milli)
{
    assert_ptr_equal(ctx, out);
    assert_ptr_equal(m, grid);
    assert_non_null(c);
    notes[n_notes].what = what;
    notes[n_notes].why = why;
    notes[n_notes++].milli = milli;
}

static void was_refused(void *ctx, size_t nth, enum line_refused why)
{
    assert_ptr_equal(ctx, out);
    assert_true(nth < said.n);
    whys[n_whys++] = why;
}

static const struct line_measure_host host = {.emit = emitted, .note = noted, .refused = was_refused, .ctx = out};

static void apply(const char *text)
{
    cJSON *t = loaded(text);
    struct settings_errors errors = {0};
    struct settings *was = s;

    s = settings_parse_tree(t, &meter_folder, &errors, NULL);
    for (size_t i = 0; i < errors.n; i++)
        print_message("%s: %s\n", errors.v[i].path, errors.v[i].message);
    assert_non_null(s);
    assert_int_equal(settings_derive_ids(s, DEVICE, &errors), 0);
    settings_errors_free(&errors);
    cJSON_Delete(t);
    settings_set_sensors(s, &sensors);
    line_measure_set(&measure, &sensors, &ledger, s);
    settings_free(was); /* nothing of it is kept */
    grid = line_measure_find(&measure, "grid");
}

static int setup(void **state)
{
    (void)state;
    s = NULL;
    mono = 5000;
    wall = UNIX_MS;
    n_out = n_notes = n_whys = 0;
    said = (struct line_values){.checked = true};
    ledger_init(&ledger);
    sensors_init(&sensors);
    line_measure_init(&measure);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    line_measure_fini(&measure);
    sensors_fini(&sensors);
    ledger_fini(&ledger);
    settings_free(s);
    return 0;
}

static const struct sensor *named(const char *name)
{
    size_t cursor = 0;

    for (struct sensor *x; (x = sensors_next(&sensors, &cursor));)
        if (strcmp(x->name, name) == 0)
            return x;
    fail_msg("no sensor %s", name);
    return NULL;
}

/* The next telegram holds this. */
static void holds(const char *code, enum reading_kind kind, int64_t milli)
{
    int c = line_code_find(grid->protocol, code);

    assert_true(c >= 0);
    said.v[said.n++] = (struct line_value){(uint8_t)c, (uint8_t)kind, milli, 0};
}

/* It comes after so many milliseconds. */
static void comes(int64_t ms)
{
    mono += ms;
    wall += wall ? ms : 0;
    n_out = n_notes = n_whys = 0;
    line_measure_telegram(grid, &said, mono, wall, &host);
    said.n = 0;
}

static const struct reading *of(const char *name, enum reading_kind kind)
{
    const struct reading *found = NULL;

    for (size_t i = 0; i < n_out; i++)
        if (out[i].sensor == named(name)->handle && out[i].kind == kind) {
            assert_null(found);
            found = &out[i];
        }
    return found;
}

static void is(const char *name, enum reading_kind kind, int64_t milli)
{
    const struct reading *r = of(name, kind);

    if (!r)
        fail_msg("%s was not said", name);
    if (r->milli != milli)
        fail_msg("%s is %lld, not %lld", name, (long long)r->milli, (long long)milli);
}

/* A second later its import counter says this. */
static void imports(int64_t milli)
{
    holds("import", READING_COUNTER, milli);
    comes(1000);
}

/* ---- which sensor ---- */

static void each_value_feeds_its_sensor(void **state)
{
    (void)state;
    apply(P1(""));
    holds("net", READING_GAUGE, -300000);
    holds("import", READING_COUNTER, 5000000);
    holds("export", READING_COUNTER, 2000000);
    holds("32.7.0", READING_GAUGE, 234700);
    holds("gas", READING_COUNTER, 112384000);
    comes(1000);
    assert_int_equal(n_out, 6);
    is("grid", READING_GAUGE, -300000);
    is("grid", READING_COUNTER, 3000000);
    is("grid import", READING_COUNTER, 5000000);
    is("grid export", READING_COUNTER, 2000000);
    is("grid voltage L1", READING_GAUGE, 234700);
    is("grid gas", READING_COUNTER, 112384000);
    for (size_t i = 0; i < n_out; i++) {
        assert_int_equal(out[i].mono_ms, mono);
        assert_int_equal(out[i].unix_s, UNIX_MS / 1000 + 1);
    }
    assert_string_equal(ledger_find(&ledger, named("grid")->id)->source, "line/grid:diff");
    assert_true(ledger_computed(ledger_find(&ledger, named("grid")->id)->source));
    assert_string_equal(ledger_find(&ledger, named("grid import")->id)->source, "line/grid:import");
    assert_null(ledger_find(&ledger, named("grid voltage L1")->id));
}

static void lines_come_and_go(void **state)
{
    (void)state;
    apply("{'lines': [{'key': 'z', 'name': 'z', 'device': '/dev/z', 'protocol': 'd0'}, {'key': 'grid', 'name': 'g', "
          "'device': '/dev/a', 'protocol': 'p1'}, {'key': 'off', 'enable': false, 'device': '/dev/b', 'protocol': "
          "'p1'}]}");
    assert_int_equal(measure.n, 2);
    assert_int_equal(line_measure_find(&measure, "z")->protocol, LINE_D0);
    assert_null(line_measure_find(&measure, "off"));
    imports(5000000);
    imports(4000000);
    assert_int_equal(grid->refused[LINE_REFUSED_RATE], 1);
    apply(P1(""));
    assert_int_equal(measure.n, 1);
    assert_int_equal(grid->refused[LINE_REFUSED_RATE], 1); /* it goes on with its counts */
    apply("{}");
    assert_int_equal(measure.n, 0);
    assert_null(line_measure_find(&measure, "grid"));
}

/* ---- what can be ---- */

/* pitfall 13: the last value that is taken, the first that is not; 25 A, three phases */
static void more_than_the_connection_can_is_refused(void **state)
{
    static const struct {
        const char *code, *name;
        int64_t last, first;
    } cases[] = {
        {"net", "grid", 45000000, 45000001}, /* 3 x 25 A x 300 V x 2 */
        {"net", "grid", -45000000, -45000001},
        {"import", "grid import", 45000000, 45000001},
        {"1.6.0", "grid month peak", 45000000, 45000001},
        {"3.8.0", "grid reactive import", 45000000, 45000001},
        {"32.7.0", "grid voltage L1", 1000000, 1000001},
        {"52.7.0", "grid voltage L2", 0, -1},
        {"31.7.0", "grid current L1", 75000, 75001},
        {"14.7.0", "grid frequency", 40000, 39999},
        {"14.7.0", "grid frequency", 70000, 70001},
        {"13.7.0", "grid power factor", -1000, -1001},
    };

    (void)state;
    apply(P1(", 'current': 25"));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t before = grid->refused[LINE_REFUSED_RANGE];
        holds(cases[i].code, READING_GAUGE, cases[i].last);
        comes(1000);
        is(cases[i].name, READING_GAUGE, cases[i].last);
        for (int again = 0; again < 2; again++) {
            holds(cases[i].code, READING_GAUGE, cases[i].first);
            comes(1000);
            assert_int_equal(n_out, 0);
            assert_int_equal(n_notes, again == 0); /* of a row the first is told */
            assert_int_equal(n_whys, 1);
            assert_int_equal(whys[0], LINE_REFUSED_RANGE);
        }
        assert_int_equal(grid->refused[LINE_REFUSED_RANGE], before + 2);
    }
}

/* ---- counters ---- */

static void a_counter_goes_on(void **state)
{
    (void)state;
    apply(P1(""));
    imports(5000000);
    is("grid import", READING_COUNTER, 5000000);
    imports(5000000); /* electricity says itself each telegram: sums of sensors want one second */
    is("grid import", READING_COUNTER, 5000000);
    imports(5001000);
    is("grid import", READING_COUNTER, 5001000);
    is("grid", READING_COUNTER, 5001000); /* a meter that tells no export */
    assert_int_equal(grid->refused[LINE_REFUSED_RATE], 0);
}

/* A meter of whole kWh at a second each: its step is as long as it took. */
static void steps_of_a_coarse_counter(void **state)
{
    (void)state;
    apply(P1(""));
    imports(INT64_C(5000000000));
    for (int i = 0; i < 1200; i++) {
        imports(INT64_C(5000000000));
        assert_int_equal(n_out, 2);
    }
    imports(INT64_C(5001000000));
    is("grid import", READING_COUNTER, INT64_C(5001000000));
    assert_int_equal(grid->refused[LINE_REFUSED_RATE], 0);
}

/* pitfall 14; home-assistant/core#104515 */
static void zero_for_a_moment_is_no_counter(void **state)
{
    (void)state;
    apply(P1(""));
    imports(5000000);
    for (int i = 0; i < LINE_ZEROS - 1; i++) {
        imports(0);
        assert_int_equal(n_out, 0);
        assert_int_equal(whys[0], LINE_REFUSED_RATE);
    }
    imports(5002000);
    is("grid import", READING_COUNTER, 5002000);
}

static void a_fall_must_be_confirmed(void **state)
{
    (void)state;
    apply(P1(""));
    imports(5000000);
    imports(70000);
    assert_int_equal(n_out, 0);
    assert_int_equal(n_notes, 1);
    assert_int_equal(notes[0].what, LINE_NOTED_REFUSED);
    imports(5000000); /* that was nothing */
    is("grid import", READING_COUNTER, 5000000);
    imports(70000);
    imports(70000);
    assert_int_equal(n_out, 0);
    imports(71000);
    assert_int_equal(notes[0].what, LINE_NOTED_RESET);
    is("grid import", READING_COUNTER, 5001000);
    is("grid", READING_COUNTER, 5001000); /* of what is published */
}

static void a_rise_beyond_the_fuses_waits(void **state)
{
    (void)state;
    apply(P1(", 'current': 25"));
    imports(5000000);
    imports(9000000); /* 4 kWh in a second, less than an hour's */
    assert_int_equal(n_out, 0);
    assert_int_equal(n_notes, 0);
    imports(9000000);
    imports(9000000);
    is("grid import", READING_COUNTER, 9000000);
    imports(INT64_C(900000000)); /* more than an hour's is no energy, and told */
    assert_int_equal(n_notes, 1);
    imports(INT64_C(900000000));
    imports(INT64_C(900000000));
    is("grid import", READING_COUNTER, 9000000);
    holds("import", READING_COUNTER, -1);
    comes(1000);
    assert_int_equal(whys[0], LINE_REFUSED_RANGE);
}

/* What is on the M-Bus says the same for an hour; then an hour's gas comes at once. */
static void gas_is_said_when_it_changed(void **state)
{
    (void)state;
    apply(P1(""));
    for (int i = 0; i < 3; i++) {
        holds("gas", READING_COUNTER, 112384000);
        comes(1000);
        assert_int_equal(n_out, i == 0);
    }
    holds("gas", READING_COUNTER, 115384000); /* 3 m3, and it was first heard 3 s ago */
    comes(1000);
    assert_int_equal(n_out, 0);
    for (int i = 0; i < 2; i++) {
        holds("gas", READING_COUNTER, 115384000);
        comes(1000);
    }
    is("grid gas", READING_COUNTER, 115384000);
    holds("gas", READING_COUNTER, 118384000);
    comes(3600000);
    is("grid gas", READING_COUNTER, 118384000); /* an hour later it is plain */
    assert_int_equal(n_notes, 0);
    ledger_set(ledger_find(&ledger, named("grid gas")->id), 1000000); /* people set it: it is said again */
    holds("gas", READING_COUNTER, 118384000);
    comes(1000);
    is("grid gas", READING_COUNTER, 1000000);
}

static void net_needs_both(void **state)
{
    (void)state;
    apply(P1(""));
    holds("import", READING_COUNTER, 5000000);
    holds("export", READING_COUNTER, 7000000);
    comes(1000);
    is("grid", READING_COUNTER, -2000000);
    holds("import", READING_COUNTER, 5001000);
    comes(1000);
    assert_null(of("grid", READING_COUNTER));
    holds("import", READING_COUNTER, 5002000);
    holds("export", READING_COUNTER, 100); /* refused */
    comes(1000);
    assert_null(of("grid", READING_COUNTER));
    holds("import", READING_COUNTER, 5002000);
    holds("export", READING_COUNTER, 7001000);
    comes(1000);
    is("grid", READING_COUNTER, -1999000);
}

/* Over a restart, with what was saved: a difference may be below zero. */
static void the_ledger_keeps_them(void **state)
{
    struct ledger_saved saved[200];

    (void)state;
    apply(P1(""));
    holds("import", READING_COUNTER, 5000000);
    holds("export", READING_COUNTER, 7000000);
    comes(1000);
    size_t n = ledger_take(&ledger, saved, ARRAY_LEN(saved), mono, wall / 1000);
    assert_int_equal(n, 3);
    teardown(NULL);
    setup(NULL);
    for (size_t i = 0; i < n; i++)
        ledger_restore(&ledger, &saved[i], mono, UNIX_MS / 1000 + 60);
    apply(P1(""));
    holds("import", READING_COUNTER, 5010000);
    comes(61000);
    is("grid import", READING_COUNTER, 5010000);
    assert_null(of("grid", READING_COUNTER)); /* there is an export, which was not told now */
    holds("import", READING_COUNTER, 5010000);
    holds("export", READING_COUNTER, 7000000);
    comes(1000);
    is("grid", READING_COUNTER, -1990000);
}

/* ---- telegrams without a check ---- */

static void a_counter_without_a_check_waits_for_the_next(void **state)
{
    (void)state;
    apply(TIC);
    said.checked = false;
    imports(5000000);
    assert_int_equal(n_out, 0);
    imports(5001000);
    is("grid import", READING_COUNTER, 5000000);
    assert_int_equal(of("grid import", READING_COUNTER)->mono_ms, mono - 1000);
    assert_int_equal(of("grid import", READING_COUNTER)->unix_s, wall / 1000 - 1);
    imports(5009000); /* damaged: the next does not go on from it */
    is("grid import", READING_COUNTER, 5001000);
    imports(5002000);
    assert_int_equal(n_out, 0);
    assert_int_equal(whys[0], LINE_REFUSED_RATE);
    imports(5003000);
    is("grid import", READING_COUNTER, 5002000);
    assert_int_equal(grid->refused[LINE_REFUSED_RATE], 1);
    imports(5003000);
    holds("import", READING_COUNTER, 5063000); /* asked once in ten minutes: nobody waits so long */
    comes(600000);
    is("grid import", READING_COUNTER, 5063000);
}

static void gauges_do_not_wait(void **state)
{
    (void)state;
    apply(TIC);
    said.checked = false;
    holds("sinsts", READING_GAUGE, 800000);
    comes(1000);
    is("grid apparent power in", READING_GAUGE, 800000);
}

/* ---- when it was ---- */

static int64_t second_of(int64_t meter_s, int64_t ms)
{
    said.unix_s = meter_s;
    holds("net", READING_GAUGE, 1000);
    comes(ms);
    assert_int_equal(n_out, 1);
    return out[0].unix_s;
}

static void the_meters_clock_tells_when_it_is_near(void **state)
{
    const int64_t t = UNIX_MS / 1000;

    (void)state;
    apply(P1(""));
    assert_int_equal(second_of(t + 1 - 60, 1000), t + 1 - 60);
    assert_int_equal(second_of(t + 2 + 75, 1000), t + 2 + 75); /* once it does, a little more */
    assert_int_equal(second_of(t + 3 + 76, 1000), t + 3);
    assert_int_equal(second_of(t + 4 + 61, 1000), t + 4);
    assert_int_equal(second_of(t + 5 + 60, 1000), t + 5 + 60);
    assert_int_equal(second_of(0, 1000), t + 6); /* unset */
    wall = 0;
    assert_int_equal(second_of(t, 1000), 0); /* nobody knows: the store resolves it */
}

/* One that comes a moment early is not of the second before; a clock that steps is followed. */
static void each_second_its_telegram(void **state)
{
    const int64_t t = UNIX_MS / 1000;

    (void)state;
    apply(P1(""));
    assert_int_equal(second_of(0, 1010), t + 1);
    assert_int_equal(second_of(0, 980), t + 2); /* at 1.99 */
    assert_int_equal(second_of(0, 1000), t + 3);
    assert_int_equal(second_of(0, 1020), t + 4);
    wall += 100000;
    assert_int_equal(second_of(0, 1000), t + 105);
    for (int64_t i = 0, last = t + 105; i < 1000; i++) { /* TIC: 1.5 s */
        int64_t now = second_of(0, 1500);
        assert_in_range(now - last, 1, 2);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_value_feeds_its_sensor, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_the_connection_can_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_counter_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_of_a_coarse_counter, setup, teardown),
        cmocka_unit_test_setup_teardown(zero_for_a_moment_is_no_counter, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fall_must_be_confirmed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rise_beyond_the_fuses_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(gas_is_said_when_it_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(net_needs_both, setup, teardown),
        cmocka_unit_test_setup_teardown(the_ledger_keeps_them, setup, teardown),
        cmocka_unit_test_setup_teardown(a_counter_without_a_check_waits_for_the_next, setup, teardown),
        cmocka_unit_test_setup_teardown(gauges_do_not_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(the_meters_clock_tells_when_it_is_near, setup, teardown),
        cmocka_unit_test_setup_teardown(each_second_its_telegram, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
