/* A sensor board for measuring: hardware 2.1 behind a pseudo-terminal, without faults and without delay, with news
 * of every enabled sensor at each poll. It knows when it wrote the last byte of each delta; it is no simulator.
 *
 * board LINK LOG [on]   LINK becomes the line's stable name; on SIGTERM the times (CLOCK_MONOTONIC, ns) of all deltas
 *                       go to LOG, one a line. With "on" all sensors are enabled from the start. */
#include "bench.h"
#include "core/crc8.h"
#include "core/num.h"

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

#define SENSORS    6
#define PULSE_FROM 3
#define DELTAS_MAX 100000

/* Registers by the second letter of their commands: the text of value, behind the id where there is one. */
static struct reg {
    char letter;
    bool by_id;
    size_t digits;
    char value[SENSORS][17];
} regs[] = {
    {'h', false, 6, {"000201"}},       {'s', false, 4, {"0100"}}, {'p', false, 12, {"ffffffffffff"}},
    {'w', false, 4, {"0000"}},         {'b', false, 4, {"0000"}}, {'e', true, 2, {""}},
    {'m', true, 4, {""}},              {'f', true, 4, {""}},      {'c', true, 8, {""}},
};

static uint32_t counter[SENSORS];
static int64_t started_ms;
static int64_t *deltas;
static size_t n_deltas;
static volatile sig_atomic_t ended;

static void on_term(int signum)
{
    (void)signum;
    ended = 1;
}

static struct reg *find_reg(char letter)
{
    for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++)
        if (regs[i].letter == letter)
            return &regs[i];
    return NULL;
}

static void init_regs(bool on)
{
    for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++)
        for (int id = 0; regs[i].by_id && id < SENSORS; id++)
            memset(regs[i].value[id], '0', regs[i].digits);
    for (int id = 0; on && id < SENSORS; id++)
        memcpy(find_reg('e')->value[id], "01", 2);
}

/* The records of all enabled sensors, each with a counter one higher than last time. */
static size_t put_delta(char *dst)
{
    char *p = dst;
    int64_t ms = bench_now_ns() / 1000000 - started_ms;

    for (uint32_t id = 0; id < SENSORS; id++) {
        if (memcmp(find_reg('e')->value[id], "01", 2) != 0)
            continue;
        counter[id]++;
        p = num_put_hex(p, id, 2);
        p = num_put_hex(p, counter[id], 8);
        p = num_put_hex(p, 0, 4);
        p = num_put_hex(p, id < PULSE_FROM ? 200 + 100 * id + counter[id] % 1000 : (uint32_t)ms, 8);
    }
    return (size_t)(p - dst);
}

/* Reply to the command of two letters and n argument digits at msg; returns the length of the text at dst. */
static size_t answer(const char *msg, size_t n, char *dst)
{
    struct reg *r = find_reg(msg[1]);
    size_t id_digits = r && r->by_id ? 2 : 0;
    uint32_t id = 0;

    memcpy(dst, msg, 2);
    if (memcmp(msg, "gd", 2) == 0)
        return 2 + put_delta(dst + 2);
    if (!r || n < id_digits || (id_digits && (num_get_hex(msg + 2, 2, &id) < 0 || id >= SENSORS)))
        return 2;
    if (msg[0] == 's' && n >= id_digits + r->digits)
        memcpy(r->value[id], msg + 2 + id_digits, r->digits);
    if (msg[0] == 's' && r->letter == 'c')
        num_get_hex(r->value[id], 8, &counter[id]);
    memcpy(dst + 2, msg + 2, id_digits);
    memcpy(dst + 2 + id_digits, r->value[id], r->digits);
    return 2 + id_digits + r->digits;
}

/* One message "l" … "."; len without the dot. */
static void on_message(int fd, const char *msg, size_t len)
{
    char reply[256] = "l";
    uint32_t crc;
    size_t n;

    if (len < 5 || msg[0] != 'l' || num_get_hex(msg + len - 2, 2, &crc) < 0 || crc != crc8(msg + 1, len - 3)) {
        memcpy(reply + 1, "zz", 2);
        n = 2;
    } else {
        n = answer(msg + 1, len - 5, reply + 1);
    }
    num_put_hex(reply + 1 + n, crc8(reply + 1, n), 2);
    memcpy(reply + 3 + n, ".u", 2);
    if (write(fd, reply, n + 5) != (ssize_t)n + 5)
        bench_die("write");
    if (n > 2 && memcmp(reply + 1, "gd", 2) == 0 && n_deltas < DELTAS_MAX)
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
            on_message(fd, buf, (size_t)(dot - buf));
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
    init_regs(argc > 3);
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
