#include "io/mqtt_link.h"

#include "core/util.h"

#include "io/mqtt.h"
#include "io/mqtt_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEPALIVE_S  30
#define PASSWORD_MAX 1024

static const char online[] = MQTT_ONLINE, offline[] = MQTT_OFFLINE;

/* OPENING (job) -> HANDSHAKE -> UP; or OPENING -> FAILED; DROPPED by the owner from any of them. */
enum link_state { OPENING, HANDSHAKE, UP, FAILED, DROPPED };

struct mqtt_link {
    enum link_state state;
    struct mqtt_config config;
    unsigned family;
    const struct mqtt_link_events *events;
    void *ctx;
    uv_work_t job;
    uv_poll_t poll;
    int fd;       /* what is polled: a dup of the library's socket; -1: none yet */
    int watched;  /* events that the poll waits for */
    bool reached; /* the socket is connected */
    bool corked;  /* what is published waits for mqtt_link_flush() */
    int connack;  /* -1: none yet */
    struct mosquitto *mosq;
    struct mqtt_tls tls;
    char error[MQTT_TLS_ERROR + 80];
};

void mqtt_config_copy(struct mqtt_config *to, const struct mqtt_config *from)
{
    *to = *from;
    for (size_t i = 0; i < MQTT_TEXTS; i++)
        if (from->text[i])
            to->text[i] = must(strdup(from->text[i]));
}

void mqtt_config_clear(struct mqtt_config *c)
{
    for (size_t i = 0; i < MQTT_TEXTS; i++)
        free((void *)(uintptr_t)c->text[i]);
    memset(c, 0, sizeof *c);
}

bool mqtt_config_equal(const struct mqtt_config *a, const struct mqtt_config *b)
{
    for (size_t i = 0; i < MQTT_TEXTS; i++)
        if ((a->text[i] && b->text[i]) ? strcmp(a->text[i], b->text[i]) != 0 : a->text[i] != b->text[i])
            return false;
    return a->port == b->port && a->secrets == b->secrets;
}

bool mqtt_link_reached(const struct mqtt_link *l)
{
    return l->reached;
}

static bool in_tls_handshake(const struct mqtt_link *l)
{
    const SSL *ssl = mosquitto_ssl_get(l->mosq);

    return ssl && !SSL_is_init_finished(ssl);
}

const char *mqtt_link_waits_for(const struct mqtt_link *l)
{
    if (!l->reached)
        return "no answer";
    return in_tls_handshake(l) ? "no answer in the TLS handshake" : "connected, but no MQTT answer (CONNACK)";
}

/* ---- the job: everything up to this mark but open_done() runs in the pool ---- */

/* 0, or -1 with l->error set. The password is the file's first line. */
static int read_password(struct mqtt_link *l, char pw[PASSWORD_MAX])
{
    const char *file = l->config.text[MQTT_PASSWORD_FILE];
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not stop us */
    ssize_t n = fd < 0 ? -1 : read(fd, pw, PASSWORD_MAX);

    if (n < 0)
        snprintf(l->error, sizeof l->error, "password_file %s: %s", file, strerror(errno));
    else if (n == PASSWORD_MAX)
        snprintf(l->error, sizeof l->error, "password_file %s: longer than %d bytes", file, PASSWORD_MAX - 1);
    if (fd >= 0)
        close(fd);
    if (l->error[0])
        return -1;
    pw[n] = '\0';
    pw[strcspn(pw, "\r\n")] = '\0';
    return 0;
}

static int set_credentials(struct mqtt_link *l)
{
    const char *user = l->config.text[MQTT_USERNAME];
    char pw[PASSWORD_MAX] = "";
    int rc;

    if (!user)
        return 0;
    if (l->config.text[MQTT_PASSWORD_FILE] && read_password(l, pw) < 0)
        return -1;
    rc = mosquitto_username_pw_set(l->mosq, user, l->config.text[MQTT_PASSWORD_FILE] ? pw : NULL);
    explicit_bzero(pw, sizeof pw);
    if (rc)
        snprintf(l->error, sizeof l->error, "user name: %s", mosquitto_strerror(rc));
    return rc ? -1 : 0;
}

