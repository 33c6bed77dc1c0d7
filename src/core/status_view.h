/* What status and metrics show, by reference, at one moment: the input of both renderings.
 * It owns nothing; a caller fills it anew for each piece, so that a piece never sees what has gone since. */
#ifndef CORE_STATUS_VIEW_H
#define CORE_STATUS_VIEW_H

#include <stddef.h>
#include <stdint.h>

struct clock;
struct jsonw;
struct sensor;
struct facts;
struct ledger;
struct sensors;
struct settings;
struct stats;

/* The bodies come in pieces, and no piece visits more sensors than this: with 10 000 sensors the loop goes
 * on. */
#define STATUS_PIECE_SENSORS 32

struct status_library {
    const char *name, *version;
};

/* What a service adds to the status: an object of its own name at the top, and one in each sensor. */
struct status_section {
    const char *name;
    void (*top)(void *self, struct jsonw *w);                            /* members of the object; or NULL */
    void (*sensor)(void *self, const struct sensor *s, struct jsonw *w); /* likewise; or NULL */
    void *self;
};

#define STATUS_SECTIONS 8

struct status_sections {
    struct status_section v[STATUS_SECTIONS];
    size_t n;
};

struct status_view {
    const char *version;
    const struct status_library *libraries;
    size_t n_libraries;
    const struct settings *settings;
    const struct sensors *sensors;
    const struct ledger *ledger;
    const struct facts *facts;
    const struct clock *clock;
    const struct stats *stats;
    const struct status_sections *sections; /* or NULL */
    int64_t started_ms, mono_ms;            /* monotonic: start of the program, and now */
    int64_t unix_s;                         /* now, or 0: not known */
};

#endif
