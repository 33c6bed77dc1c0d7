#include "core/flx_frame.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define SYNC       0xaa
#define HEAD_BYTES 4 /* sync pair, type, length */

static_assert(FLX_FRAME_MAX == HEAD_BYTES + FLX_PAYLOAD_MAX + 2, "head, payload, check bytes");

/* The sums need no reduction on the way: 257 bytes keep both below 2^24. They begin at 255, so neither is ever 0, and
 * folding ends in 1..255. */
static void fletcher16(const uint8_t *p, size_t n, uint8_t check[2])
{
    uint32_t sum1 = 0xff, sum2 = 0xff;

    for (size_t i = 0; i < n; i++) {
        sum1 += p[i];
        sum2 += sum1;
    }
    check[0] = (uint8_t)((sum2 - 1) % 255 + 1);
    check[1] = (uint8_t)((sum1 - 1) % 255 + 1);
}

size_t flx_frame_put(uint8_t out[FLX_FRAME_MAX], uint8_t type, const void *payload, size_t len)
{
    assert(len <= FLX_PAYLOAD_MAX);
    out[0] = out[1] = SYNC;
    out[2] = type;
    out[3] = (uint8_t)len;
    if (len)
        memcpy(out + HEAD_BYTES, payload, len);
    fletcher16(out + 2, 2 + len, out + HEAD_BYTES + len);
    return HEAD_BYTES + len + 2;
}

void flx_reader_init(struct flx_reader *r)
{
    memset(r, 0, sizeof *r);
}

enum claim { CLAIM_NONE, CLAIM_WAITS, CLAIM_WRONG, CLAIM_GOOD };

/* What stands at p, of which n > 0 bytes are there? */
static enum claim look(const uint8_t *p, size_t n)
{
    uint8_t check[2];

    if (p[0] != SYNC || (n > 1 && p[1] != SYNC))
        return CLAIM_NONE;
    if (n < HEAD_BYTES || n < (size_t)HEAD_BYTES + p[3] + 2)
        return CLAIM_WAITS;
    fletcher16(p + 2, 2 + (size_t)p[3], check);
    return memcmp(check, p + HEAD_BYTES + p[3], 2) == 0 ? CLAIM_GOOD : CLAIM_WRONG;
}

/* How many bytes from p on can begin no frame. */
static size_t idle(const uint8_t *p, size_t n)
{
    const uint8_t *sync = memchr(p, SYNC, n);

    return sync ? (size_t)(sync - p) : n;
}

/* The place of the first good frame from `at` on, or r->len. */
static size_t find_good(const struct flx_reader *r, size_t at)
{
    while (at < r->len && look(r->buf + at, r->len - at) != CLAIM_GOOD)
        at += 1 + idle(r->buf + at + 1, r->len - at - 1);
    return at;
}

/* What stands at `at`. A shared byte begins no frame when a sync pair of its own follows. */
static enum claim look_at(const struct flx_reader *r, size_t at)
{
    const uint8_t *p = r->buf + at;

    if (at == 0 && r->shared && r->len > 2 && p[1] == SYNC && p[2] == SYNC)
        return CLAIM_NONE;
    return look(p, r->len - at);
}

/* How many bytes to go on behind a claim that is not good; 0: wait for more. */
static size_t pass(const struct flx_reader *r, size_t at, enum claim c, bool silent)
{
    size_t good;

    if (c == CLAIM_WRONG)
        return 1;
    if (c == CLAIM_NONE)
        return 1 + idle(r->buf + at + 1, r->len - at - 1);
    good = silent ? find_good(r, at) : r->len;
    return good < r->len ? good - at : 0;
}

/* Move what is behind the first n bytes to the begin of buf. */
static void shift(struct flx_reader *r, size_t n, bool shared)
{
    r->len -= n;
    memmove(r->buf, r->buf + n, r->len);
    r->shared = shared;
}

/* The good frame at `at`. Its last byte stays when a cut may have made it so: it may be the next one's first. The call
 * comes last, with a copy: it may end in flx_reader_drop(). */
static void take(struct flx_reader *r, size_t at, flx_frame_cb cb, void *ctx)
{
    uint8_t frame[FLX_FRAME_MAX];
    size_t n = HEAD_BYTES + (size_t)r->buf[at + 3] + 2;
    bool shared = r->buf[at + n - 1] == SYNC;

    memcpy(frame, r->buf + at, n);
    shift(r, at + n - shared, shared);
    r->frames++;
    cb(ctx, frame[2], frame + HEAD_BYTES, frame[3]);
}

/* Report what is good and pass over what is wrong, up to a claim that waits for bytes. With `silent` such a claim is
 * passed over too, when a good frame stands behind it. */
static void scan(struct flx_reader *r, bool silent, flx_frame_cb cb, void *ctx)
{
    size_t at = 0, step;

    while (at < r->len) {
        enum claim c = look_at(r, at);
        if (c == CLAIM_GOOD) {
            take(r, at, cb, ctx);
            at = 0;
            continue;
        }
        step = pass(r, at, c, silent);
        if (step == 0)
            break;
        r->bad += c == CLAIM_WRONG;
        r->skipped += step - (at == 0 && r->shared);
        at += step;
    }
    if (at > 0)
        shift(r, at, false);
}

void flx_reader_bytes(struct flx_reader *r, const uint8_t *p, size_t n, flx_frame_cb cb, void *ctx)
{
    while (n > 0) {
        size_t fits = sizeof r->buf - r->len < n ? sizeof r->buf - r->len : n;
        memcpy(r->buf + r->len, p, fits);
        r->len += fits;
        p += fits;
        n -= fits;
        scan(r, false, cb, ctx); /* no claim is longer than buf: a full one gets room */
    }
}

void flx_reader_pause(struct flx_reader *r, flx_frame_cb cb, void *ctx)
{
    scan(r, true, cb, ctx);
}

void flx_reader_drop(struct flx_reader *r)
{
    r->skipped += r->len - r->shared;
    shift(r, r->len, false);
}
