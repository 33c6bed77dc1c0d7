/* The descriptor budget: what each part may hold open at most, in one place, because the sum is bounded
 * (libmodbus 3.1.6 aborts on a descriptor of 1024 or more). It holds numbers only. */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

#define LIMIT_HTTP_CONNECTIONS 128 /* over all listening addresses, with TLS and without */
#define LIMIT_HTTP_PER_IP      64  /* half of them, so that one client cannot shut out the others */
#define LIMIT_HTTP_SOCKET      16  /* of the Unix socket, beside the others: who is on the gateway always gets in */
#define LIMIT_HTTP_LINGERS     16  /* connections that only wait for a refusal to be read */
#define LIMIT_BUSES            512  /* a descriptor each, two of a serial line */
#define LIMIT_LINES            64   /* with telegrams: a descriptor each */
#define LIMIT_PROXY            32   /* clients of the buses' Modbus TCP proxies, and as many listening sockets */
#define LIMIT_DESCRIPTOR       1000 /* a Modbus line with this number or a higher one is not opened */

#endif
