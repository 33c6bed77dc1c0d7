/* Bus threads on a loop of their own, as a text says it: what the tests of the Modbus line drive, without settings or
 * sensors. It never judges what comes: each result is a line of JSON on stdout.
 *
 *   bus KEY device=PATH|tcp=HOST:PORT [framing=mbap|rtu] [baud= parity= stop= rs485=none|kernel|rts|rts-low]
 *   meter KEY unit=N model=FILE [interval=MS timeout=MS pause=MS]      (of the bus above it)
 *
 * and, as orders, a line each, through the pipe at --orders:
 *
 *   start BUS | stop BUS | stats
 *   ask BUS ticket=N unit=N function=N address=N count=N [timeout=MS baud= parity= stop=]
 *   cancel BUS ticket=N */
#include "core/jsonw.h"
#include "core/mb_decode.h"
#include "io/mb_thread.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUSES  32
#define METERS 64

struct bus {
    struct mb_bus_config config;
    struct mb_meter_config meters[METERS];
    struct mb_bus *running;
};

static struct {
    uv_loop_t loop;
    uv_signal_t term;
    uv_poll_t orders;
    int fd;
    struct mb_threads *threads;
    struct bus buses[BUSES];
    size_t n;
    struct meter_model *models[BUSES * METERS];
    size_t n_models;
    size_t running; /* buses whose thread has not ended */
    bool ending;
} probe;

/* ---- the text ---- */

/* The value of key=value among the words; NULL: it is not there. */
static char *value(char **words, const char *key)
{
    size_t n = strlen(key);

    for (; *words; words++)
        if (strncmp(*words, key, n) == 0 && (*words)[n] == '=')
            return *words + n + 1;
    return NULL;
}

static int number(char **words, const char *key, int otherwise)
{
    const char *v = value(words, key);

    return v ? (int)strtol(v, NULL, 0) : otherwise;
}

static char letter(char **words, const char *key)
{
    const char *v = value(words, key);

    return v ? *v : 'N';
}

static void cut(char *line, char *words[32])
{
    size_t n = 0;

    for (char *w; n < 31 && (w = strsep(&line, " \n"));)
        if (*w)
            words[n++] = w;
    words[n] = NULL;
}

static struct mb_line line_of(char **words)
{
    static const char *const modes[] = {"none", "kernel", "rts", "rts-low"};
    const char *framing = value(words, "framing"), *rs485 = value(words, "rs485");
    struct mb_line l = {.baud = number(words, "baud", 9600),
                        .parity = letter(words, "parity"),
                        .stop_bits = number(words, "stop", 1),
                        .rtu = framing && strcmp(framing, "rtu") == 0};
    char *tcp = value(words, "tcp"), *device = value(words, "device");

    if (device)
        l.device = must(strdup(device));
    if (tcp) {
        char *colon = strrchr(tcp, ':');
        l.port = (int)strtol(colon + 1, NULL, 10);
        l.host = must(strndup(tcp, (size_t)(colon - tcp)));
    }
    for (size_t i = 0; rs485 && i < ARRAY_LEN(modes); i++)
        if (strcmp(rs485, modes[i]) == 0)
            l.rs485 = (enum mb_rs485)i;
    return l;
}

static struct meter_model *model_of(const char *path)
{
    static char text[METER_MODEL_TEXT_MAX];
    char error[METER_ERROR];
    FILE *f = must(fopen(path, "r"));
    size_t n = fread(text, 1, sizeof text, f);

    fclose(f);
    struct meter_model *m = meter_model_parse("probe", text, n, error);
    if (!m) {
        fprintf(stderr, "%s: %s\n", path, error);
        exit(2);
    }
    probe.models[probe.n_models++] = m;
    return m;
}

static void add_meter(struct bus *b, char **words)
{
    struct mb_meter_config *m = &b->meters[b->config.n_meters++];
    uint8_t *quantities = must(calloc(METER_REGISTERS_MAX, 1));

    m->key = must(strdup(words[1]));
    m->unit = number(words, "unit", 1);
    m->interval_ms = number(words, "interval", 1000);
    m->timeout_ms = number(words, "timeout", 200);
    m->pause_ms = number(words, "pause", 5);
    m->model = model_of(value(words, "model"));
    m->n_quantities = m->model->n_registers;
    for (size_t i = 0; i < m->n_quantities; i++)
        quantities[i] = m->model->registers[i].quantity;
    m->quantities = quantities;
}

