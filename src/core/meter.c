#include "core/meter.h"

#include <string.h>

void meter_init(struct meter *m)
{
    memset(m, 0, sizeof *m);
}

static void accept(struct meter *m, int64_t raw, int64_t mono_ms)
{
    m->known = true;
    m->raw = raw;
    m->raw_ms = mono_ms;
    m->seen = 0;
}

/* Can a counter have gone up by `rise` in the time since from_ms? */
static bool plausible(const struct meter_limits *l, int64_t rise, int64_t from_ms, int64_t mono_ms)
{
    int64_t elapsed_s = (mono_ms - from_ms) / 1000 + 1;

    return rise >= 0 && (rise <= l->slack || (rise - l->slack) / elapsed_s <= l->rate_per_s);
}

static enum meter_result suspect(struct meter *m, const struct meter_limits *l, int64_t raw, int64_t mono_ms)
{
    if (m->seen == 0)
        m->first = raw;
    m->last = raw;
    m->last_ms = mono_ms;
    if (++m->seen < METER_CONFIRM)
        return METER_SUSPECT;
    m->offset += m->raw - m->first;
    if (m->first < m->raw) /* a reset */
        m->offset += l->step < m->first ? l->step : m->first;
    accept(m, raw, mono_ms);
    return METER_RESET;
}

enum meter_result meter_feed(struct meter *m, const struct meter_limits *l, int64_t raw, int64_t mono_ms)
{
    if (raw < 0 || (l->wrap && raw >= l->wrap))
        return METER_REFUSED;
    if (!m->known) {
        accept(m, raw, mono_ms);
        return METER_TAKEN;
    }
    /* A candidate's own next reading comes first: after a reset a small counter soon passes its old value again. */
    if (m->seen && plausible(l, raw - m->last, m->last_ms, mono_ms))
        return suspect(m, l, raw, mono_ms);
    if (plausible(l, raw - m->raw, m->raw_ms, mono_ms)) {
        accept(m, raw, mono_ms);
        return METER_TAKEN;
    }
    if (l->wrap && raw < m->raw && plausible(l, raw + l->wrap - m->raw, m->raw_ms, mono_ms)) {
        m->offset += l->wrap;
        accept(m, raw, mono_ms);
        return METER_WRAPPED;
    }
    m->seen = 0; /* neither goes on from the candidate nor from the last one: a new candidate */
    return suspect(m, l, raw, mono_ms);
}
