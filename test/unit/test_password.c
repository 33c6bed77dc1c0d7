/* Jobs of passwords on a loop: their order, their limit, and the end in the middle of them. */
#include "unit.h"

#include "io/password.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static uv_loop_t loop;
static struct password *p;
static struct scrypt_line made;
static char said[64];
static bool closed;

static void note(void *ctx, int result, const struct scrypt_line *line)
{
    size_t n = strlen(said);

    snprintf(said + n, sizeof said - n, "%s%c ", (const char *)ctx,
             result == 1            ? '+'
             : result == 0          ? '-'
             : result == -ECANCELED ? 'x'
                                    : '?');
    if (line->n && !made.n)
        made = *line;
}

static void on_closed(void *ctx)
{
    assert_ptr_equal(ctx, &closed);
    closed = true;
}

static const uint8_t salt[SCRYPT_SALT] = "0123456789abcde";

static int make(const char *text, password_done done, const char *name)
{
    return password_make(p, salt, text, done, (void *)(uintptr_t)name);
}

static int check(const char *text, password_done done, const char *name)
{
    return password_check(p, &made, text, done, (void *)(uintptr_t)name);
}

static int setup(void **state)
{
    (void)state;
    uv_loop_init(&loop);
    p = password_new(&loop);
    memset(&made, 0, sizeof made);
    said[0] = '\0';
    closed = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_true(closed);
    return uv_loop_close(&loop);
}

static void done_in_turn(void **state)
{
    (void)state;
    assert_int_equal(make("correct horse", note, "m"), 0);
    assert_string_equal(said, "");
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_string_equal(said, "m+ ");
    assert_memory_equal(made.salt, salt, SCRYPT_SALT);
    assert_int_equal(scrypt_line_check(&made, "correct horse"), 1);
    assert_int_equal(check("correct horse", note, "a"), 0);
    assert_int_equal(check("correct house", note, "b"), 0);
    assert_int_equal(check("", note, "c"), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_string_equal(said, "m+ a+ b- c- ");
    password_close(p, on_closed, &closed);
}

static void one_at_work_and_four_wait(void **state)
{
    static const char *const names[] = {"1", "2", "3", "4", "5"};

    (void)state;
    for (size_t i = 0; i < 1 + PASSWORD_WAITING; i++)
        assert_int_equal(make("x", note, names[i]), 0);
    assert_int_equal(make("x", note, "6"), -EBUSY);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_string_equal(said, "1+ 2+ 3+ 4+ 5+ ");
    assert_int_equal(make("x", note, "7"), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    password_close(p, on_closed, &closed);
}

/* A callback may ask for one more, and there is room for it. */
static void ask_again(void *ctx, int result, const struct scrypt_line *line)
{
    note(ctx, result, line);
    assert_int_equal(check("x", note, "again"), 0);
}

static void a_callback_may_ask_for_one_more(void **state)
{
    (void)state;
    assert_int_equal(make("x", ask_again, "1"), 0);
    for (size_t i = 0; i < PASSWORD_WAITING; i++)
        assert_int_equal(make("x", note, "w"), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_string_equal(said, "1+ w+ w+ w+ w+ again+ ");
    password_close(p, on_closed, &closed);
}

static void closed_amid(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(make("x", note, i ? "w" : "1"), 0);
    password_close(p, on_closed, &closed);
    assert_string_equal(said, "wx wx ");
    assert_false(closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(strcmp(said, "wx wx 1+ ") == 0 || strcmp(said, "wx wx 1x ") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(done_in_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(one_at_work_and_four_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(a_callback_may_ask_for_one_more, setup, teardown),
        cmocka_unit_test_setup_teardown(closed_amid, setup, teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    uv_library_shutdown();
    return failed;
}
