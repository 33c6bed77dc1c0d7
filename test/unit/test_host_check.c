#include "unit.h"

#include "core/host_check.h"

#include <stdio.h>
#include <string.h>

static const char *const more[] = {"energy.example.org", "192.0.2.9", "Caf-1"};
static const struct host_names names = {.host_name = "gateway.lan", .more = more, .n_more = 3};

static void this_machine(void **state)
{
    static const char *const good[] = {
        "127.0.0.1",
        "192.168.1.20:8080",
        "[::1]",
        "[2001:db8::1]:8443",
        "localhost",
        "LocalHost:8080",
        "gateway.lan",
        "gateway.lan.",
        "GATEWAY.lan:1",
        "gateway.lan.local",
        "gateway",
        "gateway.local",
        "gateway.local.:80",
        "energy.example.org",
        "energy.example.org.:65535",
        "caf-1:80",
        "gateway.",
        "192.0.2.9.",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!host_allowed(good[i], &names))
            fail_msg("%s is refused", good[i]);
}

/* pitfall 23: a name that somebody else's DNS points here */
static void all_others(void **state)
{
    static const char *const bad[] = {
        NULL,
        "",
        ":80",
        "evil.example",
        "evil.example:8080",
        "gateway.lan.evil.example",
        "gateway.localx",
        "xgateway.local",
        "gatewa",
        "local",
        ".local",
        "gateway..local",
        "127.0.0.1.evil.example",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[evil.example]",
        "[::1",
        "[]",
        "::1",
        "[127.0.0.1]",
        "[::1%eth0]",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "localhost:8x",
        "localhost:000080",
        "localhost 80",
        "localhost.evil.example",
        "http://localhost",
    };
    char longest[400];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (host_allowed(bad[i], &names))
            fail_msg("%s is taken", bad[i] ? bad[i] : "no header");
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(host_allowed(longest, &names));
}

static void a_machine_without_a_name(void **state)
{
    static const struct host_names none = {.host_name = ""};

    (void)state;
    assert_true(host_allowed("localhost", &none));
    assert_false(host_allowed("", &none));
    assert_false(host_allowed(".local", &none));
    assert_false(host_allowed("x.local", &none));
}

struct origin_case {
    const char *host, *origin, *site;
    bool tls;
    enum host_origin want;
};

static void where_a_request_comes_from(void **state)
{
    static const struct origin_case cases[] = {
        {"gw:8080", NULL, NULL, false, HOST_ORIGIN_UNSAID},
        {"gw:8080", "http://gw:8080", NULL, false, HOST_ORIGIN_SAME},
        {"gw:8080", "HTTP://GW:8080", NULL, false, HOST_ORIGIN_SAME},
        {"gw", "http://gw", NULL, false, HOST_ORIGIN_SAME},
        {"gw:80", "http://gw", NULL, false, HOST_ORIGIN_SAME},
        {"gw", "https://gw:443", NULL, true, HOST_ORIGIN_SAME},
        {"gw", "https://gw", NULL, false, HOST_ORIGIN_SAME}, /* a proxy with TLS before us */
        {"[::1]:8080", "http://[::1]:8080", NULL, false, HOST_ORIGIN_SAME},
        {"gw:8080", "http://gw:8081", NULL, false, HOST_ORIGIN_OTHER}, /* another server on this machine */
        {"gw:8080", "http://gw", NULL, false, HOST_ORIGIN_OTHER},
        {"gw:8443", "http://gw:8443", NULL, true, HOST_ORIGIN_OTHER},
        {"gw:8080", "http://evil.example", NULL, false, HOST_ORIGIN_OTHER},
        {"gw:8080", "http://gw:8080.evil.example", NULL, false, HOST_ORIGIN_OTHER},
        {"gw:8080", "http://gw:8080/", NULL, false, HOST_ORIGIN_OTHER},
        {"gw:8080", "http://u@gw:8080", NULL, false, HOST_ORIGIN_OTHER},
        {"gw:8080", "null", NULL, false, HOST_ORIGIN_OTHER},
        {"gw:8080", "", NULL, false, HOST_ORIGIN_OTHER},
        {"gw:8080", "ftp://gw:8080", NULL, false, HOST_ORIGIN_OTHER},
        {NULL, "http://gw", NULL, false, HOST_ORIGIN_OTHER},
        {"gw:8080", NULL, "same-origin", false, HOST_ORIGIN_SAME},
        {"gw:8080", NULL, "none", true, HOST_ORIGIN_SAME},
        {"gw:8080", NULL, "same-site", false, HOST_ORIGIN_OTHER},
        {"gw:8080", NULL, "cross-site", false, HOST_ORIGIN_OTHER},
        {"gw:8080", "http://gw:8080", "cross-site", false, HOST_ORIGIN_OTHER},
        {"gw:8080", NULL, "", false, HOST_ORIGIN_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct origin_case *c = &cases[i];
        if (host_origin(c->host, c->origin, c->site, c->tls) != c->want)
            fail_msg("host %s origin %s site %s", c->host, c->origin, c->site);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine),
        cmocka_unit_test(all_others),
        cmocka_unit_test(a_machine_without_a_name),
        cmocka_unit_test(where_a_request_comes_from),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
