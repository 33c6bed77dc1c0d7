#include "sim/tele_orders.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "sim/options.h"
#include "sim/orders.h"
#include "sim/sim.h"

#define MANY 1000000

#define CLOCK_FAR INT64_C(3153600000) /* a hundred years */

/* ---- what is true ---- */

void tele_stats(const struct tele *l, FILE *out)
{
    fprintf(out, "{\"link\":\"%s\",\"tty\":", l->opt->link);
    fprintf(out, l->pty.master < 0 ? "null" : "\"%s\"", l->pty.name);
    fprintf(out, ",\"protocol\":\"%s\",\"kind\":\"%s\",\"baud\":%d", l->opt->kind->protocol, l->opt->kind->name,
            pty_baud(&l->pty));
    fprintf(out, ",\"told\":%" PRIu64 ",\"good\":%" PRIu64 ",\"unread\":%" PRIu64 ",\"misread\":%" PRIu64, l->told,
            l->good, l->unread, l->misreads);
    fprintf(out, ",\"asked\":%" PRIu64 ",\"faults\":{", l->asked);
    for (int k = 0; k < TELE_FAULTS; k++)
        fprintf(out, "%s\"%s\":%" PRIu64, k ? "," : "", tele_fault_name(k), l->done[k]);
    fputs("},\"truth\":{", out);
    tele_now_truth(&l->now, out);
    fputs("}}", out);
}

void teles_stats(const struct teles *t, FILE *out)
{
    fputs("\"lines\":[", out);
    for (size_t i = 0; i < t->n; i++) {
        fputs(i ? "," : "", out);
        tele_stats(&t->line[i], out);
    }
    fputc(']', out);
}

/* ---- orders ---- */

/* What is wrong with it, or NULL; text: what is behind the word, NULL: nothing. */
typedef const char *line_fn(struct tele *l, const char *text);

static const char *line_clock(struct tele *l, const char *text)
{
    l->says.clock_unset = text && strcmp(text, "unset") == 0;
    if (l->says.clock_unset)
        return NULL;
    return text && option_int(text, -CLOCK_FAR, CLOCK_FAR, &l->clock_s) == 0
               ? NULL
               : "the clock is wanted as 'unset', or as seconds that it is ahead";
}

static const char *line_gas(struct tele *l, const char *text)
{
    int64_t n;

    if (!text || option_int(text, 0, 2, &n) < 0)
        return "the gas meter's channel is wanted: 1, 2, or 0 for none";
    l->says.gas_channel = (unsigned)n;
    return NULL;
}

static const char *line_swap(struct tele *l, const char *text)
{
    if (text)
        return "a swap wants nothing behind it";
    tele_meter_swap(&l->meter);
    l->says.swaps++;
    return NULL;
}

static const char *line_unplug(struct tele *l, const char *text)
{
    if (text || l->pty.master < 0)
        return "the line is unplugged already";
    pty_unplug(&l->pty);
    l->len = l->sent = 0;
    l->step = TELE_IDLE;
    return NULL;
}

static const char *line_replug(struct tele *l, const char *text)
{
    if (text || l->pty.master >= 0)
        return "the line is plugged in already";
    return pty_plug(&l->pty, l->opt->link) < 0 ? strerror(errno) : NULL;
}

static const char *on_off(const char *text, bool *out)
{
    if (!text || (strcmp(text, "on") != 0 && strcmp(text, "off") != 0))
        return "on or off is wanted";
    *out = strcmp(text, "on") == 0;
    return NULL;
}

static const char *line_silent(struct tele *l, const char *text)
{
    return on_off(text, &l->silent);
}

/* "cut", "flip 3": the next so many telegrams have that fault. */
static const char *line_fault(struct tele *l, const char *word, const char *text)
{
    int64_t n = 1;

    for (int k = 0; k < TELE_FAULTS; k++) {
        if (strcmp(word, tele_fault_name(k)) != 0)
            continue;
        if (text && option_int(text, 0, MANY, &n) < 0)
            return "how many telegrams is wanted as a number";
        l->ordered[k] = (unsigned)n;
        return NULL;
    }
    return "a line takes no such order; see fluksosim(1)";
}

/* On and off, or a number as of the other faults. */
static const char *line_parity(struct tele *l, const char *text)
{
    if (text && (*text == 'o'))
        return on_off(text, &l->parity);
    return line_fault(l, tele_fault_name(TELE_PARITY), text);
}

static const struct {
    const char *name;
    line_fn *run;
} line_orders[] = {
    {"parity", line_parity}, {"silent", line_silent}, {"clock", line_clock},   {"gas", line_gas},
    {"swap", line_swap},     {"unplug", line_unplug}, {"replug", line_replug},
};

/* It shows at once. */
static const char *done(struct sim *s, const char *wrong)
{
    teles_look(&s->teles, s->house_ms);
    return wrong;
}

const char *order_line(struct call *c)
{
    struct teles *t = &c->s->teles;
    int64_t n = 1;
    bool numbered = option_int(c->argv[1], INT64_MIN, INT64_MAX, &n) == 0;
    int at = numbered ? 2 : 1;
    const char *word = c->argv[at], *text = at + 1 < c->argc ? c->argv[at + 1] : NULL;

    if (n < 1 || n > (int64_t)t->n)
        return "there is no such line; they are numbered from 1";
    if (at >= c->argc || at + 2 < c->argc)
        return "line [N] ORDER [ARGUMENT] is wanted; see fluksosim(1)";
    struct tele *l = &t->line[n - 1];
    if (strcmp(word, "stats") == 0 && !text) {
        tele_stats(l, c->out);
        fputc('\n', c->out);
        return "";
    }
    for (size_t i = 0; i < ARRAY_LEN(line_orders); i++)
        if (strcmp(word, line_orders[i].name) == 0)
            return done(c->s, line_orders[i].run(l, text));
    return line_fault(l, word, text);
}
