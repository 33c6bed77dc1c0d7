#include "unit.h"

#include "core/influx_line.h"
#include "core/jsonw.h"
#include "core/thinning.h"

#include <stdlib.h>
#include <string.h>

static struct jsonw w;

static int setup(void **state)
{
    (void)state;
    jsonw_init(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    jsonw_free(&w);
    return 0;
}

static const char *written(void)
{
    jsonw_raw(&w, "", 1);
    w.len = 0;
    return w.buf;
}

static void lines_of_both_kinds(void **state)
{
    static const struct thin_row gauges[] = {{1795441058, 213000, 0, 0}, {1795441059, -50, 0, 0}};
    static const struct thin_row counters[] = {{1795441058, 2500, 0, 0}};
    struct influx_series s = {.device = "d0", .sensor = "5f", .name = "main", .type = SENSOR_ELECTRICITY};

    (void)state;
    influx_lines(&w, &s, gauges, 2);
    s.kind = READING_COUNTER;
    s.type = SENSOR_WATER;
    s.name = "";
    influx_lines(&w, &s, counters, 1); /* behind the others: each series has its own head */
    s.name = NULL;
    influx_lines(&w, &s, counters, 1);
    influx_lines(&w, &s, counters, 0);
    assert_string_equal(written(), "electricity,device=d0,name=main,sensor=5f gauge=213 1795441058\n"
                                   "electricity,device=d0,name=main,sensor=5f gauge=-0.05 1795441059\n"
                                   "water,device=d0,sensor=5f counter=2.5 1795441058\n"
                                   "water,device=d0,sensor=5f counter=2.5 1795441058\n");
}

/* Twelve sensors of one clamp: what they tell is a tag, as no unit is written; some have a gauge alone. */
static void a_subtype_is_a_tag(void **state)
{
    static const struct thin_row row = {1795441058, -59500, 0, 0};
    struct influx_series s = {
        .device = "d0", .sensor = "5f", .name = "port 1", .type = SENSOR_ELECTRICITY, .subtype = SUBTYPE_ALPHA};

    (void)state;
    influx_lines(&w, &s, &row, 1);
    s.subtype = SUBTYPE_Q1;
    s.kind = READING_COUNTER;
    influx_lines(&w, &s, &row, 1);
    assert_string_equal(written(),
                        "electricity,device=d0,name=port\\ 1,sensor=5f,subtype=alpha gauge=-59.5 1795441058\n"
                        "electricity,device=d0,name=port\\ 1,sensor=5f,subtype=q1 counter=-59.5 1795441058\n");
}

static void many_lines_are_all_there(void **state)
{
    enum { N = 5000 };
    struct thin_row *rows = calloc(N, sizeof *rows);
    const struct influx_series s = {.device = "d", .sensor = "s", .type = SENSOR_GAS, .kind = READING_COUNTER};

    (void)state;
    for (int i = 0; i < N; i++)
        rows[i] = (struct thin_row){.unix_s = INT64_MIN + i, .value = INT64_MIN + i};
    influx_lines(&w, &s, rows, N);
    const char *p = written();
    for (int i = 0; i < N; i++) {
        static const char head[] = "gas,device=d,sensor=s counter=-922337203685477";
        assert_memory_equal(p, head, sizeof head - 1);
        p = strchr(p, '\n') + 1;
    }
    assert_string_equal(p, "");
    free(rows);
}

static void names_are_escaped(void **state)
{
    static const struct {
        const char *name, *wanted;
    } cases[] = {
        {"my house", "my\\ house"},
        {"a,b=c", "a\\,b\\=c"},
        {"C:\\temp", "C:\\temp"}, /* as it is: no receiver takes it for an escape */
        {"end\\", "end/"},        /* it would swallow the comma behind it */
        {"a\\,b", "a/\\,b"},
        {"a\\\\b", "a/\\b"},
        {"\\ \\=", "/\\ /\\="},
        {"\\\n", "/\\ "},
        {"line\nend\r\t\x7f", "line\\ end\\ \\ \\ "},
        {"na\xc3\xafve", "na\xc3\xafve"},
        {"x\xff", "x\xef\xbf\xbd"},
        {"\"q\"", "\"q\""},
    };
    static const struct thin_row row = {1, 1000, 0, 0};
    char wanted[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct influx_series s = {.device = "d", .sensor = "s", .name = cases[i].name};
        influx_lines(&w, &s, &row, 1);
        strcpy(wanted, "electricity,device=d,name=");
        strcat(wanted, cases[i].wanted);
        strcat(wanted, ",sensor=s gauge=1 1\n");
        assert_string_equal(written(), wanted);
    }
}

static void addresses(void **state)
{
    static const struct {
        struct influx_target target;
        const char *wanted;
    } cases[] = {
        {{.url = "http://localhost:8086", .db = "flukso"}, "http://localhost:8086/write?db=flukso&precision=s"},
        {{.url = "http://h/influx//", .db = "a b&c=d/\xc3\xa9~"},
         "http://h/influx/write?db=a%20b%26c%3dd%2f%c3%a9~&precision=s"},
        {{.url = "http://h/", .org = "me & co", .bucket = "b+1%"},
         "http://h/api/v2/write?org=me%20%26%20co&bucket=b%2b1%25&precision=s"},
        {{.url = "http://h", .bucket = "b"}, "http://h/api/v2/write?bucket=b&precision=s"},
        {{.url = "http://h", .db = "d", .org = "o", .bucket = "b"}, "http://h/api/v2/write?org=o&bucket=b&precision=s"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n = strlen(cases[i].wanted);
        for (size_t size = 0; size <= n + 1; size++) { /* memory of exactly the size: a sanitizer sees more */
            char *dst = malloc(size ? size : 1);
            assert_int_equal(influx_url(&cases[i].target, dst, size), size > n ? (int)n : -1);
            if (size > n)
                assert_string_equal(dst, cases[i].wanted);
            free(dst);
        }
    }
}

static void no_address_without_a_place(void **state)
{
    const struct influx_target t = {.url = "http://h", .org = "o"};
    char dst[64];

    (void)state;
    assert_int_equal(influx_url(&t, dst, sizeof dst), -1);
}

static void answers(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum answer_kind kind;
        const char *text;
    } cases[] = {
        {204, "", ANSWER_OK, ""},
        {200, "\n", ANSWER_OK, ""},
        {200, "{}", ANSWER_OK, ""},
        {200, "{\"error\":\"timeout\"}", ANSWER_KEEP, "HTTP 200: timeout"},
        {200, "<html>Log in", ANSWER_KEEP, "HTTP 200: <html>Log in"},
        {400, "{\"error\":\"partial write: points beyond retention policy dropped=2\"}\n", ANSWER_ROW,
         "HTTP 400: partial write: points beyond retention policy dropped=2"},
        {400, "{\"code\":\"invalid\",\"message\":\"unable to parse\"}", ANSWER_ROW, "HTTP 400: unable to parse"},
        {422, "", ANSWER_ROW, "HTTP 422"},
        {413, "{\"error\":\"Request Entity Too Large\"}", ANSWER_TOO_LARGE, "HTTP 413: Request Entity Too Large"},
        {401, "{\"error\":\"authorization failed\"}", ANSWER_REFUSED, "HTTP 401: authorization failed"},
        {403, "", ANSWER_REFUSED, "HTTP 403"},
        {404, "{\"error\":\"database not found: \\\"flukso\\\"\"}", ANSWER_REFUSED,
         "HTTP 404: database not found: \"flukso\""},
        {408, "", ANSWER_SERVER, "HTTP 408"},
        {429, "", ANSWER_SERVER, "HTTP 429"},
        {500, "", ANSWER_SERVER, "HTTP 500"},
        {503, "busy", ANSWER_SERVER, "HTTP 503: busy"},
        {302, "", ANSWER_SERVER, "HTTP 302"},
        {0, "", ANSWER_TRANSPORT, "connection refused"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct answer_in in = {.status = cases[i].status,
                                     .failure = cases[i].status ? NULL : "connection refused",
                                     .retry_after = "30",
                                     .body = cases[i].body,
                                     .len = strlen(cases[i].body)};
        struct answer a;
        influx_answer(&a, &in);
        assert_int_equal(a.kind, cases[i].kind);
        assert_string_equal(a.text, cases[i].text);
        assert_int_equal(a.retry_after_s, a.kind == ANSWER_OK ? 0 : 30);
    }
}

static void blame_is(const char *body, bool certain, size_t dropped)
{
    const struct answer_in in = {.status = 400, .body = body, .len = body ? strlen(body) : 0};
    struct influx_blame b;

    influx_blame(&b, &in);
    assert_int_equal(b.certain, certain);
    assert_int_equal(b.dropped, dropped);
}

static void what_a_refusal_blames(void **state)
{
    (void)state;
    blame_is("{\"error\":\"partial write: field type conflict: input field \\\"gauge\\\" is type float dropped=12\"}\n",
             true, 12);
    blame_is("{\"error\":\"partial write: points beyond retention policy dropped=0\"}", true, 0);
    blame_is("{\"code\":\"invalid\",\"message\":\"unable to parse 'x'\"}", true, 0);
    blame_is("partial write dropped=", true, 0);
    blame_is("partial write dropped=99999999999999999999999", true, 9999999);
    blame_is("Client sent an HTTP request to an HTTPS server.\n", false, 0);
    blame_is("{\"message\":\"The plain HTTP request was sent to HTTPS port\"}", false, 0);
    blame_is(NULL, false, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_of_both_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(a_subtype_is_a_tag, setup, teardown),
        cmocka_unit_test_setup_teardown(many_lines_are_all_there, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_escaped, setup, teardown),
        cmocka_unit_test(addresses),
        cmocka_unit_test(no_address_without_a_place),
        cmocka_unit_test(answers),
        cmocka_unit_test(what_a_refusal_blames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
