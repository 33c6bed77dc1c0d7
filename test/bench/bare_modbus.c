/* Baseline: libmodbus in a loop, and libmosquitto for what it read. It has no state of meters, checks no value and
 * gives up at the first error.
 *
 * bare_modbus line PATH SECONDS UNITS SILENCE READ …      polls units 1 … UNITS in turn as fast as they answer, with
 *                                                         so many microseconds between an answer and the next request
 * bare_modbus tcp PORT DEVICES BROKER VALUES SECONDS READ …  reads DEVICES connections and publishes VALUES of each
 *                                                         once a second
 * READ is ADDRESS:COUNT of one request of function 4. A poll is all of them; each value has two words.
 *
 * It ends with a JSON line: polls, time it took, CPU time, late: seconds that took longer than one. */
#include "bench.h"

#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define READS 16

struct read {
    int address, count;
};

struct loop {
    struct pub pub;
    modbus_t **devices;
    char (*topics)[BENCH_TOPIC];
    long n_devices, values, seconds, polls, late;
    uv_timer_t second;
    struct read reads[READS];
    int n_reads;
    long silence_us;
    int64_t started, cpu;
};

static void parse_reads(struct loop *l, char **argv, int n)
{
    if (n < 1 || n > READS) {
        errno = EINVAL;
        bench_die("READ …");
    }
    for (int i = 0; i < n; i++) {
        char *count = strchr(argv[i], ':');
        if (!count)
            bench_die(argv[i]);
        *count++ = '\0';
        l->reads[i] = (struct read){(int)bench_arg(argv[i]), (int)bench_arg(count)};
    }
    l->n_reads = n;
}

static size_t poll_meter(const struct loop *l, modbus_t *ctx, uint16_t *words)
{
    size_t n = 0;

    for (int i = 0; i < l->n_reads; i++) {
        if (l->silence_us)
            clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, l->silence_us * 1000}, NULL);
        if (modbus_read_input_registers(ctx, l->reads[i].address, l->reads[i].count, words + n) < 0)
            bench_die(modbus_strerror(errno));
        n += (size_t)l->reads[i].count;
    }
    return n;
}

static void say(const struct loop *l)
{
    printf("{\"polls\": %ld, \"ns\": %lld, \"cpu_ns\": %lld, \"late\": %ld}\n", l->polls,
           (long long)(bench_now_ns() - l->started), (long long)(bench_cpu_ns() - l->cpu), l->late);
}

/* ---- a line ---- */

static void run_line(struct loop *l, const char *path, long seconds, long units)
{
    uint16_t words[READS * MODBUS_MAX_READ_REGISTERS];
    modbus_t *ctx = modbus_new_rtu(path, 115200, 'N', 8, 1);

    if (!ctx || modbus_connect(ctx) < 0)
        bench_die(path);
    prctl(PR_SET_TIMERSLACK, 1); /* a silence is as long as it says */
    l->started = bench_now_ns();
    l->cpu = bench_cpu_ns();
    for (int64_t end = l->started + seconds * 1000000000ll; bench_now_ns() < end; l->polls++) {
        modbus_set_slave(ctx, (int)(l->polls % units) + 1);
        poll_meter(l, ctx, words);
    }
    say(l);
    modbus_close(ctx);
    modbus_free(ctx);
}

/* ---- TCP to MQTT ---- */

static float float_of(const uint16_t *words)
{
    uint32_t bits = (uint32_t)words[0] << 16 | words[1];
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static void publish(struct loop *l, long device, const uint16_t *words, int64_t now)
{
    char payload[BENCH_PAYLOAD];

    for (long v = 0; v < l->values; v++) {
        uint32_t milli = (uint32_t)(float_of(words + 2 * v) * 1000 + 0.5f);
        size_t len = bench_payload(payload, now, milli / 1000, "V");
        /* The thousandths, as the daemon has them, in the place of ,"V"] */
        len -= 5;
        payload[len++] = '.';
        for (uint32_t part = 100; part; part /= 10)
            payload[len++] = (char)('0' + milli / part % 10);
        memcpy(payload + len, ",\"V\"]", 5);
        pub_send(&l->pub, l->topics[device * l->values + v], payload, len + 5);
    }
}

static void on_second(uv_timer_t *timer)
{
    struct loop *l = timer->data;
    uint16_t words[READS * MODBUS_MAX_READ_REGISTERS];
    int64_t start = bench_now_ns(), now = time(NULL);

    for (long i = 0; i < l->n_devices; i++, l->polls++) {
        if ((long)poll_meter(l, l->devices[i], words) < 2 * l->values)
            bench_die("too few words");
        publish(l, i, words, now);
    }
    l->late += bench_now_ns() - start > 1000000000;
    if (!--l->seconds)
        uv_stop(timer->loop);
}

static void connect_all(struct loop *l, int port)
{
    l->devices = calloc((size_t)l->n_devices, sizeof *l->devices);
    l->topics = calloc((size_t)(l->n_devices * l->values), sizeof *l->topics);
    if (!l->devices || !l->topics)
        bench_die("memory");
    for (long i = 0; i < l->n_devices; i++) {
        l->devices[i] = modbus_new_tcp("127.0.0.1", port);
        if (!l->devices[i] || modbus_connect(l->devices[i]) < 0)
            bench_die("connect");
        modbus_set_slave(l->devices[i], 1);
    }
    for (long i = 0; i < l->n_devices * l->values; i++)
        bench_topic(l->topics[i], 'b', (unsigned)i, 0);
}

static void run_tcp(struct loop *l, int port, int broker)
{
    uv_loop_t *loop = uv_default_loop();

    connect_all(l, port);
    pub_open(&l->pub, loop, broker, "bench-modbus");
    uv_run(loop, UV_RUN_ONCE); /* CONNACK */
    uv_timer_init(loop, &l->second);
    l->second.data = l;
    uv_timer_start(&l->second, on_second, 0, 1000);
    l->started = bench_now_ns();
    l->cpu = bench_cpu_ns();
    uv_run(loop, UV_RUN_DEFAULT);
    say(l);
    pub_close(&l->pub);
    for (long i = 0; i < l->n_devices; i++) {
        modbus_close(l->devices[i]);
        modbus_free(l->devices[i]);
    }
    free(l->devices);
    free(l->topics);
}

int main(int argc, char **argv)
{
    static struct loop l;

    if (argc > 6 && !strcmp(argv[1], "line")) {
        l.silence_us = bench_arg(argv[5]);
        parse_reads(&l, argv + 6, argc - 6);
        run_line(&l, argv[2], bench_arg(argv[3]), bench_arg(argv[4]));
        return 0;
    }
    if (argc < 8 || strcmp(argv[1], "tcp") != 0) {
        errno = EINVAL;
        bench_die("bare_modbus (line PATH SECONDS UNITS SILENCE | tcp PORT DEVICES BROKER VALUES SECONDS) READ …");
    }
    l.n_devices = bench_arg(argv[3]);
    l.values = bench_arg(argv[5]);
    l.seconds = bench_arg(argv[6]);
    parse_reads(&l, argv + 7, argc - 7);
    run_tcp(&l, (int)bench_arg(argv[2]), (int)bench_arg(argv[4]));
    return 0;
}
