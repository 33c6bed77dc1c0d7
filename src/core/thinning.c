#include "core/thinning.h"

#define H 3600
#define D 86400

/* From the oldest to the youngest, which is the one of older_s 0; span_s 0: one span for all. */
struct thin_rule {
    int64_t older_s, span_s;
};

static const struct thin_rule spec[] = {{2 * D, D}, {2 * H, 900}, {0, 60}};
static const struct thin_rule hard[] = {{30 * D, 0}, {D, D}, {2 * H, H}, {0, 60}};
static const struct thin_rule hardest[] = {{2 * D, 0}, {2 * H, D}, {0, 900}};
static const struct thin_rule none[] = {{0, 0}};

static const struct thin_rule *const rules[THIN_LEVELS] = {
    [THIN_NONE] = none,
    [THIN_SPEC] = spec,
    [THIN_HARD] = hard,
    [THIN_HARDEST] = hardest,
};

/* Times may be anything (a damaged file, a clock before its first setting): no sum overflows. */
static int64_t minus(int64_t a, int64_t b)
{
    return a < INT64_MIN + b ? INT64_MIN : a - b;
}

static int64_t plus(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

struct thin_span thinning_span(enum thin_level level, int64_t now_s, int64_t s)
{
    const struct thin_rule *r = rules[level];
    int64_t from = INT64_MIN, to = INT64_MAX; /* where this rule holds */

    if (level == THIN_NONE)
        return (struct thin_span){.start = s};
    for (; r->older_s; r++) {
        to = minus(now_s, r->older_s);
        if (s < to)
            break;
        from = to;
        to = INT64_MAX;
    }
    if (r->span_s) {
        int64_t into = s % r->span_s;
        int64_t start = minus(s, into < 0 ? into + r->span_s : into);
        int64_t end = plus(start, r->span_s);
        from = start > from ? start : from;
        to = end < to ? end : to;
    }
    return (struct thin_span){.start = from, .width = (uint64_t)to - (uint64_t)from};
}

bool thinning_drops(enum thin_level level, int64_t now_s, int64_t before_s, int64_t s, int64_t after_s)
{
    struct thin_span span = thinning_span(level, now_s, s);

    return thin_span_has(&span, before_s) && thin_span_has(&span, after_s);
}

void thinner_init(struct thinner *t, enum thin_level level, int64_t now_s)
{
    *t = (struct thinner){.level = level, .now_s = now_s};
}

const struct thin_row *thinner_finish(struct thinner *t)
{
    if (!t->holding)
        return NULL;
    t->holding = false;
    return &t->held;
}

size_t thinning_array(enum thin_level level, int64_t now_s, struct thin_row *rows, size_t n)
{
    const struct thin_row *kept;
    struct thinner t;
    size_t left = 0;

    thinner_init(&t, level, now_s);
    for (size_t i = 0; i < n; i++) {
        kept = thinner_push(&t, &rows[i]); /* it holds the row before: left never passes i */
        if (kept)
            rows[left++] = *kept;
    }
    kept = thinner_finish(&t);
    if (kept)
        rows[left++] = *kept;
    return left;
}
