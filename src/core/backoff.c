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

uint32_t backoff_within(unsigned failures, uint32_t base_ms, uint32_t ceiling_ms, uint32_t random)
{
    uint64_t ceiling = base_ms;

    for (; failures > 1 && ceiling < ceiling_ms && ceiling; failures--)
        ceiling *= 2;
    if (ceiling > ceiling_ms)
        ceiling = ceiling_ms;
    return (uint32_t)(random * (ceiling + 1) >> 32);
}

uint32_t backoff_ms(const struct backoff *b, uint32_t random)
{
    return backoff_within(b->failures + b->kicks, BACKOFF_BASE_MS, BACKOFF_CEILING_MS, random);
}
