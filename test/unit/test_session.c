#include "unit.h"

#include "core/session.h"

#include <stdio.h>
#include <string.h>

#define NOW 5000

static struct sessions s;
static char text[SESSION_TEXT + 1];

static int setup(void **state)
{
    (void)state;
    memset(&s, 0, sizeof s);
    return 0;
}

/* One whose id is this byte, 32 times. */
static const char *begin(uint8_t byte, bool tls, int64_t mono_ms)
{
    uint8_t id[SESSION_ID];

    memset(id, byte, sizeof id);
    session_begin(&s, id, tls, mono_ms, text);
    return text;
}

static bool use(uint8_t byte, bool tls, int64_t mono_ms)
{
    char hex[SESSION_TEXT + 1];

    for (size_t i = 0; i < SESSION_ID; i++)
        snprintf(hex + 2 * i, 3, "%02x", byte);
    return session_use(&s, hex, SESSION_TEXT, tls, mono_ms);
}

static void begins_and_ends(void **state)
{
    (void)state;
    assert_string_equal(begin(0xa5, false, NOW), "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
    assert_true(use(0xa5, false, NOW));
    assert_false(use(0xa6, false, NOW));
    assert_false(session_end(&s, "a6", 2));
    assert_int_equal(session_count(&s, NOW), 1);
    assert_true(session_end(&s, text, SESSION_TEXT));
    assert_false(session_end(&s, text, SESSION_TEXT));
    assert_false(use(0xa5, false, NOW));
    assert_int_equal(session_count(&s, NOW), 0);
    begin(1, false, NOW);
    begin(2, false, NOW);
    session_end_all(&s);
    assert_false(use(1, false, NOW) || use(2, false, NOW));
}

static void nonsense_is_nobody(void **state)
{
    (void)state;
    begin(0, false, NOW);
    assert_true(session_use(&s, text, SESSION_TEXT, false, NOW));
    assert_false(session_use(&s, text, SESSION_TEXT - 1, false, NOW));
    assert_false(session_use(&s, "", 0, false, NOW));
    memset(text, 'g', SESSION_TEXT);
    assert_false(session_use(&s, text, SESSION_TEXT, false, NOW));
}

/* An empty place has an id of zeros, which opens nothing. */
static void an_empty_place_is_no_session(void **state)
{
    (void)state;
    assert_false(use(0, false, NOW));
}

static void idle_for_a_day_it_ends(void **state)
{
    int64_t t = NOW;

    (void)state;
    begin(1, false, t);
    assert_true(use(1, false, t += SESSION_IDLE_MS - 1));
    assert_true(use(1, false, t += SESSION_IDLE_MS - 1));
    assert_int_equal(session_count(&s, t + SESSION_IDLE_MS), 0);
    assert_false(use(1, false, t + SESSION_IDLE_MS));
    assert_false(use(1, false, t));
}

static void after_seven_days_it_ends_whatever_was_done(void **state)
{
    int64_t t = NOW;

    (void)state;
    begin(1, false, t);
    for (int i = 0; i < 13; i++)
        assert_true(use(1, false, t += SESSION_IDLE_MS / 2));
    assert_true(use(1, false, NOW + SESSION_LIFE_MS - 1));
    assert_false(use(1, false, NOW + SESSION_LIFE_MS));
}

static void begun_over_tls_it_is_good_over_tls_only(void **state)
{
    (void)state;
    begin(1, true, NOW);
    begin(2, false, NOW);
    assert_true(use(1, true, NOW) && use(2, true, NOW) && use(2, false, NOW));
    assert_false(use(1, false, NOW));
    assert_true(use(1, true, NOW));
}

static void the_seventeenth_takes_the_place_of_the_longest_idle(void **state)
{
    (void)state;
    for (uint8_t i = 1; i <= SESSION_MAX; i++)
        begin(i, false, NOW + i);
    assert_true(use(1, false, NOW + 100));
    begin(100, false, NOW + 200);
    assert_int_equal(session_count(&s, NOW + 200), SESSION_MAX);
    assert_false(use(2, false, NOW + 200));
    assert_true(use(1, false, NOW + 200) && use(100, false, NOW + 200));
    for (uint8_t i = 3; i <= SESSION_MAX; i++)
        assert_true(use(i, false, NOW + 200));
}

static void one_that_is_over_makes_room_first(void **state)
{
    (void)state;
    for (uint8_t i = 1; i <= SESSION_MAX; i++)
        begin(i, false, i == 7 ? NOW : NOW + 1000);
    begin(100, false, NOW + SESSION_IDLE_MS);
    assert_int_equal(session_count(&s, NOW + SESSION_IDLE_MS), SESSION_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(begins_and_ends, setup),
        cmocka_unit_test_setup(nonsense_is_nobody, setup),
        cmocka_unit_test_setup(an_empty_place_is_no_session, setup),
        cmocka_unit_test_setup(idle_for_a_day_it_ends, setup),
        cmocka_unit_test_setup(after_seven_days_it_ends_whatever_was_done, setup),
        cmocka_unit_test_setup(begun_over_tls_it_is_good_over_tls_only, setup),
        cmocka_unit_test_setup(the_seventeenth_takes_the_place_of_the_longest_idle, setup),
        cmocka_unit_test_setup(one_that_is_over_makes_room_first, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
