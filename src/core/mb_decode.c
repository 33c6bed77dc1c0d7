#include "core/mb_decode.h"

#include "core/meter_model.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static uint64_t raw_bits(const struct meter_model *m, const struct meter_register *r, const uint16_t *words)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < r->words; i++) {
        uint16_t w = words[m->low_word_first ? r->words - 1 - i : i];
        bits = bits << 16 | (m->low_byte_first ? (uint16_t)(w >> 8 | w << 8) : w);
    }
    return bits;
}

static bool stands_for_none(const struct meter_model *m, unsigned type, uint64_t bits)
{
    for (unsigned i = 0; i < m->n_no_value[type]; i++)
        if (m->no_value[type][i] == bits)
            return true;
    return false;
}

static enum mb_value from_float(const struct meter_register *r, uint64_t bits, int64_t *milli)
{
    double v;

    if (r->type == METER_FLOAT32) {
        uint32_t low = (uint32_t)bits;
        float f;
        memcpy(&f, &low, sizeof f);
        v = (double)f;
    } else {
        memcpy(&v, &bits, sizeof v);
    }
    if (!isfinite(v))
        return MB_NOT_A_NUMBER;
    v = round(v * (double)r->scale_micro / 1000); /* one rounding by the product at most, then one by the quotient */
    if (fabs(v) > (double)MB_VALUE_MAX)
        return MB_TOO_LARGE;
    *milli = (int64_t)v;
    return MB_VALUE;
}

/* In magnitudes, so that halves go away from zero; in two parts, so that no product passes 64 bits unseen:
 * raw x scale / 1000 = (raw / 1000) x scale + (raw % 1000) x scale / 1000. */
static enum mb_value from_integer(const struct meter_register *r, uint64_t bits, int64_t *milli)
{
    unsigned unused = 64 - 16u * r->words;
    bool is_signed = r->type == METER_INT16 || r->type == METER_INT32 || r->type == METER_INT64;
    bool negative = is_signed && bits >> (63 - unused) & 1;
    uint64_t raw = negative ? (0 - (bits << unused)) >> unused : bits;
    uint64_t scale = (uint64_t)r->scale_micro, whole;

    if (__builtin_mul_overflow(raw / 1000, scale, &whole) || whole > (uint64_t)MB_VALUE_MAX)
        return MB_TOO_LARGE;
    whole += (raw % 1000 * scale + 500) / 1000;
    if (whole > (uint64_t)MB_VALUE_MAX)
        return MB_TOO_LARGE;
    *milli = negative ? -(int64_t)whole : (int64_t)whole;
    return MB_VALUE;
}

enum mb_value mb_decode(const struct meter_model *m, const struct meter_register *r, const uint16_t *words,
                        int64_t *milli)
{
    uint64_t bits = raw_bits(m, r, words);

    if (stands_for_none(m, r->type, bits))
        return MB_NO_VALUE;
    return r->type == METER_FLOAT32 || r->type == METER_FLOAT64 ? from_float(r, bits, milli)
                                                                : from_integer(r, bits, milli);
}
