/* What meters say, to readings: with models as they are in conf/meters, and settings as people write them. */
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

static void is_taken(const char *quantity, int64_t milli, int64_t as)
{
    const struct reading *r = says(quantity, milli);

    if (!r)
        fail_msg("%s %lld was refused", quantity, (long long)milli);
    assert_int_equal(r->milli, as);
}

static void is_refused(const char *quantity, int64_t milli, enum mb_refused why)
{
    uint64_t was = boiler->refused[why];

    if (says(quantity, milli))
        fail_msg("%s %lld was taken", quantity, (long long)milli);
    assert_int_equal(boiler->refused[why], was + 1);
}

static void is_odd(enum mb_value value, enum mb_refused why)
{
    const struct mb_reading v = {.quantity = code("power"), .value = (uint8_t)value, .milli = 42};
    uint64_t was = boiler->refused[why];

    later(1000);
    poll(&v, 1);
    assert_int_equal(n_out, 0);
    assert_int_equal(boiler->refused[why], was + 1);
}

/* A counter that has confirmed its first value, and is at this now. */
static void counts_from(int64_t milli)
{
    assert_null(says("energy_import", milli));
    is_taken("energy_import", milli, milli);
}

static const struct sensor *sensor_named(const char *name)
{
    size_t cursor = 0;

    for (struct sensor *x; (x = sensors_next(&sensors, &cursor));)
        if (strcmp(x->name, name) == 0)
            return x;
    fail_msg("no sensor %s", name);
    return NULL;
}

/* ---- which sensor ---- */

static void each_quantity_feeds_its_sensor(void **state)
{
    (void)state;
    apply(ONE(""));
    const struct mb_reading v[] = {{code("power"), MB_VALUE, 1500000},
                                   {code("voltage_l2"), MB_VALUE, 231500},
                                   {code("energy_import"), MB_VALUE, 7000000},
                                   {code("frequency"), MB_VALUE, 50010},
                                   {code("apparent_power"), MB_VALUE, 1}}; /* is not wanted */
    poll(v, ARRAY_LEN(v));
    later(1000);
    poll(v, ARRAY_LEN(v));
    assert_int_equal(n_out, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(out[i].milli, v[i].milli);
        assert_int_equal(out[i].mono_ms, 6000);
        assert_int_equal(out[i].unix_s, UNIX_MS / 1000 + 1);
        assert_int_equal(out[i].kind, i == 2 ? READING_COUNTER : READING_GAUGE);
    }
    assert_int_equal(out[0].sensor, out[2].sensor); /* W and Wh are one */
    assert_int_equal(out[0].sensor, sensor_named("boiler")->handle);
    assert_int_equal(out[1].sensor, sensor_named("boiler voltage L2")->handle);
    assert_int_equal(out[3].sensor, sensor_named("boiler frequency")->handle);
    assert_string_equal(ledger_find(&ledger, sensor_named("boiler")->id)->source, "meter/boiler:energy_import");
    assert_null(ledger_find(&ledger, sensor_named("boiler frequency")->id));
}

/* S4: a sensor of class uart publishes a meter's power and energy. */
static void a_meter_may_feed_a_given_sensor(void **state)
{
    (void)state;
    apply("{'board': {'protocol': 'flm02', 'device': '/dev/ttyS0'}, 'sensors': [{'name': 'u', 'enable': true, 'class': "
          "'uart', 'type': "
          "'electricity', "
          "'ports': [6], 'meter': 'boiler'}], 'buses': [{'key': 'a', 'device': '/dev/ttyUSB0', 'meters': [{" SDM
          "}]}]}");
    is_taken("power", 1000, 1000);
    assert_int_equal(out[0].sensor, sensor_named("u")->handle);
    counts_from(5000);
    assert_int_equal(out[0].sensor, sensor_named("u")->handle);
}

