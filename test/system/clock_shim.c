/* A library to preload that answers adjtimex() and its two sisters as the file $FLUKSOD_TEST_CLOCK says, "synced" or
 * anything else, which means not; and moves the wall clock by the seconds that follow there ("synced -3600"), against
 * whatever is preloaded behind it. Where the word "settable" stands behind those, clock_settime() changes them;
 * otherwise it is refused. It never sets a clock; without the variable all is as usual. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define WISH_MAX   60       /* bytes of the file */
#define UNKNOWN_US 16000000 /* what the kernel gives as error of a clock that nobody disciplines */
#define GOOD_US    500

struct wish {
    int synced, settable;
    long long offset_s;
};

/* Read at each call, with system calls alone: it may be called from anywhere. -1: there is nothing to go by. */
static int read_wish(struct wish *out)
{
    const char *path = getenv("FLUKSOD_TEST_CLOCK");
    char text[WISH_MAX + 1];
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got < 0)
        return -1;
    text[got] = '\0';
    size_t word = strcspn(text, " ");
    out->synced = word == 6 && memcmp(text, "synced", word) == 0;
    char *rest;
    out->offset_s = strtoll(text + word, &rest, 10);
    out->settable = strncmp(rest, " settable", 9) == 0;
    return 0;
}

/* ---- the wall clock ---- */

typedef int (*clock_gettime_fn)(clockid_t clock, struct timespec *t);

int clock_gettime(clockid_t clock, struct timespec *t)
{
    static clock_gettime_fn next;
    struct wish w;
    int kept = errno;

    if (!next) {
        void *found = dlsym(RTLD_NEXT, "clock_gettime");
        memcpy(&next, &found, sizeof next);
    }
    if (next(clock, t) != 0)
        return -1;
    if ((clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) && read_wish(&w) == 0)
        t->tv_sec += w.offset_s;
    errno = kept;
    return 0;
}

/* In one write of one length: whoever reads it meanwhile finds the one or the other. */
int clock_settime(clockid_t clock, const struct timespec *t)
{
    const char *path = getenv("FLUKSOD_TEST_CLOCK");
    struct timespec now;
    struct wish w;
    char text[WISH_MAX];

    if (!path)
        return (int)syscall(SYS_clock_settime, clock, t);
    if (clock != CLOCK_REALTIME || read_wish(&w) < 0 || !w.settable || clock_gettime(clock, &now) != 0) {
        errno = EPERM;
        return -1;
    }
    w.offset_s += t->tv_sec - now.tv_sec;
    memset(text, ' ', sizeof text);
    int n = snprintf(text, sizeof text, "%s %lld settable", w.synced ? "synced" : "unsynced", w.offset_s);
    text[n] = ' ';
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t put = write(fd, text, sizeof text);
    close(fd);
    return put == sizeof text ? 0 : -1;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec t;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &t) != 0)
        return -1;
    tv->tv_sec = t.tv_sec;
    tv->tv_usec = t.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec t;

    if (clock_gettime(CLOCK_REALTIME, &t) != 0)
        return (time_t)-1;
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}

/* ---- what the kernel says of it ---- */

static int answer(clockid_t clock, struct timex *t)
{
    struct wish w;
    struct timespec now;

    if (!getenv("FLUKSOD_TEST_CLOCK"))
        return (int)syscall(SYS_clock_adjtime, clock, t);
    if (read_wish(&w) < 0)
        return -1; /* errno tells why: a test that sets a path without a file does not mean it */
    if (t->modes != 0) {
        errno = EPERM;
        return -1;
    }
    if (clock_gettime(clock, &now) != 0)
        return -1;
    memset(t, 0, sizeof *t);
    t->time.tv_sec = now.tv_sec;
    t->time.tv_usec = now.tv_nsec / 1000;
    t->status = w.synced ? STA_PLL : STA_UNSYNC;
    t->maxerror = t->esterror = w.synced ? GOOD_US : UNKNOWN_US;
    t->tick = 10000;
    return w.synced ? TIME_OK : TIME_ERROR;
}

int adjtimex(struct timex *t)
{
    return answer(CLOCK_REALTIME, t);
}

int ntp_adjtime(struct timex *t)
{
    return answer(CLOCK_REALTIME, t);
}

int clock_adjtime(clockid_t clock, struct timex *t)
{
    return answer(clock, t);
}
