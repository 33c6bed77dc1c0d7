/* The walk: a tree against the table of keys, and into the struct. */
#include "core/settings_table.h"

#include "core/num.h"
#include "core/settings.h"
#include "core/settings_layer.h"
#include "core/utf8.h"
#include "core/util.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define PATH_ROOM  256
#define VALUE_ROOM 64 /* of a wrong value, as much as a message shows */

/* Where the walk is: the path of the value at hand. */
struct walk {
    struct settings_errors *errors;
    char path[PATH_ROOM];
    size_t len;
};

/* Go down one step in the path. Returns what brings it back by leave(). */
PRINTF_LIKE(2, 3) static size_t enter(struct walk *w, const char *fmt, ...)
{
    size_t before = w->len;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(w->path + w->len, sizeof w->path - w->len, fmt, ap);
    va_end(ap);
    w->len = strlen(w->path);
    return before;
}

static void leave(struct walk *w, size_t before)
{
    w->len = before;
    w->path[before] = '\0';
}

static size_t enter_name(struct walk *w, const char *name)
{
    return enter(w, "%s%s", w->len ? "." : "", name);
}

/* The whole has no path of its own. */
static const char *here(const struct walk *w)
{
    return w->len ? w->path : "settings";
}

/* A wrong value as a message shows it: as JSON, cut; never one that is or may hold a secret. */
static const char *value_text(const struct setting *r, const cJSON *v, char out[VALUE_ROOM])
{
    static const char dots[] = "…";

    if (r && r->flags & (SETTING_SECRET | SETTING_SECRET_IF_BAD))
        return "the value";
    if (cJSON_IsObject(v))
        return "an object";
    if (cJSON_IsArray(v))
        return "a list";
    if (cJSON_IsNumber(v) && isinf(v->valuedouble))
        return "so large a number";
    char *json = must(cJSON_PrintUnformatted(v));
    size_t n = utf8_fit(json, VALUE_ROOM - sizeof dots);
    snprintf(out, VALUE_ROOM, "%.*s%s", (int)n, json, json[n] ? dots : "");
    cJSON_free(json);
    return out;
}

/* "<value> is not <what>"; what is allowed. */
static bool wrong(struct walk *w, const struct setting *r, const cJSON *v, const char *what)
{
    char text[VALUE_ROOM];

    settings_error_allow(w->errors, here(w), what, "%s is not %s", value_text(r, v, text), what);
    return false;
}

static bool out_of_range(struct walk *w, const struct setting *r, const cJSON *v)
{
    char *(*put)(char *, int64_t) = r->kind == SETTING_MILLI ? num_put_milli : num_put_int;
    char min[NUM_MAX + 1], max[NUM_MAX + 1], what[2 * NUM_MAX + 16], text[VALUE_ROOM];

    *put(min, r->min) = '\0';
    *put(max, r->max) = '\0';
    snprintf(what, sizeof what, "%s to %s", min, max);
    settings_error_allow(w->errors, here(w), what, "%s is not in %s", value_text(r, v, text), what);
    return false;
}

static bool take_bool(struct walk *w, const struct setting *r, const cJSON *v, void *dst)
{
    if (!cJSON_IsBool(v))
        return wrong(w, r, v, "true or false");
    *(bool *)dst = cJSON_IsTrue(v);
    return true;
}

static bool take_int(struct walk *w, const struct setting *r, const cJSON *v, void *dst)
{
    if (!cJSON_IsNumber(v))
        return wrong(w, r, v, "a number");
    if (v->valuedouble < (double)r->min || v->valuedouble > (double)r->max)
        return out_of_range(w, r, v);
    if (v->valuedouble != floor(v->valuedouble))
        return wrong(w, r, v, "a whole number");
    *(int *)dst = (int)v->valuedouble;
    return true;
}

