#include "sim/orders.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "sim/bus_orders.h"
#include "sim/sim.h"
#include "sim/tele_orders.h"

#define DAY_MS INT64_C(86400000)

/* ---- faults ---- */

static const char *order_fault(struct call *c, enum fault kind, int64_t n)
{
    c->s->line.faults.ordered[kind] = (unsigned)n;
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
    c->s->line.faults.ordered_delay_ms = c->n[0];
    return order_fault(c, FAULT_DELAY, c->n[1]);
}

static const char *order_garbage(struct call *c)
{
    char noise[FAULTS_GARBAGE_MAX];

    faults_garbage(&c->s->line.faults, noise, (size_t)c->n[0]);
    pty_write(&c->s->line.pty, noise, (size_t)c->n[0]);
    c->s->line.faults.done[FAULT_GARBAGE]++;
    return NULL;
}

/* ---- line ---- */

static const char *order_unplug(struct call *c)
{
    if (c->s->line.pty.master < 0)
        return "the line is unplugged already";
    pty_unplug(&c->s->line.pty);
    line_clear(&c->s->line);
    return NULL;
}

static const char *order_replug(struct call *c)
{
    if (c->s->kind->absent)
        return "there is no board";
    if (c->s->line.pty.master >= 0)
        return "the line is plugged in already";
    return pty_plug(&c->s->line.pty, c->s->opt->link) < 0 ? strerror(errno) : NULL;
}

/* ---- household ---- */

static const char *order_pulse(struct call *c)
{
    c->s->kind->pulse(c->board, (unsigned)c->n[0] - 1, (unsigned)c->n[1]);
    return NULL;
}

int order_watts(const char *text, int64_t min, int64_t *w)
{
    if (strcmp(text, "auto") == 0)
        return 1;
    return option_int(text, min, WATTS_MAX, w);
}

static const char *order_load(struct call *c)
{
    c->s->in.extra_w = c->n[0];
    return NULL;
}

static const char *order_speed(struct call *c)
{
    double speed;

    if (option_speed(c->argv[1], &speed) < 0)
        return "the speed is wanted as a number in 0..100000";
    sim_set_speed(c->s, speed);
    return NULL;
}

static const char *order_advance(struct call *c)
{
    sim_advance(c->s, c->n[0]);
    return NULL;
}

/* ---- what is true ---- */

static const char *order_stats(struct call *c)
{
    const struct sim *s = c->s;
    const struct line *line = &s->line;

    fprintf(c->out, "{\"board\":\"%s\",\"tty\":", s->kind->name);
    fprintf(c->out, line->pty.master < 0 ? "null" : "\"%s\"", line->pty.name);
    fprintf(c->out, ",\"baud\":%d,\"house_ms\":%" PRId64 ",\"speed\":%g", pty_baud(&line->pty), s->house_ms, s->speed);
    fprintf(c->out, ",\"saves\":%" PRIu64 ",\"lost_frames\":%" PRIu64, s->kind->saves(s->board), line->lost);
    fputs(",\"faults\":{", c->out);
    for (int k = 0; k < FAULT_KINDS; k++)
        fprintf(c->out, "%s\"%s\":%" PRIu64, k ? "," : "", fault_name((enum fault)k), line->faults.done[k]);
    fputs("}", c->out);
    s->kind->stats(s->board, c->out);
    fputc(',', c->out);
    buses_stats(&s->buses, c->out);
    fputc(',', c->out);
    teles_stats(&s->teles, c->out);
    fputs("}\n", c->out);
    return "";
}

static order_fn order_help;

#define MANY 1000000

