/* What a bus thread does (io/mb_impl.h): ask who is due. Values are made of words here, but judged elsewhere. */
#include "io/mb_impl.h"

#include "core/mb_decode.h"
#include "core/mb_frame.h"

#include <string.h>
#include <sys/prctl.h>

#define SPLITS     6 /* of reads within one poll: the others keep their second, and more are split in the next one */
#define LONG_TRIES 2 /* reads that were longer than any answer so far, before they are made short */
#define SLACK_NS   1 /* of a wire's timers: its silences are short, and each is waited for before a request */

/* What becomes of a poll, where a read's index would be. */
#define FAILED SIZE_MAX
#define LATER  (SIZE_MAX - 1) /* all of it is asked again, when the unit may be */

/* ---- polls ---- */

/* Ask this meter, after the pause that it needs. False: the bus is stopped. */
static bool ask_unit(struct mb_bus *b, size_t m, const struct mb_read *x, struct mb_reply *y)
{
    struct mb_unit *u = &b->units[m];
    int timeout_ms = b->meters[m].timeout_ms;

    if (u->last_ms && !mb_rest(b, u->last_ms + b->meters[m].pause_ms, false))
        return false;
    mb_line_request(b, u->unit, x, timeout_ms, y);
    u->last_ms = mb_now_ms();
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
static void tell(struct mb_bus *b, size_t m, bool ok, const struct mb_reply *y, int count, const struct mb_link_seen *s)
{
    struct mb_result *r = mb_parcel_new(b, MB_RESULT_METER, b->n_readings);

    b->units[m].strayed = false;
    r->before = mb_round_done(&b->round, m, ok, mb_now_ms());
    r->meter = m;
    r->state = b->meters[m].state;
    r->missed = b->meters[m].missed;
    r->outcome = y->outcome;
    r->exception = y->exception;
    r->mono_ms = b->units[m].last_ms;
    r->n = b->n_readings;
    memcpy(r->readings, b->readings, r->n * sizeof *b->readings);
    mb_line_words(b, r, b->units[m].unit, b->meters[m].timeout_ms, count, s);
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

static void settle_after(struct mb_bus *b, struct mb_unit *u, const struct mb_reply *y, int timeout_ms)
{
    size_t bytes = mb_line_settle(b, y, timeout_ms);

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

/* A refusal is an answer. */
static bool is_there(const struct mb_reply *y)
{
    return y->outcome == MB_OK || (y->outcome == MB_EXCEPTION && !mb_exception_is_absence(y->exception));
}

static bool refused(const struct mb_reply *y)
{
    return y->outcome == MB_EXCEPTION && (y->exception == 2 || y->exception == 3);
}

/* An answer to something else came, and no other: it is no fault of the meter, but its own may still come, so it is
 * left alone as if it had been silent. A transaction tells: over MBAP it may be asked again at once. */
static size_t once_more(struct mb_bus *b, size_t m, size_t i, const struct mb_reply *y)
{
    struct mb_unit *u = &b->units[m];

    u->strayed = true;
    count_retry(b, u);
    settle_after(b, u, y, b->meters[m].timeout_ms);
    if (!b->link)
        return FAILED;
    if (mb_link_is_mbap(b->link))
        return i;
    mb_round_hush(&b->round, m, mb_now_ms());
    return LATER;
}

/* One read of a poll. The next one to ask; or what becomes of the poll. */
static size_t after(struct mb_bus *b, size_t m, size_t i, const struct mb_read *x, const struct mb_reply *y,
                    int *splits, const struct mb_link_seen *s)
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
    return y->outcome == MB_BAD && !u->strayed ? once_more(b, m, i, y) : FAILED;
}

/* All reads of a meter in turn. What it says goes out together. */
static void poll_meter(struct mb_bus *b, size_t m)
{
    struct mb_unit *u = &b->units[m];
    struct mb_link_seen seen = {0};
    struct mb_reply y = {.outcome = MB_OK};
    int splits = SPLITS, count = 0;
    bool all = nothing_asked(&u->plan, mb_now_ms());
    size_t i = 0;

    b->n_readings = 0;
    if (b->meters[m].state == MB_SUSPECT)
        count_retry(b, u);
    while (i < u->plan.n_reads) {
        struct mb_read x = u->plan.reads[i];
        if (!mb_read_asked(&x, mb_now_ms()) && !(all && i == 0)) {
            i++;
            continue;
        }
        if (!ask_unit(b, m, &x, &y))
            return;
        seen = b->link ? *mb_link_seen(b->link) : (struct mb_link_seen){0};
        count = x.count;
        i = after(b, m, i, &x, &y, &splits, &seen);
        if (i == LATER)
            return;
        if (i == FAILED && y.outcome == MB_TIMEOUT)
            shorten(b, u, &x);
    }
    bool failed = i == FAILED;
    if (failed || b->n_readings == 0) {
        bool ok = is_there(&y);
        b->n_readings = 0;
        tell(b, m, ok, &y, count, &seen);
        if (!ok)
            settle_after(b, u, &y, b->meters[m].timeout_ms);
        return;
    }
    y = (struct mb_reply){.outcome = MB_OK}; /* what was refused on the way is left out from now on */
    tell(b, m, true, &y, count, &seen);
}

/* Is it there? One short read says so. */
static void probe_meter(struct mb_bus *b, size_t m)
{
    struct mb_unit *u = &b->units[m];
    const struct meter_register *reg = &u->plan.registers[0];
    struct mb_read x = {.function = 3, .count = 1};
    struct mb_link_seen seen;
    struct mb_reply y;

    if (u->plan.n_registers > 0) /* else nothing is wanted of it */
        x = (struct mb_read){.function = reg->function, .address = reg->address, .count = reg->words};
    b->n_readings = 0;
    if (!ask_unit(b, m, &x, &y))
        return;
    seen = b->link ? *mb_link_seen(b->link) : (struct mb_link_seen){0};
    bool ok = is_there(&y);
    if (y.outcome == MB_OK && x.count > u->longest)
        u->longest = x.count;
    tell(b, m, ok, &y, x.count, &seen);
    if (!ok)
        settle_after(b, u, &y, b->meters[m].timeout_ms);
}

/* ---- a thread's life ---- */

static bool stopping(struct mb_bus *b)
{
    pthread_mutex_lock(&b->lock);
    bool stop = b->stop;
    pthread_mutex_unlock(&b->lock);
    return stop;
}

static void while_down(struct mb_bus *b)
{
    if (mb_now_ms() >= b->open_ms)
        mb_line_open(b);
    if (b->link)
        return;
    mb_asks_refuse(b);
    mb_rest(b, b->look_up ? INT64_MAX : b->open_ms, true);
}

static void turn(struct mb_bus *b)
{
    int64_t now = mb_now_ms(), until, free_ms;
    uint64_t ticket = 0;
    size_t m = 0;
    int asking_ms = mb_asks_next(b, now, &ticket, &free_ms);

    switch (mb_round_next(&b->round, now, asking_ms, &m, &until)) {
    case MB_TURN_POLL:
        poll_meter(b, m);
        break;
    case MB_TURN_PROBE:
        probe_meter(b, m);
        break;
    case MB_TURN_ASK:
        mb_asks_turn(b, ticket);
        break;
    case MB_TURN_WAIT:
        mb_rest(b, until < free_ms ? until : free_ms, true);
        break;
    }
}

void *mb_poll_run(void *bus)
{
    struct mb_bus *b = bus;

    if (b->line.device)
        prctl(PR_SET_TIMERSLACK, SLACK_NS);
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
