/* The search for a Modbus answer: any bytes, as they come. What is found stands there whole, and is of
 * the request. The first eight bytes say what that is. */
#include "fuzz.h"

#include "core/mb_frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef enum mb_found find_fn(const struct mb_request *r, const uint8_t *p, size_t n, struct mb_answer *a);

static enum mb_found find_in_copy(find_fn *find, const struct mb_request *r, const uint8_t *p, size_t n,
                                  struct mb_answer *a)
{
    uint8_t *copy = malloc(n ? n : 1);

    memcpy(copy, p, n);
    enum mb_found found = find(r, copy, n, a);
    free(copy);
    return found;
}

static void judge_rtu(const struct mb_request *r, const uint8_t *p, size_t n, const struct mb_answer *a,
                      enum mb_found found)
{
    size_t at = a->words_at - 3, len = found == MB_FOUND_ANSWER ? mb_frame_answer_len(r) : 5;

    assert(a->words_at >= 3 && at + len <= n);
    assert(p[at] == r->unit);
    assert(mb_frame_crc(p + at, len) == 0); /* over a frame and its CRC */
    if (found == MB_FOUND_ANSWER)
        assert(p[at + 1] == r->function && p[at + 2] == 2 * r->count);
    else
        assert(p[at + 1] == (r->function | 0x80) && p[at + 2] == a->exception);
}

static void judge_mbap(const struct mb_request *r, const uint8_t *p, size_t n, const struct mb_answer *a,
                       enum mb_found found)
{
    size_t at = a->words_at - 9;

    assert(a->words_at >= 9 && at + 9 <= n);
    assert((p[at] << 8 | p[at + 1]) == r->transaction && p[at + 6] == r->unit);
    if (found == MB_FOUND_ANSWER)
        assert(p[at + 7] == r->function && p[at + 8] == 2 * r->count && at + 9 + p[at + 8] <= n);
    else
        assert(p[at + 7] == (r->function | 0x80) && p[at + 8] == a->exception);
}

static void run(find_fn *find,
                void (*judge)(const struct mb_request *, const uint8_t *, size_t, const struct mb_answer *,
                              enum mb_found),
                const struct mb_request *r, const uint8_t *p, size_t n)
{
    struct mb_answer a;

    for (size_t k = n % 13; k <= n; k += 13) {
        enum mb_found found = find_in_copy(find, r, p, k, &a);
        assert(a.noise <= k);
        if (found != MB_FOUND_NOTHING)
            judge(r, p, k, &a, found);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mb_request r;

    if (size < 8 || size > 520)
        return 0;
    r.unit = data[0];
    r.function = data[1] & 1 ? 3 : 4;
    r.address = (uint16_t)(data[2] << 8 | data[3]);
    r.count = (uint16_t)(1 + data[4] % 125);
    r.transaction = (uint16_t)(data[6] << 8 | data[7]);
    run(mb_frame_find_rtu, judge_rtu, &r, data + 8, size - 8);
    run(mb_frame_find_mbap, judge_mbap, &r, data + 8, size - 8);
    return 0;
}
