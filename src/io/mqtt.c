#include "io/mqtt.h"

#include "core/backoff.h"
#include "io/log.h"
#include "io/mqtt_link.h"

#include <mosquitto.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define HANDSHAKE_MS 10000 /* TCP, TLS and CONNACK together */
#define MISC_MS      5000  /* how often the library looks at its keep-alive: few wake-ups */
#define GOODBYE_MS   1000
#define KICKS_TOLD   2 /* a restarted broker may look like one kick, not like two in a row */

enum mqtt_state { IDLE, CONNECTING, HANDSHAKING, UP, WAITING, CLOSING };

struct mqtt {
    uv_loop_t *loop;
    enum mqtt_state state;
    uv_timer_t timer;          /* of the state, see set_state() */
    struct mqtt_link *link;    /* in CONNECTING, HANDSHAKING, UP and CLOSING */
    unsigned links;            /* that are not gone yet, dropped ones too */
    struct mqtt_config config; /* in use */
    struct mqtt_config next;   /* to be used once idle; no host: none */
    char where[280];
    char reason[360]; /* why it is not up, as last told */
    struct backoff backoff;
    unsigned family; /* moves on with each try that reached nobody, see mqtt_link_open() */
    uint64_t up_since_ms;
    struct mqtt_listener listeners[MQTT_LISTENERS];
    size_t n_listeners;
    mqtt_tap_cb tap; /* or NULL */
    void *tap_ctx;
    void (*closed)(void *ctx); /* not NULL: mqtt_close() was called */
    void *closed_ctx;
    uint64_t connects, failures, kicks, messages, bytes;
};

static void connect_now(struct mqtt *m);
static void on_timer(uv_timer_t *timer);

/* Each state has its timer: after wait_ms, and every 5 s again in UP. 0: none. */
static void set_state(struct mqtt *m, enum mqtt_state state, uint64_t wait_ms)
{
    m->state = state;
    uv_timer_stop(&m->timer);
    if (wait_ms)
        uv_timer_start(&m->timer, on_timer, wait_ms, state == UP ? wait_ms : 0);
}

static void on_timer_closed(uv_handle_t *h)
{
    struct mqtt *m = h->data;
    void (*closed)(void *) = m->closed;
    void *ctx = m->closed_ctx;

    mqtt_config_clear(&m->config);
    mqtt_config_clear(&m->next);
    free(m);
    mosquitto_lib_cleanup();
    closed(ctx);
}

/* In IDLE: what mqtt_close() waits for is that no link is left. */
static void close_if_asked(struct mqtt *m)
{
    if (m->closed && m->links == 0 && !uv_is_closing((uv_handle_t *)&m->timer))
        uv_close((uv_handle_t *)&m->timer, on_timer_closed);
}

static void go_idle(struct mqtt *m)
{
    set_state(m, IDLE, 0);
    close_if_asked(m);
    if (!m->next.text[MQTT_HOST])
        return;
    mqtt_config_clear(&m->config);
    m->config = m->next;
    memset(&m->next, 0, sizeof m->next);
    snprintf(m->where, sizeof m->where, strchr(m->config.text[MQTT_HOST], ':') ? "[%s]:%d" : "%s:%d",
             m->config.text[MQTT_HOST], m->config.port);
    m->backoff = (struct backoff){0};
    m->family = 0;
    connect_now(m);
}

static void tell_down(struct mqtt *m, const char *reason)
{
    for (size_t i = 0; i < m->n_listeners; i++)
        m->listeners[i].down(m->listeners[i].ctx, reason);
}

/* The link published its status. */
static void tap_status(struct mqtt *m, const char *word)
{
    if (m->tap && m->config.text[MQTT_STATUS_TOPIC])
        m->tap(m->tap_ctx, m->config.text[MQTT_STATUS_TOPIC], word, strlen(word), true);
}

static void drop_link(struct mqtt *m)
{
    struct mqtt_link *l = m->link;

    m->link = NULL;
    if (l)
        mqtt_link_drop(l);
}

static uint32_t random_bits(void)
{
    uint32_t r;

    if (getrandom(&r, sizeof r, GRND_NONBLOCK) != sizeof r)
        r = (uint32_t)uv_hrtime(); /* early at boot */
    return r;
}

/* Take note of why it is not up; a reason that stays the same is logged once. */
static void set_reason(struct mqtt *m, const char *reason)
{
    char text[sizeof m->reason];

    if (m->backoff.kicks < KICKS_TOLD)
        snprintf(text, sizeof text, "%s", reason);
    else /* pitfall 2 */
        snprintf(text, sizeof text,
                 "%s, %u times in a row soon after connecting: is there another client with the id %s?", reason,
                 m->backoff.kicks, m->config.text[MQTT_CLIENT_ID]);
    if (strcmp(text, m->reason) == 0)
        return;
    memcpy(m->reason, text, sizeof text);
    log_warn("broker %s: %s", m->where, m->reason);
}

static void on_lost(void *ctx, const char *reason)
{
    struct mqtt *m = ctx;

    if (m->state == CLOSING) {
        drop_link(m);
        go_idle(m);
        return;
    }
    if (m->state == UP) {
        backoff_lost(&m->backoff, (int64_t)(uv_now(m->loop) - m->up_since_ms));
        m->kicks += m->backoff.kicks > 0;
    } else {
        backoff_failed(&m->backoff);
        m->failures++;
        m->family += !mqtt_link_reached(m->link);
    }
    set_reason(m, reason); /* before the link goes: the text is its own */
    drop_link(m);
    set_state(m, WAITING, backoff_ms(&m->backoff, random_bits()) + 1);
    tell_down(m, m->reason);
}

