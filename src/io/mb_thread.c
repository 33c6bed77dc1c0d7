#include "io/mb_thread.h"

#include "io/mb_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* A thread uses 12 KiB (measured, the loading of libmodbus included); a sanitizer's frames are many times as large. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE (1024 * 1024)
#else
#define STACK_SIZE (64 * 1024)
#endif

#define READINGS_A_TURN 256
#define START_AGAIN_MS  1000 /* a thread that the system does not grant now */

static struct mb_parcel *parcel_of(struct mb_result *r)
{
    return (struct mb_parcel *)((char *)r - offsetof(struct mb_parcel, result));
}

/* ---- the list ---- */

struct mb_result *mb_parcel_new(struct mb_bus *b, enum mb_result_kind kind, size_t n)
{
    size_t size =
        offsetof(struct mb_parcel, result) + offsetof(struct mb_result, readings) + n * sizeof(struct mb_reading);
    struct mb_parcel *p = must(calloc(1, size > sizeof *p ? size : sizeof *p));

    p->bus = b;
    p->result.kind = kind;
    p->result.tag = b->tag;
    return &p->result;
}

void mb_result_free(struct mb_result *r)
{
    if (r)
        free(parcel_of(r));
}

/* Take the first parcel of this bus out of the list, of a kind or of any (-1). The owner's lock is held. */
static struct mb_parcel *unlink_first(struct mb_threads *t, const struct mb_bus *b, int kind)
{
    for (struct mb_parcel **at = &t->head; *at; at = &(*at)->next) {
        struct mb_parcel *p = *at;
        if (p->bus != b || (kind >= 0 && (int)p->result.kind != kind))
            continue;
        *at = p->next;
        if (!*at)
            t->tail = at;
        p->bus->waiting--;
        return p;
    }
    return NULL;
}

void mb_parcel_post(struct mb_result *r)
{
    struct mb_parcel *p = parcel_of(r), *old = NULL;
    struct mb_bus *b = p->bus;
    struct mb_threads *t = b->owner;

    pthread_mutex_lock(&t->lock);
    if (b->dropped) {
        pthread_mutex_unlock(&t->lock);
        free(p);
        return;
    }
    if (b->waiting >= MB_PARCELS_PER_METER * b->n + MB_ASKS) /* the loop is far behind: the newest counts */
        old = unlink_first(t, b, MB_RESULT_METER);
    p->next = NULL;
    *t->tail = p;
    t->tail = &p->next;
    b->waiting++;
    pthread_mutex_unlock(&t->lock);
    free(old);
    uv_async_send(&t->async);
}

static struct mb_parcel *take_first(struct mb_threads *t)
{
    pthread_mutex_lock(&t->lock);
    struct mb_parcel *p = t->head;
    if (p) {
        t->head = p->next;
        if (!t->head)
            t->tail = &t->head;
        p->bus->waiting--;
    }
    pthread_mutex_unlock(&t->lock);
    return p;
}

/* ---- the end of a bus ---- */

static void free_bus(struct mb_bus *b)
{
    for (size_t i = 0; i < b->n; i++)
        mb_plan_fini(&b->units[i].plan);
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->lock);
    if (b->found)
        freeaddrinfo(b->found);
    free((char *)b->line.device);
    free((char *)b->line.host);
    free(b->units);
    free(b->meters);
    free(b->readings);
    free(b);
}

static void end_bus(struct mb_bus *b)
{
    if (b->running)
        pthread_join(b->thread, NULL);
    b->owner->buses--;
    if (b->done)
        b->done(b->done_ctx);
    free_bus(b);
}

static void end_buses(struct mb_threads *t)
{
    pthread_mutex_lock(&t->lock);
    struct mb_bus *b = t->ended;
    t->ended = NULL;
    pthread_mutex_unlock(&t->lock);
    while (b) {
        struct mb_bus *next = b->next;
        end_bus(b);
        b = next;
    }
}

