#include "sim/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* Made beside and renamed, so that the name always leads to a line. */
static int make_link(const char *target, const char *link)
{
    char beside[PATH_MAX];
    struct stat st;

    if (lstat(link, &st) == 0 && !S_ISLNK(st.st_mode)) {
        errno = EEXIST;
        return -1;
    }
    if (snprintf(beside, sizeof beside, "%s.%d", link, (int)getpid()) >= (int)sizeof beside) {
        errno = ENAMETOOLONG;
        return -1;
    }
    unlink(beside);
    if (symlink(target, beside) < 0)
        return -1;
    if (rename(beside, link) == 0)
        return 0;
    unlink(beside);
    return -1;
}

static int open_pair(struct pty *p)
{
    struct termios tio;

    p->slave = p->watch = -1;
    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (p->master < 0 || grantpt(p->master) < 0 || unlockpt(p->master) < 0 ||
        ptsname_r(p->master, p->name, sizeof p->name) != 0)
        return -1;
    p->slave = open(p->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->slave < 0 || tcgetattr(p->slave, &tio) < 0)
        return -1;
    cfmakeraw(&tio);
    cfsetspeed(&tio, B115200);
    if (tcsetattr(p->slave, TCSANOW, &tio) < 0)
        return -1;
    p->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return p->watch < 0 || inotify_add_watch(p->watch, p->name, IN_CLOSE) < 0 ? -1 : 0;
}

static void close_pair(struct pty *p)
{
    if (p->master >= 0)
        close(p->master);
    if (p->slave >= 0)
        close(p->slave);
    if (p->watch >= 0)
        close(p->watch);
    p->master = p->slave = p->watch = -1;
}

int pty_plug(struct pty *p, const char *link)
{
    p->link = link;
    if (open_pair(p) == 0 && (!link || make_link(p->name, link) == 0))
        return 0;
    int err = errno;
    close_pair(p);
    errno = err;
    return -1;
}

void pty_unplug(struct pty *p)
{
    char target[sizeof p->name];

    if (p->master < 0)
        return;
    if (p->link) {
        ssize_t n = readlink(p->link, target, sizeof target);
        if (n == (ssize_t)strlen(p->name) && memcmp(target, p->name, (size_t)n) == 0)
            unlink(p->link);
    }
    close_pair(p);
}

void pty_reader_gone(struct pty *p)
{
    char events[1024];

    if (read(p->watch, events, sizeof events) > 0)
        ioctl(p->slave, TIOCNXCL);
}

size_t pty_read(struct pty *p, uint8_t *buf, size_t cap)
{
    ssize_t n = read(p->master, buf, cap);

    return n > 0 ? (size_t)n : 0;
}

size_t pty_unread(const struct pty *p)
{
    int n = 0;

    return p->slave >= 0 && ioctl(p->slave, FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
}

static const struct {
    speed_t speed;
    int baud;
} speeds[] = {
    {B300, 300},     {B600, 600},     {B1200, 1200},   {B2400, 2400},     {B4800, 4800},     {B9600, 9600},
    {B19200, 19200}, {B38400, 38400}, {B57600, 57600}, {B115200, 115200}, {B230400, 230400}, {B460800, 460800},
};

int pty_baud(const struct pty *p)
{
    struct termios tio;

    if (p->slave < 0 || tcgetattr(p->slave, &tio) < 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(speeds); i++)
        if (speeds[i].speed == cfgetospeed(&tio))
            return speeds[i].baud;
    return 0;
}

void pty_write(struct pty *p, const char *data, size_t len)
{
    if (p->master >= 0 && write(p->master, data, len) < 0)
        return; /* no room: nobody reads */
}
