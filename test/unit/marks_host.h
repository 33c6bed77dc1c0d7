/* For the tests of counters at midnight: a meter that counts 1 Wh a second (so that a counter is a time) on a host
 * whose clocks the test sets, in Brussels. */
#ifndef TEST_MARKS_HOST_H
#define TEST_MARKS_HOST_H

#include "unit.h"

#include "core/marks.h"

#include <stdlib.h>
#include <time.h>

#define MINUTE   60
#define HOUR     3600
#define DAY      86400
#define MIDNIGHT 1795474800 /* 2026-11-24 00:00 in Brussels */
#define MONTH    1793487600 /* 2026-11-01 */

static struct marks m;
static struct marks_line line;
static struct marks_now now;
static int64_t true_s; /* Unix second, as it really is */
static int64_t off_s;  /* what the host's clock is wrong by */
static int64_t boot_s; /* when the monotonic clock was 1000 s */
static bool unset, sure;

static inline void host_starts(int64_t at_s)
{
    true_s = boot_s = at_s;
    now = (struct marks_now){.started_ms = 1000000};
    line = (struct marks_line){0};
    off_s = 0;
    unset = false;
    sure = true;
}

static inline int setup(void **state)
{
    (void)state;
    setenv("TZ", "Europe/Brussels", 1);
    m = (struct marks){0};
    host_starts(MIDNIGHT - HOUR);
    return 0;
}

static inline void look(void)
{
    marks_clock(&now, unset ? 0 : true_s + off_s, 1000000 + (true_s - boot_s) * 1000, sure);
}

static inline int64_t counter(void)
{
    return (true_s - MIDNIGHT + 100 * DAY) * 1000; /* thousandths; at midnight 100 x 86400 Wh */
}

/* The sensor is read so often until then. */
static inline void read_until(int64_t end_s, int every_s)
{
    for (; true_s < end_s; true_s += every_s) {
        look();
        marks_feed(&m, &line, &now, counter());
        marks_heard(&line, now.mono_ms);
    }
    true_s = end_s;
}

/* The line alone is heard. */
static inline void hear_until(int64_t end_s)
{
    for (; true_s < end_s; true_s++) {
        look();
        marks_heard(&line, now.mono_ms);
    }
}

static inline struct marks_sum sum(enum marks_kind kind)
{
    look();
    return marks_sum(&m, &line, &now, kind, m.milli);
}

static inline void assert_today(int64_t since_s, int64_t wh)
{
    struct marks_sum s = sum(MARKS_DAY);

    assert_null(marks_reason(MARKS_DAY, s.why));
    assert_int_equal(s.since_s, since_s);
    assert_int_equal(s.milli, wh * 1000);
}

static inline void assert_unknown(enum marks_kind kind, enum marks_why why)
{
    struct marks_sum s = sum(kind);

    assert_int_equal(s.why, why);
    assert_non_null(marks_reason(kind, s.why));
    assert_int_equal(s.milli, 0);
}

/* Saved and restored, as the store does it. */
static inline void restart(int64_t at_s)
{
    struct marks saved = m;

    look();
    saved.unix_s = marks_stood_s(&m, &line, &now);
    saved.mono_ms = 0;
    for (int kind = 0; kind < MARKS_KINDS; kind++)
        saved.v[kind].epoch = 0;
    host_starts(at_s);
    m = saved;
}

#endif
