/* Eras on the loop: when one begins, and which of them the file does not know yet. Rows may wait for the disk longer
 * than their era lasts: an era goes to the file with its first rows, however late. */
#include "io/store_impl.h"

#include <string.h>

/* The running era ends; while rows of it may wait, or the file does not know it, it is kept in mind. */
static void keep_past(struct store *s)
{
    s->past = grown(s->past, s->n_past, sizeof *s->past);
    s->past[s->n_past++] = (struct store_past_era){.era = s->era, .saved = s->era_saved};
}

static void new_era(struct store *s)
{
    if (s->era.era)
        keep_past(s);
    s->era.era = s->next_era++;
    s->era.offset_ms = s->clock->offset_ms;
    s->era.shift_s = 0;
    s->era.clock = s->clock->state;
    s->era_saved = false;
    s->settle = true;
}

void store_watch_clock(struct store *s)
{
    int64_t moved = s->clock->offset_ms - s->era.offset_ms;

    if (!s->era.era || moved >= 1000 || moved <= -1000 || s->clock->state < s->era.clock) {
        new_era(s);
    } else if (s->clock->state > s->era.clock) { /* it was right all the time */
        s->era.clock = s->clock->state;
        s->era_saved = false;
        s->settle = true;
    }
}

struct store_era *store_eras_take(struct store *s, size_t *n)
{
    struct store_era *v = must(malloc((s->n_past + 1) * sizeof *v));

    *n = 0;
    for (size_t i = 0; i < s->n_past; i++) {
        if (!s->past[i].saved)
            v[(*n)++] = s->past[i].era;
        s->past[i].saved = true;
    }
    if (!s->era_saved)
        v[(*n)++] = s->era;
    s->era_saved = true;
    return v;
}

void store_eras_unsaved(struct store *s, const struct store_era *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].era == s->era.era)
            s->era_saved = false;
        for (size_t k = 0; k < s->n_past; k++)
            if (s->past[k].era.era == v[i].era)
                s->past[k].saved = false;
    }
}

static bool has_rows(const struct store *s, uint32_t era)
{
    for (size_t i = 0; i < s->spool.n; i++)
        if (s->spool.rows[i].era == era)
            return true;
    return false;
}

void store_eras_forget(struct store *s)
{
    size_t left = 0;

    for (size_t i = 0; i < s->n_past; i++)
        if (!s->past[i].saved || has_rows(s, s->past[i].era.era))
            s->past[left++] = s->past[i];
    s->n_past = left;
}

static void renumber(struct store *s, struct store_era *e)
{
    uint32_t now = s->next_era++;

    for (size_t i = 0; i < s->spool.n; i++)
        if (s->spool.rows[i].era == e->era)
            s->spool.rows[i].era = now;
    e->era = now;
}

void store_eras_adopt(struct store *s, uint32_t max_era)
{
    /* Above all numbers of both: none is met twice while they change. */
    if (s->next_era <= max_era)
        s->next_era = max_era + 1;
    for (size_t i = 0; i < s->n_past; i++) {
        renumber(s, &s->past[i].era);
        s->past[i].saved = false;
    }
    if (s->era.era)
        renumber(s, &s->era);
    s->era_saved = false;
    s->settle = true;
}
