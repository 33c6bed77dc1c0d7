/* Is a peer on a network that this machine is itself connected to, with no router between?
 * It asks the kernel for the interfaces' addresses each time, and keeps nothing. */
#ifndef IO_NETLOCAL_H
#define IO_NETLOCAL_H

#include <stdbool.h>
#include <sys/socket.h>

struct ifaddrs;

/* True when the address lies in the subnet of an interface that is up and is neither loopback nor point-to-point (a
 * tunnel or a modem, whose other end may stand anywhere). An IPv6 address that is valid on its link alone counts on
 * the interface it came by. IPv4 in the form of IPv6 counts as IPv4. Any other family: false. */
bool netlocal(const struct sockaddr *peer);

/* The same for a list of interfaces' addresses, as getifaddrs() gives it. */
bool netlocal_in(const struct ifaddrs *list, const struct sockaddr *peer);

#endif
