#include "unit.h"

#include "settings_house.h"

#include "core/flx_ports.h"
#include "core/ident.h"
#include "core/sensors.h"
#include "core/settings_derived.h"

#define FLM02                                                                                                          \
    "'sensors':[{'ports':[1],'name':'main','enable':true},{'ports':[2],'name':'solar','enable':true},"                 \
    "{'ports':[4],'name':'water','type':'water','enable':true},{'ports':[5],'name':'gas','type':'gas','enable':true}]"
#define FLX "'board':{'protocol':'flx','device':'/dev/x'}"

static const struct sensor_settings *named(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->n_sensors; i++)
        if (s->sensors[i].name && strcmp(s->sensors[i].name, name) == 0)
            return &s->sensors[i];
    fail_msg("there is no sensor %s", name);
    return NULL;
}

static const struct derive_settings *member(const struct settings *s, const char *key)
{
    for (size_t i = 0; i < s->n_derive; i++)
        if (strcmp(s->derive[i].key, key) == 0)
            return &s->derive[i];
    fail_msg("there is nothing of key %s", key);
    return NULL;
}

static void id_is(const struct sensor_settings *x, const char *key)
{
    char id[IDENT_LEN + 1];

    ident_derive(DEVICE, key, id);
    assert_string_equal(x->id, id);
}

static void units_are(const struct sensor_settings *x, const char *gauge, const char *counter)
{
    const char *unit[READING_KINDS];

    sensor_settings_units(x, unit);
    assert_string_equal(unit[READING_GAUGE], gauge);
    if (counter)
        assert_string_equal(unit[READING_COUNTER], counter);
    else
        assert_null(unit[READING_COUNTER]);
}

static void a_sum_on_any_board(void **state)
{
    struct house h = house("{" FLM02 ",'derive':[{'key':'house','name':'house','of':['main','solar'],"
                           "'factors':[1,-0.001],'rid':3},{'key':'wet','name':'wet','of':['water','gas'],"
                           "'factors':2.5,'report':true}]}");
    const struct settings *s = h.now;
    const struct sensor_settings *x = named(s, "house"), *y = named(s, "wet");

    (void)state;
    assert_int_equal(s->n_sensors, 6);
    assert_true(x->number == 101 && y->number == 102);
    assert_true(x->made == MADE_DERIVE && x->class == SENSOR_DERIVED && x->enable && x->rid == 3 && x->n_ports == 0);
    assert_true(x->type == SENSOR_ELECTRICITY && y->type == SENSOR_OTHER); /* of water and gas */
    assert_true(!x->report && y->report);
    units_are(x, "W", "Wh");
    units_are(y, "L/day", "L");
    id_is(x, "derive/house/sum");
    assert_true(s->derive[0].factor_milli[0] == 1000 && s->derive[0].factor_milli[1] == -1);
    assert_true(s->derive[1].factor_milli[0] == 2500 && s->derive[1].factor_milli[1] == 2500);
    assert_true(s->derive[0].parts[0] == 0 && s->derive[0].parts[1] == 1);
    demolish(&h);
}

static void a_net_pair(void **state)
{
    struct house h = house("{" FLM02 ",'derive':[{'key':'n','name':'all','kind':'net','of':['main'],'minus':['solar'],"
                           "'ids':{'export':'000000000000000000000000000000aa'},'report':true}]}");
    const struct sensor_settings *in = named(h.now, "all import"), *out = named(h.now, "all export");

    (void)state;
    assert_true(in->number == 101 && out->number == 102 && in->report && out->report);
    assert_true(in->subtype == SUBTYPE_PPLUS && out->subtype == SUBTYPE_PMINUS);
    units_are(in, "W", "Wh");
    units_are(out, "W", "Wh");
    id_is(in, "derive/n/pplus");
    assert_string_equal(out->id, "000000000000000000000000000000aa");
    assert_true(h.now->derive[0].n_minus == 1 && h.now->derive[0].minuses[0] == 1);
    demolish(&h);
}

static void a_peak(void **state)
{
    struct house h = house("{" FLM02 ",'derive':[{'key':'p','name':'top','kind':'peak','of':['main'],'rid':2,"
                           "'ids':{'month_peak':'000000000000000000000000000000aa'},'report':true}]}");
    static const char *const names[] = {"top quarter", "top forecast", "top month peak"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        const struct sensor_settings *x = named(h.now, names[i]);
        assert_true(x->number == 101 + i && x->derived == (enum derived_side)(DERIVED_QUARTER + i));
        assert_true(x->made == MADE_DERIVE && x->enable && x->rid == 2 && x->subtype == SUBTYPE_NONE);
        assert_int_equal(x->type, SENSOR_ELECTRICITY);
        assert_false(x->report); /* it has no counter */
        units_are(x, "W", NULL);
    }
    id_is(named(h.now, names[0]), "derive/p/quarter");
    id_is(named(h.now, names[1]), "derive/p/forecast");
    assert_string_equal(named(h.now, names[2])->id, "000000000000000000000000000000aa");
    refused(&h, "{'derive':{'p':{'of':['main','solar']}}}", "derive[0].of: 2 parts, and a peak is of one");
    refused(&h, "{'derive':{'p':{'of':['gas']}}}",
            "derive[0].of[0]: gas is in L, and a peak is of what has a counter in Wh");
    refused(&h, "{'derive':{'q':{'name':'q','of':['top quarter']}}}",
            "derive[1].of[0]: top quarter is derived itself, and parts are sensors that are measured");
    refused(&h, "{'derive':{'q':{'name':'q','kind':'peak','of':['top quarter']}}}",
            "derive[1].of[0]: top quarter is derived itself, and parts are sensors that are measured");
    taken(&h, "{'derive':{'p':{'of':['solar']}}}", "{'derive':{'p':{'of':['solar'],'rid':3}}}");
    demolish(&h);
}

