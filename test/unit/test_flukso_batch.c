#include "unit.h"

#include "core/flukso_batch.h"

#include <stdlib.h>
#include <string.h>

#define FIRST    1700000000
#define MANY     1000
#define PER_SEEK (4 * 10 + 4) /* calls that one bad row of a thousand may cost: 4 log2 n + 4 */

static struct flukso_batch b;
static struct thin_row row; /* the last one refused */
static uint64_t others;

static void begin(size_t n)
{
    struct thin_row *rows = calloc(n + 1, sizeof *rows);

    for (size_t i = 0; i < n; i++)
        rows[i] = (struct thin_row){.unix_s = FIRST + (int64_t)i, .value = (int64_t)i};
    flukso_batch_init(&b, rows, n);
    others = 7;
}

static int teardown(void **state)
{
    (void)state;
    flukso_batch_fini(&b);
    return 0;
}

static enum flukso_batch_step answer(enum answer_kind kind, int64_t last_s)
{
    const struct answer a = {.kind = kind, .last_s = last_s};

    return flukso_batch_answer(&b, &a, others, &row);
}

/* Three refusals, while another sensor's call succeeds in between. */
static enum flukso_batch_step refuse_thrice(void)
{
    assert_int_equal(answer(ANSWER_ROW, 0), FLUKSO_BATCH_SAME);
    assert_int_equal(answer(ANSWER_ROW, 0), FLUKSO_BATCH_SAME);
    others++;
    return answer(ANSWER_ROW, 0);
}

static void window_is(size_t lo, size_t hi)
{
    size_t n;
    const struct thin_row *rows = flukso_batch_window(&b, &n);

    assert_ptr_equal(rows, b.rows + lo);
    assert_int_equal(n, hi - lo);
}

static void all_at_once_when_all_is_well(void **state)
{
    (void)state;
    begin(5);
    window_is(0, 5);
    assert_null(flukso_batch_last(&b));
    assert_int_equal(answer(ANSWER_OK, 0), FLUKSO_BATCH_MOVED);
    assert_true(flukso_batch_done(&b));
    assert_int_equal(b.taken, 5);
    assert_int_equal(flukso_batch_last(&b)->unix_s, FIRST + 4);
    assert_int_equal(answer(ANSWER_ROW, 0), FLUKSO_BATCH_SAME); /* nothing is out: no answer can be meant */
}

static void an_empty_batch_is_done(void **state)
{
    size_t n;

    (void)state;
    flukso_batch_init(&b, NULL, 0);
    assert_true(flukso_batch_done(&b));
    assert_null(flukso_batch_window(&b, &n));
    assert_int_equal(n, 0);
    for (int kind = 0; kind < ANSWER_KINDS; kind++)
        assert_int_equal(answer((enum answer_kind)kind, 0), FLUKSO_BATCH_SAME);
}

static void most_answers_change_nothing(void **state)
{
    static const enum answer_kind kinds[] = {ANSWER_KEEP,    ANSWER_HEADERS, ANSWER_DIGEST,   ANSWER_PROVISIONING,
                                             ANSWER_REFUSED, ANSWER_SERVER,  ANSWER_TRANSPORT};

    (void)state;
    begin(4);
    assert_int_equal(answer(ANSWER_ROW, 0), FLUKSO_BATCH_SAME);
    for (int round = 0; round < 5; round++, others++)
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
            assert_int_equal(answer(kinds[i], 0), FLUKSO_BATCH_SAME);
    window_is(0, 4);
    /* … and the count of refusals stands: the third one halves */
    assert_int_equal(answer(ANSWER_ROW, 0), FLUKSO_BATCH_SAME);
    assert_int_equal(answer(ANSWER_ROW, 0), FLUKSO_BATCH_HALVED);
    window_is(0, 2);
}

/* 500 to every call is the server's trouble, however often it comes. */
static void without_other_successes_no_row_is_blamed(void **state)
{
    (void)state;
    begin(4);
    for (int i = 0; i < 100; i++)
        assert_int_equal(answer(ANSWER_ROW, 0), FLUKSO_BATCH_SAME);
    others++;
    assert_int_equal(answer(ANSWER_ROW, 0), FLUKSO_BATCH_HALVED);
    /* the half starts anew: the successes of before do not count for it */
    for (int i = 0; i < 10; i++)
        assert_int_equal(answer(ANSWER_ROW, 0), FLUKSO_BATCH_SAME);
    window_is(0, 2);
}

