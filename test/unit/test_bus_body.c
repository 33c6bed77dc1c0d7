#include "unit.h"

#include "core/bus_body.h"
#include "core/jsonw.h"
#include "core/mb_measure.h"
#include "core/mb_words.h"

#include <stdlib.h>
#include <string.h>

static char *written(const struct bus_view *bus, const struct bus_meter_view *meter)
{
    struct jsonw w;

    jsonw_init(&w);
    bus_body_open(&w, bus);
    if (meter)
        bus_body_meter(&w, meter);
    bus_body_close(&w);
    jsonw_raw(&w, "", 1);
    return w.buf;
}

static void a_serial_line(void **state)
{
    const struct bus_view v = {.key = "line1",
                               .device = "/dev/ttyUSB0",
                               .enable = true,
                               .state = "down",
                               .reason = "gone",
                               .since_s = 2000000000,
                               .polls_per_s = 19500};
    char *text = written(&v, NULL);

    (void)state;
    assert_string_equal(text, "{\"key\":\"line1\",\"device\":\"/dev/ttyUSB0\",\"enable\":true,\"state\":\"down\","
                              "\"reason\":\"gone\",\"since_s\":2000000000,\"polls_per_s\":19.5,\"meters\":[]}");
    free(text);
}

static void a_tcp_line(void **state)
{
    const struct bus_view v = {
        .key = "net", .host = "10.0.0.5", .port = 502, .rtu = true, .state = "off", .reason = ""};
    char *text = written(&v, NULL);

    (void)state;
    assert_string_equal(text, "{\"key\":\"net\",\"tcp\":{\"host\":\"10.0.0.5\",\"port\":502,\"framing\":\"rtu\"},"
                              "\"enable\":false,\"state\":\"off\",\"reason\":\"\",\"since_s\":null,\"polls_per_s\":0,"
                              "\"meters\":[]}");
    free(text);
}

static const struct bus_view line = {.key = "k", .device = "/d", .enable = true, .state = "up", .reason = ""};

static void a_meter_that_is_not_asked(void **state)
{
    const struct bus_meter_view m = {.key = "boiler",
                                     .name = "the \"boiler\"",
                                     .model = "eastron-sdm120",
                                     .unit = 3,
                                     .state = "off",
                                     .reason = "",
                                     .interval_ms = 2500};
    char *text = written(&line, &m);

    (void)state;
    assert_non_null(strstr(
        text,
        "\"meters\":[{\"key\":\"boiler\",\"name\":\"the \\\"boiler\\\"\",\"unit\":3,\"model\":\"eastron-sdm120\","
        "\"state\":\"off\",\"since_s\":null,\"reason\":\"\",\"interval\":2.5,\"missed\":0,\"ok\":0,\"timeouts\":0,"
        "\"crc\":0,\"exceptions\":0,\"bad\":0,\"retries\":0,\"ms_p50\":null,\"ms_p99\":null,"
        "\"errors_per_minute\":0,\"reads\":0,\"last_s\":null,"
        "\"refused\":{\"range\":0,\"rate\":0,\"not_a_number\":0,\"no_value\":0}}]}"));
    free(text);
}

static void a_meter_with_a_past(void **state)
{
    static const enum mb_outcome past[] = {MB_OK,      MB_OK,  MB_OK,        MB_OK,        MB_TIMEOUT, MB_TIMEOUT,
                                           MB_TIMEOUT, MB_CRC, MB_EXCEPTION, MB_EXCEPTION, MB_BAD,     MB_GONE};
    const uint64_t refused[MB_REFUSED_KINDS] = {
        [MB_REFUSED_RANGE] = 1, [MB_REFUSED_RATE] = 2, [MB_REFUSED_NAN] = 3, [MB_REFUSED_NO_VALUE] = 4};
    struct mb_stats s = {.retries = 7};
    struct bus_meter_view m = {.key = "m",
                               .model = "x",
                               .unit = 247,
                               .state = "suspect",
                               .reason = "why",
                               .since_s = 5,
                               .last_s = 6,
                               .interval_ms = 1000,
                               .missed = 9,
                               .reads = 3,
                               .stats = &s,
                               .mono_ms = 70000,
                               .refused = refused};

    (void)state;
    for (size_t i = 0; i < sizeof past / sizeof past[0]; i++)
        mb_stats_note(&s, past[i], past[i] == MB_EXCEPTION ? 2 : 0, 20000, 60000);
    char *text = written(&line, &m);
    assert_non_null(strstr(text, "\"name\":null,\"unit\":247,\"model\":\"x\",\"state\":\"suspect\",\"since_s\":5,"
                                 "\"reason\":\"why\",\"interval\":1,\"missed\":9,\"ok\":4,\"timeouts\":3,\"crc\":1,"
                                 "\"exceptions\":2,\"bad\":1,\"retries\":7,\"ms_p50\":"));
    assert_non_null(strstr(text, "\"reads\":3,\"last_s\":6,"
                                 "\"refused\":{\"range\":1,\"rate\":2,\"not_a_number\":3,\"no_value\":4}}]}"));
    assert_null(strstr(text, "\"ms_p50\":null"));
    assert_null(strstr(text, "\"errors_per_minute\":0"));
    free(text);
}

static void words(void **state)
{
    static const struct {
        enum mb_outcome outcome;
        int exception;
        const char *why, *expect;
    } cases[] = {
        {MB_OK, 0, NULL, ""},
        {MB_TIMEOUT, 0, "of no matter", "unit 3 did not answer within 0.25 s"},
        {MB_CRC, 0, NULL, "unit 3: the answer was damaged on its way"},
        {MB_EXCEPTION, 2, NULL, "unit 3 refused: exception 2 (illegal data address)"},
        {MB_EXCEPTION, 99, NULL, "unit 3 refused: exception 99 (unknown)"},
        {MB_BAD, 0, NULL, "unit 3: what came was no answer to what was asked"},
        {MB_GONE, 0, "/dev/x: No such device", "/dev/x: No such device"},
        {MB_GONE, 0, "", "the line is down"},
        {MB_GONE, 0, NULL, "the line is down"},
    };
    char text[MB_WORDS];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(mb_words(text, cases[i].outcome, cases[i].exception, 3, 250, cases[i].why),
                            cases[i].expect);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_serial_line),
        cmocka_unit_test(a_tcp_line),
        cmocka_unit_test(a_meter_that_is_not_asked),
        cmocka_unit_test(a_meter_with_a_past),
        cmocka_unit_test(words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
