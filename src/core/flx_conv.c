#include "core/flx_conv.h"

#include <string.h>

const char *flx_state_name(enum flx_state s)
{
    static const char *const names[] = {"no line", "configuring", "running", "lost", "not taking its configuration"};

    return names[s];
}

void flx_conv_init(struct flx_conv *c, const struct flx_callbacks *cb, void *ctx)
{
    memset(c, 0, sizeof *c);
    c->cb = cb;
    c->ctx = ctx;
    c->config_next_ms = c->asked_ms = c->step_next_ms = INT64_MIN / 2; /* long ago */
    c->cut_ms = -1;
    flx_reader_init(&c->reader);
}

static void set_state(struct flx_conv *c, enum flx_state to, const char *reason)
{
    enum flx_state from = c->state;

    c->state = to;
    if (from != to)
        c->cb->state(c->ctx, from, to, reason);
}

static void send_frame(struct flx_conv *c, enum flx_type type, const void *payload, size_t len)
{
    uint8_t frame[FLX_FRAME_MAX];

    if (c->state != FLX_DOWN) /* the one before may have ended the line */
        c->cb->send(c->ctx, frame, flx_frame_put(frame, (uint8_t)type, payload, len));
}

static void send_number(struct flx_conv *c, enum flx_type type, uint32_t v)
{
    uint8_t payload[4];

    flx_put_u32(payload, v);
    send_frame(c, type, payload, sizeof payload);
}

/* ---- the configuration ---- */

static void send_config(struct flx_conv *c, int64_t now_ms)
{
    c->config_due = false;
    c->configured = true;
    c->after_config = false;
    c->config_next_ms = now_ms + FLX_CONFIG_MS;
    c->configs++;
    send_frame(c, FLX_PORT_CONFIG, c->want, sizeof c->want);
    send_frame(c, FLX_KUBE_CONTROL, &c->radio_group, 1);
}

/* Send it, now or when it may be: a board that pings a thousand times a second gets one a second. */
static void configure(struct flx_conv *c, int64_t now_ms)
{
    c->configured = false;
    c->config_due = c->wanted;
    if (c->config_due && now_ms >= c->config_next_ms)
        send_config(c, now_ms);
}

/* The board pings: it has no configuration. */
static void asked(struct flx_conv *c, int64_t now_ms)
{
    bool waits = c->config_due;

    if (now_ms - c->asked_ms >= FLX_AGAIN_MS)
        c->asks = 0;
    c->asked_ms = now_ms;
    if (!waits)
        c->asks++;
    if (c->state == FLX_RUN)
        set_state(c, FLX_CONFIGURE, "the board asks for its configuration");
    else if (c->state == FLX_CONFIGURE && c->asks > FLX_ASKS_MAX)
        set_state(c, FLX_DEAF, "the board goes on asking for its configuration");
    configure(c, now_ms);
}

/* ---- the heartbeat ---- */

static void ping(struct flx_conv *c, int64_t now_ms)
{
    c->pongs_lost += c->waiting;
    c->waiting = true;
    c->after_config = c->configured;
    c->pings++;
    if (now_ms < c->heard_ms + FLX_SILENT_MS)
        c->grace_ms = now_ms + FLX_PONG_MS;
    send_number(c, FLX_PING, ++c->counter);
}

static void listen(struct flx_conv *c, int64_t now_ms)
{
    c->heard_ms = now_ms;
    c->grace_ms = now_ms;
    c->excused = false;
}

/* Did the board take its configuration? Only its silence on that says so. */
static bool settled(const struct flx_conv *c, int64_t now_ms)
{
    return c->configured && c->after_config && (c->asks <= 1 || now_ms - c->asked_ms >= FLX_SETTLED_MS);
}

static void pong(struct flx_conv *c, uint32_t counter, int64_t now_ms)
{
    if (!c->waiting || counter != c->counter) {
        c->pongs_stale++;
        return;
    }
    c->waiting = false;
    c->pongs++;
    listen(c, now_ms);
    c->cb->heartbeat(c->ctx);
    if (c->state == FLX_LOST) { /* it may have been reset, or be another one (pitfall 16) */
        c->asks = 0;
        set_state(c, FLX_CONFIGURE, "the board answers again");
        configure(c, now_ms);
    } else if (c->state != FLX_RUN && settled(c, now_ms)) {
        set_state(c, FLX_RUN, "");
    }
}

/* ---- the board's clock ---- */

static bool host_is_set(const struct board_now *now)
{
    return now->clock != CLOCK_UNSET && now->wall_ms / 1000 > CLOCK_FLOOR_S;
}

/* The board's clock says s, and may not be there for another `early_ms`. A message was under way for some time, so a
 * board that is ahead seems to be so by less than it is. */
