/* Counters of meters: what is published never falls and never jumps (pitfalls 13, 14). */
#include "mb_says.h"

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
        cmocka_unit_test_setup_teardown(whatever_is_said_what_is_published_never_falls, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
