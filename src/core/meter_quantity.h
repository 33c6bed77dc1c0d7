/* What a meter on a bus measures: the names of quantities, as model files, settings and sensors spell them, and what
 * each is in. It never knows a register.
 *
 *   quantity   base * 8 + suffix                    "energy_import_l2": 12 * 8 + 2
 *   suffix     0: the whole; 1-3: _l1 _l2 _l3; 4-7: _t1 _t2 _t3 _t4 (tariffs)
 *
 * Source: shared facts of 30 meters' public register descriptions (conf/meters). */
#ifndef CORE_METER_QUANTITY_H
#define CORE_METER_QUANTITY_H

#include "core/reading.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum quantity_base {
    QUANTITY_POWER, /* active, W: positive is consumed */
    QUANTITY_POWER_IMPORT,
    QUANTITY_POWER_EXPORT,
    QUANTITY_REACTIVE_POWER, /* VAR */
    QUANTITY_APPARENT_POWER, /* VA */
    QUANTITY_POWER_FACTOR,
    QUANTITY_VOLTAGE,
    QUANTITY_CURRENT,
    QUANTITY_CURRENT_SUM,
    QUANTITY_FREQUENCY,
    QUANTITY_ENERGY_IMPORT, /* Wh */
    QUANTITY_ENERGY_EXPORT,
    QUANTITY_ENERGY_TOTAL,
    QUANTITY_REACTIVE_ENERGY_IMPORT, /* VARh */
    QUANTITY_REACTIVE_ENERGY_EXPORT,
    QUANTITY_REACTIVE_ENERGY_TOTAL,
    QUANTITY_BASES
};

#define QUANTITY(base, suffix) ((uint8_t)(8 * (base) + (suffix)))
#define QUANTITIES             (QUANTITY_BASES * 8) /* codes are below this */
#define QUANTITY_NONE          0xff
#define QUANTITY_NAME          40 /* bytes of a name with its end */

/* The code of a name; -1: there is none such. */
int quantity_find(const char *name);

/* Is there such a quantity: not each has phases, few have tariffs. */
bool quantity_valid(uint8_t quantity);

/* "energy_import_l2"; "" of QUANTITY_NONE. Returns name. */
const char *quantity_name(uint8_t quantity, char name[QUANTITY_NAME]);

/* The same for people, as part of a sensor's name: "energy import L2". */
const char *quantity_words(uint8_t quantity, char words[QUANTITY_NAME]);

/* Its unit as topics spell it (mqtt.md): "W", "Wh", "VAR", "VARh", "VA", "V", "A", "Hz", "". */
const char *quantity_unit(uint8_t quantity);

/* Energies are counters, all others gauges. */
enum reading_kind quantity_kind(uint8_t quantity);

static inline enum quantity_base quantity_base(uint8_t quantity)
{
    return (enum quantity_base)(quantity / 8);
}

static inline unsigned quantity_suffix(uint8_t quantity)
{
    return quantity % 8;
}

/* May it be read when the settings name none: power, energies in and out, frequency; per phase voltage, current, power?
 * Which of them a model's are is meter_model_defaults()'s. */
bool quantity_is_default(uint8_t quantity);

#endif