static void judge_time(struct flx_conv *c, uint32_t s, int64_t early_ms, const struct board_now *now)
{
    int64_t off = now->wall_ms - (int64_t)s * 1000;

    c->off_ms = off;
    if (!host_is_set(now)) {
        c->step_due = false;
        if (s > CLOCK_FLOOR_S && s != c->told_s)
            c->cb->board_time(c->ctx, s);
        c->told_s = s;
    } else if (now->mono_ms >= c->step_next_ms) {
        int64_t nearly = c->in_row < FLX_STEPS_MAX ? FLX_LATENCY_MS : 0;
        bool is_off = off >= FLX_OFF_MS || -off >= FLX_OFF_MS - nearly + early_ms;
        c->step_due = is_off || (early_ms && c->step_due); /* what may be early does not contradict a time stamp */
    }
    /* A time stamp that is right tells of the last step at once: the next one is the first of others. */
    if (host_is_set(now) && (!early_ms || now->mono_ms >= c->step_next_ms) && off < FLX_OFF_MS &&
        -off < FLX_OFF_MS - FLX_LATENCY_MS)
        c->in_row = 0;
}

static void step_time(struct flx_conv *c, const struct board_now *now)
{
    c->step_due = false;
    if (!host_is_set(now))
        return;
    c->step_next_ms = now->mono_ms + FLX_STEP_MS;
    c->in_row++;
    c->steps++;
    send_number(c, FLX_TIME_STEP, (uint32_t)((now->wall_ms + 500) / 1000));
}

/* ---- messages ---- */

struct arrival {
    struct flx_conv *c;
    const struct board_now *now;
};

static int take_pong(struct flx_conv *c, const uint8_t *p, size_t n, const struct board_now *now)
{
    uint32_t counter;

    if (flx_msg_u32(p, n, &counter) < 0)
        return -1;
    pong(c, counter, now->mono_ms);
    return 0;
}

/* Whatever its ping carries. */
static int take_ping(struct flx_conv *c, const uint8_t *p, size_t n, const struct board_now *now)
{
    (void)p, (void)n;
    asked(c, now->mono_ms);
    return 0;
}

static int take_time(struct flx_conv *c, const uint8_t *p, size_t n, const struct board_now *now)
{
    uint32_t s;

    if (flx_msg_u32(p, n, &s) < 0)
        return -1;
    judge_time(c, s, 0, now);
    c->cb->time_stamp(c->ctx, s);
    return 0;
}

static int take_ct(struct flx_conv *c, const uint8_t *p, size_t n, const struct board_now *now)
{
    struct flx_ct m;

    if (flx_msg_ct(p, n, &m) < 0)
        return -1;
    judge_time(c, m.s, 1000, now); /* the second that ends now, or ended */
    c->cb->ct(c->ctx, &m);
    return 0;
}

static int take_pulse(struct flx_conv *c, const uint8_t *p, size_t n, const struct board_now *now)
{
    struct flx_pulse m;

    (void)now;
    if (flx_msg_pulse(p, n, &m) < 0)
        return -1;
    c->cb->pulse(c->ctx, &m);
    return 0;
}

static int take_voltage(struct flx_conv *c, const uint8_t *p, size_t n, const struct board_now *now)
{
    struct flx_wave m;

    (void)now;
    if (flx_msg_voltage(p, n, &m) < 0)
        return -1;
    c->cb->wave(c->ctx, FLX_VOLTAGE, &m);
    return 0;
}

static int take_current(struct flx_conv *c, const uint8_t *p, size_t n, const struct board_now *now)
{
    struct flx_wave m;

    (void)now;
    if (flx_msg_current(p, n, &m) < 0)
        return -1;
    c->cb->wave(c->ctx, FLX_CURRENT, &m);
    return 0;
}

/* Radio nodes are not served: counted, and held against its form. */
static int take_kube(struct flx_conv *c, const uint8_t *p, size_t n, const struct board_now *now)
{
    struct flx_kube m;

    (void)c, (void)now;
    return flx_msg_kube(p, n, &m);
}

static int ignore(struct flx_conv *c, const uint8_t *p, size_t n, const struct board_now *now)
{
    (void)c, (void)p, (void)n, (void)now;
    return 0;
}

/* What a host says comes from no board: a line that is tied to itself. */
static int not_a_boards(struct flx_conv *c, const uint8_t *p, size_t n, const struct board_now *now)
{
    (void)c, (void)p, (void)n, (void)now;
    return -1;
}

static int (*const takers[FLX_TYPES])(struct flx_conv *, const uint8_t *, size_t, const struct board_now *) = {
    [FLX_PING] = take_ping,
    [FLX_PONG] = take_pong,
    [FLX_PORT_CONFIG] = not_a_boards,
    [FLX_TIME_STAMP] = take_time,
    [FLX_TIME_STEP] = not_a_boards,
    [FLX_TIME_SLEW] = not_a_boards,
    [FLX_VOLTAGE] = take_voltage,
    [FLX_CURRENT] = take_current,
    [FLX_CT] = take_ct,
    [FLX_PULSE] = take_pulse,
    [FLX_KUBE] = take_kube,
    [FLX_KUBE_CONTROL] = not_a_boards,
    [FLX_DEBUG] = ignore,
    [FLX_SAR] = ignore,
    [FLX_SDADC] = ignore,
    [FLX_RFM_DEBUG] = ignore,
    [FLX_EXIT] = not_a_boards,
};

