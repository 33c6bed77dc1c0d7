#include "unit.h"

#include "core/feed.h"
#include "core/mqtt_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The event of a message, written into no more room than was said. */
static char *event(const char *topic, const void *payload, size_t len, bool retain)
{
    size_t room = mqtt_event_room(topic, len);
    char *dst = malloc(room), *text;
    size_t n = mqtt_event_put(dst, topic, payload, len, retain);

    assert_true(room <= FEED_EVENT_MAX);
    assert_in_range(n, 1, room);
    text = strndup(dst, n);
    free(dst);
    return text;
}

static void check(const char *topic, const void *payload, size_t len, bool retain, const char *expected)
{
    char *text = event(topic, payload, len, retain);

    assert_string_equal(text, expected);
    free(text);
}

static void messages(void **state)
{
    (void)state;
    check("/sensor/0123/gauge", "[1700000000,5,\"W\"]", 18, true,
          "event: message\ndata: "
          "{\"topic\":\"/sensor/0123/gauge\",\"payload\":\"[1700000000,5,\\\"W\\\"]\",\"retain\":true}\n\n");
    check("t", "", 0, false, "event: message\ndata: {\"topic\":\"t\",\"payload\":\"\",\"retain\":false}\n\n");
}

static void any_bytes(void **state)
{
    (void)state;
    check("a\"\n", "\0\n\\\xff\xc3\xa9\xe2\x82", 8, false,
          "event: message\ndata: {\"topic\":\"a\\\"\\u000a\",\"payload\":"
          "\"\\u0000\\u000a\\\\\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\",\"retain\":false}\n\n");
}

static void check_cut(const char *payload, size_t len, size_t least)
{
    char *text = event("t", payload, len, false), bytes[32];
    char *end = strstr(text, "\",\"retain\"");

    snprintf(bytes, sizeof bytes, ",\"bytes\":%zu}\n\n", len);
    assert_string_equal(end + strlen("\",\"retain\":false"), bytes);
    assert_true((size_t)(end - text) >= least);
    *end = '\0';
    assert_null(strstr(text, "\xef\xbf\xbd")); /* no half character at the end */
    free(text);
}

static void long_payloads(void **state)
{
    static char payload[20001];

    (void)state;
    memset(payload, 'x', sizeof payload);
    check_cut(payload, sizeof payload, 4096);
    memset(payload, '\n', sizeof payload);
    check_cut(payload, sizeof payload, 5400);
    check_cut(payload, 1000, 5400); /* few bytes, much text */
    for (size_t shift = 0; shift < 3; shift++) {
        for (size_t i = 0; i + 3 <= sizeof payload; i++)
            payload[i] = "\xe2\x82\xac"[(i + shift) % 3];
        check_cut(payload + (3 - shift) % 3, 15000, 4093);
    }
}

static void long_topics(void **state)
{
    static char topic[1000];

    (void)state;
    memset(topic, 1, sizeof topic - 1);
    char *text = event(topic, topic, sizeof topic, true);
    assert_true(strlen(text) > 256 * 6);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),
        cmocka_unit_test(any_bytes),
        cmocka_unit_test(long_payloads),
        cmocka_unit_test(long_topics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
