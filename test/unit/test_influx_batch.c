#include "unit.h"

#include "core/influx_batch.h"

#include <string.h>

#define FIRST 1700000000
#define MANY  1000

enum words { COUNTING, NAMING, VAGUE }; /* "partial write … dropped=2"; without the count; a 400 of who knows whom */

static struct influx_batch b;
static bool bad[MANY], taken[MANY], refused[MANY];
static size_t answers, largest;

static const struct influx_series series[] = {
    {0},
    {.device = "d", .sensor = "a", .name = "main", .type = SENSOR_ELECTRICITY, .kind = READING_GAUGE},
    {.device = "d", .sensor = "a", .name = "main", .type = SENSOR_ELECTRICITY, .kind = READING_COUNTER},
    {.device = "d", .sensor = "b", .type = SENSOR_WATER, .kind = READING_COUNTER},
};

static int setup(void **state)
{
    (void)state;
    memset(bad, 0, sizeof bad);
    memset(taken, 0, sizeof taken);
    memset(refused, 0, sizeof refused);
    answers = 0;
    largest = MANY;
    influx_batch_init(&b);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    influx_batch_fini(&b);
    return 0;
}

/* Rows whose value is their number. */
static void begin(size_t n)
{
    struct store_row *rows = calloc(n + 1, sizeof *rows);

    for (size_t i = 0; i < n; i++)
        rows[i] = (struct store_row){.unix_s = FIRST + (int64_t)i, .milli = (int64_t)i, .era = 1, .series = 1};
    influx_batch_make(&b, rows, n, series);
}

/* One window goes to a database: what it answers, and what becomes of it. */
static int send_one(enum words words)
{
    struct answer a = {.kind = ANSWER_OK};
    struct influx_blame blame = {0};
    size_t dropped = 0, first, n, lo = b.probe ? b.probe - 1 : b.lo, hi = b.probe ? b.probe : b.hi;

    answers++;
    if (hi - lo > largest) {
        a.kind = ANSWER_TOO_LARGE;
    } else {
        for (size_t i = lo; i < hi; i++) {
            dropped += bad[i];
            taken[i] |= !bad[i] && (words == COUNTING || words == NAMING);
        }
        if (dropped) {
            a.kind = ANSWER_ROW;
            blame.certain = words != VAGUE;
            blame.dropped = words == COUNTING ? dropped : 0;
        }
        for (size_t i = lo; i < hi && !dropped; i++)
            taken[i] = true;
    }
    if (influx_batch_answer(&b, &a, &blame, &first, &n) < 0)
        return -1;
    for (size_t i = first; i < first + n; i++) {
        assert_false(refused[i]);
        refused[i] = true;
    }
    return 0;
}

static void run(enum words words, size_t most_answers)
{
    while (!influx_batch_done(&b)) {
        assert_int_equal(send_one(words), 0);
        assert_true(answers <= most_answers);
    }
    for (size_t i = 0; i < b.n; i++) {
        assert_int_equal(refused[i], bad[i]);
        assert_int_equal(taken[i], !bad[i]);
    }
}

static void window_is(const char *text)
{
    size_t len;
    const char *lines = influx_batch_window(&b, &len);

    assert_int_equal(len, strlen(text));
    assert_memory_equal(lines, text, len);
}

static void rows_stand_by_series(void **state)
{
    const struct store_row in[] = {{100, 1000, 1, 2}, {100, 7000, 1, 3}, {100, 213000, 1, 1}, {101, 214000, 1, 1}};
    struct store_row *rows = malloc(sizeof in);

    (void)state;
    memcpy(rows, in, sizeof in);
    influx_batch_make(&b, rows, 4, series);
    window_is("electricity,device=d,name=main,sensor=a gauge=213 100\n"
              "electricity,device=d,name=main,sensor=a gauge=214 101\n"
              "electricity,device=d,name=main,sensor=a counter=1 100\n"
              "water,device=d,sensor=b counter=7 100\n");
    bad[3] = true;
    assert_int_equal(send_one(NAMING), 0);
    window_is("electricity,device=d,name=main,sensor=a gauge=213 100\n"
              "electricity,device=d,name=main,sensor=a gauge=214 101\n");
    assert_int_equal(send_one(NAMING), 0);
    window_is("electricity,device=d,name=main,sensor=a counter=1 100\n");
    assert_int_equal(send_one(NAMING), 0);
    window_is("water,device=d,sensor=b counter=7 100\n");
    assert_int_equal(send_one(NAMING), 0);
    assert_true(influx_batch_done(&b) && refused[3]);
    assert_int_equal(b.taken, 3);
    assert_int_equal(b.refused, 1);
}

static void all_at_once_when_all_is_well(void **state)
{
    (void)state;
    begin(MANY);
    run(COUNTING, 1);
    influx_batch_fini(&b);
    begin(0);
    assert_true(influx_batch_done(&b));
}

static void a_bad_row_anywhere(void **state)
{
    (void)state;
    for (int words = COUNTING; words <= VAGUE; words++) {
        for (size_t i = 0; i < MANY; i++) {
            setup(state);
            begin(MANY);
            bad[i] = true;
            run((enum words)words, words == VAGUE ? 24 : 13);
            influx_batch_fini(&b);
        }
    }
}

