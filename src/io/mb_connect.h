/* A TCP connection to a Modbus server, made by a bus thread that may wait for it. It never sends a byte. */
#ifndef IO_MB_CONNECT_H
#define IO_MB_CONNECT_H

#include "core/util.h"
#include "io/mb_link.h"

/* A connected descriptor that does not block; or a negative errno, with words. Every address of the name is tried; all
 * of them together take at most connect_ms, the look-up apart. */
int mb_connect(const char *host, int port, int connect_ms, char error[MB_LINK_ERROR]) MUSTCHECK;

#endif
