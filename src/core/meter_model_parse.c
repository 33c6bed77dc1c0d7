/* A model's file to a model. */
#include "core/meter_model.h"

#include "core/jsonc.h"
#include "core/meter_model_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define NAMES_MAX 24

static const char *const type_words[METER_TYPES + 1] = {"int16", "uint16", "int32",   "uint32",
                                                        "int64", "uint64", "float32", "float64"};

/* ---- one register ---- */

static bool take_quantity(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    (void)f;
    int q = cJSON_IsString(v) ? quantity_find(v->valuestring) : -1;
    if (q < 0)
        return model_wrong(r, v, "a quantity, such as power, voltage_l1 or energy_import");
    if (meter_model_register(r->m, q))
        return model_fail(r, "%s has a register already", v->valuestring);
    *(uint8_t *)dst = (uint8_t)q;
    return true;
}

static bool take_type(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    (void)f;
    int type = model_choice(r, v, type_words);
    if (type >= 0)
        *(uint8_t *)dst = (uint8_t)type;
    return type >= 0;
}

static bool take_function(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    (void)f;
    if (!cJSON_IsNumber(v) || (v->valuedouble != 3 && v->valuedouble != 4))
        return model_wrong(r, v, "3 or 4");
    *(uint8_t *)dst = (uint8_t)v->valuedouble;
    return true;
}

static bool take_scale(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    (void)f;
    if (!cJSON_IsNumber(v))
        return model_wrong(r, v, "a number");
    double micro = round(v->valuedouble * 1e6);
    if (!(micro >= 1 && micro <= 1e15))
        return model_wrong(r, v, "in 0.000001 to 1000000000");
    if (micro / 1e6 != v->valuedouble)
        return model_wrong(r, v, "a number with at most six decimals");
    *(int64_t *)dst = (int64_t)micro;
    return true;
}

static bool take_register(struct model_read *r, const cJSON *v, size_t i)
{
    static const struct model_member rows[] = {
        {"quantity", take_quantity, .offset = offsetof(struct meter_register, quantity), .required = true},
        {"address", model_address, .offset = offsetof(struct meter_register, address), .required = true},
        {"type", take_type, .offset = offsetof(struct meter_register, type), .required = true},
        {"scale", take_scale, .offset = offsetof(struct meter_register, scale_micro)},
        {"function", take_function, .offset = offsetof(struct meter_register, function)},
    };
    struct meter_register x = {.scale_micro = 1000000, .quantity = QUANTITY_NONE};

    (void)i;
    if (!model_members(r, rows, ARRAY_LEN(rows), v, &x))
        return false;
    x.words = (uint8_t)meter_type_words(x.type);
    if (x.address + x.words > 65536)
        return model_fail(r, "ends behind register 65535");
    r->m->registers = grown(r->m->registers, r->m->n_registers, sizeof x);
    r->m->registers[r->m->n_registers++] = x;
    return true;
}

static bool take_registers(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    (void)f, (void)dst;
    return model_list(r, v, METER_REGISTERS_MAX, take_register);
}

/* ---- what tells the model ---- */

static bool take_identify_text(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    (void)f;
    if (!cJSON_IsString(v))
        return model_wrong(r, v, "a string");
    size_t n = strlen(v->valuestring);
    if (n < 1 || n >= sizeof((struct meter_identify *)0)->text)
        return model_fail(r, "is not 1 to 32 characters long");
    for (const char *p = v->valuestring; *p; p++)
        if (*p < ' ' || *p > '~')
            return model_fail(r, "holds other characters than ASCII");
    memcpy(dst, v->valuestring, n + 1);
    return true;
}

/* Kept for the check below: is there one at all? */
struct identify_given {
    struct meter_identify x;
    int words;
    uint64_t number;
    bool has_number;
};

static bool take_identify_number(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    struct identify_given *g = dst;

    (void)f;
    g->has_number = true;
    return model_raw(r, v, UINT64_MAX, &g->number);
}

static bool take_identify_one(struct model_read *r, const cJSON *v, size_t i)
{
    static const struct model_member rows[] = {
        {"address", model_address, .offset = offsetof(struct identify_given, x.address), .required = true},
        {"function", take_function, .offset = offsetof(struct identify_given, x.function)},
        {"words", model_int, .offset = offsetof(struct identify_given, words), .min = 1, .max = 16, .required = true},
        {"text", take_identify_text, .offset = offsetof(struct identify_given, x.text)},
        {"number", .take = take_identify_number},
    };
    struct identify_given g = {0};

    (void)i;
    if (!model_members(r, rows, ARRAY_LEN(rows), v, &g))
        return false;
    if (g.has_number == (g.x.text[0] != '\0'))
        return model_fail(r, "needs either text or number");
    if (g.has_number && (g.words > 4 || (g.words < 4 && g.number >> (16 * g.words))))
        return model_fail(r, "number does not fit into its words (4 at most)");
    if (strlen(g.x.text) > 2 * (size_t)g.words)
        return model_fail(r, "text does not fit into its words, two characters each");
    if (g.x.address + g.words > 65536)
        return model_fail(r, "ends behind register 65535");
    g.x.words = (uint8_t)g.words;
    g.x.number = g.number;
    r->m->identify[r->m->n_identify++] = g.x;
    return true;
}

