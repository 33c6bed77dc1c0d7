/* An MQTT 3.1.1 subscriber on a plain socket, which takes the time before it looks at what came: it adds nothing of
 * a client library to what it measures, and never publishes.
 *
 * subscriber PORT COUNT [TOPIC …]   says "ready" when subscribed (default: all), then counts messages that are not
 * retained ones. With COUNT it ends after that many, or 3 s after the last; it prints a JSON line: messages, first and
 * last arrival (CLOCK_MONOTONIC, ns). With COUNT 0 it prints every message as "<ns> <topic> <payload>" and ends on
 * SIGTERM. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUIET_MS 3000

enum { CONNACK = 2, PUBLISH = 3, SUBACK = 9 };

static char buf[1 << 16];
static size_t len;
static long wanted, count;
static int64_t first_ns, last_ns;
static volatile sig_atomic_t ended;

static void on_term(int signum)
{
    (void)signum;
    ended = 1;
}

static int dial(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        bench_die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void send_all(int fd, const char *data, size_t n)
{
    if (write(fd, data, n) != (ssize_t)n)
        bench_die("write");
}

static void hello(int fd, char **topics, int n)
{
    char p[512], id[24];
    size_t id_len = (size_t)snprintf(id, sizeof id, "bench-sub-%d", (int)getpid());
    size_t at = 0;

    memcpy(p, "\x10\x00\x00\x04MQTT\x04\x02\x00\x00\x00\x00", 14); /* clean session, no keep-alive */
    p[1] = (char)(12 + id_len);
    p[13] = (char)id_len;
    memcpy(p + 14, id, id_len);
    send_all(fd, p, 14 + id_len);
    memcpy(p, "\x82\x00\x00\x01", 4);
    for (int i = 0; i < n; i++) {
        size_t t = strlen(topics[i]);
        if (t > 60 || at > 60)
            bench_die("topics");
        p[4 + at] = 0;
        p[5 + at] = (char)t;
        memcpy(p + 6 + at, topics[i], t);
        p[6 + at + t] = 0; /* QoS 0 */
        at += 3 + t;
    }
    p[1] = (char)(2 + at);
    send_all(fd, p, 4 + at);
}

static void on_publish(const char *body, size_t n, bool retained, int64_t now)
{
    if (retained || n < 2)
        return;
    size_t topic = (size_t)(unsigned char)body[0] << 8 | (unsigned char)body[1];
    if (!count++)
        first_ns = now;
    last_ns = now;
    if (!wanted && topic + 2 <= n)
        printf("%lld %.*s %.*s\n", (long long)now, (int)topic, body + 2, (int)(n - 2 - topic), body + 2 + topic);
}

/* Take whole packets off the buffer. */
static void on_bytes(int64_t now)
{
    size_t at = 0;

    while (len - at >= 2) {
        size_t n = 0, used = 1;
        unsigned char b;
        do {
            if (used > 4 || at + used >= len) {
                n = sizeof buf;
                break;
            }
            b = (unsigned char)buf[at + used];
            n |= (size_t)(b & 127) << 7 * (used++ - 1);
        } while (b & 128);
        if (at + used + n > len)
            break;
        int type = (unsigned char)buf[at] >> 4;
        if (type == CONNACK && buf[at + used + 1])
            bench_die("refused");
        if (type == SUBACK) {
            puts("ready");
            fflush(stdout);
        }
        if (type == PUBLISH)
            on_publish(buf + at + used, n, buf[at] & 1, now);
        at += used + n;
    }
    memmove(buf, buf + at, len - at);
    len -= at;
}

int main(int argc, char **argv)
{
    struct sigaction sa = {.sa_handler = on_term};
    char everything[] = "/sensor/#", *all[] = {everything};

    if (argc < 3) {
        errno = EINVAL;
        bench_die("subscriber PORT COUNT [TOPIC …]");
    }
    sigaction(SIGTERM, &sa, NULL);
    wanted = bench_arg(argv[2]);
    int fd = dial((int)bench_arg(argv[1])), on = 1;
    hello(fd, argc > 3 ? argv + 3 : all, argc > 3 ? argc - 3 : 1);
    while (!ended && (!wanted || count < wanted)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, wanted && count ? QUIET_MS : -1);
        if (ready == 0)
            break;
        if (ready < 0)
            continue;
        ssize_t n = read(fd, buf + len, sizeof buf - len);
        int64_t now = bench_now_ns();
        if (n <= 0)
            bench_die("broker gone");
        setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on); /* Nagle at the broker waits for our ACK */
        len += (size_t)n;
        on_bytes(now);
    }
    if (wanted)
        printf("{\"readings\": %ld, \"first_ns\": %lld, \"last_ns\": %lld}\n", count, (long long)first_ns,
               (long long)last_ns);
    close(fd);
    return 0;
}
