/* FLX as one of the boards: its model, its end of the line, its orders. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "sim/flx.h"
#include "sim/flx_say.h"
#include "sim/flx_wire.h"
#include "sim/line.h"
#include "sim/options.h"
#include "sim/orders.h"

#define PING_MS  1000
#define PAUSE_MS 100  /* a frame from the host that stops for so long is given up */
#define UWH_UJ   3600 /* a millionth of a Wh in microjoule */

static_assert(FLX_WIRE_FRAME <= LINE_FRAME_MAX, "room for a frame");

struct flx_board {
    struct flx flx;
    struct flx_reader_state reader;
    struct line *line;
    int64_t ping_ms; /* when it asks next, if it does */
    int64_t heard_ms;
};

/* ---- what the simulator asks of a board ---- */

static void out(void *ctx, enum flx_frame_type type, const uint8_t *payload, size_t len)
{
    struct flx_board *b = ctx;
    uint8_t frame[FLX_WIRE_FRAME];

    line_put(b->line, type, frame, flx_wire_frame(frame, type, payload, len));
}

static void *new (const struct options *o, struct line *line, int64_t house_ms, int64_t unix_ms)
{
    struct flx_board *b = must(calloc(1, sizeof *b));
    int64_t its_ms = unix_ms + o->clock_offset_s * 1000;

    b->line = line;
    line->faults.binary = true;
    b->flx.mains_seed = o->seed;
    b->flx.waves_per_s = (unsigned)o->waveforms;
    b->flx.clock.drift_ppm = o->drift_ppm;
    b->flx.out = out;
    b->flx.ctx = b;
    flx_init(&b->flx, house_ms, its_ms < 0 ? 0 : its_ms);
    return b;
}

static const char *title(const void *self)
{
    (void)self;
    return "flx";
}

static size_t image(const void *self, char *dst)
{
    const struct flx_board *b = self;

    return flx_image(&b->flx, dst);
}

static int load(void *self, const char *text, size_t len)
{
    struct flx_board *b = self;

    return flx_load(&b->flx, text, len);
}

static uint64_t saves(const void *self)
{
    const struct flx_board *b = self;

    return b->flx.saves;
}

static void commit(void *self)
{
    struct flx_board *b = self;

    if (b->flx.state != FLX_OFF)
        flx_save(&b->flx);
}

static void run(void *self, int64_t house_ms, const struct board_input *in)
{
    struct flx_board *b = self;

    flx_run(&b->flx, house_ms, in);
}

static void pulse(void *self, unsigned port, unsigned n)
{
    struct flx_board *b = self;

    flx_pulse(&b->flx, port, n);
}

static int64_t house_due(const void *self)
{
    const struct flx_board *b = self;

    return flx_house_due(&b->flx);
}

static void take(void *ctx, uint8_t type, const uint8_t *payload, size_t len)
{
    struct flx_board *b = ctx;

    flx_take(&b->flx, type, payload, len);
}

static bool gives_up(const struct flx_board *b, int64_t now_ms)
{
    return b->reader.len && now_ms - b->heard_ms >= PAUSE_MS;
}

static void receive(void *self, int64_t now_ms, const uint8_t *bytes, size_t n)
{
    struct flx_board *b = self;

    if (gives_up(b, now_ms))
        flx_wire_pause(&b->reader, take, b);
    b->heard_ms = now_ms;
    flx_wire_bytes(&b->reader, bytes, n, take, b);
}

static void turn(void *self, int64_t now_ms)
{
    struct flx_board *b = self;

    if (gives_up(b, now_ms))
        flx_wire_pause(&b->reader, take, b);
    if (b->flx.state == FLX_ASKS && now_ms >= b->ping_ms) {
        flx_ping(&b->flx);
        b->ping_ms = now_ms + PING_MS;
    }
}

static int64_t due(const void *self)
{
    const struct flx_board *b = self;
    int64_t ping = b->flx.state == FLX_ASKS ? b->ping_ms : -1;
    int64_t pause = b->reader.len ? b->heard_ms + PAUSE_MS : -1;

    if (ping < 0 || (pause >= 0 && pause < ping))
        return pause;
    return ping;
}

/* ---- what is true ---- */

static const char *yes_no(bool yes)
{
    return yes ? "true" : "false";
}

