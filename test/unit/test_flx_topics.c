#include "unit.h"

#include "core/flx_topics.h"

#include <cjson/cJSON.h>
#include <string.h>

static void clocks(void **state)
{
    static const struct {
        int64_t host_s, board_s;
        const char *want;
    } cases[] = {
        {1800000000, 1799999998, "[1800000000, 1799999998]"},
        {1800000000, 0, "[1800000000, 0]"},
        {INT64_MIN, INT64_MIN, "[-9223372036854775808, -9223372036854775808]"},
    };
    char buf[FLX_TOPICS_TIME_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n = flx_topics_time(buf, cases[i].host_s, cases[i].board_s);
        assert_true(n <= FLX_TOPICS_TIME_MAX);
        buf[n] = '\0';
        assert_string_equal(buf, cases[i].want);
    }
}

static const char *wave(enum flx_type type, const struct flx_wave *w)
{
    static char buf[FLX_TOPICS_WAVE_MAX + 1];
    size_t n = flx_topics_wave(buf, type, w);

    assert_true(n <= FLX_TOPICS_WAVE_MAX);
    buf[n] = '\0';
    return buf;
}

/* mqtt.md: [[s,ms],[32 samples],"mV"] */
static void waveforms(void **state)
{
    struct flx_wave w = {.s = 1800000000, .ms = 20, .rms = 230000};

    (void)state;
    for (int i = 0; i < FLX_WAVE_SAMPLES; i++)
        w.sample[i] = (i - 16) * 20000 + i;
    assert_string_equal(wave(FLX_VOLTAGE, &w),
                        "[[1800000000,20],[-320000,-299999,-279998,-259997,-239996,-219995,-199994,-179993,-159992,"
                        "-139991,-119990,-99989,-79988,-59987,-39986,-19985,16,20017,40018,60019,80020,100021,120022,"
                        "140023,160024,180025,200026,220027,240028,260029,280030,300031],\"mV\"]");
    assert_non_null(strstr(wave(FLX_CURRENT, &w), ",300031],\"mA\"]"));
}

static void the_longest_fits(void **state)
{
    struct flx_wave w = {.s = UINT32_MAX, .ms = UINT16_MAX};

    (void)state;
    for (int i = 0; i < FLX_WAVE_SAMPLES; i++)
        w.sample[i] = INT32_MIN;
    cJSON *tree = cJSON_Parse(wave(FLX_CURRENT, &w));
    assert_int_equal(cJSON_GetArraySize(tree), 3);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetArrayItem(tree, 1)), FLX_WAVE_SAMPLES);
    assert_true(cJSON_GetArrayItem(cJSON_GetArrayItem(tree, 0), 0)->valuedouble == 4294967295.0);
    cJSON_Delete(tree);
}

static void where_they_go(void **state)
{
    (void)state;
    assert_string_equal(FLX_TOPICS_TIME, "flx/time");
    assert_string_equal(flx_topics_wave_below(FLX_VOLTAGE, 0), "flx/voltage/1");
    assert_string_equal(flx_topics_wave_below(FLX_CURRENT, 0), "flx/current/1");
    assert_string_equal(flx_topics_wave_below(FLX_CURRENT, 2), "flx/current/3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks),
        cmocka_unit_test(waveforms),
        cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(where_they_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
