#include "core/settings_derived.h"

#include "core/settings.h"
#include "core/settings_rules.h"
#include "core/settings_table.h"
#include "core/util.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

static const struct {
    const char *name;  /* in `ids` */
    const char *words; /* behind the member's name */
    const char *ident; /* what its id derives from */
    enum derive_kind kind;
    enum sensor_subtype subtype; /* of a sum that of its parts */
} sides[DERIVED_SIDES] = {
    [DERIVED_SUM] = {"sum", "", "sum", DERIVE_SUM, SUBTYPE_NONE},
    [DERIVED_IMPORT] = {"import", "import", "pplus", DERIVE_NET, SUBTYPE_PPLUS},
    [DERIVED_EXPORT] = {"export", "export", "pminus", DERIVE_NET, SUBTYPE_PMINUS},
    [DERIVED_QUARTER] = {"quarter", "quarter", "quarter", DERIVE_PEAK, SUBTYPE_NONE},
    [DERIVED_FORECAST] = {"forecast", "forecast", "forecast", DERIVE_PEAK, SUBTYPE_NONE},
    [DERIVED_MONTH] = {"month_peak", "month peak", "month-peak", DERIVE_PEAK, SUBTYPE_NONE},
};

#define SENSORS_MAX 3 /* of one member */

static const char *const kind_names[] = {[DERIVE_SUM] = "sum", [DERIVE_NET] = "net pair", [DERIVE_PEAK] = "peak"};

const char *settings_derived_name(const struct sensor_settings *x)
{
    return sides[x->derived].name;
}

const char *settings_derived_words(const struct sensor_settings *x)
{
    return sides[x->derived].words;
}

void settings_derived_ident(const char *device_id, const struct derive_settings *d, const struct sensor_settings *x,
                            char id[IDENT_LEN + 1])
{
    char key[80];

    snprintf(key, sizeof key, "derive/%s/%s", d->key, sides[x->derived].ident);
    ident_derive(device_id, key, id);
}

static bool is_grid(const struct derive_settings *d)
{
    return d->key && strcmp(d->key, DERIVE_GRID) == 0;
}

/* ---- the pair over the clamps ---- */

static bool is_clamp_side(const struct settings *s, const struct sensor_settings *x, enum sensor_subtype side)
{
    return x->made == MADE_PORT && x->subtype == side && x->enable && x->name && s->phase != PHASE_1P;
}

/* The names of the clamps' sensors of one side, as a new list; NULL: there are not two. */
static char **clamp_sides(const struct settings *s, enum sensor_subtype side, size_t *n)
{
    char **list = must(calloc(s->n_sensors + 1, sizeof *list));

    *n = 0;
    for (size_t i = 0; i < s->n_sensors; i++)
        if (is_clamp_side(s, &s->sensors[i], side))
            list[(*n)++] = must(strdup(s->sensors[i].name));
    if (*n > 1)
        return list;
    while (*n)
        free(list[--*n]);
    free(list);
    return NULL;
}

static bool has_grid(const struct settings *s)
{
    for (size_t i = 0; i < s->n_derive; i++)
        if (is_grid(&s->derive[i]))
            return true;
    return false;
}

static void add_grid(struct settings *s)
{
    size_t n;
    char **of = clamp_sides(s, SUBTYPE_PPLUS, &n);

    if (of && !has_grid(s)) {
        s->derive = must(realloc(s->derive, (s->n_derive + 1) * sizeof *s->derive));
        s->derive[s->n_derive++] = (struct derive_settings){.key = must(strdup(DERIVE_GRID)),
                                                            .name = must(strdup(DERIVE_GRID)),
                                                            .kind = DERIVE_NET,
                                                            .enable = true,
                                                            .factor_milli = {1000}};
    }
    while (of && n)
        free(of[--n]);
    free(of);
}

/* The grid's parts where nobody says them; where there are none it is off. */
static void complete_grid(struct settings *s, struct derive_settings *d)
{
    if (d->n_of || d->n_minus || !is_grid(d) || d->kind != DERIVE_NET)
        return;
    d->of = clamp_sides(s, SUBTYPE_PPLUS, &d->n_of);
    d->minus = clamp_sides(s, SUBTYPE_PMINUS, &d->n_minus);
}

/* ---- rules of one member ---- */

