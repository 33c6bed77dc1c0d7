#include "core/meter_quantity.h"

#include "core/util.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { WHOLE, PHASES = 1, TARIFFS = 2 };

static const struct {
    const char *name, *unit;
    unsigned parts; /* what its suffixes may be */
} bases[QUANTITY_BASES] = {
    [QUANTITY_POWER] = {"power", "W", PHASES},
    [QUANTITY_POWER_IMPORT] = {"power_import", "W", PHASES},
    [QUANTITY_POWER_EXPORT] = {"power_export", "W", PHASES},
    [QUANTITY_REACTIVE_POWER] = {"reactive_power", "VAR", PHASES},
    [QUANTITY_APPARENT_POWER] = {"apparent_power", "VA", PHASES},
    [QUANTITY_POWER_FACTOR] = {"power_factor", "", PHASES},
    [QUANTITY_VOLTAGE] = {"voltage", "V", PHASES},
    [QUANTITY_CURRENT] = {"current", "A", PHASES},
    [QUANTITY_CURRENT_SUM] = {"current_sum", "A", WHOLE},
    [QUANTITY_FREQUENCY] = {"frequency", "Hz", WHOLE},
    [QUANTITY_ENERGY_IMPORT] = {"energy_import", "Wh", PHASES | TARIFFS},
    [QUANTITY_ENERGY_EXPORT] = {"energy_export", "Wh", PHASES | TARIFFS},
    [QUANTITY_ENERGY_TOTAL] = {"energy_total", "Wh", PHASES | TARIFFS},
    [QUANTITY_REACTIVE_ENERGY_IMPORT] = {"reactive_energy_import", "VARh", PHASES | TARIFFS},
    [QUANTITY_REACTIVE_ENERGY_EXPORT] = {"reactive_energy_export", "VARh", PHASES | TARIFFS},
    [QUANTITY_REACTIVE_ENERGY_TOTAL] = {"reactive_energy_total", "VARh", PHASES | TARIFFS},
};

static const char suffixes[8][4] = {"", "_l1", "_l2", "_l3", "_t1", "_t2", "_t3", "_t4"};

static bool has_suffix(unsigned base, unsigned suffix)
{
    return suffix == 0 || bases[base].parts & (suffix <= 3 ? PHASES : TARIFFS);
}

int quantity_find(const char *name)
{
    for (unsigned base = 0; base < QUANTITY_BASES; base++) {
        size_t n = strlen(bases[base].name);
        if (strncmp(name, bases[base].name, n) != 0)
            continue;
        for (unsigned suffix = 0; suffix < ARRAY_LEN(suffixes); suffix++)
            if (strcmp(name + n, suffixes[suffix]) == 0 && has_suffix(base, suffix))
                return QUANTITY(base, suffix);
    }
    return -1;
}

bool quantity_valid(uint8_t quantity)
{
    return quantity < QUANTITIES && has_suffix(quantity_base(quantity), quantity_suffix(quantity));
}

const char *quantity_name(uint8_t quantity, char name[QUANTITY_NAME])
{
    if (quantity < QUANTITIES)
        snprintf(name, QUANTITY_NAME, "%s%s", bases[quantity / 8].name, suffixes[quantity % 8]);
    else
        name[0] = '\0';
    return name;
}

const char *quantity_words(uint8_t quantity, char words[QUANTITY_NAME])
{
    size_t base = quantity < QUANTITIES ? strlen(bases[quantity / 8].name) : 0;

    quantity_name(quantity, words);
    for (char *p = words; *p; p++)
        *p = (char)(*p == '_' ? ' ' : (size_t)(p - words) > base ? toupper((unsigned char)*p) : *p);
    return words;
}

const char *quantity_unit(uint8_t quantity)
{
    return quantity < QUANTITIES ? bases[quantity / 8].unit : "";
}

enum reading_kind quantity_kind(uint8_t quantity)
{
    size_t n = strlen(quantity_unit(quantity));

    return n && quantity_unit(quantity)[n - 1] == 'h' ? READING_COUNTER : READING_GAUGE;
}

bool quantity_is_default(uint8_t quantity)
{
    if (quantity >= QUANTITIES || quantity_suffix(quantity) > 3)
        return false;
    switch (quantity_base(quantity)) {
    case QUANTITY_POWER:
    case QUANTITY_VOLTAGE:
    case QUANTITY_CURRENT:
        return true;
    case QUANTITY_POWER_IMPORT:
    case QUANTITY_POWER_EXPORT:
    case QUANTITY_ENERGY_IMPORT:
    case QUANTITY_ENERGY_EXPORT:
    case QUANTITY_ENERGY_TOTAL:
    case QUANTITY_FREQUENCY:
        return quantity_suffix(quantity) == 0;
    default:
        return false;
    }
}
