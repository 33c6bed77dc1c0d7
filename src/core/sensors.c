#include "core/sensors.h"

#include "core/num.h"
#include "core/util.h"

#include <stdlib.h>
#include <string.h>

#define GENERATIONS (1u << (32 - SENSOR_SLOT_BITS))

static const char *const class_names[SENSOR_CLASSES] = {"analog", "pulse", "uart", "ct", "meter", "line", "derived"};
static const char *const subtype_names[SUBTYPES] = {
    [SUBTYPE_PPLUS] = "pplus", [SUBTYPE_PMINUS] = "pminus", [SUBTYPE_Q1] = "q1",     [SUBTYPE_Q2] = "q2",
    [SUBTYPE_Q3] = "q3",       [SUBTYPE_Q4] = "q4",         [SUBTYPE_VRMS] = "vrms", [SUBTYPE_IRMS] = "irms",
    [SUBTYPE_PF] = "pf",       [SUBTYPE_VTHD] = "vthd",     [SUBTYPE_ITHD] = "ithd", [SUBTYPE_ALPHA] = "alpha",
};
static const char *const type_names[SENSOR_TYPES] = {"electricity", "water", "gas", "heat", "fuel", "pellet", "other"};

const char *sensor_class_name(enum sensor_class c)
{
    return class_names[c];
}

const char *sensor_type_name(enum sensor_type t)
{
    return type_names[t];
}

const char *sensor_subtype_name(enum sensor_subtype t)
{
    return subtype_names[t];
}

void sensor_units(enum sensor_type type, const char *unit[READING_KINDS])
{
    bool flow = type == SENSOR_WATER || type == SENSOR_GAS;

    unit[READING_GAUGE] = flow ? "L/day" : type == SENSOR_ELECTRICITY ? "W" : NULL;
    unit[READING_COUNTER] = flow ? "L" : type == SENSOR_ELECTRICITY ? "Wh" : NULL;
}

bool sensor_id_valid(const char *id)
{
    for (size_t i = 0; i < SENSOR_ID_LEN; i++)
        if (!((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f')))
            return false;
    return id[SENSOR_ID_LEN] == '\0';
}

void sensors_init(struct sensors *s)
{
    memset(s, 0, sizeof *s);
}

void sensors_fini(struct sensors *s)
{
    for (size_t i = 0; i < s->n_slots; i++)
        free(s->slots[i].name);
    free(s->slots);
    free(s->index);
    sensors_init(s);
}

/* Ids need not be random (people may give them), so all 32 digits count: FNV-1a. */
static size_t hash_id(const char *id, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < SENSOR_ID_LEN; i++)
        h = (h ^ (uint8_t)id[i]) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32) & (size - 1);
}

static void index_add(struct sensors *s, size_t slot)
{
    size_t i = hash_id(s->slots[slot].id, s->index_size);

    while (s->index[i])
        i = (i + 1) & (s->index_size - 1);
    s->index[i] = (uint32_t)slot + 1;
}

static void index_build(struct sensors *s)
{
    size_t size = 16;

    while (size < s->n_used * 2)
        size *= 2;
    free(s->index);
    s->index = must(calloc(size, sizeof *s->index));
    s->index_size = size;
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i].handle)
            index_add(s, i);
}

struct sensor *sensors_find(const struct sensors *s, const char *id)
{
    if (!s->index_size || !sensor_id_valid(id))
        return NULL;
    for (size_t i = hash_id(id, s->index_size); s->index[i]; i = (i + 1) & (s->index_size - 1)) {
        struct sensor *x = &s->slots[s->index[i] - 1];
        if (memcmp(x->id, id, SENSOR_ID_LEN) == 0)
            return x;
    }
    return NULL;
}

struct sensor *sensors_next(const struct sensors *s, size_t *cursor)
{
    while (*cursor < s->n_slots) {
        struct sensor *x = &s->slots[(*cursor)++];
        if (x->handle)
            return x;
    }
    return NULL;
}

static void slot_free(struct sensors *s, struct sensor *x)
{
    free(x->name);
    *x = (struct sensor){.generation = x->generation};
    s->n_used--;
}

static bool same_unit(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* A value in another unit is none of the sensor's any more. */
static void slot_describe(struct sensor *x, const struct sensor_def *d)
{
    for (int kind = 0; kind < READING_KINDS; kind++)
        if (!same_unit(x->unit[kind], d->unit[kind]))
            x->latest[kind] = (struct sensor_latest){0};
    free(x->name);
    x->name = must(strdup(d->name));
    x->class = (uint8_t)d->class;
    x->type = (uint8_t)d->type;
    x->subtype = (uint8_t)d->subtype;
    x->number = d->number;
    memcpy(x->unit, d->unit, sizeof x->unit);
}

static void slot_take(struct sensors *s, size_t slot, const struct sensor_def *d)
{
    struct sensor *x = &s->slots[slot];

    x->generation = (uint16_t)((x->generation + 1) % GENERATIONS);
    if (x->generation == 0)
        x->generation = 1; /* so that no handle is 0 */
    x->handle = (sensor_handle)x->generation << SENSOR_SLOT_BITS | (sensor_handle)slot;
    memcpy(x->id, d->id, SENSOR_ID_LEN + 1);
    slot_describe(x, d);
    s->n_used++;
}

/* Slots whose id is not among the definitions become free; `keep` marks the others. */
static void drop_missing(struct sensors *s, const struct sensor_def *defs, size_t n)
{
    bool *keep = must(calloc(s->n_slots + 1, sizeof *keep));

    for (size_t i = 0; i < n; i++) {
        struct sensor *x = sensors_find(s, defs[i].id);
        if (x)
            keep[x - s->slots] = true;
    }
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i].handle && !keep[i])
            slot_free(s, &s->slots[i]);
    free(keep);
    index_build(s);
}

void sensors_set(struct sensors *s, const struct sensor_def *defs, size_t n)
{
    size_t slot = 0;

    drop_missing(s, defs, n);
    if (n > s->n_slots) {
        s->slots = must(realloc(s->slots, n * sizeof *s->slots));
        memset(s->slots + s->n_slots, 0, (n - s->n_slots) * sizeof *s->slots);
        s->n_slots = n;
    }
    for (size_t i = 0; i < n; i++) {
        struct sensor *x = sensors_find(s, defs[i].id);
        if (x) {
            slot_describe(x, &defs[i]);
            continue;
        }
        while (s->slots[slot].handle)
            slot++;
        slot_take(s, slot, &defs[i]);
    }
    index_build(s);
}
