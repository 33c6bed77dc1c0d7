/* Names of Modbus servers looked up beside a bus thread, which goes on meanwhile and may end: a look-up takes as long
 * as the name servers let it, half a minute when none answers. It needs more stack than a bus thread has, too. */
#ifndef IO_MB_NAMES_H
#define IO_MB_NAMES_H

#include "core/util.h"
#include "io/mb_link.h"

struct addrinfo;
struct mb_look_up;

/* Begin. woken(ctx) is called once, by another thread, when it is done; never after mb_look_up_free(). */
struct mb_look_up *mb_look_up_new(const char *host, int port, void (*woken)(void *ctx), void *ctx);

/* 1: *list is set, the caller's (freeaddrinfo()); 0: it is not done yet; negative: the name leads nowhere, words say
 * why. */
int mb_look_up_take(struct mb_look_up *l, struct addrinfo **list, char error[MB_LINK_ERROR]) MUSTCHECK;

/* Done or not. */
void mb_look_up_free(struct mb_look_up *l);

#endif
