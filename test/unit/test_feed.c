#include "unit.h"

#include "core/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct feed f;
static char out[16384 + 1];
static int64_t now = 1000000;

static int setup(void **state)
{
    (void)state;
    feed_init(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    feed_fini(&f);
    return 0;
}

static void put(uint32_t readers, const char *text)
{
    size_t len = strlen(text);

    memcpy(feed_room(&f, len), text, len);
    feed_commit(&f, len, readers);
}

/* What a reader gets in one frame, read in pieces. */
static const char *frame(int reader)
{
    size_t n = 0, got;

    if (!feed_grant(&f, reader, now))
        return "";
    while (n + FEED_READ_MIN < sizeof out && (got = feed_read(&f, reader, out + n, FEED_READ_MIN)) > 0)
        n += got;
    out[n] = '\0';
    return out;
}

static void nobody_reads(void **state)
{
    (void)state;
    assert_int_equal(f.open, 0);
    assert_null(f.ring);
    int a = feed_open(&f, 0, now), b = feed_open(&f, 0, now);
    assert_non_null(f.ring);
    feed_close(&f, a);
    assert_non_null(f.ring);
    feed_close(&f, b);
    assert_null(f.ring); /* no memory while nobody reads */
}

static void sixteen_readers_at_most(void **state)
{
    (void)state;
    for (int i = 0; i < FEED_READERS; i++)
        assert_int_equal(feed_open(&f, 0, now), i);
    assert_int_equal(feed_open(&f, 0, now), -1);
    feed_close(&f, 7);
    assert_int_equal(feed_open(&f, 0, now), 7);
}

static void each_gets_its_own(void **state)
{
    (void)state;
    int a = feed_open(&f, 0, now), b = feed_open(&f, 0, now);
    put(1u << a | 1u << b, "both.");
    put(1u << a, "a.");
    put(1u << b, "b.");
    put(0, "none.");
    put(1u << 9, "gone.");
    assert_string_equal(frame(a), "both.a.");
    assert_string_equal(frame(b), "both.b.");
    assert_string_equal(frame(a), "");
    put(1u << b, "b.");
    int c = feed_open(&f, 0, now); /* sees nothing of before */
    put(~0u, "all.");
    assert_string_equal(frame(c), "all.");
    assert_string_equal(frame(b), "b.all.");
    assert_string_equal(frame(a), "all.");
}

/* What comes while a frame is read belongs to the next one. */
static void a_frame_ends(void **state)
{
    (void)state;
    int a = feed_open(&f, 0, now);
    put(1, "1.");
    assert_true(feed_grant(&f, a, now));
    put(1, "2.");
    assert_int_equal(feed_read(&f, a, out, FEED_READ_MIN), 2);
    assert_int_equal(feed_read(&f, a, out, FEED_READ_MIN), 0);
    assert_string_equal(frame(a), "2.");
}

static void only_whole_events(void **state)
{
    static char big[FEED_EVENT_MAX + 1];

    (void)state;
    int a = feed_open(&f, 0, now);
    memset(big, 'x', FEED_EVENT_MAX);
    put(1, big);
    put(1, "y");
    put(1, big);
    assert_true(feed_grant(&f, a, now));
    assert_int_equal(feed_read(&f, a, out, FEED_READ_MIN), FEED_EVENT_MAX + 1);
    assert_int_equal(feed_read(&f, a, out, FEED_READ_MIN), FEED_EVENT_MAX);
    assert_int_equal(feed_read(&f, a, out, FEED_READ_MIN), 0);
}

/* One that falls behind goes on at the mark, not long ago, and the count is exact. */
static void behind_the_ring(void **state)
{
    unsigned skipped, first, n = 100000;
    char text[100];

    (void)state;
    int a = feed_open(&f, 0, now);
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof text, "<%090u>", i);
        put(1, text);
    }
    frame(a);
    assert_int_equal(sscanf(out, "event: skipped\ndata: {\"n\":%u}\n\n<%u>", &skipped, &first), 2);
    assert_int_equal(first, skipped);
    assert_int_equal(f.skipped, skipped);
    assert_in_range(n - first, 1, f.size / 4 / 92);
}

static void too_old(void **state)
{
    (void)state;
    int a = feed_open(&f, 0, now), b = feed_open(&f, 0, now);
    put(1, "old.");
    put(1, "old.");
    now += 8000;
    feed_grant(&f, b, now);
    put(1, "new.");
    now += 3000;
    assert_string_equal(frame(a), "event: skipped\ndata: {\"n\":2}\n\nnew.");
    put(1, "last.");
    now += 20000;
    assert_string_equal(frame(a), "last."); /* however old: there is nothing newer to go on at */
}

