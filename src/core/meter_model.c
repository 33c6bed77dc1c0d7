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

static bool same_register(const struct meter_register *a, const struct meter_register *b)
{
    return a->address == b->address && a->quantity == b->quantity && a->type == b->type && a->function == b->function &&
           a->scale_micro == b->scale_micro;
}

bool meter_model_same(const struct meter_model *a, const struct meter_model *b)
{
    if (strcmp(a->id, b->id) != 0 || a->low_word_first != b->low_word_first || a->low_byte_first != b->low_byte_first ||
        a->max_read != b->max_read || a->careful_read != b->careful_read || a->phases != b->phases ||
        a->n_registers != b->n_registers)
        return false;
    for (size_t i = 0; i < a->n_registers; i++)
        if (!same_register(&a->registers[i], &b->registers[i]))
            return false;
    for (size_t t = 0; t < METER_TYPES; t++)
        if (a->n_no_value[t] != b->n_no_value[t] ||
            memcmp(a->no_value[t], b->no_value[t], a->n_no_value[t] * sizeof a->no_value[t][0]) != 0)
            return false;
    return true;
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
