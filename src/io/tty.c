#include "io/tty.h"

#include "core/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define RETRY_MIN_MS 250
#define READ_SIZE    4096
#define HUNG_UP      "the line hung up"

/* One opening of the line. It frees itself when libuv lets go of it, so that the next may begin at once. */
struct opening {
    uv_poll_t poll;
    struct tty *tty; /* NULL: let go */
};

struct tty {
    const struct tty_callbacks *cb;
    void *ctx;
    uv_loop_t *loop;
    uv_timer_t retry;
    struct opening *open; /* NULL: not open */
    int fd;
    char *path;
    int baud;
    enum tty_format format;
    unsigned retry_ms;
    char reason[160]; /* the last one said */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void try_open(struct tty *t);

static void on_retry(uv_timer_t *timer)
{
    try_open(timer->data);
}

struct tty *tty_new(uv_loop_t *loop, const struct tty_callbacks *cb, void *ctx)
{
    struct tty *t = must(calloc(1, sizeof *t));

    t->cb = cb;
    t->ctx = ctx;
    t->loop = loop;
    t->fd = -1;
    uv_timer_init(loop, &t->retry);
    t->retry.data = t;
    return t;
}

static void on_poll_closed(uv_handle_t *h)
{
    free(h);
}

/* What is still to be sent has nobody to wait for it; and the line is free again for others than root. */
static void close_raw(int fd)
{
    tcflush(fd, TCIOFLUSH);
    ioctl(fd, TIOCNXCL);
    close(fd);
}

static void let_go(struct tty *t)
{
    if (!t->open)
        return;
    t->open->tty = NULL;
    uv_close((uv_handle_t *)&t->open->poll, on_poll_closed); /* stops polling at once: the fd may be closed */
    t->open = NULL;
    close_raw(t->fd);
    t->fd = -1;
}

static void wait_and_retry(struct tty *t, const char *reason)
{
    let_go(t);
    uv_timer_start(&t->retry, on_retry, t->retry_ms, 0);
    t->retry_ms = t->retry_ms * 2 < TTY_RETRY_MAX_MS ? t->retry_ms * 2 : TTY_RETRY_MAX_MS;
    if (strcmp(reason, t->reason) == 0)
        return;
    snprintf(t->reason, sizeof t->reason, "%s", reason);
    t->cb->lost(t->ctx, t->reason);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct opening *o = poll->data;
    char buf[READ_SIZE];
    ssize_t n;

    (void)events;
    if (!o->tty)
        return;
    struct tty *t = o->tty;
    if (status < 0) {
        wait_and_retry(t, status == UV_EBADF ? HUNG_UP : uv_strerror(status)); /* so libuv says it */
        return;
    }
    n = read(t->fd, buf, sizeof buf);
    if (n > 0) {
        t->retry_ms = RETRY_MIN_MS;
        t->cb->bytes(t->ctx, buf, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        wait_and_retry(t, n == 0 || errno == EIO ? HUNG_UP : strerror(errno));
    }
}

static const struct {
    int baud;
    speed_t speed;
} speeds[] = {
    {300, B300},       {600, B600},       {1200, B1200},     {2400, B2400},     {4800, B4800},
    {9600, B9600},     {19200, B19200},   {38400, B38400},   {57600, B57600},   {115200, B115200},
    {230400, B230400}, {460800, B460800}, {500000, B500000}, {921600, B921600},
};

static speed_t speed_of(int baud)
{
    for (size_t i = 0; i < ARRAY_LEN(speeds); i++)
        if (speeds[i].baud == baud)
            return speeds[i].speed;
    return B0;
}

static int set_speed(struct termios *tio, int baud)
{
    speed_t speed = speed_of(baud);

    if (speed == B0) {
        errno = EINVAL;
        return -1;
    }
    cfsetispeed(tio, speed);
    cfsetospeed(tio, speed);
    return 0;
}

static const tcflag_t formats[TTY_FORMATS] = {
    [TTY_8N1] = CS8,          [TTY_7E1] = CS7 | PARENB, [TTY_8E1] = CS8 | PARENB, [TTY_7O1] = CS7 | PARENB | PARODD,
    [TTY_8N2] = CS8 | CSTOPB,
};

/* A driver that has no seven bits or no parity, of a pseudo-terminal or of some adapters, goes without them, and that is
 * an error to the kernel where nothing else was to change. Speed and rawness count; who reads drops bit 7. */
static int set_up(int fd, const struct termios *want)
{
    struct termios is;

    if (tcsetattr(fd, TCSANOW, want) == 0)
        return 0;
    int e = errno;
    if (e == EINVAL && tcgetattr(fd, &is) == 0 && cfgetospeed(&is) == cfgetospeed(want) &&
        is.c_lflag == want->c_lflag && is.c_oflag == want->c_oflag)
        return 0;
    errno = e;
    return -1;
}

static int set_raw(int fd, int baud, enum tty_format format)
{
    struct termios tio;

    if (tcgetattr(fd, &tio) < 0)
        return -1;
    cfmakeraw(&tio);
    tio.c_cflag &= ~(tcflag_t)(CSIZE | CSTOPB | PARENB | PARODD | CRTSCTS | HUPCL);
    tio.c_cflag |= CLOCAL | CREAD | formats[format];
    tio.c_iflag &= ~(tcflag_t)(INPCK | IGNPAR);
    tio.c_iflag |= formats[format] & PARENB ? INPCK : 0;
    tio.c_cc[VMIN] = 1;
    tio.c_cc[VTIME] = 0;
    if (set_speed(&tio, baud) < 0 || set_up(fd, &tio) < 0)
        return -1;
    return tcflush(fd, TCIOFLUSH);
}

/* An open descriptor, or -1 with what failed in *what and errno. */
static int open_raw(const char *path, int baud, enum tty_format format, const char **what)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    *what = errno == EACCES ? "cannot open it (is the user in the group dialout?)" : "cannot open it";
    if (fd < 0)
        return -1;
    *what = "another program has it";
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) /* TIOCEXCL alone does not keep root out */
        goto fail;
    *what = "cannot set it up as a serial line";
    if (ioctl(fd, TIOCEXCL) < 0 || set_raw(fd, baud, format) < 0)
        goto fail;
    return fd;
fail:;
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

static void try_open(struct tty *t)
{
    const char *what;
    char reason[160];

    t->fd = open_raw(t->path, t->baud, t->format, &what);
    if (t->fd < 0) {
        snprintf(reason, sizeof reason, "%s: %s", what, strerror(errno));
        wait_and_retry(t, reason);
        return;
    }
    t->open = must(calloc(1, sizeof *t->open));
    t->open->tty = t;
    t->open->poll.data = t->open;
    if (uv_poll_init(t->loop, &t->open->poll, t->fd) < 0) {
        free(t->open);
        t->open = NULL;
        close_raw(t->fd);
        t->fd = -1;
        wait_and_retry(t, "it cannot be polled: no serial line");
        return;
    }
    uv_poll_start(&t->open->poll, UV_READABLE, on_poll);
    t->reason[0] = '\0';
    t->cb->opened(t->ctx);
}

void tty_open(struct tty *t, const char *path, int baud, enum tty_format format)
{
    tty_shut(t);
    t->path = must(strdup(path));
    t->baud = baud;
    t->format = format;
    t->retry_ms = RETRY_MIN_MS;
    try_open(t);
}

void tty_shut(struct tty *t)
{
    let_go(t);
    uv_timer_stop(&t->retry);
    free(t->path);
    t->path = NULL;
    t->reason[0] = '\0';
}

int tty_baud(struct tty *t, int baud)
{
    struct termios tio;

    if (!t->open)
        return -ENOTCONN;
    if (tcgetattr(t->fd, &tio) < 0 || set_speed(&tio, baud) < 0 || tcsetattr(t->fd, TCSANOW, &tio) < 0)
        return -errno;
    return 0;
}

int tty_write(struct tty *t, const char *p, size_t n)
{
    ssize_t done;

    if (!t->open)
        return -ENOTCONN;
    do
        done = write(t->fd, p, n);
    while (done < 0 && errno == EINTR);
    return done == (ssize_t)n ? 0 : done < 0 ? -errno : -EAGAIN;
}

static void on_retry_closed(uv_handle_t *h)
{
    struct tty *t = h->data;

    t->closed(t->closed_ctx);
    free(t);
}

void tty_close(struct tty *t, void (*done)(void *ctx), void *ctx)
{
    tty_shut(t);
    t->closed = done;
    t->closed_ctx = ctx;
    uv_close((uv_handle_t *)&t->retry, on_retry_closed);
}
