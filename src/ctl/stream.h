/* A stream of Server-Sent Events, read while keys and signals are looked at too.
 * It never connects again by itself. */
#ifndef CTL_STREAM_H
#define CTL_STREAM_H

#include "ctl/events.h"

#include <stdbool.h>

struct ctl;
struct stream;

enum stream_state {
    STREAM_ON,      /* it goes on */
    STREAM_ENDED,   /* the gateway has ended it, or there has been silence for too long */
    STREAM_REFUSED, /* the gateway said no */
    STREAM_FAILED   /* nobody was reached */
};

/* Opens it; events come during stream_wait(). NULL: people know why. */
struct stream *stream_open(const struct ctl *c, const char *path, events_cb event, void *ctx);
void stream_close(struct stream *s);

/* Has the gateway begun to answer? */
bool stream_connected(const struct stream *s);

/* Wait for events, for one of two descriptors (or -1) to be readable, or for so many milliseconds. */
enum stream_state stream_wait(struct stream *s, int timeout_ms, int fd1, int fd2);

/* Tell why it is on no more. Returns the enum ctl_exit that goes with it. */
int stream_explain(const struct stream *s);

#endif
