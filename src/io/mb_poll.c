/* What a bus thread does (io/mb_impl.h): open the line and open it again, ask who is due, and after a failure leave the
 * line as the next one must find it. Values are made of words here, but judged elsewhere. */
#include "io/mb_impl.h"

#include "core/backoff.h"
#include "core/mb_decode.h"
#include "core/mb_frame.h"

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define CONNECT_MS   3000
#define REOPEN_MS    1000 /* a serial line that is gone is tried again by its path */
#define REOPEN_MAX   60000
#define QUIET_MIN_MS 20 /* of a drain */
#define DRAIN_MAX_MS 1000
#define SPLITS       6  /* of reads within one poll: the others keep their second, and more are split in the next one */
#define LONG_TRIES   2  /* reads that were longer than any answer so far, before they are made short */
#define NOISY        10 /* answers in a row with noise before them: it is the line, and worth a word */

struct reply {
    enum mb_outcome outcome;
    int exception;
    uint16_t words[METER_READ_MAX];
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- waiting ---- */

static bool stopping(struct mb_bus *b)
{
    pthread_mutex_lock(&b->lock);
    bool stop = b->stop;
    pthread_mutex_unlock(&b->lock);
    return stop;
}

/* Until then, or until the bus is stopped, or (for_news) people ask. False: it is stopped. */
static bool rest(struct mb_bus *b, int64_t until_ms, bool for_news)
{
    struct timespec t = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    int e = 0;

    pthread_mutex_lock(&b->lock);
    while (!b->stop && !(for_news && b->news) && e != ETIMEDOUT) {
        if (until_ms == INT64_MAX)
            pthread_cond_wait(&b->wake, &b->lock);
        else
            e = pthread_cond_timedwait(&b->wake, &b->lock, &t);
    }
    b->news = b->news && !for_news;
    bool stop = b->stop;
    pthread_mutex_unlock(&b->lock);
    return !stop;
}

/* ---- the line ---- */

static void tell_line(struct mb_bus *b, bool up, const char *words)
{
    struct mb_result *r = mb_parcel_new(b, MB_RESULT_LINE, 0);

    r->up = up;
    r->mono_ms = now_ms();
    snprintf(r->words, sizeof r->words, "%s", words);
    mb_parcel_post(r);
}

static void tell_down(struct mb_bus *b, const char *words)
{
    if (strcmp(words, b->words) == 0)
        return; /* once each */
    snprintf(b->words, sizeof b->words, "%s", words);
    tell_line(b, false, words);
}

static int64_t next_attempt_ms(const struct mb_bus *b)
{
    uint32_t random = 0;

    if (b->line.device)
        return now_ms() + REOPEN_MS;
    if (getrandom(&random, sizeof random, 0) < 0)
        random = UINT32_MAX / 2;
    return now_ms() + QUIET_MIN_MS + backoff_within(b->attempts, REOPEN_MS, REOPEN_MAX, random);
}

static bool connect_line(struct mb_bus *b, char words[MB_LINK_ERROR])
{
    if (mb_link_open(&b->link, &b->line, CONNECT_MS, words) < 0) {
        b->link = NULL;
        return false;
    }
    b->silent = 0;
    return true;
}

static void not_opened(struct mb_bus *b, const char *words)
{
    b->open_ms = next_attempt_ms(b);
    tell_down(b, words);
}

static void found(void *bus)
{
    struct mb_bus *b = bus;

    pthread_mutex_lock(&b->lock);
    b->news = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
}

/* Each time that the line is opened its host's name is looked up anew. 1: it is known; 0: not yet; negative: not at
 * all. */
static int find_host(struct mb_bus *b, char words[MB_LINK_ERROR])
{
    struct addrinfo *list;

    if (!b->named)
        return 1;
    if (!b->look_up)
        b->look_up = mb_look_up_new(b->line.host, b->line.port, found, b);
    int rc = mb_look_up_take(b->look_up, &list, words);
    if (rc == 0)
        return 0;
    mb_look_up_free(b->look_up);
    b->look_up = NULL;
    if (rc < 0)
        return rc;
    if (b->found)
        freeaddrinfo(b->found);
    b->line.addresses = b->found = list;
    return 1;
}

static void open_line(struct mb_bus *b)
{
    char words[MB_LINK_ERROR];
    int rc = find_host(b, words);

    if (rc == 0)
        return;
    b->attempts++; /* it counts as one that failed until somebody answers */
    if (rc < 0 || !connect_line(b, words)) {
        not_opened(b, words);
        return;
    }
    b->words[0] = '\0';
    b->noisy = 0;
    b->remarked[0] = b->remarked[1] = false;
    mb_round_line_up(&b->round, now_ms());
    tell_line(b, true, "");
}

static void line_down(struct mb_bus *b, const char *words)
{
    if (b->link)
        mb_link_close(b->link);
    b->link = NULL;
    b->open_ms = next_attempt_ms(b);
    mb_round_line_down(&b->round, now_ms());
    tell_down(b, words);
}

/* A new connection in place of one that ended, or on which there is something that nobody asked for. */
static bool renew(struct mb_bus *b)
{
    char words[MB_LINK_ERROR];

    mb_link_close(b->link);
    if (connect_line(b, words))
        return true;
    line_down(b, words);
    return false;
}

/* Nobody answered for two whole rounds. */
static bool is_dead(const struct mb_bus *b)
{
    return b->silent >= 2 * b->n && b->silent >= 2;
}

/* What is odd about the line, said once. */
static void remark(struct mb_bus *b, bool answered, const struct mb_link_seen *s)
{
    if (answered)
        b->noisy = s->noise > 0 ? b->noisy + 1 : 0;
    if (s->echo && !b->remarked[0]) {
        b->remarked[0] = true;
        tell_line(b, true, "what is sent comes back (local echo); it is left out");
    }
    if (b->noisy >= NOISY && !b->remarked[1]) {
        b->remarked[1] = true;
        tell_line(b, true, "noise comes before the answers; it is left out (is the line terminated and biased?)");
    }
}

/* ---- one request ---- */

/* The line does what it can: a TCP connection that has ended is made anew, once, as many servers end an idle one. */
static void request(struct mb_bus *b, int unit, const struct mb_read *x, int timeout_ms, struct reply *y)
{
    y->exception = 0;
    y->outcome = mb_link_read(b->link, unit, x->function, x->address, x->count, timeout_ms, y->words, &y->exception);
    if (y->outcome == MB_GONE && !b->line.device && renew(b))
        y->outcome =
            mb_link_read(b->link, unit, x->function, x->address, x->count, timeout_ms, y->words, &y->exception);
    bool answered = y->outcome == MB_OK || y->outcome == MB_EXCEPTION;
    if (!b->link)
        return;
    if (y->outcome == MB_GONE) {
        line_down(b, strerror(mb_link_seen(b->link)->error));
        return;
    }
    b->silent = answered ? 0 : b->silent + 1;
    if (answered)
        b->attempts = 0;
    remark(b, answered, mb_link_seen(b->link));
    if (is_dead(b) && mb_link_path_gone(b->link)) {
        y->outcome = MB_GONE;
        line_down(b, "it is unplugged");
    }
}

/* How long the line must be quiet before it is sure that no usual answer is under way. */
static int quiet_ms(const struct mb_bus *b, int timeout_ms)
{
    int64_t slowest_us = 0;

    for (size_t i = 0; i < b->n; i++) {
        int64_t us = mb_stats_quantile_us(&b->units[i].stats, 990);
        slowest_us = us > slowest_us ? us : slowest_us;
    }
    int64_t ms = 2 * slowest_us / 1000;
    if (ms > timeout_ms)
        ms = timeout_ms;
    return ms > QUIET_MIN_MS ? (int)ms : QUIET_MIN_MS;
}

/* After a failure. On MBAP the transaction tells what comes late, so the connection may stay, unless its stream is
 * broken or nobody speaks on it any more; RTU over TCP ends likewise. Returns the bytes that nobody had asked for. */
static size_t settle(struct mb_bus *b, const struct reply *y, int timeout_ms)
{
    size_t bytes = 0;

    if (!b->link)
        return 0;
    bool mbap = mb_link_is_mbap(b->link);
    if (!mbap) {
        b->round.drain_ms = quiet_ms(b, timeout_ms);
        bytes = mb_link_drain(b->link, b->round.drain_ms, DRAIN_MAX_MS);
    }
    bool broken = mbap && y->outcome == MB_BAD && mb_link_seen(b->link)->noise > 0;
    if (!b->line.device && (broken || is_dead(b)))
        renew(b);
    return bytes;
}

static PRINTF_LIKE(2, 3) void say(struct mb_result *r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(r->words, sizeof r->words, fmt, args);
    va_end(args);
}

/* Why there is no answer, for people. */
static void put_words(const struct mb_bus *b, struct mb_result *r, int unit, int timeout_ms, int count,
                      const struct mb_link_seen *s)
{
    switch (r->outcome) {
    case MB_OK:
    case MB_OUTCOMES:
        break;
    case MB_TIMEOUT:
        say(r, "unit %d did not answer within %g s%s", unit, timeout_ms / 1000.0,
            s->echo ? " (only what was sent came back)" : "");
        break;
    case MB_CRC:
        say(r, "the answer of unit %d came garbled", unit);
        break;
    case MB_EXCEPTION:
        say(r, "unit %d: exception %d (%s)", unit, r->exception, mb_exception_name(r->exception));
        break;
    case MB_BAD:
        if (s->short_words > 0)
            say(r, "unit %d answered with %d registers, not %d", unit, s->short_words, count);
        else
            say(r, "an answer to something else came in place of that of unit %d", unit);
        break;
    case MB_GONE:
        say(r, "the line is away: %.120s", b->words[0] ? b->words : "it is being opened");
        break;
    }
}

/* ---- polls ---- */

/* Ask this meter, after the pause that it needs. False: the bus is stopped. */
static bool ask_unit(struct mb_bus *b, size_t m, const struct mb_read *x, struct reply *y)
{
    struct mb_unit *u = &b->units[m];
    int timeout_ms = b->meters[m].timeout_ms;

    if (u->last_ms && !rest(b, u->last_ms + b->meters[m].pause_ms, false))
        return false;
    request(b, u->unit, x, timeout_ms, y);
    u->last_ms = now_ms();
    bool failed = y->outcome != MB_OK && y->outcome != MB_EXCEPTION;
    int64_t took_us = b->link ? mb_link_seen(b->link)->took_us : 0;
    size_t stray = b->link ? mb_link_seen(b->link)->noise : 0;
    pthread_mutex_lock(&b->lock);
    mb_stats_note(&u->stats, y->outcome, y->exception, took_us, u->last_ms);
    u->stats.drained += failed ? 0 : stray;
    pthread_mutex_unlock(&b->lock);
    return true;
}

/* The struct mb_link_seen of a request is read before the line is drained, or made anew. */
static void tell(struct mb_bus *b, size_t m, bool ok, const struct reply *y, int count, const struct mb_link_seen *s)
{
    struct mb_result *r = mb_parcel_new(b, MB_RESULT_METER, b->n_readings);

    r->before = mb_round_done(&b->round, m, ok, now_ms());
    r->meter = m;
    r->state = b->meters[m].state;
    r->missed = b->meters[m].missed;
    r->outcome = y->outcome;
    r->exception = y->exception;
    r->mono_ms = b->units[m].last_ms;
    r->n = b->n_readings;
    memcpy(r->readings, b->readings, r->n * sizeof *b->readings);
    put_words(b, r, b->units[m].unit, b->meters[m].timeout_ms, count, s);
    mb_parcel_post(r);
}

static void take_words(struct mb_bus *b, struct mb_unit *u, const struct mb_read *x, const uint16_t *words)
{
    for (size_t i = x->first; i < (size_t)x->first + x->n; i++) {
        const struct meter_register *reg = &u->plan.registers[i];
        struct mb_reading *to = &b->readings[b->n_readings++];

        to->quantity = reg->quantity;
        to->milli = 0;
        to->value = (uint8_t)mb_decode(&u->model, reg, words + (reg->address - x->address), &to->milli);
    }
    if (x->count > u->longest) {
        u->longest = x->count;
        u->too_long = 0;
    }
}

/* The read at i was refused, or its answer was short: it is asked in two from now on. The index to go on with. */
static size_t split(struct mb_bus *b, struct mb_unit *u, size_t i)
{
    pthread_mutex_lock(&b->lock);
    bool in_two = mb_plan_split(&u->plan, i);
    u->plan.reads[i].gone_ms = u->last_ms;
    u->stats.splits += in_two;
    pthread_mutex_unlock(&b->lock);
    return in_two ? i : i + 1;
}

/* It answers short reads, but never one as long as this. */
static void shorten(struct mb_bus *b, struct mb_unit *u, const struct mb_read *x)
{
    if (u->longest == 0 || x->count <= u->longest || ++u->too_long < LONG_TRIES)
        return;
    u->too_long = 0;
    pthread_mutex_lock(&b->lock);
    u->stats.splits += mb_plan_careful(&u->plan, &u->model);
    pthread_mutex_unlock(&b->lock);
}

static void count_retry(struct mb_bus *b, struct mb_unit *u)
{
    pthread_mutex_lock(&b->lock);
    u->stats.retries++;
    pthread_mutex_unlock(&b->lock);
}

static void settle_after(struct mb_bus *b, struct mb_unit *u, const struct reply *y, int timeout_ms)
{
    size_t bytes = settle(b, y, timeout_ms);

    pthread_mutex_lock(&b->lock);
    u->stats.drained += bytes;
    pthread_mutex_unlock(&b->lock);
}

/* Is everything refused? Then one read shows whether it is there at all. */
static bool nothing_asked(const struct mb_plan *p, int64_t now)
{
    for (size_t i = 0; i < p->n_reads; i++)
        if (mb_read_asked(&p->reads[i], now))
            return false;
    return true;
}

static bool refused(const struct reply *y)
{
    return y->outcome == MB_EXCEPTION && (y->exception == 2 || y->exception == 3);
}

/* One read of a poll. The next one to ask; or SIZE_MAX: this one has failed, and with it the poll. */
static size_t after(struct mb_bus *b, size_t m, size_t i, const struct mb_read *x, const struct reply *y, int *splits,
                    int *strays, const struct mb_link_seen *s)
{
    struct mb_unit *u = &b->units[m];

    if (y->outcome == MB_OK) {
        take_words(b, u, x, y->words);
        u->plan.reads[i].gone = false;
        return i + 1;
    }
    bool is_short = y->outcome == MB_BAD && s->short_words > 0 && x->n > 1;
    if ((refused(y) || is_short) && *splits > 0) {
        *splits -= 1;
        if (is_short)
            settle_after(b, u, y, b->meters[m].timeout_ms);
        return split(b, u, i);
    }
    if (y->outcome == MB_BAD && *strays > 0) { /* another's failure, not its own */
        *strays -= 1;
        count_retry(b, u);
        settle_after(b, u, y, b->meters[m].timeout_ms);
        return b->link ? i : SIZE_MAX;
    }
    return SIZE_MAX;
}

/* All reads of a meter in turn. What it says goes out together. */
static void poll_meter(struct mb_bus *b, size_t m)
{
    struct mb_unit *u = &b->units[m];
    struct mb_link_seen seen = {0};
    struct reply y = {.outcome = MB_OK};
    int splits = SPLITS, strays = 1, count = 0;
    bool all = nothing_asked(&u->plan, now_ms());
    size_t i = 0;

    b->n_readings = 0;
    if (b->meters[m].state == MB_SUSPECT)
        count_retry(b, u);
    while (i < u->plan.n_reads) {
        struct mb_read x = u->plan.reads[i];
        if (!mb_read_asked(&x, now_ms()) && !(all && i == 0)) {
            i++;
            continue;
        }
        if (!ask_unit(b, m, &x, &y))
            return;
        seen = b->link ? *mb_link_seen(b->link) : (struct mb_link_seen){0};
        count = x.count;
        i = after(b, m, i, &x, &y, &splits, &strays, &seen);
        if (i == SIZE_MAX && y.outcome == MB_TIMEOUT)
            shorten(b, u, &x);
    }
    bool failed = i == SIZE_MAX;
    if (failed || b->n_readings == 0) {
        bool ok = y.outcome == MB_OK || y.outcome == MB_EXCEPTION;
        b->n_readings = 0;
        tell(b, m, ok, &y, count, &seen);
        if (!ok)
            settle_after(b, u, &y, b->meters[m].timeout_ms);
        return;
    }
    y = (struct reply){.outcome = MB_OK}; /* what was refused on the way is left out from now on */
    tell(b, m, true, &y, count, &seen);
}

/* Is it there? One short read says so. */
static void probe_meter(struct mb_bus *b, size_t m)
{
    struct mb_unit *u = &b->units[m];
    const struct meter_register *reg = &u->plan.registers[0];
    struct mb_read x = {.function = reg->function, .address = reg->address, .count = reg->words};
    struct mb_link_seen seen;
    struct reply y;

    b->n_readings = 0;
    if (!ask_unit(b, m, &x, &y))
        return;
    seen = b->link ? *mb_link_seen(b->link) : (struct mb_link_seen){0};
    bool ok = y.outcome == MB_OK || y.outcome == MB_EXCEPTION;
    if (y.outcome == MB_OK && x.count > u->longest)
        u->longest = x.count;
    tell(b, m, ok, &y, x.count, &seen);
    if (!ok)
        settle_after(b, u, &y, b->meters[m].timeout_ms);
}

/* ---- people ---- */

/* The meter that is this unit; n: none. */
static size_t meter_of(const struct mb_bus *b, int unit)
{
    size_t m = 0;

    while (m < b->n && b->units[m].unit != unit)
        m++;
    return m;
}

static int64_t hushed_until(const struct mb_bus *b, int unit)
{
    size_t m = meter_of(b, unit);

    if (m < b->n)
        return b->meters[m].quiet_ms;
    return unit == b->hushed ? b->hushed_ms : 0;
}

/* The time-out of the first ask that may go out now; -1: there is none before *free_ms. */
static int askable(struct mb_bus *b, int64_t now, size_t *index, int64_t *free_ms)
{
    int timeout_ms = -1;

    *free_ms = INT64_MAX;
    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < b->n_asks && timeout_ms < 0; i++) {
        int64_t at = hushed_until(b, b->asks[i].unit);
        *index = i;
        if (at <= now)
            timeout_ms = b->asks[i].timeout_ms > 0 ? b->asks[i].timeout_ms : MB_TIMEOUT_MS;
        else
            *free_ms = at < *free_ms ? at : *free_ms;
    }
    pthread_mutex_unlock(&b->lock);
    return timeout_ms;
}

