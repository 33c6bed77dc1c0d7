/* meters list, meters models, meters export: the meters on buses as the settings have them, and what there are. */
#include "core/csv.h"
#include "core/settings_table.h"
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/meters_file.h"
#include "ctl/say.h"
#include "ctl/table.h"
#include "ctl/term.h"
#include "ctl/verbs.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void print_table(struct table *t)
{
    size_t width, rows;

    term_size(&width, &rows);
    table_print(t, stdout, width, 0, "\n");
    table_free(t);
}

/* ---- list ---- */

static void state_cell(struct table *t, const cJSON *buses, const cJSON *bus, const cJSON *meter)
{
    const cJSON *b = meters_file_bus(buses, json_text(bus, "key", ""));
    const char *state = json_text(meters_file_meter(b, json_text(meter, "key", "")), "state", NULL);

    if (cJSON_IsFalse(json_get(meter, "enable")) || cJSON_IsFalse(json_get(bus, "enable")))
        table_cell(t, SAY_DIM, "off");
    else if (!state)
        table_cell(t, SAY_DIM, "%s", say_none());
    else
        table_cell(t,
                   strcmp(state, "ok") == 0        ? SAY_GREEN
                   : strcmp(state, "offline") == 0 ? SAY_RED
                                                   : SAY_YELLOW,
                   "%s", state);
}

static void print_meters(const cJSON *settings, const cJSON *buses)
{
    static const struct table_column columns[] = {
        {"bus", TABLE_SHRINK},   {"unit", TABLE_RIGHT},  {"key", TABLE_SHRINK}, {"name", TABLE_SHRINK},
        {"model", TABLE_SHRINK}, {"every", TABLE_RIGHT}, {"state", TABLE_LEFT},
    };
    struct table t;

    table_init(&t, columns, ARRAY_LEN(columns));
    for (const cJSON *b = json_first(json_get(settings, "buses")); b; b = b->next)
        for (const cJSON *m = json_first(json_get(b, "meters")); m; m = m->next) {
            table_cell(&t, SAY_PLAIN, "%s", json_text(b, "key", say_none()));
            table_cell(&t, SAY_PLAIN, "%.0f", json_number(m, "unit", 0));
            table_cell(&t, SAY_BOLD, "%s", json_text(m, "key", say_none()));
            table_cell(&t, SAY_PLAIN, "%s", json_text(m, "name", say_none()));
            table_cell(&t, SAY_PLAIN, "%s", json_text(m, "model", say_none()));
            table_cell(&t, SAY_PLAIN, "%.4g s", json_number(m, "interval", 1));
            state_cell(&t, buses, b, m);
        }
    print_table(&t);
}

static size_t count_meters(const cJSON *settings)
{
    size_t n = 0;

    for (const cJSON *b = json_first(json_get(settings, "buses")); b; b = b->next)
        n += (size_t)cJSON_GetArraySize(json_get(b, "meters"));
    return n;
}

