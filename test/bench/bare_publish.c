/* Baseline: libuv and libmosquitto, publishing payloads that were made beforehand. It measures what a publish
 * costs when nothing else is done; it reads no board and makes no payload.
 *
 * bare_publish PORT SENSORS COUNT          publish COUNT readings as fast as the socket takes them
 * bare_publish PORT SENSORS paced SECONDS  publish a gauge and a counter of each sensor once a second,
 *                                          a quarter before the wall second (the daemon has that one, the relay the
 * half)
 *
 * A flood ends with a JSON line: readings, CPU time and time of the first publish (CLOCK_MONOTONIC). */
#include "bench.h"

#include <errno.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 256 /* readings per turn of the loop */

struct message {
    char topic[BENCH_TOPIC];
    char payload[BENCH_PAYLOAD];
    size_t len;
};

struct flood {
    struct pub pub;
    struct message *messages;
    size_t n_messages, next;
    long left;
    uv_idle_t turn;
    uv_timer_t second;
};

static void prepare(struct flood *f, size_t sensors)
{
    f->n_messages = 2 * sensors;
    f->messages = calloc(f->n_messages, sizeof *f->messages);
    if (!f->messages)
        bench_die("memory");
    for (size_t i = 0; i < f->n_messages; i++) {
        struct message *m = &f->messages[i];
        unsigned kind = i & 1;
        bench_topic(m->topic, 'c', (unsigned)(i / 2), kind);
        m->len = bench_payload(m->payload, time(NULL), 1000 + (uint32_t)(i % 1000), kind ? "Wh" : "W");
    }
}

static int send_next(struct flood *f)
{
    struct message *m = &f->messages[f->next];

    if (++f->next == f->n_messages)
        f->next = 0;
    return pub_send(&f->pub, m->topic, m->payload, m->len);
}

static void on_turn(uv_idle_t *turn)
{
    struct flood *f = turn->data;

    for (int i = 0; i < BATCH && f->left; i++) {
        f->left--;
        if (send_next(f)) {
            uv_idle_stop(turn);
            return;
        }
    }
    if (!f->left)
        uv_stop(turn->loop);
}

static void on_room(void *ctx)
{
    struct flood *f = ctx;

    uv_idle_start(&f->turn, on_turn);
}

static void on_second(uv_timer_t *second)
{
    struct flood *f = second->data;

    for (size_t i = 0; i < f->n_messages; i++)
        send_next(f);
    if (!--f->left)
        uv_stop(second->loop);
}

static void run_flood(struct flood *f, uv_loop_t *loop)
{
    long count = f->left;

    uv_idle_init(loop, &f->turn);
    f->turn.data = f;
    f->pub.on_room = on_room;
    f->pub.ctx = f;
    uv_idle_start(&f->turn, on_turn);
    int64_t start = bench_now_ns(), cpu = bench_cpu_ns();
    uv_run(loop, UV_RUN_DEFAULT);
    while (mosquitto_want_write(f->pub.mosq))
        uv_run(loop, UV_RUN_ONCE);
    printf("{\"readings\": %ld, \"cpu_ns\": %lld, \"start_ns\": %lld}\n", count, (long long)(bench_cpu_ns() - cpu),
           (long long)start);
}

static void run_paced(struct flood *f, uv_loop_t *loop)
{
    struct timespec t;

    uv_timer_init(loop, &f->second);
    f->second.data = f;
    clock_gettime(CLOCK_REALTIME, &t);
    uv_timer_start(&f->second, on_second, (uint64_t)(1750 - t.tv_nsec / 1000000), 1000);
    uv_run(loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
    static struct flood f;
    uv_loop_t *loop = uv_default_loop();

    if (argc < 4) {
        errno = EINVAL;
        bench_die("bare_publish PORT SENSORS (COUNT | paced SECONDS)");
    }
    prepare(&f, (size_t)bench_arg(argv[2]));
    f.left = bench_arg(argv[argc - 1]);
    pub_open(&f.pub, loop, (int)bench_arg(argv[1]), "bench-publish");
    uv_run(loop, UV_RUN_ONCE); /* CONNACK */
    if (argc == 5)
        run_paced(&f, loop);
    else
        run_flood(&f, loop);
    pub_close(&f.pub);
    free(f.messages);
    return 0;
}
