/* What a table of meters changes, and whose row an error of the gateway is about. */
#include "core/settings_merge.h"
#include "core/settings_table.h"
#include "ctl/json.h"
#include "ctl/meters_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the change ---- */

static cJSON *object_in(cJSON *o, const char *name)
{
    cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

    return v ? v : must(cJSON_AddObjectToObject(o, name));
}

/* The place of the meters of a bus in the patch. */
static cJSON *meters_in(cJSON *patch, const char *bus)
{
    return object_in(object_in(object_in(patch, "buses"), bus), "meters");
}

/* The bus where a meter with this key is; NULL: nowhere. */
static const cJSON *bus_of(const cJSON *settings, const char *key)
{
    for (const cJSON *b = json_first(json_get(settings, "buses")); b; b = b->next)
        if (meters_file_meter(b, key))
            return b;
    return NULL;
}

/* A meter that moves takes along what the file does not say of it. */
static cJSON *moved(cJSON *patch, const cJSON *from, const char *key)
{
    cJSON *meter = must(cJSON_Duplicate(meters_file_meter(from, key), true));

    cJSON_DeleteItemFromObjectCaseSensitive(meter, "key");
    must(cJSON_AddNullToObject(meters_in(patch, json_text(from, "key", "")), key));
    return meter;
}

static void add_row(cJSON *patch, const struct meters_row *r, const cJSON *settings)
{
    const cJSON *from = bus_of(settings, r->key);
    bool moves = from && strcmp(json_text(from, "key", ""), r->bus) != 0;
    cJSON *meter = moves ? moved(patch, from, r->key) : must(cJSON_CreateObject());

    for (const cJSON *v = r->values->child; v; v = v->next) {
        cJSON_DeleteItemFromObjectCaseSensitive(meter, v->string);
        if (!cJSON_IsNull(v) || (from && !moves)) /* of a new one nothing need be removed */
            cJSON_AddItemToObject(meter, v->string, must(cJSON_Duplicate(v, true)));
    }
    cJSON_AddItemToObject(meters_in(patch, r->bus), r->key, meter);
}

static bool has_key(const struct meters_file *f, const char *key)
{
    for (size_t i = 0; i < f->n_rows; i++)
        if (f->rows[i].key && strcmp(f->rows[i].key, key) == 0)
            return true;
    return false;
}

static void remove_others(cJSON *patch, const struct meters_file *f, const cJSON *settings)
{
    for (const cJSON *b = json_first(json_get(settings, "buses")); b; b = b->next)
        for (const cJSON *m = json_first(json_get(b, "meters")); m; m = m->next)
            if (json_text(m, "key", NULL) && !has_key(f, json_text(m, "key", "")))
                must(cJSON_AddNullToObject(meters_in(patch, json_text(b, "key", "")), json_text(m, "key", "")));
}

cJSON *meters_file_patch(const struct meters_file *f, const cJSON *settings, bool replace)
{
    cJSON *patch = must(cJSON_CreateObject());

    for (size_t i = 0; i < f->n_rows; i++)
        if (!f->rows[i].bad)
            add_row(patch, &f->rows[i], settings);
    if (replace)
        remove_others(patch, f, settings);
    return patch;
}

/* ---- what the gateway says of it ---- */

/* "buses[1].meters[3].unit": the gateway counts as people see the lists, sorted. Sets bus, meter and the member. */
static bool by_index(const cJSON *whole, const char *path, const cJSON **bus, const cJSON **meter, const char **member)
{
    unsigned i, k;
    int n = 0;

    if (sscanf(path, "buses[%u].meters[%u]%n", &i, &k, &n) != 2 || !n)
        return false;
    *bus = cJSON_GetArrayItem(json_get(whole, "buses"), (int)i);
    *meter = cJSON_GetArrayItem(json_get(*bus, "meters"), (int)k);
    *member = path[n] == '.' ? path + n + 1 : path + n;
    return *meter != NULL;
}

/* "buses.line1.meters.boiler.unit": of what is no setting at all. */
static bool by_name(const cJSON *whole, const char *path, const cJSON **bus, const cJSON **meter, const char **member)
{
    char bus_key[64], key[64];
    int n = 0;

    if (sscanf(path, "buses.%63[^.].meters.%63[^.]%n", bus_key, key, &n) != 2 || !n)
        return false;
    *bus = meters_file_bus(whole, bus_key);
    *meter = meters_file_meter(*bus, key);
    *member = path[n] == '.' ? path + n + 1 : path + n;
    return *meter != NULL;
}

static const struct meters_row *row_of(const struct meters_file *f, const cJSON *bus, const cJSON *meter)
{
    for (size_t i = 0; i < f->n_rows; i++)
        if (!f->rows[i].bad && strcmp(f->rows[i].key, json_text(meter, "key", "")) == 0 &&
            strcmp(f->rows[i].bus, json_text(bus, "key", "")) == 0)
            return &f->rows[i];
    return NULL;
}

