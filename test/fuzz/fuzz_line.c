/* A line's decoder, measuring apart: whatever comes, in pieces of any size, the same telegrams with the same values,
 * each of a code of the protocol; and a D0 meter's conversation goes on whatever it hears. */
#include "fuzz.h"

#include "core/d0_conv.h"
#include "core/line_decode.h"

#include <assert.h>
#include <stdlib.h>

static enum line_protocol protocol;

static void mix(uint64_t *sum, uint64_t v)
{
    *sum = *sum * 31 + v;
}

static void on_telegram(void *ctx, const struct line_telegram *t)
{
    uint64_t *sum = ctx;

    assert(t->good == (t->values != NULL) && t->why < LINE_REFUSED_KINDS && t->len <= LINE_TEXT);
    mix(sum, t->good + 2 * t->why);
    for (size_t i = 0; i < t->len; i++)
        mix(sum, (unsigned char)t->text[i]);
    for (size_t i = 0; t->good && i < t->values->n; i++) {
        const struct line_value *v = &t->values->v[i];
        assert(v->code < line_codes_len && line_code_has(v->code, protocol) && line_codes[v->code].unit[v->kind]);
        for (size_t j = 0; j < i; j++)
            assert(t->values->v[j].code != v->code || t->values->v[j].kind != v->kind);
        mix(sum, (uint64_t)v->milli);
    }
}

static uint64_t feed(const uint8_t *data, size_t size, size_t step)
{
    const struct line_decoder *d = line_decoder(protocol);
    void *self = malloc(d->size);
    uint64_t sum = 0;

    d->init(self);
    for (size_t at = 0, n; at < size; at += n) {
        n = size - at < step ? size - at : step;
        d->bytes(self, data + at, n, on_telegram, &sum);
    }
    d->pause(self, on_telegram, &sum);
    free(self);
    return sum;
}

static void on_send(void *ctx, const void *bytes, size_t n)
{
    (void)ctx;
    assert(bytes && n);
}

static void on_baud(void *ctx, int baud)
{
    (void)ctx;
    assert(baud >= D0_CONV_BAUD);
}

static void on_ended(void *ctx, enum d0_conv_end end)
{
    ++*(unsigned *)ctx;
    assert(end < D0_CONV_ENDS);
}

/* Each byte comes so many milliseconds after the one before. */
static void converse(const uint8_t *data, size_t size)
{
    static const struct d0_conv_host host = {on_send, on_baud, on_ended};
    struct d0_conv c;
    unsigned ends = 0, starts = 1;
    int64_t now = 0;

    d0_conv_init(&c, &host, &ends, 19200);
    d0_conv_start(&c, now);
    for (size_t i = 0; i < size; i++) {
        now += data[i] & 0x80 ? 1000 : 1;
        d0_conv_tick(&c, now);
        if (!d0_conv_busy(&c)) {
            d0_conv_start(&c, now);
            starts++;
        }
        d0_conv_bytes(&c, &data[i], 1, now);
        assert(d0_conv_deadline(&c) > now);
    }
    while (d0_conv_busy(&c))
        d0_conv_tick(&c, d0_conv_deadline(&c));
    assert(ends == starts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    protocol = (enum line_protocol)(*data % LINE_PROTOCOLS);
    uint64_t whole = feed(data + 1, size - 1, size);
    assert(feed(data + 1, size - 1, 1) == whole);
    assert(feed(data + 1, size - 1, 13) == whole);
    converse(data + 1, size - 1);
    return 0;
}