/* On the loop. A bus may be stopped, and another one started, from within the callback. */
static void on_async(uv_async_t *async)
{
    struct mb_threads *t = async->data;
    struct mb_parcel *p;
    size_t readings = 0;

    while (readings < READINGS_A_TURN && (p = take_first(t))) {
        readings += p->result.kind == MB_RESULT_METER ? p->result.n + 1 : 1;
        t->cb(t->ctx, &p->result);
    }
    if (readings >= READINGS_A_TURN)
        uv_async_send(&t->async);
    end_buses(t);
}

/* The last that a thread does. */
static void post_end(struct mb_bus *b)
{
    struct mb_threads *t = b->owner;

    pthread_mutex_lock(&t->lock);
    b->next = t->ended;
    t->ended = b;
    pthread_mutex_unlock(&t->lock);
    uv_async_send(&t->async);
}

static void *run(void *bus)
{
    struct mb_bus *b = bus;

    pthread_setname_np(pthread_self(), b->name);
    mb_poll_run(b);
    post_end(b);
    return NULL;
}

/* ---- the start ---- */

struct mb_threads *mb_threads_new(uv_loop_t *loop, mb_result_cb cb, void *ctx)
{
    struct mb_threads *t = must(calloc(1, sizeof *t));

    t->cb = cb;
    t->ctx = ctx;
    t->tail = &t->head;
    pthread_mutex_init(&t->lock, NULL);
    if (uv_async_init(loop, &t->async, on_async) < 0)
        abort();
    t->async.data = t;
    uv_timer_init(loop, &t->again);
    t->again.data = t;
    return t;
}

static void on_closed(uv_handle_t *h)
{
    struct mb_threads *t = h->data;

    pthread_mutex_destroy(&t->lock);
    if (t->closed)
        t->closed(t->closed_ctx);
    free(t);
}

static void on_timer_closed(uv_handle_t *h)
{
    struct mb_threads *t = h->data;

    uv_close((uv_handle_t *)&t->async, on_closed);
}

void mb_threads_close(struct mb_threads *t, void (*done)(void *ctx), void *ctx)
{
    if (t->buses > 0)
        abort(); /* their threads would call into freed memory */
    t->closed = done;
    t->closed_ctx = ctx;
    uv_close((uv_handle_t *)&t->again, on_timer_closed);
}

static int64_t mono_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

/* What decoding and re-planning look at; the rest is not ours to keep. */
static void keep_model(struct meter_model *to, const struct meter_model *from)
{
    to->low_word_first = from->low_word_first;
    to->low_byte_first = from->low_byte_first;
    to->careful_read = from->careful_read;
    memcpy(to->no_value, from->no_value, sizeof to->no_value);
    memcpy(to->n_no_value, from->n_no_value, sizeof to->n_no_value);
}

static void copy_meters(struct mb_bus *b, const struct mb_bus_config *c)
{
    size_t most = 0;

    b->n = c->n_meters;
    b->units = must(calloc(b->n + 1, sizeof *b->units));
    b->meters = must(calloc(b->n + 1, sizeof *b->meters));
    for (size_t i = 0; i < b->n; i++) {
        const struct mb_meter_config *from = &c->meters[i];
        struct mb_unit *u = &b->units[i];

        u->unit = from->unit;
        mb_plan_init(&u->plan, from->model, from->quantities, from->n_quantities);
        keep_model(&u->model, from->model);
        most = u->plan.n_registers > most ? u->plan.n_registers : most;
        b->meters[i].interval_ms = from->interval_ms;
        b->meters[i].timeout_ms = from->timeout_ms > 0 ? from->timeout_ms : MB_TIMEOUT_MS;
        b->meters[i].pause_ms = from->pause_ms;
    }
    b->readings = must(calloc(most + 1, sizeof *b->readings));
}

static bool is_numbers(const char *host)
{
    struct in6_addr a;

    return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

static void init_locks(struct mb_bus *b)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&b->wake, &attr);
    pthread_condattr_destroy(&attr);
}

/* 0, or an errno. Signals are the loop's. */
static int start_thread(struct mb_bus *b)
{
    pthread_attr_t attr;
    sigset_t all, before;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE > PTHREAD_STACK_MIN ? STACK_SIZE : (size_t)PTHREAD_STACK_MIN);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = pthread_create(&b->thread, &attr, run, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return e;
}

