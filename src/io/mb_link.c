#include "io/mb_link.h"

#include "core/limits.h"
#include "core/mb_frame.h"
#include "core/mb_speed.h"
#include "io/mb_connect.h"
#include "io/modbus_load.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SILENCE_US  1750 /* at least, between two frames on a wire: 3.5 characters at 19200 baud (the standard's) */
#define REMOTE_BAUD 9600 /* of a line behind a serial server: what its bytes may take at most */
#define CUT_US      50000 /* an answer that stops for this long in the middle is over; adapters hand on in lots of 16 ms */
#define GARBLED     5     /* bytes that no frame holds: as many as the shortest answer has */
#define NEVER       INT64_MAX

struct mb_link {
    const struct modbus *lib; /* NULL: MBAP */
    modbus_t *ctx;
    int fd;       /* that of ctx, but of MBAP our own */
    int lock;     /* a second descriptor of a serial line, which holds the lock; -1 */
    char *device; /* NULL: TCP */
    enum mb_rs485 rs485;
    int64_t char_us; /* what a character takes; 0: nothing that counts (MBAP) */
    int64_t last_us; /* when the last byte went or came */
    uint16_t transaction;
    struct mb_link_seen seen;
    size_t len;
    uint8_t buf[2 * MB_FRAME_MBAP]; /* what came since the request */
};

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- opening ---- */

static int64_t char_time_us(int baud, char parity, int stop_bits)
{
    return (1000000 * (9 + (parity != 'N') + stop_bits) + baud - 1) / baud;
}

static int set_rs485(struct mb_link *l, const char **what)
{
    *what = "its RS-485 mode cannot be set (has the adapter one? most need none)";
    if (l->rs485 == MB_RS485_KERNEL && l->lib->rtu_set_serial_mode(l->ctx, MODBUS_RTU_RS485) < 0)
        return -1;
    *what = "its RTS line cannot be set";
    if (l->rs485 == MB_RS485_RTS && l->lib->rtu_set_rts(l->ctx, MODBUS_RTU_RTS_UP) < 0)
        return -1;
    if (l->rs485 == MB_RS485_RTS_LOW && l->lib->rtu_set_rts(l->ctx, MODBUS_RTU_RTS_DOWN) < 0)
        return -1;
    return 0;
}

/* 0, or -1 with errno and what failed; ctx may be there then. */
static int connect_serial(struct mb_link *l, int baud, char parity, int stop_bits, const char **what)
{
    *what = "its speed is none that can be set";
    errno = EINVAL;
    if (!mb_speed_known(baud))
        return -1;
    *what = "cannot open it";
    l->ctx = l->lib->new_rtu(l->device, baud, parity, 8, stop_bits);
    if (!l->ctx || l->lib->connect(l->ctx) < 0)
        return -1;
    l->fd = l->lib->get_socket(l->ctx);
    l->char_us = char_time_us(baud, parity, stop_bits);
    *what = "too many files are open";
    errno = EMFILE;
    if (l->fd >= LIMIT_DESCRIPTOR)
        return -1;
    *what = "cannot have it alone";
    if (ioctl(l->fd, TIOCEXCL) < 0 || tcflush(l->fd, TCIOFLUSH) < 0)
        return -1;
    return set_rs485(l, what);
}

/* What is still to be sent has nobody to wait for it; and the line is free again for others than root. */
static void disconnect(struct mb_link *l)
{
    if (!l->ctx)
        return;
    if (l->device && l->fd >= 0) {
        tcflush(l->fd, TCIOFLUSH);
        ioctl(l->fd, TIOCNXCL);
    }
    l->lib->close(l->ctx);
    l->lib->free(l->ctx);
    l->ctx = NULL;
    l->fd = -1;
}

static int serial_failed(const struct mb_link *l, const char *what, char error[MB_LINK_ERROR])
{
    int e = errno;

    snprintf(error, MB_LINK_ERROR, "%.60s: %.64s: %.30s", l->device, what, strerror(e));
    return -e;
}