static void read_text(const char *path)
{
    FILE *f = must(fopen(path, "r"));
    char text[1024], *words[32];

    while (fgets(text, sizeof text, f)) {
        cut(text, words);
        if (words[0] && strcmp(words[0], "bus") == 0) {
            struct bus *b = &probe.buses[probe.n++];
            b->config = (struct mb_bus_config){.key = must(strdup(words[1])),
                                               .line = line_of(words),
                                               .meters = b->meters,
                                               .tag = (uint32_t)probe.n - 1};
        } else if (words[0]) {
            add_meter(&probe.buses[probe.n - 1], words);
        }
    }
    fclose(f);
}

/* ---- what is said ---- */

static int64_t now_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

static void say(struct jsonw *w)
{
    jsonw_close(w, '}');
    jsonw_raw(w, "\n", 1);
    if (write(STDOUT_FILENO, w->buf, w->len) != (ssize_t)w->len)
        abort();
    jsonw_free(w);
}

static void begin(struct jsonw *w, const char *bus)
{
    jsonw_init(w);
    jsonw_open(w, NULL, '{');
    jsonw_str(w, "bus", bus);
}

static void put_readings(struct jsonw *w, const struct mb_result *r)
{
    char name[QUANTITY_NAME];

    jsonw_open(w, "values", '{');
    for (size_t i = 0; i < r->n; i++)
        if (r->readings[i].value == MB_VALUE)
            jsonw_milli(w, quantity_name(r->readings[i].quantity, name), r->readings[i].milli);
        else
            jsonw_null(w, quantity_name(r->readings[i].quantity, name));
    jsonw_close(w, '}');
}

static void on_result(void *ctx, struct mb_result *r)
{
    const struct bus *b = &probe.buses[r->tag];
    struct jsonw w;

    (void)ctx;
    begin(&w, b->config.key);
    jsonw_int(&w, "ms", r->mono_ms);
    jsonw_int(&w, "now", now_ms());
    jsonw_str(&w, "words", r->words);
    if (r->kind == MB_RESULT_LINE) {
        jsonw_bool(&w, "line", r->up);
    } else {
        jsonw_str(&w, "outcome", mb_outcome_name(r->outcome));
        jsonw_int(&w, "exception", r->exception);
    }
    if (r->kind == MB_RESULT_METER) {
        jsonw_str(&w, "meter", b->config.meters[r->meter].key);
        jsonw_str(&w, "state", mb_state_name(r->state));
        jsonw_str(&w, "before", mb_state_name(r->before));
        jsonw_int(&w, "missed", (int64_t)r->missed);
        put_readings(&w, r);
    } else if (r->kind == MB_RESULT_ASK) {
        jsonw_int(&w, "ticket", (int64_t)r->ticket);
        jsonw_int(&w, "took_us", r->took_us);
        jsonw_open(&w, "raw", '[');
        for (size_t i = 0; i < r->n_words; i++)
            jsonw_int(&w, NULL, r->raw[i]);
        jsonw_close(&w, ']');
    }
    say(&w);
    mb_result_free(r);
}

static void say_stats(void)
{
    struct mb_stats s;
    struct jsonw w;
    size_t reads;

    for (size_t i = 0; i < probe.n; i++)
        for (size_t m = 0; probe.buses[i].running && m < probe.buses[i].config.n_meters; m++) {
            mb_bus_stats(probe.buses[i].running, m, &s, &reads);
            begin(&w, probe.buses[i].config.key);
            jsonw_str(&w, "stats", probe.buses[i].meters[m].key);
            for (enum mb_outcome o = 0; o < MB_OUTCOMES; o++)
                jsonw_int(&w, mb_outcome_name(o), (int64_t)s.n[o]);
            jsonw_int(&w, "reads", (int64_t)reads);
            jsonw_int(&w, "retries", (int64_t)s.retries);
            jsonw_int(&w, "splits", (int64_t)s.splits);
            jsonw_int(&w, "drained", (int64_t)s.drained);
            jsonw_int(&w, "p50_us", mb_stats_quantile_us(&s, 500));
            say(&w);
        }
    begin(&w, "");
    jsonw_bool(&w, "stats_end", true);
    say(&w);
}

