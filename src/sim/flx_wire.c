#include "sim/flx_wire.h"

#include <string.h>

#define SYNC  0xAA
#define AHEAD 4 /* sync, type, length */
#define CHECK 2

const char *flx_wire_name(enum flx_frame_type t)
{
    static const char *const names[FRAME_TYPES] = {
        "ping",  "pong", "port_config",  "time_stamp", "time_step", "time_slew", "voltage", "current", "ct",
        "pulse", "kube", "kube_control", "debug",      "sar",       "sdadc",     "rfm",     "exit",
    };

    return names[t];
}

uint8_t *flx_put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    return p + 2;
}

uint8_t *flx_put32(uint8_t *p, uint32_t v)
{
    return flx_put16(flx_put16(p, v & 0xffff), v >> 16);
}

uint32_t flx_get16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

uint32_t flx_get32(const uint8_t *p)
{
    return flx_get16(p) | flx_get16(p + 2) << 16;
}

/* Folding never turns a sum into 0: of the two names of 0 modulo 255 it keeps 255. */
static uint8_t residue(uint32_t sum)
{
    return sum % 255 ? (uint8_t)(sum % 255) : 255;
}

static void check(const uint8_t *p, size_t n, uint8_t out[CHECK])
{
    uint32_t sum1 = 255, sum2 = 255;

    for (size_t i = 0; i < n; i++) {
        sum1 = residue(sum1 + p[i]);
        sum2 = residue(sum2 + sum1);
    }
    out[0] = (uint8_t)sum2;
    out[1] = (uint8_t)sum1;
}

size_t flx_wire_frame(uint8_t *out, enum flx_frame_type type, const uint8_t *payload, size_t len)
{
    out[0] = out[1] = SYNC;
    out[2] = (uint8_t)type;
    out[3] = (uint8_t)len;
    if (len)
        memcpy(out + AHEAD, payload, len);
    check(out + 2, len + 2, out + AHEAD + len);
    return AHEAD + len + CHECK;
}

static void drop_head(struct flx_reader_state *r, size_t n)
{
    r->len -= n;
    memmove(r->buf, r->buf + n, r->len);
}

/* What stands at the head of the buffer; how many bytes of it are done with, 0: more are needed. */
static size_t look(struct flx_reader_state *r, flx_wire_fn *take, void *ctx)
{
    uint8_t sums[CHECK];

    if (r->len < 1)
        return 0;
    if (r->buf[0] != SYNC || (r->len > 1 && r->buf[1] != SYNC)) {
        r->skipped++;
        return 1;
    }
    if (r->len < AHEAD || r->len < AHEAD + (size_t)r->buf[3] + CHECK)
        return 0;
    size_t len = r->buf[3];
    check(r->buf + 2, len + 2, sums);
    if (memcmp(sums, r->buf + AHEAD + len, CHECK) != 0) {
        r->bad++;
        r->skipped++;
        return 1;
    }
    take(ctx, r->buf[2], r->buf + AHEAD, len);
    return AHEAD + len + CHECK;
}

void flx_wire_bytes(struct flx_reader_state *r, const uint8_t *bytes, size_t n, flx_wire_fn *take, void *ctx)
{
    for (size_t done; n; bytes += done, n -= done) {
        done = sizeof r->buf - r->len < n ? sizeof r->buf - r->len : n;
        memcpy(r->buf + r->len, bytes, done);
        r->len += done;
        for (size_t used; (used = look(r, take, ctx)) != 0;)
            drop_head(r, used);
    }
}

void flx_wire_pause(struct flx_reader_state *r, flx_wire_fn *take, void *ctx)
{
    while (r->len) {
        size_t used = look(r, take, ctx);
        if (used == 0) {
            r->skipped++;
            used = 1;
        }
        drop_head(r, used);
    }
}
