/* The parts of a derived sensor: what of them stands at one second, and their values times factors, added up exactly.
 * It never emits anything.
 *
 * A gauge belongs to its second. A counter does too where its sensor reports each second; that of a pulse input stands
 * until the next pulse. Counters are those that the ledger publishes. */
#ifndef CORE_DERIVE_PARTS_H
#define CORE_DERIVE_PARTS_H

#include "core/ledger.h"
#include "core/sensors.h"

struct settings;

#define DERIVE_ONE 1000 /* the factor 1, in thousandths */

/* Readings of one second come no further apart: another one with the same stamp is of a second that a step of the clock
 * made twice. Without a clock, that alone tells seconds apart. */
#define DERIVE_SECOND_MS   900
#define DERIVE_TOGETHER_MS 500

struct derive_part {
    sensor_handle sensor;
    char id[SENSOR_ID_LEN + 1];
    int64_t factor_milli;
    int64_t step_milli;         /* how coarse its counter is */
    bool rare;                  /* it reports at pulses only, or seldom */
    struct ledger_entry *entry; /* of its counter; NULL: not looked up yet, or none */
};

struct derive_parts {
    const struct sensors *sensors;
    const struct ledger *ledger;
    struct derive_part *v;
    size_t n;
    bool rare; /* all of them are */
};

/* Parts are the sensors of these indices in the settings, each times its factor (NULL: all times `factor`). */
void derive_parts_add(struct derive_parts *p, const struct settings *s, const size_t *of, size_t n, const int *factors,
                      int factor);
void derive_parts_fini(struct derive_parts *p);

/* A number that tells parts and factors from others, never 0. */
uint64_t derive_parts_hash(const struct derive_parts *p);

/* Is this reading of the same second as that stamp? */
bool derive_same_second(const struct sensor_latest *l, const struct reading *r);

/* The sum of what the parts have of that kind at the reading's second, in thousandths, rounded half away from 0. False:
 * one has nothing, or the sum is no 64-bit number. */
bool derive_parts_sum(struct derive_parts *p, enum reading_kind kind, const struct reading *r, int64_t *milli);

/* The part with this ledger entry, or NULL. */
const struct derive_part *derive_parts_of(const struct derive_parts *p, const struct ledger_entry *e);

/* ---- exact sums ---- */

/* whole + rest / 1000 thousandths */
struct derive_total {
    int64_t whole, rest;
    bool beyond;
};

/* Add up to a million terms. */
void derive_total_add(struct derive_total *t, int64_t milli, int64_t factor_milli);

/* Thousandths, rounded half away from 0; false: beyond 64 bits. */
bool derive_total_end(const struct derive_total *t, int64_t *milli) MUSTCHECK;

#endif
