#include "unit.h"

#include "core/sealed.h"

#include "core/util.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

static const uint8_t bits[SEALED_SALT + SEALED_NONCE] = "0123456789abcdefghijklmnopqr";
static const char secret[] = "{\"mqtt.password\":\"x\"}";

static int opens(const char *text, size_t len, const char *passphrase, char **plain)
{
    size_t n;
    int rc = sealed_open(text, len, passphrase, plain, &n);

    if (rc == 0)
        assert_int_equal(n, strlen(*plain));
    return rc;
}

static void there_and_back(void **state)
{
    char *text = sealed_seal(secret, strlen(secret), "correct horse", bits), *plain;

    (void)state;
    assert_non_null(text);
    assert_null(strstr(text, "password"));
    assert_memory_equal(text, "Rnhz", 4);
    assert_int_equal(opens(text, strlen(text), "correct horse", &plain), 0);
    assert_string_equal(plain, secret);
    free(plain);
    assert_int_equal(opens(text, strlen(text), "correct horsf", &plain), SEALED_WRONG);
    assert_int_equal(opens(text, strlen(text), "", &plain), SEALED_WRONG);
    free(text);
}

/* Made by another program: Python's hashlib.scrypt and cryptography's AESGCM, with the head as associated data. The
 * form must not change, or old backups are lost. */
static void the_form_stays(void **state)
{
    static const char text[] = "RnhzATAxMjM0NTY3ODlhYmNkZWZnaGlqa2xtbm9wcXKPnHaL0PUg1wUgRQMIjX9iplYB+H8xR+cMp5HqvHYp"
                               "x4Vye/Xl";
    char *plain, *ours = sealed_seal(secret, strlen(secret), "correct horse", bits);

    (void)state;
    assert_string_equal(ours, text);
    assert_int_equal(opens(text, strlen(text), "correct horse", &plain), 0);
    assert_string_equal(plain, secret);
    free(plain);
    free(ours);
}

static void nothing_and_much(void **state)
{
    char *much = calloc(1, SEALED_MAX + 1), *text, *plain;
    size_t len;

    (void)state;
    memset(much, 'x', SEALED_MAX + 1);
    assert_null(sealed_seal(much, SEALED_MAX + 1, "correct horse", bits));
    text = sealed_seal(much, SEALED_MAX, "correct horse", bits);
    assert_int_equal(sealed_open(text, strlen(text), "correct horse", &plain, &len), 0);
    assert_int_equal(len, SEALED_MAX);
    assert_memory_equal(plain, much, SEALED_MAX);
    free(plain);
    free(text);
    text = sealed_seal("", 0, "correct horse", bits);
    assert_int_equal(sealed_open(text, strlen(text), "correct horse", &plain, &len), 0);
    assert_int_equal(len, 0);
    free(plain);
    free(text);
    free(much);
}

/* Every bit counts; with a key that is there already, as making one is slow. */
static void tampered(void **state)
{
    char *text = sealed_seal(secret, strlen(secret), "correct horse", bits), *plain;
    uint8_t key[SEALED_KEY];
    struct sealed s;
    size_t len;

    (void)state;
    assert_int_equal(EVP_PBE_scrypt("correct horse", 13, bits, SEALED_SALT, 32768, 8, 1, 64 << 20, key, sizeof key), 1);
    assert_int_equal(sealed_parse(&s, text, strlen(text)), 0);
    assert_int_equal(sealed_open_with(&s, key, &plain, &len), 0);
    free(plain);
    for (size_t i = 0; i < s.len * 8; i++) {
        s.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(sealed_open_with(&s, key, &plain, &len), SEALED_WRONG);
        s.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    free(s.bytes);
    free(text);
}

static void torn(void **state)
{
    char *text = sealed_seal(secret, strlen(secret), "correct horse", bits);
    struct sealed s;

    (void)state;
    for (size_t n = 0; n < 4 * 16; n++) /* less than head and tag */
        assert_int_equal(sealed_parse(&s, text, n), SEALED_WRONG);
    for (size_t n = 4 * 16; n < strlen(text); n++) {
        if (n % 4) {
            assert_int_equal(sealed_parse(&s, text, n), SEALED_WRONG);
            continue;
        }
        assert_int_equal(sealed_parse(&s, text, n), 0);
        free(s.bytes);
    }
    free(text);
}

static void no_form(void **state)
{
    static const char *const texts[] = {"=",
                                        "====",
                                        "Rnhz",
                                        "AAAA",
                                        "R===",
                                        "Rnhz\n\n\n\n"
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                        "RnhzAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                        "RnhzAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    size_t huge = 4 * ((SEALED_HEAD + SEALED_MAX + SEALED_TAG + 2) / 3) + 4;
    char *text = calloc(1, huge + 1);
    struct sealed s;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(sealed_parse(&s, texts[i], strlen(texts[i])), SEALED_WRONG);
    assert_int_equal(sealed_parse(&s, "Rnhz\0AAA", 8), SEALED_WRONG);
    memset(text, 'A', huge);
    memcpy(text, "RnhzAQAA", 8);
    assert_int_equal(sealed_parse(&s, text, huge), SEALED_WRONG);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back), cmocka_unit_test(the_form_stays), cmocka_unit_test(nothing_and_much),
        cmocka_unit_test(tampered),       cmocka_unit_test(torn),           cmocka_unit_test(no_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