/* One factor per part: a single one counts for all. */
static void spread(const struct rules *r, size_t i, struct derive_settings *d)
{
    const cJSON *list = rules_given(r, i, "factors");
    size_t members = (size_t)cJSON_GetArraySize(list);

    if (!cJSON_IsArray(list))
        for (size_t k = 1; k < SETTINGS_PARTS; k++)
            d->factor_milli[k] = d->factor_milli[0];
    else if (d->n_of && members && members != d->n_of && members <= SETTINGS_PARTS)
        rules_error(r, i, "factors", "%zu values for %zu parts", members, d->n_of);
}

/* Members that say nothing of this kind. */
static void check_members(const struct rules *r, size_t i, const struct derive_settings *d)
{
    static const struct {
        const char *name;
        enum derive_kind kind;
    } members[] = {{"factors", DERIVE_SUM}, {"minus", DERIVE_NET}};
    const cJSON *ids = rules_given(r, i, "ids");

    for (size_t k = 0; k < ARRAY_LEN(members); k++)
        if (d->kind != members[k].kind && rules_given(r, i, members[k].name))
            rules_error(r, i, members[k].name, "a %s has none", kind_names[d->kind]);
    for (int side = 0; side < DERIVED_SIDES; side++) {
        char name[16];
        snprintf(name, sizeof name, "ids.%s", sides[side].name);
        if (sides[side].kind != d->kind && cJSON_GetObjectItemCaseSensitive(ids, sides[side].name))
            rules_error(r, i, name, "a %s has none", kind_names[d->kind]);
    }
    if (d->kind == DERIVE_PEAK && d->n_of > 1)
        rules_error(r, i, "of", "%zu parts, and a peak is of one", d->n_of);
}

static void check_member(const struct rules *r, size_t i)
{
    struct derive_settings *d = &r->s->derive[i];

    if (!rules_given(r, i, "kind"))
        d->kind = is_grid(d) ? DERIVE_NET : DERIVE_SUM;
    spread(r, i, d);
    if ((int)d->kind != SETTING_UNSET)
        check_members(r, i, d);
    if (!d->n_of && !(is_grid(d) && d->kind == DERIVE_NET && !d->n_minus))
        rules_error(r, i, "of", "is missing: the names or ids of the sensors that it is made of");
    if (d->enable && !rules_given(r, i, "name")) /* S2 */
        rules_error(r, i, "name", "is missing: an enabled sensor has one");
    for (size_t k = 0; k < i; k++) {
        const struct derive_settings *e = &r->s->derive[k];
        if (d->key && e->key && strcmp(d->key, e->key) == 0)
            rules_error(r, i, "key", "%s is the key of derive[%zu] too", d->key, k);
        if (d->name && e->name && strcmp(d->name, e->name) == 0)
            rules_error(r, i, "name", "%s is the name of derive[%zu] too", d->name, k);
    }
}

/* ---- its sensors ---- */

static void make_side(struct settings *s, size_t at, enum derived_side side)
{
    const struct derive_settings *d = &s->derive[at];
    struct sensor_settings *x = &s->sensors[s->n_sensors];

    *x = (struct sensor_settings){.id = d->ids[side] ? must(strdup(d->ids[side])) : NULL,
                                  .class = SENSOR_DERIVED,
                                  .enable = d->enable && d->n_of,
                                  .rid = d->rid,
                                  .made = MADE_DERIVE,
                                  .made_of = at,
                                  .number = SETTINGS_DERIVED,
                                  .derived = side,
                                  .subtype = sides[side].subtype};
    if (s->n_sensors && x[-1].made == MADE_DERIVE)
        x->number = x[-1].number + 1;
    if (d->name && asprintf(&x->name, "%s%s%s", d->name, *sides[side].words ? " " : "", sides[side].words) < 0)
        abort();
    s->n_sensors++;
}

/* One that is none was an error of its own. */
static enum derive_kind known_kind(const struct derive_settings *d)
{
    return (int)d->kind == SETTING_UNSET ? DERIVE_SUM : d->kind;
}

static void make_sensors(struct settings *s)
{
    if (!s->n_derive)
        return;
    s->sensors = must(realloc(s->sensors, (s->n_sensors + SENSORS_MAX * s->n_derive) * sizeof *s->sensors));
    for (size_t i = 0; i < s->n_derive; i++) {
        const enum derive_kind kind = known_kind(&s->derive[i]);
        for (int side = 0; side < DERIVED_SIDES; side++)
            if (sides[side].kind == kind)
                make_side(s, i, (enum derived_side)side);
    }
}

