#include "sim/sim.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "sim/eeprom.h"
#include "sim/energy.h"

#define SECOND_MS 1000

/* ---- time ---- */

/* The first time after house_ms, up to `to`, at which something is to be done. */
static int64_t next_time(const struct sim *s, int64_t second_ms, int64_t to)
{
    int64_t next = second_ms + SECOND_MS < to ? second_ms + SECOND_MS : to;

    for (int i = 0; i < HOUSEHOLD_METERS; i++) {
        int64_t at = second_ms + s->in.flow.pulse_ms[i];
        if (s->in.flow.pulse_ms[i] > 0 && at > s->house_ms && at < next)
            next = at;
    }
    return next;
}

/* Live until the household's clock shows `to`: no step is longer than the rest of its second, or than to its next
 * pulse. */
static void live(struct sim *s, int64_t to)
{
    while (s->house_ms < to) {
        int64_t before = s->house_ms, second_ms = before / SECOND_MS * SECOND_MS;

        s->in.second = second_ms / SECOND_MS;
        s->house_ms = next_time(s, second_ms, to);
        s->kind->run(s->board, s->house_ms, &s->in);
        buses_run(&s->buses, s->house_ms - before, &s->in);
        teles_run(&s->teles, s->house_ms - before, &s->in);
        for (unsigned i = 0; i < HOUSEHOLD_METERS; i++)
            if (s->in.flow.pulse_ms[i] > 0 && second_ms + s->in.flow.pulse_ms[i] == s->house_ms)
                s->kind->pulse(s->board, s->kind->meter_port + i, 1);
        if (s->house_ms < second_ms + SECOND_MS)
            continue;
        teles_second(&s->teles, s->house_ms);
        household_second(&s->household, s->house_ms / SECOND_MS, &s->in.flow);
    }
}

void sim_catch_up(struct sim *s, int64_t now_ms)
{
    s->line.now_ms = s->buses.now_ms = s->teles.now_ms = now_ms;
    live(s, s->base_house_ms + (int64_t)((double)(now_ms - s->base_ms) * s->speed));
}

void sim_advance(struct sim *s, int64_t ms)
{
    s->base_house_ms += ms;
    live(s, s->house_ms + ms);
}

void sim_set_speed(struct sim *s, double speed)
{
    s->base_ms = s->line.now_ms;
    s->base_house_ms = s->house_ms;
    s->speed = speed;
}

/* ---- line ---- */

static void show(const struct sim *s, const char *way, const char *data, size_t len)
{
    fprintf(stderr, "%lld.%03lld %s ", (long long)s->house_ms / 1000, (long long)s->house_ms % 1000, way);
    for (size_t i = 0; i < len; i++)
        fprintf(stderr, data[i] > ' ' && data[i] <= '~' ? "%c" : "\\x%02x", (unsigned char)data[i]);
    fputc('\n', stderr);
}

static void show_sent(void *ctx, const char *data, size_t len)
{
    show(ctx, "tx", data, len);
}

void sim_receive(struct sim *s, int64_t now_ms)
{
    uint8_t buf[4096];
    size_t n = pty_read(&s->line.pty, buf, sizeof buf);

    if (n == 0)
        return;
    if (s->opt->verbose)
        show(s, "rx", (const char *)buf, n);
    s->kind->receive(s->board, now_ms, buf, n);
}

static bool keeps_energy(const struct sim *s)
{
    return s->opt->energy && (s->buses.n || s->teles.n);
}

static void keep_energy(struct sim *s)
{
    s->kept_ms = s->line.now_ms;
    if (keeps_energy(s))
        energy_keep(&s->buses, &s->teles, s->opt->energy);
}

void sim_send(struct sim *s, int64_t now_ms)
{
    s->line.now_ms = s->buses.now_ms = s->teles.now_ms = now_ms;
    s->kind->turn(s->board, now_ms);
    sim_keep(s); /* before the host hears of it */
    line_send(&s->line);
    buses_send(&s->buses);
    teles_send(&s->teles);
    if (keeps_energy(s) && now_ms - s->kept_ms >= ENERGY_KEEP_MS)
        keep_energy(s);
}

