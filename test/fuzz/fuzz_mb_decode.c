/* Registers to thousandths: any words of any type and scale are refused or come out as the number that they say.
 *
 *   input   type (1 byte), order (1: bit 0 words, bit 1 bytes), pattern of no value (8), scale in millionths (8), words
 */
#include "fuzz.h"

#include "core/mb_decode.h"
#include "core/meter_model.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

static uint64_t take(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* The same by another way: bytes in the order of the number, then a long double. */
static long double number_of(const struct meter_model *m, const struct meter_register *r, const uint16_t *words)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < r->words; i++) {
        uint16_t w = words[m->low_word_first ? r->words - 1u - i : i];
        bytes[2 * i] = (uint8_t)(m->low_byte_first ? w & 0xff : w >> 8);
        bytes[2 * i + 1] = (uint8_t)(m->low_byte_first ? w >> 8 : w & 0xff);
    }
    uint64_t v = take(bytes, 2u * r->words);
    uint32_t low = (uint32_t)v;
    float f;
    double d;
    memcpy(&f, &low, sizeof f);
    memcpy(&d, &v, sizeof d);
    switch (r->type) {
    case METER_INT16:
        return (int16_t)v;
    case METER_INT32:
        return (int32_t)v;
    case METER_INT64:
        return (int64_t)v;
    case METER_FLOAT32:
        return f;
    case METER_FLOAT64:
        return d;
    default:
        return v;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t words_of[METER_TYPES] = {1, 1, 2, 2, 4, 4, 2, 4};
    static struct meter_model m;
    uint16_t words[4] = {0};
    int64_t milli = 0;

    if (size < 18)
        return 0;
    struct meter_register r = {.type = data[0] % METER_TYPES};
    r.words = words_of[r.type];
    r.scale_micro = (int64_t)(take(data + 10, 8) % 1000000000000000 + 1);
    m = (struct meter_model){.low_word_first = data[1] & 1, .low_byte_first = data[1] & 2};
    m.no_value[r.type][0] = take(data + 2, 8);
    m.n_no_value[r.type] = data[1] >> 2 & 1;
    for (size_t i = 0; i < r.words && 18 + 2 * i + 1 < size; i++)
        words[i] = (uint16_t)take(data + 18 + 2 * i, 2);
    enum mb_value said = mb_decode(&m, &r, words, &milli);
    long double v = number_of(&m, &r, words), expected = v * (long double)r.scale_micro / 1000;
    if (said == MB_VALUE) {
        long double room = 1 + fabsl(expected) * 4 * 2.3e-16L; /* doubles round, thousandths too */
        assert(milli >= -MB_VALUE_MAX && milli <= MB_VALUE_MAX && fabsl((long double)milli - expected) <= room);
        assert(isfinite(v));
    } else if (said == MB_TOO_LARGE) {
        assert(fabsl(expected) >= (long double)MB_VALUE_MAX * 0.999L);
    } else if (said == MB_NOT_A_NUMBER) {
        assert(!isfinite(v));
    } else {
        assert(said == MB_NO_VALUE && m.n_no_value[r.type]);
    }
    return 0;
}
