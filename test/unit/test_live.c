#include "unit.h"

#include "core/hub.h"
#include "core/live.h"
#include "core/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N   40
#define NOW 1700000000

static struct sensors sensors;
static struct hub hub;
static struct live live;
static char ids[N][SENSOR_ID_LEN + 1];
static char out[FEED_READ_MIN + 1];
static int64_t now_ms = 5000;

/* The table with sensors first .. first + n - 1. */
static void set_sensors(unsigned first, unsigned n)
{
    struct sensor_def d[N];

    for (unsigned i = 0; i < n; i++)
        d[i] = (struct sensor_def){.id = ids[first + i], .name = "x", .unit = {"W", "Wh"}, .number = first + i + 1};
    sensors_set(&sensors, d, n);
    live_refilter(&live);
}

static int setup(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N; i++)
        snprintf(ids[i], sizeof ids[i], "%032x", i);
    sensors_init(&sensors);
    live_init(&live, &sensors);
    set_sensors(0, N);
    hub_init(&hub, &sensors);
    return hub_attach(&hub, live_take, &live);
}

static int teardown(void **state)
{
    (void)state;
    live_fini(&live);
    sensors_fini(&sensors);
    return 0;
}

static void emit(unsigned number, enum reading_kind kind, int64_t unix_s, int64_t milli)
{
    struct reading r = {.sensor = sensors_find(&sensors, ids[number])->handle,
                        .kind = kind,
                        .unix_s = unix_s,
                        .mono_ms = now_ms,
                        .milli = milli};
    hub_emit(&hub, &r);
}

static const char *frame(int client)
{
    out[0] = '\0';
    if (feed_grant(&live.feed, client, now_ms))
        out[feed_read(&live.feed, client, out, FEED_READ_MIN)] = '\0';
    return out;
}

static int open_for(unsigned n, const unsigned *numbers)
{
    struct live_filter f = {.n = n};

    for (unsigned i = 0; i < n; i++)
        memcpy(f.ids[i], ids[numbers[i]], sizeof ids[0]);
    return live_open(&live, &f, now_ms);
}

static const char *expected(unsigned number, const char *rest)
{
    static char text[256];
    char json[200];

    snprintf(json, sizeof json, "{\"sensor\":\"%s\",%s}", ids[number], rest);
    text[sse_put(text, sizeof text - 1, "reading", NULL, json, strlen(json))] = '\0';
    return text;
}

static void the_text(void **state)
{
    (void)state;
    int c = live_open(&live, NULL, now_ms);
    emit(3, READING_GAUGE, NOW, -1234567);
    assert_string_equal(frame(c),
                        expected(3, "\"kind\":\"gauge\",\"time\":1700000000,\"value\":-1234.567,\"unit\":\"W\""));
    emit(4, READING_COUNTER, NOW, INT64_MAX);
    assert_string_equal(frame(c), expected(4, "\"kind\":\"counter\",\"time\":1700000000,"
                                              "\"value\":9223372036854775.807,\"unit\":\"Wh\""));
}

/* As the MQTT sink does. */
static void what_is_no_news(void **state)
{
    (void)state;
    int c = live_open(&live, NULL, now_ms);
    emit(1, READING_GAUGE, 0, 5); /* the clock is not set */
    assert_string_equal(frame(c), "");
    emit(1, READING_COUNTER, NOW, 5);
    assert_string_not_equal(frame(c), "");
    emit(1, READING_COUNTER, NOW + 1, 5); /* did not change */
    assert_string_equal(frame(c), "");
    emit(1, READING_GAUGE, NOW, 5);
    assert_string_not_equal(frame(c), "");
    emit(1, READING_GAUGE, NOW + 1, 5);
    assert_string_not_equal(frame(c), "");
}

static void nothing_is_encoded_for_nobody(void **state)
{
    (void)state;
    emit(1, READING_GAUGE, NOW, 1);
    assert_int_equal(live.feed.events, 0);
    assert_null(live.feed.ring);
    int c = open_for(1, (unsigned[]){7});
    emit(1, READING_GAUGE, NOW + 1, 1);
    assert_int_equal(live.feed.events, 0); /* nobody named it */
    emit(7, READING_GAUGE, NOW + 1, 1);
    assert_int_equal(live.feed.events, 1);
    live_close(&live, c);
    emit(7, READING_GAUGE, NOW + 2, 1);
    assert_int_equal(live.feed.events, 1);
    assert_null(live.want);
}

