/* Log-in: what a request brings, how often it may be tried, the one-time code. */
#include "unit.h"

#include "core/access_code.h"
#include "core/access_headers.h"
#include "core/access_limit.h"

#include <stdio.h>
#include <string.h>

#define NOW 1000000

static void cookies(void **state)
{
    size_t len;

    (void)state;
    assert_null(access_cookie(NULL, "fluksod", &len));
    assert_null(access_cookie("", "fluksod", &len));
    assert_null(access_cookie("xfluksod=1; fluksodx=2; fluksod; a=fluksod=3", "fluksod", &len));
    assert_string_equal(access_cookie("fluksod=abc", "fluksod", &len), "abc");
    assert_int_equal(len, 3);
    const char *found = access_cookie("a=b;fluksod=12 ;  fluksod=34", "fluksod", &len);
    assert_int_equal(len, 2);
    assert_memory_equal(found, "12", 2);
    assert_non_null(access_cookie("; ;; fluksod=", "fluksod", &len));
    assert_int_equal(len, 0);
}

static void bearer_tokens(void **state)
{
    size_t len;

    (void)state;
    assert_null(access_bearer(NULL, &len));
    assert_null(access_bearer("", &len));
    assert_null(access_bearer("Bearer", &len));
    assert_null(access_bearer("Basic YTpi", &len));
    assert_null(access_bearer("Bearerx", &len));
    assert_string_equal(access_bearer("bearer  tok", &len), "tok");
    assert_int_equal(len, 3);
    assert_non_null(access_bearer("Bearer tok more", &len));
    assert_int_equal(len, 3);
    assert_non_null(access_bearer("Bearer ", &len));
    assert_int_equal(len, 0);
}

/* What a form of another site's page can send is none of it. */
static void types_of_bodies(void **state)
{
    (void)state;
    assert_true(access_is_json("application/json"));
    assert_true(access_is_json("Application/JSON; charset=utf-8"));
    assert_true(access_is_json("application/json ;x"));
    assert_false(access_is_json(NULL));
    assert_false(access_is_json(""));
    assert_false(access_is_json("text/plain"));
    assert_false(access_is_json("text/plain; application/json"));
    assert_false(access_is_json("application/jsonp"));
    assert_false(access_is_json("application/x-www-form-urlencoded"));
    assert_false(access_is_json("multipart/form-data"));
}

static struct address_ip ip_of(const char *host)
{
    struct sockaddr_storage a;

    assert_int_equal(address_set(&a, host, 1), 0);
    return address_ip(&a);
}

static int64_t take(struct access_limit *l, const char *host, int64_t mono_ms)
{
    struct address_ip ip = ip_of(host);

    return access_limit_take(l, &ip, mono_ms);
}

static void an_address_has_five_tries_and_one_more_each_twenty_seconds(void **state)
{
    struct access_limit l = {.all_full_ms = 0};

    (void)state;
    for (int i = 0; i < ACCESS_LIMIT_BURST; i++)
        assert_int_equal(take(&l, "192.0.2.1", NOW), 0);
    assert_int_equal(take(&l, "192.0.2.1", NOW), ACCESS_LIMIT_MS);
    assert_int_equal(take(&l, "192.0.2.1", NOW + ACCESS_LIMIT_MS - 1), 1);
    assert_int_equal(take(&l, "192.0.2.2", NOW), 0);
    assert_int_equal(take(&l, "192.0.2.1", NOW + ACCESS_LIMIT_MS), 0);
    assert_int_equal(take(&l, "192.0.2.1", NOW + ACCESS_LIMIT_MS), ACCESS_LIMIT_MS);
    for (int i = 0; i < ACCESS_LIMIT_BURST; i++)
        assert_int_equal(take(&l, "192.0.2.1", 10 * NOW), 0);
    assert_true(take(&l, "192.0.2.1", 10 * NOW) > 0);
}

static void all_together_have_ten(void **state)
{
    struct access_limit l = {.all_full_ms = 0};
    char host[] = "192.0.2.1";

    (void)state;
    for (int i = 0; i < ACCESS_LIMIT_ALL_BURST; i++) {
        host[8] = (char)('0' + i / 2);
        assert_int_equal(take(&l, host, NOW), 0);
    }
    assert_int_equal(take(&l, "198.51.100.1", NOW), ACCESS_LIMIT_ALL_MS);
    assert_int_equal(take(&l, "198.51.100.1", NOW + ACCESS_LIMIT_ALL_MS), 0);
    assert_int_equal(take(&l, "198.51.100.2", NOW + ACCESS_LIMIT_ALL_MS), ACCESS_LIMIT_ALL_MS);
}