/* libmosquitto's errors leave no trace but in its log. */
static void on_log(struct mosquitto *mosq, void *ctx, int level, const char *line)
{
    struct mqtt_link *l = ctx;

    (void)mosq;
    if (level == MOSQ_LOG_ERR)
        mqtt_tls_note(&l->tls, line);
}

/* The context is ours: libmosquitto's own one keeps no reason for a refused certificate. */
static int set_tls(struct mqtt_link *l)
{
    const struct mqtt_config *c = &l->config;

    if (!c->text[MQTT_CA_FILE])
        return 0;
    l->tls = (struct mqtt_tls){.host = c->text[MQTT_HOST],
                               .ca_file = c->text[MQTT_CA_FILE],
                               .cert_file = c->text[MQTT_CERT_FILE],
                               .key_file = c->text[MQTT_KEY_FILE]};
    SSL_CTX *ctx = mqtt_tls_context(&l->tls);
    if (!ctx) {
        snprintf(l->error, sizeof l->error, "%s", l->tls.error);
        return -1;
    }
    mosquitto_int_option(l->mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
    mosquitto_void_option(l->mosq, MOSQ_OPT_SSL_CTX, ctx); /* takes a reference */
    SSL_CTX_free(ctx);
    mosquitto_log_callback_set(l->mosq, on_log);
    return 0;
}

/* Put into words why it ended: rc is the library's code, err the errno (or the resolver's code) beside it. */
static void explain(struct mqtt_link *l, int rc, int err)
{
    static const char *const refused[] = {[1] = "the broker does not speak MQTT 3.1.1",
                                          [2] = "the broker refuses the client id",
                                          [3] = "the broker is not available",
                                          [4] = "not authorised (bad user name or password)",
                                          [5] = "not authorised (bad user name or password)"};
    const char *why = mosquitto_strerror(rc);

    if (l->tls.error[0])
        why = l->tls.error;
    else if (l->connack > 0)
        why = l->connack < (int)ARRAY_LEN(refused) ? refused[l->connack] : "refused by the broker";
    else if (rc == MOSQ_ERR_EAI)
        why = err == EAI_NONAME || err == EAI_NODATA ? "name not found" : gai_strerror(err);
    else if (rc == MOSQ_ERR_ERRNO && err == EPROTO)
        why = "TLS: broken off by the broker";
    else if (rc == MOSQ_ERR_ERRNO && err)
        why = strerror(err);
    else if (rc == MOSQ_ERR_KEEPALIVE)
        why = "no answer to a ping";
    else if (rc == MOSQ_ERR_CONN_LOST || rc == MOSQ_ERR_ERRNO)
        why = "closed by the broker";
    snprintf(l->error, sizeof l->error, "%s", why);
}

static void on_connect(struct mosquitto *mosq, void *ctx, int code)
{
    struct mqtt_link *l = ctx;

    (void)mosq;
    l->connack = code;
}

/* 0, or -1 with l->error set. */
static int make_client(struct mqtt_link *l)
{
    const char *status = l->config.text[MQTT_STATUS_TOPIC];

    l->mosq = mosquitto_new(l->config.text[MQTT_CLIENT_ID], true, l);
    if (!l->mosq) {
        snprintf(l->error, sizeof l->error, "client id: %s", strerror(errno));
        return -1;
    }
    mosquitto_connect_callback_set(l->mosq, on_connect);
    mosquitto_int_option(l->mosq, MOSQ_OPT_TCP_NODELAY, 1);
    if (status)
        mosquitto_will_set(l->mosq, status, sizeof offline - 1, offline, 0, true);
    return set_credentials(l) < 0 || set_tls(l) < 0 ? -1 : 0;
}

/* 0, or -1 with l->error set. */
static int connect_to(struct mqtt_link *l, const char *bind_address)
{
    if (make_client(l) < 0)
        return -1;
    if (bind_address)
        mosquitto_string_option(l->mosq, MOSQ_OPT_BIND_ADDRESS, bind_address);
    int rc = mosquitto_connect_async(l->mosq, l->config.text[MQTT_HOST], l->config.port, KEEPALIVE_S);
    if (!rc)
        return 0;
    if (rc == MOSQ_ERR_ERRNO && bind_address) { /* the name may have no address of this family */
        mosquitto_destroy(l->mosq);             /* 2.0.11 cannot take a bind address back */
        return connect_to(l, NULL);
    }
    explain(l, rc, errno);
    return -1;
}

static void job_open(uv_work_t *job)
{
    static const char *const bind_to[] = {NULL, "0.0.0.0", "::"};
    struct mqtt_link *l = job->data;

    if (connect_to(l, bind_to[l->family % ARRAY_LEN(bind_to)]) < 0)
        return;
    fcntl(mosquitto_socket(l->mosq), F_SETFD, FD_CLOEXEC);
    l->fd = fcntl(mosquitto_socket(l->mosq), F_DUPFD_CLOEXEC, 0);
    if (l->fd < 0)
        snprintf(l->error, sizeof l->error, "%s", strerror(errno));
}

/* ---- on the loop again ---- */

static void link_free(struct mqtt_link *l)
{
    const struct mqtt_link_events *events = l->events;
    void *ctx = l->ctx;

    if (l->fd >= 0)
        close(l->fd);
    if (l->mosq)
        mosquitto_destroy(l->mosq);
    mqtt_config_clear(&l->config);
    free(l);
    events->gone(ctx);
}

static void on_closed(uv_handle_t *h)
{
    link_free(h->data);
}

void mqtt_link_drop(struct mqtt_link *l)
{
    enum link_state was = l->state;

    l->state = DROPPED;
    if (was == FAILED)
        link_free(l);
    else if (was != OPENING) /* else open_done() will free it */
        uv_close((uv_handle_t *)&l->poll, on_closed);
}

static void lose(struct mqtt_link *l, int rc, int err)
{
    explain(l, rc, err);
    l->events->lost(l->ctx, l->error);
}

static void on_poll(uv_poll_t *poll, int status, int events);

/* Wait for what the library needs next. In a TLS handshake its wish to write outlasts the write. */
static void watch(struct mqtt_link *l)
{
    int events = UV_READABLE;

    if (!l->reached || (mosquitto_want_write(l->mosq) && !in_tls_handshake(l)))
        events |= UV_WRITABLE;
    if (events != l->watched)
        uv_poll_start(&l->poll, events, on_poll);
    l->watched = events;
}

static void go_up(struct mqtt_link *l)
{
    const char *status = l->config.text[MQTT_STATUS_TOPIC];

    l->state = UP;
    mosquitto_log_callback_set(l->mosq, NULL); /* else each publish formats a line for it */
    if (status)                                /* pitfall 1: at each CONNACK, before anything else */
        mosquitto_publish(l->mosq, NULL, status, sizeof online - 1, online, 0, true);
    watch(l);
    l->events->up(l->ctx);
}

/* The library works through what the socket has; its code, and errno in *err. */
static int serve(struct mqtt_link *l, int events, int *err)
{
    int rc = 0;

    errno = 0;
    /* A TLS handshake reads and writes in there; and a refusal is to be read before a write into it fails. */
    if (events & UV_READABLE || l->state == HANDSHAKE)
        rc = mosquitto_loop_read(l->mosq, 1);
    if (!rc && events & UV_WRITABLE && !in_tls_handshake(l))
        rc = mosquitto_loop_write(l->mosq, 1);
    *err = errno;
    return rc;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct mqtt_link *l = poll->data;
    int err = 0;

    if (status < 0) { /* UV_EBADF: the socket has an error; a last word of the broker may wait before it */
        socklen_t len = sizeof err;
        int read_err;
        getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &err, &len);
        serve(l, UV_READABLE, &read_err);
        lose(l, MOSQ_ERR_ERRNO, err ? err : read_err);
        return;
    }
    l->reached = true;
    int rc = serve(l, events, &err);
    if (rc || mosquitto_socket(l->mosq) < 0) {
        lose(l, rc ? rc : MOSQ_ERR_CONN_LOST, err);
        return;
    }
    watch(l);
    if (l->state == HANDSHAKE && l->connack == 0)
        go_up(l);
    else if (l->state == UP && events & UV_WRITABLE && !(l->watched & UV_WRITABLE))
        l->events->writable(l->ctx);
}

