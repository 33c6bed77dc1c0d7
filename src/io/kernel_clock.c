#include "io/kernel_clock.h"

#include <sys/timex.h>

bool kernel_clock_kept(void)
{
    struct timex t = {.modes = 0};
    int state = adjtimex(&t);

    return state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);
}