static void a_good_try_is_given_back(void **state)
{
    struct access_limit l = {.all_full_ms = 0};
    struct address_ip ip = ip_of("192.0.2.1"), stranger = ip_of("192.0.2.2");

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(access_limit_take(&l, &ip, NOW), 0);
        access_limit_back(&l, &ip);
        access_limit_back(&l, &stranger);
    }
    for (int i = 0; i < ACCESS_LIMIT_BURST; i++)
        assert_int_equal(access_limit_take(&l, &ip, NOW), 0);
    assert_true(access_limit_take(&l, &ip, NOW) > 0);
}

static void of_ipv6_a_whole_network_counts_as_one(void **state)
{
    struct access_limit l = {.all_full_ms = 0};
    char host[] = "2001:db8::1";

    (void)state;
    for (int i = 0; i < ACCESS_LIMIT_BURST; i++) {
        host[10] = (char)('1' + i);
        assert_int_equal(take(&l, host, NOW), 0);
    }
    assert_true(take(&l, "2001:db8::abcd:1", NOW) > 0);
    assert_int_equal(take(&l, "2001:db8:0:1::1", NOW), 0);
    assert_int_equal(take(&l, "::1", NOW), 0);
}

/* However many addresses come, none is forgotten while its bucket is not full. */
static void no_address_is_forgotten_early(void **state)
{
    struct access_limit l = {.all_full_ms = 0};
    unsigned allowed = 0;
    char host[16];

    (void)state;
    for (int i = 0; i < ACCESS_LIMIT_BURST; i++)
        assert_int_equal(take(&l, "192.0.2.1", NOW), 0);
    for (int64_t t = NOW; t < NOW + ACCESS_LIMIT_MS; t += 50) {
        snprintf(host, sizeof host, "10.0.%d.%d", (int)(t / 50 % 200), (int)(t % 251));
        allowed += take(&l, host, t) == 0;
        assert_true(take(&l, "192.0.2.1", t) > 0);
    }
    assert_true(allowed <= ACCESS_LIMIT_ALL_BURST - ACCESS_LIMIT_BURST + ACCESS_LIMIT_MS / ACCESS_LIMIT_ALL_MS);
}

static void a_code_is_eight_digits(void **state)
{
    struct access_code c;

    (void)state;
    access_code_make(&c, 7, NOW);
    assert_string_equal(c.text, "00000007");
    access_code_make(&c, UINT64_MAX, NOW);
    assert_string_equal(c.text, "09551615");
    assert_int_equal(access_code_try(&c, "00000007", NOW), ACCESS_CODE_WRONG);
    assert_int_equal(access_code_try(&c, "09551615", NOW), ACCESS_CODE_RIGHT);
    assert_int_equal(access_code_try(&c, "09551615", NOW), ACCESS_CODE_RIGHT);
    access_code_void(&c);
    assert_int_equal(access_code_try(&c, "09551615", NOW), ACCESS_CODE_NONE);
}

static void a_code_lives_ten_minutes(void **state)
{
    struct access_code c;

    (void)state;
    access_code_make(&c, 12345678, NOW);
    assert_true(access_code_is_open(&c, NOW + 599999));
    assert_int_equal(access_code_try(&c, "12345678", NOW + 599999), ACCESS_CODE_RIGHT);
    assert_false(access_code_is_open(&c, NOW + 600000));
    assert_int_equal(access_code_try(&c, "12345678", NOW + 600000), ACCESS_CODE_NONE);
    assert_int_equal(access_code_try(&c, "12345678", NOW), ACCESS_CODE_NONE);
}

static void a_code_takes_five_tries(void **state)
{
    static const char *const wrong[] = {"", "1234567", "123456789", "12345679", "abcdefgh"};
    struct access_code c = {.tries = 0};

    (void)state;
    assert_int_equal(access_code_try(&c, "", NOW), ACCESS_CODE_NONE);
    access_code_make(&c, 12345678, NOW);
    for (size_t i = 0; i < ACCESS_CODE_TRIES; i++) {
        assert_true(access_code_is_open(&c, NOW));
        assert_int_equal(access_code_try(&c, wrong[i], NOW), ACCESS_CODE_WRONG);
    }
    assert_false(access_code_is_open(&c, NOW));
    assert_int_equal(access_code_try(&c, "12345678", NOW), ACCESS_CODE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies),
        cmocka_unit_test(bearer_tokens),
        cmocka_unit_test(types_of_bodies),
        cmocka_unit_test(an_address_has_five_tries_and_one_more_each_twenty_seconds),
        cmocka_unit_test(all_together_have_ten),
        cmocka_unit_test(a_good_try_is_given_back),
        cmocka_unit_test(of_ipv6_a_whole_network_counts_as_one),
        cmocka_unit_test(no_address_is_forgotten_early),
        cmocka_unit_test(a_code_is_eight_digits),
        cmocka_unit_test(a_code_lives_ten_minutes),
        cmocka_unit_test(a_code_takes_five_tries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
