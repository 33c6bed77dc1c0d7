#include "unit.h"

#include "core/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAX (1u << 20)

static struct tar tar;
static unsigned char packed[MAX], plain[MAX];
static size_t n_packed, n_plain;

static int setup(void **state)
{
    (void)state;
    tar_init(&tar);
    n_packed = n_plain = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tar_fini(&tar);
    return 0;
}

static void take(void)
{
    assert_true(n_packed + tar.out.len <= MAX);
    memcpy(packed + n_packed, tar.out.buf, tar.out.len);
    n_packed += tar.out.len;
    tar.out.len = 0;
}

/* Unpack all with zlib's own gzip reader; its check sum holds. */
static void unpack(void)
{
    z_stream z = {.next_in = packed, .avail_in = (uInt)n_packed, .next_out = plain, .avail_out = MAX};

    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    n_plain = z.total_out;
    inflateEnd(&z);
}

static unsigned long octal(const unsigned char *p, int digits)
{
    char text[16] = "";

    memcpy(text, p, (size_t)digits);
    assert_int_equal(p[digits], '\0');
    assert_int_equal(strspn(text, "01234567"), digits);
    return strtoul(text, NULL, 8);
}

/* A header of POSIX.1-1988, checked by the table of the standard. Returns where the next one is. */
static size_t check_member(size_t at, const char *name, const void *text, size_t size)
{
    const unsigned char *h = plain + at;
    unsigned long sum = 0;

    assert_string_equal((const char *)h, name);
    assert_int_equal(octal(h + 100, 7), 0644);
    assert_int_equal(octal(h + 108, 7), 0);
    assert_int_equal(octal(h + 116, 7), 0);
    assert_int_equal(octal(h + 124, 11), size);
    assert_int_equal(octal(h + 136, 11), 1700000000);
    assert_int_equal(h[156], '0');
    assert_memory_equal(h + 257, "ustar\00000", 8);
    for (int i = 0; i < 512; i++)
        sum += i >= 148 && i < 156 ? ' ' : h[i];
    assert_int_equal(octal(h + 148, 6), sum);
    assert_int_equal(h[155], ' ');
    assert_memory_equal(h + 512, text, size);
    return at + 512 + (size + 511) / 512 * 512;
}

static void members_and_their_bytes(void **state)
{
    static char exact[1024], large[100000];

    (void)state;
    memset(exact, 'e', sizeof exact);
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7 + i / 256);
    tar_member(&tar, "a/one.txt", 5, 1700000000);
    tar_data(&tar, "hel", 3);
    tar_data(&tar, "lo", 2);
    tar_member(&tar, "a/nothing", 0, 1700000000);
    tar_member(&tar, "a/exact", sizeof exact, 1700000000);
    tar_data(&tar, exact, sizeof exact);
    tar_member(&tar, "a/large", sizeof large, 1700000000);
    for (size_t i = 0; i < sizeof large; i += 1000) {
        tar_data(&tar, large + i, 1000);
        take();
    }
    tar_end(&tar);
    take();
    unpack();
    size_t at = check_member(0, "a/one.txt", "hello", 5);
    at = check_member(at, "a/nothing", "", 0);
    at = check_member(at, "a/exact", exact, sizeof exact);
    at = check_member(at, "a/large", large, sizeof large);
    assert_int_equal(n_plain, at + 1024);
    for (; at < n_plain; at++)
        assert_int_equal(plain[at], 0);
}

static void an_empty_one(void **state)
{
    (void)state;
    tar_end(&tar);
    take();
    unpack();
    assert_int_equal(n_plain, 1024);
}

static void the_longest_name(void **state)
{
    char name[TAR_NAME + 1];

    (void)state;
    memset(name, 'n', TAR_NAME);
    name[TAR_NAME] = '\0';
    tar_member(&tar, name, 1, 1700000000);
    tar_data(&tar, "x", 1);
    tar_end(&tar);
    take();
    unpack();
    check_member(0, name, "x", 1);
}

/* A client that goes away in the middle. */
static void given_up_half_way(void **state)
{
    (void)state;
    tar_member(&tar, "a", 1000, 0);
    tar_data(&tar, "x", 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(members_and_their_bytes),
        TEST(an_empty_one),
        TEST(the_longest_name),
        TEST(given_up_half_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
