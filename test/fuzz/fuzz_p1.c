/* The P1 reader and decoder: any bytes, in any pieces, give the same telegrams, and what is taken with a CRC has one
 * that holds. */
#include "fuzz.h"

#include "core/p1_reader.h"
#include "core/p1_telegram.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct tally {
    uint64_t sum;
};

static void count(void *ctx, enum p1_end end, const char *text, size_t len)
{
    struct tally *t = ctx;
    struct p1_telegram telegram;

    assert(len <= P1_TELEGRAM_MAX);
    char *copy = malloc(len + 1); /* of its own, so that a read beyond it shows */
    memcpy(copy, text, len);
    t->sum = t->sum * 31 + end;
    if (p1_parse(copy, len, &telegram) == 0) {
        assert(telegram.n <= P1_VALUES);
        for (size_t i = 0; i < telegram.n; i++) {
            assert(telegram.values[i].milli >= 0 && telegram.values[i].milli <= OBIS_MAX);
            t->sum = t->sum * 31 + (uint64_t)telegram.values[i].milli;
        }
    }
    free(copy);
}

static uint64_t feed(const uint8_t *data, size_t size, size_t step)
{
    static struct p1_reader reader;
    struct tally t = {0};

    p1_reader_init(&reader);
    for (size_t at = 0, n; at < size; at += n) {
        n = size - at < step ? size - at : step;
        p1_reader_bytes(&reader, data + at, n, count, &t);
    }
    return t.sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole = feed(data, size, size + 1);

    assert(feed(data, size, 1) == whole);
    assert(feed(data, size, 7) == whole);
    return 0;
}
