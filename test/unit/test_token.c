#include "unit.h"

#include "core/jsonw.h"
#include "core/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct tokens t;
static char text[TOKEN_TEXT + 1];

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    return 0;
}

static int add(const char *name, uint8_t byte, bool read_only)
{
    uint8_t random[TOKEN_RANDOM];

    memset(random, byte, sizeof random);
    return token_add(&t, name, read_only, 1764000000, random, text);
}

static int parse(const char *json)
{
    return tokens_parse(&t, json, strlen(json));
}

static void made_checked_removed(void **state)
{
    const struct token *x;

    (void)state;
    assert_int_equal(add("grafana", 0xab, true), 0);
    assert_string_equal(text, "fluksod_abababababababababababababababababababababababababababababababab");
    x = token_check(&t, text, TOKEN_TEXT);
    assert_non_null(x);
    assert_string_equal(x->name, "grafana");
    assert_true(x->read_only);
    assert_null(token_check(&t, text, TOKEN_TEXT - 1));
    assert_null(token_check(&t, "", 0));
    text[TOKEN_TEXT - 1] ^= 1;
    assert_null(token_check(&t, text, TOKEN_TEXT));
    assert_int_equal(add("grafana", 1, false), -EEXIST);
    assert_int_equal(add("script", 2, false), 0);
    assert_false(token_check(&t, text, TOKEN_TEXT)->read_only);
    assert_true(token_remove(&t, "grafana"));
    assert_false(token_remove(&t, "grafana"));
    assert_int_equal(t.n, 1);
    assert_non_null(token_check(&t, text, TOKEN_TEXT));
}

static void names(void **state)
{
    static const char *const good[] = {"a", "A.b_c-9", "0123456789abcdef0123456789ABCDEF", "-", "_"};
    static const char *const bad[] = {
        "", "0123456789abcdef0123456789abcdef0", "a b", "a/b", "..", ".", ".a", "\xc3\xa9", "a\n", "a%2f"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(add(good[i], (uint8_t)i, false), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(add(bad[i], 99, false), -EINVAL);
    assert_int_equal(t.n, sizeof good / sizeof good[0]);
}

static void at_most_thirty_two_and_the_file_holds_them(void **state)
{
    struct jsonw w;
    char name[TOKEN_NAME_MAX + 1];

    (void)state;
    for (unsigned i = 0; i < TOKEN_MAX; i++) {
        snprintf(name, sizeof name, "%032u", i);
        assert_int_equal(add(name, (uint8_t)i, i % 2), 0);
        t.v[i].created_s = 999999999999999;
    }
    assert_int_equal(add("one-more", 99, false), -ENOSPC);
    jsonw_init(&w);
    tokens_format(&t, &w);
    assert_true(w.len <= TOKEN_FILE_MAX);
    struct tokens before = t;
    assert_int_equal(tokens_parse(&t, w.buf, w.len), 0);
    assert_int_equal(t.n, TOKEN_MAX);
    for (unsigned i = 0; i < TOKEN_MAX; i++) {
        assert_string_equal(t.v[i].name, before.v[i].name);
        assert_memory_equal(t.v[i].sha256, before.v[i].sha256, 32);
        assert_int_equal(t.v[i].read_only, i % 2);
        assert_int_equal(t.v[i].created_s, 999999999999999);
    }
    jsonw_free(&w);
}

/* The hash of a text that is known: printf fluksod_00...0 | sha256sum */
static void a_file_as_it_is_written(void **state)
{
    struct jsonw w;

    (void)state;
    assert_int_equal(add("a", 0, false), 0);
    jsonw_init(&w);
    tokens_format(&t, &w);
    jsonw_raw(&w, "", 1);
    assert_string_equal(
        w.buf, "[{\"name\":\"a\",\"sha256\":\"c52fa5bbe64c74c01c95dc62c2d9fddf094c59aeff29355d526e5d50d1b374e2\","
               "\"read_only\":false,\"created_s\":1764000000}]\n");
    jsonw_free(&w);
}

#define HASH64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void a_file_that_is_none_of_ours_opens_nothing(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[1]",
        "[{}]",
        "[{\"name\":\"a\",\"sha256\":\"" HASH64 "\",\"read_only\":true}]",
        "[{\"name\":\"a\",\"sha256\":\"" HASH64 "\",\"read_only\":true,\"created_s\":\"1\"}]",
        "[{\"name\":\"a\",\"sha256\":\"" HASH64 "\",\"read_only\":1,\"created_s\":1}]",
        "[{\"name\":\"a\",\"sha256\":\"" HASH64 "\",\"read_only\":true,\"created_s\":-1}]",
        "[{\"name\":\"a\",\"sha256\":\"" HASH64 "\",\"read_only\":true,\"created_s\":1,\"x\":1}]",
        "[{\"name\":\"a b\",\"sha256\":\"" HASH64 "\",\"read_only\":true,\"created_s\":1}]",
        "[{\"name\":1,\"sha256\":\"" HASH64 "\",\"read_only\":true,\"created_s\":1}]",
        "[{\"name\":\"a\",\"sha256\":\"" HASH64 "0\",\"read_only\":true,\"created_s\":1}]",
        "[{\"name\":\"a\",\"sha256\":\"x\",\"read_only\":true,\"created_s\":1}]",
        "[{\"name\":\"a\",\"sha256\":\"" HASH64 "\",\"read_only\":true,\"created_s\":1},"
        "{\"name\":\"a\",\"sha256\":\"" HASH64 "\",\"read_only\":true,\"created_s\":1}]",
        "[{\"name\":\"a\",\"sha256\":\"" HASH64 "\",\"read_only\":true,\"created_s\":1}",
    };

    (void)state;
    assert_int_equal(parse("[]"), 0);
    assert_int_equal(parse("[{\"name\":\"a\",\"sha256\":\"" HASH64 "\",\"read_only\":true,\"created_s\":0}]\n"), 0);
    assert_int_equal(t.n, 1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (parse(bad[i]) == 0)
            fail_msg("%s", bad[i]);
        assert_int_equal(t.n, 0);
    }
}

static void more_than_it_may_hold(void **state)
{
    char *json = malloc(1 << 16), *p = json;

    (void)state;
    p += sprintf(p, "[");
    for (int i = 0; i < TOKEN_MAX + 1; i++)
        p += sprintf(p, "%s{\"name\":\"n%d\",\"sha256\":\"" HASH64 "\",\"read_only\":true,\"created_s\":0}",
                     i ? "," : "", i);
    sprintf(p, "]");
    assert_int_equal(parse(json), -1);
    memset(json, ' ', TOKEN_FILE_MAX + 1);
    assert_int_equal(tokens_parse(&t, json, TOKEN_FILE_MAX + 1), -1);
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(made_checked_removed, setup),
        cmocka_unit_test_setup(names, setup),
        cmocka_unit_test_setup(at_most_thirty_two_and_the_file_holds_them, setup),
        cmocka_unit_test_setup(a_file_as_it_is_written, setup),
        cmocka_unit_test_setup(a_file_that_is_none_of_ours_opens_nothing, setup),
        cmocka_unit_test_setup(more_than_it_may_hold, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