/* Take the ask at this place. False: it was cancelled. */
static bool take_ask(struct mb_bus *b, size_t index, struct mb_ask *a)
{
    pthread_mutex_lock(&b->lock);
    bool there = index < b->n_asks;
    if (there) {
        *a = b->asks[index];
        b->n_asks--;
        memmove(&b->asks[index], &b->asks[index + 1], (b->n_asks - index) * sizeof *a);
    }
    pthread_mutex_unlock(&b->lock);
    if (there && a->timeout_ms <= 0)
        a->timeout_ms = MB_TIMEOUT_MS;
    return there;
}

static void hush(struct mb_bus *b, const struct mb_ask *a)
{
    size_t m = meter_of(b, a->unit);

    if (m < b->n) {
        mb_round_hush(&b->round, m, now_ms());
        return;
    }
    b->hushed = a->unit;
    b->hushed_ms = now_ms() + a->timeout_ms * 3 / 2;
}

static void answer(struct mb_bus *b, const struct mb_ask *a, const struct reply *y, const struct mb_link_seen *s)
{
    struct mb_result *r = mb_parcel_new(b, MB_RESULT_ASK, 0);

    r->ticket = a->ticket;
    r->outcome = y->outcome;
    r->exception = y->exception;
    r->mono_ms = now_ms();
    r->took_us = s->took_us;
    if (y->outcome == MB_OK) {
        r->n_words = (size_t)a->count;
        memcpy(r->raw, y->words, r->n_words * sizeof *r->raw);
    }
    put_words(b, r, a->unit, a->timeout_ms, a->count, s);
    mb_parcel_post(r);
}

