#include "core/stats.h"

#include <stdlib.h>
#include <string.h>

void stats_add(struct stats *s, stats_fn fn, void *module)
{
    if (s->n == STATS_MODULES)
        abort();
    s->v[s->n].fn = fn;
    s->v[s->n++].module = module;
}

void stats_remove(struct stats *s, stats_fn fn, void *module)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].fn != fn || s->v[i].module != module)
            continue;
        s->n--;
        memmove(&s->v[i], &s->v[i + 1], (s->n - i) * sizeof s->v[0]);
        return;
    }
}

void stats_walk(const struct stats *s, stat_emit emit, void *ctx)
{
    for (size_t i = 0; i < s->n; i++)
        s->v[i].fn(s->v[i].module, emit, ctx);
}
