#include "core/flm02_conv.h"

#include "core/num.h"
#include "core/util.h"

#include <stdio.h>
#include <string.h>

static void next_step(struct flm02_conv *c, int64_t now_ms);

const char *flm02_state_name(enum flm02_state s)
{
    static const char *const names[] = {"no line",     "identifying", "reading back", "configuring",
                                        "polling", "lost",        "refused"};

    return names[s];
}

void flm02_conv_init(struct flm02_conv *c, const struct flm02_callbacks *cb, void *ctx)
{
    memset(c, 0, sizeof *c);
    c->cb = cb;
    c->ctx = ctx;
    c->deadline_ms = -1;
    flm02_reader_init(&c->reader);
}

static void set_state(struct flm02_conv *c, enum flm02_state to, const char *reason)
{
    enum flm02_state from = c->state;

    c->state = to;
    c->waiting = c->again = false;
    c->deadline_ms = -1;
    if (from != to)
        c->cb->state(c->ctx, from, to, reason);
}

/* ---- one request and its reply ---- */

static bool is_commit(const struct flm02_conv *c)
{
    return memcmp(c->request.letters, "ct", 2) == 0;
}

/* Nothing is sent before the line was quiet for a while, or, after ct, before the board hears again. */
static void wait_for_quiet(struct flm02_conv *c, int64_t now_ms)
{
    int64_t at = now_ms + FLM02_QUIET_MS;

    c->deadline_ms = at > c->hears_ms ? at : c->hears_ms;
}

static void transmit(struct flm02_conv *c, int64_t now_ms)
{
    char text[FLM02_REQUEST_MAX];
    size_t n = flm02_write(text, c->request.letters, c->request.args, c->request.n_args);

    flm02_reader_silence(&c->reader);
    c->waiting = true;
    c->again = false;
    c->tries++;
    c->requests++;
    c->deadline_ms = now_ms + FLM02_REPLY_MS;
    if (is_commit(c)) {
        c->hears_ms = now_ms + FLM02_COMMIT_MS;
        c->deadline_ms = c->hears_ms + FLM02_REPLY_MS;
    }
    c->cb->send(c->ctx, text, n);
}

static void ask(struct flm02_conv *c, const struct flm02_command *request, int64_t now_ms)
{
    c->request = *request;
    c->tries = 0;
    transmit(c, now_ms);
}

static void ask_plain(struct flm02_conv *c, const char *letters, int64_t now_ms)
{
    struct flm02_command request = {.n_args = 0};

    memcpy(request.letters, letters, 2);
    ask(c, &request, now_ms);
}

static void give_up(struct flm02_conv *c, int64_t now_ms)
{
    char reason[80];

    if (c->state == FLM02_POLL) {
        c->waiting = c->again = false; /* the next second's poll tries again; 3 s decide */
        c->deadline_ms = -1;
        c->polls_lost++;
        return;
    }
    snprintf(reason, sizeof reason, "no right answer to %.2s in %d tries", c->request.letters, FLM02_TRIES);
    if (c->state == FLM02_WRITE) {
        c->retry_ms = now_ms + FLM02_RETRY_MS;
        set_state(c, FLM02_REFUSED_BOARD, reason);
        return;
    }
    set_state(c, FLM02_LOST, c->state == FLM02_LOST ? "" : reason);
}

/* A try failed. In LOST one try a second is enough. */
static void retry(struct flm02_conv *c, int64_t now_ms)
{
    if (c->tries >= FLM02_TRIES || c->state == FLM02_LOST || c->state == FLM02_REFUSED_BOARD) {
        give_up(c, now_ms);
        return;
    }
    c->retries++;
    c->waiting = false;
    c->again = true;
    wait_for_quiet(c, now_ms);
}

/* ---- what replies mean ---- */

static void identified(struct flm02_conv *c, int64_t now_ms)
{
    char reason[80];

    c->major = num_hex(c->reader.args, 4);
    c->minor = num_hex(c->reader.args + 4, 2);
    if (c->major != FLM02_MAJOR || c->minor > FLM02_MINOR_MAX) {
        c->retry_ms = now_ms + FLM02_RETRY_MS;
        snprintf(reason, sizeof reason, "board hardware %u.%u is not known (%d.0 to %d.%d are)", c->major, c->minor,
                 FLM02_MAJOR, FLM02_MAJOR, FLM02_MINOR_MAX);
        set_state(c, FLM02_REFUSED_BOARD, reason);
        return;
    }
    c->want = c->wish;
    flm02_fit(&c->want, c->minor, c->problems);
    c->verified = false;
    c->at = c->n_script = 0;
    set_state(c, FLM02_READBACK, "");
}

/* Replies of the read-back, by command: digits of the whole reply and what to do with them. */
static void held_port_map(struct flm02_conv *c, const char *args)
{
    for (unsigned p = 0; p < FLM02_PORTS; p++)
        c->held.port_map[p] = (uint8_t)num_hex(args + 2 * p, 2);
}

