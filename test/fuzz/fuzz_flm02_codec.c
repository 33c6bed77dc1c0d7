/* The FLM02 reader: any bytes, in any pieces, give the same events; records of any message keep their ranges. */
#include "fuzz.h"

#include "core/flm02_codec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct tally {
    unsigned messages, nothings, uart, refused;
    uint32_t sum;
};

static void take(struct tally *t, const struct flm02_reader *r, enum flm02_event e)
{
    struct flm02_record records[FLM02_SENSORS];

    t->messages += e == FLM02_MESSAGE;
    t->nothings += e == FLM02_NOTHING;
    t->uart += e == FLM02_UART;
    t->refused += e == FLM02_REFUSED;
    if (e == FLM02_UART)
        t->sum = t->sum * 31 + r->uart;
    if (e != FLM02_MESSAGE)
        return;
    assert(r->n_args <= FLM02_ARGS_MAX);
    for (size_t i = 0; i < r->n_args; i++)
        t->sum = t->sum * 31 + (uint8_t)r->args[i];
    for (unsigned digits = 18; digits <= 22; digits += 4) {
        int n = flm02_records(r->args, r->n_args, digits, records);
        for (int i = 0; i < n; i++)
            assert(records[i].id < FLM02_SENSORS && records[i].milli < 1000);
    }
}

/* Feed data in pieces of `step` bytes, each from its own allocation so that a read beyond it shows. */
static void feed(const uint8_t *data, size_t size, size_t step, struct tally *t)
{
    struct flm02_reader r;

    memset(t, 0, sizeof *t);
    flm02_reader_init(&r);
    for (size_t at = 0; at < size; at += step) {
        size_t n = size - at < step ? size - at : step;
        char *piece = malloc(n);
        memcpy(piece, data + at, n);
        const char *p = piece;
        for (enum flm02_event e; (e = flm02_read(&r, &p, piece + n)) != FLM02_MORE;)
            take(t, &r, e);
        assert(p == piece + n);
        free(piece);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally whole, bytes;

    if (size == 0 || size > 4096)
        return 0;
    feed(data, size, size, &whole);
    feed(data, size, 1, &bytes);
    /* noise may be refused in one piece or in many; all that means something is the same */
    assert(whole.messages == bytes.messages && whole.nothings == bytes.nothings && whole.uart == bytes.uart &&
           whole.sum == bytes.sum);
    return 0;
}