/* A patch whose meters say their keys themselves, so that they keep them in the list that they become. */
static cJSON *with_keys(const cJSON *patch)
{
    cJSON *copy = must(cJSON_Duplicate(patch, true)), *bus, *meter;

    cJSON_ArrayForEach(bus, cJSON_GetObjectItemCaseSensitive(copy, "buses"))
        cJSON_ArrayForEach(meter, cJSON_GetObjectItemCaseSensitive(bus, "meters")) if (cJSON_IsObject(meter))
            must(cJSON_AddStringToObject(meter, "key", meter->string));
    return copy;
}

/* A meter that an error is about, or names. */
struct found {
    const cJSON *bus, *meter;
    const char *member; /* behind the meter's path, "" */
};

static bool find(const cJSON *whole, const char *path, struct found *x)
{
    return by_index(whole, path, &x->bus, &x->meter, &x->member) ||
           by_name(whole, path, &x->bus, &x->meter, &x->member);
}

/* The other meter of "7 is the unit of buses[0].meters[1] too": where its name begins, and how long it is. */
static const char *other(const cJSON *whole, const char *message, struct found *x, size_t *len)
{
    const char *at = strstr(message, "buses[");
    int n = 0;

    if (!at || !find(whole, at, x) || sscanf(at, "buses[%*u].meters[%*u]%n", &n) < 0 || !n)
        return NULL;
    *len = (size_t)n;
    return at;
}

/* The message, in which a meter is called as people know it: an index tells nobody which it is. */
static char *named(const char *message, const char *at, size_t len, const struct found *x)
{
    char *text;

    if (!at)
        return must(strdup(message));
    if (asprintf(&text, "%.*smeter %s of bus %s%s", (int)(at - message), message, json_text(x->meter, "key", "?"),
                 json_text(x->bus, "key", "?"), at + len) < 0)
        abort();
    return text;
}

static void add_mistake(struct meters_file *f, unsigned line, unsigned column, char *what)
{
    f->mistakes = grown(f->mistakes, f->n_mistakes, sizeof *f->mistakes);
    f->mistakes[f->n_mistakes++] = (struct meters_mistake){line, column, what};
}

/* Where in the row the member is said; NULL: it is not. */
static const struct csv_field *field_of(const struct meters_file *f, const struct meters_row *r, const char *member)
{
    for (size_t i = 0; i < f->n_columns; i++)
        if (f->columns[i] && strcmp(setting_name(f->columns[i], "buses[*].meters[*]"), member) == 0)
            return csv_field(&f->csv, r->record, i);
    return NULL;
}

/* Of two meters that meet the gateway blames the second; who wrote the table wants to know of the one in it. */
static void refused(struct meters_file *f, const cJSON *whole, const char *path, const char *message)
{
    struct found own = {0}, second = {0};
    bool known = find(whole, path, &own);
    const struct meters_row *r = known ? row_of(f, own.bus, own.meter) : NULL;
    size_t len = 0;
    const char *at = other(whole, message, &second, &len), *member = known ? own.member : path;
    const struct meters_row *swapped = known && !r && at ? row_of(f, second.bus, second.meter) : NULL;
    char *words = named(message, at, len, swapped ? &own : &second), *what;

    r = swapped ? swapped : r;
    const struct csv_field *field = r ? field_of(f, r, member) : NULL;
    int rc = r       ? asprintf(&what, "%s%s%s", member, *member ? " " : "", words)
             : known ? asprintf(&what, "meter %s of bus %s, which is there already: %s %s",
                                json_text(own.meter, "key", "?"), json_text(own.bus, "key", "?"), member, words)
                     : asprintf(&what, "%s: %s", path, words);
    if (rc < 0)
        abort();
    free(words);
    add_mistake(f, r ? r->line : METERS_NOWHERE, field ? field->column : 1, what);
}

void meters_file_refused(struct meters_file *f, const cJSON *settings, const cJSON *patch, const char *path,
                         const char *message)
{
    cJSON *keyed = with_keys(patch), *whole = settings_patch(settings, keyed);

    settings_sort(whole);
    refused(f, whole, path, message);
    cJSON_Delete(keyed);
    cJSON_Delete(whole);
}

static int by_place(const void *a, const void *b)
{
    const struct meters_mistake *x = a, *y = b;
    int order = (x->line > y->line) - (x->line < y->line);

    return order ? order : (x->column > y->column) - (x->column < y->column);
}

void meters_file_sort(struct meters_file *f)
{
    if (f->n_mistakes)
        qsort(f->mistakes, f->n_mistakes, sizeof *f->mistakes, by_place);
}
