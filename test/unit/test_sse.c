#include "unit.h"

#include "core/sse.h"

#include <string.h>

static char out[256];

static const char *put(const char *id, const char *data)
{
    size_t n = sse_put(out, sizeof out - 1, "line", id, data, strlen(data));

    assert_true(n > 0);
    out[n] = '\0';
    return out;
}

static void an_event(void **state)
{
    (void)state;
    assert_string_equal(put(NULL, "{\"n\":1}"), "event: line\ndata: {\"n\":1}\n\n");
    assert_string_equal(put("b-7", "x"), "event: line\nid: b-7\ndata: x\n\n");
    assert_string_equal(put(NULL, ""), "event: line\ndata: \n\n");
}

/* A line end in the data must not end the event, nor begin a field. */
static void line_ends_are_split(void **state)
{
    (void)state;
    assert_string_equal(put(NULL, "a\nb"), "event: line\ndata: a\ndata: b\n\n");
    assert_string_equal(put(NULL, "a\r\nb\rc"), "event: line\ndata: a\ndata: b\ndata: c\n\n");
    assert_string_equal(put(NULL, "a\n\nevent: x\n"), "event: line\ndata: a\ndata: \ndata: event: x\ndata: \n\n");
    assert_string_equal(put(NULL, "\r"), "event: line\ndata: \ndata: \n\n");
}

static void what_does_not_fit_is_refused_whole(void **state)
{
    size_t len = strlen("event: line\nid: 1\ndata: abc\n\n");

    (void)state;
    memset(out, '#', sizeof out);
    for (size_t size = 0; size < len; size++) {
        assert_int_equal(sse_put(out, size, "line", "1", "abc", 3), 0);
        assert_int_equal(out[size], '#'); /* nothing behind the room that was given */
    }
    assert_int_equal(sse_put(out, len, "line", "1", "abc", 3), len);
}

static void ten_frames_a_second(void **state)
{
    struct sse_pace p;
    int frames = 0;

    (void)state;
    sse_pace_init(&p, 1000);
    for (int64_t ms = 1000; ms < 2000; ms += 7) {
        if (!sse_pace_may(&p, ms))
            continue;
        sse_pace_frame(&p, ms);
        frames++;
    }
    assert_in_range(frames, 8, 10);
    assert_false(sse_pace_may(&p, p.frame_ms + 99));
    assert_true(sse_pace_may(&p, p.frame_ms + 100));
}

static void a_heartbeat_for_each_silence(void **state)
{
    struct sse_pace p;

    (void)state;
    sse_pace_init(&p, 0);
    assert_false(sse_pace_silent(&p, 14999));
    assert_true(sse_pace_silent(&p, 15000));
    assert_false(sse_pace_silent(&p, 15001));
    sse_pace_frame(&p, 20000); /* news is as good */
    assert_false(sse_pace_silent(&p, 34999));
    assert_true(sse_pace_silent(&p, 35000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event),
        cmocka_unit_test(line_ends_are_split),
        cmocka_unit_test(what_does_not_fit_is_refused_whole),
        cmocka_unit_test(ten_frames_a_second),
        cmocka_unit_test(a_heartbeat_for_each_silence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
