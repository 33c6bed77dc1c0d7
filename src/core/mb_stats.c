#include "core/mb_stats.h"

#include "core/util.h"

#include <limits.h>
#include <string.h>

#define FADE   2048 /* answers, after which each counts half */
#define MINUTE 60

/* The upper edge of a bucket, in thousandths of a millisecond: the first one's, and those of a third of an octave. */
static int64_t edge_us(unsigned bucket)
{
    static const int thirds[] = {1000, 1260, 1587};

    return ((int64_t)MB_BUCKET_US * thirds[bucket % 3] << bucket / 3) / 1000;
}

static unsigned bucket_of(int64_t took_us)
{
    unsigned i = 0;

    while (i < MB_BUCKETS - 1 && took_us > edge_us(i))
        i++;
    return i;
}

static uint64_t answers(const struct mb_stats *s)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < MB_BUCKETS; i++)
        n += s->bucket[i];
    return n;
}

static void note_answer(struct mb_stats *s, int64_t took_us)
{
    s->bucket[bucket_of(took_us)]++;
    if (answers(s) < FADE)
        return;
    for (unsigned i = 0; i < MB_BUCKETS; i++)
        s->bucket[i] /= 2;
}

/* Let the ring end at this second: those that were skipped had no error. */
static void turn_to(struct mb_stats *s, int64_t mono_s)
{
    if (mono_s - s->minute_s >= MINUTE)
        memset(s->minute, 0, sizeof s->minute);
    else
        for (int64_t t = s->minute_s + 1; t <= mono_s; t++)
            s->minute[t % MINUTE] = 0;
    if (mono_s > s->minute_s)
        s->minute_s = mono_s;
}

static void note_error(struct mb_stats *s, int64_t mono_s)
{
    turn_to(s, mono_s);
    uint16_t *n = &s->minute[s->minute_s % MINUTE];
    *n = (uint16_t)(*n < UINT16_MAX ? *n + 1 : *n);
}

void mb_stats_note(struct mb_stats *s, enum mb_outcome outcome, int exception, int64_t took_us, int64_t mono_ms)
{
    s->n[outcome]++;
    if (outcome == MB_OK || outcome == MB_EXCEPTION) /* a refusal is an answer too */
        note_answer(s, took_us);
    if (outcome == MB_EXCEPTION)
        s->exceptions[exception > 0 && exception < (int)ARRAY_LEN(s->exceptions) ? exception : 0]++;
    if (outcome != MB_OK)
        note_error(s, mono_ms / 1000);
}

int64_t mb_stats_quantile_us(const struct mb_stats *s, int part)
{
    uint64_t n = answers(s), below = 0;
    uint64_t rank = (n * (uint64_t)part + 999) / 1000;

    if (!n)
        return 0;
    if (rank < 1)
        rank = 1;
    for (unsigned i = 0;; i++) {
        if (below + s->bucket[i] >= rank) { /* as if those of a bucket were spread evenly in it */
            int64_t from = i ? edge_us(i - 1) : 0;
            return from + (edge_us(i) - from) * (int64_t)(rank - below) / s->bucket[i];
        }
        below += s->bucket[i];
    }
}

unsigned mb_stats_errors_per_minute(const struct mb_stats *s, int64_t mono_ms)
{
    int64_t now = mono_ms / 1000;
    unsigned n = 0;

    for (int64_t t = s->minute_s; t > s->minute_s - MINUTE && t > now - MINUTE && t >= 0; t--)
        n += s->minute[t % MINUTE];
    return n;
}

const char *mb_outcome_name(enum mb_outcome o)
{
    static const char *const names[] = {
        [MB_OK] = "ok",          [MB_TIMEOUT] = "timeout", [MB_CRC] = "crc", [MB_EXCEPTION] = "exception",
        [MB_BAD] = "bad answer", [MB_GONE] = "line gone",
    };

    return names[o];
}
