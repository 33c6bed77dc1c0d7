/* For the tests of measuring with an FLX board: settings as they are made of its ports (36 sensors of three clamps,
 * three of pulse inputs), a ledger, and messages to feed. */
#ifndef TEST_FLX_CHANNELS_H
#define TEST_FLX_CHANNELS_H

#include "unit.h"

#include "core/flx_measure.h"
#include "core/ledger_marks.h"
#include "core/settings.h"

#include <stdio.h>
#include <string.h>

#define HOST_S 1800000000

static struct port_settings ports[FLX_CLAMPS + FLX_PULSE_PORTS];
static struct sensor_settings made[FLX_CHANNELS];
static char ids[FLX_CHANNELS][SENSOR_ID_LEN + 1], name[] = "x";
static struct settings s;

static struct ledger ledger;
static struct sensors sensors;
static struct flx_channels channels;
static struct board_now now;
static struct flx_measured out;

static void apply(void)
{
    struct sensor_def defs[FLX_CHANNELS];
    size_t n = 0;

    for (unsigned i = 0; i < FLX_CHANNELS; i++) {
        struct sensor_settings *x = &made[i];
        x->enable = ports[x->made_of].enable;
        if (x->enable)
            defs[n++] = (struct sensor_def){
                .id = x->id, .name = x->name, .class = x->class, .type = x->type, .number = i + 1, .unit = {"", ""}};
    }
    sensors_set(&sensors, defs, n);
    flx_channels_set(&channels, &sensors, &ledger, &s);
}

static int setup(void **state)
{
    (void)state;
    memset(made, 0, sizeof made);
    for (int i = 0; i < FLX_CLAMPS + FLX_PULSE_PORTS; i++)
        ports[i] = (struct port_settings){.port = i + 1,
                                          .class = i < FLX_CLAMPS ? SENSOR_CT : SENSOR_PULSE,
                                          .enable = true,
                                          .current = 50,
                                          .constant_milli = 1000};
    for (int i = 0; i < FLX_CHANNELS; i++) {
        size_t port = i < 36 ? (size_t)i / 12 : (size_t)i - 33;
        snprintf(ids[i], sizeof ids[i], "%032x", i + 1);
        made[i] = (struct sensor_settings){.id = ids[i],
                                           .name = name,
                                           .class = ports[port].class,
                                           .made = MADE_PORT,
                                           .made_of = port,
                                           .number = i + 1};
    }
    s = (struct settings){.board = {.protocol = BOARD_FLX},
                          .sensors = made,
                          .n_sensors = FLX_CHANNELS,
                          .port = ports,
                          .n_port = ARRAY_LEN(ports)};
    now = (struct board_now){
        .mono_ms = 5000, .unix_s = HOST_S, .wall_ms = (int64_t)HOST_S * 1000 + 10, .clock = CLOCK_SYNCED};
    memset(&channels, 0, sizeof channels);
    memset(&out, 0, sizeof out);
    ledger_init(&ledger);
    sensors_init(&sensors);
    apply();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sensors_fini(&sensors);
    ledger_fini(&ledger);
    return 0;
}

static sensor_handle handle(unsigned number)
{
    return sensors_find(&sensors, ids[number - 1])->handle;
}

/* What a quiet clamp says; 230 V. */
static struct flx_ct ct(uint8_t port)
{
    return (struct flx_ct){.s = HOST_S, .port = port, .gauge_milli = {[6] = 230000}};
}

static struct flx_pulse pulse(int64_t counter_milli, int64_t gauge_micro)
{
    return (struct flx_pulse){.s = HOST_S, .port = 3, .counter_milli = counter_milli, .gauge_micro = gauge_micro};
}

static void measure_ct(struct flx_ct m)
{
    flx_measure_ct(&channels, &m, &now, &out);
}

static void measure_pulse(struct flx_pulse m)
{
    flx_measure_pulse(&channels, &m, &now, &out);
}

static enum flx_note only_note(void)
{
    return out.n_special == 1 ? out.special[0].note : FLX_NOTES;
}

static void second_later(void)
{
    now.mono_ms += 1000;
    now.wall_ms += 1000;
    now.unix_s += now.unix_s != 0;
}

static const struct reading *reading_of(unsigned number, enum reading_kind kind)
{
    for (size_t i = 0; i < out.n; i++)
        if (out.reading[i].sensor == handle(number) && out.reading[i].kind == kind)
            return &out.reading[i];
    return NULL;
}

#endif
