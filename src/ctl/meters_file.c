#include "ctl/meters_file.h"

#include "core/settings_table.h"
#include "core/utf8.h"
#include "ctl/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define METERS       "buses[*].meters[*]"
#define MISTAKES_MAX 100
#define SERIAL_MIN   1 /* units of a serial line */
#define SERIAL_MAX   247
#define BUSES_SHOWN  5
#define SHOWN        60 /* bytes of a cell in a message */

PRINTF_LIKE(4, 5)
static void add(struct meters_file *f, unsigned line, unsigned column, const char *fmt, ...)
{
    va_list ap;
    char *what;

    if (f->n_mistakes > MISTAKES_MAX)
        return;
    va_start(ap, fmt);
    if (vasprintf(&what, fmt, ap) < 0)
        abort();
    va_end(ap);
    if (f->n_mistakes == MISTAKES_MAX) {
        free(what);
        what = must(strdup("there are more mistakes"));
        line = METERS_NOWHERE;
    }
    f->mistakes = grown(f->mistakes, f->n_mistakes, sizeof *f->mistakes);
    f->mistakes[f->n_mistakes++] = (struct meters_mistake){line, column, what};
}

static void on_syntax(void *ctx, unsigned line, unsigned column, const char *what)
{
    add(ctx, line, column, "%s", what);
}

/* ---- columns ---- */

static bool is_column(const struct setting *row)
{
    return setting_name(row, METERS) && row->kind != SETTING_OBJECT;
}

const char *meters_file_column(size_t i)
{
    if (i == 0)
        return "bus";
    for (size_t k = 0; k < settings_table_len; k++)
        if (is_column(&settings_table[k]) && --i == 0)
            return setting_name(&settings_table[k], METERS);
    return NULL;
}

static char *all_columns(void)
{
    char *words = must(strdup("")), *more;
    const char *name;

    for (size_t i = 0; (name = meters_file_column(i)); i++) {
        if (asprintf(&more, "%s%s%s", words, i ? ", " : "", name) < 0)
            abort();
        free(words);
        words = more;
    }
    return words;
}

static void read_column(struct meters_file *f, size_t i)
{
    const struct csv_field *field = &f->csv.fields[i];
    char name[32];

    snprintf(name, sizeof name, "%s", field->text);
    for (char *p = name; *p; p++)
        *p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
    for (size_t k = 0; k < i; k++)
        if (strcasecmp(f->csv.fields[k].text, field->text) == 0)
            add(f, field->line, field->column, "the column %s is there twice", name);
    if (strcmp(name, "bus") == 0) {
        f->bus_column = i;
        return;
    }
    f->columns[i] = setting_row(METERS, name);
    if (f->columns[i] && is_column(f->columns[i]))
        return;
    f->columns[i] = NULL;
    char *all = all_columns();
    add(f, field->line, field->column, "\"%.*s\" is no column; there are %s", SHOWN, field->text, all);
    free(all);
}

static size_t find_column(const struct meters_file *f, const char *name)
{
    size_t i = 0;

    if (strcmp(name, "bus") == 0)
        return f->bus_column;
    while (i < f->n_columns && !(f->columns[i] && strcmp(setting_name(f->columns[i], METERS), name) == 0))
        i++;
    return i;
}

static bool read_columns(struct meters_file *f)
{
    static const char *const needed[] = {"bus", "unit", "model"};
    const struct csv_record *r = f->csv.records;
    size_t before = f->n_mistakes;

    if (!f->csv.n_records) {
        add(f, 1, 1,
            "there is nothing in it: the first line names the columns (bus, unit, key, name, model, interval)");
        return false;
    }
    f->n_columns = r->n;
    f->bus_column = r->n;
    f->columns = must(calloc(r->n, sizeof *f->columns));
    for (size_t i = 0; i < r->n; i++)
        read_column(f, i);
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (find_column(f, needed[i]) == f->n_columns)
            add(f, f->csv.fields[0].line, 1, "the column %s is missing: the first line names the columns", needed[i]);
    return f->n_mistakes == before;
}

/* ---- cells ---- */

