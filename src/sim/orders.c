#include "sim/orders.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "core/crc8.h"
#include "core/num.h"
#include "sim/sim.h"

#define ARGS_MAX  2
#define DAY_MS    INT64_C(86400000)
#define WATTS_MAX 1000000

struct call {
    struct sim *s;
    int64_t now_ms;
    int argc;
    char *argv[ARGS_MAX + 1];
    int64_t n[ARGS_MAX]; /* the arguments as numbers, where the order's form says so */
    FILE *out;
};

/* Each does its order and returns NULL, or what is wrong. An order that answers itself returns "". */
typedef const char *order_fn(struct call *c);

struct order {
    const char *name;
    const char *form; /* one letter per argument: n number, s text; capital: may be left out */
    int64_t min[ARGS_MAX], max[ARGS_MAX], preset[ARGS_MAX];
    order_fn *run;
    const char *help;
};

/* ---- faults ---- */

static const char *order_fault(struct call *c, enum fault kind, int64_t n)
{
    c->s->faults.ordered[kind] = (unsigned)n;
    return NULL;
}

static const char *order_drop(struct call *c)
{
    return order_fault(c, FAULT_DROP, c->n[0]);
}

static const char *order_corrupt(struct call *c)
{
    return order_fault(c, FAULT_CORRUPT, c->n[0]);
}

static const char *order_cut(struct call *c)
{
    return order_fault(c, FAULT_CUT, c->n[0]);
}

static const char *order_delay(struct call *c)
{
    c->s->faults.ordered_delay_ms = c->n[0];
    return order_fault(c, FAULT_DELAY, c->n[1]);
}

static const char *order_garbage(struct call *c)
{
    char noise[FAULTS_GARBAGE_MAX];

    faults_garbage(&c->s->faults, noise, (size_t)c->n[0]);
    pty_write(&c->s->pty, noise, (size_t)c->n[0]);
    c->s->faults.done[FAULT_GARBAGE]++;
    return NULL;
}

/* ---- board and line ---- */

static void board_starts_again(struct call *c)
{
    wire_reset(&c->s->wire);
    sim_keep(c->s);
}

static const char *order_reset(struct call *c)
{
    flm02_reset(&c->s->board, c->s->house_ms);
    board_starts_again(c);
    return NULL;
}

static const char *order_brownout(struct call *c)
{
    flm02_brownout(&c->s->board, c->s->house_ms);
    board_starts_again(c);
    return NULL;
}

static const char *order_counter(struct call *c)
{
    c->s->board.live.counter[c->n[0]] = (uint32_t)c->n[1];
    return NULL;
}

/* As another program on the line would: its CRC is put behind it. */
static const char *order_tell(struct call *c)
{
    char text[32], reply[FLM02_REPLY_MAX];
    size_t n = strlen(c->argv[1]);
    unsigned records;

    if (n < 2 || n + 2 >= sizeof text)
        return "a command is two letters and its arguments";
    memcpy(text, c->argv[1], n);
    num_put_hex(text + n, crc8(text, n), 2);
    flm02_message(&c->s->board, text, n + 2, reply, &records);
    return memcmp(reply + 1, text, n) == 0 ? NULL : "the board does not take it";
}

static const char *order_unplug(struct call *c)
{
    if (c->s->pty.master < 0)
        return "the line is unplugged already";
    pty_unplug(&c->s->pty);
    c->s->way_len = 0;
    return NULL;
}

static const char *order_replug(struct call *c)
{
    if (c->s->pty.master >= 0)
        return "the line is plugged in already";
    return pty_plug(&c->s->pty, c->s->opt->link) < 0 ? strerror(errno) : NULL;
}

static const char *order_uart(struct call *c)
{
    const char *hex = c->argv[1];
    size_t digits = strlen(hex);
    uint32_t byte;

    if (digits == 0 || digits % 2 || strspn(hex, "0123456789abcdefABCDEF") != digits)
        return "the bytes are wanted as pairs of hex digits";
    for (; *hex; hex += 2)
        if (num_get_hex(hex, 2, &byte) == 0)
            flm02_uart_in(&c->s->board, (uint8_t)byte);
    return NULL;
}

/* ---- household ---- */