/* Another speed than the line's for one request. False: the line is down. */
static bool set_speed(struct mb_bus *b, int baud, char parity, int stop_bits)
{
    char words[MB_LINK_ERROR];

    if (mb_link_speed(b->link, baud, parity, stop_bits, words) == 0)
        return true;
    line_down(b, words);
    return false;
}

static void ask_for_people(struct mb_bus *b, size_t index)
{
    struct mb_link_seen seen = {0};
    struct reply y = {.outcome = MB_GONE};
    struct mb_ask a;

    if (!take_ask(b, index, &a))
        return;
    struct mb_read x = {.function = (uint8_t)a.function, .address = (uint16_t)a.address, .count = (uint16_t)a.count};
    bool other = a.baud > 0 && b->line.device;
    size_t m = meter_of(b, a.unit);
    if (m < b->n && b->units[m].last_ms && !rest(b, b->units[m].last_ms + b->meters[m].pause_ms, false))
        return;
    if (!other || set_speed(b, a.baud, a.parity, a.stop_bits)) {
        request(b, a.unit, &x, a.timeout_ms, &y);
        if (m < b->n)
            b->units[m].last_ms = now_ms();
        if (b->link)
            seen = *mb_link_seen(b->link);
    }
    answer(b, &a, &y, &seen);
    if (y.outcome != MB_OK && y.outcome != MB_EXCEPTION) {
        hush(b, &a);
        settle(b, &y, a.timeout_ms);
    }
    if (other && b->link)
        set_speed(b, b->line.baud, b->line.parity, b->line.stop_bits);
}

