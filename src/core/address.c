#include "core/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

int address_set(struct sockaddr_storage *out, const char *host, int port)
{
    struct in_addr four;
    struct in6_addr six;

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &four) == 1)
        *(struct sockaddr_in *)out =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = four};
    else if (inet_pton(AF_INET6, host, &six) == 1)
        *(struct sockaddr_in6 *)out =
            (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = six};
    else
        return -1;
    return 0;
}

/* 1..65535, or -1 */
static int get_port(const char *text)
{
    int port = 0;

    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9')
            return -1;
        port = port * 10 + (*p - '0');
        if (port > UINT16_MAX)
            return -1;
    }
    return port ? port : -1;
}

int address_parse(struct sockaddr_storage *out, const char *text)
{
    char host[ADDRESS_MAX];
    bool six = *text == '[';
    const char *start = text + six;
    const char *end = strchr(start, six ? ']' : ':');
    const char *colon = end ? end + six : "";
    int port = *colon == ':' ? get_port(colon + 1) : -1;

    if (port < 0 || (size_t)(end - start) >= sizeof host)
        return -1;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    if (address_set(out, host, port) < 0)
        return -1;
    return six == (out->ss_family == AF_INET6) ? 0 : -1;
}

void address_format(char out[ADDRESS_MAX], const struct sockaddr_storage *a)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)a;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;
    char host[INET6_ADDRSTRLEN] = "";

    if (a->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        snprintf(out, ADDRESS_MAX, "[%s]:%u", host, ntohs(six->sin6_port));
    } else {
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        snprintf(out, ADDRESS_MAX, "%s:%u", host, ntohs(four->sin_port));
    }
}

struct address_ip address_ip(const struct sockaddr_storage *a)
{
    struct address_ip ip = {{[10] = 0xff, [11] = 0xff}};

    if (a->ss_family == AF_INET6)
        memcpy(ip.b, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
    else
        memcpy(ip.b + 12, &((const struct sockaddr_in *)a)->sin_addr, 4);
    return ip;
}

bool address_is_loopback(const struct address_ip *ip)
{
    static const uint8_t six[16] = {[15] = 1}, four[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};

    return memcmp(ip->b, six, sizeof six) == 0 || memcmp(ip->b, four, sizeof four) == 0;
}
