#include "unit.h"

#include "core/scrypt_line.h"

#include <stdio.h>
#include <string.h>

static struct scrypt_line l;

static int parse(const char *text)
{
    return scrypt_line_parse(&l, text, strlen(text));
}

/* The third vector of RFC 7914, 12; of a longer hash the first half is the same. */
static void the_vector_of_the_rfc(void **state)
{
    (void)state;
    assert_int_equal(parse("scrypt$16384$8$1$536f6469756d43686c6f72696465$"
                           "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2\n"),
                     0);
    assert_int_equal(scrypt_line_check(&l, "pleaseletmein"), 1);
    assert_int_equal(scrypt_line_check(&l, "pleaseletmeiN"), 0);
    assert_int_equal(scrypt_line_check(&l, ""), 0);
}

/* As Python's hashlib.scrypt() has it. */
static void a_line_as_it_is_written(void **state)
{
    static const uint8_t salt[SCRYPT_SALT] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    char text[SCRYPT_LINE_MAX + 1];

    (void)state;
    assert_int_equal(scrypt_line_make(&l, "passw\xc3\xb6rd", salt), 0);
    scrypt_line_format(&l, text);
    assert_string_equal(text, "scrypt$16384$8$1$000102030405060708090a0b0c0d0e0f$"
                              "22c1f2f1c656be834ad6c392e6e937de7dee44108f281b66bd0de8e8dc1ba796");
    memset(&l, 0, sizeof l);
    assert_int_equal(parse(text), 0);
    assert_int_equal(scrypt_line_check(&l, "passw\xc3\xb6rd"), 1);
    assert_int_equal(scrypt_line_check(&l, "password"), 0);
}

#define SALT "0011223344556677"
#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void what_is_no_line(void **state)
{
    static const char *const good[] = {
        "scrypt$1024$1$1$" SALT "$" HASH,
        "scrypt$65536$8$16$" SALT SALT SALT SALT "$" HASH "\n",
        "scrypt$16384$32$1$" SALT "$" HASH,
    };
    static const char *const bad[] = {
        "",
        "\n",
        "scrypt",
        "scrypt$",
        "bcrypt$1024$1$1$" SALT "$" HASH,
        "scrypt$1024$1$1$" SALT,
        "scrypt$1024$1$1$" SALT "$",
        "scrypt$1024$1$1$" SALT "$" HASH "$",
        "scrypt$1024$1$1$" SALT "$" HASH "00",
        "scrypt$1024$1$1$" SALT "$" HASH "\n\n",
        "scrypt$1024$1$1$" SALT "$" HASH " ",
        "scrypt$1024$1$1$00112233445566$" HASH,
        "scrypt$1024$1$1$" SALT SALT SALT SALT "00$" HASH,
        "scrypt$1024$1$1$001122334455667$" HASH,
        "scrypt$1024$1$1$001122334455667x$" HASH,
        "scrypt$512$1$1$" SALT "$" HASH,
        "scrypt$1025$1$1$" SALT "$" HASH,
        "scrypt$01024$1$1$" SALT "$" HASH,
        "scrypt$+1024$1$1$" SALT "$" HASH,
        "scrypt$1024$0$1$" SALT "$" HASH,
        "scrypt$1024$1$0$" SALT "$" HASH,
        "scrypt$1024$1$17$" SALT "$" HASH,
        "scrypt$1024$33$1$" SALT "$" HASH,
        "scrypt$1024$$1$" SALT "$" HASH,
        "scrypt$99999999999999999999$1$1$" SALT "$" HASH,
        "scrypt$65536$16$1$" SALT "$" HASH, /* 128 MB */
        "scrypt$2097152$1$1$" SALT "$" HASH,
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (parse(good[i]) < 0)
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (parse(bad[i]) == 0)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(scrypt_line_parse(&l, "scrypt$1024$1$1$" SALT "$" HASH "\0x", 16 + 16 + 1 + 64 + 2), -1);
}

/* What a line may ask for can be had: the largest is computed, not refused. */
static void the_largest_works(void **state)
{
    (void)state;
    assert_int_equal(parse("scrypt$65536$8$1$" SALT "$" HASH), 0);
    assert_int_equal(scrypt_line_check(&l, "x"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_of_the_rfc),
        cmocka_unit_test(a_line_as_it_is_written),
        cmocka_unit_test(what_is_no_line),
        cmocka_unit_test(the_largest_works),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
