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
        "",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:8x",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[127.0.0.1]:1",
        "localhost4:80",
        ":80",
        "[::1:80",
        "[]:1",
        "1.2.3.4:-1",
        "[::1]:99999999999999999999",
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1",
    };
    struct sockaddr_storage a;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(address_parse(&a, bad[i]), -1);
    assert_int_equal(address_set(&a, "example.org", 80), -1);
}

static bool is_loopback(const char *host)
{
    struct sockaddr_storage a;

    assert_int_equal(address_set(&a, host, 1), 0);
    struct address_ip ip = address_ip(&a);
    return address_is_loopback(&ip);
}

static void knows_loopback(void **state)
{
    static const char *const here[] = {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"};
    static const char *const elsewhere[] = {"0.0.0.0", "128.0.0.1", "126.0.0.1",        "192.0.2.1", "::",
                                            "::2",     "fe80::1",   "::ffff:192.0.2.1", "::7f00:1",  "2001:db8::1"};

    (void)state;
    for (size_t i = 0; i < sizeof here / sizeof here[0]; i++)
        assert_true(is_loopback(here[i]));
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        assert_false(is_loopback(elsewhere[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(refuses),
        cmocka_unit_test(knows_loopback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
