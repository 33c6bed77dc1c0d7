#include "core/settings_meters.h"

#include "core/seen.h"
#include "core/settings.h"
#include "core/util.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(SETTINGS_METER_SIDE >= QUANTITY_NAME, "a side may be a quantity");

/* What a side's gauge and counter are of a meter: the first that is read. */
static const uint8_t sides[METER_OTHER][READING_KINDS][2] = {
    [METER_MAIN] = {[READING_GAUGE] = {QUANTITY(QUANTITY_POWER, 0), QUANTITY(QUANTITY_POWER_IMPORT, 0)},
                    [READING_COUNTER] = {QUANTITY(QUANTITY_ENERGY_IMPORT, 0), QUANTITY(QUANTITY_ENERGY_TOTAL, 0)}},
    [METER_EXPORT] = {[READING_GAUGE] = {QUANTITY(QUANTITY_POWER_EXPORT, 0), QUANTITY_NONE},
                      [READING_COUNTER] = {QUANTITY(QUANTITY_ENERGY_EXPORT, 0), QUANTITY_NONE}},
};

static bool wants(const struct meter_settings *m, uint8_t quantity)
{
    return memchr(m->wanted, quantity, m->n_wanted) != NULL;
}

/* False when nothing of the side is read. */
static bool find_side(const struct meter_settings *m, enum meter_side side, uint8_t quantity[READING_KINDS])
{
    for (int kind = 0; kind < READING_KINDS; kind++) {
        const uint8_t *q = sides[side][kind];
        quantity[kind] = wants(m, q[0]) ? q[0] : q[1] != QUANTITY_NONE && wants(m, q[1]) ? q[1] : QUANTITY_NONE;
    }
    return quantity[READING_GAUGE] != QUANTITY_NONE || quantity[READING_COUNTER] != QUANTITY_NONE;
}

static bool is_read(const struct bus_settings *b, const struct meter_settings *m)
{
    return b->enable && m->enable && m->model && m->n_wanted;
}

/* ---- a sensor of the board's that a meter feeds (S4) ---- */

struct place {
    size_t bus, meter;
    bool taken;
};

static void take(struct settings *s, size_t i, struct place *p, struct settings_errors *errors)
{
    struct sensor_settings *x = &s->sensors[i];
    const struct meter_settings *m = &s->buses[p->bus].meters[p->meter];
    char path[SETTINGS_PATH];

    if (!is_read(&s->buses[p->bus], m))
        return;
    if (!find_side(m, METER_MAIN, x->quantity)) {
        sensor_settings_path(s, i, "meter", path);
        settings_error_add(errors, path, "of %s neither power nor energy is read", x->meter);
        return;
    }
    x->metered = true;
    x->made_of = p->bus;
    x->meter_at = p->meter;
    p->taken = true;
}

/* Places of all meters in their order, and of each key where it is among them. */
static struct place *places_of(const struct settings *s, struct seen *keys)
{
    struct place *places;
    size_t n = 0;

    for (size_t b = 0; b < s->n_buses; b++)
        n += s->buses[b].n_meters;
    places = must(calloc(n + 1, sizeof *places));
    n = 0;
    for (size_t b = 0; b < s->n_buses; b++) {
        for (size_t m = 0; m < s->buses[b].n_meters; m++) {
            if (s->buses[b].meters[m].key)
                seen_add(keys, s->buses[b].meters[m].key, n);
            places[n++] = (struct place){b, m, false};
        }
    }
    return places;
}

/* What is off takes nothing: its meter has its own sensor. */
static void take_all(struct settings *s, struct place *places, const struct seen *keys, struct settings_errors *errors)
{
    char path[SETTINGS_PATH];

    for (size_t i = 0; i < s->n_sensors; i++) {
        const struct sensor_settings *x = &s->sensors[i];
        size_t at = x->meter ? seen_find(keys, x->meter) : SEEN_NONE;
        if (at != SEEN_NONE && x->enable && x->class == SENSOR_UART)
            take(s, i, &places[at], errors);
        if (!x->meter || at != SEEN_NONE)
            continue;
        sensor_settings_path(s, i, "meter", path);
        settings_error_add(errors, path, "%s is not the key of a meter on a bus", x->meter);
    }
}

/* ---- the sensors of a meter ---- */

/* Of what is one quantity alone. */
static uint8_t only_one(const struct sensor_settings *x)
{
    return x->quantity[x->quantity[READING_GAUGE] == QUANTITY_NONE ? READING_COUNTER : READING_GAUGE];
}

static const char *const side_names[][2] = {[METER_MAIN] = {"power", ""}, [METER_EXPORT] = {"export", "export"}};

