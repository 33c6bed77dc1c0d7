/* For the tests of rounds: a line with meters in simulated time, and who asks them as a bus thread does. It holds what
 * must always be: nobody is asked early, in its quiet time, or while a late reply of it may still come; a wait ends. */
#ifndef TEST_MB_LINE_H
#define TEST_MB_LINE_H

#include "unit.h"

#include "core/mb_round.h"

#include <stdio.h>
#include <string.h>

#define METERS 247
#define POLLS  40000 /* of a meter, that are kept */
#define START  7000003

struct slave {
    bool dead;
    int poll_ms;       /* all that is read in one poll; a probe takes a quarter */
    int late_permille; /* so often the answer comes late_ms after the request, if that is more than its timeout */
    int late_ms;
    unsigned nth_fails; /* each nth request fails at once (noise); 0: none */
    /* what came of it */
    unsigned asked, polls, answered, probes, failed; /* answered: of polls */
    int64_t late_until;                              /* the last late reply comes then */
    int64_t last_ms;                                 /* of the last answer to a poll */
    int32_t gap[POLLS];                              /* between two of those */
    size_t n_gaps;
    int64_t probe_at[1000]; /* probes that failed */
    size_t n_probes;
};

static struct mb_meter meters[METERS];
static struct slave slaves[METERS];
static size_t n_meters;
static struct mb_round line_round;
static int64_t now;
static uint64_t seed;

/* People's asks: */
static int asking_ms;  /* -1: none waits */
static int ask_ms;     /* what one takes */
static unsigned asks;  /* that were made */
static int64_t ask_at; /* the last one */

static unsigned forced; /* probes of OFFLINE ones for whom there was no room */
static int64_t
    failed_round; /* the round in which one that is OFFLINE was last probed in vain beside living ones; -1: none yet */

static unsigned draw(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (unsigned)(seed >> 33) % below;
}

static void add(int interval_ms, int timeout_ms, int poll_ms, bool dead)
{
    meters[n_meters] = (struct mb_meter){.interval_ms = interval_ms, .timeout_ms = timeout_ms, .pause_ms = 5};
    slaves[n_meters++] = (struct slave){.dead = dead, .poll_ms = poll_ms};
}

static int line_setup(void **state)
{
    (void)state;
    memset(slaves, 0, sizeof slaves);
    n_meters = 0;
    now = START;
    seed = 1;
    asking_ms = -1;
    ask_ms = 30;
    asks = forced = 0;
    ask_at = 0;
    failed_round = -1;
    return 0;
}

static void begin(void)
{
    mb_round_init(&line_round, meters, n_meters, 42, now);
}

static bool is_late(const struct slave *s)
{
    return s->late_permille && (int)draw(1000) < s->late_permille;
}

/* What a request to it takes; *ok: it was answered in time. */
static int request(size_t i, int ms, bool *ok)
{
    struct slave *s = &slaves[i];

    assert_true(now >= s->late_until); /* its late reply would be taken for this answer */
    s->asked++;
    *ok = !s->dead;
    if (s->dead)
        return meters[i].timeout_ms + line_round.drain_ms;
    if (s->nth_fails && s->asked % s->nth_fails == 0) {
        *ok = false;
        return ms;
    }
    if (is_late(s) && s->late_ms > meters[i].timeout_ms) {
        *ok = false;
        s->late_until = now + s->late_ms;
        return meters[i].timeout_ms;
    }
    return ms;
}

static size_t in_state(enum mb_state state)
{
    size_t n = 0;

    for (size_t i = 0; i < n_meters; i++)
        n += meters[i].state == state;
    return n;
}

static void keep_gap(struct slave *s)
{
    if (s->last_ms && s->n_gaps < POLLS)
        s->gap[s->n_gaps++] = (int32_t)(now - s->last_ms);
    s->last_ms = now;
}

static void do_meter(size_t i, enum mb_turn turn)
{
    struct mb_meter *m = &meters[i];
    struct slave *s = &slaves[i];
    bool poll = turn == MB_TURN_POLL, pressing = line_round.pressing, ok;
    enum mb_state was = m->state;
    bool living = in_state(MB_FINE) + in_state(MB_SUSPECT) > 0;

    assert_true(i < n_meters && now >= m->due_ms && now >= m->quiet_ms);
    assert_int_equal(poll, was == MB_FINE || was == MB_SUSPECT);
    now += request(i, poll ? s->poll_ms : (s->poll_ms + 3) / 4, &ok);
    s->polls += poll;
    s->probes += !poll;
    s->failed += !ok;
    s->answered += poll && ok;
    if (poll && ok)
        keep_gap(s);
    if (!poll && !ok && s->n_probes < 1000)
        s->probe_at[s->n_probes++] = now;
    if (was == MB_OFFLINE && !ok && living) { /* at most one in a round */
        assert_true(line_round.started_ms > failed_round);
        failed_round = line_round.started_ms;
    }
    forced += was == MB_OFFLINE && pressing;
    assert_int_equal(mb_round_done(&line_round, i, ok, now), was);
    assert_int_equal(m->state == MB_FINE, ok);
    assert_true(ok || m->quiet_ms >= now + m->timeout_ms * 3 / 2);
}

/* One turn; false: `until` is reached. */
static bool turn(int64_t until)
{
    size_t i = METERS;
    int64_t wait = -1;
    enum mb_turn t = mb_round_next(&line_round, now, asking_ms, &i, &wait);

    if (t == MB_TURN_WAIT) {
        assert_true(wait > now);
        now = wait < until ? wait : until;
        return now < until;
    }
    if (t == MB_TURN_ASK) {
        assert_true(asking_ms >= 0);
        asks++;
        ask_at = now;
        now += ask_ms;
        return now < until;
    }
    do_meter(i, t);
    return now < until;
}

static void run(int64_t ms)
{
    int64_t until = now + ms;

    while (now < until && turn(until))
        ;
}

#endif
