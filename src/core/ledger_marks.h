/* The ledger's marks: counters at midnight and month start (core/marks.h) of each of its entries, fed and kept with its
 * counter states. It never touches a disk and asks no clock.
 *
 * A line is what an entry's source says before its colon: "flm02" of "flm02:1". Whoever polls it says that it heard it.
 */
#ifndef CORE_LEDGER_MARKS_H
#define CORE_LEDGER_MARKS_H

#include "core/ledger.h"

/* As the store keeps them: no clock of this boot in it. */
struct ledger_marks {
    char id[SENSOR_ID_LEN + 1];
    struct mark v[MARKS_KINDS]; /* without their epochs */
    int64_t stood_s;            /* the counter stood until this Unix second; 0: not known */
    int64_t means;              /* what it stands for */
};

/* It is now so late (unix_s 0: not known); sure: the clock is synchronized. To be said before what follows. */
void ledger_clock(struct ledger *l, int64_t unix_s, int64_t mono_ms, bool sure);

/* A reading of the entry's published counter, in thousandths, of now. */
void ledger_marks_feed(struct ledger_entry *e, int64_t milli);

/* The line answered, whatever it had to say: counters that it did not tell of stand. Makes marks of some of those, too:
 * each call visits at most LEDGER_MARKS_TURN entries, until all have seen the new day. */
#define LEDGER_MARKS_TURN 64
void ledger_heard(struct ledger *l, const char *line);

/* The sensor is switched off: its counter is not listened to any more. */
void ledger_marks_pause(struct ledger_entry *e);

/* What the sensor's counter stands for, as a number but 0. Another one than before, also in an earlier run: it is
 * another quantity, of which there are no marks yet. */
void ledger_marks_mean(struct ledger_entry *e, int64_t means);

/* What the published counter rose since; of NULL, and of an entry without a counter: MARKS_NEW. */
struct marks_sum ledger_marks_sum(const struct ledger *l, const struct ledger_entry *e, enum marks_kind kind);

/* ---- for the store, as with counter states in core/ledger.h ---- */

void ledger_marks_changed(struct ledger_entry *e);
size_t ledger_marks_take(struct ledger *l, struct ledger_marks *out, size_t max);
void ledger_marks_unsaved(struct ledger *l, const struct ledger_marks *s, size_t n);

/* Behind the counter states. Marks of a counter that was not restored are not taken. */
void ledger_marks_restore(struct ledger *l, const struct ledger_marks *s);

/* The program ends: until when counters stood is to be saved too. */
void ledger_marks_end(struct ledger *l);

#endif
