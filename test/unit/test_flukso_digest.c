#include "unit.h"

#include "core/flukso_digest.h"

#include <string.h>

#define KEY "0123456789abcdef0123456789abcdef"

/* The vectors of flukso-api.md */
static const char *const vectors[][2] = {
    {"{\"measurements\":[[1700000000,123456],[1700000060,123457]]}", "68aa599a6ab602232dd261323a595449e17b6beb"},
    {"{\"memtotal\":1,\"version\":250,\"memcached\":1,\"membuffers\":1,\"memfree\":1,\"uptime\":1,\"reset\":0}",
     "7767934cb7f5045f3d5c7a4587beb8ece954d858"},
};

static void the_vectors_of_the_spec(void **state)
{
    char out[FLUKSO_DIGEST_LEN + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        flukso_digest(KEY, vectors[i][0], strlen(vectors[i][0]), out);
        assert_string_equal(out, vectors[i][1]);
        assert_true(flukso_digest_matches(KEY, vectors[i][0], strlen(vectors[i][0]), vectors[i][1]));
    }
}

/* RFC 2202, test cases 2 and 6 (a key longer than a block) */
static void keys_of_any_length(void **state)
{
    static const char text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    char out[FLUKSO_DIGEST_LEN + 1], key[81];

    (void)state;
    flukso_digest("Jefe", "what do ya want for nothing?", 28, out);
    assert_string_equal(out, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    memset(key, 0xaa, 80);
    key[80] = '\0';
    flukso_digest(key, text, sizeof text - 1, out);
    assert_string_equal(out, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    flukso_digest("", "", 0, out);
    assert_string_equal(out, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
    flukso_digest("", NULL, 0, out);
    assert_string_equal(out, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

static void anything_else_does_not_match(void **state)
{
    const char *body = vectors[0][0];
    char claimed[FLUKSO_DIGEST_LEN + 2];

    (void)state;
    for (size_t i = 0; i < FLUKSO_DIGEST_LEN; i++) {
        strcpy(claimed, vectors[0][1]);
        claimed[i] ^= 1;
        assert_false(flukso_digest_matches(KEY, body, strlen(body), claimed));
    }
    strcpy(claimed, vectors[0][1]);
    strcat(claimed, "0");
    assert_false(flukso_digest_matches(KEY, body, strlen(body), claimed));
    assert_false(flukso_digest_matches(KEY, body, strlen(body), claimed + 2));
    assert_false(flukso_digest_matches(KEY, body, strlen(body), ""));
    assert_false(flukso_digest_matches(KEY, body, strlen(body), NULL));
    assert_false(flukso_digest_matches(KEY, body, strlen(body), "68AA599A6AB602232DD261323A595449E17B6BEB"));
    assert_false(flukso_digest_matches(KEY, body, strlen(body) - 1, vectors[0][1]));
    assert_false(flukso_digest_matches("0123456789abcdef0123456789abcdee", body, strlen(body), vectors[0][1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_spec),
        cmocka_unit_test(keys_of_any_length),
        cmocka_unit_test(anything_else_does_not_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
