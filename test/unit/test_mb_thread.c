/* Bus threads that the system does not grant at once: pthread_create() fails as often as a test says. */
#include "unit.h"

#include "io/mb_thread.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define NO_LINE "/nowhere/ttyUSB0"

static int refuse; /* so often */
static int started;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *ctx);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *ctx);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *ctx)
{
    if (refuse > 0) {
        refuse--;
        return EAGAIN;
    }
    started++;
    return __real_pthread_create(thread, attr, run, ctx);
}

static uv_loop_t loop;
static struct mb_threads *threads;
static struct mb_bus *bus;
static char words[4][MB_LINK_ERROR];
static size_t n_words;
static bool ended, closed;

static void stop_loop(void *ctx)
{
    *(bool *)ctx = true;
    uv_stop(&loop);
}

static void on_result(void *ctx, struct mb_result *r)
{
    (void)ctx;
    assert_int_equal(r->kind, MB_RESULT_LINE);
    assert_false(r->up);
    assert_true(n_words < ARRAY_LEN(words));
    strcpy(words[n_words++], r->words);
    if (strstr(r->words, NO_LINE))
        uv_stop(&loop);
    mb_result_free(r);
}

static void begin(void)
{
    const struct mb_bus_config config = {.key = "line", .line = {.device = NO_LINE, .baud = 9600, .parity = 'N'}};

    n_words = 0;
    started = 0;
    ended = closed = false;
    assert_int_equal(uv_loop_init(&loop), 0);
    threads = mb_threads_new(&loop, on_result, NULL);
    bus = mb_bus_start(threads, &config);
}

static void end(void)
{
    mb_bus_stop(bus, stop_loop, &ended);
    while (!ended)
        uv_run(&loop, UV_RUN_DEFAULT);
    mb_threads_close(threads, stop_loop, &closed);
    while (!closed)
        uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void it_is_started_later(void **state)
{
    (void)state;
    refuse = 2;
    begin();
    assert_int_equal(mb_bus_ask(bus, &(struct mb_ask){.unit = 1, .function = 3, .count = 1}), -1);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(started, 1);
    assert_int_equal(n_words, 2); /* once each */
    assert_non_null(strstr(words[0], "its thread cannot be started"));
    end();
}

static void it_is_stopped_before_it_began(void **state)
{
    (void)state;
    refuse = 1;
    begin();
    end();
    assert_int_equal(started, 0);
    assert_int_equal(n_words, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_started_later),
        cmocka_unit_test(it_is_stopped_before_it_began),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