/* For scripts: each meter as the settings have it, with its bus. */
static void print_json(const cJSON *settings)
{
    cJSON *whole = must(cJSON_CreateObject()), *list = must(cJSON_AddArrayToObject(whole, "meters"));

    for (const cJSON *b = json_first(json_get(settings, "buses")); b; b = b->next)
        for (const cJSON *m = json_first(json_get(b, "meters")); m; m = m->next) {
            cJSON *copy = must(cJSON_Duplicate(m, true));
            must(cJSON_AddStringToObject(copy, "bus", json_text(b, "key", "")));
            cJSON_AddItemToArray(list, copy);
        }
    char *text = must(cJSON_PrintUnformatted(whole));
    say_raw(text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(whole);
}

int verb_meters_list(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct answer settings = {0}, buses = {0};
    int rc = verb_words(v, &argc, argv, NULL, 0, 0, 0);

    if (rc == CTL_OK)
        rc = call(c, "GET", "/api/v1/settings", NULL, &settings);
    if (rc == CTL_OK && c->json) {
        print_json(settings.json);
    } else if (rc == CTL_OK && !count_meters(settings.json)) {
        say_line(SAY_PLAIN, "There are no meters on buses: fluksoctl bus scan BUS looks for them.");
    } else if (rc == CTL_OK) {
        if (call_quietly(c, "GET", "/api/v1/buses", NULL, &buses) != CTL_OK) {
            cJSON_Delete(buses.json); /* states are not known then */
            buses.json = NULL;
        }
        print_meters(settings.json, buses.json);
    }
    answer_free(&settings);
    answer_free(&buses);
    return rc;
}

/* ---- models ---- */

/* A list of texts as words. */
static char *joined(const cJSON *list)
{
    char *words = must(strdup("")), *more;

    for (const cJSON *x = json_first(list); x; x = x->next) {
        if (!cJSON_IsString(x))
            continue;
        if (asprintf(&more, "%s%s%s", words, *words ? ", " : "", x->valuestring) < 0)
            abort();
        free(words);
        words = more;
    }
    return words;
}

static void print_models(const cJSON *models)
{
    static const struct table_column columns[] = {{"model", TABLE_LEFT},
                                                  {"vendor", TABLE_LEFT},
                                                  {"meters", TABLE_SHRINK},
                                                  {"phases", TABLE_RIGHT},
                                                  {"trust", TABLE_LEFT}};
    struct table t;

    table_init(&t, columns, ARRAY_LEN(columns));
    for (const cJSON *m = json_first(models); m; m = m->next) {
        char *names = joined(json_get(m, "models"));
        table_cell(&t, SAY_BOLD, "%s", json_text(m, "id", "?"));
        table_cell(&t, SAY_PLAIN, "%s", json_text(m, "vendor", say_none()));
        table_cell(&t, SAY_PLAIN, "%s", names);
        table_cell(&t, SAY_PLAIN, "%.0f", json_number(m, "phases", 0));
        table_cell(&t, SAY_PLAIN, "%s", json_text(m, "confidence", say_none()));
        free(names);
    }
    print_table(&t);
}

static void print_registers(const cJSON *model)
{
    static const struct table_column columns[] = {{"quantity", TABLE_LEFT},  {"in", TABLE_LEFT},
                                                  {"function", TABLE_RIGHT}, {"address", TABLE_RIGHT},
                                                  {"", TABLE_LEFT},          {"type", TABLE_LEFT}};
    struct table t;

    table_init(&t, columns, ARRAY_LEN(columns));
    for (const cJSON *q = json_first(json_get(model, "quantities")); q; q = q->next) {
        double address = json_number(q, "address", 0);
        table_cell(&t, SAY_BOLD, "%s", json_text(q, "quantity", "?"));
        table_cell(&t, SAY_PLAIN, "%s", json_text(q, "unit", ""));
        table_cell(&t, SAY_PLAIN, "%.0f", json_number(q, "function", 3));
        table_cell(&t, SAY_PLAIN, "%.0f", address);
        table_cell(&t, SAY_DIM, "0x%04x", address >= 0 && address <= 65535 ? (unsigned)address : 0U);
        table_cell(&t, SAY_PLAIN, "%s", json_text(q, "type", ""));
    }
    print_table(&t);
}

static void print_model(const cJSON *m)
{
    char *names = joined(json_get(m, "models"));
    const cJSON *serial = json_get(m, "serial"), *note;
    double baud = json_number(serial, "baud", NAN), stop = json_number(serial, "stop_bits", 1);
    double unit = json_number(serial, "unit", NAN), phases = json_number(m, "phases", 0);

    say_line(SAY_BOLD, "%s: %s %s", json_text(m, "id", "?"), json_text(m, "vendor", ""), names);
    say_line(SAY_PLAIN, "%.0f phase%s; at most %.0f registers in a read", phases, phases == 1 ? "" : "s",
             json_number(m, "max_read", 0));
    if (isfinite(baud))
        say_line(SAY_PLAIN, "leaves the factory with %.0f baud, 8%s%.0f", baud, json_text(serial, "parity", "N"), stop);
    if (isfinite(unit))
        say_line(SAY_PLAIN, "leaves the factory as unit %.0f", unit);
    for (note = json_first(json_get(m, "notes")); note; note = note->next)
        if (cJSON_IsString(note))
            say_line(SAY_YELLOW, "%s", note->valuestring);
    print_registers(m);
    free(names);
}

int verb_meters_models(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct answer a = {0};
    int rc = verb_words(v, &argc, argv, NULL, 0, 0, 1);

    if (rc != CTL_OK)
        return rc;
    char *path = argc ? call_path("/api/v1/models/", argv[0]) : must(strdup("/api/v1/models"));
    rc = call(c, "GET", path, NULL, &a);
    if (rc == CTL_OK && c->json)
        call_print(&a);
    else if (rc == CTL_OK && argc)
        print_model(a.json);
    else if (rc == CTL_OK)
        print_models(json_get(a.json, "models"));
    free(path);
    answer_free(&a);
    return rc;
}

/* ---- export ---- */

/* How the table is written. */
struct export
{
    char separator;
    const char *line_end;
    bool all; /* each column that there is */
    FILE *out;
};

static const char *const basic[] = {"bus", "unit", "key", "name", "model", "interval"};

static bool is_basic(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(basic); i++)
        if (strcmp(basic[i], name) == 0)
            return true;
    return false;
}

