/* Open streams of Server-Sent Events: how many there may be, when each may speak, its heartbeat. It never knows what a
 * stream says: that is its source's.
 *
 *   every 100 ms, while there are streams:   source.grant ──true──→ wake the connection
 *   when the client has room for a piece:    greeting once, then source.read until it is empty, then wait
 *
 * Service api_live owns it (app->streams); others open streams by it. */
#ifndef APP_STREAMS_H
#define APP_STREAMS_H

#include "core/feed.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app;
struct http_reply;
struct http_request;
struct streams;

#define STREAMS_MAX  16            /* of all kinds together; one more gets 503 */
#define STREAM_PIECE FEED_READ_MIN /* bytes that a stream has ready at a time */

/* What a stream says. None of these may open or close a stream. */
struct stream_source {
    /* A frame begins, of all there is to say by now; false: there is nothing. At most each SSE_FRAME_MS; mono ms. */
    bool (*grant)(void *self, int64_t now_ms);
    /* Whole events of the frame, as many as fit into size (>= STREAM_PIECE) bytes; 0 at its end. */
    size_t (*read)(void *self, char *dst, size_t size);
    /* The last call, when the client is gone or the server stops. */
    void (*close)(void *self);
};

struct streams *streams_new(struct app *a);

/* To be asked first: may this request have a stream? False: the answer is in *r (503; or the header of a HEAD). */
bool streams_admit(const struct streams *s, const struct http_request *q, struct http_reply *r) MUSTCHECK;

/* Answer the request by a stream that says what source does. */
void streams_open(struct streams *s, const struct http_request *q, struct http_reply *r,
                  const struct stream_source *source, void *self);

/* Once the server has stopped (no stream is open): release it, call done. */
void streams_close(struct streams *s, void (*done)(void *ctx), void *ctx);

#endif