static const char *order_pulse(struct call *c)
{
    flm02_pulse(&c->s->board, (unsigned)c->n[0] - 1, (unsigned)c->n[1], c->s->house_ms);
    return NULL;
}

static const char *order_clamp(struct call *c)
{
    int64_t w = -1;

    if (strcmp(c->argv[2], "auto") != 0 && option_int(c->argv[2], 0, WATTS_MAX, &w) < 0)
        return "the power is wanted in watts, or 'auto' for the household's own";
    c->s->clamp_w[c->n[0] - 1] = (int32_t)w;
    return NULL;
}

static const char *order_load(struct call *c)
{
    c->s->extra_w = c->n[0];
    return NULL;
}

static const char *order_speed(struct call *c)
{
    double speed;

    if (option_speed(c->argv[1], &speed) < 0)
        return "the speed is wanted as a number in 0..100000";
    sim_set_speed(c->s, c->now_ms, speed);
    return NULL;
}

static const char *order_advance(struct call *c)
{
    sim_advance(c->s, c->n[0]);
    return NULL;
}

/* ---- what is true ---- */

static void emit_count(void *ctx, const char *name, uint64_t n)
{
    FILE *out = ctx;

    if (n)
        fprintf(out, ",\"%s\":%" PRIu64, name, n);
}

static void sensor_stats(const struct flm02 *b, unsigned id, FILE *out)
{
    uint64_t truth = b->truth_milli[id] + b->truth_ws[id] * 1000 / 3600;
    bool analog = flm02_is_analog(b, id);

    fprintf(out, "{\"id\":%u,\"enabled\":%s,\"counter\":%" PRIu32 ",\"milli\":%" PRIu32, id,
            b->live.enabled[id] ? "true" : "false", b->live.counter[id], b->live.milli[id]);
    fprintf(out, ",\"truth_milli\":%" PRIu64 ",\"watt_seconds\":%" PRIu64 ",\"pulses\":%" PRIu64 ",\"%s\":%" PRIu32 "}",
            truth, b->truth_ws[id], b->pulses[id], analog ? "watts" : "pulse_ms", b->x[id]);
}

static const char *order_stats(struct call *c)
{
    const struct sim *s = c->s;
    const struct flm02 *b = &s->board;

    fprintf(c->out, "{\"board\":\"flm02\",\"hardware\":\"%s\",\"tty\":", flm02_model_name(b->model));
    fprintf(c->out, s->pty.master < 0 ? "null" : "\"%s\"", s->pty.name);
    fprintf(c->out, ",\"house_ms\":%" PRId64 ",\"board_ms\":%" PRId64 ",\"speed\":%g", s->house_ms,
            s->house_ms - b->start_ms, s->speed);
    fprintf(c->out, ",\"polls\":%" PRIu64 ",\"saves\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"unknown\":%" PRIu64, b->deltas,
            b->saves, b->bad, b->unknown);
    fprintf(c->out, ",\"lost_bytes\":%" PRIu64 ",\"watchdogs\":%" PRIu32 ",\"brownouts\":%" PRIu32, s->wire.lost,
            b->live.watchdogs, b->live.brownouts);
    fprintf(c->out, ",\"commands\":{\"total\":%" PRIu64, b->total);
    flm02_each_command(b, emit_count, c->out);
    fputs("},\"faults\":{", c->out);
    for (int k = 0; k < FAULT_KINDS; k++)
        fprintf(c->out, "%s\"%s\":%" PRIu64, k ? "," : "", fault_name((enum fault)k), s->faults.done[k]);
    fputs("},\"uart_sent\":\"", c->out);
    for (size_t i = 0; i < b->uart_out_len; i++)
        fprintf(c->out, "%02x", b->uart_out[i]);
    fputs("\",\"sensors\":[", c->out);
    for (unsigned id = 0; id < FLM02_IDS; id++) {
        fputs(id ? "," : "", c->out);
        sensor_stats(b, id, c->out);
    }
    fputs("]}\n", c->out);
    return "";
}

static order_fn order_help;

#define MANY 1000000

