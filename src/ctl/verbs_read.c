/* bus read: registers of a unit, or what a meter measures, read once now. */
#include "ctl/bus_view.h"
#include "ctl/bus_words.h"
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/job.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/table.h"
#include "ctl/verbs.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_S    10 /* until a read of somebody else's has ended */
#define WORDS_MAX 125

/* ---- what came ---- */

static void print_values(const cJSON *values)
{
    static const struct table_column titles[] = {{"quantity", TABLE_LEFT}, {"value", TABLE_RIGHT}, {"", TABLE_LEFT}};
    struct table t;

    table_init(&t, titles, ARRAY_LEN(titles));
    for (const cJSON *v = json_first(values); v; v = v->next) {
        double value = json_number(v, "value", NAN);
        const char *why = json_text(v, "error", json_text(v, "reason", "no value"));
        table_cell(&t, SAY_PLAIN, "%s", json_text(v, "quantity", "?"));
        if (isfinite(value))
            table_cell(&t, SAY_BOLD, "%.10g", value);
        else
            table_cell(&t, SAY_DIM, "%s", say_none());
        table_cell(&t, isfinite(value) ? SAY_PLAIN : SAY_YELLOW, "%s",
                   isfinite(value) ? json_text(v, "unit", "") : why);
    }
    table_print(&t, stdout, 0, 0, "\n");
    table_free(&t);
}

/* The words as one number, the first one highest or lowest. */
static uint64_t joined(const uint16_t *words, size_t n, bool low_first)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 16 | words[low_first ? n - 1 - i : i];
    return v;
}

static void meaning_cell(struct table *t, const char *type, uint64_t v)
{
    uint32_t u = (uint32_t)v;
    float f;
    double d;

    memcpy(&f, &u, sizeof f);
    memcpy(&d, &v, sizeof d);
    if (strcmp(type, "float32") == 0)
        table_cell(t, SAY_PLAIN, "%.9g", (double)f);
    else if (strcmp(type, "float64") == 0)
        table_cell(t, SAY_PLAIN, "%.15g", d);
    else if (strcmp(type, "int32") == 0)
        table_cell(t, SAY_PLAIN, "%ld", (long)(int32_t)u);
    else if (strcmp(type, "int64") == 0)
        table_cell(t, SAY_PLAIN, "%lld", (long long)(int64_t)v);
    else
        table_cell(t, SAY_PLAIN, "%llu", (unsigned long long)v);
}

/* What they may mean, one of which the meter's manual says. */
static void print_meanings(const uint16_t *words, size_t n)
{
    static const struct table_column titles[] = {
        {"as", TABLE_LEFT}, {"high word first", TABLE_RIGHT}, {"low word first", TABLE_RIGHT}};
    static const char *const types[][3] = {{"uint32", "int32", "float32"}, {"uint64", "int64", "float64"}};
    struct table t;

    if (n == 1)
        say_line(SAY_PLAIN, "as int16: %d", (int16_t)words[0]);
    if (n != 2 && n != 4)
        return;
    table_init(&t, titles, ARRAY_LEN(titles));
    for (size_t i = 0; i < ARRAY_LEN(types[0]); i++) {
        const char *type = types[n == 4][i];
        table_cell(&t, SAY_PLAIN, "%s", type);
        meaning_cell(&t, type, joined(words, n, false));
        meaning_cell(&t, type, joined(words, n, true));
    }
    table_print(&t, stdout, 0, 0, "\n");
    table_free(&t);
}

static void print_words(const cJSON *list, unsigned address)
{
    static const struct table_column titles[] = {
        {"address", TABLE_RIGHT}, {"", TABLE_LEFT}, {"hex", TABLE_LEFT}, {"decimal", TABLE_RIGHT}};
    uint16_t words[WORDS_MAX];
    size_t n = 0;
    struct table t;

    table_init(&t, titles, ARRAY_LEN(titles));
    for (const cJSON *w = json_first(list); w && n < WORDS_MAX; w = w->next) {
        double v = cJSON_IsNumber(w) ? w->valuedouble : 0;
        words[n] = v >= 0 && v <= UINT16_MAX ? (uint16_t)v : 0;
        table_cell(&t, SAY_DIM, "%zu", address + n);
        table_cell(&t, SAY_DIM, "0x%04zx", address + n);
        table_cell(&t, SAY_PLAIN, "0x%04x", words[n]);
        table_cell(&t, SAY_BOLD, "%u", words[n]);
        n++;
    }
    table_print(&t, stdout, 0, 0, "\n");
    table_free(&t);
    print_meanings(words, n);
}

static void print_result(const cJSON *result, unsigned address, const char *type)
{
    const cJSON *value = json_get(result, "value");

    if (json_get(result, "values"))
        print_values(json_get(result, "values"));
    else if (type && cJSON_IsNumber(value))
        say_line(SAY_PLAIN, "%.10g", value->valuedouble);
    else if (type)
        say_line(SAY_YELLOW, "no value: %s", json_text(result, "error", "it is not a number"));
    else
        print_words(json_get(result, "words"), address);
}

/* ---- what to ask ---- */

struct read {
    const char *function, *type, *order, *timeout, *model, *baud, *parity;
    unsigned address;
};

static size_t words_of_type(const char *type)
{
    return strstr(type, "64") ? 4 : strstr(type, "32") ? 2 : 1;
}