static void filters(void **state)
{
    unsigned many[LIVE_FILTER];

    (void)state;
    for (unsigned i = 0; i < LIVE_FILTER; i++)
        many[i] = i + 8;
    int all = live_open(&live, NULL, now_ms);
    int some = open_for(LIVE_FILTER, many), two = open_for(2, (unsigned[]){7, 8});
    int none = live_open(&live, &(struct live_filter){.n = 1, .ids = {"ffffffffffffffffffffffffffffffff"}}, now_ms);
    for (unsigned i = 7; i < 9; i++) {
        char text[256];
        emit(i, READING_GAUGE, NOW, 1000 * i);
        snprintf(text, sizeof text, "\"kind\":\"gauge\",\"time\":1700000000,\"value\":%u,\"unit\":\"W\"", i);
        snprintf(text, sizeof text, "%s", expected(i, text));
        assert_string_equal(frame(all), text);
        assert_string_equal(frame(two), text);
        assert_string_equal(frame(some), i == 8 ? text : "");
        assert_string_equal(frame(none), "");
    }
}

/* A filter is by id: the sensor that takes a slot is not the one that left it. */
static void the_settings_change(void **state)
{
    (void)state;
    int c = open_for(1, (unsigned[]){5});
    set_sensors(6, 10);
    for (unsigned i = 6; i < 16; i++)
        emit(i, READING_GAUGE, NOW, 1);
    assert_string_equal(frame(c), "");
    set_sensors(0, 8);
    emit(5, READING_GAUGE, NOW + 1, 1);
    assert_string_not_equal(frame(c), "");
    emit(7, READING_GAUGE, NOW + 1, 1);
    assert_string_equal(frame(c), "");
}

static void news_of_jobs(void **state)
{
    char *big = malloc(LIVE_JSON_MAX + 2);

    (void)state;
    memset(big, 'x', LIVE_JSON_MAX + 1);
    big[LIVE_JSON_MAX + 1] = '\0';
    assert_true(live_publish(&live, "job", "{}")); /* nobody is there */
    int a = live_open(&live, NULL, now_ms), b = open_for(1, (unsigned[]){1});
    assert_true(live_publish(&live, "job", "{\"id\":\"j1\"}"));
    assert_string_equal(frame(a), "event: job\ndata: {\"id\":\"j1\"}\n\n");
    assert_string_equal(frame(b), "event: job\ndata: {\"id\":\"j1\"}\n\n");
    assert_false(live_publish(&live, "job", big));
    assert_string_equal(frame(a), "");
    big[LIVE_JSON_MAX] = '\0';
    assert_true(live_publish(&live, "job", big));
    assert_int_equal(strlen(frame(a)), LIVE_JSON_MAX + strlen("event: job\ndata: \n\n"));
    free(big);
}

/* A burst of 15 000 gauges and a third as many counters fits: nobody who reads ten times a second skips any. */
static void many_sensors(void **state)
{
    enum { MANY = 15000, NEWS = MANY + MANY / 3 };
    struct sensor_def *d = calloc(MANY, sizeof *d);
    char(*names)[SENSOR_ID_LEN + 1] = calloc(MANY, sizeof *names);
    size_t bytes = 0, n;

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "%032x", i);
        d[i] = (struct sensor_def){.id = names[i], .name = "x", .unit = {"L/day", "L"}, .number = i + 1};
    }
    sensors_set(&sensors, d, MANY);
    free(d);
    int c = live_open(&live, NULL, now_ms);
    for (unsigned i = 0; i < NEWS; i++) {
        struct reading r = {.sensor = sensors_find(&sensors, names[i % MANY])->handle,
                            .kind = i < MANY ? READING_GAUGE : READING_COUNTER,
                            .unix_s = NOW,
                            .milli = 12345678};
        hub_emit(&hub, &r);
    }
    free(names);
    assert_true(feed_grant(&live.feed, c, now_ms));
    while ((n = feed_read(&live.feed, c, out, FEED_READ_MIN)) > 0)
        bytes += n;
    assert_int_equal(live.feed.skipped, 0);
    assert_int_equal(live.feed.events, NEWS);
    assert_true(bytes > NEWS * 120u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_text, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_news, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_encoded_for_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(filters, setup, teardown),
        cmocka_unit_test_setup_teardown(the_settings_change, setup, teardown),
        cmocka_unit_test_setup_teardown(news_of_jobs, setup, teardown),
        cmocka_unit_test_setup_teardown(many_sensors, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
