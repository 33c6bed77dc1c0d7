/* The verb `bus-read`: registers of one unit, raw or as a type; or all quantities of a meter or of a model. It never
 * gives a reading to a sensor.
 *
 *   raw      one ask ─► words, and their value as a type
 *   values   the model's reads in turn; one that is refused is split, one that is not answered is asked again once,
 *            then in shorter reads ─► a value or an error of each quantity */
#include "app/bus_job.h"

#include "core/jsonw.h"
#include "core/mb_decode.h"
#include "core/mb_frame.h"
#include "core/mb_plan.h"
#include "core/mb_words.h"
#include "core/settings.h"
#include "core/util.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERB "bus-read"
#define PATH "/api/v1/bus-read"

struct bus_read {
    struct bus_job j;
    int unit, timeout_ms;
    int function, address, count, type; /* raw; type: enum meter_type, -1: none */
    int ratio_milli;
    struct meter_model *model; /* of values, or (raw) with the word order alone */
    struct mb_plan plan;       /* values */
    uint8_t *quantities;
    size_t n_quantities;
    size_t at;            /* the read that is asked */
    bool again, answered; /* it is asked for the second time; the unit has answered at all */
    struct jsonw values;
};

static bool is_raw(const struct bus_read *r)
{
    return r->n_quantities == 0;
}

/* ---- values ---- */

static void put_value(struct jsonw *w, enum mb_value what, int64_t milli)
{
    static const char *const words[] = {
        [MB_NO_VALUE] = "the meter has no value for it",
        [MB_NOT_A_NUMBER] = "it is not a number",
        [MB_TOO_LARGE] = "it is too large",
    };

    if (what == MB_VALUE)
        jsonw_milli(w, "value", milli);
    else
        jsonw_null(w, "value");
    if (what != MB_VALUE)
        jsonw_str(w, "error", words[what]);
}

/* Outer transformers multiply what flows, and what it does. */
static int64_t scaled(uint8_t quantity, int64_t milli, int ratio_milli)
{
    static const char *const units[] = {"A", "W", "Wh", "VA", "VAR", "VARh"};

    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (strcmp(quantity_unit(quantity), units[i]) == 0)
            return ratio_milli == 1000 ? milli : llround((double)milli * ratio_milli / 1000);
    return milli;
}

static void open_quantity(struct jsonw *w, uint8_t quantity)
{
    char name[QUANTITY_NAME];

    jsonw_open(w, NULL, '{');
    jsonw_str(w, "quantity", quantity_name(quantity, name));
    jsonw_str(w, "unit", quantity_unit(quantity));
}

/* All registers of the read, with their values. */
static void put_read(struct bus_read *r, const struct mb_read *read, const uint16_t *words)
{
    for (unsigned i = read->first; i < read->first + read->n; i++) {
        const struct meter_register *reg = &r->plan.registers[i];
        int64_t milli = 0;
        enum mb_value what = mb_decode(r->model, reg, words + (reg->address - read->address), &milli);
        open_quantity(&r->values, reg->quantity);
        put_value(&r->values, what, scaled(reg->quantity, milli, r->ratio_milli));
        jsonw_close(&r->values, '}');
    }
}

/* Likewise, with why there are none. */
static void put_failed(struct bus_read *r, const struct mb_read *read, const char *why)
{
    for (unsigned i = read->first; i < read->first + read->n; i++) {
        open_quantity(&r->values, r->plan.registers[i].quantity);
        jsonw_null(&r->values, "value");
        jsonw_str(&r->values, "error", why);
        jsonw_close(&r->values, '}');
    }
}

static void finish_values(struct bus_read *r)
{
    struct jsonw w;

    jsonw_close(&r->values, ']');
    jsonw_close(&r->values, '}');
    w = r->values;
    jsonw_init(&r->values);
    bus_job_done(&r->j, &w);
}

