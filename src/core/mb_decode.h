/* The words of a meter's register to a value in thousandths, and nothing else: types, word orders, scales, "no value".
 * Pure; it never judges whether a value can be (mb_measure does). */
#ifndef CORE_MB_DECODE_H
#define CORE_MB_DECODE_H

#include "core/util.h"

#include <stdint.h>

struct meter_model;
struct meter_register;

enum mb_value {
    MB_VALUE,
    MB_NO_VALUE,     /* the model's pattern for it */
    MB_NOT_A_NUMBER, /* NaN or infinite */
    MB_TOO_LARGE     /* beyond what thousandths in 64 bits hold: more than MB_VALUE_MAX */
};

#define MB_VALUE_MAX ((int64_t)1 << 60)

/* words: r->words of them, as they came. *milli is set with MB_VALUE alone; rounded half away from zero. */
enum mb_value mb_decode(const struct meter_model *m, const struct meter_register *r, const uint16_t *words,
                        int64_t *milli) MUSTCHECK;

#endif