static void who_is_disabled_is_not_there(void **state)
{
    (void)state;
    apply("{'buses': [{'key': 'a', 'device': '/dev/a', 'enable': false, 'meters': [{'key': 'x', 'name': 'x', 'unit': "
          "1, 'model': "
          "'eastron-sdm120'}]}, {'key': 'b', 'device': '/dev/b', 'meters': [{'key': 'y', 'name': 'y', 'unit': 1, "
          "'model': "
          "'eastron-sdm120', 'enable': false}, {'key': 'z', 'name': 'z', 'unit': 2, 'model': 'eastron-sdm120'}, "
          "{'key': 'a', 'name': 'a', "
          "'unit': 3, 'model': 'eastron-sdm120'}]}]}");
    assert_int_equal(measure.n, 2);
    assert_null(mb_measure_find(&measure, "x"));
    assert_null(mb_measure_find(&measure, "y"));
    assert_string_equal(mb_measure_find(&measure, "z")->key, "z");
    assert_string_equal(mb_measure_find(&measure, "a")->key, "a");
    apply("{}");
    assert_int_equal(measure.n, 0);
    assert_null(mb_measure_find(&measure, "a"));
}

/* ---- what can be ---- */

/* pitfall 13: for each quantity the last value that is taken, and the first that is not; 65 A, three phases */
static void more_than_the_connection_can_is_refused(void **state)
{
    static const struct {
        const char *quantity;
        int64_t last, first;
    } cases[] = {
        {"voltage_l1", 1000000, 1000001},
        {"voltage_l1", 0, -1},
        {"frequency", 40000, 39999},
        {"frequency", 70000, 70001},
        {"power_factor", 1000, 1001},
        {"power_factor", -1000, -1001},
        {"current_l3", 195000, 195001}, /* 3 x 65 A */
        {"current_l3", -195000, -195001},
        {"power_l1", 39000000, 39000001}, /* 65 A x 300 V x 2 */
        {"power_l1", -39000000, -39000001},
        {"power", 117000000, 117000001},
        {"power", -117000000, -117000001},
        {"reactive_power", 117000000, 117000001},
        {"apparent_power_l2", 39000000, 39000001},
    };

    (void)state;
    apply(ONE(", 'current': 65, 'quantities': ['voltage_l1', 'frequency', 'power_factor', 'current_l3', "
              "'power_l1', 'power', 'reactive_power', 'apparent_power_l2']"));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        is_taken(cases[i].quantity, cases[i].last, cases[i].last);
        is_refused(cases[i].quantity, cases[i].first, MB_REFUSED_RANGE);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    apply(ONE(""));
    is_odd(MB_NOT_A_NUMBER, MB_REFUSED_NAN);
    is_odd(MB_NO_VALUE, MB_REFUSED_NO_VALUE);
    is_odd(MB_TOO_LARGE, MB_REFUSED_RANGE);
    is_taken("power", 1000, 1000);
    assert_string_equal(mb_refused_name(MB_REFUSED_RANGE), "range");
    assert_string_equal(mb_refused_name(MB_REFUSED_RATE), "rate");
    assert_string_equal(mb_refused_name(MB_REFUSED_NAN), "not_a_number");
    assert_string_equal(mb_refused_name(MB_REFUSED_NO_VALUE), "no_value");
}

static void a_row_of_refusals_is_told_once(void **state)
{
    (void)state;
    apply(ONE(", 'current': 65"));
    for (int i = 0; i < 5; i++) {
        is_refused("power", 200000000 + i, MB_REFUSED_RANGE);
        assert_int_equal(n_notes, i == 0);
    }
    is_taken("power", 5, 5);
    assert_int_equal(n_notes, 0);
    is_refused("power", 200000000, MB_REFUSED_RANGE);
    assert_int_equal(n_notes, 1);
    assert_int_equal(notes[0].what, MB_NOTE_REFUSED);
    assert_int_equal(notes[0].why, MB_REFUSED_RANGE);
    assert_int_equal(notes[0].quantity, code("power"));
    assert_int_equal(notes[0].milli, 200000000);
}

/* ---- ratios of transformers ---- */

static void a_ratio_is_of_currents_and_all_that_has_them(void **state)
{
    (void)state;
    apply(ONE(", 'ratio': 40, 'current': 200"));
    is_taken("power", 1234567, 49382680);
    is_taken("current_l1", -2500, -100000);
    is_taken("voltage_l1", 230000, 230000);
    is_taken("frequency", 50000, 50000);
    assert_null(says("energy_import", 1000));
    is_taken("energy_import", 1001, 40040);
    apply(ONE(", 'ratio': 0.001"));
    is_taken("power", 1499, 1);
    is_taken("power", 1500, 2);
    is_taken("power", -1499, -1);
    is_taken("power", -1500, -2); /* half away from zero */
    is_taken("power", 500, 1);
    is_taken("power", 499, 0);
}

