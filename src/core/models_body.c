#include "core/models_body.h"

#include "core/jsonw.h"
#include "core/meter_model.h"

#include <string.h>

static void write_names(struct jsonw *w, const char *names)
{
    char name[128];

    jsonw_open(w, "models", '[');
    for (const char *p = names, *end; p; p = end ? end + 2 : NULL) {
        end = strstr(p, ", ");
        size_t n = end ? (size_t)(end - p) : strlen(p);
        if (n >= sizeof name)
            n = sizeof name - 1;
        memcpy(name, p, n);
        name[n] = '\0';
        jsonw_str(w, NULL, name);
    }
    jsonw_close(w, ']');
}

static void write_head(struct jsonw *w, const struct meter_model *m)
{
    jsonw_str(w, "id", m->id);
    jsonw_str(w, "vendor", m->vendor);
    write_names(w, m->names);
    jsonw_int(w, "phases", m->phases);
    jsonw_str(w, "confidence", m->confidence);
}

void models_body_line(struct jsonw *w, const char *id, const struct meter_model *m, const char *error)
{
    jsonw_open(w, NULL, '{');
    if (m) {
        write_head(w, m);
    } else {
        jsonw_str(w, "id", id);
        jsonw_str(w, "error", error);
    }
    jsonw_close(w, '}');
}

static void write_serial(struct jsonw *w, const struct meter_model *m)
{
    const char parity[2] = {m->serial.parity, '\0'};

    jsonw_open(w, "serial", '{');
    if (m->serial.baud)
        jsonw_int(w, "baud", m->serial.baud);
    if (m->serial.parity)
        jsonw_str(w, "parity", parity);
    if (m->serial.stop_bits)
        jsonw_int(w, "stop_bits", m->serial.stop_bits);
    if (m->serial.unit)
        jsonw_int(w, "unit", m->serial.unit);
    jsonw_close(w, '}');
}

static void write_quantity(struct jsonw *w, const struct meter_register *r, bool is_default)
{
    char name[QUANTITY_NAME];

    jsonw_open(w, NULL, '{');
    jsonw_str(w, "quantity", quantity_name(r->quantity, name));
    jsonw_str(w, "unit", quantity_unit(r->quantity));
    jsonw_int(w, "address", r->address);
    jsonw_str(w, "type", meter_type_name(r->type));
    jsonw_int(w, "function", r->function);
    jsonw_bool(w, "default", is_default);
    jsonw_close(w, '}');
}

static void write_quantities(struct jsonw *w, const struct meter_model *m)
{
    uint8_t defaults[METER_REGISTERS_MAX];
    size_t n = meter_model_defaults(m, defaults);

    jsonw_open(w, "quantities", '[');
    for (size_t i = 0; i < m->n_registers; i++)
        write_quantity(w, &m->registers[i], memchr(defaults, m->registers[i].quantity, n) != NULL);
    jsonw_close(w, ']');
}

void models_body_whole(struct jsonw *w, const struct meter_model *m)
{
    jsonw_open(w, NULL, '{');
    write_head(w, m);
    write_serial(w, m);
    jsonw_int(w, "max_read", m->max_read);
    jsonw_int(w, "careful_read", m->careful_read);
    if (m->timeout_ms)
        jsonw_milli(w, "timeout", m->timeout_ms);
    if (m->pause_ms)
        jsonw_milli(w, "pause", m->pause_ms);
    if (m->current_a)
        jsonw_int(w, "current", m->current_a);
    write_quantities(w, m);
    if (m->source)
        jsonw_str(w, "source", m->source);
    jsonw_open(w, "notes", '[');
    for (size_t i = 0; i < m->n_notes; i++)
        jsonw_str(w, NULL, m->notes[i]);
    jsonw_close(w, ']');
    jsonw_close(w, '}');
}