static void bad(struct meters_file *f, struct meters_row *r, const struct csv_field *field, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static void bad(struct meters_file *f, struct meters_row *r, const struct csv_field *field, const char *fmt, ...)
{
    va_list ap;
    char *what;

    va_start(ap, fmt);
    if (vasprintf(&what, fmt, ap) < 0)
        abort();
    va_end(ap);
    add(f, field ? field->line : r->line, field ? field->column : 1, "%s", what);
    free(what);
    r->bad = true;
}

/* "0.5", or "0,5" where spreadsheets write it so. */
static bool read_number(const char *text, double *v)
{
    char room[32], *end, *comma;

    if (strlen(text) >= sizeof room || strspn(text, "0123456789.,+-eE") != strlen(text))
        return false;
    snprintf(room, sizeof room, "%s", text);
    comma = strchr(room, ',');
    if (comma && !strchr(room, '.'))
        *comma = '.';
    *v = strtod(room, &end);
    return end != room && !*end && isfinite(*v);
}

static cJSON *number_cell(struct meters_file *f, struct meters_row *r, const struct setting *row,
                          const struct csv_field *field)
{
    double unit = row->kind == SETTING_MILLI ? 1000 : 1, v;
    const char *name = setting_name(row, METERS);
    bool serial = r->serial && strcmp(name, "unit") == 0;
    double min = serial ? SERIAL_MIN : (double)row->min / unit, max = serial ? SERIAL_MAX : (double)row->max / unit;

    if (!read_number(field->text, &v))
        bad(f, r, field, "%s \"%.*s\" is no number", name, SHOWN, field->text);
    else if (fabs(v * unit - nearbyint(v * unit)) > 1e-6)
        bad(f, r, field, "%s %s %s", name, field->text,
            unit > 1 ? "has more than three decimals" : "is no whole number");
    else if (v < min || v > max)
        bad(f, r, field, "%s %s is not in %.10g to %.10g", name, field->text, min, max);
    else
        return must(cJSON_CreateNumber(nearbyint(v * unit) / unit));
    return NULL;
}

/* As people write it, and as spreadsheets of this country do. */
static cJSON *bool_cell(struct meters_file *f, struct meters_row *r, const struct setting *row,
                        const struct csv_field *field)
{
    static const char *const words[2][7] = {{"false", "no", "off", "0", "onwaar", "faux", "falsch"},
                                            {"true", "yes", "on", "1", "waar", "vrai", "wahr"}};

    for (int on = 0; on < 2; on++)
        for (size_t i = 0; i < ARRAY_LEN(words[0]); i++)
            if (strcasecmp(field->text, words[on][i]) == 0)
                return must(cJSON_CreateBool(on));
    bad(f, r, field, "%s \"%.*s\" is neither true nor false", setting_name(row, METERS), SHOWN, field->text);
    return NULL;
}

/* One text that the row takes. */
static bool is_text(struct meters_file *f, struct meters_row *r, const struct setting *row,
                    const struct csv_field *field, const char *text)
{
    const char *name = setting_name(row, METERS);
    size_t n = utf8_count(text);

    if (n < (size_t)row->min || n > (size_t)row->max)
        bad(f, r, field, "%s \"%.*s\" has %zu characters; %lld to %lld are allowed", name, (int)utf8_fit(text, SHOWN),
            text, n, (long long)row->min, (long long)row->max);
    else if (row->format && !row->format->ok(text))
        bad(f, r, field, "%s \"%.*s\" is not %s", name, (int)utf8_fit(text, SHOWN), text, row->format->what);
    else
        return true;
    return false;
}

/* "power energy_import" */
static cJSON *list_cell(struct meters_file *f, struct meters_row *r, const struct setting *row,
                        const struct csv_field *field)
{
    cJSON *list = must(cJSON_CreateArray());
    char *copy = must(strdup(field->text)), *rest = copy;

    for (char *one; (one = strsep(&rest, " ,;\t\n"));)
        if (*one && is_text(f, r, row, field, one))
            cJSON_AddItemToArray(list, must(cJSON_CreateString(one)));
    free(copy);
    return list;
}

static void read_cell(struct meters_file *f, struct meters_row *r, size_t i)
{
    const struct setting *row = f->columns[i];
    const struct csv_field *field = csv_field(&f->csv, r->record, i);
    const char *name = setting_name(row, METERS);
    cJSON *v;

    if (!field || !*field->text) {
        if (row->flags & SETTING_REQUIRED)
            bad(f, r, field, "%s is missing", name);
        must(cJSON_AddNullToObject(r->values, name));
        return;
    }
    if (row->kind == SETTING_BOOL)
        v = bool_cell(f, r, row, field);
    else if (row->kind == SETTING_INT || row->kind == SETTING_MILLI)
        v = number_cell(f, r, row, field);
    else if (row->shape == SETTING_LIST)
        v = list_cell(f, r, row, field);
    else
        v = is_text(f, r, row, field, field->text) ? must(cJSON_CreateString(field->text)) : NULL;
    if (v)
        cJSON_AddItemToObject(r->values, name, v);
}

/* ---- rows ---- */

const cJSON *meters_file_bus(const cJSON *settings, const char *key)
{
    for (const cJSON *b = json_first(json_get(settings, "buses")); b; b = b->next)
        if (strcmp(json_text(b, "key", ""), key) == 0)
            return b;
    return NULL;
}

const cJSON *meters_file_meter(const cJSON *bus, const char *key)
{
    for (const cJSON *m = json_first(json_get(bus, "meters")); m; m = m->next)
        if (strcmp(json_text(m, "key", ""), key) == 0)
            return m;
    return NULL;
}

/* "line1, line2 ..." */
static char *all_buses(const cJSON *settings)
{
    char *words = must(strdup("")), *more;
    int n = 0;

    for (const cJSON *b = json_first(json_get(settings, "buses")); b && n <= BUSES_SHOWN; b = b->next, n++) {
        if (asprintf(&more, "%s%s%s", words, n ? ", " : "", n == BUSES_SHOWN ? "..." : json_text(b, "key", "?")) < 0)
            abort();
        free(words);
        words = more;
    }
    return words;
}

static void read_bus(struct meters_file *f, struct meters_row *r, const cJSON *settings)
{
    const struct csv_field *field = csv_field(&f->csv, r->record, f->bus_column);

    if (!field || !*field->text) {
        bad(f, r, field, "bus is missing");
        return;
    }
    const cJSON *bus = meters_file_bus(settings, field->text);
    r->bus = field->text;
    r->serial = json_get(bus, "device") != NULL;
    if (bus)
        return;
    char *all = all_buses(settings);
    if (*all)
        bad(f, r, field, "bus \"%.*s\" is not in the settings; there are %s", SHOWN, r->bus, all);
    else
        bad(f, r, field, "bus \"%.*s\" is not in the settings: fluksoctl settings set buses.%.*s.device=/dev/...",
            SHOWN, r->bus, SHOWN, r->bus);
    free(all);
}

static void read_row(struct meters_file *f, const struct csv_record *record, const cJSON *settings)
{
    const struct csv_field *first = csv_field(&f->csv, record, 0);
    struct meters_row r = {.record = record, .line = first->line, .values = must(cJSON_CreateObject())};

    for (size_t i = f->n_columns; i < record->n; i++) {
        const struct csv_field *field = csv_field(&f->csv, record, i);
        if (*field->text)
            bad(f, &r, field, "\"%.*s\" is in no column: the first line names %zu", SHOWN, field->text, f->n_columns);
    }
    read_bus(f, &r, settings);
    for (size_t i = 0; i < f->n_columns; i++)
        if (f->columns[i])
            read_cell(f, &r, i);
    r.unit = json_number(r.values, "unit", -1);
    const char *key = json_text(r.values, "key", NULL);
    r.key = key ? must(strdup(key)) : NULL;
    cJSON_DeleteItemFromObjectCaseSensitive(r.values, "key");
    f->rows = grown(f->rows, f->n_rows, sizeof *f->rows);
    f->rows[f->n_rows++] = r;
}

/* ---- keys ---- */

static const struct meters_row *row_with_key(const struct meters_file *f, const char *key)
{
    for (size_t i = 0; i < f->n_rows; i++)
        if (f->rows[i].key && strcmp(f->rows[i].key, key) == 0)
            return &f->rows[i];
    return NULL;
}

static bool is_taken(const struct meters_file *f, const cJSON *settings, const char *key)
{
    for (const cJSON *b = json_first(json_get(settings, "buses")); b; b = b->next)
        if (meters_file_meter(b, key))
            return true;
    return row_with_key(f, key) != NULL;
}

/* The key of the meter that is there with this unit; NULL: none is. */
static const char *key_of_unit(const cJSON *settings, const struct meters_row *r)
{
    const cJSON *bus = r->bus ? meters_file_bus(settings, r->bus) : NULL;

    for (const cJSON *m = json_first(json_get(bus, "meters")); m; m = m->next)
        if (json_number(m, "unit", -1) == r->unit)
            return json_text(m, "key", NULL);
    return NULL;
}

/* Of a row without one: the meter's that has this unit, else made of its name, as the gateway makes it. */
static void give_key(struct meters_file *f, struct meters_row *r, const cJSON *settings)
{
    char base[SETTING_METER_KEY_MAX + 1], key[SETTING_METER_KEY_MAX + 16];
    const char *there = key_of_unit(settings, r);
    unsigned n = 1;

    if (there && !row_with_key(f, there)) {
        r->key = must(strdup(there));
        return;
    }
    setting_key_fold(json_text(r->values, "name", ""), base);
    if (!*base)
        snprintf(base, sizeof base, "unit-%.0f", r->unit);
    snprintf(key, sizeof key, "%s", base);
    while (is_taken(f, settings, key)) {
        int room = SETTING_METER_KEY_MAX - 1 - snprintf(NULL, 0, "%u", ++n);
        snprintf(key, sizeof key, "%.*s-%u", room, base, n);
    }
    r->key = must(strdup(key));
}

/* ---- rows that meet ---- */

static void find_doubles(struct meters_file *f)
{
    for (size_t i = 0; i < f->n_rows; i++) {
        struct meters_row *r = &f->rows[i];
        for (size_t k = 0; k < i; k++) {
            const struct meters_row *o = &f->rows[k];
            if (r->key && o->key && strcmp(r->key, o->key) == 0) {
                bad(f, r, csv_field(&f->csv, r->record, find_column(f, "key")), "key \"%s\" stands in line %u already",
                    r->key, o->line);
                break;
            }
            if (r->bus && o->bus && r->unit >= 0 && r->unit == o->unit && strcmp(r->bus, o->bus) == 0) {
                bad(f, r, csv_field(&f->csv, r->record, find_column(f, "unit")),
                    "unit %.0f of bus %s stands in line %u already", r->unit, r->bus, o->line);
                break;
            }
        }
    }
}

/* A new meter that is enabled needs a name. */
static void find_nameless(struct meters_file *f, struct meters_row *r, const cJSON *settings)
{
    size_t column = find_column(f, "name");
    const cJSON *bus = r->bus ? meters_file_bus(settings, r->bus) : NULL;
    bool was = bus && json_get(meters_file_meter(bus, r->key), "name");
    const cJSON *enable = json_get(r->values, "enable");

    if (json_get(r->values, "name") || cJSON_IsFalse(enable) || (was && column == f->n_columns))
        return;
    bad(f, r, csv_field(&f->csv, r->record, column), "name is missing: sensors are called by it");
}

void meters_file_read(struct meters_file *f, const char *text, size_t len, const cJSON *settings)
{
    *f = (struct meters_file){0};
    if (csv_parse(&f->csv, text, len, on_syntax, f) < 0 || !read_columns(f))
        return;
    for (size_t i = 1; i < f->csv.n_records; i++)
        read_row(f, &f->csv.records[i], settings);
    find_doubles(f);
    for (size_t i = 0; i < f->n_rows; i++) {
        if (!f->rows[i].key)
            give_key(f, &f->rows[i], settings);
        if (!f->rows[i].bad)
            find_nameless(f, &f->rows[i], settings);
    }
}

void meters_file_free(struct meters_file *f)
{
    for (size_t i = 0; i < f->n_rows; i++) {
        free(f->rows[i].key);
        cJSON_Delete(f->rows[i].values);
    }
    for (size_t i = 0; i < f->n_mistakes; i++)
        free(f->mistakes[i].what);
    free(f->rows);
    free(f->mistakes);
    free(f->columns);
    csv_free(&f->csv);
}