static int open_serial(struct mb_link *l, const struct mb_line *line, char error[MB_LINK_ERROR])
{
    const char *what;

    /* The lock comes first: whoever has the line keeps its settings. */
    l->device = must(strdup(line->device));
    l->rs485 = line->rs485;
    l->lock = open(line->device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    what = errno == EACCES ? "cannot open it (is the user in the group dialout?)" : "cannot open it";
    if (l->lock < 0)
        return serial_failed(l, what, error);
    if (!isatty(l->lock)) {
        snprintf(error, MB_LINK_ERROR, "%.60s: it is no serial line", l->device);
        return -ENOTTY;
    }
    if (flock(l->lock, LOCK_EX | LOCK_NB) < 0)
        return serial_failed(l, "another program has it", error);
    if (connect_serial(l, line->baud, line->parity, line->stop_bits, &what) < 0)
        return serial_failed(l, what, error);
    return 0;
}

static int open_tcp(struct mb_link *l, const struct mb_line *line, int connect_ms, char error[MB_LINK_ERROR])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST}, *own = NULL;
    char service[12];

    snprintf(service, sizeof service, "%d", line->port);
    int e = line->addresses ? 0 : getaddrinfo(line->host, service, &hints, &own);
    if (e != 0) {
        snprintf(error, MB_LINK_ERROR, "%.100s: %s", line->host, gai_strerror(e));
        return -EHOSTUNREACH;
    }
    int fd = mb_connect(own ? own : line->addresses, connect_ms);
    if (own)
        freeaddrinfo(own);
    if (fd < 0) {
        snprintf(error, MB_LINK_ERROR, "%.100s:%d: %s", line->host, line->port, strerror(-fd));
        return fd;
    }
    l->fd = fd;
    if (!line->rtu)
        return 0;
    l->char_us = char_time_us(REMOTE_BAUD, 'E', 1);
    l->ctx = must(l->lib->new_rtu("tcp", REMOTE_BAUD, 'N', 8, 1));
    l->lib->set_socket(l->ctx, fd);
    return 0;
}

int mb_link_open(struct mb_link **link, const struct mb_line *line, int connect_ms, char error[MB_LINK_ERROR])
{
    struct mb_link *l = must(calloc(1, sizeof *l));
    const char *why;
    int rc = -ENOSYS;

    l->fd = l->lock = -1;
    if ((line->device || line->rtu) && !(l->lib = modbus_load(&why))) {
        snprintf(error, MB_LINK_ERROR, "libmodbus cannot be loaded: %.120s", why);
        goto fail;
    }
    rc = line->device ? open_serial(l, line, error) : open_tcp(l, line, connect_ms, error);
    if (rc < 0)
        goto fail;
    *link = l;
    return 0;
fail:
    mb_link_close(l);
    return rc;
}

void mb_link_close(struct mb_link *l)
{
    if (!l->ctx && l->fd >= 0) /* else libmodbus closes it */
        close(l->fd);
    disconnect(l);
    if (l->lock >= 0)
        close(l->lock);
    free(l->device);
    free(l);
}

int mb_link_speed(struct mb_link *l, int baud, char parity, int stop_bits, char error[MB_LINK_ERROR])
{
    const char *what;

    if (!l->device)
        return 0;
    disconnect(l);
    return connect_serial(l, baud, parity, stop_bits, &what) < 0 ? serial_failed(l, what, error) : 0;
}

/* ---- bytes ---- */

/* 1: there are bytes; 0: none until then; -1: the line is gone (errno). */
static int wait_until(const struct mb_link *l, int64_t until_us)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};
    int rc;

    do {
        int64_t left = until_us - now_us();
        struct timespec t = {0};
        if (left > 0)
            t = (struct timespec){.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
        rc = ppoll(&p, 1, &t, NULL);
    } while (rc < 0 && errno == EINTR);
    if (rc <= 0)
        return rc;
    if (p.revents & POLLIN)
        return 1;
    errno = ECONNRESET;
    return -1;
}

