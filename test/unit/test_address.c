#include "unit.h"

#include "core/address.h"

static void there_and_back(void **state)
{
    static const char *const good[] = {"0.0.0.0:8080", "127.0.0.1:1", "[::]:65535", "[2001:db8::1]:80"};
    struct sockaddr_storage a;
    char text[ADDRESS_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(address_parse(&a, good[i]), 0);
        address_format(text, &a);
        assert_string_equal(text, good[i]);
    }
    assert_int_equal(address_set(&a, "::1", 8080), 0);
    address_format(text, &a);
    assert_string_equal(text, "[::1]:8080");
    assert_int_equal(address_parse(&a, "localhost:80"), 0);
    address_format(text, &a);
    assert_string_equal(text, "127.0.0.1:80");
}

static void refuses(void **state)
{
    static const char *const bad[] = {
        "",         "127.0.0.1", "127.0.0.1:",      "127.0.0.1:0",   "127.0.0.1:65536", "127.0.0.1:8x",
        "::1:80",   "[::1]",     "[::1]80",         "[127.0.0.1]:1", "localhost4:80",   ":80",
        "[::1:80",  "[]:1",      "1.2.3.4:-1",      "[::1]:99999999999999999999",
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1",
    };
    struct sockaddr_storage a;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(address_parse(&a, bad[i]), -1);
    assert_int_equal(address_set(&a, "example.org", 80), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back), cmocka_unit_test(refuses)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
