/* The gateway: the ordered table of services and their common life, from start to a clean end.
 * It has no behaviour of its own. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "settings_load.h"

struct gateway_options {
    const char *settings_path;
    const char *record_path; /* NULL: nothing is recorded */
    const struct meter_finder *meters;
};

#define GATEWAY_AGAIN (-1)

/* Run until SIGTERM or SIGINT. Takes over the settings in *loaded and what they were made of. Returns the program's
 * exit status, or GATEWAY_AGAIN: all is closed, and the program is to be started anew. */
int gateway_run(const struct gateway_options *o, struct settings_load *loaded);

#endif