/* What there is, to p: its number; 0: none there after all; -1: the line is gone. */
static ssize_t take(struct mb_link *l, uint8_t *p, size_t size)
{
    ssize_t n = read(l->fd, p, size);

    if (n > 0) {
        l->last_us = now_us();
        return n;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n == 0)
        errno = ECONNRESET;
    return -1;
}

/* How long the line is silent between two frames. */
static int64_t silence_us(const struct mb_link *l)
{
    return l->char_us * 7 / 2 > SILENCE_US ? l->char_us * 7 / 2 : SILENCE_US;
}

/* The line as it must be before a request: silent for long enough, and nothing left to read. */
static int make_ready(struct mb_link *l)
{
    int64_t free_us = l->device ? l->last_us + silence_us(l) : 0;
    uint8_t old[MB_FRAME_RTU];
    int rc;

    if (!l->lib)
        return 0; /* transactions tell */
    /* A line that never falls silent is noise: the answer must find its way through it. */
    for (int i = 0; (rc = wait_until(l, i < 4 ? free_us : 0)) > 0 && i < 8; i++) {
        ssize_t n = take(l, old, sizeof old);
        if (n < 0)
            return -1;
        l->seen.noise += (size_t)n;
    }
    return rc < 0 ? -1 : 0;
}

/* 0, or -1: what should carry it takes no bytes any more. */
static int send_request(struct mb_link *l, const struct mb_request *r)
{
    uint8_t out[12];
    size_t len = l->lib ? mb_frame_put_rtu(r, out) : mb_frame_put_mbap(r, out);

    if (l->lib) {
        errno = EIO;                                                         /* of a part alone nothing is said */
        if (l->lib->send_raw_request(l->ctx, out, (int)len - 2) != (int)len) /* it adds the CRC */
            return -1;
        /* RTS is driven by who sleeps over the bytes; else they are still under way. */
        bool gone = l->rs485 == MB_RS485_RTS || l->rs485 == MB_RS485_RTS_LOW;
        l->last_us = now_us() + (l->device && !gone ? (int64_t)len * l->char_us : 0);
        return 0;
    }
    if (send(l->fd, out, len, MSG_NOSIGNAL) != (ssize_t)len)
        return -1;
    l->last_us = now_us();
    return 0;
}

static enum mb_found look(struct mb_link *l, const struct mb_request *r, struct mb_answer *a)
{
    return l->lib ? mb_frame_find_rtu(r, l->buf, l->len, a) : mb_frame_find_mbap(r, l->buf, l->len, a);
}

/* Why there is no answer. */
static enum mb_outcome verdict(const struct mb_link *l, const struct mb_answer *a)
{
    if (a->stray || (!l->lib && a->noise > 0))
        return MB_BAD;
    return !a->half && a->noise >= GARBLED ? MB_CRC : MB_TIMEOUT;
}

/* How long to go on after these bytes: an answer that came garbled is over when the line is, and its own time is no
 * fault of an answer that came late, but whole. */
static int64_t give_up_us(const struct mb_link *l, const struct mb_answer *a, int64_t first_us, int64_t deadline_us,
                          const struct mb_request *r)
{
    int64_t whole_us = first_us + (int64_t)(mb_frame_answer_len(r) + MB_FRAME_REQUEST) * l->char_us * 5 / 4 + CUT_US;

    if (!l->lib)
        return a->noise > 0 ? 0 : deadline_us;
    if (!a->half && !a->stray && a->noise >= GARBLED)
        return l->last_us + CUT_US;
    return whole_us > deadline_us ? whole_us : deadline_us;
}