/* Of the others a column is there when one of the meters says something by it; what follows from the model, or is an
 * id, only with `all`. */
static bool is_wanted(const struct export *x, const cJSON *settings, const char *name)
{
    const struct setting *row = setting_row("buses[*].meters[*]", name);

    if (!row || is_basic(name))
        return false;
    if (!x->all && (row->follows || strcmp(name, "id") == 0 || strcmp(name, "rid") == 0))
        return false;
    for (const cJSON *b = json_first(json_get(settings, "buses")); b; b = b->next)
        for (const cJSON *m = json_first(json_get(b, "meters")); m; m = m->next) {
            const cJSON *value = json_get(m, name);
            if (value && !setting_is_default(row, value) && !(cJSON_IsArray(value) && !value->child))
                return true;
        }
    return false;
}

/* A number as this country's spreadsheets read it. */
static void put_number(const struct export *x, double v)
{
    char text[32];

    snprintf(text, sizeof text, "%.10g", v);
    if (x->separator == ';' && strchr(text, '.'))
        *strchr(text, '.') = ',';
    csv_put(x->out, text, x->separator);
}

static void put_value(const struct export *x, const cJSON *v)
{
    char *text = NULL;
    size_t len;

    if (cJSON_IsString(v))
        csv_put(x->out, v->valuestring, x->separator);
    else if (cJSON_IsBool(v))
        fputs(cJSON_IsTrue(v) ? "true" : "false", x->out);
    else if (cJSON_IsNumber(v))
        put_number(x, v->valuedouble);
    else if (cJSON_IsArray(v)) {
        FILE *words = must(open_memstream(&text, &len));
        for (const cJSON *one = v->child; one; one = one->next)
            fprintf(words, "%s%s", one == v->child ? "" : " ", cJSON_IsString(one) ? one->valuestring : "");
        fclose(words);
        csv_put(x->out, text, x->separator);
        free(text);
    }
}

static void put_meters(const struct export *x, const cJSON *settings, const char *const *columns, size_t n)
{
    for (const cJSON *b = json_first(json_get(settings, "buses")); b; b = b->next)
        for (const cJSON *m = json_first(json_get(b, "meters")); m; m = m->next) {
            csv_put(x->out, json_text(b, "key", ""), x->separator);
            for (size_t i = 1; i < n; i++) {
                putc(x->separator, x->out);
                put_value(x, json_get(m, columns[i]));
            }
            fputs(x->line_end, x->out);
        }
}

static void put_all(const struct export *x, const cJSON *settings)
{
    const char *columns[64], *name;
    size_t n = 0;

    for (; n < ARRAY_LEN(basic); n++)
        columns[n] = basic[n];
    for (size_t i = 0; n < ARRAY_LEN(columns) && (name = meters_file_column(i)); i++)
        if (is_wanted(x, settings, name))
            columns[n++] = name;
    for (size_t i = 0; i < n; i++)
        fprintf(x->out, "%.*s%s", i > 0, &x->separator, columns[i]);
    fputs(x->line_end, x->out);
    put_meters(x, settings, columns, n);
}

static int write_to(struct export *x, const cJSON *settings, const char *path)
{
    bool out = strcmp(path, "-") == 0, failed;
    char *text = NULL;
    size_t len = 0;

    x->out = must(open_memstream(&text, &len));
    if (x->separator == ';')
        fputs("\xef\xbb\xbf", x->out); /* by which they know that it is UTF-8 */
    put_all(x, settings);
    fclose(x->out);
    FILE *file = out ? stdout : fopen(path, "we");
    failed = !file || fwrite(text, 1, len, file) != len;
    failed = (file && (out ? fflush(file) : fclose(file)) != 0) || failed;
    free(text);
    if (failed) {
        say_fail("%s: %s", path, strerror(errno));
        return CTL_REFUSED;
    }
    if (!out)
        say_line(SAY_PLAIN, "%s: %zu meters", path, count_meters(settings));
    return CTL_OK;
}

int verb_meters_export(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct export x = {.separator = ',', .line_end = "\n"};
    bool semicolon = false;
    const struct verb_option options[] = {{"all", 'a', &x.all, NULL}, {"semicolon", 0, &semicolon, NULL}};
    struct answer a = {0};
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 0, 1);

    if (rc == CTL_OK)
        rc = call(c, "GET", "/api/v1/settings", NULL, &a);
    if (semicolon) {
        x.separator = ';';
        x.line_end = "\r\n";
    }
    if (rc == CTL_OK)
        rc = write_to(&x, a.json, argc ? argv[0] : "-");
    answer_free(&a);
    return rc;
}
