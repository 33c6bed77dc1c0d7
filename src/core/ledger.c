#include "core/ledger.h"

#include "core/ledger_marks.h"

#include <search.h>
#include <stdio.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, SENSOR_ID_LEN); /* the id is an entry's first member */
}

void ledger_init(struct ledger *l)
{
    memset(l, 0, sizeof *l);
}

void ledger_fini(struct ledger *l)
{
    tdestroy(l->tree, free);
    free(l->lines);
    ledger_init(l);
}

struct ledger_entry *ledger_find(const struct ledger *l, const char *id)
{
    struct ledger_entry *const *node = tfind(id, &l->tree, by_id);

    return node ? *node : NULL;
}

static struct ledger_entry *find_or_add(struct ledger *l, const char *id)
{
    struct ledger_entry *e = ledger_find(l, id);

    if (e)
        return e;
    e = must(calloc(1, sizeof *e));
    memcpy(e->id, id, SENSOR_ID_LEN);
    e->owner = l;
    must(tsearch(e, &l->tree, by_id));
    e->after = l->all;
    l->all = e;
    l->n++;
    return e;
}

static void mark(struct ledger_entry *e)
{
    if (e->changed)
        return;
    e->changed = true;
    e->next = e->owner->changed;
    e->owner->changed = e;
}

/* What stands before the colon of a source, found or added. */
static unsigned line_of(struct ledger *l, const char *source)
{
    int len = (int)strcspn(source, ":");
    struct ledger_line x = {.heard = {0}};

    if (!len)
        return 0;
    snprintf(x.name, sizeof x.name, "%.*s", len, source);
    for (unsigned i = 0; i < l->n_lines; i++)
        if (strcmp(l->lines[i].name, x.name) == 0)
            return i + 1;
    l->lines = grown(l->lines, l->n_lines, sizeof *l->lines);
    l->lines[l->n_lines++] = x;
    return (unsigned)l->n_lines;
}

static bool ends(const char *source, const char *end)
{
    size_t n = strlen(source), m = strlen(end);

    return n >= m && strcmp(source + n - m, end) == 0;
}

bool ledger_computed(const char *source)
{
    return ends(source, LEDGER_SUM) || ends(source, LEDGER_DIFFERENCE) || ends(source, LEDGER_STATE);
}

struct ledger_entry *ledger_open(struct ledger *l, const char *id, const char *source)
{
    struct ledger_entry *e = find_or_add(l, id);

    if (strcmp(e->source, source) == 0)
        return e;
    snprintf(e->source, sizeof e->source, "%s", source);
    e->line = line_of(l, e->source);
    e->marks.falls = ends(source, LEDGER_DIFFERENCE);
    if (e->meter.known || e->meter.swapped) {
        meter_swap(&e->meter);
        ledger_changed(e, true);
    }
    return e;
}

void ledger_changed(struct ledger_entry *e, bool urgent)
{
    mark(e);
    if (urgent && e->owner->urgent)
        e->owner->urgent(e->owner->urgent_ctx);
}

void ledger_copy(const struct ledger_entry *e, struct ledger_saved *out, int64_t mono_ms, int64_t unix_s)
{
    const struct meter *m = &e->meter;

    *out = (struct ledger_saved){.raw = m->raw,
                                 .offset = m->offset,
                                 .before = m->before,
                                 .first = m->first,
                                 .last = m->last,
                                 .unix_s = unix_s ? unix_s - (mono_ms - m->raw_ms) / 1000 : 0,
                                 .seen = m->seen,
                                 .known = m->known,
                                 .swapped = m->swapped,
                                 .fast = m->fast};
    memcpy(out->id, e->id, sizeof e->id);
    memcpy(out->source, e->source, sizeof e->source);
}

size_t ledger_take(struct ledger *l, struct ledger_saved *out, size_t max, int64_t mono_ms, int64_t unix_s)
{
    size_t n = 0;

    for (; n < max && l->changed; n++) {
        struct ledger_entry *e = l->changed;
        l->changed = e->next;
        e->changed = false;
        ledger_copy(e, &out[n], mono_ms, unix_s);
    }
    return n;
}

void ledger_unsaved(struct ledger *l, const struct ledger_saved *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ledger_entry *e = ledger_find(l, s[i].id);
        if (e)
            mark(e);
    }
}

bool ledger_published(const struct ledger_entry *e, int64_t *milli)
{
    if (!e || !(e->meter.known || e->meter.swapped))
        return false;
    *milli = e->meter.known ? meter_published(&e->meter) : e->meter.offset;
    return true;
}

void ledger_restore(struct ledger *l, const struct ledger_saved *s, int64_t mono_ms, int64_t unix_s)
{
    struct ledger_entry *e = find_or_add(l, s->id);
    int64_t ago_ms = s->unix_s && unix_s >= s->unix_s ? (unix_s - s->unix_s) * 1000 : LEDGER_LONG_MS;
    bool fresh = ago_ms <= LEDGER_CANDIDATE_MS;

    memcpy(e->source, s->source, sizeof e->source);
    e->line = line_of(l, e->source);
    e->meter = (struct meter){.known = s->known,
                              .swapped = s->swapped,
                              .raw = s->raw,
                              .raw_ms = mono_ms - ago_ms,
                              .offset = s->offset,
                              .before = s->before,
                              .seen = fresh ? s->seen : 0,
                              .fast = s->fast,
                              .first = s->first,
                              .last = s->last,
                              .last_ms = mono_ms - ago_ms};
    e->marks = (struct marks){.unix_s = s->unix_s, .falls = ends(e->source, LEDGER_DIFFERENCE)};
    e->marks.known = !ends(e->source, LEDGER_STATE) && ledger_published(e, &e->marks.milli);
}

void ledger_adopt(struct ledger *l, const struct ledger_saved *s, int64_t mono_ms, int64_t unix_s)
{
    struct ledger_entry *e = ledger_find(l, s->id);
    int64_t theirs = s->offset + (s->known ? s->raw : 0), ours;

    if (ledger_computed(s->source))
        return;
    if (ledger_published(e, &ours)) {
        if (theirs > ours)
            ledger_set(e, theirs);
        return;
    }
    ledger_restore(l, s, mono_ms, unix_s);
    ledger_changed(ledger_find(l, s->id), true);
}

bool ledger_knows(const struct ledger *l, const char *id)
{
    const struct ledger_entry *e = ledger_find(l, id);

    return e && (e->meter.known || e->meter.swapped);
}

void ledger_set(struct ledger_entry *e, int64_t milli)
{
    int64_t before;

    if (!ledger_published(e, &before))
        return;
    e->meter.offset += milli - before;
    e->owed = true;
    marks_shift(&e->marks, milli - before);
    ledger_marks_changed(e);
    ledger_changed(e, true);
    if (e->owner->jumped)
        e->owner->jumped(e->owner->jumped_ctx, e, milli - before);
}

void ledger_all_changed(struct ledger *l)
{
    for (struct ledger_entry *e = l->all; e; e = e->after) {
        mark(e);
        ledger_marks_changed(e);
    }
}
