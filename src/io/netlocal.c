#include "io/netlocal.h"

#include "core/address.h"
#include "core/util.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static struct address_ip ip_of(const struct sockaddr *a)
{
    struct sockaddr_storage s = {.ss_family = 0};

    memcpy(&s, a, a->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    return address_ip(&s);
}

static bool is_internet(const struct sockaddr *a)
{
    return a && (a->sa_family == AF_INET || a->sa_family == AF_INET6);
}

/* The interface of an address that is valid on its link alone; 0 for all others. */
static uint32_t link_of(const struct sockaddr *a)
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)a;

    return a->sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr) ? six->sin6_scope_id : 0;
}

/* A mask of IPv4 covers the bytes in front, which are the same for all, too. A mask of no bits is no network. */
static bool is_within(const struct address_ip *ip, const struct ifaddrs *i)
{
    struct address_ip own = ip_of(i->ifa_addr), mask = ip_of(i->ifa_netmask);
    bool four = i->ifa_addr->sa_family == AF_INET, some = false;

    for (size_t k = 0; k < sizeof ip->b; k++) {
        uint8_t m = four && k < 12 ? 0xff : mask.b[k];
        some |= m && !(four && k < 12);
        if ((ip->b[k] & m) != (own.b[k] & m))
            return false;
    }
    return some;
}

bool netlocal_in(const struct ifaddrs *list, const struct sockaddr *peer)
{
    const unsigned wanted = IFF_UP, refused = IFF_LOOPBACK | IFF_POINTOPOINT;

    if (!is_internet(peer))
        return false;
    struct address_ip ip = ip_of(peer);
    for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
        if (!is_internet(i->ifa_addr) || !i->ifa_netmask || (i->ifa_flags & (wanted | refused)) != wanted)
            continue;
        if (is_within(&ip, i) && link_of(peer) == link_of(i->ifa_addr))
            return true;
    }
    return false;
}

bool netlocal(const struct sockaddr *peer)
{
    struct ifaddrs *list;

    if (!is_internet(peer) || getifaddrs(&list) < 0)
        return false;
    bool found = netlocal_in(list, peer);
    freeifaddrs(list);
    return found;
}
