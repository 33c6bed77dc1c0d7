#include "unit.h"

#include "core/query.h"

static char v[8];

static void finds_and_decodes(void **state)
{
    (void)state;
    assert_int_equal(query_get("a=1&b=2", "b", v, sizeof v), 1);
    assert_string_equal(v, "2");
    assert_int_equal(query_get("a=%41+%2b%26", "a", v, sizeof v), 4);
    assert_string_equal(v, "A +&");
    assert_int_equal(query_get("%61=x=y", "a", v, sizeof v), 3);
    assert_string_equal(v, "x=y");
    assert_int_equal(query_get("&&a&b=", "a", v, sizeof v), 0);
    assert_int_equal(query_get("&&a&b=", "b", v, sizeof v), 0);
}

static void the_first_wins(void **state)
{
    (void)state;
    assert_int_equal(query_get("a=1&a=2", "a", v, sizeof v), 1);
    assert_string_equal(v, "1");
    assert_int_equal(query_get("a=%zz&a=2", "a", v, sizeof v), QUERY_BAD);
}

static void each_in_turn(void **state)
{
    const char *rest = "a=1&b=2&a=%zz&a&a=3";

    (void)state;
    assert_int_equal(query_next(&rest, "a", v, sizeof v), 1);
    assert_string_equal(v, "1");
    assert_int_equal(query_next(&rest, "a", v, sizeof v), QUERY_BAD);
    assert_int_equal(query_next(&rest, "a", v, sizeof v), 0);
    assert_int_equal(query_next(&rest, "a", v, sizeof v), 1);
    assert_string_equal(v, "3");
    assert_int_equal(query_next(&rest, "a", v, sizeof v), QUERY_ABSENT);
    assert_int_equal(query_next(&rest, "a", v, sizeof v), QUERY_ABSENT);
}

static void absent(void **state)
{
    (void)state;
    assert_int_equal(query_get("", "a", v, sizeof v), QUERY_ABSENT);
    assert_int_equal(query_get("aa=1&b=a&A=1", "a", v, sizeof v), QUERY_ABSENT);
    assert_int_equal(query_get("%zz=1&"
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1",
                               "a", v, sizeof v),
                     QUERY_ABSENT);
}

static void refuses(void **state)
{
    static const char *const bad[] = {"a=%", "a=%4", "a=%4&b=1", "a=%g0", "a=%00", "a=12345678", "a=%31%32345678"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(query_get(bad[i], "a", v, sizeof v), QUERY_BAD);
    assert_int_equal(query_get("a=1234567", "a", v, sizeof v), 7); /* just fits */
    assert_int_equal(query_get("a=", "a", v, 0), QUERY_BAD);
}

static void a_path_keeps_its_plus(void **state)
{
    (void)state;
    assert_int_equal(query_decode("/a+%20b", 5, false, v, sizeof v), QUERY_BAD); /* the escape is cut */
    assert_int_equal(query_decode("/a+%20b", 7, false, v, sizeof v), 5);
    assert_string_equal(v, "/a+ b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_and_decodes), cmocka_unit_test(the_first_wins), cmocka_unit_test(absent),
        cmocka_unit_test(each_in_turn),      cmocka_unit_test(refuses),        cmocka_unit_test(a_path_keeps_its_plus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
