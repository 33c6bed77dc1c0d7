#include "unit.h"

#include "core/jsonw.h"
#include "core/line_body.h"
#include "core/settings.h"

#include <stdlib.h>
#include <string.h>

static char key[] = "grid", name[] = "the \"grid\"", device[] = "/dev/ttyUSB0", host[] = "10.0.0.5";

static struct line_settings on(enum line_way way, enum line_protocol protocol)
{
    return (struct line_settings){.key = key, .name = name, .enable = true, .way = way, .protocol = protocol};
}

static struct line_view of(const struct line_settings *s)
{
    return (struct line_view){
        .settings = s, .reason = "", .ident = "", .telegram = "", .refused_telegram = "", .refused_why = ""};
}

static char *brief(const struct line_view *v)
{
    struct jsonw w;

    jsonw_init(&w);
    line_body_brief(&w, v);
    jsonw_raw(&w, "", 1);
    return w.buf;
}

static char *whole(const struct line_view *v, const struct line_value_view *values, size_t n)
{
    struct jsonw w;

    jsonw_init(&w);
    line_body_open(&w, v);
    for (size_t i = 0; i < n; i++)
        line_body_value(&w, &values[i]);
    line_body_close(&w, v);
    jsonw_raw(&w, "", 1);
    return w.buf;
}

static void a_line_that_never_told(void **state)
{
    struct line_settings s = on(LINE_BY_DEVICE, LINE_P1);
    struct line_view v = of(&s);

    (void)state;
    s.device = device;
    s.name = NULL;
    s.enable = false;
    char *text = brief(&v);
    assert_string_equal(text, "{\"key\":\"grid\",\"name\":null,\"protocol\":\"p1\",\"device\":\"/dev/ttyUSB0\","
                              "\"enable\":false,\"state\":\"off\",\"reason\":\"\",\"since_s\":null,\"telegrams\":0,"
                              "\"refused\":{\"crc\":0,\"cut\":0,\"too_long\":0,\"form\":0,\"range\":0,\"rate\":0},"
                              "\"errors_per_hour\":0,\"last_s\":null,\"ident\":\"\"}");
    free(text);
    text = whole(&v, NULL, 0);
    assert_non_null(strstr(text, "\"ident\":\"\",\"telegram\":null,\"telegram_s\":null,\"values\":[],"
                                 "\"refused_telegram\":null,\"refused_why\":null,\"refused_s\":null,\"notes\":[]}"));
    free(text);
}

static void by_tcp_and_by_the_board(void **state)
{
    struct line_settings tcp = on(LINE_BY_TCP, LINE_D0), board = on(LINE_BY_BOARD, LINE_TIC_HISTORIQUE);
    struct line_view v = of(&tcp), b = of(&board);

    (void)state;
    tcp.tcp.host = host;
    tcp.tcp.port = 2001;
    v.state = LINE_DOWN;
    v.reason = "refused";
    v.since_s = 2000000000;
    char *text = brief(&v);
    assert_non_null(strstr(text, "\"protocol\":\"d0\",\"tcp\":{\"host\":\"10.0.0.5\",\"port\":2001},\"enable\":true,"
                                 "\"state\":\"down\",\"reason\":\"refused\",\"since_s\":2000000000,"));
    free(text);
    b.state = LINE_SILENT;
    text = brief(&b);
    assert_non_null(strstr(text, "\"name\":\"the \\\"grid\\\"\",\"protocol\":\"tic-historique\",\"board\":true,"
                                 "\"enable\":true,\"state\":\"silent\","));
    free(text);
}

static void a_line_with_a_past(void **state)
{
    struct line_settings s = on(LINE_BY_DEVICE, LINE_P1);
    struct line_view v = of(&s);

    (void)state;
    s.device = device;
    v.state = LINE_OK;
    v.telegrams = 7200;
    v.errors_per_hour = 21;
    v.last_s = 2000000009;
    v.ident = "FLU5\\253769484_A";
    for (int i = 0; i < LINE_REFUSED_KINDS; i++)
        v.refused[i] = (uint64_t)i + 1;
    char *text = brief(&v);
    assert_non_null(strstr(text, "\"state\":\"ok\",\"reason\":\"\",\"since_s\":null,\"telegrams\":7200,\"refused\":{"
                                 "\"crc\":1,\"cut\":2,\"too_long\":3,\"form\":4,\"range\":5,\"rate\":6},"
                                 "\"errors_per_hour\":21,\"last_s\":2000000009,"
                                 "\"ident\":\"FLU5\\\\253769484_A\"}"));
    free(text);
}

static void what_was_read(void **state)
{
    struct line_settings s = on(LINE_BY_DEVICE, LINE_P1);
    struct line_view v = of(&s);
    const int gas = line_code_find(LINE_P1, "gas");
    const struct line_value net = {LINE_NET, READING_GAUGE, -1234567, 0},
                            counter = {LINE_NET, READING_COUNTER, 1500, 0},
                            cubic = {(uint8_t)gas, READING_COUNTER, 12345678, 1999999200};
    const struct line_value_view values[] = {
        {&net, "grid", "00112233445566778899aabbccddeeff", NULL},
        {&counter, "grid", "00112233445566778899aabbccddeeff", line_refused_name(LINE_REFUSED_RATE)},
        {&cubic, NULL, NULL, NULL}};
    const struct line_note notes[] = {{2000000001, "gas was set anew"}, {0, "b"}};

    (void)state;
    s.device = device;
    v.telegram = "/FLU5\n!ABCD\n";
    v.last_s = 2000000009;
    v.refused_telegram = "/FLU5\n";
    v.refused_why = line_refused_words(LINE_REFUSED_CUT);
    v.refused_s = 2000000008;
    v.notes = notes;
    v.n_notes = 2;
    char *text = whole(&v, values, 3), *from = strstr(text, "\"telegram\":");
    assert_non_null(from);
    assert_string_equal(
        from, "\"telegram\":\"/FLU5\\n!ABCD\\n\",\"telegram_s\":2000000009,\"values\":["
              "{\"code\":\"net\",\"kind\":\"gauge\",\"name\":\"grid\",\"id\":\"00112233445566778899aabbccddeeff\","
              "\"value\":-1234.567,\"unit\":\"W\",\"stamp_s\":null,\"refused\":null},"
              "{\"code\":\"net\",\"kind\":\"counter\",\"name\":\"grid\",\"id\":\"00112233445566778899aabbccddeeff\","
              "\"value\":1.5,\"unit\":\"Wh\",\"stamp_s\":null,\"refused\":\"rate\"},"
              "{\"code\":\"gas\",\"kind\":\"counter\",\"name\":null,\"id\":null,\"value\":12345.678,\"unit\":\"L\","
              "\"stamp_s\":1999999200,\"refused\":null}],"
              "\"refused_telegram\":\"/FLU5\\n\",\"refused_why\":\"it is cut: the next one began, or silence came\","
              "\"refused_s\":2000000008,\"notes\":[{\"time_s\":2000000001,\"text\":\"gas was set anew\"},"
              "{\"time_s\":null,\"text\":\"b\"}]}");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_that_never_told),
        cmocka_unit_test(by_tcp_and_by_the_board),
        cmocka_unit_test(a_line_with_a_past),
        cmocka_unit_test(what_was_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
