#include "unit.h"

#include "core/answer.h"
#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>

static const char *clean(const char *text, size_t size)
{
    static char dst[512];
    size_t n = answer_clean(dst, size, text, strlen(text));

    assert_int_equal(n, strlen(dst));
    assert_true(n < size);
    return dst;
}

static void texts_become_one_plain_line(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"plain", "plain"},
        {"", ""},
        {" \r\n\t ", ""},
        {"  a\r\n\r\n b\tc  ", "a b c"},
        {"\033[31mred\033[0m", "[31mred [0m"},
        {"na\xc3\xafve \xe2\x82\xac", "na\xc3\xafve \xe2\x82\xac"},
        {"bad \xff\xc3[ \xed\xa0\x80 utf", "bad ??[ ??? utf"},
        {"cut \xe2\x82", "cut ??"},
        {"c1 \xc2\x85 nbsp\xc2\xa0x", "c1 nbsp x"},
        {"bidi\xe2\x80\xaetxt.exe\xef\xbb\xbf", "bidi txt.exe"},
        {"del\x7f", "del"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(clean(cases[i].text, ANSWER_TEXT), cases[i].wanted);
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    assert_string_equal(clean("abcdefgh", 12), "abcdefgh");
    assert_string_equal(clean("abcdefghi", 12), "abcdefgh…");
    assert_string_equal(clean("abcdefgh   \n", 12), "abcdefgh");
    assert_string_equal(clean("abcdefg \xe2\x82\xac", 12), "abcdefg…");
    assert_string_equal(clean("x", 4), "…");
    assert_string_equal(clean("", 4), "");
}

static void retry_after_in_both_forms(void **state)
{
    static const struct {
        const char *value;
        int64_t now_s, wanted;
    } cases[] = {
        {NULL, 1000, 0},
        {"", 1000, 0},
        {"0", 1000, 0},
        {"120", 0, 120},
        {" 120 \r\n", 0, 120},
        {"86400", 0, 86400},
        {"86401", 0, ANSWER_RETRY_MAX},
        {"99999999999999999999999999", 0, ANSWER_RETRY_MAX},
        {"-5", 1000, 0},
        {"1.5", 1000, 0},
        {"5s", 1000, 0},
        {"soon", 1000, 0},
        {"Tue, 24 Nov 2026 05:47:39 GMT", 1795499200, 59},
        {"Tue, 24 Nov 2026 05:47:39 GMT", 1795499259, 0},
        {"Tue, 24 Nov 2026 05:47:39 GMT", 1795499300, 0},
        {"Tue, 24 Nov 2026 05:47:39 GMT", 1000, ANSWER_RETRY_MAX},
        {"Tue, 24 Nov 2026 05:47:39 GMT", 0, 0}, /* the time is not known: neither is how long that is */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(answer_retry_after(cases[i].value, cases[i].now_s), cases[i].wanted);
}

static void text_of(struct answer *a, int status, const char *body)
{
    static const char *const members[] = {"error", "message", NULL};
    const struct answer_in in = {.status = status, .body = body, .len = strlen(body), .retry_after = "7"};

    answer_set_body(a, &in, ANSWER_SERVER, members);
    assert_int_equal(a->kind, ANSWER_SERVER);
    assert_int_equal(a->retry_after_s, 7);
}

static void the_text_is_the_most_telling_part(void **state)
{
    static const struct {
        const char *body, *wanted;
    } cases[] = {
        {"", "HTTP 503"},
        {"  \n", "HTTP 503"},
        {"busy\n", "HTTP 503: busy"},
        {"{\"error\":\"e\",\"message\":\"m\"}", "HTTP 503: e"},
        {"{\"code\":7,\"message\":\"m\\nn\"}", "HTTP 503: m n"},
        {"{\"error\":7}", "HTTP 503: {\"error\":7}"},
        {"[\"error\"]", "HTTP 503: [\"error\"]"},
        {"{\"error\":\"\"}", "HTTP 503"},
    };
    struct answer a;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        text_of(&a, 503, cases[i].body);
        assert_string_equal(a.text, cases[i].wanted);
    }
}

static void huge_and_deep_bodies_are_no_json(void **state)
{
    size_t n = 4u << 20;
    char *body = malloc(n + 1);
    struct answer a;

    (void)state;
    memset(body, '[', n);
    body[n] = '\0';
    assert_null(answer_json(body, n));
    assert_null(answer_json(body, 1000));
    text_of(&a, 503, body);
    assert_true(strlen(a.text) < ANSWER_TEXT && strlen(a.text) > ANSWER_TEXT - 8);
    free(body);
    assert_null(answer_json(NULL, 0));
}

static void every_kind_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < ANSWER_KINDS; i++)
        assert_non_null(answer_kind_name((enum answer_kind)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_one_plain_line),      cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(retry_after_in_both_forms),        cmocka_unit_test(the_text_is_the_most_telling_part),
        cmocka_unit_test(huge_and_deep_bodies_are_no_json), cmocka_unit_test(every_kind_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
