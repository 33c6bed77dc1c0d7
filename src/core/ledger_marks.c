#include "core/ledger_marks.h"

#include <string.h>

static const struct marks_line *line(const struct ledger *l, const struct ledger_entry *e)
{
    return e->line ? &l->lines[e->line - 1].heard : NULL;
}

void ledger_marks_changed(struct ledger_entry *e)
{
    if (e->marks_changed)
        return;
    e->marks_changed = true;
    e->marks_next = e->owner->marks_changed;
    e->owner->marks_changed = e;
}

void ledger_clock(struct ledger *l, int64_t unix_s, int64_t mono_ms, bool sure)
{
    int64_t day_s = l->now.calendar.day_s;

    marks_clock(&l->now, unix_s, mono_ms, sure);
    if (l->now.calendar.day_s != day_s)
        l->unrolled = l->all;
}

void ledger_marks_feed(struct ledger_entry *e, int64_t milli)
{
    if (marks_feed(&e->marks, line(e->owner, e), &e->owner->now, milli))
        ledger_marks_changed(e);
}

/* What stands is put down on the day itself: the program may not be there when it changes. */
static void roll_some(struct ledger *l)
{
    if (l->now.unix_s - l->now.calendar.day_s <= MARKS_TOLERANCE_S)
        return; /* a reading may still come that is nearer */
    for (int i = 0; i < LEDGER_MARKS_TURN && l->unrolled; i++) {
        struct ledger_entry *e = l->unrolled;
        l->unrolled = e->after;
        if (marks_roll(&e->marks, line(l, e), &l->now))
            ledger_marks_changed(e);
    }
}

void ledger_heard(struct ledger *l, const char *name)
{
    for (size_t i = 0; i < l->n_lines; i++)
        if (strcmp(l->lines[i].name, name) == 0)
            marks_heard(&l->lines[i].heard, l->now.mono_ms);
    roll_some(l);
}

void ledger_marks_pause(struct ledger_entry *e)
{
    marks_pause(&e->marks, line(e->owner, e), &e->owner->now);
}

void ledger_marks_mean(struct ledger_entry *e, int64_t means)
{
    if (e->means == means)
        return;
    if (e->means) {
        e->marks = (struct marks){.falls = e->marks.falls};
        ledger_marks_changed(e);
    }
    e->means = means;
}

struct marks_sum ledger_marks_sum(const struct ledger *l, const struct ledger_entry *e, enum marks_kind kind)
{
    static const struct marks none;
    int64_t published = 0;

    return ledger_published(e, &published) ? marks_sum(&e->marks, line(l, e), &l->now, kind, published)
                                           : marks_sum(&none, NULL, &l->now, kind, 0);
}

size_t ledger_marks_take(struct ledger *l, struct ledger_marks *out, size_t max)
{
    size_t n = 0;

    for (; n < max && l->marks_changed; n++) {
        struct ledger_entry *e = l->marks_changed;
        l->marks_changed = e->marks_next;
        e->marks_changed = false;
        out[n] = (struct ledger_marks){.stood_s = marks_stood_s(&e->marks, line(l, e), &l->now), .means = e->means};
        memcpy(out[n].id, e->id, sizeof e->id);
        memcpy(out[n].v, e->marks.v, sizeof out[n].v);
    }
    return n;
}

void ledger_marks_unsaved(struct ledger *l, const struct ledger_marks *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ledger_entry *e = ledger_find(l, s[i].id);
        if (e)
            ledger_marks_changed(e);
    }
}

void ledger_marks_restore(struct ledger *l, const struct ledger_marks *s)
{
    struct ledger_entry *e = ledger_find(l, s->id);

    if (!e || !e->marks.known || e->marks.mono_ms)
        return;
    for (int kind = 0; kind < MARKS_KINDS; kind++) {
        const struct mark *from = &s->v[kind];
        struct mark *to = &e->marks.v[kind];
        if (to->at_s || to->missed_s)
            continue;
        *to = (struct mark){.missed_s = from->missed_s};
        if (e->marks.falls || (from->milli >= 0 && from->milli <= e->marks.milli)) {
            to->at_s = from->at_s;
            to->milli = from->milli;
        }
        to->why = from->why > MARKS_KNOWN && from->why < MARKS_UNSET ? from->why : MARKS_LOST;
    }
    if (!e->means)
        e->means = s->means;
    if (s->stood_s > e->marks.unix_s)
        e->marks.unix_s = s->stood_s;
    l->unrolled = l->all;
}

/* Those that stood longer than their counter states tell. */
void ledger_marks_end(struct ledger *l)
{
    for (struct ledger_entry *e = l->all; e; e = e->after) {
        marks_roll(&e->marks, line(l, e), &l->now);
        if (e->marks.mono_ms && line(l, e) && line(l, e)->heard_ms - e->marks.mono_ms > 1000)
            ledger_marks_changed(e);
    }
}
