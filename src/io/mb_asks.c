/* What people ask of a bus (io/mb_impl.h): scans, single reads, the proxy. They come behind the seconds. */
#include "io/mb_impl.h"

#include <string.h>

static int64_t hushed_until(const struct mb_bus *b, const struct mb_ask *a)
{
    size_t m = mb_meter_of(b, a->unit);

    if (m < b->n)
        return b->meters[m].quiet_ms;
    for (size_t i = 0; i < MB_HUSHED; i++)
        if (b->hushed[i].unit == a->unit && b->hushed[i].baud == a->baud)
            return b->hushed[i].until_ms;
    return 0;
}

static bool at_other_speed(const struct mb_bus *b, const struct mb_ask *a)
{
    return a->baud > 0 && b->line.device &&
           (a->baud != b->line.baud || a->parity != b->line.parity || a->stop_bits != b->line.stop_bits);
}

/* Who waits for less than a meter may take misses it, and must leave it alone afterwards: its seconds would suffer. */
static int timeout_of(const struct mb_bus *b, const struct mb_ask *a)
{
    size_t m = mb_meter_of(b, a->unit);
    int timeout_ms = a->timeout_ms > 0 ? a->timeout_ms : MB_TIMEOUT_MS;

    if (m < b->n && !at_other_speed(b, a) && timeout_ms < b->meters[m].timeout_ms)
        return b->meters[m].timeout_ms;
    return timeout_ms;
}

/* The time-out of the first ask that may go out now, and its ticket; -1: there is none before *free_ms. */
int mb_asks_next(struct mb_bus *b, int64_t now, uint64_t *ticket, int64_t *free_ms)
{
    int timeout_ms = -1;

    *free_ms = INT64_MAX;
    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < b->n_asks && timeout_ms < 0; i++) {
        int64_t at = hushed_until(b, &b->asks[i]);
        *ticket = b->asks[i].ticket;
        if (at <= now)
            timeout_ms = timeout_of(b, &b->asks[i]);
        else
            *free_ms = at < *free_ms ? at : *free_ms;
    }
    pthread_mutex_unlock(&b->lock);
    return timeout_ms;
}

/* Take the ask with this ticket, or (NULL) the first one. False: it was cancelled, or there is none. */
static bool take_ask(struct mb_bus *b, const uint64_t *ticket, struct mb_ask *a)
{
    size_t index = 0;

    pthread_mutex_lock(&b->lock);
    while (ticket && index < b->n_asks && b->asks[index].ticket != *ticket)
        index++;
    bool there = index < b->n_asks;
    if (there) {
        *a = b->asks[index];
        b->n_asks--;
        memmove(&b->asks[index], &b->asks[index + 1], (b->n_asks - index) * sizeof *a);
    }
    pthread_mutex_unlock(&b->lock);
    if (there)
        a->timeout_ms = timeout_of(b, a);
    return there;
}

/* Where it goes: the unit's own place, else that of who may be asked again first. */
static struct mb_hushed *place_of(struct mb_bus *b, const struct mb_ask *a)
{
    struct mb_hushed *place = &b->hushed[0];

    for (size_t i = 0; i < MB_HUSHED; i++) {
        if (b->hushed[i].unit == a->unit && b->hushed[i].baud == a->baud)
            return &b->hushed[i];
        if (b->hushed[i].until_ms < place->until_ms)
            place = &b->hushed[i];
    }
    return place;
}

/* Its answer may come late. A meter cannot have understood what came at another speed. */
static void hush(struct mb_bus *b, const struct mb_ask *a)
{
    int timeout_ms = a->timeout_ms > MB_TIMEOUT_MS ? a->timeout_ms : MB_TIMEOUT_MS; /* nobody knows how slow it is */
    size_t m = mb_meter_of(b, a->unit);

    if (m == b->n)
        *place_of(b, a) = (struct mb_hushed){a->unit, a->baud, mb_now_ms() + timeout_ms * 3 / 2};
    else if (!at_other_speed(b, a))
        mb_round_hush(&b->round, m, mb_now_ms());
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

void mb_asks_turn(struct mb_bus *b, uint64_t ticket)
{
    struct mb_link_seen seen = {0};
    struct mb_reply y = {.outcome = MB_GONE};
    struct mb_ask a;

    if (!take_ask(b, &ticket, &a))
        return;
    struct mb_read x = {.function = (uint8_t)a.function, .address = (uint16_t)a.address, .count = (uint16_t)a.count};
    bool other = at_other_speed(b, &a);
    size_t m = mb_meter_of(b, a.unit);
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

    while (take_ask(b, NULL, &a))
        answer(b, &a, &gone, &nothing);
}