static bool take_milli(struct walk *w, const struct setting *r, const cJSON *v, void *dst)
{
    double milli = round(v->valuedouble * 1000);

    if (!cJSON_IsNumber(v))
        return wrong(w, r, v, "a number");
    if (milli < (double)r->min || milli > (double)r->max)
        return out_of_range(w, r, v);
    /* of all numbers that round to it, the one that a reader makes of the decimal itself */
    if (milli / 1000 != v->valuedouble)
        return wrong(w, r, v, "a number with at most three decimals");
    *(int *)dst = (int)milli;
    return true;
}

static bool take_choice(struct walk *w, const struct setting *r, const cJSON *v, void *dst)
{
    const struct setting_choice *choice = setting_choice(r, v);
    char what[256] = "one of ";
    size_t len = strlen(what);

    if (choice) {
        *(int *)dst = choice->value;
        return true;
    }
    for (const struct setting_choice *c = r->choices; c->text; c++)
        len += (size_t)snprintf(what + len, sizeof what - len, "%s%s", c == r->choices ? "" : ", ", c->text);
    if (!r->choices[1].text)
        snprintf(what, sizeof what, "%s, the only one that this program knows", r->choices[0].text);
    return wrong(w, r, v, what);
}

static bool take_text(struct walk *w, const struct setting *r, const cJSON *v, void *dst)
{
    if (!cJSON_IsString(v))
        return wrong(w, r, v, "a string");
    size_t n = utf8_count(v->valuestring);
    if (n < (size_t)r->min || n > (size_t)r->max) {
        char what[64];
        if (r->min == r->max)
            snprintf(what, sizeof what, "%d characters long", (int)r->min);
        else
            snprintf(what, sizeof what, "%d to %d characters long", (int)r->min, (int)r->max);
        return wrong(w, r, v, what);
    }
    if (!r->format->ok(v->valuestring))
        return wrong(w, r, v, r->format->what);
    *(char **)dst = must(strdup(v->valuestring));
    return true;
}

static bool take_scalar(struct walk *w, const struct setting *r, const cJSON *v, void *dst)
{
    static bool (*const takers[])(struct walk *, const struct setting *, const cJSON *, void *) = {
        [SETTING_BOOL] = take_bool,     [SETTING_INT] = take_int,   [SETTING_MILLI] = take_milli,
        [SETTING_CHOICE] = take_choice, [SETTING_TEXT] = take_text,
    };

    return takers[r->kind](w, r, v, dst);
}

static void set_default(const struct setting *r, void *dst, int number, const char *text)
{
    if (r->kind == SETTING_BOOL)
        *(bool *)dst = number;
    else if (r->kind == SETTING_TEXT)
        *(char **)dst = text ? must(strdup(text)) : NULL;
    else
        *(int *)dst = number;
}

static void take_object(struct walk *w, const char *prefix, const cJSON *o, void *base);

static size_t element_size(const struct setting *r)
{
    return r->kind == SETTING_OBJECT ? r->size : r->kind == SETTING_TEXT ? sizeof(char *) : sizeof(int);
}

/* An object; where it is none its members count as not given. */
static void take_section(struct walk *w, const struct setting *r, const char *prefix, const cJSON *v, void *base)
{
    if (!cJSON_IsObject(v))
        wrong(w, r, v, "an object");
    take_object(w, prefix, cJSON_IsObject(v) ? v : NULL, base);
}

static bool is_first(struct walk *w, const struct setting *r, const cJSON *list, const cJSON *v)
{
    char text[VALUE_ROOM];

    for (const cJSON *u = list->child; u != v; u = u->next) {
        if (cJSON_Compare(u, v, true)) {
            settings_error_add(w->errors, w->path, "%s is there twice", value_text(r, v, text));
            return false;
        }
    }
    return true;
}

/* Each member of the list into the array at dst, which has room for list_max. */
static bool take_members(struct walk *w, const struct setting *r, const cJSON *list, char *dst)
{
    char prefix[LAYER_PREFIX];
    bool ok = true;
    unsigned i = 0;

    for (const cJSON *v = list->child; v && i < r->list_max; v = v->next, i++) {
        size_t back = enter(w, "[%u]", i);
        if (r->kind == SETTING_OBJECT)
            take_section(w, r, layer_members(r, prefix), v, dst);
        else if (!take_scalar(w, r, v, dst) || (r->flags & SETTING_UNIQUE && !is_first(w, r, list, v)))
            ok = false;
        leave(w, back);
        dst += element_size(r);
    }
    return ok;
}