static void a_ratio_never_overflows(void **state)
{
    static const int64_t large[] = {MB_VALUE_MAX, MB_VALUE_MAX - 1, MB_VALUE_MAX / 1000, MB_VALUE_MAX / 10000 + 1};

    (void)state;
    apply(ONE(", 'ratio': 10000, 'current': 10000"));
    for (size_t i = 0; i < ARRAY_LEN(large); i++) {
        is_refused("power", large[i], MB_REFUSED_RANGE);
        is_refused("power", -large[i], MB_REFUSED_RANGE);
        is_refused("energy_import", large[i], MB_REFUSED_RANGE);
    }
    apply(ONE(", 'ratio': 1"));
    is_refused("power", MB_VALUE_MAX, MB_REFUSED_RANGE);
}

/* Other transformers: what was counted stays, and no energy comes of the change. */
static void another_ratio_goes_on_from_where_it_was(void **state)
{
    (void)state;
    apply(ONE(""));
    counts_from(50000);
    apply(ONE(", 'ratio': 2"));
    assert_null(says("energy_import", 50000));
    is_taken("energy_import", 50000, 50000);
    is_taken("energy_import", 50500, 51000);
}

/* ---- counters ---- */

static void the_first_value_ever_must_be_followed_by_one_that_goes_on(void **state)
{
    (void)state;
    apply(ONE(""));
    assert_null(says("energy_import", 4492000000)); /* garbage */
    assert_null(says("energy_import", 7000000));
    is_taken("energy_import", 7000200, 7000200);
    assert_int_equal(boiler->refused[MB_REFUSED_RATE], 0);
}

static void but_not_of_a_meter_that_is_read_each_hour(void **state)
{
    (void)state;
    apply(ONE(", 'interval': 3600"));
    is_taken("energy_import", 7000000, 7000000);
}

static void a_counter_never_falls(void **state)
{
    (void)state;
    apply(ONE(", 'current': 65"));
    counts_from(7000000);
    is_refused("energy_import", 6000000, MB_REFUSED_RATE);
    assert_int_equal(n_notes, 1);
    is_refused("energy_import", -1, MB_REFUSED_RANGE);
    is_taken("energy_import", 7001000, 7001000);
}

/* 65 A, three phases: 70.2 kW is 19.5 Wh in a second */
static void a_counter_never_jumps(void **state)
{
    (void)state;
    apply(ONE(", 'current': 65"));
    counts_from(7000000);
    is_taken("energy_import", 7039000, 7039000);
    is_refused("energy_import", 7239000, MB_REFUSED_RATE);
    assert_int_equal(n_notes, 0); /* large steps of a slow display are nobody's concern */
    is_refused("energy_import", 7239001, MB_REFUSED_RATE);
    is_taken("energy_import", 7239002, 7239002); /* within an hour's energy it is some */
    is_refused("energy_import", 7239002 + 70200001, MB_REFUSED_RATE);
    assert_int_equal(n_notes, 1);
    is_taken("energy_import", 7240000, 7240000);
}

static void a_new_meter_goes_on_from_the_old_one(void **state)
{
    (void)state;
    apply(ONE(""));
    counts_from(7000000);
    is_refused("energy_import", 12000, MB_REFUSED_RATE);
    is_refused("energy_import", 12100, MB_REFUSED_RATE);
    const struct reading *r = says("energy_import", 12300);
    assert_non_null(r);
    assert_in_range(r->milli, 7000000, 7000400);
    assert_int_equal(n_notes, 1);
    assert_int_equal(notes[0].what, MB_NOTE_RESET);
    int64_t published = r->milli;
    is_taken("energy_import", 12800, published + 500);
}

/* pitfall 14: 0, then the true value, is a year's energy counted twice */
static void zero_after_a_value_is_a_meter_that_starts_up(void **state)
{
    (void)state;
    apply(ONE(""));
    counts_from(7000000);
    for (int i = 0; i < MB_ZEROS - 1; i++) {
        is_refused("energy_import", 0, MB_REFUSED_RATE);
        assert_int_equal(n_notes, i == 0);
    }
    is_taken("energy_import", 7000500, 7000500);
    for (int i = 0; i < MB_ZEROS - 1; i++) /* counted anew */
        is_refused("energy_import", 0, MB_REFUSED_RATE);
    is_taken("energy_import", 7000600, 7000600);
}

