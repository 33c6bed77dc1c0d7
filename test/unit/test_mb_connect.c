/* Connecting to one of several addresses, on loopback: a server that takes no more connections is as silent as a host
 * behind a firewall. */
#include "unit.h"

#include "io/mb_connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FILL 8 /* more than a queue of length 0 holds */

struct server {
    int fd, clients[FILL];
    struct sockaddr_in at;
    struct addrinfo info;
};

static void start(struct server *s, int queue)
{
    socklen_t len = sizeof s->at;

    s->at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&s->at, len), 0);
    assert_int_equal(listen(s->fd, queue), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&s->at, &len), 0);
    s->info = (struct addrinfo){.ai_family = AF_INET, .ai_addr = (struct sockaddr *)&s->at, .ai_addrlen = sizeof s->at};
    for (int i = 0; i < FILL; i++)
        s->clients[i] = -1;
}

/* Its queue is full: it answers nobody from now on. */
static void fill(struct server *s)
{
    for (int i = 0; i < FILL; i++) {
        s->clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(connect(s->clients[i], (struct sockaddr *)&s->at, sizeof s->at) == 0 || errno == EINPROGRESS);
    }
}

static void stop(struct server *s)
{
    for (int i = 0; i < FILL; i++)
        if (s->clients[i] >= 0)
            close(s->clients[i]);
    close(s->fd);
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* IPv6 that leads nowhere stands before IPv4 in many a list. */
static void a_silent_address_leaves_time_for_the_next(void **state)
{
    struct server mute, good;

    (void)state;
    start(&mute, 0);
    fill(&mute);
    start(&good, 4);
    mute.info.ai_next = &good.info;
    int64_t before = now_ms();
    int fd = mb_connect(&mute.info, 2000);
    assert_true(fd >= 0);
    assert_in_range(now_ms() - before, 999, 1900); /* half of it is left: a network needs more than loopback */
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &len), 0);
    assert_int_equal(peer.sin_port, good.at.sin_port);
    close(fd);
    stop(&mute);
    stop(&good);
}

static void all_of_the_time_and_no_more(void **state)
{
    struct server mute;

    (void)state;
    start(&mute, 0);
    fill(&mute);
    int64_t before = now_ms();
    assert_int_equal(mb_connect(&mute.info, 300), -ETIMEDOUT);
    assert_true(now_ms() - before >= 299);
    stop(&mute);
}

static void who_is_not_there_says_so(void **state)
{
    struct server none;

    (void)state;
    start(&none, 0);
    stop(&none);
    assert_int_equal(mb_connect(&none.info, 1000), -ECONNREFUSED);
    assert_int_equal(mb_connect(NULL, 1000), -EHOSTUNREACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_address_leaves_time_for_the_next),
        cmocka_unit_test(all_of_the_time_and_no_more),
        cmocka_unit_test(who_is_not_there_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
