#include "core/derive_parts.h"

#include "core/settings.h"

#include <stdlib.h>
#include <string.h>

/* A clamp of a v2 board counts whole units, one of a v3 board 1/65536. A difference is of two counters. */
static int64_t step_of(const struct sensor_settings *x)
{
    if (sensor_settings_falls(x))
        return 2000;
    return x->class == SENSOR_PULSE ? x->constant_milli : x->class == SENSOR_CT ? 1 : 1000;
}

/* Pulses come when they like, and an M-Bus device tells its meter each hour, or five minutes; of a heat meter what
 * changed is told. */
static bool is_rare(const struct sensor_settings *x)
{
    return x->class == SENSOR_PULSE || (x->made == MADE_LINE && line_code_rare(x->code));
}

void derive_parts_add(struct derive_parts *p, const struct settings *s, const size_t *of, size_t n, const int *factors,
                      int factor)
{
    for (size_t i = 0; i < n; i++) {
        const struct sensor_settings *x = &s->sensors[of[i]];
        const struct sensor *sensor = sensors_find(p->sensors, x->id);
        p->v = grown(p->v, p->n, sizeof *p->v);
        struct derive_part *part = &p->v[p->n++];
        *part = (struct derive_part){.sensor = sensor ? sensor->handle : 0,
                                     .factor_milli = factors ? factors[i] : factor,
                                     .step_milli = step_of(x),
                                     .rare = is_rare(x)};
        memcpy(part->id, x->id, sizeof part->id);
    }
    p->rare = true;
    for (size_t i = 0; i < p->n; i++)
        p->rare &= p->v[i].rare;
}

void derive_parts_fini(struct derive_parts *p)
{
    free(p->v);
    *p = (struct derive_parts){0};
}

static uint64_t hashed(uint64_t h, const void *bytes, size_t n)
{
    const uint8_t *b = bytes;

    for (size_t i = 0; i < n; i++) /* FNV-1a */
        h = (h ^ b[i]) * 0x100000001b3u;
    return h;
}

uint64_t derive_parts_hash(const struct derive_parts *p)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < p->n; i++) {
        const int64_t f = p->v[i].factor_milli;
        const uint8_t factor[4] = {(uint8_t)f, (uint8_t)(f >> 8), (uint8_t)(f >> 16), (uint8_t)(f >> 24)};
        h = hashed(hashed(h, p->v[i].id, SENSOR_ID_LEN), factor, sizeof factor);
    }
    return h ? h : 1;
}

bool derive_same_second(const struct sensor_latest *l, const struct reading *r)
{
    const int64_t limit_ms = r->unix_s ? DERIVE_SECOND_MS : DERIVE_TOGETHER_MS;

    return sensor_latest_known(l) && l->unix_s == r->unix_s && llabs(r->mono_ms - l->mono_ms) < limit_ms;
}

/* The part's value at the reading's second. */
static bool value_at(const struct derive_parts *p, struct derive_part *part, enum reading_kind kind,
                     const struct reading *r, int64_t *milli)
{
    const struct sensor *s = sensors_get(p->sensors, part->sensor);

    if (!s || ((kind == READING_GAUGE || !part->rare) && !derive_same_second(&s->latest[kind], r)))
        return false;
    if (kind == READING_COUNTER) {
        if (!part->entry)
            part->entry = ledger_find(p->ledger, part->id);
        return ledger_published(part->entry, milli);
    }
    *milli = s->latest[kind].milli;
    return true;
}

bool derive_parts_sum(struct derive_parts *p, enum reading_kind kind, const struct reading *r, int64_t *milli)
{
    struct derive_total total = {0};

    for (size_t i = 0; i < p->n; i++) {
        int64_t value;
        if (!value_at(p, &p->v[i], kind, r, &value))
            return false;
        derive_total_add(&total, value, p->v[i].factor_milli);
    }
    return derive_total_end(&total, milli);
}

const struct derive_part *derive_parts_of(const struct derive_parts *p, const struct ledger_entry *e)
{
    for (size_t i = 0; i < p->n; i++)
        if (memcmp(p->v[i].id, e->id, SENSOR_ID_LEN) == 0)
            return &p->v[i];
    return NULL;
}

/* A factor is below 2^31 and the rest of a value below 1000: their products do not leave 64 bits in a million terms. */
void derive_total_add(struct derive_total *t, int64_t milli, int64_t factor_milli)
{
    int64_t whole;

    t->beyond |= __builtin_mul_overflow(milli / 1000, factor_milli, &whole);
    t->beyond |= __builtin_add_overflow(t->whole, whole, &t->whole);
    t->rest += milli % 1000 * factor_milli;
}

bool derive_total_end(const struct derive_total *t, int64_t *milli)
{
    int64_t carry = t->rest / 1000, left = t->rest % 1000, whole;

    if (left < 0) {
        carry--;
        left += 1000;
    }
    if (t->beyond || __builtin_add_overflow(t->whole, carry, &whole))
        return false;
    if (left > 500 || (left == 500 && whole >= 0)) /* below 0 the half lies nearer to 0 than `whole` */
        return !__builtin_add_overflow(whole, 1, milli);
    *milli = whole;
    return true;
}
