/* Frames of the FLX board's line (board-flx.md, "Frame"), read and written.
 * It never allocates, and never loses a good frame to a bad one before it.
 *
 *   AA AA │ type │ length L │ payload, L bytes │ sum2 │ sum1        Fletcher-16 of type, length and payload
 */
#ifndef CORE_FLX_FRAME_H
#define CORE_FLX_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FLX_PAYLOAD_MAX 255
#define FLX_FRAME_MAX   (FLX_PAYLOAD_MAX + 6)

/* A good frame; payload is valid during the call. */
typedef void (*flx_frame_cb)(void *ctx, uint8_t type, const uint8_t *payload, size_t len);

struct flx_reader {
    uint8_t buf[FLX_FRAME_MAX];
    size_t len;
    uint64_t frames;  /* good ones */
    uint64_t bad;     /* wrong check bytes */
    uint64_t skipped; /* bytes that were no part of a good frame */
};

void flx_reader_init(struct flx_reader *r);

void flx_reader_bytes(struct flx_reader *r, const uint8_t *p, size_t n, flx_frame_cb cb, void *ctx);

/* The line was silent: what was begun and not ended is given up; a good frame inside it is still found. */
void flx_reader_pause(struct flx_reader *r, flx_frame_cb cb, void *ctx);

/* Write a frame; len at most FLX_PAYLOAD_MAX. Returns its length. */
size_t flx_frame_put(uint8_t out[FLX_FRAME_MAX], uint8_t type, const void *payload, size_t len);

#endif