static void ask_read(struct bus_read *r)
{
    if (r->at == r->plan.n_reads) {
        finish_values(r);
        return;
    }
    const struct mb_read *read = &r->plan.reads[r->at];
    jobs_percent(&r->j.app->jobs, r->j.job, (int)(100 * r->at / r->plan.n_reads));
    bus_job_ask(&r->j, &(struct mb_ask){.unit = r->unit,
                                        .function = read->function,
                                        .address = read->address,
                                        .count = read->count,
                                        .timeout_ms = r->timeout_ms});
}

static void next_read(struct bus_read *r)
{
    r->at++;
    r->again = false;
    ask_read(r);
}

static bool is_refusal(const struct bus_answer *a)
{
    return a->outcome == MB_EXCEPTION && (a->exception == 2 || a->exception == 3);
}

/* One that never answered is not asked for all the rest. */
static void values_failed(struct bus_read *r, const struct bus_answer *a)
{
    const struct mb_read *read = &r->plan.reads[r->at];
    bool told = a->outcome == MB_EXCEPTION && !mb_exception_is_absence(a->exception);
    char why[MB_WORDS];

    r->answered |= told;
    mb_words(why, a->outcome, a->exception, r->unit, r->timeout_ms, a->why);
    if (is_refusal(a) && mb_plan_split(&r->plan, r->at)) {
        ask_read(r);
    } else if (!told && !r->again) {
        r->again = true;
        ask_read(r);
    } else if (!told && r->at == 0 && mb_plan_careful(&r->plan, r->model)) {
        r->again = false; /* some answer short reads alone (meters.md) */
        ask_read(r);
    } else if (!told && !r->answered) {
        bus_job_fail(&r->j, "%s", why);
    } else {
        put_failed(r, read, why);
        next_read(r);
    }
}

static void values_answered(struct bus_read *r, const struct bus_answer *a)
{
    const struct mb_read *read = &r->plan.reads[r->at];

    if (a->outcome != MB_OK || a->n_words < read->count) {
        values_failed(r, a);
        return;
    }
    r->answered = true;
    put_read(r, read, a->words);
    next_read(r);
}

/* ---- raw ---- */

/* Registers that a type takes. */
static const uint8_t type_words[METER_TYPES] = {
    [METER_INT16] = 1, [METER_UINT16] = 1, [METER_INT32] = 2,   [METER_UINT32] = 2,
    [METER_INT64] = 4, [METER_UINT64] = 4, [METER_FLOAT32] = 2, [METER_FLOAT64] = 4,
};

static void put_typed(struct bus_read *r, struct jsonw *w, const struct bus_answer *a)
{
    const struct meter_register reg = {.type = (uint8_t)r->type,
                                       .words = type_words[r->type],
                                       .function = (uint8_t)r->function,
                                       .scale_micro = 1000000};
    int64_t milli = 0;
    enum mb_value what = a->n_words < reg.words ? MB_NO_VALUE : mb_decode(r->model, &reg, a->words, &milli);

    put_value(w, what, milli);
}

static void raw_answered(struct bus_read *r, const struct bus_answer *a)
{
    char why[MB_WORDS];
    struct jsonw w;

    if (a->outcome != MB_OK) {
        bus_job_fail(&r->j, "%s", mb_words(why, a->outcome, a->exception, r->unit, r->timeout_ms, a->why));
        return;
    }
    jsonw_init(&w);
    jsonw_open(&w, NULL, '{');
    jsonw_int(&w, "unit", r->unit);
    jsonw_int(&w, "function", r->function);
    jsonw_int(&w, "address", r->address);
    jsonw_open(&w, "words", '[');
    for (size_t i = 0; i < a->n_words; i++)
        jsonw_int(&w, NULL, a->words[i]);
    jsonw_close(&w, ']');
    if (r->type >= 0)
        put_typed(r, &w, a);
    else
        jsonw_null(&w, "value");
    jsonw_milli(&w, "ms", a->took_us);
    jsonw_close(&w, '}');
    bus_job_done(&r->j, &w);
}

/* ---- the job ---- */

static void on_ready(struct bus_job *j)
{
    struct bus_read *r = (struct bus_read *)j;

    if (!is_raw(r)) {
        ask_read(r);
        return;
    }
    bus_job_ask(j, &(struct mb_ask){.unit = r->unit,
                                    .function = r->function,
                                    .address = r->address,
                                    .count = r->count,
                                    .timeout_ms = r->timeout_ms});
}