/* ---- its parts ---- */

struct finding {
    struct settings *s;
    struct settings_errors *errors; /* NULL: nobody is told, of one that is off */
    size_t at;                      /* of the member of `derive` */
    bool ids_known, whole;
};

PRINTF_LIKE(4, 5)
static void refuse(struct finding *f, const char *list, size_t k, const char *fmt, ...)
{
    char path[SETTINGS_PATH], message[400];
    va_list ap;

    f->whole = false;
    if (!f->errors)
        return;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    snprintf(path, sizeof path, "derive[%zu].%s[%zu]", f->at, list, k);
    settings_error_add(f->errors, path, "%s", message);
}

/* The sensor of this name, else of this id. */
static size_t find_sensor(const struct settings *s, const char *text)
{
    for (size_t i = 0; i < s->n_sensors; i++)
        if (s->sensors[i].name && strcmp(s->sensors[i].name, text) == 0)
            return i;
    for (size_t i = 0; i < s->n_sensors; i++)
        if (s->sensors[i].id && strcmp(s->sensors[i].id, text) == 0)
            return i;
    return DERIVE_NO_PART;
}

/* Depth one; but what is consumed in all is a sum or a net pair where there are several phases. */
static bool may_be_of(const struct finding *f, const struct derive_settings *part)
{
    return f->s->derive[f->at].kind == DERIVE_PEAK && part->kind != DERIVE_PEAK;
}

static size_t find_part(struct finding *f, const char *list, size_t k, const char *text)
{
    size_t i = text ? find_sensor(f->s, text) : DERIVE_NO_PART;
    char path[SETTINGS_PATH];

    if (!text) { /* that was an error of its own */
        f->whole = false;
        return DERIVE_NO_PART;
    }
    if (i == DERIVE_NO_PART) {
        if (!f->ids_known && sensor_id_valid(text))
            f->whole = false; /* it may be one that derives: asked again */
        else
            refuse(f, list, k, "no sensor has the name or id %s", text);
        return DERIVE_NO_PART;
    }
    if (f->s->sensors[i].made == MADE_DERIVE && !may_be_of(f, &f->s->derive[f->s->sensors[i].made_of])) {
        refuse(f, list, k, "%s is derived itself, and parts are sensors that are measured", text);
        return DERIVE_NO_PART;
    }
    if (!f->s->sensors[i].enable) {
        sensor_settings_path(f->s, i, "enable", path);
        refuse(f, list, k, "%s is off (%s)", text, path);
    }
    return i;
}

