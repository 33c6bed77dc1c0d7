/* What follows a change of settings: the gateway brings it to board and server, and tells how that went.
 * The change itself is saved by then, so a failure here is a warning. */
#ifndef CTL_SYNC_H
#define CTL_SYNC_H

#include <stdbool.h>

struct answer;
struct ctl;

/* After a PATCH that succeeded. Returns CTL_OK. */
int sync_after_saving(const struct ctl *c, const struct answer *a, bool wait);

#endif
