/* Baseline: a board's line to MQTT by the shortest way, libuv and libmosquitto. It asks for the delta once a
 * second, decodes the records and publishes gauge and counter of each; it configures, checks and keeps nothing.
 *
 * bare_relay PORT TTY PHASE_MS   asks PHASE_MS after each wall second; ends on SIGTERM */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PULSE_FROM  3  /* ids from here send the time of the last pulse instead of power */
#define RECORD      22 /* hex digits of a record of hardware 2.1 */
#define RECORDS_MAX 5
#define NEVER       UINT32_MAX

struct relay {
    struct pub pub;
    int fd;
    int phase_ms;
    uv_poll_t line;
    uv_timer_t poll;
    uv_signal_t term;
    char frame[256];
    size_t len;
    char topic[RECORDS_MAX][2][BENCH_TOPIC];
    uint32_t counter[RECORDS_MAX], ms[RECORDS_MAX];
};

static uint32_t hex(const char *p, size_t digits)
{
    uint32_t v = 0;

    while (digits--) {
        v = v << 4 | (uint32_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
        p++;
    }
    return v;
}

static void publish(struct relay *r, unsigned id, unsigned kind, int64_t now, uint32_t value)
{
    char payload[BENCH_PAYLOAD];
    size_t len = bench_payload(payload, now, value, kind ? "Wh" : "W");

    pub_send(&r->pub, r->topic[id][kind], payload, len);
}

static void record(struct relay *r, const char *p, int64_t now)
{
    unsigned id = hex(p, 2);
    uint32_t counter = hex(p + 2, 8), x = hex(p + 14, 8), gauge = x;

    if (id >= RECORDS_MAX)
        return;
    if (id >= PULSE_FROM && r->ms[id] != NEVER && x != r->ms[id])
        gauge = (uint32_t)((counter - r->counter[id]) * 3600000ull / (x - r->ms[id]));
    if (id < PULSE_FROM || r->ms[id] != NEVER)
        publish(r, id, 0, now, gauge);
    r->ms[id] = x;
    if (counter != r->counter[id])
        publish(r, id, 1, now, counter);
    r->counter[id] = counter;
}

static void on_line(uv_poll_t *line, int status, int events)
{
    struct relay *r = line->data;
    ssize_t n = read(r->fd, r->frame + r->len, sizeof r->frame - r->len);

    (void)events;
    if (status < 0 || n <= 0) {
        uv_stop(line->loop);
        return;
    }
    r->len += (size_t)n;
    if (r->len == sizeof r->frame || r->frame[r->len - 1] != 'u')
        return;
    int64_t now = time(NULL);
    for (size_t at = 3; at + RECORD + 4 <= r->len; at += RECORD) /* "lgd" … CRC ".u" */
        record(r, r->frame + at, now);
    r->len = 0;
}

static void on_poll(uv_timer_t *timer)
{
    struct relay *r = timer->data;
    struct timespec t;

    r->len = 0;
    if (write(r->fd, "lgd30.", 6) != 6)
        bench_die("write to the board");
    clock_gettime(CLOCK_REALTIME, &t);
    long into_ms = (t.tv_nsec / 1000000 + 1000 - r->phase_ms) % 1000;
    uv_timer_start(timer, on_poll, (uint64_t)(1000 - into_ms), 0);
}

static void on_term(uv_signal_t *term, int signum)
{
    (void)signum;
    uv_stop(term->loop);
}

static void open_line(struct relay *r, const char *path)
{
    struct termios t;

    r->fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (r->fd < 0 || tcgetattr(r->fd, &t) < 0)
        bench_die(path);
    cfmakeraw(&t);
    cfsetspeed(&t, B115200);
    if (tcsetattr(r->fd, TCSANOW, &t) < 0)
        bench_die(path);
}

int main(int argc, char **argv)
{
    static struct relay r;
    uv_loop_t *loop = uv_default_loop();

    if (argc != 4) {
        errno = EINVAL;
        bench_die("bare_relay PORT TTY PHASE_MS");
    }
    r.phase_ms = (int)bench_arg(argv[3]);
    open_line(&r, argv[2]);
    for (unsigned i = 0; i < RECORDS_MAX; i++) {
        bench_topic(r.topic[i][0], 'b', i, 0);
        bench_topic(r.topic[i][1], 'b', i, 1);
        r.ms[i] = NEVER;
    }
    pub_open(&r.pub, loop, (int)bench_arg(argv[1]), "bench-relay");
    uv_poll_init(loop, &r.line, r.fd);
    uv_timer_init(loop, &r.poll);
    uv_signal_init(loop, &r.term);
    r.line.data = r.poll.data = &r;
    uv_poll_start(&r.line, UV_READABLE, on_line);
    uv_signal_start(&r.term, on_term, SIGTERM);
    on_poll(&r.poll);
    uv_run(loop, UV_RUN_DEFAULT);
    pub_close(&r.pub);
    close(r.fd);
    return 0;
}
