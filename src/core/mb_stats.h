/* What became of the requests to one meter: counts, how long answers take, errors per minute. Plain data that can be
 * copied under a lock; 64-bit counts never go back. It keeps no time of its own. */
#ifndef CORE_MB_STATS_H
#define CORE_MB_STATS_H

#include <stdint.h>

enum mb_outcome {
    MB_OK,
    MB_TIMEOUT,   /* nothing came in time, or it stopped half-way */
    MB_CRC,       /* a frame came, but not as it was sent */
    MB_EXCEPTION, /* the meter refused: see mb_result.exception */
    MB_BAD,       /* another unit, function or length than was asked for */
    MB_GONE,      /* the line is away */
    MB_OUTCOMES
};

#define MB_BUCKETS   48  /* of answer times: each a third of an octave wide */
#define MB_BUCKET_US 250 /* the first one ends there, the last one 13 s; slower answers are in it too */

struct mb_stats {
    uint64_t n[MB_OUTCOMES];
    uint64_t exceptions[12]; /* by code; [0]: others */
    uint32_t bucket[MB_BUCKETS];
    uint16_t minute[60];               /* errors by second of the last minute, a ring */
    int64_t minute_s;                  /* monotonic second of the newest */
    uint64_t retries, splits, drained; /* drained: bytes that nobody had asked for */
};

void mb_stats_note(struct mb_stats *s, enum mb_outcome outcome, int exception, int64_t took_us, int64_t mono_ms);

/* Of answers, in thousandths of a millisecond; 0: there was none. part in thousandths: 500, 990. Old answers fade. */
int64_t mb_stats_quantile_us(const struct mb_stats *s, int part);

unsigned mb_stats_errors_per_minute(const struct mb_stats *s, int64_t mono_ms);

const char *mb_outcome_name(enum mb_outcome o); /* "ok", "timeout", "crc", "exception", "bad answer", "line gone" */

#endif
