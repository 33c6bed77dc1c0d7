#include "sim/tele.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "sim/options.h"
#include "sim/rng.h"

#define RETRY_MS 10  /* until a reader may have made room, or more bytes have had their time */
#define FIRST    300 /* baud at which a meter is asked */

/* ---- telling ---- */

static const double never[TELE_FAULTS];

static size_t number_of(const struct teles *t, const struct tele *l)
{
    return (size_t)(l - t->line) + 1;
}

/* What is over without having been read makes room. */
static bool is_free(struct teles *t, struct tele *l)
{
    if (!tele_busy(l))
        return true;
    if (t->opt->line_time)
        return false;
    tele_over(l, false, t->truth, number_of(t, l));
    return true;
}

static void enter(struct teles *t, struct tele *l, const struct tele_text *text, bool telegram)
{
    tele_put(l, text, telegram ? &l->now : NULL, telegram ? t->opt->line_rates : never);
    l->out_ms = t->now_ms;
    if (tele_write_some(l, t->now_ms, t->opt->line_time))
        tele_over(l, true, t->truth, number_of(t, l));
}

static void tell(struct teles *t, struct tele *l)
{
    struct tele_text text = {0};

    if (l->silent || l->pty.master < 0 || !is_free(t, l))
        return;
    l->opt->kind->write(l->opt->kind, &l->now, &l->says, &text);
    enter(t, l, &text, true);
}

/* Without line_time a telegram comes each second. */
static bool is_due(const struct teles *t, const struct tele *l, int64_t house_ms)
{
    int64_t every_ms = t->opt->line_time ? l->opt->kind->real_ms : 0;

    return !l->opt->kind->pull && (!every_ms || house_ms % every_ms == 0);
}

void teles_run(struct teles *t, int64_t ms, const struct board_input *in)
{
    for (size_t i = 0; i < t->n; i++)
        tele_meter_run(&t->line[i].meter, ms, in);
}

void teles_look(struct teles *t, int64_t house_ms)
{
    int64_t unix_s = (t->unix_ms + house_ms - t->at_ms) / 1000;

    for (size_t i = 0; i < t->n; i++)
        tele_meter_second(&t->line[i].meter, unix_s + t->line[i].clock_s, house_ms / 1000, &t->line[i].now);
}

void teles_second(struct teles *t, int64_t house_ms)
{
    teles_look(t, house_ms);
    for (size_t i = 0; i < t->n; i++)
        if (is_due(t, &t->line[i], house_ms))
            tell(t, &t->line[i]);
}

/* ---- a meter that is asked ---- */

static void set_step(struct teles *t, struct tele *l, enum tele_step step, int64_t ms)
{
    l->step = step;
    l->step_ms = t->now_ms + ms;
    l->in_len = 0;
}

/* The digit of a speed in an ident; '0' to '6'. */
static char digit_of(int baud)
{
    char digit = '0';

    for (int b = FIRST; b < baud && digit < '6'; b *= 2)
        digit++;
    return digit;
}

/* A whole line came in. */
static void take_line(struct teles *t, struct tele *l)
{
    const char *p = memchr(l->in, '/', l->in_len);

    if (p && l->in_len - (size_t)(p - l->in) >= 5 && p[1] == '?' && l->in[l->in_len - 3] == '!') {
        if (pty_baud(&l->pty) != FIRST || l->silent)
            return; /* it understands no other speed */
        l->asked++;
        set_step(t, l, TELE_IDENT, TELE_REPLY_MS);
        return;
    }
    p = memchr(l->in, 0x06, l->in_len);
    if (l->step == TELE_ACK && p && l->in_len - (size_t)(p - l->in) == 6 && p[1] == '0' && p[3] == '0') {
        l->speed = p[2] == digit_of(l->opt->baud) ? l->opt->baud : FIRST;
        set_step(t, l, TELE_DATA, TELE_REPLY_MS);
    }
}