static void on_frame(void *ctx, uint8_t type, const uint8_t *payload, size_t len)
{
    struct arrival *a = ctx;

    if (a->c->state == FLX_DOWN) /* the answer to one before ended the line */
        return;
    a->c->got[type]++;
    if (type < FLX_TYPES && takers[type](a->c, payload, len, a->now) < 0)
        a->c->refused[type]++;
}

/* ---- what happens to it ---- */

void flx_conv_want(struct flx_conv *c, const struct flx_picture *want, const struct board_now *now)
{
    uint8_t config[FLX_CONFIG_LENGTH];

    flx_put_port_config(config, &want->ports);
    if (c->wanted && memcmp(config, c->want, sizeof config) == 0 && c->radio_group == want->radio_group)
        return;
    memcpy(c->want, config, sizeof config);
    c->radio_group = want->radio_group;
    c->wanted = true;
    c->asks = 0;
    if (c->state == FLX_DOWN || c->state == FLX_LOST)
        return; /* it is told when it is there */
    set_state(c, FLX_CONFIGURE, "the settings changed");
    configure(c, now->mono_ms);
}

void flx_conv_sync(struct flx_conv *c, const struct board_now *now)
{
    if (c->state == FLX_DOWN)
        return;
    c->asks = 0;
    if (c->state == FLX_LOST)
        listen(c, now->mono_ms);
    set_state(c, FLX_CONFIGURE, "to be synchronised");
    configure(c, now->mono_ms);
}

void flx_conv_line_up(struct flx_conv *c, const struct board_now *now)
{
    c->waiting = c->step_due = false;
    c->asks = c->in_row = 0;
    listen(c, now->mono_ms);
    set_state(c, FLX_CONFIGURE, "");
    configure(c, now->mono_ms);
}

void flx_conv_line_down(struct flx_conv *c, const char *reason)
{
    flx_reader_drop(&c->reader);
    c->cut_ms = -1;
    c->config_due = c->configured = false;
    set_state(c, FLX_DOWN, reason);
}

void flx_conv_stop(struct flx_conv *c)
{
    if (c->state == FLX_DOWN)
        return;
    send_frame(c, FLX_EXIT, NULL, 0);
    flx_conv_line_down(c, "");
}

void flx_conv_second(struct flx_conv *c, const struct board_now *now)
{
    if (c->state == FLX_DOWN)
        return;
    if (c->step_due)
        step_time(c, now);
    if (c->state != FLX_DOWN)
        ping(c, now->mono_ms);
}

void flx_conv_bytes(struct flx_conv *c, const void *bytes, size_t n, const struct board_now *now)
{
    struct arrival a = {c, now};

    if (c->state == FLX_DOWN)
        return;
    flx_reader_bytes(&c->reader, bytes, n, on_frame, &a);
    c->cut_ms = c->reader.len ? now->mono_ms + FLX_CUT_MS : -1;
}

/* When its silence has lasted: a ping that is under way may still be answered. */
static int64_t lost_ms(const struct flx_conv *c)
{
    int64_t at = c->heard_ms + FLX_SILENT_MS;

    return at > c->grace_ms ? at : c->grace_ms;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || b < a ? b : a;
}

int64_t flx_conv_deadline(const struct flx_conv *c)
{
    int64_t at = -1;

    if (c->state == FLX_DOWN)
        return -1;
    if (c->state != FLX_LOST)
        at = lost_ms(c);
    if (c->config_due)
        at = sooner(at, c->config_next_ms);
    return c->cut_ms < 0 ? at : sooner(at, c->cut_ms);
}

/* A host that stood still has heard nothing meanwhile, and asked nothing: once that is no fault of the board. */
static void silent(struct flx_conv *c, int64_t now_ms)
{
    if (now_ms - lost_ms(c) >= FLX_LATE_MS && !c->excused) {
        c->excused = true;
        c->grace_ms = now_ms + FLX_PONG_MS;
        return;
    }
    set_state(c, FLX_LOST, "no pong for 3 s");
}

void flx_conv_tick(struct flx_conv *c, const struct board_now *now)
{
    struct arrival a = {c, now};

    if (c->state == FLX_DOWN)
        return;
    if (c->cut_ms >= 0 && now->mono_ms >= c->cut_ms) {
        c->cut_ms = -1;
        flx_reader_pause(&c->reader, on_frame, &a);
    }
    if (c->config_due && now->mono_ms >= c->config_next_ms)
        send_config(c, now->mono_ms);
    if (c->state != FLX_DOWN && c->state != FLX_LOST && now->mono_ms >= lost_ms(c))
        silent(c, now->mono_ms);
}