/* Ports are numbered 1..6 as on the case, ids 0..5 as in the protocol. */
static const struct order orders[] = {
    {"drop", "N", {0}, {MANY}, {1}, order_drop, "drop [N]: lose the next N replies (1)"},
    {"corrupt", "N", {0}, {MANY}, {1}, order_corrupt, "corrupt [N]: spoil a character of the next N replies"},
    {"cut", "N", {0}, {MANY}, {1}, order_cut, "cut [N]: cut the next N replies short"},
    {"delay", "nN", {0, 0}, {60000, MANY}, {0, 1}, order_delay, "delay MS [N]: the next N replies arrive MS later"},
    {"garbage", "N", {1}, {FAULTS_GARBAGE_MAX}, {8}, order_garbage, "garbage [BYTES]: random bytes now, unasked (8)"},
    {"reset", "", {0}, {0}, {0}, order_reset, "reset: watchdog reset; what was not saved is gone"},
    {"brownout", "", {0}, {0}, {0}, order_brownout, "brownout: reset after saving the counters"},
    {"counter", "nn", {0, 0}, {5, UINT32_MAX}, {0}, order_counter, "counter ID VALUE: set a counter, unsaved"},
    {"tell", "s", {0}, {0}, {0}, order_tell, "tell COMMAND: tell the board something, as another host would: sm030063"},
    {"unplug", "", {0}, {0}, {0}, order_unplug, "unplug: take the line away"},
    {"replug", "", {0}, {0}, {0}, order_replug, "replug: bring it back under its link"},
    {"uart", "s", {0}, {0}, {0}, order_uart, "uart HEX: bytes come in at the RS-485 port"},
    {"pulse", "nN", {1, 0}, {6, MANY}, {0, 1}, order_pulse, "pulse PORT [N]: N pulses on a pulse input, now"},
    {"clamp", "ns", {1}, {3}, {0}, order_clamp, "clamp PORT WATTS|auto: what a clamp sees"},
    {"load", "n", {0}, {WATTS_MAX}, {0}, order_load, "load WATTS: more load on main"},
    {"speed", "s", {0}, {0}, {0}, order_speed, "speed N: household seconds per second; 0: stand still"},
    {"advance", "n", {0}, {400 * DAY_MS}, {0}, order_advance, "advance MS: household time passes at once"},
    {"stats", "", {0}, {0}, {0}, order_stats, "stats: a line of JSON: what is true, what was asked"},
    {"help", "", {0}, {0}, {0}, order_help, "help: this"},
};

static const char *order_help(struct call *c)
{
    for (size_t i = 0; i < ARRAY_LEN(orders); i++)
        fprintf(c->out, "%s%s", i ? "; " : "", orders[i].help);
    fputc('\n', c->out);
    return "";
}

/* ---- dispatch ---- */

static void split(struct call *c, char *line)
{
    char *word;

    while ((word = strsep(&line, " \t\r")) != NULL && c->argc <= ARGS_MAX)
        if (*word)
            c->argv[c->argc++] = word;
    if (word)
        c->argc = ARGS_MAX + 2; /* too many for any order */
}

/* Are the arguments what the order's form wants? Numbers go to c->n. */
static bool fits(struct call *c, const struct order *o)
{
    size_t n = strlen(o->form);

    if (c->argc > (int)n + 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool optional = o->form[i] == 'N';
        if ((int)i + 1 >= c->argc) {
            if (!optional)
                return false;
            c->n[i] = o->preset[i];
        } else if (o->form[i] != 's' && option_int(c->argv[i + 1], o->min[i], o->max[i], &c->n[i]) < 0) {
            return false;
        }
    }
    return true;
}

void order(struct sim *s, int64_t now_ms, char *line, FILE *out)
{
    struct call c = {.s = s, .now_ms = now_ms, .out = out};

    split(&c, line);
    for (size_t i = 0; c.argc && i < ARRAY_LEN(orders); i++) {
        if (strcmp(c.argv[0], orders[i].name) != 0)
            continue;
        if (!fits(&c, &orders[i])) {
            fprintf(out, "error: usage: %s\n", orders[i].help);
            return;
        }
        sim_catch_up(s, now_ms);
        const char *wrong = orders[i].run(&c);
        if (!wrong)
            fputs("ok\n", out);
        else if (*wrong)
            fprintf(out, "error: %s\n", wrong);
        return;
    }
    fputs("error: no such order; try help\n", out);
}
