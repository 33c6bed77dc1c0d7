/* Model files: any text is a model or an error, and a model that comes out is within what the header promises. */
#include "fuzz.h"

#include "core/meter_model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void check_register(const struct meter_model *m, const struct meter_register *r)
{
    assert(quantity_valid(r->quantity) && meter_model_register(m, r->quantity) == r);
    assert(r->type < METER_TYPES && (r->words == 1 || r->words == 2 || r->words == 4));
    assert(r->address + r->words <= 65536 && r->words <= m->careful_read);
    assert(r->function == 3 || r->function == 4);
    assert(r->scale_micro >= 1 && r->scale_micro <= 1000000000000000);
}

static void check(const struct meter_model *m)
{
    uint8_t defaults[METER_REGISTERS_MAX];

    assert(m->vendor && m->names && m->confidence && (m->phases == 1 || m->phases == 3));
    assert(m->careful_read >= 1 && m->careful_read <= m->max_read && m->max_read <= METER_READ_MAX);
    assert(m->timeout_ms >= 0 && m->timeout_ms <= 10000 && m->pause_ms >= 0 && m->pause_ms <= 5000);
    assert(m->current_a >= 0 && m->current_a <= 10000);
    assert(m->n_registers >= 1 && m->n_registers <= METER_REGISTERS_MAX && m->n_notes <= METER_NOTES_MAX);
    for (size_t i = 0; i < m->n_registers; i++)
        check_register(m, &m->registers[i]);
    assert(meter_model_defaults(m, defaults) <= m->n_registers);
    assert(m->n_identify <= METER_IDENTIFY_MAX);
    for (size_t i = 0; i < m->n_identify; i++)
        assert(m->identify[i].words >= 1 && m->identify[i].words <= 16 && m->identify[i].function >= 3);
    for (size_t t = 0; t < METER_TYPES; t++)
        assert(m->n_no_value[t] <= 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[METER_ERROR] = "";
    struct meter_model *m = meter_model_parse("fuzz", (const char *)data, size, error);

    if (m)
        check(m);
    else
        assert(error[0] && strlen(error) < sizeof error);
    meter_model_free(m);
    return 0;
}
