#include "core/meter.h"

#define JITTER_MILLI 1000 /* a counter shows whole units: one more than the time alone explains */

static void accept(struct meter *m, int64_t raw, int64_t mono_ms)
{
    m->known = true;
    m->raw = raw;
    m->raw_ms = mono_ms;
    m->seen = 0;
    if (raw >= m->before)
        m->before = 0;
}

/* Can a counter have gone up by `rise` since then? */
static bool goes_on(const struct meter_limits *l, int64_t rise, int64_t since_ms, int64_t mono_ms)
{
    int64_t s = mono_ms > since_ms ? (mono_ms - since_ms) / 1000 + 1 : 1;

    return rise >= 0 && (rise - JITTER_MILLI - l->step) / s <= l->rate_per_s;
}

static enum meter_result confirm(struct meter *m, const struct meter_limits *l, int64_t raw, int64_t mono_ms)
{
    int64_t rise = m->first - m->raw;
    bool reset = rise < 0;

    if (!reset && rise <= l->slack && !(m->before && m->first >= m->before)) {
        accept(m, raw, mono_ms);
        return METER_TAKEN;
    }
    m->offset -= rise;
    if (reset) {
        m->offset += l->step < m->first ? l->step : m->first;
        m->before = m->raw;
    }
    accept(m, raw, mono_ms);
    return METER_RESET;
}

static enum meter_result suspect(struct meter *m, const struct meter_limits *l, int64_t raw, int64_t mono_ms)
{
    if (m->seen == 0) {
        m->first = raw;
        m->fast = false;
    }
    m->last = raw;
    m->last_ms = mono_ms;
    return ++m->seen < METER_CONFIRM ? METER_SUSPECT : confirm(m, l, raw, mono_ms);
}

enum meter_result meter_feed(struct meter *m, const struct meter_limits *l, int64_t raw, int64_t mono_ms)
{
    if (raw < 0 || (l->wrap && raw >= l->wrap))
        return METER_REFUSED;
    if (!m->known) {
        m->offset -= m->swapped ? raw : 0;
        m->swapped = false;
        accept(m, raw, mono_ms);
        return METER_TAKEN;
    }
    /* A candidate's own next reading comes first: after a reset a counter soon passes its old value again. */
    if (m->seen && goes_on(l, raw - m->last, m->last_ms, mono_ms))
        return suspect(m, l, raw, mono_ms);
    if (goes_on(l, raw - m->raw, m->raw_ms, mono_ms)) {
        accept(m, raw, mono_ms);
        return METER_TAKEN;
    }
    if (l->wrap && raw < m->raw && goes_on(l, raw + l->wrap - m->raw, m->raw_ms, mono_ms)) {
        m->offset += l->wrap;
        accept(m, raw, mono_ms);
        return METER_WRAPPED;
    }
    if (m->seen && (raw < m->last || raw - m->last > l->slack))
        m->seen = 0;                /* it does not support the candidate either: it is the new one */
    else if (m->seen && !m->fast) { /* a jump among the candidate's readings must be confirmed as the candidate was */
        m->fast = true;
        m->last = raw;
        m->last_ms = mono_ms;
        m->seen = 1;
        return METER_SUSPECT;
    }
    return suspect(m, l, raw, mono_ms);
}

void meter_swap(struct meter *m)
{
    if (m->known)
        *m = (struct meter){.swapped = true, .offset = meter_published(m)};
}
