/* A sensor board for measuring (fake_board.h) behind a pseudo-terminal. It knows when it wrote the last byte of each
 * delta, and it never makes a mistake.
 *
 * board LINK LOG [on]   LINK becomes the line's stable name; on SIGTERM the times (CLOCK_MONOTONIC, ns) of all deltas
 *                       go to LOG, one a line. With "on" all sensors are enabled from the start. */
#include "bench.h"
#include "fake_board.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define DELTAS_MAX 100000

static int64_t started_ms;
static int64_t *deltas;
static size_t n_deltas;
static volatile sig_atomic_t ended;

static void on_term(int signum)
{
    (void)signum;
    ended = 1;
}

static void on_message(int fd, const char *msg, size_t len)
{
    char reply[FAKE_BOARD_REPLY];
    bool delta;
    size_t n = fake_board_reply(msg, len, (uint32_t)(bench_now_ns() / 1000000 - started_ms), reply, &delta);

    if (write(fd, reply, n) != (ssize_t)n)
        bench_die("write");
    if (delta && n_deltas < DELTAS_MAX)
        deltas[n_deltas++] = bench_now_ns();
}

static int open_line(const char *link)
{
    struct termios t;
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0)
        bench_die("pty");
    int slave = open(ptsname(fd), O_RDWR | O_NOCTTY | O_CLOEXEC); /* kept: the line lives on without a reader */
    if (slave < 0 || tcgetattr(slave, &t) < 0)
        bench_die("pty");
    cfmakeraw(&t);
    tcsetattr(slave, TCSANOW, &t);
    unlink(link);
    if (symlink(ptsname(fd), link) < 0)
        bench_die(link);
    return fd;
}

static void serve(int fd)
{
    char buf[256];
    size_t len = 0;

    while (!ended) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, -1) < 0)
            continue;
        ssize_t n = read(fd, buf + len, sizeof buf - len);
        if (n <= 0)
            bench_die("line");
        len += (size_t)n;
        char *dot = memchr(buf, '.', len);
        if (dot)
            on_message(fd, buf, (size_t)(dot + 1 - buf));
        if (dot || len == sizeof buf)
            len = 0; /* one message at a time: what came behind it is lost */
    }
}

int main(int argc, char **argv)
{
    struct sigaction sa = {.sa_handler = on_term};

    if (argc < 3) {
        errno = EINVAL;
        bench_die("board LINK LOG [on]");
    }
    deltas = calloc(DELTAS_MAX, sizeof *deltas);
    if (!deltas)
        bench_die("memory");
    sigaction(SIGTERM, &sa, NULL);
    started_ms = bench_now_ns() / 1000000;
    fake_board_init(argc > 3);
    serve(open_line(argv[1]));
    FILE *log = fopen(argv[2], "w");
    if (!log)
        bench_die(argv[2]);
    for (size_t i = 0; i < n_deltas; i++)
        fprintf(log, "%lld\n", (long long)deltas[i]);
    fclose(log);
    unlink(argv[1]);
    free(deltas);
    return 0;
}