static void zero_that_stands_is_a_reset(void **state)
{
    const struct reading *r;
    int n = 0;

    (void)state;
    apply(ONE(""));
    counts_from(7000000);
    while (!(r = says("energy_import", 0)))
        n++;
    assert_int_equal(n, MB_ZEROS - 1 + METER_CONFIRM - 1);
    assert_int_equal(r->milli, 7000000);
    is_taken("energy_import", 0, 7000000); /* and 0 is a value as any other now */
    is_taken("energy_import", 100, 7000100);
}

static void zero_from_the_start_is_taken(void **state)
{
    (void)state;
    apply(ONE(""));
    counts_from(0);
    is_taken("energy_import", 0, 0);
    is_taken("energy_import", 700, 700);
}

/* float32: 8 Wh at 100 MWh is its smallest step */
static void steps_of_a_float_are_no_jumps(void **state)
{
    (void)state;
    apply(ONE(", 'current': 10"));
    counts_from(INT64_C(100000000000));
    for (int i = 1; i < 20; i++)
        is_taken("energy_import", INT64_C(100000000000) + i * 8000, INT64_C(100000000000) + i * 8000);
    assert_int_equal(boiler->refused[MB_REFUSED_RATE], 0);
}

static const char *const ddsu =
    "{'buses': [{'key': 'a', 'device': '/dev/a', 'meters': [{'key': 'boiler', 'name': 'boiler', 'unit': 1, "
    "'current': 10, 'model': 'orno-we516-517'}]}]}";

/* A register of so many bits starts again at 0: no reset. */
static void a_counter_passes_its_end(void **state)
{
    (void)state;
    apply(ONE(""));
    struct mb_channel *c = NULL;
    for (size_t i = 0; i < boiler->n_channels; i++)
        if (boiler->channels[i].quantity == code("energy_import"))
            c = &boiler->channels[i];
    assert_non_null(c);
    assert_int_equal(c->limits.wrap, 0); /* floats have no end */
    c->limits.wrap = 10000000;
    counts_from(9999000);
    is_taken("energy_import", 500, 10000500);
    assert_int_equal(n_notes, 1);
    assert_int_equal(notes[0].what, MB_NOTE_WRAP);
}

/* Each model's counters: the end that their registers have, times ratio. */
static void each_models_registers(void **state)
{
    unsigned wraps = 0, floats = 0;

    (void)state;
    for (int ratio = 1; ratio <= 10000; ratio *= 10000) {
        struct dirent **names;
        int n = scandir(METER_FOLDER, &names, meter_folder_filter, alphasort);
        assert_true(n >= 30);
        for (int i = 0; i < n; i++) {
            char text[400];
            *strrchr(names[i]->d_name, '.') = '\0';
            snprintf(text, sizeof text,
                     "{'buses': [{'key': 'a', 'device': '/dev/a', 'meters': [{'key': 'boiler', 'name': 'boiler', "
                     "'unit': 1, 'ratio': %d, "
                     "'model': '%s'}]}]}",
                     ratio, names[i]->d_name);
            free(names[i]);
            apply(text);
            assert_true(boiler->n_channels > 0);
            for (size_t j = 0; j < boiler->n_channels; j++) {
                const struct mb_channel *c = &boiler->channels[j];
                const struct meter_register *r = meter_model_register(s->models[0], c->quantity);
                if (!c->entry)
                    continue;
                assert_true(c->limits.rate_per_s > 0 && c->limits.slack >= c->limits.rate_per_s * 3600);
                floats += c->floats;
                wraps += c->limits.wrap > 0;
                if (r->type == METER_UINT32)
                    assert_int_equal(c->limits.wrap, ((int64_t)1 << 32) * r->scale_micro / 1000 * ratio);
                else
                    assert_true(r->type == METER_UINT16 || c->limits.wrap == 0);
                if (r->type == METER_UINT32)
                    assert_int_equal(c->limits.step, r->scale_micro / 1000 * ratio);
            }
        }
        free(names);
    }
    assert_true(wraps > 10 && floats > 10);
}

/* A display of whole kWh: each step is taken at once. */
static void whole_kilowatt_hours_are_no_jumps(void **state)
{
    (void)state;
    apply(ddsu);
    struct mb_channel *c = NULL;
    for (size_t i = 0; i < boiler->n_channels; i++)
        if (boiler->channels[i].quantity == code("energy_import"))
            c = &boiler->channels[i];
    assert_non_null(c);
    c->limits.step = 1000000;
    c->floats = false;
    counts_from(5000000);
    for (int i = 0; i < 100; i++)
        is_taken("energy_import", 5000000, 5000000);
    is_taken("energy_import", 6000000, 6000000);
    is_refused("energy_import", 12000000, MB_REFUSED_RATE);
}

