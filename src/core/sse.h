/* Server-Sent Events: one event as the stream's text, and when a stream may speak. It never allocates, never asks a
 * clock and never sends anything.
 *
 *   retry: 2000                 first of all: a browser that lost the stream comes back after so many ms
 *
 *   event: reading              name
 *   id: 7                       what the browser says when it comes back (Last-Event-ID); not all events have one
 *   data: {"sensor":…           one line each; the empty line ends the event
 *
 *   :                           a comment, the heartbeat */
#ifndef CORE_SSE_H
#define CORE_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSE_CONTENT_TYPE "text/event-stream"
#define SSE_GREETING     "retry: 2000\n\n"
#define SSE_HEARTBEAT    ":\n\n"
#define SSE_FRAME_MS     100   /* at most ten frames a second */
#define SSE_HEARTBEAT_MS 15000 /* of silence */

/* Write one event at dst, of at most size bytes, not terminated. event is a static word, id a text without line ends
 * or NULL; data may hold line ends of any kind ("\n", "\r\n", "\r"): each begins a data line of its own. Returns the
 * length, or 0 when it does not fit. */
size_t sse_put(char *dst, size_t size, const char *event, const char *id, const char *data, size_t len);

/* When a stream spoke last; monotonic milliseconds. */
struct sse_pace {
    int64_t frame_ms, said_ms;
};

/* A stream begins: its first frame may begin at once. */
static inline void sse_pace_init(struct sse_pace *p, int64_t now_ms)
{
    p->frame_ms = now_ms - SSE_FRAME_MS;
    p->said_ms = now_ms;
}

/* True when the next frame may begin. */
static inline bool sse_pace_may(const struct sse_pace *p, int64_t now_ms)
{
    return now_ms - p->frame_ms >= SSE_FRAME_MS;
}

/* A frame begins. */
static inline void sse_pace_frame(struct sse_pace *p, int64_t now_ms)
{
    p->frame_ms = p->said_ms = now_ms;
}

/* True once for each SSE_HEARTBEAT_MS of silence: then a heartbeat is due. */
static inline bool sse_pace_silent(struct sse_pace *p, int64_t now_ms)
{
    if (now_ms - p->said_ms < SSE_HEARTBEAT_MS)
        return false;
    p->said_ms = now_ms;
    return true;
}

#endif