static void on_opened(void *ctx)
{
    set_state(ctx, HANDSHAKING, HANDSHAKE_MS);
}

static void on_up(void *ctx)
{
    struct mqtt *m = ctx;

    set_state(m, UP, MISC_MS);
    m->connects++;
    m->up_since_ms = uv_now(m->loop);
    m->reason[0] = '\0';
    log_note("broker %s: connected as %s", m->where, m->config.text[MQTT_CLIENT_ID]);
    tap_status(m, MQTT_ONLINE);
    for (size_t i = 0; i < m->n_listeners; i++)
        m->listeners[i].up(m->listeners[i].ctx);
}

static void on_writable(void *ctx)
{
    struct mqtt *m = ctx;

    for (size_t i = 0; i < m->n_listeners && m->state == UP; i++)
        m->listeners[i].writable(m->listeners[i].ctx);
}

static void on_gone(void *ctx)
{
    struct mqtt *m = ctx;

    m->links--;
    if (m->state == IDLE)
        close_if_asked(m);
}

static void connect_now(struct mqtt *m)
{
    static const struct mqtt_link_events events = {on_opened, on_up, on_writable, on_lost, on_gone};

    m->link = mqtt_link_open(m->loop, &m->config, m->family, &events, m);
    m->links++;
    set_state(m, CONNECTING, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct mqtt *m = timer->data;

    if (m->state == UP)
        mqtt_link_misc(m->link);
    else if (m->state == WAITING)
        connect_now(m);
    else
        on_lost(m, mqtt_link_waits_for(m->link)); /* HANDSHAKING, CLOSING: waited long enough */
}

struct mqtt *mqtt_new(uv_loop_t *loop)
{
    struct mqtt *m = calloc(1, sizeof *m);

    if (!m || mosquitto_lib_init() || uv_timer_init(loop, &m->timer) < 0)
        abort();
    m->loop = loop;
    m->timer.data = m;
    return m;
}

void mqtt_listen(struct mqtt *m, const struct mqtt_listener *l)
{
    if (m->n_listeners == MQTT_LISTENERS)
        abort();
    m->listeners[m->n_listeners++] = *l;
}

void mqtt_unlisten(struct mqtt *m, const void *ctx)
{
    for (size_t i = 0; i < m->n_listeners; i++) {
        if (m->listeners[i].ctx != ctx)
            continue;
        m->n_listeners--;
        memmove(&m->listeners[i], &m->listeners[i + 1], (m->n_listeners - i) * sizeof m->listeners[0]);
        return;
    }
}

/* Leave whatever there is, with a good-bye where one can be said. */
static void leave(struct mqtt *m)
{
    if (m->state == CLOSING)
        return;
    if (m->state != UP) {
        drop_link(m);
        go_idle(m);
        return;
    }
    set_state(m, CLOSING, GOODBYE_MS);
    log_note("broker %s: disconnecting", m->where);
    tell_down(m, "stopped");
    tap_status(m, MQTT_OFFLINE);
    mqtt_link_goodbye(m->link);
}

void mqtt_start(struct mqtt *m, const struct mqtt_config *config)
{
    bool waits = m->next.text[MQTT_HOST] != NULL;
    bool runs = m->state != IDLE && m->state != CLOSING;

    if ((waits && mqtt_config_equal(&m->next, config)) || (!waits && runs && mqtt_config_equal(&m->config, config)))
        return;
    mqtt_config_clear(&m->next);
    mqtt_config_copy(&m->next, config);
    leave(m);
}

int mqtt_publish(struct mqtt *m, const char *topic, const void *payload, size_t len, bool retain)
{
    if (m->state != UP)
        return MQTT_DOWN;
    int rc = mqtt_link_publish(m->link, topic, payload, len, retain);
    if (!rc) {
        m->messages++;
        m->bytes += len;
        if (m->tap)
            m->tap(m->tap_ctx, topic, payload, len, retain);
    }
    return rc;
}

void mqtt_tap(struct mqtt *m, mqtt_tap_cb cb, void *ctx)
{
    m->tap = cb;
    m->tap_ctx = ctx;
}

void mqtt_flush(struct mqtt *m)
{
    if (m->link)
        mqtt_link_flush(m->link);
}

const char *mqtt_where(const struct mqtt *m)
{
    return m->where;
}

void mqtt_stop(struct mqtt *m)
{
    mqtt_config_clear(&m->next);
    leave(m);
}

void mqtt_close(struct mqtt *m, void (*done)(void *ctx), void *ctx)
{
    m->closed = done;
    m->closed_ctx = ctx;
    mqtt_stop(m);
}

void mqtt_stats(struct mqtt *m, stat_emit emit, void *ctx)
{
    const struct stat_value v[] = {
        {"mqtt_up", NULL, STAT_GAUGE, m->state == UP, "1 while connected to the broker."},
        {"mqtt_connects_total", NULL, STAT_COUNTER, (int64_t)m->connects, "Connections that the broker accepted."},
        {"mqtt_connect_failures_total", NULL, STAT_COUNTER, (int64_t)m->failures, "Tries to connect that failed."},
        {"mqtt_kicks_total", NULL, STAT_COUNTER, (int64_t)m->kicks, "Connections lost within a minute."},
        {"mqtt_messages_total", NULL, STAT_COUNTER, (int64_t)m->messages, "Messages handed to the library."},
        {"mqtt_payload_bytes_total", NULL, STAT_COUNTER, (int64_t)m->bytes, "Bytes of their payloads."},
    };

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        emit(ctx, &v[i]);
}