static void a_search_step_by_step(void **state)
{
    (void)state;
    begin(8); /* row 2 is bad */
    assert_int_equal(refuse_thrice(), FLUKSO_BATCH_HALVED);
    window_is(0, 4);
    assert_int_equal(refuse_thrice(), FLUKSO_BATCH_HALVED);
    window_is(0, 2);
    assert_int_equal(answer(ANSWER_OK, 0), FLUKSO_BATCH_MOVED);
    window_is(2, 4); /* where it must be */
    assert_int_equal(refuse_thrice(), FLUKSO_BATCH_HALVED);
    window_is(2, 3);
    assert_int_equal(refuse_thrice(), FLUKSO_BATCH_REFUSED);
    assert_int_equal(row.value, 2);
    window_is(3, 8);
    assert_int_equal(answer(ANSWER_OK, 0), FLUKSO_BATCH_MOVED);
    assert_true(flukso_batch_done(&b));
    assert_int_equal(b.taken, 7);
    assert_int_equal(b.refused, 1);
}

/* Three refusals that were the server's mood after all: both halves pass, no row is lost. */
static void a_passing_trouble_costs_nothing(void **state)
{
    (void)state;
    begin(7);
    assert_int_equal(refuse_thrice(), FLUKSO_BATCH_HALVED);
    window_is(0, 3);
    assert_int_equal(answer(ANSWER_OK, 0), FLUKSO_BATCH_MOVED);
    window_is(3, 7);
    assert_int_equal(answer(ANSWER_OK, 0), FLUKSO_BATCH_MOVED);
    assert_true(flukso_batch_done(&b));
    assert_int_equal(b.taken, 7);
}

static void a_new_window_starts_anew(void **state)
{
    (void)state;
    begin(8);
    assert_int_equal(refuse_thrice(), FLUKSO_BATCH_HALVED);
    assert_int_equal(refuse_thrice(), FLUKSO_BATCH_HALVED);
    assert_int_equal(answer(ANSWER_ROW, 0), FLUKSO_BATCH_SAME);
    assert_int_equal(answer(ANSWER_ROW, 0), FLUKSO_BATCH_SAME);
    assert_int_equal(answer(ANSWER_OK, 0), FLUKSO_BATCH_MOVED);
    window_is(2, 4);
    others++;
    assert_int_equal(answer(ANSWER_ROW, 0), FLUKSO_BATCH_SAME); /* the first of this window's own three */
    assert_int_equal(answer(ANSWER_OK, 0), FLUKSO_BATCH_MOVED);
    window_is(4, 8); /* the search found nothing and is over: all that is left */
    assert_int_equal(answer(ANSWER_STALE, FIRST + 4), FLUKSO_BATCH_MOVED);
    window_is(5, 8);
}

static void what_the_server_has_goes(void **state)
{
    (void)state;
    begin(10);
    assert_int_equal(answer(ANSWER_STALE, FIRST + 3), FLUKSO_BATCH_MOVED);
    window_is(4, 10);
    assert_int_equal(answer(ANSWER_STALE, 0), FLUKSO_BATCH_MOVED); /* it does not say which: the first */
    window_is(5, 10);
    assert_int_equal(b.stale, 2 + 3);
    assert_int_equal(b.taken, 0);
    assert_int_equal(answer(ANSWER_STALE, FIRST + 1000), FLUKSO_BATCH_MOVED);
    assert_true(flukso_batch_done(&b));
    assert_int_equal(b.stale, 10);
    flukso_batch_fini(&b);

    /* within a search: what is left of the window stays the window, beyond it the next one begins */
    begin(8);
    assert_int_equal(refuse_thrice(), FLUKSO_BATCH_HALVED);
    assert_int_equal(answer(ANSWER_STALE, FIRST + 1), FLUKSO_BATCH_MOVED);
    window_is(2, 4);
    assert_int_equal(answer(ANSWER_STALE, FIRST + 5), FLUKSO_BATCH_MOVED);
    window_is(6, 8);
}

/* A last stamp before all that was sent cannot be the reason: nothing is dropped for it, nothing blocks either. */
static void a_stale_that_explains_nothing_is_a_refusal(void **state)
{
    (void)state;
    begin(2);
    for (int i = 0; i < 20; i++)
        assert_int_equal(answer(ANSWER_STALE, FIRST - 1), FLUKSO_BATCH_SAME);
    others++;
    assert_int_equal(answer(ANSWER_STALE, FIRST - 1), FLUKSO_BATCH_HALVED);
    window_is(0, 1);
}

