#include "core/host_check.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#define NAME_MAX_LEN 253 /* of a name in DNS */

/* "name", "name:80", "192.0.2.1:80", "[::1]:80" taken apart. */
struct host {
    char name[NAME_MAX_LEN + 1]; /* without brackets and without a dot at its end */
    bool brackets;
    unsigned port; /* 0: none */
};

/* ":80" or nothing. */
static bool take_port(const char *text, unsigned *port)
{
    *port = 0;
    if (!*text)
        return true;
    if (*text++ != ':' || strspn(text, "0123456789") != strlen(text) || strlen(text) > 5)
        return false;
    for (; *text; text++)
        *port = *port * 10 + (unsigned)(*text - '0');
    return *port > 0 && *port <= UINT16_MAX;
}

static bool take_host(const char *text, struct host *h)
{
    size_t n = strcspn(text, *text == '[' ? "]" : ":");
    const char *name = text;

    h->brackets = *text == '[';
    if (h->brackets) {
        if (text[n] != ']')
            return false;
        name++;
        text += n + 1;
        n--;
    } else {
        text += n;
        n -= n > 1 && name[n - 1] == '.';
    }
    if (n == 0 || n > NAME_MAX_LEN)
        return false;
    memcpy(h->name, name, n);
    h->name[n] = '\0';
    return take_port(text, &h->port);
}

/* Equal but for case and a dot at the end of either; n characters of name count. */
static bool same_name(const char *a, const char *name, size_t n)
{
    n -= n > 1 && name[n - 1] == '.';
    return strlen(a) == n && strncasecmp(a, name, n) == 0;
}

/* "name" or "name.local" */
static bool is_name_or_local(const char *a, const char *name, size_t n)
{
    static const char local[] = ".local";
    size_t len = strlen(a), tail = sizeof local - 1;

    if (n == 0)
        return false;
    return same_name(a, name, n) || (len == n + tail && strncasecmp(a, name, n) == 0 && strcasecmp(a + n, local) == 0);
}

bool host_allowed(const char *host, const struct host_names *names)
{
    struct in6_addr six;
    struct in_addr four;
    struct host h;

    if (!host || !take_host(host, &h))
        return false;
    if (h.brackets)
        return inet_pton(AF_INET6, h.name, &six) == 1;
    if (inet_pton(AF_INET, h.name, &four) == 1 || strcasecmp(h.name, "localhost") == 0)
        return true;
    if (is_name_or_local(h.name, names->host_name, strlen(names->host_name)) ||
        is_name_or_local(h.name, names->host_name, strcspn(names->host_name, ".")))
        return true;
    for (size_t i = 0; i < names->n_more; i++)
        if (same_name(h.name, names->more[i], strlen(names->more[i])))
            return true;
    return false;
}

static bool origin_is_host(const char *origin, const char *host, bool tls)
{
    static const char http[] = "http://", https[] = "https://";
    bool secure = strncasecmp(origin, https, sizeof https - 1) == 0;
    unsigned usual = secure ? 443 : 80;
    struct host a, b;

    if (!secure && (tls || strncasecmp(origin, http, sizeof http - 1) != 0))
        return false;
    origin += secure ? sizeof https - 1 : sizeof http - 1;
    if (!take_host(origin, &a) || !take_host(host, &b))
        return false;
    return a.brackets == b.brackets && strcasecmp(a.name, b.name) == 0 &&
           (a.port ? a.port : usual) == (b.port ? b.port : usual);
}

enum host_origin host_origin(const char *host, const char *origin, const char *sec_fetch_site, bool tls)
{
    bool same;

    if (sec_fetch_site)
        same = strcmp(sec_fetch_site, "same-origin") == 0 || strcmp(sec_fetch_site, "none") == 0;
    else if (origin)
        same = host && origin_is_host(origin, host, tls);
    else
        return HOST_ORIGIN_UNSAID;
    return same ? HOST_ORIGIN_SAME : HOST_ORIGIN_OTHER;
}
