#include "unit.h"

#include "core/jsonw.h"
#include "core/tap_body.h"

#include <string.h>

static const struct tap_who who = {"FLM03E01234", "0.1.0"};
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

/* mqtt.md: a client looks for "# serial: (.*)" and "# firmware: (.*)" */
static void two_lines(void **state)
{
    (void)state;
    tap_body_who(&w, &who);
    assert_string_equal(written(), "# serial: FLM03E01234\n# firmware: 0.1.0\n");
    tap_body_who(&w, &(struct tap_who){"a#b\n# firmware: 9\r\x7f", "1"});
    assert_string_equal(written(), "# serial: a#b # firmware: 9  \n# firmware: 1\n");
}

static void a_whole_report(void **state)
{
    static const char result[] =
        "{\"checks\":[{\"name\":\"board\",\"result\":\"ok\",\"text\":\"it answers on /dev/ttyS0\"},"
        "{\"name\":\"clock\",\"result\":\"fail\",\"text\":\"never set\"},"
        "{\"name\":\"server\",\"result\":\"skip\",\"text\":\"switched off #1 (flukso.enable)\"},"
        "{\"name\":\"broker\",\"result\":\"ok\",\"text\":\"\"},"
        "{\"name\":\"disk\",\"result\":\"fail\",\"text\":\"a # TODO b\\\\c\\nnot ok 9 \\u00b0\"}],\"ok\":false}";

    (void)state;
    assert_int_equal(tap_body_report(&w, &who, result), 0);
    assert_string_equal(written(), "TAP version 13\n"
                                   "# serial: FLM03E01234\n"
                                   "# firmware: 0.1.0\n"
                                   "1..5\n"
                                   "ok 1 board - it answers on /dev/ttyS0\n"
                                   "not ok 2 clock - never set\n"
                                   "ok 3 server # SKIP switched off #1 (flukso.enable)\n"
                                   "ok 4 broker\n"
                                   "not ok 5 disk - a \\# TODO b\\\\c not ok 9 \u00b0\n");
}

static void what_is_no_result_writes_nothing(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "{\"checks\":{}}",
                                      "{\"checks\":[]}",
                                      "{\"checks\":[{\"name\":\"board\",\"result\":\"ok\"}]}",
                                      "{\"checks\":[{\"name\":\"board\",\"result\":\"ok\",\"text\":1}]}",
                                      "{\"checks\":[1]}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(tap_body_report(&w, &who, bad[i]), -1);
        assert_int_equal(w.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(a_whole_report, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_result_writes_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