/* Of any board. Ports are numbered as on the case. */
static const struct order orders[] = {
    {"drop", "N", {0}, {MANY}, {1}, order_drop, "drop [N]: lose the next N replies (1)"},
    {"corrupt", "N", {0}, {MANY}, {1}, order_corrupt, "corrupt [N]: spoil a character of the next N replies"},
    {"cut", "N", {0}, {MANY}, {1}, order_cut, "cut [N]: cut the next N replies short"},
    {"delay", "nN", {0, 0}, {60000, MANY}, {0, 1}, order_delay, "delay MS [N]: the next N replies arrive MS later"},
    {"garbage", "N", {1}, {FAULTS_GARBAGE_MAX}, {8}, order_garbage, "garbage [BYTES]: random bytes now, unasked (8)"},
    {"unplug", "", {0}, {0}, {0}, order_unplug, "unplug: take the line away"},
    {"replug", "", {0}, {0}, {0}, order_replug, "replug: bring it back under its link"},
    {"pulse", "nN", {1, 0}, {6, MANY}, {0, 1}, order_pulse, "pulse PORT [N]: N pulses on a pulse input, now"},
    {"load", "n", {0}, {WATTS_MAX}, {0}, order_load, "load WATTS: more load on main"},
    {"speed", "s", {0}, {0}, {0}, order_speed, "speed N: household seconds per second; 0: stand still"},
    {"advance", "n", {0}, {400 * DAY_MS}, {0}, order_advance, "advance MS: household time passes at once"},
    {"meter", "ssSS", {0}, {0}, {0}, order_meter, "meter [BUS/]UNIT ORDER [N]...: to a meter, see fluksosim(1)"},
    {"bus", "ss", {0}, {0}, {0}, order_bus, "bus N unplug|replug|garbage: to an RS-485 line"},
    {"line", "sSS", {0}, {0}, {0}, order_line, "line [N] ORDER [ARGUMENT]: to a telegram line, see fluksosim(1)"},
    {"stats", "", {0}, {0}, {0}, order_stats, "stats: a line of JSON: what is true, what was asked"},
    {"help", "", {0}, {0}, {0}, order_help, "help: this"},
};

/* Order number i: those of any board, then those of the board's own; NULL behind the last. */
static const struct order *nth(const struct sim *s, size_t i)
{
    if (i < ARRAY_LEN(orders))
        return &orders[i];
    i -= ARRAY_LEN(orders);
    return i < s->kind->n_orders ? &s->kind->orders[i] : NULL;
}

static const char *order_help(struct call *c)
{
    const struct order *o;

    for (size_t i = 0; (o = nth(c->s, i)) != NULL; i++)
        fprintf(c->out, "%s%s", i ? "; " : "", o->help);
    fputc('\n', c->out);
    return "";
}

/* ---- dispatch ---- */

static void split(struct call *c, char *line)
{
    char *word;

    while ((word = strsep(&line, " \t\r")) != NULL && c->argc <= ORDER_ARGS)
        if (*word)
            c->argv[c->argc++] = word;
    if (word)
        c->argc = ORDER_ARGS + 2; /* too many for any order */
}

/* Are the arguments what the order's form wants? Numbers go to c->n. */
static bool fits(struct call *c, const struct order *o)
{
    size_t n = strlen(o->form);

    if (c->argc > (int)n + 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool optional = o->form[i] == 'N' || o->form[i] == 'S';
        bool text = o->form[i] == 's' || o->form[i] == 'S';
        if ((int)i + 1 >= c->argc) {
            if (!optional)
                return false;
            c->n[i] = o->preset[i];
        } else if (!text && option_int(c->argv[i + 1], o->min[i], o->max[i], &c->n[i]) < 0) {
            return false;
        }
    }
    return true;
}

static void run(struct call *c, const struct order *o)
{
    const char *wrong = o->run(c);

    if (!wrong)
        fputs("ok\n", c->out);
    else if (*wrong)
        fprintf(c->out, "error: %s\n", wrong);
    sim_keep(c->s);
    line_send(&c->s->line);
}

void order(struct sim *s, int64_t now_ms, char *line, FILE *out)
{
    struct call c = {.s = s, .board = s->board, .out = out};
    const struct order *o;

    split(&c, line);
    for (size_t i = 0; c.argc && (o = nth(s, i)) != NULL; i++) {
        if (strcmp(c.argv[0], o->name) != 0)
            continue;
        if (!fits(&c, o)) {
            fprintf(out, "error: usage: %s\n", o->help);
            return;
        }
        sim_catch_up(s, now_ms);
        run(&c, o);
        return;
    }
    fputs("error: no such order; try help\n", out);
}
