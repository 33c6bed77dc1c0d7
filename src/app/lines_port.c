/* A line's port: a serial one, a TCP server's or the board's. Its bytes go to the protocol's decoder; a D0 meter that
 * must be asked is asked. It knows no value. */
#include "app/lines_impl.h"

#include "core/util.h"
#include "io/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void arm(struct line *x);

/* ---- asking ---- */

static void conv_send(void *ctx, const void *bytes, size_t n)
{
    struct line *x = ctx;
    int rc = x->tcp ? tcp_line_write(x->tcp, bytes, n) : x->tty ? tty_write(x->tty, bytes, n) : -1;

    if (rc < 0) /* nobody answers then, and that is told */
        log_detail("line %s: a request could not be sent", x->key);
}

static void conv_baud(void *ctx, int baud)
{
    struct line *x = ctx;

    if (x->tty && tty_baud(x->tty, baud) < 0)
        log_detail("line %s: its port cannot do %d baud", x->key, baud);
}

/* A meter that did not answer once is asked again soon: an optical head lies askew, a meter wakes up. */
static void conv_ended(void *ctx, enum d0_conv_end end)
{
    struct line *x = ctx;

    x->unpaused = false;
    x->decoder->pause(x->decoding, line_on_telegram, x);
    x->asked = end;
    x->unanswered = x->telegrams > x->good_when_asked ? 0 : x->unanswered + 1;
    if (x->unanswered == 1)
        x->ask_ms = app_mono_ms(x->owner->app) + LINE_ASK_AGAIN_MS;
}

static const struct d0_conv_host conv_host = {conv_send, conv_baud, conv_ended};

static void ask(struct line *x, int64_t now)
{
    x->good_when_asked = x->telegrams;
    x->ask_ms = now + x->interval_ms;
    d0_conv_start(&x->conv, now);
}

/* ---- time ---- */

static bool is_asking(const struct line *x)
{
    return x->pull && d0_conv_busy(&x->conv);
}

static void on_timer(uv_timer_t *timer)
{
    struct line *x = timer->data;
    int64_t now = app_mono_ms(x->owner->app);

    if (is_asking(x))
        d0_conv_tick(&x->conv, now);
    else if (x->unpaused && now - x->heard_ms >= LINE_PAUSE_MS) {
        x->unpaused = false;
        x->decoder->pause(x->decoding, line_on_telegram, x);
    }
    if (x->pull && x->open && !is_asking(x) && now >= x->ask_ms)
        ask(x, now);
    arm(x);
}

static void earliest(int64_t *at, int64_t other)
{
    if (*at < 0 || other < *at)
        *at = other;
}

static void arm(struct line *x)
{
    int64_t at = -1, now = app_mono_ms(x->owner->app);

    if (is_asking(x))
        earliest(&at, d0_conv_deadline(&x->conv));
    else if (x->unpaused)
        earliest(&at, x->heard_ms + LINE_PAUSE_MS);
    if (x->pull && x->open && !is_asking(x))
        earliest(&at, x->ask_ms);
    if (at < 0)
        uv_timer_stop(&x->timer);
    else
        uv_timer_start(&x->timer, on_timer, at > now ? (uint64_t)(at - now) : 0, 0);
}

/* ---- the port ---- */

static void opened(struct line *x)
{
    int64_t now = app_mono_ms(x->owner->app);

    x->open = true;
    x->open_ms = now;
    x->bytes_unread = 0;
    x->decoder->init(x->decoding);
    line_set_state(x, LINE_SILENT, "no telegram yet");
    if (x->pull) {
        x->unanswered = 0;
        ask(x, now);
    }
    arm(x);
}

static void lost(struct line *x, const char *reason)
{
    x->open = x->unpaused = false;
    d0_conv_stop(&x->conv);
    line_set_state(x, LINE_DOWN, reason);
    arm(x);
}

static void on_opened(void *ctx)
{
    struct line *x = ctx;
    const struct line_settings *s = line_settings_of(x);

    if (x->tcp)
        log_info("line %s: %s:%d: connected", x->key, s->tcp.host, s->tcp.port);
    else
        log_info("line %s: %s: open", x->key, s->device);
    opened(x);
}

