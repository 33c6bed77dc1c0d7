#include "io/sysinfo.h"

#include "core/util.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/route.h>

void sysinfo_memory(struct sysinfo_memory *m)
{
    struct {
        const char *name;
        int64_t *value;
    } wanted[] = {{"MemTotal", &m->total}, {"MemFree", &m->free}, {"Cached", &m->cached}, {"Buffers", &m->buffers}};
    FILE *f = fopen("/proc/meminfo", "re");
    char name[32];
    int64_t kib;

    *m = (struct sysinfo_memory){0};
    while (f && fscanf(f, "%31[^:]: %" SCNd64 "%*[^\n] ", name, &kib) == 2)
        for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
            if (strcmp(name, wanted[i].name) == 0)
                *wanted[i].value = kib;
    if (f)
        fclose(f);
}

int64_t sysinfo_uptime_s(void)
{
    struct timespec t;

    return clock_gettime(CLOCK_BOOTTIME, &t) == 0 ? t.tv_sec : 0;
}

static const void *address_of(const struct sockaddr *a, int family)
{
    if (!a || a->sa_family != family)
        return NULL;
    return family == AF_INET ? (const void *)&((const struct sockaddr_in *)(const void *)a)->sin_addr
                             : (const void *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
}

void sysinfo_address(char out[46])
{
    static const int families[] = {AF_INET, AF_INET6};
    struct ifaddrs *all = NULL;

    out[0] = '\0';
    if (getifaddrs(&all) < 0)
        return;
    for (size_t f = 0; f < ARRAY_LEN(families) && !out[0]; f++) {
        for (const struct ifaddrs *i = all; i && !out[0]; i = i->ifa_next) {
            const void *address = address_of(i->ifa_addr, families[f]);
            if (address && i->ifa_flags & IFF_UP && !(i->ifa_flags & IFF_LOOPBACK))
                inet_ntop(families[f], address, out, 46);
        }
    }
    freeifaddrs(all);
}

/* Interface, destination, gateway and flags of each route, and its mask; below a line of headings. */
static void default_route_4(char out[16])
{
    FILE *f = fopen("/proc/net/route", "re");
    char name[16];
    unsigned destination, flags, mask;

    if (f && fscanf(f, "%*[^\n]") >= 0)
        while (!out[0] && fscanf(f, "%15s %x %*x %x %*d %*d %*d %x%*[^\n]", name, &destination, &flags, &mask) == 4)
            if (destination == 0 && mask == 0 && flags & RTF_UP && !(flags & RTF_REJECT))
                snprintf(out, 16, "%s", name);
    if (f)
        fclose(f);
}

/* Destination, its length, source, its length, next hop, metric, two counts, flags, interface. */
static void default_route_6(char out[16])
{
    FILE *f = fopen("/proc/net/ipv6_route", "re");
    char destination[33], name[16];
    unsigned length, flags;

    while (f && !out[0] &&
           fscanf(f, "%32s %x %*s %*x %*s %*x %*x %*x %x %15s", destination, &length, &flags, name) == 4)
        if (length == 0 && strspn(destination, "0") == 32 && flags & RTF_UP && !(flags & RTF_REJECT))
            snprintf(out, 16, "%s", name);
    if (f)
        fclose(f);
}

void sysinfo_default_route(char out[16])
{
    out[0] = '\0';
    default_route_4(out);
    if (!out[0])
        default_route_6(out);
}
