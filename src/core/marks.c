#include "core/marks.h"

#include <stdlib.h>

#define TOLERANCE_MS ((int64_t)MARKS_TOLERANCE_S * 1000)
#define FAR          INT64_MAX

void marks_clock(struct marks_now *n, int64_t unix_s, int64_t mono_ms, bool sure)
{
    int64_t offset_ms = unix_s * 1000 - mono_ms;

    n->unix_s = unix_s;
    n->mono_ms = mono_ms;
    n->sure = sure && unix_s;
    if (!unix_s)
        return;
    if (!n->epoch || llabs(offset_ms - n->offset_ms) > TOLERANCE_MS) {
        n->epoch++;
        n->offset_ms = offset_ms;
    }
    if (!calendar_covers(&n->calendar, unix_s))
        calendar_of(unix_s, &n->calendar);
}

void marks_heard(struct marks_line *l, int64_t mono_ms)
{
    if (!l->heard_ms || mono_ms - l->heard_ms > TOLERANCE_MS)
        l->since_ms = mono_ms;
    l->heard_ms = mono_ms;
}

/* The Unix second of a moment of this run, by what is known of the time now; rather a second early than late. */
static int64_t unix_of(const struct marks_now *n, int64_t mono_ms)
{
    return n->unix_s - (n->mono_ms - mono_ms + 999) / 1000;
}

/* From when until when the newest value is known to have stood, in Unix seconds; false: nothing is known of it. */
static bool stood(const struct marks *m, const struct marks_line *line, const struct marks_now *n, int64_t *from,
                  int64_t *until)
{
    bool heard = line && line->heard_ms;

    if (!m->known || !n->unix_s || (!m->mono_ms && (!m->unix_s || m->unix_s > n->unix_s)))
        return false;
    *from = *until = m->mono_ms ? unix_of(n, m->mono_ms) : m->unix_s;
    if (heard && m->mono_ms)
        heard = line->since_ms - m->mono_ms <= TOLERANCE_MS && line->heard_ms > m->mono_ms;
    else if (heard)
        heard = llabs(unix_of(n, line->since_ms) - m->unix_s) <= MARKS_TOLERANCE_S;
    if (heard && unix_of(n, line->heard_ms) > *until)
        *until = unix_of(n, line->heard_ms);
    return true;
}

int64_t marks_stood_s(const struct marks *m, const struct marks_line *line, const struct marks_now *n)
{
    int64_t from, until;

    return stood(m, line, n, &from, &until) ? until : 0;
}

static int64_t moment_of(const struct marks_now *n, enum marks_kind kind)
{
    return kind == MARKS_DAY ? n->calendar.day_s : n->calendar.month_s;
}

static enum marks_why why_missed(const struct marks *m, const struct marks_line *line, const struct marks_now *n,
                                 int64_t moment)
{
    int64_t from = 0, until;

    if (!m->known)
        return MARKS_NEW;
    if (unix_of(n, n->started_ms) > moment)
        return !m->mono_ms && m->unix_s >= moment && m->unix_s <= n->unix_s ? MARKS_LOST : MARKS_OFF;
    return stood(m, line, n, &from, &until) && from > moment ? MARKS_CLOCK : MARKS_SILENT;
}

/* A mark that cannot be true, as more is known of the time now. */
static bool is_wrong(const struct mark *k, const struct marks_now *n)
{
    return k->at_s && ((k->epoch && k->epoch != n->epoch) || (n->sure && k->at_s > n->unix_s));
}

/* The distance in seconds of the value that stood nearest before the moment; FAR: there is none. */
static int64_t before(const struct marks *m, const struct marks_line *line, const struct marks_now *n, int64_t moment)
{
    int64_t from, until;

    if (!stood(m, line, n, &from, &until) || from > moment)
        return FAR;
    return until >= moment ? 0 : moment - until;
}

