/* What the host says of itself: memory, uptime, address. It never changes anything. */
#ifndef IO_SYSINFO_H
#define IO_SYSINFO_H

#include <stdint.h>

struct sysinfo_memory {
    int64_t total, free, cached, buffers; /* KiB; 0: not known */
};

void sysinfo_memory(struct sysinfo_memory *m);

/* Seconds since the boot; 0: not known. */
int64_t sysinfo_uptime_s(void);

/* The address of the first interface that is up and not loopback, IPv4 before IPv6; "" when there is none. */
void sysinfo_address(char out[46]);

/* The interface of the default route, IPv4 before IPv6; "" when there is none. */
void sysinfo_default_route(char out[16]);

#endif
