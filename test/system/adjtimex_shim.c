/* A library to preload that answers adjtimex() and its two sisters as the file $FLUKSOD_TEST_CLOCK says: "synced", or
 * anything else, which means not. It never sets a clock; without the variable the kernel is asked as usual. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define UNKNOWN_US 16000000 /* what the kernel gives as error of a clock that nobody disciplines */
#define GOOD_US    500

/* Read at each call, with system calls alone: it may be called from anywhere. -1: there is nothing to go by. */
static int wanted(const char *path)
{
    static const char synced[] = "synced";
    char text[sizeof synced] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    return got < 0 ? -1 : strcmp(text, synced) == 0;
}

static int answer(clockid_t clock, struct timex *t)
{
    const char *path = getenv("FLUKSOD_TEST_CLOCK");
    if (!path)
        return (int)syscall(SYS_clock_adjtime, clock, t);
    int synced = wanted(path);
    if (synced < 0)
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
    t->status = synced ? STA_PLL : STA_UNSYNC;
    t->maxerror = t->esterror = synced ? GOOD_US : UNKNOWN_US;
    t->tick = 10000;
    return synced ? TIME_OK : TIME_ERROR;
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