static void on_again(uv_timer_t *timer);

/* 0, or an errno: then it is tried again. */
static int begin(struct mb_bus *b)
{
    struct mb_threads *t = b->owner;
    int e = start_thread(b);

    b->running = e == 0;
    if (e == 0)
        return 0;
    b->next = t->unborn;
    t->unborn = b;
    uv_timer_start(&t->again, on_again, START_AGAIN_MS, 0);
    return e;
}

static void on_again(uv_timer_t *timer)
{
    struct mb_threads *t = timer->data;
    struct mb_bus *b = t->unborn, *next;

    for (t->unborn = NULL; b; b = next) {
        next = b->next;
        begin(b);
    }
}

static void forget_unborn(struct mb_bus *b)
{
    for (struct mb_bus **at = &b->owner->unborn; *at; at = &(*at)->next)
        if (*at == b) {
            *at = b->next;
            return;
        }
}

struct mb_bus *mb_bus_start(struct mb_threads *t, const struct mb_bus_config *c)
{
    struct mb_bus *b = must(calloc(1, sizeof *b));
    uint64_t seed = 0;

    b->owner = t;
    b->tag = c->tag;
    snprintf(b->name, sizeof b->name, "mb-%.12s", c->key);
    b->line = c->line;
    b->line.device = c->line.device ? must(strdup(c->line.device)) : NULL;
    b->line.host = c->line.host ? must(strdup(c->line.host)) : NULL;
    b->line.addresses = NULL;
    b->named = b->line.host && !is_numbers(b->line.host);
    copy_meters(b, c);
    init_locks(b);
    if (getrandom(&seed, sizeof seed, 0) < 0)
        seed = uv_hrtime();
    mb_round_init(&b->round, b->meters, b->n, seed, mono_ms());
    t->buses++;
    int e = begin(b);
    if (e != 0) {
        struct mb_result *r = mb_parcel_new(b, MB_RESULT_LINE, 0);
        snprintf(r->words, sizeof r->words, "its thread cannot be started: %s", strerror(e));
        r->mono_ms = mono_ms();
        mb_parcel_post(r);
    }
    return b;
}

/* ---- what the loop asks of one ---- */

void mb_bus_stop(struct mb_bus *b, void (*done)(void *ctx), void *ctx)
{
    struct mb_threads *t = b->owner;
    struct mb_parcel *p;

    b->done = done;
    b->done_ctx = ctx;
    for (;;) {
        pthread_mutex_lock(&t->lock);
        b->dropped = true;
        p = unlink_first(t, b, -1);
        pthread_mutex_unlock(&t->lock);
        if (!p)
            break;
        free(p);
    }
    if (!b->running) {
        forget_unborn(b);
        post_end(b);
        return;
    }
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
}

int mb_bus_ask(struct mb_bus *b, const struct mb_ask *a)
{
    int rc = -1;

    pthread_mutex_lock(&b->lock);
    if (b->running && b->n_asks < MB_ASKS) {
        b->asks[b->n_asks++] = *a;
        b->news = true;
        pthread_cond_signal(&b->wake);
        rc = 0;
    }
    pthread_mutex_unlock(&b->lock);
    return rc;
}

void mb_bus_cancel(struct mb_bus *b, uint64_t ticket)
{
    pthread_mutex_lock(&b->lock);
    size_t n = 0;
    for (size_t i = 0; i < b->n_asks; i++)
        if (b->asks[i].ticket != ticket)
            b->asks[n++] = b->asks[i];
    b->n_asks = n;
    pthread_mutex_unlock(&b->lock);
}

void mb_bus_stats(struct mb_bus *b, size_t meter, struct mb_stats *out, size_t *reads)
{
    pthread_mutex_lock(&b->lock);
    *out = b->units[meter].stats;
    *reads = b->units[meter].plan.n_reads;
    pthread_mutex_unlock(&b->lock);
}