static enum mb_found listen_for(struct mb_link *l, const struct mb_request *r, int timeout_ms, struct mb_answer *a,
                                enum mb_outcome *outcome)
{
    int64_t deadline_us = l->last_us + (int64_t)timeout_ms * 1000, until_us = deadline_us, first_us = 0;
    int rc;

    *a = (struct mb_answer){0};
    while ((rc = wait_until(l, until_us)) > 0) {
        ssize_t n = take(l, l->buf + l->len, sizeof l->buf - l->len);
        if (n < 0) {
            rc = -1;
            break;
        }
        l->len += (size_t)n;
        enum mb_found found = look(l, r, a);
        if (found != MB_FOUND_NOTHING)
            return found;
        if (l->len == sizeof l->buf) { /* a flood: what an answer may still begin in stays */
            l->len = MB_FRAME_MBAP;
            memmove(l->buf, l->buf + sizeof l->buf - l->len, l->len);
        }
        first_us = first_us ? first_us : l->last_us;
        until_us = give_up_us(l, a, first_us, deadline_us, r);
    }
    *outcome = rc < 0 ? MB_GONE : verdict(l, a);
    return MB_FOUND_NOTHING;
}

enum mb_outcome mb_link_read(struct mb_link *l, int unit, int function, int address, int count, int timeout_ms,
                             uint16_t *words, int *exception)
{
    struct mb_request r = {.unit = (uint8_t)unit,
                           .function = (uint8_t)function,
                           .address = (uint16_t)address,
                           .count = (uint16_t)count,
                           .transaction = ++l->transaction};
    enum mb_outcome outcome = MB_GONE;
    struct mb_answer a;

    l->seen = (struct mb_link_seen){0};
    l->len = 0;
    if (make_ready(l) < 0 || send_request(l, &r) < 0) {
        l->seen.error = errno;
        return MB_GONE;
    }
    int64_t sent_us = l->last_us;
    enum mb_found found = listen_for(l, &r, timeout_ms, &a, &outcome);
    if (outcome == MB_GONE && found == MB_FOUND_NOTHING)
        l->seen.error = errno;
    int64_t took_us = now_us() - sent_us; /* over a pseudo-terminal bytes take no time */
    l->seen.took_us = took_us > 0 ? took_us : 0;
    l->seen.noise += a.noise;
    l->seen.echo = a.echo;
    l->seen.short_words = a.short_words;
    if (found == MB_FOUND_NOTHING)
        return outcome;
    if (found == MB_FOUND_EXCEPTION) {
        *exception = a.exception;
        return MB_EXCEPTION;
    }
    mb_frame_words(&r, l->buf, &a, words);
    return MB_OK;
}

size_t mb_link_drain(struct mb_link *l, int quiet_ms, int max_ms)
{
    int64_t start_us = now_us(), end_us = start_us + (int64_t)max_ms * 1000, until_us = start_us;
    int64_t quiet = (int64_t)quiet_ms * 1000 > silence_us(l) ? (int64_t)quiet_ms * 1000 : silence_us(l);
    size_t bytes = 0;

    for (;;) {
        int64_t quiet_us = l->last_us > start_us ? l->last_us : start_us;
        until_us = quiet_us + quiet;
        if (wait_until(l, until_us < end_us ? until_us : end_us) <= 0)
            break;
        ssize_t n = take(l, l->buf, sizeof l->buf);
        if (n < 0 || l->last_us >= end_us)
            break;
        bytes += (size_t)n;
    }
    if (l->device)
        l->lib->flush(l->ctx);
    return bytes;
}

const struct mb_link_seen *mb_link_seen(const struct mb_link *l)
{
    return &l->seen;
}

bool mb_link_path_gone(const struct mb_link *l)
{
    struct stat path, open_one;

    if (!l->device)
        return false;
    return stat(l->device, &path) < 0 || fstat(l->lock, &open_one) < 0 || path.st_rdev != open_one.st_rdev;
}

bool mb_link_is_mbap(const struct mb_link *l)
{
    return !l->lib;
}
