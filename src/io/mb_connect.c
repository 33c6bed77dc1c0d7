#include "io/mb_connect.h"

#include "core/limits.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What was sent and nobody takes: a server that lost its power is noticed after this, whatever the line's timeouts. */
#define UNHEARD_MS 10000

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 0, or a negative errno. */
static int finish(int fd, int64_t deadline_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0, rc;
    socklen_t len = sizeof error;

    do {
        int64_t left = deadline_ms - now_ms();
        rc = poll(&p, 1, left > 0 ? (int)left : 0);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return -errno;
    if (rc == 0)
        return -ETIMEDOUT;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    return -error;
}

/* A connected descriptor, or a negative errno. */
static int try_one(const struct addrinfo *a, int64_t deadline_ms)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, unheard = UNHEARD_MS, rc = -EMFILE;

    if (fd < 0)
        return -errno;
    if (fd >= LIMIT_DESCRIPTOR)
        goto fail;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard, sizeof unheard);
    rc = connect(fd, a->ai_addr, a->ai_addrlen) < 0 ? -errno : 0;
    if (rc == -EINPROGRESS)
        rc = finish(fd, deadline_ms);
    if (rc == 0)
        return fd;
fail:
    close(fd);
    return rc;
}

/* Each gets its share of the time that is left: one that is silent leaves some for those behind it. */
int mb_connect(const struct addrinfo *addresses, int connect_ms)
{
    int64_t deadline_ms = now_ms() + connect_ms;
    int rc = -EHOSTUNREACH, left = 0;

    for (const struct addrinfo *a = addresses; a; a = a->ai_next)
        left++;
    for (const struct addrinfo *a = addresses; a && rc < 0; a = a->ai_next) {
        int64_t now = now_ms();
        rc = try_one(a, now + (deadline_ms - now) / left--);
    }
    return rc;
}