static void on_bytes(void *ctx, const char *p, size_t n)
{
    struct line *x = ctx;
    int64_t now = app_mono_ms(x->owner->app);

    x->heard_ms = now;
    x->bytes += n;
    x->bytes_unread += n;
    x->unpaused = x->protocol == LINE_D0;
    x->decoder->bytes(x->decoding, (const uint8_t *)p, n, line_on_telegram, x);
    if (is_asking(x))
        d0_conv_bytes(&x->conv, (const uint8_t *)p, n, now);
    if (x->protocol == LINE_D0)
        arm(x);
}

static void on_lost(void *ctx, const char *reason)
{
    struct line *x = ctx;
    const struct line_settings *s = line_settings_of(x);
    char text[LINE_REASON];

    if (x->tcp)
        snprintf(text, sizeof text, "%.80s:%d: %s", s->tcp.host, s->tcp.port, reason);
    else
        snprintf(text, sizeof text, "%.80s: %s", s->device, reason);
    log_warn("line %s: %s; trying again", x->key, text);
    lost(x, text);
}

static const struct tty_callbacks callbacks = {on_opened, on_bytes, on_lost};

void line_port_board_bytes(void *line, const uint8_t *bytes, size_t n)
{
    struct line *x = line;

    if (!x->open)
        opened(x); /* they come before the board says that all is well */
    on_bytes(x, (const char *)bytes, n);
}

/* The board's port is there when the board is. */
static void look_at_board(struct line *x)
{
    const struct fact_value *board = &x->owner->app->facts.v[FACT_BOARD];
    char text[LINE_REASON];

    if (board->on && !x->open) {
        opened(x);
    } else if (!board->on) {
        snprintf(text, sizeof text, "the board: %.140s", board->reason[0] ? board->reason : "not there yet");
        lost(x, text);
    }
}

void line_port_second(struct line *x)
{
    if (x->state == LINE_OFF)
        return;
    if (x->way == LINE_BY_BOARD)
        look_at_board(x);
    if (x->open)
        line_look_for_silence(x, app_mono_ms(x->owner->app));
}

static enum tty_format format_of(enum line_format f)
{
    static const enum tty_format formats[] = {
        [LINE_8N1] = TTY_8N1, [LINE_7E1] = TTY_7E1, [LINE_8E1] = TTY_8E1, [LINE_7O1] = TTY_7O1, [LINE_8N2] = TTY_8N2};

    return formats[f];
}

void line_port_open(struct line *x, const struct line_settings *s)
{
    uv_loop_t *loop = x->owner->app->loop;

    line_set_state(x, LINE_DOWN, "it is being opened");
    d0_conv_init(&x->conv, &conv_host, x, s->way == LINE_BY_DEVICE ? s->baud : D0_CONV_BAUD);
    switch (s->way) {
    case LINE_BY_DEVICE:
        x->tty = tty_new(loop, &callbacks, x);
        tty_open(x->tty, s->device, s->pull ? D0_CONV_BAUD : s->baud, format_of(s->format));
        break;
    case LINE_BY_TCP:
        x->tcp = tcp_line_new(loop, &callbacks, x);
        tcp_line_open(x->tcp, s->tcp.host, s->tcp.port);
        break;
    case LINE_BY_BOARD:
        look_at_board(x);
        break;
    }
}

/* ---- its end ---- */

struct closing {
    struct line *line;
    void (*done)(struct line *x);
    int handles;
};

static void closed_one(void *ctx)
{
    struct closing *c = ctx;

    if (--c->handles > 0)
        return;
    struct line *x = c->line;
    void (*done)(struct line * x) = c->done;
    free(c);
    done(x);
}

static void on_timer_closed(uv_handle_t *h)
{
    closed_one(h->data);
}

void line_port_close(struct line *x, void (*done)(struct line *x))
{
    struct closing *c = must(calloc(1, sizeof *c));

    *c = (struct closing){x, done, 1 + (x->tty != NULL) + (x->tcp != NULL)};
    x->open = false;
    x->timer.data = c;
    uv_close((uv_handle_t *)&x->timer, on_timer_closed);
    if (x->tty)
        tty_close(x->tty, closed_one, c);
    if (x->tcp)
        tcp_line_close(x->tcp, closed_one, c);
}
