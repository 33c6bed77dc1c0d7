#include "sim/sim.h"

#include <errno.h>
#include <string.h>

#include "sim/eeprom.h"

#define SECOND_MS        1000
#define FIRST_METER_PORT 3 /* physical port of the household's meter 0 */

/* ---- time ---- */

/* What the clamps see in the running second. */
static void clamps(const struct sim *s, int32_t w[FLM02_CLAMPS])
{
    for (int i = 0; i < FLM02_CLAMPS; i++) {
        int64_t v = s->second.clamp_w[i] + (i == 0 ? s->extra_w : 0);
        w[i] = s->clamp_w[i] >= 0 ? s->clamp_w[i] : (int32_t)v;
    }
}

static void pulses(struct sim *s, int64_t second_ms, int64_t from_ms, int64_t to_ms)
{
    for (unsigned i = 0; i < HOUSEHOLD_METERS; i++) {
        int64_t at = second_ms + s->second.pulse_ms[i];
        if (s->second.pulse_ms[i] > 0 && at > from_ms && at <= to_ms)
            flm02_pulse(&s->board, FIRST_METER_PORT + i, 1, at);
    }
}

/* Live until the household's clock shows `to`: no step is longer than the rest of its second. */
static void live(struct sim *s, int64_t to)
{
    while (s->house_ms < to) {
        int64_t second_ms = s->house_ms / SECOND_MS * SECOND_MS;
        int64_t end = second_ms + SECOND_MS;
        int64_t next = end < to ? end : to;
        int32_t w[FLM02_CLAMPS];

        clamps(s, w);
        pulses(s, second_ms, s->house_ms, next);
        flm02_run(&s->board, next, w);
        s->house_ms = next;
        if (next == end)
            household_second(&s->household, end / SECOND_MS, &s->second);
    }
}

void sim_catch_up(struct sim *s, int64_t now_ms)
{
    live(s, s->base_house_ms + (int64_t)((double)(now_ms - s->base_ms) * s->speed));
}

void sim_advance(struct sim *s, int64_t ms)
{
    s->base_house_ms += ms;
    live(s, s->house_ms + ms);
}

void sim_set_speed(struct sim *s, int64_t now_ms, double speed)
{
    s->base_ms = now_ms;
    s->base_house_ms = s->house_ms;
    s->speed = speed;
}

/* ---- line ---- */

static void show(const struct sim *s, const char *way, const char *data, size_t len)
{
    if (!s->opt->verbose)
        return;
    fprintf(stderr, "%lld.%03lld %s ", (long long)s->house_ms / 1000, (long long)s->house_ms % 1000, way);
    for (size_t i = 0; i < len; i++)
        fprintf(stderr, data[i] > ' ' && data[i] <= '~' ? "%c" : "\\x%02x", (unsigned char)data[i]);
    fputc('\n', stderr);
}

void sim_receive(struct sim *s, int64_t now_ms)
{
    uint8_t buf[4096];
    size_t n = pty_read(&s->pty, buf, sizeof buf);

    if (n == 0)
        return;
    show(s, "rx", (const char *)buf, n);
    wire_receive(&s->wire, &s->board, now_ms, buf, n);
    sim_keep(s);
}

/* A reply of the board enters the line; a delay keeps those behind it waiting too. */
static void enter_line(struct sim *s, int64_t now_ms)
{
    struct sim_reply r;
    int64_t delay;

    r.len = wire_reply(&s->wire, &s->board, now_ms, r.text);
    if (r.len == 0)
        return;
    r.len = faults_apply(&s->faults, r.text, r.len, &delay);
    r.due_ms = now_ms + delay;
    if (s->way_len && s->way[s->way_len - 1].due_ms > r.due_ms)
        r.due_ms = s->way[s->way_len - 1].due_ms;
    if (r.len && s->way_len < SIM_ON_THE_WAY)
        s->way[s->way_len++] = r;
}

void sim_send(struct sim *s, int64_t now_ms)
{
    unsigned done = 0;

    enter_line(s, now_ms);
    for (; done < s->way_len && s->way[done].due_ms <= now_ms; done++) {
        pty_write(&s->pty, s->way[done].text, s->way[done].len);
        show(s, "tx", s->way[done].text, s->way[done].len);
    }
    s->way_len -= done;
    memmove(s->way, s->way + done, s->way_len * sizeof s->way[0]);
}

int64_t sim_deadline(const struct sim *s)
{
    int64_t board = wire_deadline(&s->wire);

    if (s->way_len && (board < 0 || s->way[0].due_ms < board))
        return s->way[0].due_ms;
    return board;
}

/* ---- EEPROM, start, stop ---- */

void sim_keep(struct sim *s)
{
    char image[FLM02_IMAGE_MAX];

    if (!s->opt->eeprom || s->written == s->board.saves)
        return;
    s->written = s->board.saves;
    if (eeprom_write(s->opt->eeprom, image, flm02_image(&s->board, image)) < 0)
        fprintf(stderr, "fluksosim: cannot save %s: %s\n", s->opt->eeprom, strerror(errno));
}

static int load(struct sim *s)
{
    char image[FLM02_IMAGE_MAX];
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
    if (flm02_load(&s->board, image, (size_t)n) < 0)
        fprintf(stderr, "fluksosim: %s is damaged or of another board than flm02 %s: starting a fresh board\n",
                s->opt->eeprom, flm02_model_name(s->opt->model));
    return 0;
}

int sim_start(struct sim *s, const struct options *opt, int64_t now_ms)
{
    *s = (struct sim){.opt = opt, .faults = opt->faults, .clamp_w = {-1, -1, -1}};
    s->house_ms = opt->start_s * SECOND_MS;
    sim_set_speed(s, now_ms, opt->speed);
    household_init(&s->household, opt->seed);
    household_second(&s->household, opt->start_s, &s->second);
    flm02_init(&s->board, opt->model, s->house_ms);
    wire_init(&s->wire, opt->reply_ms);
    if (load(s) < 0)
        return -1;
    if (pty_plug(&s->pty, opt->link) == 0)
        return 0;
    if (opt->link)
        fprintf(stderr, "fluksosim: cannot open a terminal linked at %s: %s\n", opt->link, strerror(errno));
    else
        fprintf(stderr, "fluksosim: cannot open a terminal: %s\n", strerror(errno));
    return -1;
}

void sim_stop(struct sim *s, int64_t now_ms)
{
    sim_catch_up(s, now_ms);
    flm02_commit(&s->board);
    sim_keep(s);
    pty_unplug(&s->pty);
}