static void take_list(struct walk *w, const struct setting *r, const cJSON *list, char *base)
{
    bool allocated = r->kind == SETTING_OBJECT || r->kind == SETTING_TEXT;
    size_t n = (size_t)cJSON_GetArraySize(list);
    char *dst = base + r->offset;

    if (n == 0 && !allocated)
        settings_error_add(w->errors, w->path, "is empty");
    if (n == 0)
        return;
    bool ok = n <= r->list_max;
    if (!ok) {
        settings_error_add(w->errors, w->path, "%zu members are more than %u", n, r->list_max);
        n = r->list_max;
    }
    if (allocated) {
        void *array = must(calloc(n, element_size(r)));
        memcpy(dst, &array, sizeof array);
        dst = array;
    }
    ok = take_members(w, r, list, dst) && ok;
    if (r->count && (ok || allocated)) /* a list of numbers with a mistake counts as not given */
        *(size_t *)(base + r->count) = n;
}

/* One value of the tree by its row. Where it is wrong the struct says "not given". */
static void take_value(struct walk *w, const struct setting *r, const cJSON *v, char *base)
{
    if (r->kind == SETTING_OBJECT && r->shape == SETTING_ONE) {
        take_section(w, r, r->path, v, base);
        return;
    }
    if (r->shape != SETTING_LIST)
        set_default(r, base + r->offset, r->kind == SETTING_BOOL ? false : SETTING_UNSET, NULL);
    if (r->shape != SETTING_ONE && cJSON_IsArray(v))
        take_list(w, r, v, base);
    else if (r->shape == SETTING_LIST)
        wrong(w, r, v, "a list");
    else
        take_scalar(w, r, v, base + r->offset);
}

static void take_missing(struct walk *w, const struct setting *r, char *base, bool required)
{
    if (r->kind == SETTING_OBJECT && r->shape == SETTING_ONE)
        take_object(w, r->path, NULL, base);
    else if (r->shape != SETTING_LIST)
        set_default(r, base + r->offset, r->def, r->def_text);
    if (required && r->flags & SETTING_REQUIRED)
        settings_error_add(w->errors, w->path, "is missing");
}

static void unknown_key(struct walk *w, const cJSON *v)
{
    size_t back = setting_step(w->path, sizeof w->path, v->string);

    settings_error_add(w->errors, w->path, "unknown key");
    leave(w, back);
}

/* The members of an object by the rows below prefix; o is NULL for a section that is not there or is none. */
static void take_object(struct walk *w, const char *prefix, const cJSON *o, void *base)
{
    bool *seen = must(calloc(settings_table_len, sizeof *seen));

    for (const cJSON *v = o ? o->child : NULL; v; v = v->next) {
        const struct setting *r = setting_row(prefix, v->string);
        if (!r) {
            unknown_key(w, v);
            continue;
        }
        size_t i = (size_t)(r - settings_table), back = enter_name(w, v->string);
        if (seen[i])
            settings_error_add(w->errors, w->path, "is given twice");
        else
            take_value(w, r, v, base);
        seen[i] = true;
        leave(w, back);
    }
    for (size_t i = 0; i < settings_table_len; i++) {
        const char *name = setting_name(&settings_table[i], prefix);
        if (!name || seen[i])
            continue;
        size_t back = enter_name(w, name);
        take_missing(w, &settings_table[i], base, o != NULL);
        leave(w, back);
    }
    free(seen);
}

void settings_walk(struct settings *s, const cJSON *tree, struct settings_errors *errors)
{
    static const struct setting whole = {.path = "", .kind = SETTING_OBJECT};
    struct walk w = {.errors = errors};

    take_section(&w, &whole, whole.path, tree, s);
}
