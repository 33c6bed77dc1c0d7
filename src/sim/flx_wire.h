/* Frames of the FLX board's line, as its description has them: written, and found again in a stream of bytes.
 * It shares no code with fluksod, knows no message's meaning, and never reads a clock or a descriptor.
 *
 *   AA AA  type  length L  payload (L bytes)  sum2  sum1      Fletcher-16 over type, length and payload
 */
#ifndef SIM_FLX_WIRE_H
#define SIM_FLX_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define FLX_WIRE_PAYLOAD 255
#define FLX_WIRE_FRAME   (FLX_WIRE_PAYLOAD + 6)

enum flx_frame_type {
    FRAME_PING,
    FRAME_PONG,
    FRAME_PORT_CONFIG,
    FRAME_TIME_STAMP,
    FRAME_TIME_STEP,
    FRAME_TIME_SLEW,
    FRAME_VOLTAGE,
    FRAME_CURRENT,
    FRAME_CT,
    FRAME_PULSE,
    FRAME_KUBE,
    FRAME_KUBE_CONTROL,
    FRAME_DEBUG,
    FRAME_SAR,
    FRAME_SDADC,
    FRAME_RFM,
    FRAME_EXIT,
    FRAME_TYPES
};

/* "ping", "port_config" and so on. */
const char *flx_wire_name(enum flx_frame_type t);

typedef void flx_wire_fn(void *ctx, uint8_t type, const uint8_t *payload, size_t len);

struct flx_reader_state {
    uint8_t buf[FLX_WIRE_FRAME];
    size_t len;
    uint64_t bad, skipped; /* wrong checks; bytes that were no part of a good frame */
};

/* Bytes arrive: each good frame goes to take. A bad one costs its first byte alone: what follows is looked at again. */
void flx_wire_bytes(struct flx_reader_state *r, const uint8_t *bytes, size_t n, flx_wire_fn *take, void *ctx);

/* The line was silent: a frame that was begun and not ended is given up, a good one inside it still is found. */
void flx_wire_pause(struct flx_reader_state *r, flx_wire_fn *take, void *ctx);

/* A frame into FLX_WIRE_FRAME bytes; its length. */
size_t flx_wire_frame(uint8_t *out, enum flx_frame_type type, const uint8_t *payload, size_t len);

/* Little-endian fields: written at p, whose end they return, or read. */
uint8_t *flx_put16(uint8_t *p, uint32_t v);
uint8_t *flx_put32(uint8_t *p, uint32_t v);
uint32_t flx_get16(const uint8_t *p);
uint32_t flx_get32(const uint8_t *p);

#endif
