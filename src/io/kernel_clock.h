/* What the kernel says of its own clock. It never sets it. */
#ifndef IO_KERNEL_CLOCK_H
#define IO_KERNEL_CLOCK_H

#include <stdbool.h>

/* True while something, NTP as a rule, keeps the clock in time (adjtimex: not TIME_ERROR, not STA_UNSYNC). */
bool kernel_clock_kept(void);

#endif