static void open_done(uv_work_t *job, int status)
{
    struct mqtt_link *l = job->data;

    (void)status; /* never cancelled */
    if (l->state == DROPPED) {
        link_free(l);
        return;
    }
    int rc = l->error[0] ? 0 : uv_poll_init(job->loop, &l->poll, l->fd);
    if (rc < 0)
        snprintf(l->error, sizeof l->error, "%s", uv_strerror(rc));
    if (l->error[0]) {
        l->state = FAILED;
        l->events->lost(l->ctx, l->error);
        return;
    }
    l->state = HANDSHAKE;
    l->poll.data = l;
    watch(l);
    l->events->opened(l->ctx);
}

struct mqtt_link *mqtt_link_open(uv_loop_t *loop, const struct mqtt_config *config, unsigned family,
                                 const struct mqtt_link_events *events, void *ctx)
{
    struct mqtt_link *l = must(calloc(1, sizeof *l));

    mqtt_config_copy(&l->config, config);
    l->family = family;
    l->events = events;
    l->ctx = ctx;
    l->fd = l->connack = -1;
    l->job.data = l;
    if (uv_queue_work(loop, &l->job, job_open, open_done) < 0)
        abort();
    return l;
}

/* One segment for what a turn of the loop publishes, instead of one and a wake-up of the broker for each. */
static void cork(struct mqtt_link *l, bool on)
{
    static const int values[] = {0, 1};

    setsockopt(l->fd, IPPROTO_TCP, TCP_CORK, &values[on], sizeof values[0]);
    l->corked = on;
}