/* What is consumed on three phases is derived already; it may stand behind what is made of it. */
static void a_peak_of_derived_ones(void **state)
{
    struct house h =
        house("{" FLX ",'phase':'3p+n','derive':[{'key':'p','name':'p','kind':'peak','of':['grid import']},"
              "{'key':'q','name':'q','kind':'peak','of':['all']},"
              "{'key':'s','name':'all','of':['port 1 pplus','port 2 pplus']}]}");

    (void)state;
    assert_ptr_equal(&h.now->sensors[member(h.now, "p")->parts[0]], named(h.now, "grid import"));
    units_are(named(h.now, "q month peak"), "W", NULL);
    refused(&h, "{'derive':{'s':{'of':['port 1 q1']}}}",
            "derive[1].of[0]: all is in VARh, and a peak is of what has a counter in Wh");
    refused(&h, "{'phase':'1p'}", "derive[0].of[0]: no sensor has the name or id grid import");
    demolish(&h);
}

/* A part may go by the id that derives for it, which nobody knows before the device has one. */
static void parts_by_id(void **state)
{
    char id[IDENT_LEN + 1], text[1024];

    (void)state;
    ident_sensor(DEVICE, 5, id);
    snprintf(text, sizeof text, "{" FLM02 ",'derive':[{'key':'k','name':'k','of':['%s','water']}]}", id);
    struct house h = house(text);
    assert_true(h.now->derive[0].parts[0] == 3 && h.now->derive[0].parts[1] == 2);
    units_are(named(h.now, "k"), "L/day", "L");
    snprintf(text, sizeof text, "{'derive':{'k':{'of':['%s','main']}}}", id);
    refused(&h, text, "derive[0].of[1]: main is in Wh and the first part in L: the parts of a sum are of one unit");
    snprintf(text, sizeof text, "{'derive':{'k':{'of':['%s','gas']}}}", id);
    refused(&h, text, "derive[0].of[1]: gas is part of[0] too");
    refused(&h, "{'derive':{'k':{'of':['0123456789abcdef0123456789abcdee']}}}",
            "derive[0].of[0]: no sensor has the name or id 0123456789abcdef0123456789abcdee");
    demolish(&h);
}

/* What only has a gauge is added as one; a subtype that all parts share stays. */
static void sums_of_gauges(void **state)
{
    struct house h =
        house("{" FLX ",'derive':[{'key':'i','name':'amps','of':['port 1 irms','port 2 irms'],'report':true},"
              "{'key':'p','name':'power','of':['port 1 pplus','port 2 pminus']},"
              "{'key':'q','name':'reactive','of':['port 1 q1']}]}");

    (void)state;
    units_are(named(h.now, "amps"), "A", NULL);
    assert_int_equal(named(h.now, "amps")->subtype, SUBTYPE_IRMS);
    assert_false(named(h.now, "amps")->report); /* it has no counter */
    assert_int_equal(named(h.now, "power")->subtype, SUBTYPE_NONE);
    units_are(named(h.now, "reactive"), "VAR", "VARh");
    assert_int_equal(named(h.now, "amps")->number, 101);
    assert_int_equal(h.now->n_sensors, FLX_SENSORS + 3);
    refused(&h, "{'derive':{'i':{'of':['port 1 irms','port 2 vrms']}}}",
            "derive[0].of[1]: port 2 vrms is in V and the first part in A: the parts of a sum are of one unit");
    demolish(&h);
}

