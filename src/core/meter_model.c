#include "core/meter_model.h"

#include "core/meter_model_read.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    uint8_t words;
} types[METER_TYPES] = {
    [METER_INT16] = {"int16", 1},     [METER_UINT16] = {"uint16", 1},   [METER_INT32] = {"int32", 2},
    [METER_UINT32] = {"uint32", 2},   [METER_INT64] = {"int64", 4},     [METER_UINT64] = {"uint64", 4},
    [METER_FLOAT32] = {"float32", 2}, [METER_FLOAT64] = {"float64", 4},
};

const char *meter_type_name(enum meter_type t)
{
    return types[t].name;
}

unsigned meter_type_words(enum meter_type t)
{
    return types[t].words;
}

bool meter_model_id_valid(const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    return n > 0 && n < METER_MODEL_ID && !id[n] && id[0] != '_' && id[0] != '-';
}

const struct meter_register *meter_model_register(const struct meter_model *m, int quantity)
{
    for (size_t i = 0; i < m->n_registers; i++)
        if (m->registers[i].quantity == quantity)
            return &m->registers[i];
    return NULL;
}

/* Does the model have something better, so that this one adds nothing? */
static bool has_better(const struct meter_model *m, uint8_t quantity)
{
    enum quantity_base base = quantity_base(quantity);

    if (base == QUANTITY_ENERGY_TOTAL)
        return meter_model_register(m, QUANTITY(QUANTITY_ENERGY_IMPORT, 0)) != NULL;
    if (base == QUANTITY_POWER_IMPORT || base == QUANTITY_POWER_EXPORT)
        return meter_model_register(m, QUANTITY(QUANTITY_POWER, 0)) != NULL;
    if ((base == QUANTITY_VOLTAGE || base == QUANTITY_CURRENT) && quantity_suffix(quantity) == 0)
        return meter_model_register(m, QUANTITY(base, 1)) != NULL;
    return false;
}

size_t meter_model_defaults(const struct meter_model *m, uint8_t *quantities)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_registers; i++) {
        uint8_t q = m->registers[i].quantity;
        if (quantity_is_default(q) && !has_better(m, q))
            quantities[n++] = q;
    }
    return n;
}

void meter_model_free(struct meter_model *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n_notes; i++)
        free(m->notes[i]);
    free(m->notes);
    free(m->source);
    free(m->confidence);
    free(m->registers);
    free(m->names);
    free(m->vendor);
    free(m);
}
