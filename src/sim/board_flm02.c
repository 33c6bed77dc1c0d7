/* FLM02 as one of the boards: its model, its end of the line, its orders. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "core/crc8.h"
#include "core/num.h"
#include "sim/board.h"
#include "sim/flm02.h"
#include "sim/line.h"
#include "sim/options.h"
#include "sim/orders.h"
#include "sim/wire.h"

static_assert(FLM02_IMAGE_MAX <= BOARD_IMAGE_MAX && FLM02_REPLY_MAX <= LINE_FRAME_MAX, "room for what it makes");

struct flm02_board {
    struct flm02 flm02;
    struct wire wire;
    struct line *line;
    int64_t house_ms;
    int32_t clamp_w[FLM02_CLAMPS]; /* what a clamp is made to see; -1: the household */
    char title[sizeof "flm02 2.x"];
};

/* ---- what the simulator asks of a board ---- */

static void *new (const struct options *o, struct line *line, int64_t house_ms, int64_t unix_ms)
{
    struct flm02_board *b = must(calloc(1, sizeof *b));

    (void)unix_ms; /* it has no clock */
    b->line = line;
    b->house_ms = house_ms;
    for (int i = 0; i < FLM02_CLAMPS; i++)
        b->clamp_w[i] = -1;
    snprintf(b->title, sizeof b->title, "flm02 %s", flm02_model_name(o->model));
    flm02_init(&b->flm02, o->model, house_ms);
    wire_init(&b->wire, o->reply_ms);
    return b;
}

static const char *title(const void *self)
{
    const struct flm02_board *b = self;

    return b->title;
}

static size_t image(const void *self, char *dst)
{
    const struct flm02_board *b = self;

    return flm02_image(&b->flm02, dst);
}

static int load(void *self, const char *text, size_t len)
{
    struct flm02_board *b = self;

    return flm02_load(&b->flm02, text, len);
}

static uint64_t saves(const void *self)
{
    const struct flm02_board *b = self;

    return b->flm02.saves;
}

static void commit(void *self)
{
    struct flm02_board *b = self;

    flm02_commit(&b->flm02);
}

static void run(void *self, int64_t house_ms, const struct board_input *in)
{
    struct flm02_board *b = self;
    int32_t w[FLM02_CLAMPS];

    for (int i = 0; i < FLM02_CLAMPS; i++) {
        int64_t v = in->flow.clamp_w[i] + (i == 0 ? in->extra_w : 0);
        w[i] = b->clamp_w[i] >= 0 ? b->clamp_w[i] : (int32_t)v;
    }
    flm02_run(&b->flm02, house_ms, w);
    b->house_ms = house_ms;
}

static void pulse(void *self, unsigned port, unsigned n)
{
    struct flm02_board *b = self;

    flm02_pulse(&b->flm02, port, n, b->house_ms);
}

static int64_t house_due(const void *self)
{
    (void)self;
    return INT64_MAX;
}

static void receive(void *self, int64_t now_ms, const uint8_t *bytes, size_t n)
{
    struct flm02_board *b = self;

    wire_receive(&b->wire, &b->flm02, now_ms, bytes, n);
}

static void turn(void *self, int64_t now_ms)
{
    struct flm02_board *b = self;
    char reply[FLM02_REPLY_MAX];
    size_t len = wire_reply(&b->wire, &b->flm02, now_ms, reply);

    if (len)
        line_put(b->line, LINE_ANY, reply, len);
}

static int64_t due(const void *self)
{
    const struct flm02_board *b = self;

    return wire_deadline(&b->wire);
}

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

