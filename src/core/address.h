/* Socket addresses: from the settings' text and back, and whose they are.
 * It never looks up a name: "localhost" is a word for 127.0.0.1. */
#ifndef CORE_ADDRESS_H
#define CORE_ADDRESS_H

#include "core/util.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_MAX 64 /* room for "[<45 characters>]:65535" */

/* An IPv4 or IPv6 address, "0.0.0.0" or "::" or "localhost", and a port. 0, or -1 when host is no address. */
int address_set(struct sockaddr_storage *out, const char *host, int port) MUSTCHECK;

/* Both in one text, "192.0.2.1:80" or "[2001:db8::1]:80". 0, or -1 when it is neither. */
int address_parse(struct sockaddr_storage *out, const char *text) MUSTCHECK;

/* The text that address_parse() takes. */
void address_format(char out[ADDRESS_MAX], const struct sockaddr_storage *a);

/* The host's part of an address; an IPv4 address in IPv6's form (::ffff:192.0.2.1), so that both kinds
 * compare. */
struct address_ip {
    uint8_t b[16];
};

struct address_ip address_ip(const struct sockaddr_storage *a);

/* 127.0.0.0/8 and ::1 */
bool address_is_loopback(const struct address_ip *ip);

#endif
