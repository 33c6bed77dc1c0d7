/* Server-Sent Events: bytes in any pieces become events.
 * It never waits and never keeps more of an event than SSE_DATA_MAX. */
#ifndef CTL_SSE_H
#define CTL_SSE_H

#include <stdbool.h>
#include <stddef.h>

#define SSE_NAME_MAX 32
#define SSE_DATA_MAX (64u << 10) /* a longer event is left out */

/* name: "message" when the event has none. data: terminated, lines joined by '\n'. Both only during the call. */
typedef void (*sse_event)(void *ctx, const char *name, const char *data, size_t len);

struct sse {
    sse_event event;
    void *ctx;
    char name[SSE_NAME_MAX];
    char *line, *data; /* owned */
    size_t line_len, data_len;
    bool has_data, too_long, after_cr;
};

void sse_init(struct sse *s, sse_event event, void *ctx);
void sse_fini(struct sse *s);

/* The next bytes of the stream. */
void sse_feed(struct sse *s, const char *bytes, size_t n);

#endif