/* ---- orders ---- */

static void close_when_done(void)
{
    if (probe.ending && probe.running == 0)
        mb_threads_close(probe.threads, NULL, NULL);
}

static void on_stopped(void *ctx)
{
    const struct bus *b = ctx;
    struct jsonw w;

    begin(&w, b->config.key);
    jsonw_bool(&w, "stopped", true);
    say(&w);
    probe.running--;
    close_when_done();
}

static void start(struct bus *b)
{
    b->running = mb_bus_start(probe.threads, &b->config);
    probe.running++;
}

static void stop(struct bus *b)
{
    if (b->running)
        mb_bus_stop(b->running, on_stopped, b);
    b->running = NULL;
}

static void ask(struct bus *b, char **words)
{
    struct mb_ask a = {.ticket = (uint64_t)number(words, "ticket", 1),
                       .unit = number(words, "unit", 1),
                       .function = number(words, "function", 3),
                       .address = number(words, "address", 0),
                       .count = number(words, "count", 2),
                       .timeout_ms = number(words, "timeout", 0),
                       .baud = number(words, "baud", 0),
                       .parity = letter(words, "parity"),
                       .stop_bits = number(words, "stop", 1)};
    struct jsonw w;

    if (mb_bus_ask(b->running, &a) == 0)
        return;
    begin(&w, b->config.key);
    jsonw_int(&w, "refused", (int64_t)a.ticket);
    say(&w);
}

static void obey(char **words)
{
    struct bus *b = NULL;

    if (!words[0])
        return;
    for (size_t i = 0; words[1] && i < probe.n; i++)
        if (strcmp(probe.buses[i].config.key, words[1]) == 0)
            b = &probe.buses[i];
    if (strcmp(words[0], "stats") == 0)
        say_stats();
    else if (b && strcmp(words[0], "stop") == 0)
        stop(b);
    else if (b && strcmp(words[0], "start") == 0)
        start(b);
    else if (b && b->running && strcmp(words[0], "ask") == 0)
        ask(b, words);
    else if (b && b->running && strcmp(words[0], "cancel") == 0)
        mb_bus_cancel(b->running, (uint64_t)number(words, "ticket", 1));
}

/* An order is written at once, so it comes whole. */
static void on_orders(uv_poll_t *p, int status, int events)
{
    char text[4096], *words[32], *rest = text, *line;
    ssize_t n = status < 0 ? 0 : read(probe.fd, text, sizeof text - 1);

    (void)p;
    (void)events;
    text[n > 0 ? n : 0] = '\0';
    while ((line = strsep(&rest, "\n"))) {
        cut(line, words);
        obey(words);
    }
}

static void on_term(uv_signal_t *s, int signum)
{
    (void)signum;
    probe.ending = true;
    if (probe.running == 0)
        close_when_done();
    for (size_t i = 0; i < probe.n; i++)
        stop(&probe.buses[i]);
    uv_close((uv_handle_t *)s, NULL);
    if (probe.fd >= 0)
        uv_close((uv_handle_t *)&probe.orders, NULL);
}

/* ---- running ---- */

static void open_orders(const char *path)
{
    probe.fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (probe.fd < 0 || uv_poll_init(&probe.loop, &probe.orders, probe.fd) < 0)
        abort();
    uv_poll_start(&probe.orders, UV_READABLE, on_orders);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&probe.loop);
    read_text(argv[1]);
    probe.threads = mb_threads_new(&probe.loop, on_result, NULL);
    probe.fd = -1;
    if (argc > 2)
        open_orders(argv[2]);
    uv_signal_init(&probe.loop, &probe.term);
    uv_signal_start(&probe.term, on_term, SIGTERM);
    for (size_t i = 0; i < probe.n; i++)
        start(&probe.buses[i]);
    if (write(STDOUT_FILENO, "{\"ready\":true}\n", 15) != 15)
        return 1;
    uv_run(&probe.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&probe.loop) != 0)
        abort(); /* something was left open */
    uv_library_shutdown();
    return 0;
}