/* ---- the ledger ---- */

static void a_restart_goes_on(void **state)
{
    struct ledger_saved saved[20];

    (void)state;
    apply(ONE(""));
    counts_from(7000000);
    size_t n = ledger_take(&ledger, saved, ARRAY_LEN(saved), mono, wall / 1000);
    assert_int_equal(n, 1);
    teardown(NULL);
    s = NULL;
    ledger_init(&ledger);
    sensors_init(&sensors);
    mb_measure_init(&measure);
    later(60000);
    ledger_restore(&ledger, saved, mono, wall / 1000);
    apply(ONE(""));
    is_taken("energy_import", 7001000, 7001000); /* at once: it is known */
}

static void what_people_set_is_published(void **state)
{
    (void)state;
    apply(ONE(""));
    counts_from(7000000);
    struct ledger_entry *e = ledger_find(&ledger, sensor_named("boiler")->id);
    ledger_set(e, 1000);
    assert_true(e->owed);
    is_taken("energy_import", 7000500, 1500);
    assert_false(e->owed);
}

static bool urgent;

static void on_urgent(void *ctx)
{
    (void)ctx;
    urgent = true;
}

static void a_fall_is_saved_at_once_and_a_rise_later(void **state)
{
    (void)state;
    apply(ONE(""));
    counts_from(7000000);
    ledger.urgent = on_urgent;
    urgent = false;
    is_taken("energy_import", 7000500, 7000500);
    assert_false(urgent);
    is_refused("energy_import", 5, MB_REFUSED_RATE);
    assert_true(urgent);
}

/* ---- settings change ---- */

static void who_stays_goes_on(void **state)
{
    (void)state;
    apply(ONE(", 'current': 65"));
    counts_from(7000000);
    is_refused("power", 200000000, MB_REFUSED_RANGE);
    for (int i = 0; i < MB_ZEROS - 2; i++)
        is_refused("energy_import", 0, MB_REFUSED_RATE);
    apply("{'buses': [{'key': 'z', 'device': '/dev/z', 'meters': [{'key': 'aa', 'name': 'aa', 'unit': 9, 'model': "
          "'abb-b23'}]}, "
          "{'key': 'a', 'device': '/dev/other', 'meters': [{" SDM ", 'current': 65}]}]}");
    assert_int_equal(boiler->refused[MB_REFUSED_RANGE], 1);
    assert_int_equal(boiler->refused[MB_REFUSED_RATE], MB_ZEROS - 2);
    is_refused("power", 200000000, MB_REFUSED_RANGE);
    assert_int_equal(n_notes, 0); /* it was told before */
    is_refused("energy_import", 0, MB_REFUSED_RATE);
    assert_null(says("energy_import", 0)); /* the thirtieth */
    assert_null(says("energy_import", 0));
    is_taken("energy_import", 0, 7000000);
}

static void another_model_is_another_counter(void **state)
{
    (void)state;
    apply(ONE(""));
    counts_from(7000000);
    apply("{'buses': [{'key': 'a', 'device': '/dev/ttyUSB0', 'meters': [{'key': 'boiler', 'name': 'boiler', 'unit': 1, "
          "'model': 'abb-b23'}]}]}");
    assert_null(says("energy_import", 9000000));
    is_taken("energy_import", 9000000, 7000000);
    is_taken("energy_import", 9000500, 7000500);
}

/* ---- when it was ---- */

static void each_second_has_its_reading(void **state)
{
    int64_t last = 0, at[4000];

    (void)state;
    apply(ONE(""));
    wall = UNIX_MS + 995; /* answers come some milliseconds to both sides of a second */
    for (int i = 0; i < 4000; i++)
        at[i] = mono + 1000 * (int64_t)i + i * 7919 % 25;
    for (int i = 0; i < 4000; i++) {
        const struct mb_reading v = {code("power"), MB_VALUE, 1000};
        int64_t unix_ms = wall + at[i] - 5000;
        n_out = 0;
        mb_measure_poll(boiler, &v, 1, at[i], unix_ms, &host);
        assert_int_equal(n_out, 1);
        assert_true(!last || out[0].unix_s == last + 1);
        assert_true(llabs(out[0].unix_s * 1000 + 500 - unix_ms) <= 1000);
        last = out[0].unix_s;
    }
}

