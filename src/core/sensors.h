/* The table of sensors: identity, unit and the newest value of each, found by handle or by id.
 * It never publishes anything and knows no board: sources and sinks meet here by handle only.
 *
 * A sensor keeps its slot, its handle and its newest values over a change of settings as long as its id stays.
 * A slot whose sensor went away gets a new generation, so that an old handle finds nothing. */
#ifndef CORE_SENSORS_H
#define CORE_SENSORS_H

#include "core/reading.h"
#include "core/util.h"

#include <stddef.h>

#define SENSOR_ID_LEN    32
#define SENSOR_SLOT_BITS 20 /* a million sensors; the other 12 bits of a handle are the generation */

enum sensor_class {
    SENSOR_ANALOG,
    SENSOR_PULSE,
    SENSOR_UART,
    SENSOR_CT,
    SENSOR_METER,
    SENSOR_LINE,
    SENSOR_DERIVED,
    SENSOR_CLASSES
};

/* S5 of the manual */
enum sensor_type {
    SENSOR_ELECTRICITY,
    SENSOR_WATER,
    SENSOR_GAS,
    SENSOR_HEAT,
    SENSOR_FUEL,
    SENSOR_PELLET,
    SENSOR_OTHER,
    SENSOR_TYPES
};

/* What of its port's current and voltage a sensor of class ct tells (mqtt.md, "config/sensor"). */
enum sensor_subtype {
    SUBTYPE_NONE,
    SUBTYPE_PPLUS,
    SUBTYPE_PMINUS,
    SUBTYPE_Q1,
    SUBTYPE_Q2,
    SUBTYPE_Q3,
    SUBTYPE_Q4,
    SUBTYPE_VRMS,
    SUBTYPE_IRMS,
    SUBTYPE_PF,
    SUBTYPE_VTHD,
    SUBTYPE_ITHD,
    SUBTYPE_ALPHA,
    SUBTYPES
};

/* What a source declares of a sensor. Strings are copied by sensors_set(). */
struct sensor_def {
    const char *id; /* 32 lower-case hex digits */
    const char *name;
    enum sensor_class class;
    enum sensor_type type;
    enum sensor_subtype subtype;
    unsigned number;                 /* the key in config/sensor, 1.. */
    const char *unit[READING_KINDS]; /* static strings: "W", "Wh", "L/day", "L"; NULL: it has no such kind */
};

/* The newest reading of one kind; unix_s 0 with mono_ms 0: none yet. */
struct sensor_latest {
    int64_t milli, mono_ms, unix_s;
};

static inline bool sensor_latest_known(const struct sensor_latest *l)
{
    return l->mono_ms || l->unix_s;
}

struct sensor {
    sensor_handle handle; /* 0: free slot */
    uint16_t generation;
    uint8_t class, type, subtype;
    unsigned number;
    char id[SENSOR_ID_LEN + 1];
    char *name;
    const char *unit[READING_KINDS];
    struct sensor_latest latest[READING_KINDS];
};

struct sensors {
    struct sensor *slots; /* slot 0 .. n_slots - 1; free ones have handle 0 */
    size_t n_slots, n_used;
    uint32_t *index; /* open addressing by id: slot + 1, or 0 */
    size_t index_size;
};

void sensors_init(struct sensors *s);
void sensors_fini(struct sensors *s);

/* Replace the set of enabled sensors by n definitions (ids valid and distinct: the settings saw to it).
 * Handles of ids that stay are kept. Aborts when memory is out. */
void sensors_set(struct sensors *s, const struct sensor_def *defs, size_t n);

/* The sensor with this id (32 lower-case hex digits), or NULL. */
struct sensor *sensors_find(const struct sensors *s, const char *id);

/* Walk: the next used sensor at or after slot *cursor, which is moved behind it; NULL at the end. Start with 0. */
struct sensor *sensors_next(const struct sensors *s, size_t *cursor);

/* Slot number of a handle: the index for arrays that modules keep beside the table. */
static inline size_t sensor_slot(sensor_handle h)
{
    return h & ((1u << SENSOR_SLOT_BITS) - 1);
}

/* The sensor of a handle, or NULL when it is gone. Valid until the next sensors_set(). */
static inline struct sensor *sensors_get(const struct sensors *s, sensor_handle h)
{
    size_t slot = sensor_slot(h);

    return h && slot < s->n_slots && s->slots[slot].handle == h ? &s->slots[slot] : NULL;
}

/* True when the id is exactly 32 lower-case hex digits. */
bool sensor_id_valid(const char *id);

/* Units of a type's gauge and counter on a v2 device (mqtt.md, "Units"): "W" and "Wh", "L/day" and "L".
 * NULL for types that v2 devices do not have. */
void sensor_units(enum sensor_type type, const char *unit[READING_KINDS]);

/* "analog", "electricity" … as config/sensor spells them. */
const char *sensor_class_name(enum sensor_class c);
const char *sensor_type_name(enum sensor_type t);

/* "pplus" …; NULL for SUBTYPE_NONE. */
const char *sensor_subtype_name(enum sensor_subtype t);

#endif
