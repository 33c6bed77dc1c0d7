/* The FLX reader: any bytes, in any pieces, give the same frames, those that a reader of all bytes at once finds; and
 * whatever silence is thrown in, it stays in bounds and every frame is one that stood in the bytes. */
#include "fuzz.h"

#include "core/flx_frame.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct tally {
    const uint8_t *data;
    size_t size;
    uint64_t frames, bytes, sum;
};

static void count(void *ctx, uint8_t type, const uint8_t *payload, size_t n)
{
    struct tally *t = ctx;
    uint8_t again[FLX_FRAME_MAX];

    assert(n <= FLX_PAYLOAD_MAX);
    size_t len = flx_frame_put(again, type, payload, n);
    assert(memmem(t->data, t->size, again, len));
    t->frames++;
    t->bytes += len;
    for (size_t i = 0; i < len; i++)
        t->sum = t->sum * 31 + again[i];
}

/* Feed data in pieces, each from its own allocation so that a read beyond it shows. step 0: of the lengths that the
 * bytes themselves say, with a silence behind each even one. */
static void feed(struct flx_reader *r, struct tally *t, size_t step)
{
    flx_reader_init(r);
    t->frames = t->bytes = t->sum = 0;
    for (size_t at = 0, n; at < t->size; at += n) {
        n = step ? step : t->data[at] + 1u;
        n = n < t->size - at ? n : t->size - at;
        uint8_t *piece = malloc(n);
        memcpy(piece, t->data + at, n);
        flx_reader_bytes(r, piece, n, count, t);
        free(piece);
        assert(r->len < FLX_FRAME_MAX);
        if (step == 0 && n % 2 == 0)
            flx_reader_pause(r, count, t);
    }
    flx_reader_pause(r, count, t);
    assert(r->frames == t->frames && r->skipped + r->len <= t->size);
}

static bool good_at(const struct tally *t, size_t i)
{
    uint8_t again[FLX_FRAME_MAX];
    const uint8_t *p = t->data + i;

    if (i + 6 > t->size || p[0] != 0xaa || p[1] != 0xaa || i + p[3] + 6 > t->size)
        return false;
    return memcmp(again, p, flx_frame_put(again, p[2], p + 4, p[3])) == 0;
}

/* The frames of bytes that are all there; a last byte AA may be the next one's first. */
static void judge(struct tally *t)
{
    t->frames = t->bytes = t->sum = 0;
    for (size_t i = 0, end = 0; i < t->size;) {
        const uint8_t *p = t->data + i;
        if (i > 0 && i == end && p[-1] == 0xaa && p[0] == 0xaa && i + 1 < t->size && p[1] != 0xaa && good_at(t, i - 1))
            i--;
        else if (!good_at(t, i)) {
            i++;
            continue;
        }
        count(t, t->data[i + 2], t->data + i + 4, t->data[i + 3]);
        i = end = i + t->data[i + 3] + 6u;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally whole = {.data = data, .size = size}, other = whole;
    struct flx_reader r, again;

    if (size == 0 || size > 4096)
        return 0;
    feed(&r, &whole, size);
    for (size_t step = 1; step <= 7; step += 3) {
        feed(&again, &other, step);
        assert(memcmp(&whole, &other, sizeof whole) == 0);
        assert(again.bad == r.bad && again.skipped == r.skipped && again.len == r.len);
    }
    judge(&other);
    assert(memcmp(&whole, &other, sizeof whole) == 0);
    feed(&r, &other, 0);
    return 0;
}
