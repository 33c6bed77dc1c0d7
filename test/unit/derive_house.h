/* For the tests of derived sensors: parts by number whose gauge and counter the test sets, and what comes out of the
 * hub, with stamps that must rise. */
#ifndef TEST_DERIVE_HOUSE_H
#define TEST_DERIVE_HOUSE_H

#include "unit.h"

#include "core/derive.h"
#include "core/hub.h"
#include "core/ledger_marks.h"
#include "core/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 8
#define MADE  4 /* derived sensors: numbers PARTS .. */
#define START 1800000000

static struct sensors sensors;
static struct hub hub;
static struct ledger ledger;
static struct derive derive;
static struct settings settings;
static struct sensor_settings sensor_settings[PARTS + MADE];
static struct derive_settings derive_settings[MADE];
static char ids[PARTS + MADE][SENSOR_ID_LEN + 1];
static int64_t mono_ms, unix_s; /* now */

/* The newest reading that came out of each sensor, and how many. */
static struct reading got[PARTS + MADE][READING_KINDS];
static unsigned count[PARTS + MADE][READING_KINDS];

static inline unsigned number_of(const struct reading *r)
{
    return sensors_get(&sensors, r->sensor)->number;
}

static inline void sink(void *ctx, const struct reading *r)
{
    struct reading *before = &got[number_of(r)][r->kind];

    (void)ctx;
    if (before->unix_s && r->unix_s)
        assert_true(r->unix_s > before->unix_s || before->unix_s - r->unix_s > HUB_STEP_BACK_S);
    *before = *r;
    count[number_of(r)][r->kind]++;
    if (r->kind == READING_COUNTER) {
        ledger_clock(&ledger, r->unix_s, r->mono_ms, true);
        ledger_marks_feed(ledger_find(&ledger, sensors_get(&sensors, r->sensor)->id), r->milli);
    }
}

static inline void stage(void *ctx, const struct reading *r)
{
    derive_take(ctx, r);
}

/* A program starts, with what the ledger holds. */
static inline void starts(void)
{
    struct sensor_def defs[PARTS + MADE];

    for (unsigned i = 0; i < PARTS + MADE; i++) {
        const struct sensor_settings *x = &sensor_settings[i];
        defs[i] = (struct sensor_def){.id = ids[i],
                                      .name = "x",
                                      .class = x->class,
                                      .type = x->type,
                                      .subtype = x->subtype,
                                      .number = i,
                                      .unit = {"W", "Wh"}};
    }
    memset(got, 0, sizeof got);
    memset(count, 0, sizeof count);
    sensors_init(&sensors);
    sensors_set(&sensors, defs, PARTS + MADE);
    hub_init(&hub, &sensors);
    assert_int_equal(hub_attach(&hub, sink, NULL), 0);
    derive_init(&derive, &hub, &sensors, &ledger);
    derive_set(&derive, &settings);
    hub_stage(&hub, stage, &derive);
    ledger.jumped = derive_jumped;
    ledger.jumped_ctx = &derive;
}

static inline void ends(void)
{
    derive_fini(&derive);
    sensors_fini(&sensors);
}

/* Parts are of this class; nothing is derived yet. */
static inline void build(enum sensor_class class)
{
    setenv("TZ", "UTC", 1);
    settings = (struct settings){
        .board.protocol = BOARD_FLX, .sensors = sensor_settings, .n_sensors = PARTS + MADE, .derive = derive_settings};
    memset(sensor_settings, 0, sizeof sensor_settings);
    memset(derive_settings, 0, sizeof derive_settings);
    for (unsigned i = 0; i < PARTS + MADE; i++) {
        snprintf(ids[i], sizeof ids[i], "%032x", i + 1);
        sensor_settings[i] =
            (struct sensor_settings){.id = ids[i], .class = class, .enable = true, .constant_milli = 1000};
        if (i >= PARTS)
            sensor_settings[i].enable = false;
    }
    ledger_init(&ledger);
    mono_ms = 1000000;
    unix_s = START;
}

/* Make sensor PARTS + i out of a member of the list. */
static inline void make(unsigned i, unsigned of, enum sensor_subtype subtype)
{
    struct sensor_settings *x = &sensor_settings[PARTS + i];

    x->class = SENSOR_DERIVED;
    x->enable = true;
    x->made = MADE_DERIVE;
    x->made_of = of;
    x->subtype = subtype;
}

static inline void part_emits(unsigned part, enum reading_kind kind, int64_t milli)
{
    const struct reading r = {.sensor = sensors_find(&sensors, ids[part])->handle,
                              .kind = kind,
                              .milli = milli,
                              .mono_ms = mono_ms,
                              .unix_s = unix_s};

    hub_emit(&hub, &r);
}

static inline struct ledger_entry *entry(unsigned number)
{
    return ledger_find(&ledger, ids[number]);
}

/* A part's raw counter through the ledger; hub: and the hub. */
static inline void part_counts(unsigned part, int64_t raw, bool to_hub)
{
    struct ledger_entry *e = ledger_open(&ledger, ids[part], "flx:x");

    if (!e->meter.known)
        e->meter = (struct meter){.known = true, .offset = e->meter.offset};
    e->meter.raw = raw;
    e->meter.raw_ms = mono_ms;
    e->owed = false;
    ledger_changed(e, false);
    if (to_hub)
        part_emits(part, READING_COUNTER, meter_published(&e->meter));
}

static inline void next_second(void)
{
    mono_ms += 1000;
    unix_s++;
}

static inline int64_t published(unsigned number)
{
    int64_t milli = INT64_MIN;

    (void)ledger_published(entry(number), &milli);
    return milli;
}

#endif
