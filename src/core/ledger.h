/* The ledger: the counter state of each sensor that ever had one, by its id, and which of them are to be saved.
 * It never feeds a meter and never touches a disk: sources feed, the store saves.
 *
 * An entry stays for the life of the program, also while its sensor is disabled: a sensor that comes back goes on. */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include "core/marks.h"
#include "core/meter.h"
#include "core/sensors.h"

#define LEDGER_SOURCE 80 /* "meter/<key>:<quantity>.<how it is read>" */

/* What is not known of the time between saving and restoring is taken as this long: a counter may then have risen by
 * as much as its connection can bring in it. */
#define LEDGER_LONG_MS ((int64_t)31 * 86400 * 1000)

/* A candidate that waited longer is dropped: in that time anything may have come from it, garbage too. */
#define LEDGER_CANDIDATE_MS ((int64_t)3600 * 1000)

/* How the source of a sum of other sensors ends: nothing counts but its parts, and it is what they are. A difference
 * may fall. */
#define LEDGER_SUM        ":sum"
#define LEDGER_DIFFERENCE ":diff"

/* How the source ends of what is kept like a counter and is none (core/derive_peak.h): it has no marks, no order sets
 * it, and no backup holds it. */
#define LEDGER_STATE ":state"

struct ledger;

struct ledger_entry {
    char id[SENSOR_ID_LEN + 1];
    char source[LEDGER_SOURCE]; /* the counter that feeds it, "flm02:1"; "": none yet */
    struct meter meter;
    struct marks marks; /* core/ledger_marks.h */
    struct ledger *owner;
    struct ledger_entry *next;       /* in the list of changed ones */
    struct ledger_entry *marks_next; /* in the list of those whose marks changed */
    struct ledger_entry *after;      /* in the list of all */
    unsigned line;                   /* of ledger.lines: 1 + its index; 0: none */
    int64_t means;                   /* what the counter stands for; 0: not said yet */
    bool changed, marks_changed;
    bool owed; /* the published counter was set: its source is to emit it, and to take this back */
};

/* An entry as the store keeps it: no clock of this boot in it. Thousandths of the counter's unit. */
struct ledger_saved {
    char id[SENSOR_ID_LEN + 1], source[LEDGER_SOURCE];
    int64_t raw, offset, before, first, last;
    int64_t unix_s; /* of raw; 0: not known */
    unsigned seen;
    bool known, swapped, fast;
};

typedef void (*ledger_urgent_cb)(void *ctx);

/* What is published of the entry was set: it jumped by so much. */
typedef void (*ledger_jumped_cb)(void *ctx, const struct ledger_entry *e, int64_t jump_milli);

/* What a source is polled by: core/ledger_marks.h. */
struct ledger_line {
    char name[LEDGER_SOURCE];
    struct marks_line heard;
};

struct ledger {
    void *tree; /* of entries, by id (search.h) */
    size_t n;
    struct ledger_entry *all;
    struct ledger_entry *changed;       /* those to be saved */
    struct ledger_entry *marks_changed; /* those of which the marks are */
    struct ledger_entry *unrolled;      /* this and those after it have not seen the day yet */
    struct marks_now now;               /* now.started_ms is the owner's to set */
    struct ledger_line *lines;
    size_t n_lines;
    ledger_urgent_cb urgent; /* may be NULL */
    void *urgent_ctx;
    ledger_jumped_cb jumped; /* likewise */
    void *jumped_ctx;
};

void ledger_init(struct ledger *l);
void ledger_fini(struct ledger *l);

/* The entry of this sensor, for whoever feeds its meter from `source`; made when there is none. Another source than
 * before is another counter: the published value goes on with its next reading. Valid until ledger_fini(). */
struct ledger_entry *ledger_open(struct ledger *l, const char *id, const char *source);

/* The entry, or NULL. */
struct ledger_entry *ledger_find(const struct ledger *l, const char *id);

/* The entry's meter was fed. urgent: what it publishes hangs on more than its raw counter now (a wrap, a reset, a fall
 * that may be one), so it should not wait for the next time that all is saved. */
void ledger_changed(struct ledger_entry *e, bool urgent);

/* Take up to max changed entries to be saved; how many. Whoever cannot save them says ledger_unsaved(). mono_ms and
 * unix_s (0: not known) are now. */
size_t ledger_take(struct ledger *l, struct ledger_saved *out, size_t max, int64_t mono_ms, int64_t unix_s);
void ledger_unsaved(struct ledger *l, const struct ledger_saved *s, size_t n);

/* One entry as it would be saved now. */
void ledger_copy(const struct ledger_entry *e, struct ledger_saved *out, int64_t mono_ms, int64_t unix_s);

/* Put back what was saved by an earlier run. */
void ledger_restore(struct ledger *l, const struct ledger_saved *s, int64_t mono_ms, int64_t unix_s);

/* Take in a counter state of elsewhere (a backup), to be saved. Where the sensor has a state already, that one goes on,
 * and what it publishes is raised to what the other published, never lowered. Twice is as once. Sums are left out:
 * their parts tell them. */
void ledger_adopt(struct ledger *l, const struct ledger_saved *s, int64_t mono_ms, int64_t unix_s);

/* Is it the source of a sum, a difference or a state? */
bool ledger_computed(const char *source);

/* Has the sensor a counter state? */
bool ledger_knows(const struct ledger *l, const char *id);

/* What is published of the counter, in thousandths of its unit: also while another counter's first reading is waited
 * for. False: there is none yet; also of NULL. */
bool ledger_published(const struct ledger_entry *e, int64_t *milli);

/* Set what is published (only once it is something, and never of a sum), from the next reading on: what is older counts
 * on from there, and the jump is no energy of today. To be saved at once. */
void ledger_set(struct ledger_entry *e, int64_t milli);

/* All entries as changed ones: another store than before must learn of them. */
void ledger_all_changed(struct ledger *l);

#endif
