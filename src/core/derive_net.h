/* What a grid meter would count of several sensors: the power of all of them together, import and export, second by
 * second. It never counts energy that no part's counter counted, and none of it twice.
 *
 *   each second   power = of - minus (gauges)                -> gauge of import or of export, the other one 0
 *                 energy = power x time since the last second -> counter of import or of export
 *
 * What was counted is tied to what the parts' counters say:
 *
 *   import - export = (of - minus, counters) - tie
 *
 * where `tie` is set once and kept with the counters. So after seconds that are missing (a lost frame, a board that was
 * away, a daemon that was killed with the last minutes unsaved) the difference of both sides is the energy that is not
 * counted yet: it is netted once. What the power's rounding adds up to in between is given back little by little, to
 * the side that counts just then.
 *
 * The minutes that a kill left unsaved are such a gap: where energy went both ways in them, both published counters are
 * lower after it than before, by the same.
 *
 * Where a counter shows whole units, both sides may differ by them: that is no energy (`loose`). */
#ifndef CORE_DERIVE_NET_H
#define CORE_DERIVE_NET_H

#include "core/derive_parts.h"

struct hub;

/* So long a gap is bridged by the power behind it. Longer ones by the counters. Milliseconds. */
#define DERIVE_BRIDGE_MS 5000

enum net_side { NET_IMPORT, NET_EXPORT, NET_SIDES };

struct derive_net {
    struct derive_parts parts; /* of x 1, minus x -1 */
    sensor_handle sensor[NET_SIDES];
    struct ledger_entry *entry[NET_SIDES];
    int64_t loose_milli;
    bool running;              /* `last` is a second of this run */
    struct sensor_latest last; /* stamp of the last second that was counted; its milli: the power */
    bool half;                 /* after it came a second with all counters and not all gauges: */
    struct sensor_latest short_of;
    uint64_t gaps; /* seconds that were counted by counters */
};

/* Parts are there already. The ledger's entries of both sides are opened with a source of this line ("flm02"). */
void derive_net_init(struct derive_net *n, const struct sensor *sides[NET_SIDES], struct ledger *ledger,
                     const char *line, int64_t means);

/* A part's reading, which passed the hub. */
void derive_net_take(struct derive_net *n, struct hub *hub, const struct reading *r);

/* A part's counter was set, which is no energy. */
void derive_net_jumped(struct derive_net *n, const struct ledger_entry *e, int64_t jump_milli);

/* It is counted no more: whatever its parts count until it is again is not its energy. */
void derive_net_untie(struct ledger_entry *import);

#endif
