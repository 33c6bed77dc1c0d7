/* Meters on a Modbus line, by libmodbus: each answers function 4, all with the same values. It holds no code of the
 * daemon.
 *
 * mb_slave line LINK BAUD UNITS [DEAD …]   units 1 … UNITS on a pseudo-terminal that LINK points to, of which those are
 *                                          dead; an answer takes as long as its characters and the request's do at
 *                                          BAUD (0: no time)
 * mb_slave tcp PORT                        any number of devices, each a connection to 127.0.0.1:PORT
 *
 * The registers are those of an SDM630; energies rise by 1 Wh a second. On SIGUSR1 it prints a JSON line: time
 * (CLOCK_MONOTONIC), requests to the living, requests to the dead. It ends on SIGTERM. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define REGISTERS 0x0200
#define REQUEST   8 /* bytes of a read by RTU */
#define UNITS     247
#define BITS      10 /* of a character: 8N1 */
#define EVENTS    64

static volatile sig_atomic_t ended, asked;
static bool dead[UNITS + 1];
static long living_n, dead_n;
static int64_t started_ns;

static void on_signal(int signum)
{
    if (signum == SIGUSR1)
        asked = 1;
    else
        ended = 1;
}

static void say(void)
{
    asked = 0;
    printf("{\"ns\": %lld, \"living\": %ld, \"dead\": %ld}\n", (long long)bench_now_ns(), living_n, dead_n);
    fflush(stdout);
}

/* ---- what they have: floats, high word first ---- */

static void put(modbus_mapping_t *m, int first, int last, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits); /* modbus_set_float_abcd() of 3.1.6 turns the bytes of each word round */
    for (int i = first; i <= last; i += 2) {
        m->tab_input_registers[i] = (uint16_t)(bits >> 16);
        m->tab_input_registers[i + 1] = (uint16_t)bits;
    }
}

static void raise_energies(modbus_mapping_t *m)
{
    float kwh = 100 + (float)((double)(bench_now_ns() - started_ns) / 1e12);

    put(m, 0x0048, 0x004e, kwh);
    put(m, 0x0156, 0x017c, kwh);
}

static modbus_mapping_t *map(void)
{
    modbus_mapping_t *m = modbus_mapping_new(0, 0, 0, REGISTERS);

    if (!m)
        bench_die("mapping");
    started_ns = bench_now_ns();
    put(m, 0x0000, 0x001c, 42.5f);
    put(m, 0x001e, 0x0022, 0.95f);
    put(m, 0x0034, 0x003c, 127.5f);
    put(m, 0x003e, 0x003e, 0.95f);
    put(m, 0x0046, 0x0046, 50);
    raise_energies(m);
    return m;
}

/* ---- a line ---- */

static int open_line(const char *link)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY), slave;
    struct termios t;

    if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0)
        bench_die("pty");
    /* It stays open here too: the line does not hang up between two clients. */
    slave = open(ptsname(fd), O_RDWR | O_NOCTTY);
    if (slave < 0 || tcgetattr(slave, &t) < 0)
        bench_die("pty");
    cfmakeraw(&t);
    if (tcsetattr(slave, TCSANOW, &t) < 0 || symlink(ptsname(fd), link) < 0)
        bench_die(link);
    return fd;
}

static void sleep_until(int64_t ns)
{
    struct timespec t = {ns / 1000000000, ns % 1000000000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

static void answer(modbus_t *ctx, modbus_mapping_t *m, const uint8_t *request, long baud)
{
    int64_t now = bench_now_ns();
    int unit = request[0], words = request[4] << 8 | request[5];

    if (unit < 1 || unit > UNITS || dead[unit]) {
        dead_n++;
        return;
    }
    living_n++;
    if (baud)
        sleep_until(now + (REQUEST + 5 + 2 * words) * BITS * 1000000000ll / baud);
    raise_energies(m);
    modbus_set_slave(ctx, unit);
    if (modbus_reply(ctx, request, REQUEST, m) < 0)
        bench_die("reply");
}

static void serve_line(const char *link, long baud)
{
    int fd = open_line(link);
    modbus_t *ctx = modbus_new_rtu(link, 115200, 'N', 8, 1);
    modbus_mapping_t *m = map();
    uint8_t request[REQUEST];
    size_t len = 0;

    if (!ctx || modbus_set_socket(ctx, fd) < 0)
        bench_die("modbus");
    while (!ended) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (asked)
            say();
        /* Half a request is dropped when nothing more comes. */
        int ready = poll(&p, 1, len ? 20 : -1);
        if (ready == 0)
            len = 0;
        if (ready <= 0)
            continue;
        ssize_t n = read(fd, request + len, REQUEST - len);
        if (n < 0)
            bench_die("read");
        len += (size_t)n;
        if (len == REQUEST) {
            answer(ctx, m, request, baud);
            len = 0;
        }
    }
    modbus_mapping_free(m);
    modbus_free(ctx);
    unlink(link);
}

/* ---- TCP ---- */

static void watch(int epoll, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)
        bench_die("epoll");
}

static void take(modbus_t *ctx, modbus_mapping_t *m, int fd)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];

    modbus_set_socket(ctx, fd);
    int n = modbus_receive(ctx, query);
    if (n < 0) {
        close(fd);
    } else if (n > 0) {
        living_n++;
        modbus_reply(ctx, query, n, m);
    }
}

static void serve_tcp(int port)
{
    struct epoll_event events[EVENTS];
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", port);
    modbus_mapping_t *m = map();
    int epoll = epoll_create1(0), on = 1, server = ctx ? modbus_tcp_listen(ctx, 512) : -1;

    if (server < 0)
        bench_die("listen");
    watch(epoll, server);
    puts("ready");
    fflush(stdout);
    while (!ended) {
        if (asked)
            say();
        int n = epoll_wait(epoll, events, EVENTS, -1);
        raise_energies(m);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd != server) {
                take(ctx, m, fd);
                continue;
            }
            fd = accept(server, NULL, NULL);
            if (fd < 0)
                bench_die("accept");
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            watch(epoll, fd);
        }
    }
    modbus_mapping_free(m);
    modbus_free(ctx);
}

int main(int argc, char **argv)
{
    struct sigaction sa = {.sa_handler = on_signal};

    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGUSR1, &sa, NULL);
    prctl(PR_SET_TIMERSLACK, 1);
    if (argc == 3 && !strcmp(argv[1], "tcp")) {
        serve_tcp((int)bench_arg(argv[2]));
        return 0;
    }
    if (argc < 5 || strcmp(argv[1], "line") != 0) {
        errno = EINVAL;
        bench_die("mb_slave (line LINK BAUD UNITS [DEAD …] | tcp PORT)");
    }
    for (long unit = bench_arg(argv[4]) + 1; unit <= UNITS; unit++)
        dead[unit] = true;
    for (int i = 5; i < argc; i++)
        dead[bench_arg(argv[i]) & 0xff] = true;
    serve_line(argv[2], bench_arg(argv[3]));
    return 0;
}
