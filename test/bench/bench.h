/* What the bench programs share: clocks, topics and payloads as the daemon writes them, and the barest
 * libmosquitto client on a libuv loop. It holds no code of the daemon: the baselines must not profit from it. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct mosquitto;

/* CLOCK_MONOTONIC and this process's CPU time, nanoseconds. */
int64_t bench_now_ns(void);
int64_t bench_cpu_ns(void);

/* Print the reason with errno and exit 1: a bench program has nobody to report to. */
_Noreturn void bench_die(const char *what);

/* What this process alone has written to, in kB. */
long bench_private_kb(void);

/* A number from the command line, or bench_die(). */
long bench_arg(const char *text);

/* "/sensor/<32 hex>/gauge" (kind 0) or ".../counter" (kind 1) of sensor i of a family ('a': fluksod, 'b': the relay,
 * 'c': the bare publish), terminated, into dst of BENCH_TOPIC bytes. */
#define BENCH_TOPIC 56
void bench_topic(char *dst, char family, unsigned i, unsigned kind);

/* "[ts,value,"unit"]", without a terminating zero. dst has BENCH_PAYLOAD bytes. Returns the length. */
#define BENCH_PAYLOAD 64
size_t bench_payload(char *dst, int64_t unix_s, uint32_t value, const char *unit);

/* The barest client: a blocking connect, then uv_poll on the socket; writes what the socket did not take at once
 * when it is writable again. Memory is the caller's. */
struct pub {
    struct mosquitto *mosq;
    uv_poll_t poll;
    int events;
    void (*on_room)(void *ctx); /* called when the socket takes more after a refusal; may be NULL */
    void *ctx;
};

void pub_open(struct pub *p, uv_loop_t *loop, int port, const char *client_id);

/* Publish, QoS 0, retained. Returns 0 while the socket takes more, 1 when the caller should wait for on_room. */
int pub_send(struct pub *p, const char *topic, const char *payload, size_t len);

/* Say good-bye and free; the loop must not run again with it. */
void pub_close(struct pub *p);

#endif
