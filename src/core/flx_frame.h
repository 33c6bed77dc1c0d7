/* Frames of the FLX board's line (board-flx.md, "Frame"), read and written.
 * It never allocates, and never loses a good frame to a bad one before it.
 *
 *   AA AA | type | length L | payload, L bytes | sum2 | sum1        Fletcher-16 of type, length and payload
 *
 * A sync pair is only a claim: it may stand in noise, in a payload, or before a frame that was cut. So the reader keeps
 * the bytes that a claim covers until its check bytes are there. A wrong check costs the claim's first byte alone, and
 * what is behind it is looked at again:
 *
 *   AA AA 08 5C 40 0D 03 ... | AA AA 01 04 07 00 00 00 s2 s1 | AA AA 08 5C ...
 *   `------- a cut frame claims 98 bytes: wrong check -------------------'
 *                              `---- found in them, good ----'
 *
 * A frame that was cut by one byte is whole again when the next frame's first AA is the byte that it lost: so a last
 * byte AA may count twice. */
#ifndef CORE_FLX_FRAME_H
#define CORE_FLX_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLX_PAYLOAD_MAX 255
#define FLX_FRAME_MAX   (FLX_PAYLOAD_MAX + 6)

/* A good frame; payload is valid during the call. It may drop or init the reader: what is left of the bytes in hand is
 * then read anew. It must not feed it. */
typedef void (*flx_frame_cb)(void *ctx, uint8_t type, const uint8_t *payload, size_t len);

struct flx_reader {
    uint8_t buf[FLX_FRAME_MAX];
    bool shared;      /* buf[0] was the last byte of a good frame */
    size_t len;       /* bytes that may be the begin of a frame; fewer than FLX_FRAME_MAX between calls */
    uint64_t frames;  /* good ones */
    uint64_t bad;     /* claims with wrong check bytes: a damaged frame, or a sync pair that was none */
    uint64_t skipped; /* bytes that were no part of a good frame */
};

void flx_reader_init(struct flx_reader *r);

/* Take n bytes; cb is called for each good frame, in their order. How the bytes are cut into calls changes nothing. */
void flx_reader_bytes(struct flx_reader *r, const uint8_t *p, size_t n, flx_frame_cb cb, void *ctx);

/* The line has been silent for a while with bytes left over (len > 0): good frames behind a claim that waits for more
 * are taken now, and the claim is given up for the first of them. Without one all stays: the rest may be late, not
 * lost. Once after each silence is enough: nothing changes until bytes come. */
void flx_reader_pause(struct flx_reader *r, flx_frame_cb cb, void *ctx);

/* The line is gone: what was begun does not go on. The counts stay. */
void flx_reader_drop(struct flx_reader *r);

/* Write a frame; len at most FLX_PAYLOAD_MAX. Returns its length. */
size_t flx_frame_put(uint8_t out[FLX_FRAME_MAX], uint8_t type, const void *payload, size_t len);

#endif