static void on_answered(void *ctx, const struct bus_answer *a)
{
    struct bus_read *r = ctx;

    if (is_raw(r))
        raw_answered(r, a);
    else
        values_answered(r, a);
}

static void forget(struct bus_read *r)
{
    jsonw_free(&r->values);
    mb_plan_fini(&r->plan);
    memset(&r->plan, 0, sizeof r->plan);
    meter_model_free(r->model);
    r->model = NULL;
    free(r->quantities);
    r->quantities = NULL;
    r->n_quantities = 0;
}

static void on_halted(struct bus_job *j)
{
    forget((struct bus_read *)j);
}

/* ---- arguments ---- */

static int type_of(const char *name)
{
    for (int i = 0; i < METER_TYPES; i++)
        if (strcmp(meter_type_name((enum meter_type)i), name) == 0)
            return i;
    return -1;
}

static int parse_raw(struct bus_read *r, const cJSON *args, char error[JOB_LINE])
{
    const char *type, *order;

    r->address = -1;
    if (bus_arg_int(args, "function", 3, 4, &r->function, error) < 0 ||
        bus_arg_address(args, "address", &r->address, error) < 0 ||
        bus_arg_int(args, "count", 1, METER_READ_MAX, &r->count, error) < 0 ||
        bus_arg_text(args, "type", &type, error) < 0 || bus_arg_text(args, "word_order", &order, error) < 0)
        return -1;
    r->type = type ? type_of(type) : -1;
    if (r->type >= 0 && !cJSON_GetObjectItemCaseSensitive(args, "count"))
        r->count = type_words[r->type];
    r->model = must(calloc(1, sizeof *r->model));
    r->model->low_word_first = order && strcmp(order, "little") == 0;
    if (r->address < 0)
        snprintf(error, JOB_LINE, "what to read: address, meter or model is wanted");
    else if (type && r->type < 0)
        snprintf(error, JOB_LINE,
                 "type: it is to be one of int16, uint16, int32, uint32, int64, uint64, float32, float64");
    else if (type && r->count < type_words[r->type])
        snprintf(error, JOB_LINE, "count: a %s has %d registers", type, type_words[r->type]);
    else if (order && !r->model->low_word_first && strcmp(order, "big") != 0)
        snprintf(error, JOB_LINE, "word_order: it is to be big or little");
    else if (r->address + r->count > 65536)
        snprintf(error, JOB_LINE, "count: there are registers up to 65535 only");
    else
        return 0;
    return -1;
}

static void add_quantity(struct bus_read *r, uint8_t quantity)
{
    for (size_t i = 0; i < r->n_quantities; i++)
        if (r->quantities[i] == quantity)
            return;
    r->quantities[r->n_quantities++] = quantity;
}

/* Those named, else all that the model has. */
static int parse_quantities(struct bus_read *r, const cJSON *args, char error[JOB_LINE])
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(args, "quantities"), *x;

    r->quantities = must(calloc(QUANTITIES, 1));
    if (list && !cJSON_IsArray(list)) {
        snprintf(error, JOB_LINE, "quantities: it is to be a list of names");
        return -1;
    }
    cJSON_ArrayForEach(x, list)
    {
        const char *name = cJSON_GetStringValue(x);
        int quantity = name ? quantity_find(name) : -1;
        if (quantity < 0 || !meter_model_register(r->model, quantity)) {
            snprintf(error, JOB_LINE, "quantities: %.40s is none of %s", name ? name : "what is there", r->model->id);
            return -1;
        }
        add_quantity(r, (uint8_t)quantity);
    }
    for (size_t i = 0; i < r->model->n_registers && !cJSON_GetArraySize(list); i++)
        add_quantity(r, r->model->registers[i].quantity);
    mb_plan_init(&r->plan, r->model, r->quantities, r->n_quantities);
    return 0;
}

