/* A TLS handshake costs a signature, milliseconds on a small machine, and the library makes all that are due in one
 * turn. So of the TLS connections whose handshake is not made yet, a few at a time are left to it; the others wait
 * here, oldest first, as clients of a full house do. A client that is quick notices nothing. */
#include "io/httpd_inner.h"

#include <string.h>
#include <sys/socket.h>

#define CIPHER_NULL  1 /* GnuTLS's; as long as a session has it, the signature is still to be made */
#define FRESH_MAX    6
#define FRESH_PER_IP 3 /* so that one client cannot shut out the others */
#define DRAIN_BYTES  (1u << 20)
#define DRAIN_CALLS  4

void httpd_lobby_enter(struct httpd_conn *c)
{
    c->waits = true;
    c->h->n_waiting++;
    httpd_pause(c);
    httpd_run_soon(c->h);
}

void httpd_lobby_leave(struct httpd_conn *c)
{
    c->h->n_waiting -= c->waits;
    c->h->n_fresh -= c->fresh;
    c->waits = c->fresh = false;
}

static unsigned fresh_of_ip(const struct httpd *h, const struct address_ip *ip)
{
    unsigned n = 0;

    for (const struct httpd_conn *c = h->conns; c; c = c->next)
        n += c->fresh && memcmp(&c->from.ip, ip, sizeof *ip) == 0;
    return n;
}

static struct httpd_conn *next_in_line(const struct httpd *h)
{
    struct httpd_conn *oldest = NULL; /* new ones stand first in the list */

    for (struct httpd_conn *c = h->conns; c; c = c->next)
        if (c->waits && fresh_of_ip(h, &c->from.ip) < FRESH_PER_IP)
            oldest = c;
    return oldest;
}

static bool has_cipher(const struct httpd_conn *c)
{
    const void *info = c->h->mhd->get_connection_info(c->mc, MHD_CONNECTION_INFO_CIPHER_ALGO);
    int cipher = CIPHER_NULL;

    if (info)
        memcpy(&cipher, info, sizeof cipher); /* it is no whole union, nor aligned as one */
    return cipher > CIPHER_NULL;
}

void httpd_lobby_admit(struct httpd *h)
{
    struct httpd_conn *c;

    for (c = h->n_fresh ? h->conns : NULL; c; c = c->next)
        if (c->fresh && has_cipher(c))
            httpd_lobby_leave(c);
    while (h->n_waiting && h->n_fresh < FRESH_MAX && (c = next_in_line(h))) {
        httpd_lobby_leave(c);
        c->fresh = true;
        h->n_fresh++;
        httpd_go_on(c);
    }
}

/* What it sent is thrown away: the library shall find the end, not a handshake to make. */
void httpd_lobby_expire(struct httpd_conn *c)
{
    httpd_lobby_leave(c);
    shutdown(c->from.fd, SHUT_RDWR);
    for (int i = 0; i < DRAIN_CALLS; i++)
        if (recv(c->from.fd, NULL, DRAIN_BYTES, MSG_TRUNC | MSG_DONTWAIT) <= 0)
            break;
    httpd_go_on(c);
}