static void receive(struct teles *t, struct tele *l)
{
    uint8_t bytes[256];
    size_t n;

    while ((n = pty_read(&l->pty, bytes, sizeof bytes)) > 0) {
        if (l->opt->kind->echo)
            pty_write(&l->pty, (const char *)bytes, n);
        for (size_t i = 0; i < n && l->opt->kind->pull; i++) {
            if (l->in_len == TELE_IN)
                l->in_len = 0;
            l->in[l->in_len++] = (char)(bytes[i] & 0x7f);
            if (bytes[i] != '\n')
                continue;
            take_line(t, l);
            l->in_len = 0;
        }
    }
}

static void turn_step(struct teles *t, struct tele *l)
{
    struct tele_text text = {0};

    if (l->step == TELE_IDLE || t->now_ms < l->step_ms || tele_busy(l))
        return;
    if (l->step == TELE_IDENT) {
        l->speed = FIRST;
        tele_say_ident(l->opt->kind, digit_of(l->opt->baud), &text);
        enter(t, l, &text, false);
        set_step(t, l, TELE_ACK, TELE_ACK_MS);
        return;
    }
    set_step(t, l, TELE_IDLE, 0);
    tell(t, l);
}

/* ---- the lines ---- */

void teles_fds(const struct teles *t, struct pollfd *fds)
{
    for (size_t i = 0; i < t->n; i++) {
        fds[2 * i] = (struct pollfd){.fd = t->line[i].pty.master, .events = POLLIN};
        fds[2 * i + 1] = (struct pollfd){.fd = t->line[i].pty.watch, .events = POLLIN};
    }
}

void teles_receive(struct teles *t, const struct pollfd *fds)
{
    for (size_t i = 0; i < t->n; i++) {
        if (fds[2 * i].revents)
            receive(t, &t->line[i]);
        if (fds[2 * i + 1].revents)
            pty_reader_gone(&t->line[i].pty);
    }
}

void teles_send(struct teles *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct tele *l = &t->line[i];
        if (tele_busy(l) && tele_write_some(l, t->now_ms, t->opt->line_time))
            tele_over(l, true, t->truth, i + 1);
        turn_step(t, l);
    }
}

int64_t teles_deadline(const struct teles *t)
{
    int64_t due = -1;

    for (size_t i = 0; i < t->n; i++) {
        const struct tele *l = &t->line[i];
        int64_t own = tele_busy(l) ? t->now_ms + RETRY_MS : l->step != TELE_IDLE ? l->step_ms : -1;
        if (own >= 0 && (due < 0 || own < due))
            due = own;
    }
    return due;
}

/* ---- start, stop ---- */

int teles_start(struct teles *t, const struct options *opt, int64_t house_ms, int64_t unix_ms)
{
    *t = (struct teles){.opt = opt, .n = opt->n_lines, .unix_ms = unix_ms, .at_ms = house_ms};
    t->line = t->n ? must(calloc(t->n, sizeof *t->line)) : NULL;
    for (size_t i = 0; i < t->n; i++) {
        struct tele *l = &t->line[i];
        l->opt = &opt->line[i];
        l->pty.master = l->pty.slave = l->pty.watch = -1;
        l->speed = l->opt->baud;
        l->says.gas_channel = 1;
        l->rng = rng_mix(opt->seed + 1000 + i);
        tele_meter_init(&l->meter, opt->seed, (unsigned)i, l->opt->kind->read_every_s);
    }
    if (!opt->truth)
        return 0;
    t->truth = fopen(opt->truth, "we");
    if (t->truth)
        return 0;
    fprintf(stderr, "fluksosim: cannot write %s: %s\n", opt->truth, strerror(errno));
    teles_stop(t);
    return -1;
}

int teles_plug(struct teles *t)
{
    for (size_t i = 0; i < t->n; i++) {
        if (pty_plug(&t->line[i].pty, t->line[i].opt->link) == 0)
            continue;
        fprintf(stderr, "fluksosim: cannot open a terminal linked at %s: %s\n", t->line[i].opt->link, strerror(errno));
        return -1;
    }
    return 0;
}

void teles_stop(struct teles *t)
{
    for (size_t i = 0; i < t->n; i++)
        pty_unplug(&t->line[i].pty);
    if (t->truth)
        fclose(t->truth);
    free(t->line);
    *t = (struct teles){0};
}