static void a_clock_that_steps_is_followed(void **state)
{
    (void)state;
    apply(ONE(""));
    is_taken("power", 1, 1);
    assert_int_equal(out[0].unix_s, wall / 1000);
    wall += 3600000;
    is_taken("power", 1, 1);
    assert_int_equal(out[0].unix_s, wall / 1000);
    wall -= 7200000;
    is_taken("power", 1, 1);
    assert_int_equal(out[0].unix_s, wall / 1000);
    wall = 0;
    is_taken("power", 1, 1);
    assert_int_equal(out[0].unix_s, 0);
    wall = UNIX_MS + 777;
    is_taken("power", 1, 1);
    assert_int_equal(out[0].unix_s, wall / 1000);
    later(3599000); /* it was silent for an hour */
    is_taken("power", 1, 1);
    assert_int_equal(out[0].unix_s, wall / 1000);
}

/* A wall clock that is slewed by 500 ppm never lets a stamp be off by two seconds. */
static void a_clock_that_drifts_is_followed(void **state)
{
    (void)state;
    apply(ONE(""));
    for (int i = 0; i < 20000; i++) {
        wall += i % 2 ? 1 : 0;
        is_taken("power", 1, 1);
        assert_true(wall - out[0].unix_s * 1000 >= -500 && wall - out[0].unix_s * 1000 < 1500);
    }
}

static void ten_readings_a_second_are_of_their_second(void **state)
{
    (void)state;
    apply(ONE(", 'interval': 0.1"));
    for (int i = 0; i < 50; i++) {
        const struct mb_reading v = {code("power"), MB_VALUE, 1000};
        later(100);
        poll(&v, 1);
        assert_int_equal(out[0].unix_s, wall / 1000);
    }
}

/* ---- whatever is said ---- */

static void whatever_is_said_what_is_published_never_falls(void **state)
{
    uint64_t x = 88172645463325252U;
    int64_t truth = 5000000, published = 0;

    (void)state;
    apply(ONE(", 'current': 65"));
    for (int i = 0; i < 200000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        truth += x % 15000;
        int64_t said = truth;
        if (x % 97 == 0)
            said = (int64_t)(x >> 3) % MB_VALUE_MAX; /* garbage */
        else if (x % 89 == 0)
            said = 0;
        else if (x % 83 == 0)
            said = -(int64_t)(x >> 20);
        const struct reading *r = says("energy_import", said);
        if (!r)
            continue;
        assert_true(r->milli >= published);
        published = r->milli;
    }
    assert_int_equal(published, truth); /* and all of it was counted, once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_quantity_feeds_its_sensor, setup, teardown),
        cmocka_unit_test_setup_teardown(a_meter_may_feed_a_given_sensor, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_disabled_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_the_connection_can_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_number_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_row_of_refusals_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ratio_is_of_currents_and_all_that_has_them, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ratio_never_overflows, setup, teardown),
        cmocka_unit_test_setup_teardown(another_ratio_goes_on_from_where_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_value_ever_must_be_followed_by_one_that_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(but_not_of_a_meter_that_is_read_each_hour, setup, teardown),
        cmocka_unit_test_setup_teardown(a_counter_never_falls, setup, teardown),
        cmocka_unit_test_setup_teardown(a_counter_never_jumps, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_meter_goes_on_from_the_old_one, setup, teardown),
        cmocka_unit_test_setup_teardown(zero_after_a_value_is_a_meter_that_starts_up, setup, teardown),
        cmocka_unit_test_setup_teardown(zero_that_stands_is_a_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(zero_from_the_start_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_of_a_float_are_no_jumps, setup, teardown),
        cmocka_unit_test_setup_teardown(a_counter_passes_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(each_models_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(whole_kilowatt_hours_are_no_jumps, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restart_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(what_people_set_is_published, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fall_is_saved_at_once_and_a_rise_later, setup, teardown),
        cmocka_unit_test_setup_teardown(who_stays_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(another_model_is_another_counter, setup, teardown),
        cmocka_unit_test_setup_teardown(each_second_has_its_reading, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_steps_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_drifts_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(ten_readings_a_second_are_of_their_second, setup, teardown),
        cmocka_unit_test_setup_teardown(whatever_is_said_what_is_published_never_falls, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