/* Rows of three series, one of them or all but one without a good row: a probe finds the others. */
static void a_vague_refusal_of_a_series(void **state)
{
    (void)state;
    for (int pattern = 1; pattern < 7; pattern++) {
        struct store_row *rows = calloc(300, sizeof *rows);
        setup(state);
        for (size_t i = 0; i < 300; i++) {
            rows[i] = (struct store_row){FIRST + (int64_t)(i % 100), 0, 1, 1 + (uint32_t)(i / 100)};
            bad[i] = pattern >> (i / 100) & 1;
        }
        influx_batch_make(&b, rows, 300, series);
        run(VAGUE, 480);
        influx_batch_fini(&b);
    }
}

/* A field that has another type: all rows of a series. */
static void a_bad_series(void **state)
{
    (void)state;
    for (size_t lo = 0; lo < MANY - 83; lo += 61) {
        setup(state);
        begin(MANY);
        memset(bad + lo, 1, 83);
        run(COUNTING, 16);
        influx_batch_fini(&b);
        memset(refused, 0, sizeof refused);
        answers = 0;
        begin(MANY);
        run(NAMING, 83 + 3 * 10 + 4);
        influx_batch_fini(&b);
    }
}

static void nothing_but_bad_rows(void **state)
{
    (void)state;
    memset(bad, 1, sizeof bad);
    begin(MANY);
    run(COUNTING, 1);
    influx_batch_fini(&b);
    memset(refused, 0, sizeof refused);
    answers = 0;
    begin(MANY);
    run(NAMING, MANY + 24);
}

/* Whatever the pattern: good rows are taken, bad ones refused, once. */
static void any_pattern(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        size_t n = 1 + (size_t)rand_r(&seed) % 200;
        int one_in = 1 + rand_r(&seed) % 40;
        setup(state);
        for (size_t i = 0; i < n; i++)
            bad[i] = rand_r(&seed) % one_in == 0;
        bad[0] = bad[0] && round % 3 != VAGUE; /* or a vague answer may blame none */
        largest = rand_r(&seed) % 4 == 0 ? 1 + (size_t)rand_r(&seed) % 50 : MANY;
        begin(n);
        run((enum words)(round % 3), 20 * n + 20);
        influx_batch_fini(&b);
    }
}

/* TLS asked of plain HTTP: every row is answered 400, and none is to blame. */
static void a_vague_refusal_of_all_blames_none(void **state)
{
    int result = 0;

    (void)state;
    memset(bad, 1, sizeof bad);
    begin(MANY);
    while (result == 0 && answers < 100)
        result = send_one(VAGUE);
    assert_int_equal(result, -1);
    assert_true(answers <= 10 + 2 * INFLUX_ACCUSED);
    assert_int_equal(b.refused, 0);
    influx_batch_fini(&b);
    begin(1);
    assert_int_equal(send_one(VAGUE), -1);
}

/* What was refused because the way was blocked is not held against the rows when it opens. */
static void a_vague_refusal_that_ends(void **state)
{
    (void)state;
    for (size_t until = 1; until < 30; until++) {
        setup(state);
        begin(100);
        memset(bad, 1, sizeof bad);
        while (answers < until)
            if (send_one(VAGUE) < 0)
                break;
        memset(bad, 0, sizeof bad);
        if (answers == until)
            run(VAGUE, 200);
        influx_batch_fini(&b);
    }
}

static void a_vague_refusal_of_the_last_row(void **state)
{
    (void)state;
    begin(10);
    bad[9] = true;
    run(VAGUE, 10);
}

static void too_large_halves(void **state)
{
    (void)state;
    largest = 100;
    begin(MANY);
    run(COUNTING, 4 + 17); /* windows of 62 */
    influx_batch_fini(&b);
    setup(state);
    largest = 0; /* not even one row */
    begin(MANY);
    int result = 0;
    while (result == 0 && answers < 100)
        result = send_one(COUNTING);
    assert_int_equal(result, -1);
    assert_int_equal(b.refused, 0);
}

/* A count that cannot be true is not believed. */
static void counts_that_lie(void **state)
{
    const struct answer row = {.kind = ANSWER_ROW};
    size_t first, n;

    (void)state;
    begin(8);
    for (int i = 0; i < 40 && !influx_batch_done(&b); i++) {
        const struct influx_blame blame = {.certain = true, .dropped = 1000000};
        assert_int_equal(influx_batch_answer(&b, &row, &blame, &first, &n), 0);
    }
    assert_true(influx_batch_done(&b));
    assert_int_equal(b.refused, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_stand_by_series, setup, teardown),
        cmocka_unit_test_setup_teardown(all_at_once_when_all_is_well, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_row_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_series, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_but_bad_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(any_pattern, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vague_refusal_of_all_blames_none, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vague_refusal_of_a_series, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vague_refusal_that_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vague_refusal_of_the_last_row, setup, teardown),
        cmocka_unit_test_setup_teardown(too_large_halves, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_that_lie, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
