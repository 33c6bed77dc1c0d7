/* For the tests of measuring with lines: settings as people write them, and what a meter's telegrams hold. */
#ifndef TEST_LINE_SAYS_H
#define TEST_LINE_SAYS_H

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

static inline void apply(const char *text)
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

static inline const struct sensor *named(const char *name)
{
    size_t cursor = 0;

    for (struct sensor *x; (x = sensors_next(&sensors, &cursor));)
        if (strcmp(x->name, name) == 0)
            return x;
    fail_msg("no sensor %s", name);
    return NULL;
}

/* The next telegram holds this. */
static inline void holds(const char *code, enum reading_kind kind, int64_t milli)
{
    int c = line_code_find(grid->protocol, code);

    assert_true(c >= 0);
    said.v[said.n++] = (struct line_value){(uint8_t)c, (uint8_t)kind, milli, 0};
}

/* It comes after so many milliseconds. */
static inline void comes(int64_t ms)
{
    mono += ms;
    wall += wall ? ms : 0;
    n_out = n_notes = n_whys = 0;
    line_measure_telegram(grid, &said, mono, wall, &host);
    said.n = 0;
}

static inline const struct reading *of(const char *name, enum reading_kind kind)
{
    const struct reading *found = NULL;

    for (size_t i = 0; i < n_out; i++)
        if (out[i].sensor == named(name)->handle && out[i].kind == kind) {
            assert_null(found);
            found = &out[i];
        }
    return found;
}

static inline void is(const char *name, enum reading_kind kind, int64_t milli)
{
    const struct reading *r = of(name, kind);

    if (!r)
        fail_msg("%s was not said", name);
    if (r->milli != milli)
        fail_msg("%s is %lld, not %lld", name, (long long)r->milli, (long long)milli);
}

/* A second later its import counter says this. */
static inline void imports(int64_t milli)
{
    holds("import", READING_COUNTER, milli);
    comes(1000);
}

#endif
