#include "unit.h"

#include "core/mb_frame.h"

#include <string.h>

static const struct mb_request request = {.unit = 17, .function = 3, .address = 0x6b, .count = 3, .transaction = 0x102};

/* The standard's own example of a read, with its CRC worked out by hand from the polynomial. */
static const uint8_t good[] = {17, 3, 6, 0xae, 0x41, 0x56, 0x52, 0x43, 0x40, 0x49, 0xad};

static uint8_t line[600];
static size_t len;

static void put(const void *p, size_t n)
{
    memcpy(line + len, p, n);
    len += n;
}

/* A frame of these bytes and its CRC. */
static void put_sealed(const uint8_t *p, size_t n)
{
    uint16_t crc = mb_frame_crc(p, n);

    put(p, n);
    put((uint8_t[]){(uint8_t)crc, (uint8_t)(crc >> 8)}, 2);
}

static void put_answer(uint8_t unit, uint8_t function, uint8_t words)
{
    uint8_t p[3 + 250] = {unit, function, (uint8_t)(2 * words)};

    for (size_t i = 3; i < sizeof p; i++)
        p[i] = (uint8_t)(i * 7);
    put_sealed(p, 3u + 2 * words);
}

static enum mb_found find(struct mb_answer *a)
{
    /* In a piece of memory of its own size, so that a read beyond it shows. */
    uint8_t *p = must(malloc(len ? len : 1));

    memcpy(p, line, len);
    enum mb_found found = mb_frame_find_rtu(&request, p, len, a);
    free(p);
    return found;
}

static int fresh(void **state)
{
    (void)state;
    len = 0;
    return 0;
}

static void requests(void **state)
{
    uint8_t out[12];

    (void)state;
    assert_int_equal(mb_frame_put_rtu(&request, out), 8);
    assert_memory_equal(out, ((uint8_t[]){0x11, 3, 0, 0x6b, 0, 3, 0x76, 0x87}), 8); /* of the standard's guide */
    assert_int_equal(mb_frame_put_mbap(&request, out), 12);
    assert_memory_equal(out, ((uint8_t[]){1, 2, 0, 0, 0, 6, 0x11, 3, 0, 0x6b, 0, 3}), 12);
    assert_int_equal(mb_frame_crc((const uint8_t *)"123456789", 9), 0x4b37); /* the check value of CRC-16/MODBUS */
}

static void an_answer_in_pieces(void **state)
{
    struct mb_answer a;
    uint16_t words[3];

    (void)state;
    for (size_t n = 0; n < sizeof good; n++) {
        len = 0;
        put(good, n);
        assert_int_equal(find(&a), MB_FOUND_NOTHING);
        assert_true(a.half == (n >= 3));
        assert_false(a.stray);
    }
    len = 0;
    put(good, sizeof good);
    assert_int_equal(find(&a), MB_FOUND_ANSWER);
    mb_frame_words(&request, line, &a, words);
    assert_memory_equal(words, ((uint16_t[]){0xae41, 0x5652, 0x4340}), sizeof words);
    assert_true(a.noise == 0 && !a.echo && !a.stray && !a.half && a.short_words == 0);
}