const char *settings_meters_side(const struct sensor_settings *x, char side[SETTINGS_METER_SIDE])
{
    if (x->side == METER_OTHER)
        return quantity_name(only_one(x), side);
    snprintf(side, SETTINGS_METER_SIDE, "%s", side_names[x->side][0]);
    return side;
}

const char *settings_meters_words(const struct sensor_settings *x, char words[SETTINGS_METER_SIDE])
{
    if (x->side == METER_OTHER)
        return quantity_words(only_one(x), words);
    snprintf(words, SETTINGS_METER_SIDE, "%s", side_names[x->side][1]);
    return words;
}

static char *name_of(const struct meter_settings *m, const char *rest)
{
    char *name = NULL;

    if (m->name && asprintf(&name, "%s%s%s", m->name, *rest ? " " : "", rest) < 0)
        abort();
    return name;
}

/* The next sensor; its quantities are there. */
static void add(struct settings *s, const struct place *p, struct sensor_settings x)
{
    const struct meter_settings *m = &s->buses[p->bus].meters[p->meter];
    const struct sensor_settings *last = s->n_sensors ? &s->sensors[s->n_sensors - 1] : NULL;
    char words[SETTINGS_METER_SIDE];

    x.class = SENSOR_METER;
    x.enable = true;
    x.rid = m->rid;
    x.made = MADE_METER;
    x.made_of = p->bus;
    x.meter_at = p->meter;
    x.metered = true;
    x.number = last && last->made == MADE_METER ? last->number + 1 : SETTINGS_METERED;
    x.id = x.side == METER_MAIN && m->id ? must(strdup(m->id)) : NULL;
    for (int kind = 0; kind < READING_KINDS; kind++)
        if (x.quantity[kind] != QUANTITY_NONE)
            x.unit[kind] = quantity_unit(x.quantity[kind]);
    x.name = name_of(m, settings_meters_words(&x, words));
    s->sensors[s->n_sensors++] = x;
}

static void make(struct settings *s, const struct place *p)
{
    const struct meter_settings *m = &s->buses[p->bus].meters[p->meter];
    bool done[QUANTITIES] = {false};

    for (int side = METER_MAIN; side < METER_OTHER; side++) {
        struct sensor_settings x = {.side = (enum meter_side)side};
        if (!find_side(m, x.side, x.quantity))
            continue;
        for (int kind = 0; kind < READING_KINDS; kind++)
            if (x.quantity[kind] != QUANTITY_NONE)
                done[x.quantity[kind]] = true;
        if (side != METER_MAIN || !p->taken)
            add(s, p, x);
    }
    for (size_t i = 0; i < m->n_wanted; i++) {
        struct sensor_settings x = {.side = METER_OTHER, .quantity = {QUANTITY_NONE, QUANTITY_NONE}};
        if (done[m->wanted[i]])
            continue;
        x.quantity[quantity_kind(m->wanted[i])] = m->wanted[i];
        add(s, p, x);
    }
}

void settings_meters_make(struct settings *s, struct settings_errors *errors)
{
    struct seen keys = {0};
    struct place *places = places_of(s, &keys);
    size_t more = 0, n = 0;

    take_all(s, places, &keys, errors);
    for (size_t b = 0; b < s->n_buses; b++)
        for (size_t m = 0; m < s->buses[b].n_meters; m++)
            more += s->buses[b].meters[m].n_wanted;
    if (more)
        s->sensors = must(realloc(s->sensors, (s->n_sensors + more) * sizeof *s->sensors));
    for (size_t b = 0; b < s->n_buses; b++)
        for (size_t m = 0; m < s->buses[b].n_meters; m++, n++)
            if (is_read(&s->buses[b], &s->buses[b].meters[m]))
                make(s, &places[n]);
    free(places);
    seen_free(&keys);
}

void settings_meters_ident(const char *device_id, const struct settings *s, const struct sensor_settings *x,
                           char id[IDENT_LEN + 1])
{
    char key[128], side[SETTINGS_METER_SIDE];

    snprintf(key, sizeof key, "meter/%s/%s", s->buses[x->made_of].meters[x->meter_at].key,
             settings_meters_side(x, side));
    ident_derive(device_id, key, id);
}

void settings_meters_free(struct settings *s)
{
    for (size_t b = 0; b < s->n_buses; b++)
        for (size_t m = 0; m < s->buses[b].n_meters; m++)
            free(s->buses[b].meters[m].wanted);
    for (size_t i = 0; i < s->n_models; i++)
        meter_model_free(s->models[i]);
    free(s->models);
    s->models = NULL;
    s->n_models = 0;
}
