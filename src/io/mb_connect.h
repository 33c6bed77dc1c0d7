/* A TCP connection to a Modbus server, made by a bus thread that may wait for it. It never sends a byte. */
#ifndef IO_MB_CONNECT_H
#define IO_MB_CONNECT_H

#include "core/util.h"
#include "io/mb_link.h"

struct addrinfo;

/* A connected descriptor that does not block; or a negative errno. Every address is tried; all of them together take at
 * most connect_ms. */
int mb_connect(const struct addrinfo *addresses, int connect_ms) MUSTCHECK;

#endif