static void frame_counts(FILE *f, const char *name, const uint64_t n[FRAME_TYPES])
{
    const char *comma = "";

    fprintf(f, ",\"%s\":{", name);
    for (int t = 0; t < FRAME_TYPES; t++) {
        if (n[t] == 0)
            continue;
        fprintf(f, "%s\"%s\":%" PRIu64, comma, flx_wire_name((enum flx_frame_type)t), n[t]);
        comma = ",";
    }
    fputs("}", f);
}

static void clamp_stats(const struct flx_clamp *c, FILE *f)
{
    fprintf(f, ",\"on_phase\":%d,\"reversed\":%s", c->phase + 1, yes_no(c->reversed));
    fprintf(f, ",\"p_mw\":%" PRId64 ",\"q_mvar\":%" PRId64, c->second.p_mw, c->second.q_mvar);
    fprintf(f, ",\"load_mw\":%" PRId64 ",\"load_mvar\":%" PRId64, c->load.p_mw, c->load.q_mvar);
    fputs(",\"energy\":{", f);
    for (int e = 0; e < FLX_ENERGIES; e++)
        fprintf(f,
                "%s\"%s\":{\"counter\":%" PRIu32 ",\"rest_uj\":%" PRIu64 ",\"truth_uj\":%" PRIu64
                ",\"truth_uwh\":%" PRIu64 "}",
                e ? "," : "", flx_energy_name((enum flx_energy)e), c->counter[e].whole, c->counter[e].rest,
                c->truth_uj[e], c->truth_uj[e] / UWH_UJ);
    fputs("}", f);
}

static void port_stats(const struct flx *b, int i, FILE *f)
{
    static const int amps[] = {50, 100, 250, 500};
    const struct flx_port *p = &b->port[i];

    fprintf(f, "{\"port\":%d,\"enabled\":%s,\"current\":%d,\"shift\":%d", i + 1, yes_no(p->enable), amps[p->current],
            p->shift);
    fprintf(f, ",\"constant_milli\":%d,\"trigger\":%d", p->constant * 1000 + p->fraction, p->trigger);
    if (i < FLX_CLAMPS) {
        clamp_stats(&b->clamp[i], f);
    } else if (i < FLX_CLAMPS + FLX_INPUTS) {
        const struct flx_input *in = &b->input[i - FLX_CLAMPS];
        fprintf(f, ",\"counter\":%" PRIu32 ",\"milli\":%" PRIu64 ",\"truth_milli\":%" PRIu64 ",\"pulses\":%" PRIu64,
                in->counter.whole, in->counter.rest, in->truth_milli, in->pulses);
    }
    fputs("}", f);
}

static void stats(const void *self, FILE *f)
{
    static const char *const states[] = {"off", "asks", "measures"};
    const struct flx_board *board = self;
    const struct flx *b = &board->flx;

    fprintf(f, ",\"state\":\"%s\",\"silent\":%s", states[b->state], yes_no(b->silent));
    fprintf(f, ",\"unix_ms\":%" PRId64 ",\"radio_group\":%d", flx_unix_us(b) / 1000, b->radio_group);
    fprintf(f, ",\"phase\":%d,\"led_mode\":%d,\"batch\":%d,\"math\":%d", b->phase, b->led_mode, b->batch, b->math);
    frame_counts(f, "got", b->got);
    frame_counts(f, "sent", b->sent);
    fprintf(f, ",\"refused\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"skipped\":%" PRIu64, b->refused, board->reader.bad,
            board->reader.skipped);
    fputs(",\"ports\":[", f);
    for (int i = 0; i < FLX_PORTS; i++) {
        fputs(i ? "," : "", f);
        port_stats(b, i, f);
    }
    fputs("]", f);
}

/* ---- orders ---- */

/* 1, 0, or -1 when it is neither "on" nor "off". */
static int on_off(const char *word)
{
    if (word && strcmp(word, "on") == 0)
        return 1;
    return word && strcmp(word, "off") == 0 ? 0 : -1;
}

static const char *order_reset(struct call *c)
{
    struct flx_board *b = c->board;

    if (c->argv[1] && strcmp(c->argv[1], "forget") != 0)
        return "'forget' is all that a reset can do more";
    if (b->flx.state == FLX_OFF)
        return "the board is off";
    flx_reset(&b->flx, c->argv[1] != NULL);
    b->ping_ms = 0;
    return NULL;
}

