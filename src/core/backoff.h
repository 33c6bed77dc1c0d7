/* Full-jitter back-off for anything that is connected or opened again for ever: how long to wait before the
 * next try. It never reads a clock nor draws a random number: the caller hands it both. */
#ifndef CORE_BACKOFF_H
#define CORE_BACKOFF_H

#include <stdint.h>

#define BACKOFF_BASE_MS    1000  /* ceiling of the first wait */
#define BACKOFF_CEILING_MS 60000 /* pitfall 3: neither too eager nor too lazy, and never given up */
#define BACKOFF_STEADY_MS  60000 /* up for this long: whatever went wrong before is over */

struct backoff {
    unsigned failures; /* tries that failed, in a row */
    unsigned kicks;    /* connections lost young, in a row and without a failed try in between: what a second client
                          with the same id does to this one (pitfall 2), and a broker's restart does not */
};

/* A try failed. */
void backoff_failed(struct backoff *b);

/* What was up for up_ms is lost. */
void backoff_lost(struct backoff *b, int64_t up_ms);

/* Milliseconds to wait now: evenly spread from 0 to a ceiling that doubles with each failure or kick in a
 * row. random is 32 random bits. */
uint32_t backoff_ms(const struct backoff *b, uint32_t random);

/* The same for what has other limits: evenly spread from 0 to base_ms after none or one failure, doubled with each
 * further one, never over ceiling_ms. */
uint32_t backoff_within(unsigned failures, uint32_t base_ms, uint32_t ceiling_ms, uint32_t random);

#endif
