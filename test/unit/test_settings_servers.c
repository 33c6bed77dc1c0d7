/* The settings of what goes to servers: the sections storage, flukso and influx, and the form of an address. */
#include "unit.h"

#include "core/settings.h"

#include <stdio.h>
#include <string.h>

static struct settings_errors errors;

static int setup(void **state)
{
    (void)state;
    settings_errors_free(&errors);
    return 0;
}

static struct settings *parse(const char *text)
{
    return settings_parse(text, strlen(text), NULL, &errors, NULL);
}

static void what_is_given_for_servers_arrives(void **state)
{
    struct settings *s = parse("{\"storage\": {\"interval\": 3600, \"max_size\": 8, \"max_age\": 3650},"
                               "\"flukso\": {\"enable\": false, \"url\": \"https://h:1/p\", \"ca_file\": \"/f\","
                               "\"interval\": 60}, \"influx\": {\"url\": \"http://db.lan:8086\", \"ca_file\": \"/i\","
                               "\"token_file\": \"/t\", \"org\": \"our home\", \"bucket\": \"b\", \"interval\": 10},"
                               "\"sensors\": [{\"ports\": [4], \"report\": false}]}");

    (void)state;
    assert_non_null(s);
    assert_int_equal(s->storage.interval, 3600);
    assert_int_equal(s->storage.max_size, 8);
    assert_int_equal(s->storage.max_age, 3650);
    assert_false(s->flukso.enable);
    assert_string_equal(s->flukso.url, "https://h:1/p");
    assert_string_equal(s->flukso.ca_file, "/f");
    assert_int_equal(s->flukso.interval, 60);
    assert_string_equal(s->influx.url, "http://db.lan:8086");
    assert_string_equal(s->influx.ca_file, "/i");
    assert_string_equal(s->influx.token_file, "/t");
    assert_null(s->influx.db);
    assert_string_equal(s->influx.org, "our home");
    assert_string_equal(s->influx.bucket, "b");
    assert_int_equal(s->influx.interval, 10);
    assert_false(s->sensors[0].report);
    settings_free(s);
}

/* What settings that hold nothing but flukso.url say of it: NULL when it is good. */
static const char *judge_url(const char *url)
{
    static char message[512];
    char text[512];

    settings_errors_free(&errors);
    snprintf(text, sizeof text, "{\"flukso\": {\"url\": \"%s\"}}", url);
    struct settings *s = parse(text);
    if (s) {
        assert_string_equal(s->flukso.url, url);
        settings_free(s);
        return NULL;
    }
    assert_int_equal(errors.n, 1);
    assert_string_equal(errors.v[0].path, "flukso.url");
    snprintf(message, sizeof message, "%s", errors.v[0].message);
    return message;
}

static void a_url_is_a_host_a_port_and_a_path(void **state)
{
    static const char *const good[] = {"https://h",
                                       "https://api.flukso.net/",
                                       "https://h:1",
                                       "https://h:65535/a/b",
                                       "https://10.0.0.1",
                                       "https://[fe80::1]:443/",
                                       "https://h_1-2.x/%20~a+b@c"};
    static const char *const bad[] = {"",
                                      "h",
                                      "//h",
                                      "https:/h",
                                      "https://",
                                      "https:///p",
                                      "HTTPS://h",
                                      "ftp://h",
                                      " https://h",
                                      "https://h ",
                                      "https://h/a b",
                                      "https://h:",
                                      "https://h:/",
                                      "https://h:0",
                                      "https://h:01",
                                      "https://h:65536",
                                      "https://h:100000",
                                      "https://h:99999999999999999999",
                                      "https://h:1x",
                                      "https://h:1:2",
                                      "https://u@h/",
                                      "https://u:p@h/",
                                      "https://h?q",
                                      "https://h/?q=1",
                                      "https://h/#f",
                                      "https://::1/",
                                      "https://[::1",
                                      "https://[]/",
                                      "https://[::1]x",
                                      "https://[1::2::3]",
                                      "https://[127.0.0.1]",
                                      "https://[0000000000000000000000000000000000000000000000000::1]"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_null(judge_url(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const char *message = judge_url(bad[i]);
        assert_non_null(message);
        assert_int_equal(strncmp(message, "the value is not ", 17), 0); /* pitfall 23: it may hold a password */
    }
}

static void http_is_for_a_server_on_this_host(void **state)
{
    static const char *const here[] = {"http://localhost",  "http://localhost:8080/x",
                                       "http://127.0.0.1/", "http://127.9.9.9:1",
                                       "http://[::1]",      "http://[::1]:8080/"};
    static const char *const elsewhere[] = {
        "http://localhost.example", "http://xlocalhost/", "http://127.0.0.1.example/",
        "http://10.0.0.1",          "http://128.0.0.1",   "http://127.1",
        "http://[::2]:80/",         "http://0.0.0.0/",    "http://api.flukso.net/localhost"};
    char want[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(here); i++)
        assert_null(judge_url(here[i]));
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
        const char *message = judge_url(elsewhere[i]);
        assert_non_null(message);
        snprintf(want, sizeof want, "%s is not https, which only a server on this host need not be", elsewhere[i]);
        assert_string_equal(message, want);
    }
    /* the longest name that an address has room for, and only its beginning looks like this host */
    char url[257] = "http://127.0.0.1";
    memset(url + strlen(url), '0', sizeof url - 1 - strlen(url));
    assert_non_null(judge_url(url));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_given_for_servers_arrives, setup),
        cmocka_unit_test_setup(a_url_is_a_host_a_port_and_a_path, setup),
        cmocka_unit_test_setup(http_is_for_a_server_on_this_host, setup),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    settings_errors_free(&errors);
    return failed;
}
