/* Is a request meant for this machine, and does it come from one of its own pages? The Host header against DNS
 * rebinding, Origin and Sec-Fetch-Site against pages of other sites. It never looks up a name and knows no network. */
#ifndef CORE_HOST_CHECK_H
#define CORE_HOST_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* What this machine is called; all are compared without regard to case and to one dot at the end. */
struct host_names {
    const char *host_name;   /* gethostname(), or ""; its first label counts too, and either with ".local" behind it */
    const char *const *more; /* http.hosts: names or addresses without a port */
    size_t n_more;
};

/* True for a Host header (NULL: there is none) that holds an IPv4 address, an IPv6 address in brackets, "localhost" or
 * one of the names, with a port behind it or without. A name that somebody else's DNS may point here is none of them.
 */
bool host_allowed(const char *host, const struct host_names *names);

/* A request that changes something, from a page of this machine: what browsers say of it, each NULL when they do not.
 * Sec-Fetch-Site decides when it is there (same-origin, or none: a person's own doing), else Origin, whose host and
 * port must be those of the Host header, and whose scheme https when it came by TLS. (Without TLS it may be https as
 * well: behind a proxy that has it.) */
enum host_origin {
    HOST_ORIGIN_SAME,
    HOST_ORIGIN_OTHER,
    HOST_ORIGIN_UNSAID /* neither header: no browser of today */
};

enum host_origin host_origin(const char *host, const char *origin, const char *sec_fetch_site, bool tls);

#endif
