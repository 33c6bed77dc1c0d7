/* bus scan: which units answer on a line, and what they may be. */
#include "core/csv.h"
#include "core/meter_quantity.h"
#include "ctl/bus_words.h"
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/job.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/table.h"
#include "ctl/term.h"
#include "ctl/verbs.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what was found ---- */

/* "eastron-sdm630", "eastron-sdm120 or orno-we504"; the dash when it is not known. */
static char *models_of(const cJSON *found)
{
    char *words = must(strdup("")), *more;

    for (const cJSON *m = json_first(json_get(found, "models")); m; m = m->next) {
        if (asprintf(&more, "%s%s%s", words, *words ? " or " : "", json_text(m, "id", "?")) < 0)
            abort();
        free(words);
        words = more;
    }
    return words;
}

static bool is_sure(const cJSON *found)
{
    return json_true(json_first(json_get(found, "models")), "sure");
}

/* "230.1 V, 50 Hz": by which people know that it is what it seems. */
static char *values_of(const cJSON *found)
{
    char *words = must(strdup("")), *more;

    for (const cJSON *v = json_first(json_get(found, "values")); v; v = v->next) {
        int quantity = v->string && cJSON_IsNumber(v) ? quantity_find(v->string) : -1;
        const char *unit = quantity < 0 ? "" : quantity_unit((uint8_t)quantity);
        if (strcmp(unit, "V") != 0 && strcmp(unit, "Hz") != 0)
            continue;
        if (asprintf(&more, "%s%s%.4g %s", words, *words ? ", " : "", v->valuedouble, unit) < 0)
            abort();
        free(words);
        words = more;
    }
    return words;
}

static void text_cell(struct table *t, enum say_colour colour, const char *text)
{
    table_cell(t, *text ? colour : SAY_DIM, "%s", *text ? text : say_none());
}

static void add_found(struct table *t, const cJSON *f, bool serial)
{
    char *models = models_of(f), *values = values_of(f), room[32];

    snprintf(room, sizeof room, "%.0f", json_number(f, "unit", 0));
    table_cell(t, SAY_BOLD, "%s", room);
    if (serial) {
        snprintf(room, sizeof room, "%.0f %s", json_number(f, "baud", 0), json_text(f, "parity", "?"));
        table_cell(t, SAY_PLAIN, "%s", room);
    }
    double ms = json_number(f, "ms", NAN);
    if (isfinite(ms))
        table_cell(t, SAY_PLAIN, "%.*f", ms < 9.95, ms);
    else
        table_cell(t, SAY_DIM, "%s", say_none());
    text_cell(t, SAY_GREEN, json_text(f, "configured", ""));
    text_cell(t, is_sure(f) ? SAY_PLAIN : SAY_YELLOW, models);
    text_cell(t, SAY_PLAIN, values);
    free(models);
    free(values);
}

static void print_found(const cJSON *found)
{
    static const struct table_column serial[] = {{"unit", TABLE_RIGHT},   {"line", TABLE_LEFT},
                                                 {"ms", TABLE_RIGHT},     {"meter", TABLE_LEFT},
                                                 {"model", TABLE_SHRINK}, {"it says", TABLE_SHRINK}};
    static const struct table_column tcp[] = {{"unit", TABLE_RIGHT},
                                              {"ms", TABLE_RIGHT},
                                              {"meter", TABLE_LEFT},
                                              {"model", TABLE_SHRINK},
                                              {"it says", TABLE_SHRINK}};
    bool is_serial = json_number(json_first(found), "baud", 0) > 0;
    struct table t;
    size_t width, rows;

    table_init(&t, is_serial ? serial : tcp, is_serial ? ARRAY_LEN(serial) : ARRAY_LEN(tcp));
    for (const cJSON *f = json_first(found); f; f = f->next)
        add_found(&t, f, is_serial);
    term_size(&width, &rows);
    table_print(&t, stdout, width, 0, "\n");
    table_free(&t);
}

/* ---- what to do with it ---- */

static bool of_two_kinds(const cJSON *found)
{
    const cJSON *first = json_first(found);

    for (const cJSON *f = first; f; f = f->next)
        if (json_number(f, "baud", 0) != json_number(first, "baud", 0) ||
            strcmp(json_text(f, "parity", ""), json_text(first, "parity", "")) != 0)
            return true;
    return false;
}

/* May it be more than one model? */
static bool is_of_many(const cJSON *f)
{
    return cJSON_GetArraySize(json_get(f, "models")) > 1;
}

/* searched: over speeds or parities, which may not be the bus's. */
static void say_what_next(const cJSON *found, const char *bus, bool searched)
{
    const cJSON *f = json_first(found);

    if (of_two_kinds(found))
        say_line(SAY_YELLOW, "All meters of a line need one baud rate and parity: set them at the meters.");
    else if (f && searched) {
        say_line(SAY_PLAIN, "To have the line as its meters are:");
        say_line(SAY_PLAIN, "  fluksoctl settings set buses.%s.baud=%.0f buses.%s.parity=%s", bus,
                 json_number(f, "baud", 0), bus, json_text(f, "parity", "N"));
        return;
    }
    while (f && json_get(f, "configured"))
        f = f->next;
    if (!f)
        return;
    say_line(SAY_PLAIN, "To have unit %.0f read from now on, by a name of your choice:", json_number(f, "unit", 0));
    say_line(SAY_PLAIN, "  fluksoctl settings set buses.%s.meters.NAME.name=NAME \\", bus);
    say_line(SAY_PLAIN, "    buses.%s.meters.NAME.unit=%.0f \\", bus, json_number(f, "unit", 0));
    say_line(SAY_PLAIN, "    buses.%s.meters.NAME.model=%s", bus,
             json_text(json_first(json_get(f, "models")), "id", "MODEL"));
    if (is_of_many(f))
        say_line(SAY_YELLOW, "Look at what stands on the meter: it may be another of the models above.");
}