static void no_flipped_bit_passes(void **state)
{
    struct mb_answer a;

    (void)state;
    for (size_t bit = 0; bit < 8 * sizeof good; bit++) {
        len = 0;
        put(good, sizeof good);
        line[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(find(&a), MB_FOUND_NOTHING);
        assert_true(a.noise >= 5 && !a.stray);
    }
}

static void exceptions(void **state)
{
    struct mb_answer a;

    (void)state;
    put_sealed((uint8_t[]){17, 0x83, 2}, 3);
    assert_int_equal(find(&a), MB_FOUND_EXCEPTION);
    assert_int_equal(a.exception, 2);
    len = 0;
    put_sealed((uint8_t[]){17, 0x84, 2}, 3); /* of the other function */
    assert_int_equal(find(&a), MB_FOUND_NOTHING);
    assert_true(a.stray);
    assert_string_equal(mb_exception_name(2), "illegal data address");
    assert_string_equal(mb_exception_name(9), "unknown");
    assert_string_equal(mb_exception_name(-1), "unknown");
    assert_string_equal(mb_exception_name(99), "unknown");
}

static void what_stands_before_it(void **state)
{
    struct mb_answer a;
    uint8_t echo[MB_FRAME_REQUEST];

    (void)state;
    mb_frame_put_rtu(&request, echo);
    put(echo, sizeof echo);
    assert_int_equal(find(&a), MB_FOUND_NOTHING);
    assert_true(a.echo && !a.half && !a.stray && a.noise == 0);
    put((uint8_t[]){0, 17, 3}, 3);
    put_answer(18, 3, 3); /* another unit's */
    put_answer(17, 4, 3); /* another function's */
    put_sealed((uint8_t[]){9, 0x83, 2}, 3);
    assert_int_equal(find(&a), MB_FOUND_NOTHING);
    assert_true(a.echo && a.stray && a.noise == 3 && a.short_words == 0);
    put(good, sizeof good);
    assert_int_equal(find(&a), MB_FOUND_ANSWER);
    assert_int_equal(a.words_at, len - sizeof good + 3);
    assert_false(a.half);
}

/* The address of a request may look like the length of its answer: its echo is no answer that has begun. */
static void an_echo_that_looks_like_an_answer(void **state)
{
    const struct mb_request r = {.unit = 1, .function = 3, .address = 0x0400, .count = 2};
    struct mb_answer a;

    (void)state;
    len = mb_frame_put_rtu(&r, line);
    assert_int_equal(mb_frame_find_rtu(&r, line, len, &a), MB_FOUND_NOTHING);
    assert_true(a.echo && !a.half && !a.stray);
    put_sealed((uint8_t[]){1, 3, 4, 0, 1, 0, 2}, 7);
    assert_int_equal(mb_frame_find_rtu(&r, line, len, &a), MB_FOUND_ANSWER);
    assert_int_equal(a.words_at, 11);
}

static void another_length(void **state)
{
    struct mb_answer a;

    (void)state;
    put_answer(17, 3, 2);
    assert_int_equal(find(&a), MB_FOUND_NOTHING);
    assert_int_equal(a.short_words, 2);
    assert_true(a.stray);
    len = 0;
    put_answer(17, 3, 4); /* an older answer: nothing was asked of which it were a part */
    assert_int_equal(find(&a), MB_FOUND_NOTHING);
    assert_true(a.stray && a.short_words == 0);
}

static void the_longest(void **state)
{
    const struct mb_request r = {.unit = 1, .function = 4, .count = 125};
    struct mb_answer a;

    (void)state;
    put_answer(1, 4, 125);
    assert_int_equal(len, mb_frame_answer_len(&r));
    assert_int_equal(mb_frame_find_rtu(&r, line, len, &a), MB_FOUND_ANSWER);
}

/* ---- MBAP ---- */

static void put_mbap(uint16_t transaction, uint8_t unit, uint8_t function, uint8_t words)
{
    uint8_t p[9 + 250] = {
        (uint8_t)(transaction >> 8), (uint8_t)transaction, 0, 0, 0, (uint8_t)(3 + 2 * words), unit, function,
        (uint8_t)(2 * words)};

    put(p, 9u + 2 * words);
}

static enum mb_found find_mbap(struct mb_answer *a)
{
    uint8_t *p = must(malloc(len ? len : 1));

    memcpy(p, line, len);
    enum mb_found found = mb_frame_find_mbap(&request, p, len, a);
    free(p);
    return found;
}

static void mbap_takes_its_own_transaction_alone(void **state)
{
    struct mb_answer a;

    (void)state;
    put_mbap(0x101, 17, 3, 3); /* late */
    put_mbap(0x102, 18, 3, 3);
    put_mbap(0x102, 17, 4, 3);
    assert_int_equal(find_mbap(&a), MB_FOUND_NOTHING);
    assert_true(a.stray && !a.half && a.noise == 0);
    size_t before = len;
    put_mbap(0x102, 17, 3, 3);
    len--;
    assert_int_equal(find_mbap(&a), MB_FOUND_NOTHING);
    assert_true(a.half);
    len++;
    assert_int_equal(find_mbap(&a), MB_FOUND_ANSWER);
    assert_int_equal(a.words_at, before + 9);
}

static void mbap_exceptions_and_lengths(void **state)
{
    struct mb_answer a;

    (void)state;
    put((uint8_t[]){1, 2, 0, 0, 0, 3, 17, 0x83, 11}, 9);
    assert_int_equal(find_mbap(&a), MB_FOUND_EXCEPTION);
    assert_int_equal(a.exception, 11);
    len = 0;
    put_mbap(0x102, 17, 3, 1);
    assert_int_equal(find_mbap(&a), MB_FOUND_NOTHING);
    assert_int_equal(a.short_words, 1);
    len = 0;
    put_mbap(0x102, 17, 3, 3);
    line[8] = 8; /* says more than the frame holds */
    assert_int_equal(find_mbap(&a), MB_FOUND_NOTHING);
    assert_true(a.stray && a.short_words == 0);
}

static void mbap_of_no_stream(void **state)
{
    struct mb_answer a;

    (void)state;
    put("HTTP/1.1 400", 12);
    assert_int_equal(find_mbap(&a), MB_FOUND_NOTHING);
    assert_int_equal(a.noise, 12);
    len = 0;
    put((uint8_t[]){1, 2, 0, 0, 0xff, 0xff, 17, 3}, 8);
    assert_int_equal(find_mbap(&a), MB_FOUND_NOTHING);
    assert_int_equal(a.noise, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(requests, fresh),
        cmocka_unit_test_setup(an_answer_in_pieces, fresh),
        cmocka_unit_test_setup(no_flipped_bit_passes, fresh),
        cmocka_unit_test_setup(exceptions, fresh),
        cmocka_unit_test_setup(what_stands_before_it, fresh),
        cmocka_unit_test_setup(an_echo_that_looks_like_an_answer, fresh),
        cmocka_unit_test_setup(another_length, fresh),
        cmocka_unit_test_setup(the_longest, fresh),
        cmocka_unit_test_setup(mbap_takes_its_own_transaction_alone, fresh),
        cmocka_unit_test_setup(mbap_exceptions_and_lengths, fresh),
        cmocka_unit_test_setup(mbap_of_no_stream, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