/* BUS UNIT ADDRESS [COUNT], or BUS UNIT with a model. */
static int ask_unit(const struct verb *v, struct read *r, int argc, char **argv, cJSON *body)
{
    double unit, address, n = r->type ? (double)words_of_type(r->type) : 1;

    bus_words_line(body, argv[0]);
    if (bus_words_number(argv[1], false, 0, 255, &unit) < 0)
        return verb_usage(v, "'%s' is no unit, 0 to 255", argv[1]);
    must(cJSON_AddNumberToObject(body, "unit", unit));
    if (r->model) {
        must(cJSON_AddStringToObject(body, "model", r->model));
        return argc > 2 ? verb_usage(v, "--model reads what the model has, and takes no address") : CTL_OK;
    }
    if (argc < 3)
        return verb_usage(v, "an address is missing, or --model");
    if (bus_words_number(argv[2], true, 0, UINT16_MAX, &address) < 0)
        return verb_usage(v, "'%s' is no address, 0 to 65535 or 0x0 to 0xffff", argv[2]);
    if (argc > 3 && bus_words_number(argv[3], false, 1, WORDS_MAX, &n) < 0)
        return verb_usage(v, "'%s' registers cannot be read at once: 1 to %d", argv[3], WORDS_MAX);
    r->address = (unsigned)address;
    must(cJSON_AddNumberToObject(body, "address", address));
    must(cJSON_AddNumberToObject(body, "count", n));
    if (r->function)
        must(cJSON_AddNumberToObject(body, "function", strtod(r->function, NULL)));
    if (r->type)
        must(cJSON_AddStringToObject(body, "type", r->type));
    if (r->order)
        must(cJSON_AddStringToObject(body, "word_order", r->order));
    return CTL_OK;
}

static void say_no_meter(const cJSON *buses, const char *word)
{
    for (const cJSON *b = json_first(buses); b; b = b->next)
        if (strcmp(json_text(b, "key", ""), word) == 0) {
            say_fail("'%s' is a bus: say a unit on it too, or a meter alone", word);
            return;
        }
    say_fail("there is no meter '%s': fluksoctl meters list shows them", word);
}

/* METER */
static int ask_meter(const struct ctl *c, const char *word, cJSON *body)
{
    struct answer a;
    const cJSON *bus = NULL, *meter;
    int rc = call(c, "GET", "/api/v1/buses", NULL, &a);

    if (rc == CTL_OK) {
        meter = bus_view_meter(json_get(a.json, "buses"), word, &bus);
        if (meter) {
            must(cJSON_AddStringToObject(body, "bus", json_text(bus, "key", "")));
            must(cJSON_AddStringToObject(body, "meter", json_text(meter, "key", "")));
        } else {
            say_no_meter(json_get(a.json, "buses"), word);
            rc = CTL_REFUSED;
        }
    }
    answer_free(&a);
    return rc;
}

/* What is wrong with the options, and those of the line into the body. */
static int take_options(const struct verb *v, const struct read *r, int argc, cJSON *body)
{
    double n;

    if (r->function && strcmp(r->function, "3") != 0 && strcmp(r->function, "4") != 0)
        return verb_usage(v, "--function: '%s' is neither 3 (holding registers) nor 4 (input registers)", r->function);
    if (r->timeout && bus_words_number(r->timeout, false, 0.02, 10, &n) < 0)
        return verb_usage(v, "--timeout: '%s' is not in 0.02 to 10 s", r->timeout);
    if (r->timeout)
        must(cJSON_AddNumberToObject(body, "timeout", n));
    if (r->baud && bus_words_number(r->baud, false, 300, 1e6, &n) < 0)
        return verb_usage(v, "--baud: '%s' is not in 300 to 1000000", r->baud);
    if (r->baud)
        must(cJSON_AddNumberToObject(body, "baud", n));
    if (r->parity)
        must(cJSON_AddStringToObject(body, "parity", r->parity));
    if (argc == 1 && (r->model || r->type || r->function || r->order || r->baud || r->parity))
        return verb_usage(v, "of a meter all is known: there is no option but --timeout");
    return CTL_OK;
}

static int read_now(const struct ctl *c, const struct read *r, const cJSON *body)
{
    cJSON *job = NULL;
    int rc = job_run_own(c, "bus-read", body, WAIT_S, false, &job);

    if (job && c->json)
        job_print(job);
    else if (rc == CTL_OK)
        print_result(json_get(job, "result"), r->address, r->type);
    if (job && rc != CTL_OK && !c->json) {
        char *why = job_why(job);
        say_fail("%s", why);
        free(why);
    }
    cJSON_Delete(job);
    return rc;
}

int verb_bus_read(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct read r = {0};
    const struct verb_option options[] = {{"function", 'f', NULL, &r.function}, {"type", 't', NULL, &r.type},
                                          {"word-order", 0, NULL, &r.order},    {"timeout", 0, NULL, &r.timeout},
                                          {"model", 'm', NULL, &r.model},       {"baud", 0, NULL, &r.baud},
                                          {"parity", 0, NULL, &r.parity}};
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 1, 4);

    if (rc != CTL_OK)
        return rc;
    cJSON *body = must(cJSON_CreateObject());
    rc = take_options(v, &r, argc, body);
    if (rc == CTL_OK)
        rc = argc == 1 ? ask_meter(c, argv[0], body) : ask_unit(v, &r, argc, argv, body);
    if (rc == CTL_OK)
        rc = read_now(c, &r, body);
    cJSON_Delete(body);
    return rc;
}
