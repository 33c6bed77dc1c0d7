#include "core/facts.h"

#include <stdio.h>
#include <string.h>

const char *fact_name(enum fact f)
{
    static const char *const names[FACT_COUNT] = {"board", "heartbeat", "broker", "settings", "server"};

    return names[f];
}

void facts_init(struct facts *f, int64_t mono_ms)
{
    memset(f, 0, sizeof *f);
    for (int i = 0; i < FACT_COUNT; i++)
        f->v[i].since_ms = mono_ms;
}

int facts_watch(struct facts *f, fact_cb cb, void *ctx)
{
    if (f->n_watchers == FACT_WATCHERS)
        return -1;
    f->watchers[f->n_watchers].cb = cb;
    f->watchers[f->n_watchers++].ctx = ctx;
    for (int i = 0; i < FACT_COUNT; i++)
        cb(ctx, (enum fact)i, &f->v[i]);
    return 0;
}

void facts_set(struct facts *f, enum fact which, bool on, const char *reason, int64_t mono_ms)
{
    struct fact_value *v = &f->v[which];

    if (!reason)
        reason = "";
    if (v->on == on && strncmp(v->reason, reason, FACT_REASON - 1) == 0)
        return;
    if (v->on != on)
        v->since_ms = mono_ms;
    v->on = on;
    v->changed = true;
    snprintf(v->reason, sizeof v->reason, "%s", reason);
    f->pending = true;
}

void facts_pulse(struct facts *f, enum fact which, const char *reason, int64_t mono_ms)
{
    facts_set(f, which, true, reason, mono_ms);
    f->v[which].pulses++;
    f->v[which].changed = true;
    f->pending = true;
}

void facts_deliver(struct facts *f)
{
    if (!f->pending)
        return;
    f->pending = false;
    for (int i = 0; i < FACT_COUNT; i++) {
        if (!f->v[i].changed)
            continue;
        f->v[i].changed = false;
        for (unsigned w = 0; w < f->n_watchers; w++)
            f->watchers[w].cb(f->watchers[w].ctx, (enum fact)i, &f->v[i]);
    }
}
