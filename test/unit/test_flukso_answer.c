#include "unit.h"

#include "core/flukso_answer.h"

#include <string.h>

static struct answer answer_to(int status, const char *authenticate, const char *body)
{
    const struct answer_in in = {
        .status = status, .authenticate = authenticate, .body = body, .len = body ? strlen(body) : 0};
    struct answer a;

    memset(&a, 0x55, sizeof a);
    flukso_answer_sensor(&a, &in);
    assert_true(a.kind == ANSWER_OK ? !*a.text : *a.text);
    return a;
}

static void success_is_one_of_these(void **state)
{
    static const char *const good[] = {NULL, "", " \r\n", "{\"response\":\"ok\"}",
                                       " { \"response\" : \"ok\", \"x\":1 }\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(answer_to(200, NULL, good[i]).kind, ANSWER_OK);
        assert_int_equal(answer_to(204, NULL, good[i]).kind, ANSWER_OK);
    }
}

/* pitfall 4: "sent" and it was not */
static void a_success_may_be_none(void **state)
{
    static const struct {
        const char *body, *text;
    } bad[] = {
        {"<html><h1>Welcome</h1>\n<p>Log in",
         "HTTP 200: not an answer of the server: <html><h1>Welcome</h1> <p>Log in"},
        {"ok", "HTTP 200: not an answer of the server: ok"},
        {"\"ok\"", "HTTP 200: not an answer of the server: \"ok\""},
        {"{}", "HTTP 200: not an answer of the server: {}"},
        {"[{\"response\":\"ok\"}]", "HTTP 200: not an answer of the server: [{\"response\":\"ok\"}]"},
        {"{\"Response\":\"ok\"}", "HTTP 200: not an answer of the server: {\"Response\":\"ok\"}"},
        {"{\"response\":1}", "HTTP 200: not an answer of the server: {\"response\":1}"},
        {"{\"response\":\"ok\"", "HTTP 200: not an answer of the server: {\"response\":\"ok\""},
        {"{\"response\":\"ok\"} x", "HTTP 200: not an answer of the server: {\"response\":\"ok\"} x"},
        {"{\"response\":\"\xff\"}", "HTTP 200: not an answer of the server: {\"response\":\"?\"}"},
        {"{\"response\":\"\"}", "HTTP 200"},
        {"{\"response\":\"OK, but\"}", "HTTP 200: OK, but"},
        {"{\"response\":\"opening 'x.rrd': No such file\"}", "HTTP 200: opening 'x.rrd': No such file"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct answer a = answer_to(200, NULL, bad[i].body);
        assert_int_equal(a.kind, ANSWER_KEEP);
        assert_string_equal(a.text, bad[i].text);
    }
}

static void a_stamp_that_is_not_newer(void **state)
{
    static const struct {
        const char *response;
        int64_t last_s;
    } cases[] = {
        {"x.rrd: illegal attempt to update using time 1700000000 when last update time is 1700000060 (minimum one "
         "second "
         "step)",
         1700000060},
        {"illegal attempt to update using time 1700000000.000000 when last update time is 1700000060.750000",
         1700000060},
        {"Last update time is 17", 17},
        {"illegal attempt to update using time 1700000000", 0},
        {"last update time is unknown", 0},
        {"last update time is 99999999999999999999", 0},
        {"last update time is -5", 0},
        {"(minimum one second step)", 0},
    };
    char body[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        strcpy(body, "{\"response\":\"");
        strcat(body, cases[i].response);
        strcat(body, "\"}");
        struct answer a = answer_to(200, NULL, body);
        assert_int_equal(a.kind, ANSWER_STALE);
        assert_int_equal(a.last_s, cases[i].last_s);
        assert_int_equal(answer_to(500, NULL, body).kind, ANSWER_ROW); /* not as a success: another matter */
    }
}

static void by_status(void **state)
{
    static const struct {
        int status;
        const char *authenticate, *body;
        enum answer_kind kind;
        const char *text;
    } cases[] = {
        {400, NULL, "bad", ANSWER_HEADERS, "HTTP 400: bad"},
        {401, "Incorrect digest", "", ANSWER_DIGEST, "HTTP 401: Incorrect digest"},
        {401, "incorrect digest!", "", ANSWER_DIGEST, "HTTP 401: incorrect digest!"},
        {401, "No proper provisioning for this sensor", "", ANSWER_PROVISIONING,
         "HTTP 401: No proper provisioning for this sensor"},
        {401, "Basic realm=\"Wi-Fi\"", "", ANSWER_PROVISIONING, "HTTP 401: Basic realm=\"Wi-Fi\""},
        {401, NULL, "Incorrect digest", ANSWER_PROVISIONING, "HTTP 401: Incorrect digest"},
        {401, "", "", ANSWER_PROVISIONING, "HTTP 401"},
        {500, NULL, "{\"response\":\"badarg\"}", ANSWER_ROW, "HTTP 500: badarg"},
        {500, NULL, "", ANSWER_ROW, "HTTP 500"},
        {100, NULL, "", ANSWER_SERVER, "HTTP 100"},
        {201, NULL, "{\"response\":\"ok\"}", ANSWER_SERVER, "HTTP 201: ok"},
        {206, NULL, "", ANSWER_SERVER, "HTTP 206"},
        {301, NULL, "", ANSWER_SERVER, "HTTP 301"},
        {403, NULL, "", ANSWER_SERVER, "HTTP 403"},
        {404, NULL, "", ANSWER_SERVER, "HTTP 404"},
        {405, NULL, "", ANSWER_SERVER, "HTTP 405"},
        {408, NULL, "", ANSWER_SERVER, "HTTP 408"},
        {413, NULL, "", ANSWER_TOO_LARGE, "HTTP 413"},
        {429, NULL, "", ANSWER_SERVER, "HTTP 429"},
        {502, NULL, "<html>\n<h1>Bad Gateway", ANSWER_SERVER, "HTTP 502: <html> <h1>Bad Gateway"},
        {503, NULL, "", ANSWER_SERVER, "HTTP 503"},
        {599, NULL, "", ANSWER_SERVER, "HTTP 599"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct answer a = answer_to(cases[i].status, cases[i].authenticate, cases[i].body);
        assert_int_equal(a.kind, cases[i].kind);
        assert_string_equal(a.text, cases[i].text);
        assert_int_equal(a.last_s, 0);
        assert_int_equal(a.retry_after_s, 0);
    }
}

static void no_answer_at_all(void **state)
{
    struct answer_in in = {.failure = "Could not resolve host: api.flukso.net\n"};
    struct answer a;

    (void)state;
    flukso_answer_sensor(&a, &in);
    assert_int_equal(a.kind, ANSWER_TRANSPORT);
    assert_string_equal(a.text, "Could not resolve host: api.flukso.net");
    in.failure = NULL;
    flukso_answer_device(&a, &in);
    assert_int_equal(a.kind, ANSWER_TRANSPORT);
    assert_string_equal(a.text, "no answer");
}

static void a_heartbeats_success_has_a_body_of_its_own(void **state)
{
    struct answer_in in = {.status = 200, .body = "{\"upgrade\":1}", .len = 13, .retry_after = "60"};
    struct answer a;

    (void)state;
    flukso_answer_device(&a, &in);
    assert_int_equal(a.kind, ANSWER_OK);
    assert_int_equal(a.retry_after_s, 0);
    in.status = 401;
    in.authenticate = "No proper provisioning for this device";
    flukso_answer_device(&a, &in);
    assert_int_equal(a.kind, ANSWER_PROVISIONING);
    in.status = 503;
    flukso_answer_device(&a, &in);
    assert_int_equal(a.kind, ANSWER_SERVER);
    assert_int_equal(a.retry_after_s, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_is_one_of_these),   cmocka_unit_test(a_success_may_be_none),
        cmocka_unit_test(a_stamp_that_is_not_newer), cmocka_unit_test(by_status),
        cmocka_unit_test(no_answer_at_all),          cmocka_unit_test(a_heartbeats_success_has_a_body_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
