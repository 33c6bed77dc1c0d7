#include "core/flm02_conv.h"

#include "core/flm02_readback.h"
#include "core/num.h"

#include <stdio.h>
#include <string.h>

static void next_step(struct flm02_conv *c, int64_t now_ms);

const char *flm02_state_name(enum flm02_state s)
{
    static const char *const names[] = {"no line", "identifying", "reading back", "configuring",
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

/* The next request of a script waits until the line is quiet, or has babbled too long, and until a board that
 * commits hears again. */
static void wait_for_quiet(struct flm02_conv *c, int64_t now_ms)
{
    int64_t at = now_ms + FLM02_QUIET_MS, limit = c->quiet_from_ms + FLM02_BABBLE_MS;

    at = at < limit ? at : limit;
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
    c->unsaved |= c->request.letters[0] == 's';
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
    c->tries = c->wrong = 0;
    transmit(c, now_ms);
}

static void ask_plain(struct flm02_conv *c, const char *letters, int64_t now_ms)
{
    struct flm02_command request = {.n_args = 0};

    memcpy(request.letters, letters, 2);
    ask(c, &request, now_ms);
}

/* Counts of resets: good to know, and nothing depends on them. */
static bool is_statistic(const struct flm02_conv *c)
{
    return memcmp(c->request.letters, "gw", 2) == 0 || memcmp(c->request.letters, "gb", 2) == 0;
}

/* Do not wear its EEPROM out: the next write waits 1, 2, 4 ... minutes. */
static void back_off(struct flm02_conv *c, int64_t now_ms)
{
    c->rewrite_wait_ms = c->rewrite_wait_ms ? 2 * c->rewrite_wait_ms : FLM02_RETRY_MS;
    if (c->rewrite_wait_ms > FLM02_REWRITE_MAX_MS)
        c->rewrite_wait_ms = FLM02_REWRITE_MAX_MS;
    c->rewrite_ms = now_ms + c->rewrite_wait_ms;
}

static void give_up(struct flm02_conv *c, int64_t now_ms)
{
    char reason[80];

    c->waiting = c->again = false;
    c->deadline_ms = -1;
    if (c->state == FLM02_POLL)
        return; /* the next second's poll tries again; 3 s decide */
    if (c->state == FLM02_READBACK && is_statistic(c)) {
        c->at++;
        c->quiet_from_ms = now_ms;
        wait_for_quiet(c, now_ms);
        return;
    }
    if (c->state == FLM02_WRITE && c->n_script == 1) /* ct alone, missed again */
        back_off(c, now_ms);
    snprintf(reason, sizeof reason, "no right answer to %.2s in %u tries", c->request.letters, c->tries);
    if (c->state == FLM02_WRITE && c->wrong == FLM02_TRIES) { /* it hears, and will not */
        c->retry_ms = now_ms + FLM02_RETRY_MS;
        set_state(c, FLM02_REFUSED_BOARD, reason);
        return;
    }
    set_state(c, FLM02_LOST, reason);
}

/* A try failed. In LOST and REFUSED one try at a time is enough. */
static void retry(struct flm02_conv *c, int64_t now_ms)
{
    if (c->tries >= FLM02_TRIES || c->state == FLM02_LOST || c->state == FLM02_REFUSED_BOARD) {
        give_up(c, now_ms);
        return;
    }
    c->retries++;
    c->waiting = false;
    c->again = true;
    c->quiet_from_ms = now_ms;
    wait_for_quiet(c, now_ms);
}

/* ---- what replies mean ---- */

static void identified(struct flm02_conv *c, int64_t now_ms)
{
    char reason[80];

    c->major = num_hex(c->reader.args, 4);
    c->minor = num_hex(c->reader.args + 4, 2);
    if (!flm02_conv_knows(c)) {
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

/* A clamp's sensor reports each second while it is on. One that stays away was perhaps switched off by a reset of the
 * board: it is read back, once. */
static void note_silent(struct flm02_conv *c, const struct flm02_record *r, int n)
{
    for (unsigned id = 0; id < FLM02_CLAMPS; id++)
        if (c->want.sensor[id].enable && c->silent[id] <= FLM02_SILENT_POLLS && ++c->silent[id] == FLM02_SILENT_POLLS)
            c->recheck = true;
    for (int i = 0; i < n; i++)
        if (r[i].id < FLM02_CLAMPS)
            c->silent[r[i].id] = 0;
}

static bool take_poll(struct flm02_conv *c, const char *args, size_t n)
{
    struct flm02_record records[FLM02_SENSORS];
    int count = flm02_records(args, n, c->minor >= 1 ? 22 : 18, records);

    if (count < 0)
        return false;
    c->polls++;
    note_silent(c, records, count);
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
        return flm02_readback_take(&c->request, args, n, &c->held) == 0;
    case FLM02_WRITE: /* echoed as it was sent; an unknown command is echoed without arguments, with a good CRC */
        return n == c->request.n_args && memcmp(args, c->request.args, n) == 0;
    default: /* gh */
        return n == 6;
    }
}

/* Is the message what was asked for? A delta is welcome whenever it comes: it holds pulses that come only once. */
static bool awaited(const struct flm02_conv *c)
{
    bool asked = memcmp(c->reader.letters, c->request.letters, 2) == 0;

    return asked && (c->waiting || c->again || c->state == FLM02_POLL);
}

static void message(struct flm02_conv *c, int64_t now_ms)
{
    enum flm02_state state = c->state;

    if (!awaited(c)) {
        c->unexpected++;
        if (c->waiting && memcmp(c->reader.letters, "zz", 2) == 0)
            retry(c, now_ms); /* the board saw a bad CRC */
        return;
    }
    if (!take(c, c->reader.args, c->reader.n_args)) {
        c->unexpected++;
        c->wrong++;
        if (c->waiting)
            retry(c, now_ms);
        return;
    }
    c->replies++;
    c->last_reply_ms = now_ms;
    c->waiting = c->again = false;
    c->deadline_ms = -1;
    if (state == FLM02_POLL)
        return; /* nothing to send before the next second: no timer, and RS-485 bytes may take their time */
    if (is_commit(c))
        c->unsaved = false;
    if (state == FLM02_IDENTIFY || state == FLM02_LOST || state == FLM02_REFUSED_BOARD)
        identified(c, now_ms);
    else
        c->at++;
    if (c->state == FLM02_READBACK || c->state == FLM02_WRITE) {
        c->quiet_from_ms = now_ms;
        wait_for_quiet(c, now_ms);
    }
}

/* ---- scripts ---- */

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

/* All is read: does the board hold what it shall? */
static void compare(struct flm02_conv *c, int64_t now_ms)
{
    c->at = 0;
    c->n_script = flm02_script(&c->held, &c->want, c->minor, c->script, c->script_enables);
    bool waits = c->unsaved && c->rewrite_wait_ms && now_ms < c->rewrite_ms; /* it works, and ct comes later */
    if (c->n_script == 0 && (!c->unsaved || waits)) {
        c->rewrite_wait_ms = c->unsaved ? c->rewrite_wait_ms : 0;
        c->recheck = false;
        set_state(c, FLM02_POLL, "");
        return;
    }
    if (c->n_script == 0) /* it holds all, but would forget it: only ct is missing */
        c->script[c->n_script++] = (struct flm02_command){.letters = "ct"};
    if (c->verified) /* it took each command and forgot it */
        back_off(c, now_ms);
    if (c->rewrite_wait_ms && now_ms < c->rewrite_ms) {
        c->retry_ms = now_ms + FLM02_RETRY_MS;
        set_state(c, FLM02_REFUSED_BOARD, "the board does not keep its settings");
        return;
    }
    c->writes++;
    set_state(c, FLM02_WRITE, "");
    next_step(c, now_ms);
}

static void next_step(struct flm02_conv *c, int64_t now_ms)
{
    if (c->state == FLM02_READBACK && c->n_script == 0) {
        c->at = 0;
        c->n_script = flm02_readback_script(&c->want, c->minor, c->script);
    }
    if (c->at < c->n_script)
        ask(c, &c->script[c->at], now_ms);
    else if (c->state == FLM02_WRITE)
        written(c, now_ms);
    else
        compare(c, now_ms);
}

/* ---- what happens to it ---- */

void flm02_conv_want(struct flm02_conv *c, const struct flm02_picture *wish, int64_t now_ms)
{
    if (memcmp(&c->wish, wish, sizeof *wish) == 0)
        return;
    c->wish = *wish;
    c->rewrite_wait_ms = 0;
    memset(c->silent, 0, sizeof c->silent);
    if (c->state == FLM02_DOWN || c->state == FLM02_LOST)
        return;
    set_state(c, FLM02_IDENTIFY, "the settings changed");
    ask_plain(c, "gh", now_ms);
}

void flm02_conv_sync(struct flm02_conv *c, int64_t now_ms)
{
    c->rewrite_wait_ms = 0;
    if (c->state == FLM02_POLL) {
        c->recheck = true;
    } else if (c->state == FLM02_LOST || c->state == FLM02_REFUSED_BOARD) {
        set_state(c, FLM02_IDENTIFY, "to be synchronised");
        ask_plain(c, "gh", now_ms);
    }
}

void flm02_conv_line_up(struct flm02_conv *c, int64_t now_ms)
{
    flm02_reader_init(&c->reader);
    memset(c->silent, 0, sizeof c->silent);
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
        c->polls_lost += c->waiting || c->again;
        if (now_ms - c->last_reply_ms >= FLM02_SILENT_MS) {
            set_state(c, FLM02_LOST, "the board has been silent for 3 s");
            ask_plain(c, "gh", now_ms);
        } else if (c->recheck || (c->unsaved && now_ms >= c->rewrite_ms)) {
            set_state(c, FLM02_IDENTIFY, "the board may have been reset");
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
