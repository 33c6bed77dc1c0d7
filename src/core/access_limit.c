#include "core/access_limit.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* While an address' bucket fills, all together cannot have tried from more addresses than there is room for. */
static_assert(ACCESS_LIMIT_ALL_BURST + ACCESS_LIMIT_BURST * ACCESS_LIMIT_MS / ACCESS_LIMIT_ALL_MS <
                  ACCESS_LIMIT_ADDRESSES,
              "an address would be forgotten too early");

static struct address_ip key_of(const struct address_ip *ip)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct address_ip key = *ip;

    if (memcmp(ip->b, mapped, sizeof mapped) != 0 && !address_is_loopback(ip))
        memset(key.b + 8, 0, 8);
    return key;
}

/* The bucket of a key, or the one that is full for the longest time. */
static size_t find(const struct access_limit *l, const struct address_ip *key, bool *known)
{
    size_t oldest = 0;

    for (size_t i = 0; i < ACCESS_LIMIT_ADDRESSES; i++) {
        *known = l->v[i].full_ms && memcmp(&l->v[i].ip, key, sizeof *key) == 0;
        if (*known)
            return i;
        if (l->v[i].full_ms < l->v[oldest].full_ms)
            oldest = i;
    }
    return oldest;
}

/* How long until a bucket has one. */
static int64_t wait_of(int64_t full_ms, int64_t burst, int64_t interval_ms, int64_t mono_ms)
{
    int64_t wait = full_ms - mono_ms - (burst - 1) * interval_ms;

    return wait > 0 ? wait : 0;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t access_limit_take(struct access_limit *l, const struct address_ip *ip, int64_t mono_ms)
{
    struct address_ip key = key_of(ip);
    bool known;
    size_t i = find(l, &key, &known);
    int64_t own = known ? wait_of(l->v[i].full_ms, ACCESS_LIMIT_BURST, ACCESS_LIMIT_MS, mono_ms) : 0;
    int64_t wait = later(own, wait_of(l->all_full_ms, ACCESS_LIMIT_ALL_BURST, ACCESS_LIMIT_ALL_MS, mono_ms));

    if (wait)
        return wait;
    l->v[i].full_ms = later(known ? l->v[i].full_ms : 0, mono_ms) + ACCESS_LIMIT_MS;
    l->v[i].ip = key;
    l->all_full_ms = later(l->all_full_ms, mono_ms) + ACCESS_LIMIT_ALL_MS;
    return 0;
}

void access_limit_back(struct access_limit *l, const struct address_ip *ip)
{
    struct address_ip key = key_of(ip);
    bool known;
    size_t i = find(l, &key, &known);

    if (!known)
        return;
    l->v[i].full_ms -= ACCESS_LIMIT_MS;
    l->all_full_ms -= ACCESS_LIMIT_ALL_MS;
}
