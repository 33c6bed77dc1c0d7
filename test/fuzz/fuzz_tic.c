/* The TIC reader: any bytes, in any pieces, give the same frames. */
#include "fuzz.h"

#include "core/tic.h"

#include <assert.h>

static void count(void *ctx, const struct tic_frame *f)
{
    uint64_t *sum = ctx;
    size_t n;

    assert(f->seen);
    (void)tic_labels(TIC_STANDARD, &n);
    for (size_t i = 0; i < n; i++)
        if (tic_has(f, i))
            *sum = *sum * 31 + (uint64_t)f->milli[i] + i;
}

static uint64_t feed(enum tic_mode mode, const uint8_t *data, size_t size, size_t step)
{
    struct tic_reader reader;
    uint64_t sum = 0;

    tic_reader_init(&reader, mode);
    for (size_t at = 0, n; at < size; at += n) {
        n = size - at < step ? size - at : step;
        tic_reader_bytes(&reader, data + at, n, count, &sum);
    }
    return sum + reader.taken + reader.other + reader.bad_sum + reader.bad_form + reader.too_long;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int mode = TIC_HISTORIQUE; mode <= TIC_STANDARD; mode++) {
        uint64_t whole = feed((enum tic_mode)mode, data, size, size + 1);
        assert(feed((enum tic_mode)mode, data, size, 1) == whole);
        assert(feed((enum tic_mode)mode, data, size, 11) == whole);
    }
    return 0;
}
