/* How often somebody may try to log in: a token bucket for each address and one for all together.
 * It asks no clock and never forgets an address before its bucket is full again. */
#ifndef CORE_ACCESS_LIMIT_H
#define CORE_ACCESS_LIMIT_H

#include "core/address.h"

#include <stddef.h>
#include <stdint.h>

#define ACCESS_LIMIT_BURST     5     /* tries at once from one address, */
#define ACCESS_LIMIT_MS        20000 /* and one more each 20 s */
#define ACCESS_LIMIT_ALL_BURST 10    /* from all addresses together */
#define ACCESS_LIMIT_ALL_MS    5000

#define ACCESS_LIMIT_ADDRESSES 64

/* A bucket as the time at which it will be full: each try moves it, up to burst times the interval ahead of now. */
struct access_limit {
    struct {
        struct address_ip ip; /* of IPv6 the first 64 bits: who has one address there has them all */
        int64_t full_ms;
    } v[ACCESS_LIMIT_ADDRESSES];
    int64_t all_full_ms;
};

/* One try from this address at mono_ms (> 0). 0: go on; else milliseconds until one is allowed, and nothing was taken.
 */
int64_t access_limit_take(struct access_limit *l, const struct address_ip *ip, int64_t mono_ms);

/* The try was a good one: it is given back. */
void access_limit_back(struct access_limit *l, const struct address_ip *ip);

#endif
