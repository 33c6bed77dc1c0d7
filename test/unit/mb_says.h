/* For the tests of measuring with meters: settings as people write them, models as they are in conf/meters, and what a
 * meter says. */
#ifndef TEST_MB_SAYS_H
#define TEST_MB_SAYS_H

#include "unit.h"

#include "settings_house.h"

#include "core/ledger_marks.h"
#include "core/mb_decode.h"
#include "core/mb_measure.h"

#define UNIX_MS INT64_C(1800000000000)
#define SDM     "'model': 'eastron-sdm630', 'name': 'boiler', 'key': 'boiler', 'unit': 1"
#define ONE(x)  "{'buses': [{'key': 'a', 'device': '/dev/ttyUSB0', 'meters': [{" SDM x "}]}]}"

static struct settings *s;
static struct ledger ledger;
static struct sensors sensors;
static struct mb_measure measure;
static struct mb_measured *boiler;
static int64_t mono, wall; /* wall 0: not known */

static struct reading out[300];
static size_t n_out;

static struct {
    uint8_t quantity;
    enum mb_note what;
    enum mb_refused why;
    int64_t milli;
} notes[300];
static size_t n_notes;

static void emitted(void *ctx, const struct reading *r)
{
    assert_ptr_equal(ctx, out);
    out[n_out++] = *r;
}

static void noted(void *ctx, const struct mb_measured *m, uint8_t quantity, enum mb_note what, enum mb_refused why,
                  int64_t milli)
{
    assert_ptr_equal(ctx, out);
    assert_ptr_equal(m, boiler);
    notes[n_notes].quantity = quantity;
    notes[n_notes].what = what;
    notes[n_notes].why = why;
    notes[n_notes++].milli = milli;
}

static const struct mb_measure_host host = {.emit = emitted, .note = noted, .ctx = out};

/* These settings from now on. */
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
    mb_measure_set(&measure, &sensors, &ledger, s);
    settings_free(was); /* nothing of it is kept */
    boiler = mb_measure_find(&measure, "boiler");
}

static int setup(void **state)
{
    (void)state;
    s = NULL;
    mono = 5000;
    wall = UNIX_MS;
    n_out = n_notes = 0;
    ledger_init(&ledger);
    sensors_init(&sensors);
    mb_measure_init(&measure);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mb_measure_fini(&measure);
    sensors_fini(&sensors);
    ledger_fini(&ledger);
    settings_free(s);
    return 0;
}

static void later(int64_t ms)
{
    mono += ms;
    wall += wall ? ms : 0;
}

static uint8_t code(const char *quantity)
{
    int q = quantity_find(quantity);

    assert_true(q >= 0);
    return (uint8_t)q;
}

static void poll(const struct mb_reading *v, size_t n)
{
    n_out = n_notes = 0;
    mb_measure_poll(boiler, v, n, mono, wall, &host);
}

/* A second later it says this, in thousandths; what was emitted, or NULL. */
static const struct reading *says(const char *quantity, int64_t milli)
{
    const struct mb_reading v = {.quantity = code(quantity), .value = MB_VALUE, .milli = milli};

    later(1000);
    poll(&v, 1);
    assert_true(n_out <= 1);
    return n_out ? &out[0] : NULL;
}

static inline void is_taken(const char *quantity, int64_t milli, int64_t as)
{
    const struct reading *r = says(quantity, milli);

    if (!r)
        fail_msg("%s %lld was refused", quantity, (long long)milli);
    assert_int_equal(r->milli, as);
}

static inline void is_refused(const char *quantity, int64_t milli, enum mb_refused why)
{
    uint64_t was = boiler->refused[why];

    if (says(quantity, milli))
        fail_msg("%s %lld was taken", quantity, (long long)milli);
    assert_int_equal(boiler->refused[why], was + 1);
}

static inline void is_odd(enum mb_value value, enum mb_refused why)
{
    const struct mb_reading v = {.quantity = code("power"), .value = (uint8_t)value, .milli = 42};
    uint64_t was = boiler->refused[why];

    later(1000);
    poll(&v, 1);
    assert_int_equal(n_out, 0);
    assert_int_equal(boiler->refused[why], was + 1);
}

/* A counter that has confirmed its first value, and is at this now. */
static inline void counts_from(int64_t milli)
{
    assert_null(says("energy_import", milli));
    is_taken("energy_import", milli, milli);
}

static inline const struct sensor *sensor_named(const char *name)
{
    size_t cursor = 0;

    for (struct sensor *x; (x = sensors_next(&sensors, &cursor));)
        if (strcmp(x->name, name) == 0)
            return x;
    fail_msg("no sensor %s", name);
    return NULL;
}

#endif