static bool take_identify(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    (void)f, (void)dst;
    return model_list(r, v, METER_IDENTIFY_MAX, take_identify_one);
}

/* ---- patterns of "no value" ---- */

static bool take_patterns(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    enum meter_type type = (enum meter_type)f->min;
    unsigned bits = 16 * meter_type_words(type);
    uint64_t max = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    struct meter_model *m = r->m;
    size_t n = (size_t)cJSON_GetArraySize(v);

    (void)dst;
    if (!cJSON_IsArray(v))
        return model_wrong(r, v, "a list");
    if (n < 1 || n > ARRAY_LEN(m->no_value[type]))
        return model_fail(r, "has not 1 or 2 members");
    for (const cJSON *c = v->child; c; c = c->next)
        if (!model_raw(r, c, max, &m->no_value[type][m->n_no_value[type]++]))
            return false;
    return true;
}

static bool take_no_value(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    struct model_member rows[METER_TYPES] = {{0}};

    (void)f, (void)dst;
    for (size_t i = 0; i < METER_TYPES; i++)
        rows[i] = (struct model_member){.name = type_words[i], .take = take_patterns, .min = (double)i};
    return model_members(r, rows, METER_TYPES, v, r->m);
}

/* ---- the whole ---- */

static bool take_serial(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    static const char *const parities[] = {"N", "E", "O", NULL};
    static const struct model_member rows[] = {
        {"baud", model_int, .offset = offsetof(struct meter_model, serial.baud), .min = 300, .max = 1000000},
        {"parity", model_letter, .offset = offsetof(struct meter_model, serial.parity), .words = parities},
        {"stop_bits", model_int, .offset = offsetof(struct meter_model, serial.stop_bits), .min = 1, .max = 2},
        {"unit", model_int, .offset = offsetof(struct meter_model, serial.unit), .min = 1, .max = 247},
    };

    (void)f, (void)dst;
    return model_members(r, rows, ARRAY_LEN(rows), v, r->m);
}

static bool take_phases(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    (void)f;
    if (!cJSON_IsNumber(v) || (v->valuedouble != 1 && v->valuedouble != 3))
        return model_wrong(r, v, "1 or 3");
    *(unsigned *)dst = (unsigned)v->valuedouble;
    return true;
}

static bool take_order(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    static const char *const orders[] = {"big", "little", NULL};
    int order = model_choice(r, v, orders);

    (void)f;
    *(bool *)dst = order == 1;
    return order >= 0;
}

static bool take_name(struct model_read *r, const cJSON *v, size_t i)
{
    static const struct model_member row = {.name = "models", .min = 1, .max = 64};
    char *name = NULL, *names;

    (void)i;
    if (!model_text(r, &row, v, &name))
        return false;
    if (strchr(name, ',')) {
        free(name);
        return model_fail(r, "holds a comma");
    }
    if (asprintf(&names, "%s%s%s", r->m->names ? r->m->names : "", r->m->names ? ", " : "", name) < 0)
        abort();
    free(name);
    free(r->m->names);
    r->m->names = names;
    return true;
}

static bool take_names(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    (void)f, (void)dst;
    return model_list(r, v, NAMES_MAX, take_name);
}

static bool take_note(struct model_read *r, const cJSON *v, size_t i)
{
    static const struct model_member row = {.name = "notes", .min = 1, .max = 500};

    r->m->notes = grown(r->m->notes, i, sizeof *r->m->notes);
    if (!model_text(r, &row, v, &r->m->notes[i]))
        return false;
    r->m->n_notes = i + 1;
    return true;
}

static bool take_notes(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    (void)f, (void)dst;
    return model_list(r, v, METER_NOTES_MAX, take_note);
}

/* For those who look after the file: it must be there as it should, and is not kept. */
static bool skip_one(struct model_read *r, const cJSON *v, size_t i)
{
    static const struct model_member row = {.name = "checked_with", .min = 1, .max = 500};
    char *text = NULL;

    (void)i;
    if (!model_text(r, &row, v, &text))
        return false;
    free(text);
    return true;
}

static bool take_checked(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    (void)f, (void)dst;
    return model_list(r, v, METER_NOTES_MAX, skip_one);
}