/* A grid meter nets over the phases: the pair is there by itself, with the clamps that are on. */
static void three_phases_make_the_grid(void **state)
{
    struct house h = house("{" FLX ",'phase':'3p+n'}");
    const struct derive_settings *d = member(h.now, DERIVE_GRID);

    (void)state;
    assert_true(d->kind == DERIVE_NET && d->n_of == 3 && d->n_minus == 3 && !d->report);
    assert_string_equal(d->of[2], "port 3 pplus");
    assert_string_equal(d->minus[0], "port 1 pminus");
    assert_true(d->parts[1] == 12 && d->minuses[1] == 13);
    assert_true(named(h.now, "grid import")->enable && named(h.now, "grid export")->enable);
    /* names follow, and so does what is on */
    taken(&h, "{'ports':{'1':{'name':'main'},'3':{'enable':false}}}",
          "{'ports':{'1':{'port':1,'name':'main','enable':true},'2':{'port':2,'name':'port 2','enable':true},"
          "'3':{'port':3,'name':'port 3'}}}");
    d = member(h.now, DERIVE_GRID);
    assert_true(d->n_of == 2);
    assert_string_equal(d->of[0], "main pplus");
    taken(&h, "{'ports':{'2':{'enable':false}}}",
          "{'ports':{'1':{'port':1,'name':'main','enable':true},'2':{'port':2,'name':'port 2'},"
          "'3':{'port':3,'name':'port 3'}}}");
    assert_int_equal(h.now->n_derive, 0); /* one clamp is a total already */
    demolish(&h);
}

static void the_grid_needs_no_more_than_is_changed(void **state)
{
    struct house h = house("{" FLX ",'phase':'3p+n'}");

    (void)state;
    taken(&h, "{'derive':{'grid':{'report':true}}}", "{'derive':{'grid':{'key':'grid','name':'grid','report':true}}}");
    assert_true(named(h.now, "grid import")->report && member(h.now, DERIVE_GRID)->n_of == 3);
    taken(&h, "{'phase':'1p'}", "{'phase':'1p','derive':{'grid':{'key':'grid','name':'grid','report':true}}}");
    assert_false(named(h.now, "grid import")->enable); /* it is kept, and off */
    taken(&h, "{'phase':'3p+n','derive':{'grid':{'enable':false}}}",
          "{'derive':{'grid':{'key':'grid','name':'grid','report':true,'enable':false}}}");
    assert_false(named(h.now, "grid export")->enable);
    taken(&h, "{'derive':{'grid':{'enable':true,'kind':'net','of':['port 1 pplus']}}}",
          "{'derive':{'grid':{'key':'grid','name':'grid','report':true,'of':['port 1 pplus'],'rid':1}}}");
    assert_int_equal(member(h.now, DERIVE_GRID)->kind, DERIVE_NET);
    taken(&h, "{'derive':{'grid':{'kind':'sum'}}}",
          "{'derive':{'grid':{'key':'grid','name':'grid','report':true,'of':['port 1 pplus'],'kind':'sum','rid':2}}}");
    assert_int_equal(member(h.now, DERIVE_GRID)->kind, DERIVE_SUM);
    demolish(&h);
}

static void one_phase_has_no_grid(void **state)
{
    struct house h = house("{" FLX "}"), v2 = house("{" FLM02 ",'phase':'1p'}");

    (void)state;
    assert_true(h.now->n_derive == 0 && v2.now->n_derive == 0);
    demolish(&h);
    demolish(&v2);
}

/* Whoever takes a part away is told of the sensor that needs it. */
static void a_part_that_goes_is_missed(void **state)
{
    struct house h = house("{" FLM02 ",'derive':[{'key':'k','name':'k','of':['main']}]}");

    (void)state;
    refused(&h, "{'sensors':{'1':{'enable':false}}}", "derive[0].of[0]: main is off (sensors[0].enable)");
    refused(&h, "{'sensors':{'1':{'name':'house'}}}", "derive[0].of[0]: no sensor has the name or id main");
    taken(&h, "{'sensors':{'1':null},'derive':{'k':{'enable':false}}}",
          "{'sensors':{'1':null},'derive':{'k':{'enable':false}}}");
    assert_false(named(h.now, "k")->enable);
    taken(&h, "{'derive':{'k':null}}", "{'sensors':{'1':null},'derive':{'k':null}}");
    demolish(&h);
}

static void keys_are_given_by_the_patch(void **state)
{
    struct house h = house("{" FLM02 "}");

    (void)state;
    taken(&h, "{'derive':{'k':{'name':'k','of':['main']}}}", "{'derive':{'k':{'name':'k','of':['main'],'key':'k'}}}");
    refused(&h, "{'derive':{'K':{'name':'x','of':['main']}}}",
            "derive[0].key: \"K\" is not a key of a-z, 0-9, '_' and '-'");
    refused(&h, "{'derive':[{'name':'x','of':['main']}]}", "derive[0]: has no key");
    demolish(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_on_any_board),
        cmocka_unit_test(a_net_pair),
        cmocka_unit_test(a_peak),
        cmocka_unit_test(a_peak_of_derived_ones),
        cmocka_unit_test(parts_by_id),
        cmocka_unit_test(sums_of_gauges),
        cmocka_unit_test(three_phases_make_the_grid),
        cmocka_unit_test(the_grid_needs_no_more_than_is_changed),
        cmocka_unit_test(one_phase_has_no_grid),
        cmocka_unit_test(a_part_that_goes_is_missed),
        cmocka_unit_test(keys_are_given_by_the_patch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
