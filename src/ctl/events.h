/* Server-Sent Events: bytes in any pieces become events.
 * It never waits and never keeps more of an event than EVENTS_DATA_MAX. */
#ifndef CTL_EVENTS_H
#define CTL_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

#define EVENTS_NAME_MAX 32
#define EVENTS_DATA_MAX (64u << 10) /* a longer event is left out */

/* name: "message" when the event has none. data: terminated, lines joined by '\n'. Both only during the call. */
typedef void (*events_cb)(void *ctx, const char *name, const char *data, size_t len);

struct events {
    events_cb event;
    void *ctx;
    char name[EVENTS_NAME_MAX];
    char *line, *data; /* owned */
    size_t line_len, data_len;
    bool has_data, too_long, after_cr;
};

void events_init(struct events *s, events_cb event, void *ctx);
void events_fini(struct events *s);

/* The next bytes of the stream. */
void events_feed(struct events *s, const char *bytes, size_t n);

#endif