static bool take_confidence(struct model_read *r, const struct model_member *f, const cJSON *v, void *dst)
{
    static const char *const words[] = {"high", "medium", "low", NULL};

    (void)f;
    if (model_choice(r, v, words) < 0)
        return false;
    *(char **)dst = must(strdup(v->valuestring));
    return true;
}

/* The function that all registers have which name none of their own. */
struct model_given {
    struct meter_model m;
    uint8_t function;
};

#define MODEL(member) offsetof(struct model_given, m.member)

static const struct model_member model_rows[] = {
    {"vendor", model_text, .offset = MODEL(vendor), .min = 1, .max = 64, .required = true},
    {"models", .take = take_names, .required = true},
    {"phases", take_phases, .offset = MODEL(phases), .required = true},
    {"function", take_function, .offset = offsetof(struct model_given, function)},
    {"word_order", take_order, .offset = MODEL(low_word_first)},
    {"byte_order", take_order, .offset = MODEL(low_byte_first)},
    {"serial", .take = take_serial},
    {"max_read", model_int, .offset = MODEL(max_read), .min = 1, .max = METER_READ_MAX},
    {"careful_read", model_int, .offset = MODEL(careful_read), .min = 1, .max = METER_READ_MAX},
    {"timeout", model_seconds, .offset = MODEL(timeout_ms), .min = 0.02, .max = 10},
    {"pause", model_seconds, .offset = MODEL(pause_ms), .min = 0, .max = 5},
    {"current", model_int, .offset = MODEL(current_a), .min = 1, .max = 10000},
    {"no_value", .take = take_no_value},
    {"identify", .take = take_identify},
    {"registers", .take = take_registers, .required = true},
    {"source", model_text, .offset = MODEL(source), .min = 1, .max = 500},
    {"checked_with", .take = take_checked},
    {"confidence", take_confidence, .offset = MODEL(confidence)},
    {"notes", .take = take_notes},
};

/* A function for each; and no value longer than a read may be. */
static bool complete_register(struct model_read *r, size_t i, uint8_t function)
{
    struct meter_register *x = &r->m->registers[i];

    r->len = (size_t)snprintf(r->path, sizeof r->path, "registers[%zu]", i);
    if (!x->function)
        x->function = function;
    if (!x->function)
        return model_fail(r, "has no function, and the model has none");
    if (x->words > r->m->careful_read)
        return model_fail(r, "%u words are more than careful_read or max_read, %u", x->words, r->m->careful_read);
    return true;
}

static bool complete(struct model_read *r, uint8_t function)
{
    struct meter_model *m = r->m;

    if (!m->max_read)
        m->max_read = METER_MAX_READ;
    if (!m->careful_read)
        m->careful_read = m->max_read < METER_CAREFUL_READ ? m->max_read : METER_CAREFUL_READ;
    if (m->careful_read > m->max_read)
        return model_fail(r, "careful_read: %u is more than max_read, %u", m->careful_read, m->max_read);
    if (!m->confidence)
        m->confidence = must(strdup("low"));
    for (size_t i = 0; i < m->n_registers; i++)
        if (!complete_register(r, i, function))
            return false;
    for (size_t i = 0; i < m->n_identify; i++) {
        if (!m->identify[i].function)
            m->identify[i].function = function;
        if (!m->identify[i].function) {
            r->len = (size_t)snprintf(r->path, sizeof r->path, "identify[%zu]", i);
            return model_fail(r, "has no function, and the model has none");
        }
    }
    return true;
}

struct meter_model *meter_model_parse(const char *id, const char *text, size_t len, char error[METER_ERROR])
{
    struct model_given *g = must(calloc(1, sizeof *g));
    struct model_read r = {.m = &g->m, .error = error};
    struct jsonc_error bad;
    cJSON *tree = NULL;
    bool ok = false;

    if (!meter_model_id_valid(id))
        snprintf(error, METER_ERROR, "its name is not of a-z, 0-9, - and _, %d at most", METER_MODEL_ID - 1);
    else if (len > METER_MODEL_TEXT_MAX)
        snprintf(error, METER_ERROR, "is longer than %d bytes", METER_MODEL_TEXT_MAX);
    else if (!(tree = jsonc_parse(text, len, &bad)))
        snprintf(error, METER_ERROR, "line %u, column %u: %s", bad.line, bad.column, bad.problem);
    else
        ok = model_members(&r, model_rows, ARRAY_LEN(model_rows), tree, g) && complete(&r, g->function);
    cJSON_Delete(tree);
    if (!ok) {
        meter_model_free(&g->m);
        return NULL;
    }
    snprintf(g->m.id, sizeof g->m.id, "%s", id);
    return &g->m; /* the first member: free() takes it for the whole */
}