static void too_large_halves_at_once(void **state)
{
    (void)state;
    begin(5);
    assert_int_equal(answer(ANSWER_TOO_LARGE, 0), FLUKSO_BATCH_HALVED);
    assert_int_equal(answer(ANSWER_TOO_LARGE, 0), FLUKSO_BATCH_HALVED);
    window_is(0, 1);
    assert_int_equal(answer(ANSWER_TOO_LARGE, 0), FLUKSO_BATCH_SAME); /* of one row it is no help: as any refusal */
    others++;
    assert_int_equal(answer(ANSWER_TOO_LARGE, 0), FLUKSO_BATCH_SAME);
    assert_int_equal(answer(ANSWER_TOO_LARGE, 0), FLUKSO_BATCH_REFUSED);
    window_is(1, 5);
}

/* The server that checks: takes rows in order, all of a call or none of it. */
struct server {
    bool bad[MANY];
    int64_t last_s; /* of what it took */
    size_t n_taken, calls;
    size_t moods; /* 500 out of nothing, one call in so many; 0: never */
};

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static enum answer_kind serve(struct server *s, const struct thin_row *rows, size_t n)
{
    s->calls++;
    assert_true(n > 0);
    if (s->moods && draw(s->moods) == 0)
        return ANSWER_SERVER;
    for (size_t i = 0; i < n; i++)
        if (s->bad[rows[i].value])
            return ANSWER_ROW;
    for (size_t i = 0; i < n; i++) {
        assert_true(rows[i].unix_s > s->last_s);
        s->last_s = rows[i].unix_s;
        s->n_taken++;
    }
    return ANSWER_OK;
}

static void run_through(struct server *s, size_t n_bad)
{
    size_t refused = 0, n;

    begin(MANY);
    while (!flukso_batch_done(&b)) {
        const struct thin_row *rows = flukso_batch_window(&b, &n);
        enum answer_kind kind = serve(s, rows, n);
        others++;
        if (answer(kind, 0) == FLUKSO_BATCH_REFUSED) {
            assert_true(s->bad[row.value]);
            s->bad[row.value] = false; /* each once */
            refused++;
        }
        assert_true(s->calls < 100000);
    }
    assert_int_equal(refused, n_bad);
    assert_int_equal(b.refused, n_bad);
    assert_int_equal(b.taken, MANY - n_bad);
    assert_int_equal(s->n_taken, MANY - n_bad);
    flukso_batch_fini(&b);
}

/* pitfall 8: one bad row blocks nothing, and no good one goes with it */
static void bad_rows_alone_are_refused(void **state)
{
    static const size_t counts[] = {0, 1, 1, 1, 1, 2, 2, 3, 5, 10, 50, 200, MANY};

    (void)state;
    for (seed = 1; seed < 60; seed++) {
        uint64_t this_seed = seed;
        for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
            struct server s = {.moods = seed % 3 ? 0 : 10};
            for (size_t n = 0; n < counts[i];) {
                size_t at = (size_t)draw(MANY);
                n += !s.bad[at];
                s.bad[at] = true;
            }
            run_through(&s, counts[i]);
            if (!s.moods)
                assert_in_range(s.calls, 1, 1 + counts[i] * PER_SEEK);
        }
        seed = this_seed;
    }
}

static void the_worst_places_cost_no_more(void **state)
{
    size_t worst = 0;

    (void)state;
    for (size_t at = 0; at < MANY; at++) {
        struct server s = {0};
        s.bad[at] = true;
        run_through(&s, 1);
        worst = s.calls > worst ? s.calls : worst;
    }
    assert_in_range(worst, 30, 1 + PER_SEEK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(all_at_once_when_all_is_well, teardown),
        cmocka_unit_test_teardown(an_empty_batch_is_done, teardown),
        cmocka_unit_test_teardown(most_answers_change_nothing, teardown),
        cmocka_unit_test_teardown(without_other_successes_no_row_is_blamed, teardown),
        cmocka_unit_test_teardown(a_search_step_by_step, teardown),
        cmocka_unit_test_teardown(a_passing_trouble_costs_nothing, teardown),
        cmocka_unit_test_teardown(a_new_window_starts_anew, teardown),
        cmocka_unit_test_teardown(what_the_server_has_goes, teardown),
        cmocka_unit_test_teardown(a_stale_that_explains_nothing_is_a_refusal, teardown),
        cmocka_unit_test_teardown(too_large_halves_at_once, teardown),
        cmocka_unit_test_teardown(bad_rows_alone_are_refused, teardown),
        cmocka_unit_test_teardown(the_worst_places_cost_no_more, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