static bool same_unit(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static const char *unit_text(const char *const unit[READING_KINDS])
{
    const char *u = unit[READING_COUNTER] ? unit[READING_COUNTER] : unit[READING_GAUGE];

    return u && *u ? u : "a number without unit";
}

/* All parts of a sum have the units of the first, of a net pair W and Wh; a peak is counted by its part's counter. */
static void check_unit(struct finding *f, const char *list, size_t k, size_t part,
                       const char *const want[READING_KINDS])
{
    const char *unit[READING_KINDS];
    const struct sensor_settings *x = &f->s->sensors[part];
    const enum derive_kind made = f->s->derive[f->at].kind;

    sensor_settings_units(x, unit);
    for (int kind = 0; kind < READING_KINDS; kind++) {
        if (same_unit(unit[kind], want[kind]) || (made == DERIVE_PEAK && kind == READING_GAUGE && !unit[kind]))
            continue;
        if (made == DERIVE_PEAK)
            refuse(f, list, k, "%s is in %s, and a peak is of what has a counter in Wh", x->name, unit_text(unit));
        else if (made == DERIVE_NET)
            refuse(f, list, k, "%s is in %s, and a net pair is made of W and Wh", x->name, unit_text(unit));
        else
            refuse(f, list, k, "%s is in %s and the first part in %s: the parts of a sum are of one unit", x->name,
                   unit_text(unit), unit_text(want));
        return;
    }
}

static void find_list(struct finding *f, const char *list, char **texts, size_t n, size_t *parts)
{
    struct derive_settings *d = &f->s->derive[f->at];

    for (size_t k = 0; k < n; k++) {
        size_t part = find_part(f, list, k, texts[k]);
        for (size_t i = 0; part != DERIVE_NO_PART && i < d->n_of; i++)
            if ((parts != d->parts || i < k) && d->parts[i] == part)
                refuse(f, list, k, "%s is part of[%zu] too", texts[k], i);
        for (size_t i = 0; part != DERIVE_NO_PART && parts == d->minuses && i < k; i++)
            if (d->minuses[i] == part)
                refuse(f, list, k, "%s is minus[%zu] too", texts[k], i);
        parts[k] = part;
    }
}

static void take_units(struct finding *f, const char *unit[READING_KINDS])
{
    static const char *const net[READING_KINDS] = {[READING_GAUGE] = "W", [READING_COUNTER] = "Wh"};
    const struct derive_settings *d = &f->s->derive[f->at];

    const bool energy = d->kind == DERIVE_NET || d->kind == DERIVE_PEAK;

    memcpy(unit, net, sizeof net);
    if (!energy && d->n_of && d->parts[0] != DERIVE_NO_PART)
        sensor_settings_units(&f->s->sensors[d->parts[0]], unit);
    for (size_t k = 0; k < d->n_of; k++)
        if (d->parts[k] != DERIVE_NO_PART && (energy || d->parts[0] != DERIVE_NO_PART))
            check_unit(f, "of", k, d->parts[k], unit);
    for (size_t k = 0; k < d->n_minus; k++)
        if (d->minuses[k] != DERIVE_NO_PART)
            check_unit(f, "minus", k, d->minuses[k], unit);
}

/* What its sensors take over of the parts: the unit, and type and subtype where all have one. */
static void take_over(const struct finding *f, struct sensor_settings *x, const char *const unit[READING_KINDS])
{
    const struct settings *s = f->s;
    const struct derive_settings *d = &s->derive[f->at];

    for (size_t k = 0; f->whole && k < d->n_of + d->n_minus; k++) {
        const struct sensor_settings *p = &s->sensors[k < d->n_of ? d->parts[k] : d->minuses[k - d->n_of]];
        x->type = k && x->type != p->type ? SENSOR_OTHER : p->type;
        if (d->kind == DERIVE_SUM)
            x->subtype = k && x->subtype != p->subtype ? SUBTYPE_NONE : p->subtype;
    }
    for (int kind = 0; kind < READING_KINDS; kind++)
        x->unit[kind] = f->whole || d->kind == DERIVE_NET || d->kind == DERIVE_PEAK ? unit[kind] : NULL;
    if (d->kind == DERIVE_PEAK) /* averages */
        x->unit[READING_COUNTER] = NULL;
    x->report = d->report && sensor_settings_reportable(x);
}

static void resolve_one(struct settings *s, size_t at, struct settings_errors *errors, bool ids_known)
{
    struct derive_settings *d = &s->derive[at];
    struct finding f = {s, d->enable ? errors : NULL, at, ids_known, true};
    const char *unit[READING_KINDS];

    find_list(&f, "of", d->of, d->n_of, d->parts);
    find_list(&f, "minus", d->minus, d->n_minus, d->minuses);
    take_units(&f, unit);
    for (size_t i = 0; i < s->n_sensors; i++)
        if (s->sensors[i].made == MADE_DERIVE && s->sensors[i].made_of == at)
            take_over(&f, &s->sensors[i], unit);
}

/* Peaks last: a part of theirs may be derived, and its unit is that of its own parts. */
static void resolve(struct settings *s, struct settings_errors *errors, bool ids_known)
{
    for (int peaks = 0; peaks <= 1; peaks++)
        for (size_t at = 0; at < s->n_derive; at++)
            if ((s->derive[at].kind == DERIVE_PEAK) == peaks)
                resolve_one(s, at, errors, ids_known);
}

void settings_derived_make(struct settings *s, const cJSON *given, struct settings_errors *errors)
{
    const struct rules r = {s, given, errors, "derive"};
    size_t n = s->n_derive;

    for (size_t i = 0; i < n; i++)
        check_member(&r, i);
    add_grid(s);
    for (size_t i = 0; i < s->n_derive; i++)
        complete_grid(s, &s->derive[i]);
    make_sensors(s);
    resolve(s, errors, false);
}

int settings_derived_resolve(struct settings *s, struct settings_errors *errors)
{
    size_t before = errors->n;

    resolve(s, errors, true);
    return errors->n == before ? 0 : -1;
}
