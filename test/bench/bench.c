#include "bench.h"

#include <errno.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t bench_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t bench_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void bench_die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

long bench_private_kb(void)
{
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    char line[128];
    long kb = 0;

    if (!f)
        bench_die("smaps_rollup");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "Private_Dirty: %ld", &kb) == 1)
            break;
    fclose(f);
    return kb;
}

long bench_arg(const char *text)
{
    char *end;
    long v = strtol(text, &end, 10);

    if (end == text || *end) {
        errno = EINVAL;
        bench_die(text);
    }
    return v;
}

void bench_topic(char *dst, char family, unsigned i, unsigned kind)
{
    snprintf(dst, BENCH_TOPIC, "/sensor/%c%031x/%s", family, i, kind ? "counter" : "gauge");
}

static char *put_u64(char *dst, uint64_t v)
{
    char tmp[20];
    size_t n = 0;

    do
        tmp[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n)
        *dst++ = tmp[--n];
    return dst;
}

size_t bench_payload(char *dst, int64_t unix_s, uint32_t value, const char *unit)
{
    char *p = dst;

    *p++ = '[';
    p = put_u64(p, (uint64_t)unix_s);
    *p++ = ',';
    p = put_u64(p, value);
    *p++ = ',';
    *p++ = '"';
    while (*unit)
        *p++ = *unit++;
    *p++ = '"';
    *p++ = ']';
    return (size_t)(p - dst);
}

static void watch(struct pub *p, int events);

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct pub *p = poll->data;

    if (status < 0) {
        errno = -status;
        bench_die("broker's socket");
    }
    if (events & UV_READABLE && mosquitto_loop_read(p->mosq, 1) != MOSQ_ERR_SUCCESS)
        bench_die("broker gone");
    if (events & UV_WRITABLE && mosquitto_loop_write(p->mosq, 1) != MOSQ_ERR_SUCCESS)
        bench_die("broker gone");
    if (mosquitto_want_write(p->mosq))
        return;
    int waited = p->events & UV_WRITABLE;
    watch(p, UV_READABLE);
    if (waited && p->on_room)
        p->on_room(p->ctx);
}

static void watch(struct pub *p, int events)
{
    if (events == p->events)
        return;
    p->events = events;
    uv_poll_start(&p->poll, events, on_poll);
}

void pub_open(struct pub *p, uv_loop_t *loop, int port, const char *client_id)
{
    memset(p, 0, sizeof *p);
    mosquitto_lib_init();
    p->mosq = mosquitto_new(client_id, true, NULL);
    if (!p->mosq)
        bench_die("mosquitto_new");
    mosquitto_int_option(p->mosq, MOSQ_OPT_TCP_NODELAY, 1); /* else Nagle waits for the broker's ACK */
    if (mosquitto_connect(p->mosq, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS)
        bench_die("connect");
    uv_poll_init(loop, &p->poll, mosquitto_socket(p->mosq));
    p->poll.data = p;
    watch(p, UV_READABLE);
}

int pub_send(struct pub *p, const char *topic, const char *payload, size_t len)
{
    if (mosquitto_publish(p->mosq, NULL, topic, (int)len, payload, 0, true) != MOSQ_ERR_SUCCESS)
        bench_die("publish");
    if (!mosquitto_want_write(p->mosq))
        return 0;
    watch(p, UV_READABLE | UV_WRITABLE);
    return 1;
}

void pub_close(struct pub *p)
{
    uv_poll_stop(&p->poll);
    mosquitto_disconnect(p->mosq);
    mosquitto_destroy(p->mosq);
    mosquitto_lib_cleanup();
}
