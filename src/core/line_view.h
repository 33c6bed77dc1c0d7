/* What is known of a line with telegrams, by reference, at one moment: the input of its renderings. It owns nothing and
 * is filled anew for each (app/lines.h). */
#ifndef CORE_LINE_VIEW_H
#define CORE_LINE_VIEW_H

#include "core/line_decode.h"

#include <stddef.h>
#include <stdint.h>

struct line_settings;

/* OFF: not enabled; DOWN: the port, the peer or the board is not there; SILENT: it is, and no good telegram comes. */
enum line_state { LINE_OFF, LINE_DOWN, LINE_SILENT, LINE_OK, LINE_STATES };

/* "off", "down", "silent", "ok" */
const char *line_state_name(enum line_state s);

#define LINE_NOTE 160

/* Something that people should know: a counter that was set anew, a value that was refused. */
struct line_note {
    int64_t unix_s; /* 0: not known */
    char text[LINE_NOTE];
};

struct line_view {
    const struct line_settings *settings;
    enum line_state state;
    const char *reason; /* "" when nothing is wrong */
    int64_t since_s;    /* Unix second of that state; 0: not known */
    uint64_t telegrams; /* good ones */
    uint64_t refused[LINE_REFUSED_KINDS];
    unsigned errors_per_hour;     /* what was refused in the last 60 minutes, of telegrams and of values */
    int64_t last_s;               /* of the last good telegram; 0: none yet, or not known */
    const char *ident;            /* "" */
    const char *telegram;         /* text of the last good one, printable but for line ends; "": none yet */
    const char *refused_telegram; /* likewise, of what was last refused */
    const char *refused_why;      /* "" */
    int64_t refused_s;
    size_t n_values; /* of the last good one */
    const struct line_note *notes;
    size_t n_notes; /* the oldest first */
};

/* One value of the last good telegram, as the meter said it (or as it was put together of what it said). */
struct line_value_view {
    const struct line_value *value;
    const char *name, *id; /* of the sensor that it feeds; NULL: none */
    const char *why;       /* it was refused: line_refused_name(); NULL: it was taken */
};

#endif
