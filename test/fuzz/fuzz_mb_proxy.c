/* Fuzzer: what a client of a bus's proxy sends, as a stream, taken in one piece and byte by byte. Both must find the
 * same requests; what is asked can be asked, and an answer to it takes apart again. */
#include "fuzz.h"

#include "core/mb_proxy.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void check_request(enum mb_proxy_take t, const struct mb_proxy_request *r)
{
    static const uint16_t words[125];
    uint8_t frame[MB_PROXY_FRAME];

    if (t == MB_PROXY_REFUSE) {
        check(r->refuse != 0);
        check(mb_proxy_refuse(r, r->refuse, frame) == 9);
        return;
    }
    check(r->function == 3 || r->function == 4);
    check(r->count >= 1 && r->count <= 125 && r->address + r->count <= 65536);
    check(mb_proxy_answer(r, words, frame) == 9 + 2u * r->count);
    check((frame[4] << 8 | frame[5]) == 3 + 2 * r->count);
}

/* How many requests there are until the stream breaks or ends; *sum tells them apart. step: bytes that come at once. */
static unsigned run(const uint8_t *data, size_t size, size_t step, uint64_t *sum)
{
    uint8_t buffer[MB_PROXY_FRAME];
    struct mb_proxy_request r;
    size_t at = 0, len = 0, used;
    unsigned n = 0;

    for (;;) {
        enum mb_proxy_take t = mb_proxy_take(buffer, len, &r, &used);
        if (t == MB_PROXY_BROKEN)
            return n;
        if (t == MB_PROXY_MORE) {
            size_t part = size - at < step ? size - at : step;
            part = part < sizeof buffer - len ? part : sizeof buffer - len;
            check(len < sizeof buffer); /* the longest frame fits */
            if (part == 0)
                return n;
            memcpy(buffer + len, data + at, part);
            at += part;
            len += part;
            continue;
        }
        check(used >= 8 && used <= len);
        check_request(t, &r);
        *sum = *sum * 31 + r.transaction * 7u + r.unit * 5u + r.function * 3u + r.address + r.count + r.refuse;
        n++;
        len -= used;
        memmove(buffer, buffer + used, len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole = 0, bytes = 0, uneven = 0;
    unsigned n = run(data, size, size, &whole);

    check(run(data, size, 1, &bytes) == n && bytes == whole);
    check(run(data, size, 7, &uneven) == n && uneven == whole);
    return 0;
}