/* next: the reading of now, or NULL: then a better one may come yet. True: the mark changed. */
static bool settle(struct marks *m, enum marks_kind kind, const struct marks_line *line, const struct marks_now *n,
                   const int64_t *next)
{
    struct mark *k = &m->v[kind];
    int64_t moment = moment_of(n, kind), after = n->unix_s - moment, age;
    bool ahead = k->missed_s > n->unix_s, wrong = is_wrong(k, n), changed = ahead || wrong;

    if (ahead) /* it is still to come */
        k->missed_s = 0;
    if (wrong)
        k->at_s = k->epoch = 0;
    if (k->at_s == moment || k->missed_s == moment)
        return changed;
    age = before(m, line, n, moment);
    if (!next && age && after <= MARKS_TOLERANCE_S)
        return changed;
    if (next && (after == 0 || after < age) && after <= MARKS_TOLERANCE_S) {
        k->milli = *next;
    } else if (age <= MARKS_TOLERANCE_S) {
        k->milli = m->milli;
    } else if (next) {
        k->missed_s = moment;
        k->why = (uint8_t)why_missed(m, line, n, moment);
        return true;
    } else {
        return changed;
    }
    k->at_s = moment;
    k->epoch = n->sure ? 0 : n->epoch;
    return true;
}

static bool settle_all(struct marks *m, const struct marks_line *line, const struct marks_now *n, const int64_t *next)
{
    bool changed = false;

    for (int kind = 0; kind < MARKS_KINDS && n->unix_s; kind++)
        changed |= settle(m, (enum marks_kind)kind, line, n, next);
    return changed;
}

bool marks_feed(struct marks *m, const struct marks_line *line, const struct marks_now *n, int64_t milli)
{
    bool changed = settle_all(m, line, n, &milli);

    m->known = true;
    m->milli = milli;
    m->mono_ms = n->mono_ms;
    return changed;
}

bool marks_roll(struct marks *m, const struct marks_line *line, const struct marks_now *n)
{
    return settle_all(m, line, n, NULL);
}

void marks_pause(struct marks *m, const struct marks_line *line, const struct marks_now *n)
{
    m->unix_s = marks_stood_s(m, line, n);
    m->mono_ms = 0;
}

void marks_shift(struct marks *m, int64_t jump_milli)
{
    m->milli += jump_milli;
    for (int kind = 0; kind < MARKS_KINDS; kind++)
        m->v[kind].milli += jump_milli;
}

struct marks_sum marks_sum(const struct marks *m, const struct marks_line *line, const struct marks_now *n,
                           enum marks_kind kind, int64_t published)
{
    struct marks now = *m;
    struct mark *k = &now.v[kind];
    int64_t moment = moment_of(n, kind);

    if (!n->unix_s)
        return (struct marks_sum){.why = MARKS_UNSET};
    settle(&now, kind, line, n, NULL);
    if (k->at_s != moment && k->missed_s == moment)
        return (struct marks_sum){.why = k->why};
    if (k->at_s != moment) { /* nothing was read since: perhaps there will be, perhaps what was before is near enough */
        if (before(&now, line, n, moment) > MARKS_TOLERANCE_S)
            return (struct marks_sum){.why = why_missed(&now, line, n, moment)};
        k->milli = now.milli;
    }
    if (published < k->milli && !m->falls)
        return (struct marks_sum){.why = MARKS_LOST};
    return (struct marks_sum){.why = MARKS_KNOWN, .since_s = moment, .milli = published - k->milli};
}

const char *marks_reason(enum marks_kind kind, enum marks_why why)
{
    static const char *const reasons[MARKS_WHYS][MARKS_KINDS] = {
        [MARKS_OFF] = {"the gateway was off at midnight", "the gateway was off when the month began"},
        [MARKS_SILENT] = {"nothing was heard of the sensor at midnight",
                          "nothing was heard of the sensor when the month began"},
        [MARKS_CLOCK] = {"the clock was not set at midnight", "the clock was not set when the month began"},
        [MARKS_NEW] = {"the sensor came later than midnight", "the sensor came later than the month began"},
        [MARKS_LOST] = {"the counter at midnight was not kept", "the counter when the month began was not kept"},
        [MARKS_UNSET] = {"the clock is not set", "the clock is not set"},
    };

    return reasons[why][kind];
}