static const char *order_board(struct call *c)
{
    struct flx_board *b = c->board;
    int on = on_off(c->argv[1]);

    if (on < 0)
        return "wanted: on or off";
    if (on == (b->flx.state != FLX_OFF))
        return on ? "the board is on already" : "the board is off already";
    if (on)
        flx_on(&b->flx);
    else
        flx_off(&b->flx);
    b->reader.len = 0;
    b->ping_ms = 0;
    return NULL;
}

static const char *order_silent(struct call *c)
{
    struct flx_board *b = c->board;
    int on = on_off(c->argv[1]);

    if (on < 0)
        return "wanted: on or off";
    b->flx.silent = on;
    return NULL;
}

static const char *order_clock(struct call *c)
{
    struct flx_board *b = c->board;

    flx_set_clock(&b->flx, (uint32_t)c->n[0]);
    return NULL;
}

static const char *order_counter(struct call *c)
{
    struct flx_board *b = c->board;
    int64_t i = c->n[0] - 1;

    if (i >= 12 * FLX_CLAMPS)
        b->flx.input[i - 12 * FLX_CLAMPS].counter.whole = (uint32_t)c->n[1];
    else if (i % 12 < FLX_ENERGIES)
        b->flx.clamp[i / 12].counter[i % 12].whole = (uint32_t)c->n[1];
    else
        return "this sensor has no counter";
    return NULL;
}

static const char *order_clamp(struct call *c)
{
    struct flx_board *b = c->board;
    struct flx_clamp *clamp = &b->flx.clamp[c->n[0] - 1];
    const char *what = c->argv[2], *value = c->argv[3];
    int64_t n;

    if (strcmp(what, "reversed") == 0) {
        if (on_off(value) < 0)
            return "wanted: reversed on, or reversed off";
        clamp->reversed = on_off(value);
        return NULL;
    }
    if (strcmp(what, "phase") == 0) {
        if (!value || option_int(value, 1, MAINS_PHASES, &n) < 0)
            return "wanted: phase 1, 2 or 3";
        clamp->phase = (int)n - 1;
        return NULL;
    }
    int given = value ? -1 : order_watts(what, -WATTS_MAX, &clamp->given_w);
    if (given < 0)
        return "wanted: watts, or 'auto' for the household's own, or 'reversed', or 'phase'";
    clamp->given = given == 0;
    return NULL;
}

static const char *order_aim(struct call *c)
{
    struct flx_board *b = c->board;

    if (strcmp(c->argv[1], "all") == 0) {
        b->line->aim = LINE_ANY;
        return NULL;
    }
    for (int t = 0; t < FRAME_TYPES; t++) {
        if (strcmp(c->argv[1], flx_wire_name((enum flx_frame_type)t)) == 0) {
            b->line->aim = t;
            return NULL;
        }
    }
    return "wanted: all, or a kind of frame: ping, pong, time_stamp, voltage, current, ct, pulse";
}

/* Ports are numbered 1..7 as on the case, sensors 1..39: 12 of each clamp, one of each pulse input. */
static const struct order orders[] = {
    {"reset",
     "S",
     {0},
     {0},
     {0},
     order_reset,
     "reset [forget]: watchdog reset, counters as saved; with forget it loses its settings too"},
    {"board", "s", {0}, {0}, {0}, order_board, "board on|off: switch it; counters are saved, its settings forgotten"},
    {"silent", "s", {0}, {0}, {0}, order_silent, "silent on|off: answer no ping"},
    {"clock", "n", {0}, {UINT32_MAX}, {0}, order_clock, "clock SECONDS: set its clock to this Unix time"},
    {"counter", "nn", {1, 0}, {39, UINT32_MAX}, {0}, order_counter, "counter SENSOR VALUE: set a counter, unsaved"},
    {"clamp",
     "nsS",
     {1},
     {FLX_CLAMPS},
     {0},
     order_clamp,
     "clamp PORT WATTS|auto, clamp PORT phase N, clamp PORT reversed on|off: what a clamp sees"},
    {"aim", "s", {0}, {0}, {0}, order_aim, "aim all|KIND: which frames have the faults (ct, pong and so on)"},
};

const struct board_kind board_kind_flx = {
    .name = "flx",
    .meter_port = FLX_CLAMPS,
    .orders = orders,
    .n_orders = ARRAY_LEN(orders),
    .new = new,
    .free = free,
    .title = title,
    .image = image,
    .load = load,
    .saves = saves,
    .commit = commit,
    .run = run,
    .pulse = pulse,
    .house_due = house_due,
    .receive = receive,
    .turn = turn,
    .due = due,
    .stats = stats,
};