static void held_enable(struct flm02_conv *c, const char *args)
{
    c->held.sensor[num_hex(args, 2)].enable = num_hex(args + 2, 2) != 0;
}

static void held_constant(struct flm02_conv *c, const char *args)
{
    c->held.sensor[num_hex(args, 2)].constant = (uint16_t)num_hex(args + 2, 4);
}

static void held_fraction(struct flm02_conv *c, const char *args)
{
    c->held.sensor[num_hex(args, 2)].fraction = (uint16_t)num_hex(args + 2, 4);
}

static void held_analog(struct flm02_conv *c, const char *args)
{
    c->held.analog_enable = (uint8_t)num_hex(args, 2);
    c->held.rx_invert = (uint8_t)num_hex(args + 2, 2);
    c->held.tx_invert = (uint8_t)num_hex(args + 4, 2);
}

static void held_led(struct flm02_conv *c, const char *args)
{
    c->held.led_mode = (uint8_t)num_hex(args, 2);
}

static void held_watchdog(struct flm02_conv *c, const char *args)
{
    c->watchdog_resets = (uint16_t)num_hex(args, 4);
}

static void held_brown_outs(struct flm02_conv *c, const char *args)
{
    c->brown_outs = (uint16_t)num_hex(args, 4);
}

static const struct {
    char letters[3];
    uint8_t digits;
    void (*take)(struct flm02_conv *c, const char *args);
} replies[] = {
    {"gp", 12, held_port_map}, {"ge", 4, held_enable}, {"gm", 6, held_constant}, {"gf", 6, held_fraction},
    {"gk", 6, held_analog},    {"gi", 2, held_led},    {"gw", 4, held_watchdog}, {"gb", 4, held_brown_outs},
};

/* A reply fits when it has the length of its command and repeats its arguments: an unknown command is echoed
 * without any, with a good CRC. */
static bool fits(const struct flm02_conv *c, const char *args, size_t n)
{
    const struct flm02_command *q = &c->request;

    if (c->state == FLM02_WRITE && n != q->n_args)
        return false;
    return n >= q->n_args && memcmp(args, q->args, q->n_args) == 0;
}

static bool take_readback(struct flm02_conv *c, const char *args, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        if (memcmp(c->request.letters, replies[i].letters, 2) != 0)
            continue;
        if (n != replies[i].digits || !fits(c, args, n))
            return false;
        replies[i].take(c, args);
        return true;
    }
    return false;
}

static bool take_poll(struct flm02_conv *c, const char *args, size_t n)
{
    struct flm02_record records[FLM02_SENSORS];
    int count = flm02_records(args, n, c->minor >= 1 ? 22 : 18, records);

    if (count < 0)
        return false;
    c->polls++;
    c->cb->records(c->ctx, records, count);
    return true;
}

/* Is this the answer to what was asked? */
static bool take(struct flm02_conv *c, const char *args, size_t n)
{
    switch (c->state) {
    case FLM02_POLL:
        return take_poll(c, args, n);
    case FLM02_READBACK:
        return take_readback(c, args, n);
    case FLM02_WRITE:
        return fits(c, args, n);
    default: /* gh */
        return n == 6;
    }
}

static void message(struct flm02_conv *c, int64_t now_ms)
{
    enum flm02_state state = c->state;

    if (!c->waiting || memcmp(c->reader.letters, c->request.letters, 2) != 0) {
        c->unexpected++;
        if (c->waiting && memcmp(c->reader.letters, "zz", 2) == 0)
            retry(c, now_ms); /* the board saw a bad CRC */
        return;
    }
    if (!take(c, c->reader.args, c->reader.n_args)) {
        c->unexpected++;
        retry(c, now_ms);
        return;
    }
    c->replies++;
    c->last_reply_ms = now_ms;
    c->waiting = false;
    c->deadline_ms = -1;
    if (state == FLM02_POLL)
        return; /* nothing to send before the next second: no timer, and RS-485 bytes may take their time */
    if (state == FLM02_IDENTIFY || state == FLM02_LOST || state == FLM02_REFUSED_BOARD)
        identified(c, now_ms);
    else
        c->at++;
    if (c->state == FLM02_READBACK || c->state == FLM02_WRITE)
        wait_for_quiet(c, now_ms);
}

/* ---- scripts ---- */

static void add(struct flm02_conv *c, const char *letters, int id)
{
    struct flm02_command *q = &c->script[c->n_script++];

    memcpy(q->letters, letters, 2);
    q->n_args = id < 0 ? 0 : 2;
    if (id >= 0)
        num_put_hex(q->args, (uint32_t)id, 2);
}