static void stats(const void *self, FILE *out)
{
    const struct flm02_board *board = self;
    const struct flm02 *b = &board->flm02;

    fprintf(out, ",\"hardware\":\"%s\",\"board_ms\":%" PRId64, flm02_model_name(b->model),
            board->house_ms - b->start_ms);
    fprintf(out, ",\"polls\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"unknown\":%" PRIu64, b->deltas, b->bad, b->unknown);
    fprintf(out, ",\"lost_bytes\":%" PRIu64 ",\"watchdogs\":%" PRIu32 ",\"brownouts\":%" PRIu32, board->wire.lost,
            b->live.watchdogs, b->live.brownouts);
    fprintf(out, ",\"commands\":{\"total\":%" PRIu64, b->total);
    flm02_each_command(b, emit_count, out);
    fputs("},\"uart_sent\":\"", out);
    for (size_t i = 0; i < b->uart_out_len; i++)
        fprintf(out, "%02x", b->uart_out[i]);
    fputs("\",\"sensors\":[", out);
    for (unsigned id = 0; id < FLM02_IDS; id++) {
        fputs(id ? "," : "", out);
        sensor_stats(b, id, out);
    }
    fputs("]", out);
}

/* ---- orders ---- */

static const char *order_reset(struct call *c)
{
    struct flm02_board *b = c->board;

    flm02_reset(&b->flm02, b->house_ms);
    wire_reset(&b->wire);
    return NULL;
}

static const char *order_brownout(struct call *c)
{
    struct flm02_board *b = c->board;

    flm02_brownout(&b->flm02, b->house_ms);
    wire_reset(&b->wire);
    return NULL;
}

static const char *order_counter(struct call *c)
{
    struct flm02_board *b = c->board;

    b->flm02.live.counter[c->n[0]] = (uint32_t)c->n[1];
    return NULL;
}

/* As another program on the line would: its CRC is put behind it. */
static const char *order_tell(struct call *c)
{
    struct flm02_board *b = c->board;
    char text[32], reply[FLM02_REPLY_MAX];
    size_t n = strlen(c->argv[1]);
    unsigned records;

    if (n < 2 || n + 2 >= sizeof text)
        return "a command is two letters and its arguments";
    memcpy(text, c->argv[1], n);
    num_put_hex(text + n, crc8(text, n), 2);
    flm02_message(&b->flm02, text, n + 2, reply, &records);
    return memcmp(reply + 1, text, n) == 0 ? NULL : "the board does not take it";
}

static const char *order_uart(struct call *c)
{
    struct flm02_board *b = c->board;
    const char *hex = c->argv[1];
    size_t digits = strlen(hex);
    uint32_t byte;

    if (digits == 0 || digits % 2 || strspn(hex, "0123456789abcdefABCDEF") != digits)
        return "the bytes are wanted as pairs of hex digits";
    for (; *hex; hex += 2)
        if (num_get_hex(hex, 2, &byte) == 0)
            flm02_uart_in(&b->flm02, (uint8_t)byte);
    return NULL;
}

static const char *order_clamp(struct call *c)
{
    struct flm02_board *b = c->board;
    int64_t w = -1;

    if (order_watts(c->argv[2], 0, &w) < 0)
        return "the power is wanted in watts, or 'auto' for the household's own";
    b->clamp_w[c->n[0] - 1] = (int32_t)w;
    return NULL;
}

/* Ports are numbered 1..6 as on the case, ids 0..5 as in the protocol. */
static const struct order orders[] = {
    {"reset", "", {0}, {0}, {0}, order_reset, "reset: watchdog reset; what was not saved is gone"},
    {"brownout", "", {0}, {0}, {0}, order_brownout, "brownout: reset after saving the counters"},
    {"counter", "nn", {0, 0}, {5, UINT32_MAX}, {0}, order_counter, "counter ID VALUE: set a counter, unsaved"},
    {"tell", "s", {0}, {0}, {0}, order_tell, "tell COMMAND: tell the board something, as another host would: sm030063"},
    {"uart", "s", {0}, {0}, {0}, order_uart, "uart HEX: bytes come in at the RS-485 port"},
    {"clamp", "ns", {1}, {3}, {0}, order_clamp, "clamp PORT WATTS|auto: what a clamp sees"},
};

const struct board_kind board_kind_flm02 = {
    .name = "flm02",
    .meter_port = 3,
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
