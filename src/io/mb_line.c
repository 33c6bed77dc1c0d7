/* A bus thread's line (io/mb_impl.h): opening it and opening it again, one request, and after a failure leaving it as
 * the next one must find it. */
#include "io/mb_impl.h"

#include "core/backoff.h"
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
#define NOISY        10 /* answers in a row with noise before them: it is the line, and worth a word */

int64_t mb_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

size_t mb_meter_of(const struct mb_bus *b, int unit)
{
    size_t m = 0;

    while (m < b->n && b->units[m].unit != unit)
        m++;
    return m;
}

/* ---- waiting ---- */

/* Until then, or until the bus is stopped, or (for_news) people ask. False: it is stopped. */
bool mb_rest(struct mb_bus *b, int64_t until_ms, bool for_news)
{
    struct timespec t = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};

    pthread_mutex_lock(&b->lock);
    while (!b->stop && !(for_news && b->news) && mb_now_ms() < until_ms) {
        if (until_ms == INT64_MAX)
            pthread_cond_wait(&b->wake, &b->lock);
        else
            pthread_cond_timedwait(&b->wake, &b->lock, &t);
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
    r->mono_ms = mb_now_ms();
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
        return mb_now_ms() + REOPEN_MS;
    if (getrandom(&random, sizeof random, 0) < 0)
        random = UINT32_MAX / 2;
    return mb_now_ms() + QUIET_MIN_MS + backoff_within(b->attempts, REOPEN_MS, REOPEN_MAX, random);
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

void mb_line_open(struct mb_bus *b)
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
    mb_round_line_up(&b->round, mb_now_ms());
    tell_line(b, true, "");
}

void mb_line_down(struct mb_bus *b, const char *words)
{
    if (b->link)
        mb_link_close(b->link);
    b->link = NULL;
    b->open_ms = next_attempt_ms(b);
    mb_round_line_down(&b->round, mb_now_ms());
    tell_down(b, words);
}

/* A new connection in place of one that ended, or on which there is something that nobody asked for. */
static bool renew(struct mb_bus *b)
{
    char words[MB_LINK_ERROR];

    mb_link_close(b->link);
    if (connect_line(b, words))
        return true;
    mb_line_down(b, words);
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
void mb_line_request(struct mb_bus *b, int unit, const struct mb_read *x, int timeout_ms, struct mb_reply *y)
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
        mb_line_down(b, strerror(mb_link_seen(b->link)->error));
        return;
    }
    if (answered)
        b->silent = b->attempts = 0;
    else if (b->line.device || mb_meter_of(b, unit) < b->n) /* a search asks many who are not there */
        b->silent++;
    remark(b, answered, mb_link_seen(b->link));
    if (is_dead(b) && mb_link_path_gone(b->link)) {
        y->outcome = MB_GONE;
        mb_line_down(b, "it is unplugged");
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
size_t mb_line_settle(struct mb_bus *b, const struct mb_reply *y, int timeout_ms)
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
void mb_line_words(const struct mb_bus *b, struct mb_result *r, int unit, int timeout_ms, int count,
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