/* Only what matters is read: a sensor that stays off may hold any constant. */
static void script_readback(struct flm02_conv *c)
{
    c->at = c->n_script = 0;
    add(c, "gp", -1);
    for (int id = 0; id < FLM02_SENSORS; id++)
        add(c, "ge", id);
    for (int id = 0; id < FLM02_SENSORS; id++) {
        if (!c->want.sensor[id].enable || !c->want.sensor[id].scaled)
            continue;
        add(c, "gm", id);
        if (c->minor >= 1)
            add(c, "gf", id);
    }
    if (c->minor >= 2) {
        add(c, "gk", -1);
        add(c, "gi", -1);
    }
    add(c, "gw", -1);
    add(c, "gb", -1);
}

static void written(struct flm02_conv *c, int64_t now_ms)
{
    for (unsigned id = 0; id < FLM02_SENSORS; id++)
        if (c->script_enables[id])
            c->cb->enabled(c->ctx, id);
    c->verified = true;
    c->n_script = 0;
    set_state(c, FLM02_READBACK, "");
    next_step(c, now_ms);
}

static void read_back(struct flm02_conv *c, int64_t now_ms)
{
    c->at = 0;
    c->n_script = flm02_script(&c->held, &c->want, c->minor, c->script, c->script_enables);
    if (c->n_script == 0) {
        set_state(c, FLM02_POLL, "");
    } else if (c->verified) { /* it took each command and forgot it: do not wear its EEPROM out */
        c->retry_ms = now_ms + FLM02_RETRY_MS;
        set_state(c, FLM02_REFUSED_BOARD, "the board does not keep its settings");
    } else {
        c->writes++;
        set_state(c, FLM02_WRITE, "");
        next_step(c, now_ms);
    }
}

static void next_step(struct flm02_conv *c, int64_t now_ms)
{
    if (c->state == FLM02_READBACK && c->n_script == 0)
        script_readback(c);
    if (c->at < c->n_script)
        ask(c, &c->script[c->at], now_ms);
    else if (c->state == FLM02_WRITE)
        written(c, now_ms);
    else
        read_back(c, now_ms);
}

/* ---- what happens to it ---- */

void flm02_conv_want(struct flm02_conv *c, const struct flm02_picture *wish, int64_t now_ms)
{
    if (memcmp(&c->wish, wish, sizeof *wish) == 0)
        return;
    c->wish = *wish;
    if (c->state == FLM02_DOWN || c->state == FLM02_LOST)
        return;
    set_state(c, FLM02_IDENTIFY, "the settings changed");
    ask_plain(c, "gh", now_ms);
}

void flm02_conv_line_up(struct flm02_conv *c, int64_t now_ms)
{
    flm02_reader_init(&c->reader);
    c->last_reply_ms = now_ms;
    set_state(c, FLM02_IDENTIFY, "");
    ask_plain(c, "gh", now_ms);
}

void flm02_conv_line_down(struct flm02_conv *c, const char *reason)
{
    set_state(c, FLM02_DOWN, reason);
}

void flm02_conv_poll(struct flm02_conv *c, int64_t now_ms)
{
    switch (c->state) {
    case FLM02_POLL:
        if (now_ms - c->last_reply_ms >= FLM02_SILENT_MS) {
            set_state(c, FLM02_LOST, "the board has been silent for 3 s");
            ask_plain(c, "gh", now_ms);
        } else {
            ask_plain(c, "gd", now_ms);
        }
        break;
    case FLM02_LOST:
        ask_plain(c, "gh", now_ms);
        break;
    case FLM02_REFUSED_BOARD:
        if (now_ms >= c->retry_ms) {
            c->retry_ms = now_ms + FLM02_RETRY_MS;
            ask_plain(c, "gh", now_ms);
        }
        break;
    default:
        break; /* busy, or no line */
    }
}

void flm02_conv_bytes(struct flm02_conv *c, const char *bytes, size_t n, int64_t now_ms)
{
    const char *p = bytes, *end = bytes + n;
    uint8_t uart[64];
    size_t n_uart = 0;

    for (enum flm02_event e; (e = flm02_read(&c->reader, &p, end)) != FLM02_MORE;) {
        if (e == FLM02_UART) {
            uart[n_uart++] = c->reader.uart;
            c->uart_bytes++;
        }
        if (n_uart == sizeof uart || (n_uart && e != FLM02_UART)) {
            c->cb->uart(c->ctx, uart, n_uart);
            n_uart = 0;
        }
        if (e == FLM02_MESSAGE)
            message(c, now_ms);
        else if (e == FLM02_NOTHING)
            c->unexpected++;
    }
    if (n_uart)
        c->cb->uart(c->ctx, uart, n_uart);
    if (!c->waiting && c->deadline_ms >= 0)
        wait_for_quiet(c, now_ms);
}

void flm02_conv_tick(struct flm02_conv *c, int64_t now_ms)
{
    if (c->deadline_ms < 0 || now_ms < c->deadline_ms)
        return;
    c->deadline_ms = -1;
    if (c->waiting)
        retry(c, now_ms);
    else if (c->again)
        transmit(c, now_ms);
    else
        next_step(c, now_ms);
}
