/* What people ask of a bus (io/mb_impl.h): scans, single reads, the proxy. They come behind the seconds. */
#include "io/mb_impl.h"

#include <string.h>

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
int mb_asks_next(struct mb_bus *b, int64_t now, size_t *index, int64_t *free_ms)
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
        mb_round_hush(&b->round, m, mb_now_ms());
        return;
    }
    b->hushed = a->unit;
    b->hushed_ms = mb_now_ms() + a->timeout_ms * 3 / 2;
}

static void answer(struct mb_bus *b, const struct mb_ask *a, const struct mb_reply *y, const struct mb_link_seen *s)
{
    struct mb_result *r = mb_parcel_new(b, MB_RESULT_ASK, 0);

    r->ticket = a->ticket;
    r->outcome = y->outcome;
    r->exception = y->exception;
    r->mono_ms = mb_now_ms();
    r->took_us = s->took_us;
    if (y->outcome == MB_OK) {
        r->n_words = (size_t)a->count;
        memcpy(r->raw, y->words, r->n_words * sizeof *r->raw);
    }
    mb_line_words(b, r, a->unit, a->timeout_ms, a->count, s);
    mb_parcel_post(r);
}

/* Another speed than the line's for one request. False: the line is down. */
static bool set_speed(struct mb_bus *b, int baud, char parity, int stop_bits)
{
    char words[MB_LINK_ERROR];

    if (mb_link_speed(b->link, baud, parity, stop_bits, words) == 0)
        return true;
    mb_line_down(b, words);
    return false;
}

void mb_asks_turn(struct mb_bus *b, size_t index)
{
    struct mb_link_seen seen = {0};
    struct mb_reply y = {.outcome = MB_GONE};
    struct mb_ask a;

    if (!take_ask(b, index, &a))
        return;
    struct mb_read x = {.function = (uint8_t)a.function, .address = (uint16_t)a.address, .count = (uint16_t)a.count};
    bool other = a.baud > 0 && b->line.device;
    size_t m = meter_of(b, a.unit);
    if (m < b->n && b->units[m].last_ms && !mb_rest(b, b->units[m].last_ms + b->meters[m].pause_ms, false))
        return;
    if (!other || set_speed(b, a.baud, a.parity, a.stop_bits)) {
        mb_line_request(b, a.unit, &x, a.timeout_ms, &y);
        if (m < b->n)
            b->units[m].last_ms = mb_now_ms();
        if (b->link)
            seen = *mb_link_seen(b->link);
    }
    answer(b, &a, &y, &seen);
    if (y.outcome != MB_OK && y.outcome != MB_EXCEPTION) {
        hush(b, &a);
        mb_line_settle(b, &y, a.timeout_ms);
    }
    if (other && b->link)
        set_speed(b, b->line.baud, b->line.parity, b->line.stop_bits);
}

void mb_asks_refuse(struct mb_bus *b)
{
    const struct mb_link_seen nothing = {0};
    const struct mb_reply gone = {.outcome = MB_GONE};
    struct mb_ask a;

    while (take_ask(b, 0, &a))
        answer(b, &a, &gone, &nothing);
}
