/* What the kernel says of its own clock; and setting it, for who may. */
#ifndef IO_KERNEL_CLOCK_H
#define IO_KERNEL_CLOCK_H

#include "core/util.h"

#include <stdbool.h>
#include <stdint.h>

/* True while something, NTP as a rule, keeps the clock in time (adjtimex: not TIME_ERROR, not STA_UNSYNC). */
bool kernel_clock_kept(void);

/* Set the wall clock to this Unix second. 0, or a negative errno: it takes CAP_SYS_TIME. */
int kernel_clock_set(int64_t unix_s) MUSTCHECK;

#endif
