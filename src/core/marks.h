/* What a sensor's published counter was at local midnight and when the month began: what today and this month are
 * counted from. It never reads a clock and never guesses: a moment of which nothing is known stays unknown, with a
 * reason, until the next one.
 *
 *            from              until           next
 *   ──────────●─────────────────○───────────────●──────►  the newest value stood from its reading until its source was
 *                    ▲ midnight                           last heard (a board that is polled tells each change)
 *
 * The counter at a moment is the value that stood then, else the one known nearest to it, at most MARKS_TOLERANCE_S
 * before or after. While the gateway or the board is off, meters count on: then it is not known.
 *
 * Readings are placed in time by the monotonic clock, so that a step of the wall clock moves them along. A mark that a
 * clock made which was not sure, and stepped later, is dropped; so is one that lies ahead of a clock that is sure. */
#ifndef CORE_MARKS_H
#define CORE_MARKS_H

#include "core/calendar.h"

#define MARKS_TOLERANCE_S 300 /* energy of five minutes is what a day may be wrong by */

enum marks_kind { MARKS_DAY, MARKS_MONTH, MARKS_KINDS };

/* Why a counter is not known. The numbers stand in the store's file: never change one that was released. */
enum marks_why {
    MARKS_KNOWN,
    MARKS_OFF,    /* the gateway was not running */
    MARKS_SILENT, /* it was, but did not hear of the sensor */
    MARKS_CLOCK,  /* it did, but did not know that it was the moment */
    MARKS_NEW,    /* the sensor had no counter yet */
    MARKS_LOST,   /* it was not kept: an older program, another time zone */
    MARKS_UNSET,  /* the time is not known now; never saved */
    MARKS_WHYS
};

struct mark {
    int64_t at_s;     /* the moment, a Unix second; 0: none */
    int64_t milli;    /* the published counter then, in thousandths of its unit */
    int64_t missed_s; /* another moment, of which it is not known; 0: none */
    unsigned epoch;   /* made in this epoch by a clock that was not sure; 0: by one that was, or in an earlier run */
    uint8_t why;      /* enum marks_why, of missed_s */
};

/* All zero: a sensor that never had a counter. */
struct marks {
    struct mark v[MARKS_KINDS];
    bool falls;      /* the counter may: it is a difference of others */
    bool known;      /* the following say something */
    int64_t milli;   /* the newest published counter */
    int64_t mono_ms; /* of its reading; 0: in an earlier run, or before a pause */
    int64_t unix_s;  /* with mono_ms 0: until when it is known to have stood; 0: not known */
};

/* The time, and what is known of it; all zero at first, but for started_ms. */
struct marks_now {
    int64_t started_ms; /* monotonic, of the program's start */
    int64_t mono_ms, unix_s;
    bool sure;         /* the clock is synchronized */
    unsigned epoch;    /* which stretch between steps of more than MARKS_TOLERANCE_S, 1 .. */
    int64_t offset_ms; /* wall - monotonic, of the epoch */
    struct calendar calendar;
};

/* A source that tells each change, however rarely, and is heard in between; all zero: never. */
struct marks_line {
    int64_t since_ms, heard_ms; /* monotonic: heard from .. until, without a gap of more than MARKS_TOLERANCE_S */
};

/* It is now so late: unix_s 0 is not known. */
void marks_clock(struct marks_now *n, int64_t unix_s, int64_t mono_ms, bool sure);

void marks_heard(struct marks_line *l, int64_t mono_ms);

/* A reading of the published counter, of now. line: of its source, or NULL. True: a mark changed, to be saved. */
bool marks_feed(struct marks *m, const struct marks_line *line, const struct marks_now *n, int64_t milli);

/* No reading, but time passed: a mark that can be told by now is made. True: one changed. */
bool marks_roll(struct marks *m, const struct marks_line *line, const struct marks_now *n);

/* Its source is not listened to any more: the newest value stands until now, and what comes is not known. */
void marks_pause(struct marks *m, const struct marks_line *line, const struct marks_now *n);

/* The published counter was set: it jumped by so much, which is no energy. */
void marks_shift(struct marks *m, int64_t jump_milli);

/* Until when, a Unix second, the newest value is known to stand; 0: not known. */
int64_t marks_stood_s(const struct marks *m, const struct marks_line *line, const struct marks_now *n);

/* How much the counter rose since the day or the month began. */
struct marks_sum {
    enum marks_why why; /* MARKS_KNOWN, or the others are 0 */
    int64_t since_s;    /* a Unix second: when that was */
    int64_t milli;      /* never negative, but of a counter that may fall */
};

/* published: the counter now. */
struct marks_sum marks_sum(const struct marks *m, const struct marks_line *line, const struct marks_now *n,
                           enum marks_kind kind, int64_t published);

/* For people: "the gateway was off at midnight". NULL for MARKS_KNOWN. */
const char *marks_reason(enum marks_kind kind, enum marks_why why);

#endif
