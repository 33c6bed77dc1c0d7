/* Local days and months, by the zone of the process (TZ, else /etc/localtime): when the day of a moment began, when it
 * ends, when its month began. It never asks a clock: the moment is an argument, only the zone's rules are libc's.
 *
 * A day begins at the first second of its date. Where a change of the clocks skips midnight that is later than 00:00,
 * where it repeats it, it is the first of the two: days of 23 or 25 hours are days like others. */
#ifndef CORE_CALENDAR_H
#define CORE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

/* Unix seconds. All zero: of no day. */
struct calendar {
    int64_t day_s;   /* the day's first second */
    int64_t next_s;  /* the next day's */
    int64_t month_s; /* the month's; not after day_s */
};

/* The day of unix_s, a Unix second from 1970 to 9999. The zone is looked up anew each time; some fifty look-ups in its
 * table: for once a day, not for each reading. */
void calendar_of(int64_t unix_s, struct calendar *out);

/* Is unix_s within the day that c is of? */
static inline bool calendar_covers(const struct calendar *c, int64_t unix_s)
{
    return unix_s >= c->day_s && unix_s < c->next_s;
}

#endif
