#include "ctl/meters_try.h"

#include "core/meter_quantity.h"
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/job.h"
#include "ctl/json.h"
#include "ctl/meters_file.h"
#include "ctl/say.h"
#include "ctl/table.h"
#include "ctl/term.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_S 60 /* until a read of somebody else's has ended */

/* ---- what to read ---- */

/* What each model has, as the API says it; asked for once. */
struct models {
    cJSON *by_id; /* id: its quantities, or null */
};

static bool has(const cJSON *quantities, const char *name)
{
    for (const cJSON *q = json_first(quantities); q; q = q->next)
        if (strcmp(json_text(q, "quantity", ""), name) == 0)
            return true;
    return false;
}

/* What is never zero where a meter is: its voltage. NULL: not known, then all is read. */
static const char *quantity_of(const struct ctl *c, struct models *m, const char *model)
{
    static const char *const wanted[] = {"voltage_l1", "voltage",      "frequency",
                                         "power",      "power_import", "energy_import"};
    cJSON *known = cJSON_GetObjectItemCaseSensitive(m->by_id, model);
    struct answer a;

    if (!known) {
        char *path = call_path("/api/v1/models/", model);
        bool there = call_quietly(c, "GET", path, NULL, &a) == CTL_OK;
        known = there ? cJSON_DetachItemFromObjectCaseSensitive(a.json, "quantities") : NULL;
        known = known ? known : must(cJSON_CreateNull());
        cJSON_AddItemToObject(m->by_id, model, known);
        answer_free(&a);
        free(path);
    }
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (has(known, wanted[i]))
            return wanted[i];
    return json_text(json_first(known), "quantity", NULL);
}

/* ---- one ---- */

static cJSON *body_of(const struct ctl *c, struct models *m, const char *bus, const cJSON *meter)
{
    cJSON *body = must(cJSON_CreateObject());
    const char *model = json_text(meter, "model", ""), *quantity = quantity_of(c, m, model);
    double timeout = json_number(meter, "timeout", NAN);

    must(cJSON_AddStringToObject(body, "bus", bus));
    must(cJSON_AddNumberToObject(body, "unit", json_number(meter, "unit", 0)));
    must(cJSON_AddStringToObject(body, "model", model));
    if (quantity)
        cJSON_AddItemToObject(body, "quantities", must(cJSON_CreateStringArray(&quantity, 1)));
    if (isfinite(timeout))
        must(cJSON_AddNumberToObject(body, "timeout", timeout));
    return body;
}

/* The first value that is one, else why there is none. */
static bool note_result(cJSON *seen, const cJSON *job)
{
    const cJSON *v = json_first(json_get(json_get(job, "result"), "values"));

    while (v && v->next && !cJSON_IsNumber(json_get(v, "value")))
        v = v->next;
    if (v && cJSON_IsNumber(json_get(v, "value"))) {
        must(cJSON_AddStringToObject(seen, "quantity", json_text(v, "quantity", "?")));
        must(cJSON_AddNumberToObject(seen, "value", json_number(v, "value", 0)));
        must(cJSON_AddStringToObject(seen, "value_unit", json_text(v, "unit", "")));
        return true;
    }
    char *why = v ? say_format("%s", json_text(v, "error", json_text(v, "reason", "it answers, but has no value")))
                  : job_why(job);
    must(cJSON_AddStringToObject(seen, "error", why));
    free(why);
    return false;
}

static int try_one(const struct ctl *c, struct models *m, const char *bus, const cJSON *meter, cJSON *seen,
                   bool *answered)
{
    cJSON *body = body_of(c, m, bus, meter), *job = NULL;
    struct ctl quiet = *c;

    quiet.quiet = true; /* what it says stands in the table, and there is one line for how far all are */
    int rc = job_run_own(&quiet, "bus-read", body, WAIT_S, false, &job);
    *answered = note_result(seen, job);
    cJSON_Delete(job);
    cJSON_Delete(body);
    return rc == CTL_REFUSED ? CTL_OK : rc;
}

/* ---- all ---- */

static void show_how_far(const struct ctl *c, size_t i, size_t n, const char *key)
{
    if (c->json || !say_on_terminal())
        return;
    char *line = say_format("reading %zu of %zu: %s", i, n, key);
    printf("\r%s%s%s\x1b[K", say_colour(SAY_DIM), line, say_colour(SAY_PLAIN));
    fflush(stdout);
    free(line);
}

static void print_values(const cJSON *values)
{
    static const struct table_column titles[] = {{"line", TABLE_RIGHT},
                                                 {"bus", TABLE_LEFT},
                                                 {"unit", TABLE_RIGHT},
                                                 {"meter", TABLE_SHRINK},
                                                 {"it says", TABLE_LEFT}};
    char words[QUANTITY_NAME];
    struct table t;
    size_t width, rows;

    table_init(&t, titles, ARRAY_LEN(titles));
    for (const cJSON *v = json_first(values); v; v = v->next) {
        int quantity = quantity_find(json_text(v, "quantity", ""));
        const char *error = json_text(v, "error", NULL);
        table_cell(&t, SAY_DIM, "%.0f", json_number(v, "line", 0));
        table_cell(&t, SAY_PLAIN, "%s", json_text(v, "bus", ""));
        table_cell(&t, SAY_PLAIN, "%.0f", json_number(v, "unit", 0));
        table_cell(&t, SAY_BOLD, "%s", json_text(v, "key", ""));
        if (error)
            table_cell(&t, SAY_RED, "%s", error);
        else
            table_cell(&t, SAY_GREEN, "%s %.10g %s",
                       quantity < 0 ? json_text(v, "quantity", "") : quantity_words((uint8_t)quantity, words),
                       json_number(v, "value", 0), json_text(v, "value_unit", ""));
    }
    term_size(&width, &rows);
    table_print(&t, stdout, width, 0, "\n");
    table_free(&t);
}

int meters_try(const struct ctl *c, const struct meters_file *f, const cJSON *next, cJSON **values, size_t *silent)
{
    struct models models = {.by_id = must(cJSON_CreateObject())};
    int rc = CTL_OK;

    *values = must(cJSON_CreateArray());
    *silent = 0;
    for (size_t i = 0; rc == CTL_OK && i < f->n_rows; i++) {
        const struct meters_row *r = &f->rows[i];
        const cJSON *meter = meters_file_meter(meters_file_bus(next, r->bus), r->key);
        bool answered;
        if (!meter || cJSON_IsFalse(json_get(meter, "enable")))
            continue;
        show_how_far(c, i + 1, f->n_rows, r->key);
        cJSON *seen = must(cJSON_CreateObject());
        cJSON_AddItemToArray(*values, seen);
        must(cJSON_AddNumberToObject(seen, "line", r->line));
        must(cJSON_AddStringToObject(seen, "bus", r->bus));
        must(cJSON_AddNumberToObject(seen, "unit", r->unit));
        must(cJSON_AddStringToObject(seen, "key", r->key));
        must(cJSON_AddStringToObject(seen, "model", json_text(meter, "model", "")));
        rc = try_one(c, &models, r->bus, meter, seen, &answered);
        *silent += !answered;
    }
    cJSON_Delete(models.by_id);
    if (!c->json && say_on_terminal())
        fputs("\r\x1b[K", stdout);
    if (!c->json && rc == CTL_OK)
        print_values(*values);
    return rc;
}
