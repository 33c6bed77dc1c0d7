#include "unit.h"

#include "core/influx_auth.h"

#include <string.h>

static char out[INFLUX_AUTH];

static int auth(const char *text, bool version_1)
{
    return influx_auth(text, strlen(text), version_1, out);
}

static void tokens(void **state)
{
    (void)state;
    assert_int_equal(auth("s3cr3t==\n", false), 0);
    assert_string_equal(out, "Authorization: Token s3cr3t==");
    assert_int_equal(auth("s3cr3t==\r\nmore", true), 0);
    assert_string_equal(out, "Authorization: Token s3cr3t==");
    assert_int_equal(auth("with:colon", false), 0);
    assert_string_equal(out, "Authorization: Token with:colon");
}

/* The vector of RFC 7617, 2 and 2.1 */
static void user_and_password(void **state)
{
    (void)state;
    assert_int_equal(auth("Aladdin:open sesame\n", true), 0);
    assert_string_equal(out, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_int_equal(auth("test:123\xC2\xA3", true), 0);
    assert_string_equal(out, "Authorization: Basic dGVzdDoxMjPCow==");
}

static void what_no_header_may_hold(void **state)
{
    char text[INFLUX_TOKEN_MAX + 2];

    (void)state;
    assert_int_equal(auth("", true), -1);
    assert_int_equal(auth("\nsecret", true), -1);
    assert_int_equal(auth("a\tb", false), -1);
    assert_int_equal(auth("a\rb\n", true), -1);
    assert_int_equal(influx_auth("a\0b", 3, true, out), -1);
    assert_int_equal(auth("\xC3\xA4", false), -1);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(auth(text, true), -1);
    text[1] = ':'; /* the longest that is taken has room in both forms */
    assert_int_equal(auth(text + 1, true), 0);
    assert_int_equal(strlen(out), 21 + (INFLUX_TOKEN_MAX + 2) / 3 * 4);
    assert_int_equal(auth(text + 1, false), 0);
    assert_int_equal(strlen(out), 21 + INFLUX_TOKEN_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens),
        cmocka_unit_test(user_and_password),
        cmocka_unit_test(what_no_header_may_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
