#include "unit.h"

#include "core/mb_proxy.h"

#include <string.h>

static enum mb_proxy_take take(const uint8_t *bytes, size_t n, struct mb_proxy_request *r)
{
    size_t used;
    enum mb_proxy_take t = mb_proxy_take(bytes, n, r, &used);

    assert_int_equal(used, t == MB_PROXY_ASK || t == MB_PROXY_REFUSE ? 6 + bytes[5] : 0);
    return t;
}

/* The example of the standard (Messaging on TCP/IP, page 4.2): read register 5 of unit 255. */
static void a_read_is_asked(void **state)
{
    static const uint8_t bytes[] = {0x15, 0x01, 0, 0, 0, 6, 0xFF, 3, 0, 4, 0, 1, 0x99};
    struct mb_proxy_request r;

    (void)state;
    for (size_t n = 0; n < 12; n++)
        assert_int_equal(take(bytes, n, &r), MB_PROXY_MORE);
    for (size_t n = 12; n <= sizeof bytes; n++) {
        assert_int_equal(take(bytes, n, &r), MB_PROXY_ASK);
        assert_int_equal(r.transaction, 0x1501);
        assert_int_equal(r.unit, 255);
        assert_int_equal(r.function, 3);
        assert_int_equal(r.address, 4);
        assert_int_equal(r.count, 1);
    }
}

/* Whatever the function: only two of 256 are asked, and nothing that writes. */
static void only_reads_are_asked(void **state)
{
    uint8_t bytes[] = {0, 1, 0, 0, 0, 6, 1, 0, 0, 4, 0, 1};
    struct mb_proxy_request r;

    (void)state;
    for (int f = 0; f < 256; f++) {
        bytes[7] = (uint8_t)f;
        if (f == 3 || f == 4) {
            assert_int_equal(take(bytes, sizeof bytes, &r), MB_PROXY_ASK);
            continue;
        }
        assert_int_equal(take(bytes, sizeof bytes, &r), MB_PROXY_REFUSE);
        assert_int_equal(r.refuse, MB_PROXY_ILLEGAL_FUNCTION);
    }
}

static void what_cannot_be_read_is_refused(void **state)
{
    static const struct {
        uint16_t address, count;
        uint8_t refuse;
    } rows[] = {
        {0, 1, 0},
        {0, 125, 0},
        {65535, 1, 0},
        {65411, 125, 0},
        {0, 0, MB_PROXY_ILLEGAL_VALUE},
        {0, 126, MB_PROXY_ILLEGAL_VALUE},
        {0, 65535, MB_PROXY_ILLEGAL_VALUE},
        {65535, 2, MB_PROXY_ILLEGAL_ADDRESS},
        {65412, 125, MB_PROXY_ILLEGAL_ADDRESS},
    };
    struct mb_proxy_request r;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const uint8_t bytes[] = {0,
                                 1,
                                 0,
                                 0,
                                 0,
                                 6,
                                 1,
                                 4,
                                 (uint8_t)(rows[i].address >> 8),
                                 (uint8_t)rows[i].address,
                                 (uint8_t)(rows[i].count >> 8),
                                 (uint8_t)rows[i].count};
        assert_int_equal(take(bytes, sizeof bytes, &r), rows[i].refuse ? MB_PROXY_REFUSE : MB_PROXY_ASK);
        assert_int_equal(r.refuse, rows[i].refuse);
    }
    for (uint8_t len = 2; len < 20; len++) {
        uint8_t bytes[32] = {0, 1, 0, 0, 0, len, 1, 3, 0, 0, 0, 1};
        assert_int_equal(take(bytes, sizeof bytes, &r), len == 6 ? MB_PROXY_ASK : MB_PROXY_REFUSE);
        assert_int_equal(r.refuse, len == 6 ? 0 : MB_PROXY_ILLEGAL_VALUE);
    }
}

static void other_protocols_are_broken(void **state)
{
    static const char http[] = "GET / HTTP/1.1\r\n\r\n";
    struct mb_proxy_request r;

    (void)state;
    assert_int_equal(take((const uint8_t *)http, sizeof http - 1, &r), MB_PROXY_BROKEN);
    assert_int_equal(take((const uint8_t[]){0, 1, 0, 1, 0, 6, 1}, 7, &r), MB_PROXY_BROKEN);
    assert_int_equal(take((const uint8_t[]){0, 1, 0, 0, 0, 1, 1}, 7, &r), MB_PROXY_BROKEN);
    assert_int_equal(take((const uint8_t[]){0, 1, 0, 0, 0, 255, 1}, 7, &r), MB_PROXY_BROKEN);
    assert_int_equal(take((const uint8_t[]){0, 1, 0, 0, 1, 6, 1}, 7, &r), MB_PROXY_BROKEN);
    assert_int_equal(take((const uint8_t[]){0, 1, 0, 0, 0, 254, 1}, 7, &r), MB_PROXY_MORE);
}

static void answers_are_the_standards(void **state)
{
    static const uint8_t want[] = {0x15, 0x01, 0, 0, 0, 7, 0x11, 3, 4, 0xAE, 0x41, 0x56, 0x52};
    static const uint8_t refusal[] = {0x15, 0x01, 0, 0, 0, 3, 0x11, 0x83, 11};
    struct mb_proxy_request r = {.transaction = 0x1501, .unit = 0x11, .function = 3, .count = 2};
    uint16_t words[125] = {0xAE41, 0x5652};
    uint8_t frame[MB_PROXY_FRAME];

    (void)state;
    assert_int_equal(mb_proxy_answer(&r, words, frame), sizeof want);
    assert_memory_equal(frame, want, sizeof want);
    assert_int_equal(mb_proxy_refuse(&r, MB_PROXY_NO_ANSWER, frame), sizeof refusal);
    assert_memory_equal(frame, refusal, sizeof refusal);
    r.count = 125;
    assert_int_equal(mb_proxy_answer(&r, words, frame), 259);
    assert_int_equal(frame[4] << 8 | frame[5], 253);
    assert_int_equal(frame[8], 250);
}

static void failures_have_codes(void **state)
{
    (void)state;
    assert_int_equal(mb_proxy_code(MB_EXCEPTION, 2), 2);
    assert_int_equal(mb_proxy_code(MB_EXCEPTION, 0), MB_PROXY_NO_ANSWER);
    assert_int_equal(mb_proxy_code(MB_TIMEOUT, 0), MB_PROXY_NO_ANSWER);
    assert_int_equal(mb_proxy_code(MB_CRC, 0), MB_PROXY_NO_ANSWER);
    assert_int_equal(mb_proxy_code(MB_BAD, 0), MB_PROXY_NO_ANSWER);
    assert_int_equal(mb_proxy_code(MB_GONE, 0), MB_PROXY_NO_PATH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_is_asked),
        cmocka_unit_test(only_reads_are_asked),
        cmocka_unit_test(what_cannot_be_read_is_refused),
        cmocka_unit_test(other_protocols_are_broken),
        cmocka_unit_test(answers_are_the_standards),
        cmocka_unit_test(failures_have_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