/* Units of the new ones that may be more than one model, of which the file has the first. */
static void say_which_model(const cJSON *found)
{
    char *units = say_format("%s", "");

    for (const cJSON *f = json_first(found); f; f = f->next) {
        if (json_get(f, "configured") || !is_of_many(f))
            continue;
        char *more = say_format("%s%s%.0f", units, *units ? ", " : "", json_number(f, "unit", 0));
        free(units);
        units = more;
    }
    if (*units)
        say_line(SAY_YELLOW, "Look at what stands on the meter: unit %s may be another model than the one written.",
                 units);
    free(units);
}

/* The new ones as a file for `meters import`, names to be filled in. */
static int write_csv(const char *path, const cJSON *found, const char *bus)
{
    FILE *out = fopen(path, "wxe");
    size_t n = 0;

    if (!out) {
        say_fail("%s: %s", path, strerror(errno));
        return CTL_REFUSED;
    }
    fputs("bus,unit,name,model\n", out);
    for (const cJSON *f = json_first(found); f; f = f->next) {
        if (json_get(f, "configured"))
            continue;
        csv_put(out, bus, ',');
        fprintf(out, ",%.0f,,", json_number(f, "unit", 0));
        csv_put(out, json_text(json_first(json_get(f, "models")), "id", ""), ',');
        putc('\n', out);
        n++;
    }
    bool bad = ferror(out) != 0;
    bad = fclose(out) != 0 || bad;
    if (bad) {
        say_fail("%s: %s", path, strerror(errno));
        return CTL_REFUSED;
    }
    say_line(SAY_PLAIN, "%s: %zu new meter%s; fill in the names, then: fluksoctl meters import %s", path, n,
             n == 1 ? "" : "s", path);
    say_which_model(found);
    return CTL_OK;
}

/* ---- the verb ---- */

struct scan {
    const char *from, *to, *baud, *parity, *timeout, *csv;
};

/* The body, or NULL: people know why. */
static cJSON *body_of(const struct verb *v, const struct scan *s, const char *line, bool *is_bus)
{
    cJSON *body = must(cJSON_CreateObject());
    double from = 1, to = 247, timeout;

    *is_bus = bus_words_line(body, line);
    if (s->from && bus_words_number(s->from, false, 0, 255, &from) < 0)
        verb_usage(v, "--from: '%s' is not in 0 to 255", s->from);
    else if (s->to && bus_words_number(s->to, false, from, 255, &to) < 0)
        verb_usage(v, "--to: '%s' is not in %.0f to 255", s->to, from);
    else if (s->timeout && bus_words_number(s->timeout, false, 0.02, 10, &timeout) < 0)
        verb_usage(v, "--timeout: '%s' is not in 0.02 to 10 s", s->timeout);
    else if (s->baud && bus_words_list(body, "baud", s->baud, true) < 0)
        verb_usage(v, "--baud: '%s' is neither all nor a list as 9600,19200", s->baud);
    else if (s->parity && bus_words_list(body, "parity", s->parity, false) < 0)
        verb_usage(v, "--parity: '%s' is neither all nor a list as N,E", s->parity);
    else {
        if (s->from)
            must(cJSON_AddNumberToObject(body, "from", from));
        if (s->to)
            must(cJSON_AddNumberToObject(body, "to", to));
        if (s->timeout)
            must(cJSON_AddNumberToObject(body, "timeout", timeout));
        return body;
    }
    cJSON_Delete(body);
    return NULL;
}

static int conclude(const struct ctl *c, const struct scan *s, const cJSON *job, const char *line, bool is_bus)
{
    const cJSON *found = json_get(json_get(job, "result"), "found");
    size_t n = (size_t)cJSON_GetArraySize(found);

    if (!c->json && n)
        print_found(found);
    if (!c->json && !n)
        say_line(SAY_YELLOW,
                 "No unit answered. Are A and B the right way round, and baud rate and parity the meters'?");
    if (s->csv)
        return write_csv(s->csv, found, line);
    if (!c->json && is_bus)
        say_what_next(found, line, s->baud || s->parity);
    return CTL_OK;
}

int verb_bus_scan(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct scan s = {0};
    const struct verb_option options[] = {{"from", 0, NULL, &s.from},       {"to", 0, NULL, &s.to},
                                          {"baud", 0, NULL, &s.baud},       {"parity", 0, NULL, &s.parity},
                                          {"timeout", 0, NULL, &s.timeout}, {"csv", 0, NULL, &s.csv}};
    cJSON *job = NULL;
    bool is_bus;
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 1, 1);

    if (rc != CTL_OK)
        return rc;
    cJSON *body = body_of(v, &s, argv[0], &is_bus);
    if (!body)
        return CTL_USAGE;
    if (s.csv && !is_bus)
        rc = verb_usage(v, "--csv goes with a bus of the settings: its rows name it");
    if (rc == CTL_OK)
        rc = job_run_own(c, "bus-scan", body, 0, say_on_terminal(), &job);
    if (job && c->json)
        job_print(job);
    if (rc == CTL_OK) {
        rc = conclude(c, &s, job, argv[0], is_bus);
    } else if (job && !c->json) {
        char *why = job_why(job);
        say_fail("%s", why);
        free(why);
    }
    cJSON_Delete(job);
    cJSON_Delete(body);
    return rc;
}
