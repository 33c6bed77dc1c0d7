/* Any records at any time through measuring and ledger: nothing overflows, and what is published never falls.
 * Input: a byte for the sensor's kind, then records of 12 bytes: ms since the last (2), counter (4), milli (2), x (4).
 */
#include "fuzz.h"

#include "core/flm02_measure.h"

#include <assert.h>
#include <string.h>

static uint32_t number(const uint8_t *p, unsigned n)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ledger ledger = {0};
    struct ledger_entry entry = {.owner = &ledger};
    struct flm02_channel c = {.sensor = 1, .max_w = 11500, .entry = &entry};
    int64_t published = 0, now = 0;

    if (size < 1)
        return 0;
    c.class = data[0] & 1 ? SENSOR_PULSE : SENSOR_ANALOG;
    c.type = data[0] & 2 ? SENSOR_GAS : SENSOR_ELECTRICITY;
    c.drop_gauge = data[0] & 4;
    c.limits = (struct meter_limits){.wrap = FLM02_WRAP_MILLI, .slack = 100000000, .rate_per_s = 6400};
    c.limits.step = data[0] & 1 ? 65535999 : 0;
    c.limits.rate_per_s = data[0] & 1 ? (int64_t)65535999 * 50 : 6400;
    for (const uint8_t *p = data + 1; p + 12 <= data + size; p += 12) {
        struct flm02_record r = {
            .counter = number(p + 2, 4), .milli = (uint16_t)(number(p + 6, 2) % 1000), .extra = number(p + 8, 4)};
        struct reading out[READING_KINDS];
        enum flm02_measure_note note;
        now += number(p, 2);
        if (p[0] == 0xff)
            meter_swap(&entry.meter);
        int n = flm02_measure(&c, &r, now, 1800000000, out, &note);
        for (int i = 0; i < n; i++) {
            assert(out[i].milli >= 0);
            if (out[i].kind != READING_COUNTER)
                continue;
            assert(out[i].milli >= published);
            published = out[i].milli;
        }
    }
    return 0;
}