static int64_t sooner(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

int64_t sim_deadline(const struct sim *s)
{
    int64_t house = s->kind->house_due(s->board), due = -1;
    int64_t second_ms = (s->house_ms / SECOND_MS + 1) * SECOND_MS;

    if (s->teles.n && house > second_ms)
        house = second_ms;
    if (s->speed > 0 && house != INT64_MAX)
        due = s->base_ms + (int64_t)ceil((double)(house - s->base_house_ms) / s->speed);
    due = sooner(due, sooner(s->kind->due(s->board), line_deadline(&s->line)));
    due = sooner(due, sooner(buses_deadline(&s->buses), teles_deadline(&s->teles)));
    return sooner(due, keeps_energy(s) ? s->kept_ms + ENERGY_KEEP_MS : -1);
}

/* ---- EEPROM, start, stop ---- */

void sim_keep(struct sim *s)
{
    char image[BOARD_IMAGE_MAX];

    if (!s->opt->eeprom || s->written == s->kind->saves(s->board))
        return;
    s->written = s->kind->saves(s->board);
    if (eeprom_write(s->opt->eeprom, image, s->kind->image(s->board, image)) < 0)
        fprintf(stderr, "fluksosim: cannot save %s: %s\n", s->opt->eeprom, strerror(errno));
}

static int load(struct sim *s)
{
    char image[BOARD_IMAGE_MAX];
    ssize_t n;

    if (!s->opt->eeprom)
        return 0;
    n = eeprom_read(s->opt->eeprom, image, sizeof image);
    if (n < 0 && errno == ENOENT)
        return 0;
    if (n < 0) {
        fprintf(stderr, "fluksosim: cannot read %s: %s\n", s->opt->eeprom, strerror(errno));
        return -1;
    }
    if (s->kind->load(s->board, image, (size_t)n) < 0)
        fprintf(stderr, "fluksosim: %s is damaged or of another board than %s: starting a fresh board\n",
                s->opt->eeprom, s->kind->title(s->board));
    return 0;
}

/* Meters on buses and telegram lines, without a line yet. */
static int start_meters(struct sim *s, int64_t unix_ms)
{
    if (buses_start(&s->buses, s->opt, s->line.now_ms) < 0 || teles_start(&s->teles, s->opt, s->house_ms, unix_ms) < 0)
        return -1;
    buses_run(&s->buses, 0, &s->in);
    teles_run(&s->teles, 0, &s->in);
    if (s->opt->energy && energy_load(&s->buses, &s->teles, s->opt->energy) < 0)
        return -1;
    teles_look(&s->teles, s->house_ms);
    return 0;
}

static int plug(struct sim *s)
{
    if (buses_plug(&s->buses) < 0 || teles_plug(&s->teles) < 0)
        return -1;
    if (s->kind->absent || pty_plug(&s->line.pty, s->opt->link) == 0)
        return 0;
    if (s->opt->link)
        fprintf(stderr, "fluksosim: cannot open a terminal linked at %s: %s\n", s->opt->link, strerror(errno));
    else
        fprintf(stderr, "fluksosim: cannot open a terminal: %s\n", strerror(errno));
    return -1;
}

int sim_start(struct sim *s, const struct options *opt, int64_t now_ms, int64_t unix_ms)
{
    s->opt = opt;
    s->kind = opt->board;
    s->house_ms = opt->start_s * SECOND_MS;
    line_init(&s->line, &opt->faults);
    s->line.now_ms = now_ms;
    s->line.show = opt->verbose ? show_sent : NULL;
    s->line.ctx = s;
    sim_set_speed(s, opt->speed);
    household_init(&s->household, opt->seed);
    household_second(&s->household, opt->start_s, &s->in.flow);
    s->board = s->kind->new (opt, &s->line, s->house_ms, unix_ms);
    s->line.pty.master = s->line.pty.slave = s->line.pty.watch = -1;
    s->kept_ms = now_ms;
    if (start_meters(s, unix_ms) == 0 && load(s) == 0 && plug(s) == 0)
        return 0;
    buses_stop(&s->buses);
    teles_stop(&s->teles);
    s->kind->free(s->board);
    return -1;
}

void sim_stop(struct sim *s, int64_t now_ms)
{
    sim_catch_up(s, now_ms);
    s->kind->commit(s->board);
    sim_keep(s);
    keep_energy(s);
    buses_stop(&s->buses);
    teles_stop(&s->teles);
    pty_unplug(&s->line.pty);
    s->kind->free(s->board);
}