void mqtt_link_flush(struct mqtt_link *l)
{
    if (l->corked)
        cork(l, false);
}

int mqtt_link_publish(struct mqtt_link *l, const char *topic, const void *payload, size_t len, bool retain)
{
    if (l->watched & UV_WRITABLE)
        return MQTT_LATER;
    if (!l->corked)
        cork(l, true);
    int rc = mosquitto_publish(l->mosq, NULL, topic, (int)len, payload, 0, retain);
    if (mosquitto_want_write(l->mosq))
        watch(l);
    return rc ? MQTT_DOWN : 0; /* a socket that failed shows in on_poll(), with its reason */
}

void mqtt_link_misc(struct mqtt_link *l)
{
    int rc = mosquitto_loop_misc(l->mosq);

    if (rc) {
        lose(l, rc, errno);
        return;
    }
    bool waited = l->watched & UV_WRITABLE;
    watch(l);
    if (waited && !(l->watched & UV_WRITABLE) && l->state == UP)
        l->events->writable(l->ctx);
}

void mqtt_link_goodbye(struct mqtt_link *l)
{
    const char *status = l->config.text[MQTT_STATUS_TOPIC];

    if (status) /* pitfall 2: the will comes too late to say it */
        mosquitto_publish(l->mosq, NULL, status, sizeof offline - 1, offline, 0, true);
    if (mosquitto_disconnect(l->mosq) || mosquitto_socket(l->mosq) < 0)
        lose(l, MOSQ_ERR_CONN_LOST, 0);
    else
        watch(l);
}
