#include "unit.h"

#include "core/log_ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct log_ring ring;
static struct log_entry e;

static int setup(void **state)
{
    (void)state;
    memset(&ring, 0, sizeof ring);
    return 0;
}

static const char *get(uint64_t number)
{
    return log_ring_get(&ring, number, &e) ? e.text : NULL;
}

static void lines_in_order(void **state)
{
    (void)state;
    assert_null(get(0));
    assert_null(get(1));
    log_ring_put(&ring, 4, 1000, "first");
    log_ring_put(&ring, 6, 2000, "");
    assert_string_equal(get(0), "first");
    assert_string_equal(get(1), "first");
    assert_int_equal(e.number, 1);
    assert_int_equal(e.level, 4);
    assert_int_equal(e.wall_ms, 1000);
    assert_string_equal(get(2), "");
    assert_null(get(3));
}

static void a_thousand_lines(void **state)
{
    char text[16];

    (void)state;
    for (unsigned i = 1; i <= 2500; i++) {
        snprintf(text, sizeof text, "line %u", i);
        log_ring_put(&ring, 6, i, text);
    }
    assert_string_equal(get(1), "line 1501"); /* the oldest, when a line is gone */
    assert_int_equal(e.number, 1501);
    assert_string_equal(get(2500), "line 2500");
    assert_null(get(2501));
}

/* Long lines: fewer are kept, each whole and in order, across the end of the memory. */
static void bounded_bytes(void **state)
{
    static char texts[5000][LOG_LINE_MAX + 1];

    (void)state;
    srand(2);
    for (unsigned i = 0; i < 5000; i++) {
        size_t len = (size_t)rand() % (LOG_LINE_MAX + 1);
        memset(texts[i], 'a' + (int)(i % 26), len);
        log_ring_put(&ring, 6, i, texts[i]);
        assert_true(ring.used <= LOG_RING_TEXT);
        assert_non_null(get(0));
        for (uint64_t k = e.number; k <= i + 1; k += 1 + (uint64_t)(rand() % 200))
            assert_string_equal(get(k), texts[k - 1]);
    }
    assert_in_range(ring.newest - ring.gone, 300, LOG_RING_LINES);
}

/* What is logged may be somebody else's text. */
static void cut_and_cleaned(void **state)
{
    char text[2 * LOG_LINE_MAX];

    (void)state;
    log_ring_put(&ring, 3, 0, "a\xff\xc3(b\ndata: x\r\x7f\xc2\x85z\xc3\xa9");
    assert_string_equal(get(1), "a\?\?(b?data: x\?\?\?z\xc3\xa9");
    memset(text, 'x', sizeof text);
    memcpy(text + LOG_LINE_MAX - 2, "\xe2\x82\xac", 3); /* does not fit whole */
    text[sizeof text - 1] = '\0';
    log_ring_put(&ring, 3, 0, text);
    assert_int_equal(strlen(get(2)), LOG_LINE_MAX - 2);
    assert_int_equal(e.len, LOG_LINE_MAX - 2);
}

static void as_text(void **state)
{
    char line[LOG_ENTRY_MAX];
    char big[LOG_LINE_MAX + 1];

    (void)state;
    log_ring_put(&ring, 4, 1767225599987, "broker: lost");
    assert_true(log_ring_get(&ring, 1, &e));
    size_t n = log_entry_format(line, &e);
    line[n] = '\0';
    assert_string_equal(line, "2025-12-31T23:59:59.987Z warning broker: lost");
    memset(big, 'x', LOG_LINE_MAX);
    big[LOG_LINE_MAX] = '\0';
    log_ring_put(&ring, 5, 253402300799999, big);
    assert_true(log_ring_get(&ring, 2, &e));
    assert_int_equal(log_entry_format(line, &e), strlen("9999-12-31T23:59:59.999Z notice ") + LOG_LINE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lines_in_order, setup), cmocka_unit_test_setup(a_thousand_lines, setup),
        cmocka_unit_test_setup(bounded_bytes, setup),  cmocka_unit_test_setup(cut_and_cleaned, setup),
        cmocka_unit_test_setup(as_text, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
