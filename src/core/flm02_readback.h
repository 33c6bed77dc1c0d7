/* Reading back what an FLM02 board holds: the commands to ask, and what their replies say.
 * It never sends and never judges: flm02_want.h compares the pictures. */
#ifndef CORE_FLM02_READBACK_H
#define CORE_FLM02_READBACK_H

#include "core/flm02_want.h"
#include "core/util.h"

/* Commands that ask for all that matters of `want` on hardware 2.<minor>: a sensor that stays off may hold any
 * constant. Returns their number. */
int flm02_readback_script(const struct flm02_picture *want, unsigned minor, struct flm02_command out[FLM02_SCRIPT_MAX]);

/* Take the n hex digits that answer a command of such a script into *held. 0, or -1 when they are no answer to it: of
 * another length, or about another sensor. */
int flm02_readback_take(const struct flm02_command *asked, const char *args, size_t n,
                        struct flm02_picture *held) MUSTCHECK;

#endif
