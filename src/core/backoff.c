#include "core/backoff.h"

void backoff_failed(struct backoff *b)
{
    b->failures++;
    b->kicks = 0;
}

void backoff_lost(struct backoff *b, int64_t up_ms)
{
    b->failures = 0;
    b->kicks = up_ms < BACKOFF_STEADY_MS ? b->kicks + 1 : 0;
}

uint32_t backoff_ms(const struct backoff *b, uint32_t random)
{
    uint32_t ceiling = BACKOFF_BASE_MS;

    for (unsigned n = b->failures + b->kicks; n > 1 && ceiling < BACKOFF_CEILING_MS; n--)
        ceiling *= 2;
    if (ceiling > BACKOFF_CEILING_MS)
        ceiling = BACKOFF_CEILING_MS;
    return (uint32_t)((uint64_t)random * (ceiling + 1) >> 32);
}
