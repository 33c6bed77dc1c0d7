/* What status and metrics show, by reference, at one moment: the input of both renderings.
 * It owns nothing; a caller fills it anew for each piece, so that a piece never sees what has gone since. */
#ifndef CORE_STATUS_VIEW_H
#define CORE_STATUS_VIEW_H

#include <stddef.h>
#include <stdint.h>

struct clock;
struct facts;
struct sensors;
struct settings;
struct stats;

/* The bodies come in pieces, and no piece visits more sensors than this: with 10 000 sensors the loop goes
 * on. */
#define STATUS_PIECE_SENSORS 32

struct status_library {
    const char *name, *version;
};

struct status_view {
    const char *version;
    const struct status_library *libraries;
    size_t n_libraries;
    const struct settings *settings;
    const struct sensors *sensors;
    const struct facts *facts;
    const struct clock *clock;
    const struct stats *stats;
    int64_t started_ms, mono_ms; /* monotonic: start of the program, and now */
    int64_t unix_s;              /* now, or 0: not known */
};

#endif
