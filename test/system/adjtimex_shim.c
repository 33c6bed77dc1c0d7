/* A library to preload for a host's own clock, as the file $FLUKSOD_TEST_CLOCK says: "synced" or "unsynced" is what
 * adjtimex() and its two sisters answer; a number behind it is how many seconds the wall clock of this program alone is
 * ahead. It never sets a clock and never touches the monotonic one; without the variable all is as usual. Preloaded
 * before libfaketime, it adds to the time that one tells. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define UNKNOWN_US 16000000 /* what the kernel gives as error of a clock that nobody disciplines */
#define GOOD_US    500

struct wanted {
    bool synced;
    long ahead_s;
};

/* Read at each call, with system calls alone: it may be called from anywhere. -1: there is nothing to go by. */
static int wanted(const char *path, struct wanted *w)
{
    static const char synced[] = "synced";
    char text[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    size_t word = strcspn(text, " \n");
    w->synced = word == sizeof synced - 1 && memcmp(text, synced, word) == 0;
    w->ahead_s = strtol(text + word, NULL, 10);
    return got < 0 ? -1 : 0;
}

/* What a wall clock's seconds are to be moved by. */
static long ahead_s(void)
{
    const char *path = getenv("FLUKSOD_TEST_CLOCK");
    struct wanted w;
    int saved = errno;
    long ahead = path && wanted(path, &w) == 0 ? w.ahead_s : 0;

    errno = saved;
    return ahead;
}

/* ---- the wall clock ---- */

/* The function behind this library's own of the same name; dlsym's result is no function by the C standard. */
static void *behind(const char *name, void **known)
{
    if (!*known)
        *known = dlsym(RTLD_NEXT, name);
    if (!*known)
        abort();
    return *known;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    static void *known;
    int (*next)(clockid_t, struct timespec *);

    *(void **)&next = behind("clock_gettime", &known);
    int result = next(clock, t);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        t->tv_sec += ahead_s();
    return result;
}

int gettimeofday(struct timeval *t, void *zone)
{
    static void *known;
    int (*next)(struct timeval *, void *);

    *(void **)&next = behind("gettimeofday", &known);
    int result = next(t, zone);
    if (result == 0)
        t->tv_sec += ahead_s();
    return result;
}

time_t time(time_t *t)
{
    static void *known;
    time_t (*next)(time_t *);

    *(void **)&next = behind("time", &known);
    time_t now = next(NULL) + ahead_s();
    if (t)
        *t = now;
    return now;
}

/* ---- what the kernel says of it ---- */

static int answer(clockid_t clock, struct timex *t)
{
    const char *path = getenv("FLUKSOD_TEST_CLOCK");
    struct wanted w;
    if (!path)
        return (int)syscall(SYS_clock_adjtime, clock, t);
    if (wanted(path, &w) < 0)
        return -1; /* errno tells why: a test that sets a path without a file does not mean it */
    if (t->modes != 0) {
        errno = EPERM;
        return -1;
    }
    struct timespec now;
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
