#include "unit.h"

#include "core/seen.h"

#include <stdio.h>
#include <stdlib.h>

#define MANY 5000

static void the_first_place_is_told(void **state)
{
    struct seen s = {0};

    (void)state;
    assert_int_equal(seen_find(&s, "a"), SEEN_NONE);
    assert_int_equal(seen_add(&s, "a", 3), SEEN_NONE);
    assert_int_equal(seen_add(&s, "", 4), SEEN_NONE);
    assert_int_equal(seen_add(&s, "a", 5), 3);
    assert_int_equal(seen_add(&s, "a", 6), 3);
    assert_int_equal(seen_find(&s, "a"), 3);
    assert_int_equal(seen_find(&s, ""), 4);
    assert_int_equal(seen_find(&s, "b"), SEEN_NONE);
    seen_free(&s);
    assert_int_equal(seen_find(&s, "a"), SEEN_NONE);
    seen_free(&s);
}

static void many_are_kept_apart(void **state)
{
    static char texts[MANY][16];
    struct seen s = {0};

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof texts[i], "meter %zu", i);
        assert_int_equal(seen_add(&s, texts[i], i), SEEN_NONE);
    }
    for (size_t i = 0; i < MANY; i++) {
        char copy[16];
        snprintf(copy, sizeof copy, "meter %zu", i);
        assert_int_equal(seen_find(&s, copy), i);
        assert_int_equal(seen_add(&s, copy, MANY), i);
    }
    assert_int_equal(s.n, MANY);
    seen_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_place_is_told),
        cmocka_unit_test(many_are_kept_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
