/* The D0 reader: any bytes, in any pieces, give the same telegrams. */
#include "fuzz.h"

#include "core/d0_reader.h"

#include <assert.h>

static void count(void *ctx, enum d0_end end, const struct d0_telegram *t)
{
    uint64_t *sum = ctx;

    *sum = *sum * 31 + end;
    assert(!t || t->n <= D0_VALUES);
    for (size_t i = 0; t && i < t->n; i++) {
        assert(t->values[i].milli >= -OBIS_MAX && t->values[i].milli <= OBIS_MAX);
        *sum = *sum * 31 + (uint64_t)t->values[i].milli;
    }
}

static uint64_t feed(const uint8_t *data, size_t size, size_t step)
{
    static struct d0_reader reader;
    uint64_t sum = 0;

    d0_reader_init(&reader);
    for (size_t at = 0, n; at < size; at += n) {
        n = size - at < step ? size - at : step;
        d0_reader_bytes(&reader, data + at, n, count, &sum);
    }
    d0_reader_pause(&reader, count, &sum);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole = feed(data, size, size + 1);

    assert(feed(data, size, 1) == whole);
    assert(feed(data, size, 13) == whole);
    return 0;
}