/* A long silence for one while others are busy is no falling behind. */
static void others_are_busy(void **state)
{
    (void)state;
    int a = feed_open(&f, 0, now), b = feed_open(&f, 0, now);
    for (int i = 0; i < 50000; i++)
        put(1u << b, "something that fills the ring, again and again.");
    put(1u << a, "a.");
    assert_string_equal(frame(a), "a.");
    (void)b;
}

/* A search among others' events is bounded, and goes on in the next frame. */
static void a_bounded_search(void **state)
{
    (void)state;
    int a = feed_open(&f, FEED_BYTES_MAX, now), b = feed_open(&f, 0, now);
    assert_int_equal(f.size, FEED_BYTES_MAX);
    for (int i = 0; i < FEED_VISIT + 10; i++)
        put(1u << b, "other.");
    put(1u << a, "a.");
    assert_true(feed_grant(&f, a, now));
    assert_int_equal(feed_read(&f, a, out, FEED_READ_MIN), 0);
    assert_true(feed_grant(&f, a, now));
    assert_int_equal(feed_read(&f, a, out, FEED_READ_MIN), 2);
}

/* ---- any sequence: what is read and what is told as skipped are all that was put, in order ---- */

struct model {
    int reader;
    uint64_t expected[200000]; /* numbers of its events */
    size_t n, next;
};

static void check(struct model *m, const char *p, const char *end)
{
    unsigned long n;
    int len;

    while (p < end) {
        if (sscanf(p, "event: skipped\ndata: {\"n\":%lu}%n", &n, &len) == 1) {
            assert_in_range(n, 1, m->n - m->next);
            m->next += n;
            p += len + 2;
            continue;
        }
        assert_int_equal(sscanf(p, "<%lu%n", &n, &len), 1);
        assert_int_equal(n, m->expected[m->next]);
        m->next++;
        p = (const char *)memchr(p, '>', (size_t)(end - p)) + 1;
    }
}

static void read_some(struct model *m, bool all)
{
    size_t n;

    if (!feed_grant(&f, m->reader, now))
        assert_int_equal(m->next, m->n);
    do {
        n = feed_read(&f, m->reader, out, FEED_READ_MIN);
        out[n] = '\0';
        check(m, out, out + n);
    } while (n && (all || rand() % 4));
}

static void any_sequence(void **state)
{
    static struct model m[3];
    static char text[FEED_EVENT_MAX + 1];
    unsigned number = 0;

    (void)state;
    srand(1);
    memset(m, 0, sizeof m);
    for (int i = 0; i < 3; i++)
        m[i].reader = feed_open(&f, 0, now);
    for (int round = 0; round < 150000; round++) {
        uint32_t readers = (uint32_t)rand() & 7;
        size_t len = rand() % 50 ? 20 + (size_t)rand() % 100 : 20 + (size_t)rand() % (FEED_EVENT_MAX - 20);
        char *p = feed_room(&f, FEED_EVENT_MAX - (size_t)rand() % (FEED_EVENT_MAX - len + 1));
        memset(text, '-', len);
        text[snprintf(text, sizeof text, "<%u", ++number)] = '-';
        text[len - 1] = '>';
        memcpy(p, text, len);
        feed_commit(&f, len, readers);
        for (int i = 0; i < 3; i++)
            if (readers & 1u << m[i].reader)
                m[i].expected[m[i].n++] = number;
        now += rand() % 3;
        if (rand() % 20 == 0)
            read_some(&m[0], true); /* keeps up */
        if (rand() % 500 == 0)
            read_some(&m[1], false);
        if (rand() % 20000 == 0)
            read_some(&m[2], false);
    }
    for (int i = 0; i < 3; i++) {
        read_some(&m[i], true);
        read_some(&m[i], true);
        assert_int_equal(m[i].next, m[i].n);
        assert_int_equal(f.readers[m[i].reader].put, m[i].n);
    }
    assert_true(f.skipped > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(sixteen_readers_at_most, setup, teardown),
        cmocka_unit_test_setup_teardown(each_gets_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frame_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(only_whole_events, setup, teardown),
        cmocka_unit_test_setup_teardown(behind_the_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(too_old, setup, teardown),
        cmocka_unit_test_setup_teardown(others_are_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bounded_search, setup, teardown),
        cmocka_unit_test_setup_teardown(any_sequence, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