/* A meter of the settings: line, unit, model and time-out are known. */
static int parse_meter(struct bus_read *r, const cJSON *args, const char *key, char error[JOB_LINE])
{
    const struct settings *s = r->j.app->settings;
    const char *bus;

    if (bus_arg_text(args, "bus", &bus, error) < 0)
        return -1;
    for (size_t i = 0; i < s->n_buses; i++)
        for (size_t k = 0; k < s->buses[i].n_meters; k++) {
            const struct meter_settings *m = &s->buses[i].meters[k];
            if (strcmp(m->key, key) != 0 || (bus && strcmp(bus, s->buses[i].key) != 0))
                continue;
            r->unit = m->unit;
            r->timeout_ms = m->timeout_ms;
            r->ratio_milli = m->ratio_milli;
            r->model = bus_job_model(r->j.app, m->model_id, error);
            return r->model ? bus_job_bus(&r->j, s->buses[i].key, error) : -1;
        }
    snprintf(error, JOB_LINE, "there is no meter %.40s in the settings", key);
    return -1;
}

static int parse_unit(struct bus_read *r, const cJSON *args, char error[JOB_LINE])
{
    if (bus_job_line(&r->j, args, error) < 0)
        return -1;
    r->unit = -1;
    if (bus_arg_int(args, "unit", r->j.serial ? 1 : 0, r->j.serial ? 247 : 255, &r->unit, error) < 0)
        return -1;
    if (r->unit < 0)
        snprintf(error, JOB_LINE, "unit is missing");
    return r->unit < 0 ? -1 : 0;
}

static int parse_what(struct bus_read *r, const cJSON *args, char error[JOB_LINE])
{
    const char *meter, *model;

    if (bus_arg_text(args, "meter", &meter, error) < 0 || bus_arg_text(args, "model", &model, error) < 0)
        return -1;
    if (meter ? parse_meter(r, args, meter, error) < 0 : parse_unit(r, args, error) < 0)
        return -1;
    if (model && !meter) {
        r->model = bus_job_model(r->j.app, model, error);
        if (!r->model)
            return -1;
        r->timeout_ms = r->model->timeout_ms ? r->model->timeout_ms : MB_TIMEOUT_MS;
    }
    if (bus_arg_timeout(args, &r->timeout_ms, error) < 0)
        return -1;
    return meter || model ? parse_quantities(r, args, error) : parse_raw(r, args, error);
}

static int start(void *self, job_handle handle, const cJSON *args, char error[JOB_LINE])
{
    static const char *const known[] = {"bus",      "device", "tcp",     "baud",       "parity",     "stop_bits",
                                        "rs485",    "unit",   "meter",   "model",      "address",    "count",
                                        "function", "type",   "timeout", "word_order", "quantities", NULL};
    struct bus_read *r = self;

    r->function = 4;
    r->count = 1;
    r->timeout_ms = MB_TIMEOUT_MS;
    r->ratio_milli = 1000;
    r->at = 0;
    r->again = r->answered = false;
    if (bus_args_known(args, known, error) < 0 || parse_what(r, args, error) < 0 ||
        bus_job_begin(&r->j, handle, error) < 0) {
        forget(r);
        return -1;
    }
    jsonw_init(&r->values);
    if (is_raw(r))
        return 0;
    jsonw_open(&r->values, NULL, '{');
    jsonw_int(&r->values, "unit", r->unit);
    jsonw_str(&r->values, "model", r->model->id);
    jsonw_open(&r->values, "values", '[');
    return 0;
}

static void cancel(void *self, job_handle handle)
{
    (void)handle;
    bus_job_halt(self);
}

struct bus_job *bus_read_new(struct app *app)
{
    struct bus_read *r = must(calloc(1, sizeof *r));

    r->j = (struct bus_job){.app = app, .answered = on_answered, .ready = on_ready, .halted = on_halted};
    uv_timer_init(app->loop, &r->j.timer);
    r->j.timer.data = &r->j;
    jsonw_init(&r->values);
    jobs_add_verb(&app->jobs, &(struct verb){VERB, PATH, start, cancel, r});
    return &r->j;
}