/* ---- a thread's life ---- */

static void while_down(struct mb_bus *b)
{
    const struct mb_link_seen nothing = {0};
    const struct reply gone = {.outcome = MB_GONE};
    struct mb_ask a;

    if (now_ms() >= b->open_ms)
        open_line(b);
    if (b->link)
        return;
    while (take_ask(b, 0, &a))
        answer(b, &a, &gone, &nothing);
    rest(b, b->look_up ? INT64_MAX : b->open_ms, true);
}

static void turn(struct mb_bus *b)
{
    int64_t now = now_ms(), until, free_ms;
    size_t m = 0, index = 0;
    int asking_ms = askable(b, now, &index, &free_ms);

    switch (mb_round_next(&b->round, now, asking_ms, &m, &until)) {
    case MB_TURN_POLL:
        poll_meter(b, m);
        break;
    case MB_TURN_PROBE:
        probe_meter(b, m);
        break;
    case MB_TURN_ASK:
        ask_for_people(b, index);
        break;
    case MB_TURN_WAIT:
        rest(b, until < free_ms ? until : free_ms, true);
        break;
    }
}

void *mb_poll_run(void *bus)
{
    struct mb_bus *b = bus;

    while (!stopping(b)) {
        if (b->link)
            turn(b);
        else
            while_down(b);
    }
    if (b->link)
        mb_link_close(b->link);
    if (b->look_up)
        mb_look_up_free(b->look_up);
    return NULL;
}
