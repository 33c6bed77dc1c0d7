#include "io/kernel_clock.h"

#include <errno.h>
#include <sys/timex.h>
#include <time.h>

bool kernel_clock_kept(void)
{
    struct timex t = {.modes = 0};
    int state = adjtimex(&t);

    return state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);
}

int kernel_clock_set(int64_t unix_s)
{
    const struct timespec t = {.tv_sec = (time_t)unix_s};

    return clock_settime(CLOCK_REALTIME, &t) < 0 ? -errno : 0;
}
