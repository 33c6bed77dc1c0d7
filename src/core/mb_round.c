#include "core/mb_round.h"

#include <string.h>

#define QUIET_NUM     3 /* a unit that did not answer is left alone for 3/2 of its timeout */
#define QUIET_DEN     2
#define UNSURE        8 /* a failure is forgotten after so many answers */
#define UNSURE_MAX    64
#define URGENT_ROUNDS 3     /* a line that was busy for less may be so because someone just died */
#define TOGETHER_MS   60000 /* who went silent so close together went for the same reason: a cable, a fuse */
#define JITTER_PART   4     /* the last quarter of a probe's distance is drawn */

enum patience {
    PATIENT,
    PRESSES, /* without room, behind those that are due */
    URGENT   /* without room, before them: they are always due */
};

/* What was found in one pass over the meters; index n: none. */
struct view {
    int64_t now;
    size_t fine;          /* FINE and due: POLL */
    size_t suspect;       /* there is room for it */
    size_t probe;         /* likewise, of NEW and OFFLINE ones */
    size_t press, urgent; /* there is none */
    int64_t fine_ms;      /* when a FINE one is due next, INT64_MAX: there is none */
    int64_t other_ms;     /* when another one may be asked next, those that are due apart */
    bool living;          /* FINE or SUSPECT */
    bool blocked;         /* someone is due and found no room, or too many probes before it */
};

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static uint32_t draw(struct mb_round *r)
{
    r->random ^= r->random << 13;
    r->random ^= r->random >> 7;
    r->random ^= r->random << 17;
    return (uint32_t)(r->random >> 32);
}

/* Neighbouring seeds are far apart then; 0 would stay 0 (splitmix64). */
static uint64_t mixed(uint64_t seed)
{
    seed += UINT64_C(0x9e3779b97f4a7c15);
    seed = (seed ^ seed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    seed = (seed ^ seed >> 27) * UINT64_C(0x94d049bb133111eb);
    seed ^= seed >> 31;
    return seed ? seed : 1;
}

static void set_state(struct mb_meter *m, enum mb_state to, int64_t now)
{
    if (m->state == to)
        return;
    m->state = to;
    m->since_ms = now;
}

/* ---- intervals ---- */

/* Which interval this moment is in. */
static int64_t interval_of(const struct mb_round *r, const struct mb_meter *m, int64_t ms)
{
    int64_t since = ms - r->base_ms;

    return since >= 0 ? since / m->interval_ms : -1;
}

/* Where the next interval begins. */
static int64_t next_slot(const struct mb_round *r, const struct mb_meter *m, int64_t now)
{
    return r->base_ms + (interval_of(r, m, now) + 1) * m->interval_ms;
}

/* How many intervals begin in from <= t < to. */
static uint64_t slots(const struct mb_round *r, const struct mb_meter *m, int64_t from, int64_t to)
{
    int64_t n = interval_of(r, m, to - 1) - interval_of(r, m, from - 1);

    return n > 0 ? (uint64_t)n : 0;
}

/* Its interval passes without a value. */
static void move_on(const struct mb_round *r, struct mb_meter *m, int64_t now)
{
    int64_t next = next_slot(r, m, now);

    m->missed += slots(r, m, m->slot_ms, next);
    m->slot_ms = next;
}

/* ---- rounds ---- */

static int64_t round_length(const struct mb_round *r)
{
    int shortest = MB_ROUND_MAX_MS;

    for (size_t i = 0; i < r->n; i++)
        if ((r->meters[i].state == MB_FINE || r->meters[i].state == MB_SUSPECT) && r->meters[i].interval_ms < shortest)
            shortest = r->meters[i].interval_ms;
    return shortest > MB_ROUND_MIN_MS ? shortest : MB_ROUND_MIN_MS;
}

static void turn_round(struct mb_round *r, int64_t now, int64_t length)
{
    int64_t start = now - (now - r->base_ms) % length;

    if (start <= r->started_ms)
        return;
    r->started_ms = start;
    r->busy = !r->idle;
    r->without += r->starved && !r->given;
    r->ask_without += r->ask_starved;
    r->probed = r->pressed = r->given = r->idle = r->starved = r->ask_starved = false;
}

static void start(struct mb_round *r, int64_t now)
{
    r->started_ms = now - (now - r->base_ms) % MB_ROUND_MIN_MS;
    r->probed = r->pressed = r->given = r->idle = r->starved = r->ask_starved = false;
    r->busy = r->pressing = r->asked = false;
    r->without = r->ask_without = 0;
}

void mb_round_init(struct mb_round *r, struct mb_meter *meters, size_t n, uint64_t seed, int64_t mono_ms)
{
    *r = (struct mb_round){.meters = meters, .n = n, .random = mixed(seed), .base_ms = mono_ms};
    start(r, mono_ms);
    for (size_t i = 0; i < n; i++)
        meters[i] = (struct mb_meter){.interval_ms = meters[i].interval_ms,
                                      .timeout_ms = meters[i].timeout_ms,
                                      .pause_ms = meters[i].pause_ms,
                                      .state = MB_NEW,
                                      .due_ms = mono_ms,
                                      .since_ms = mono_ms,
                                      .slot_ms = mono_ms,
                                      .eager = true};
}

/* ---- who is next ---- */

/* Someone just failed: who was due already when that began, and may have died with it, comes behind those who became
 * due meanwhile. Each takes a timeout to tell. */
static bool put_behind(const struct mb_round *r, const struct mb_meter *m, int64_t now)
{
    return now < r->trouble_ms && m->due_ms < r->trouble_from_ms;
}

/* Due first; of those that are due together who answers reliably. */
static bool before(const struct mb_round *r, size_t a, size_t b, int64_t now)
{
    const struct mb_meter *x = &r->meters[a], *y;

    if (b == r->n)
        return true;
    y = &r->meters[b];
    if (put_behind(r, x, now) != put_behind(r, y, now))
        return put_behind(r, y, now);
    return x->due_ms != y->due_ms ? x->due_ms < y->due_ms : x->unsure < y->unsure;
}

static void take(const struct mb_round *r, size_t *best, size_t i, int64_t now)
{
    if (before(r, i, *best, now))
        *best = i;
}

static enum patience patience(const struct mb_round *r, const struct mb_meter *m, int64_t now, int64_t length)
{
    int64_t waited = now - max64(m->due_ms, m->quiet_ms);
    bool eager = m->state == MB_SUSPECT || m->eager;

    if (r->pressed || r->given || (eager ? waited < length : r->without < MB_FORCE))
        return PATIENT;
    return !r->busy || now < r->trouble_ms || (eager && waited < URGENT_ROUNDS * length) ? PRESSES : URGENT;
}

/* When the living ones need the line again. */
static void look_at_fine(const struct mb_round *r, struct view *v)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct mb_meter *m = &r->meters[i];
        v->living |= m->state == MB_FINE || m->state == MB_SUSPECT;
        if (m->state != MB_FINE)
            continue;
        int64_t at = max64(m->due_ms, m->quiet_ms);
        v->fine_ms = min64(v->fine_ms, at);
        if (at <= v->now)
            take(r, &v->fine, i, v->now);
    }
}

static bool room(const struct mb_round *r, const struct view *v, int timeout_ms)
{
    return v->fine_ms == INT64_MAX || v->fine_ms - v->now >= (int64_t)timeout_ms + r->drain_ms;
}

/* It is due, and there is no room for it. */
static void crowded(struct mb_round *r, struct view *v, size_t i, int64_t length)
{
    const struct mb_meter *m = &r->meters[i];
    enum patience p = patience(r, m, v->now, length);

    r->starved |= m->state == MB_OFFLINE && !m->eager;
    if (p == PATIENT)
        v->blocked = true;
    else
        take(r, p == URGENT ? &v->urgent : &v->press, i, v->now);
}

static void look_at_others(struct mb_round *r, struct view *v, int64_t length)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct mb_meter *m = &r->meters[i];
        if (m->state == MB_FINE)
            continue;
        int64_t at = max64(m->due_ms, m->quiet_ms);
        if (at > v->now) {
            v->other_ms = min64(v->other_ms, at);
            continue;
        }
        if (m->state == MB_OFFLINE && r->probed && v->living) {
            v->blocked = true;
            continue;
        }
        if (room(r, v, m->timeout_ms))
            take(r, m->state == MB_SUSPECT ? &v->suspect : &v->probe, i, v->now);
        else
            crowded(r, v, i, length);
    }
}

static enum mb_turn give(struct mb_round *r, size_t i, bool pressing, int64_t now, size_t *meter)
{
    *meter = i;
    r->pressing = pressing;
    r->turn_ms = now;
    return r->meters[i].state == MB_FINE || r->meters[i].state == MB_SUSPECT ? MB_TURN_POLL : MB_TURN_PROBE;
}

/* May people have their turn: 1 before those that are due, 0 behind them, -1 not yet? */
static int ask_rank(struct mb_round *r, const struct view *v, int asking_ms)
{
    if (asking_ms < 0)
        return -1;
    if (room(r, v, asking_ms))
        return 0;
    r->ask_starved = true;
    return r->ask_without < MB_FORCE_ASK ? -1 : r->busy;
}

static enum mb_turn give_ask(struct mb_round *r)
{
    r->ask_without = 0;
    r->ask_starved = false;
    r->asked = true;
    return MB_TURN_ASK;
}

enum mb_turn mb_round_next(struct mb_round *r, int64_t mono_ms, int asking_ms, size_t *meter, int64_t *until_ms)
{
    struct view v = {.now = mono_ms,
                     .fine = r->n,
                     .suspect = r->n,
                     .probe = r->n,
                     .press = r->n,
                     .urgent = r->n,
                     .fine_ms = INT64_MAX,
                     .other_ms = INT64_MAX};
    int64_t length = round_length(r);

    turn_round(r, mono_ms, length);
    look_at_fine(r, &v);
    look_at_others(r, &v, length);
    r->idle |= v.fine == r->n;
    int ask = ask_rank(r, &v, asking_ms);
    if (v.urgent < r->n)
        return give(r, v.urgent, true, mono_ms, meter);
    if (ask > 0)
        return give_ask(r);
    if (v.fine < r->n) {
        if (put_behind(r, &r->meters[v.fine], mono_ms))
            r->trouble_ms = mono_ms; /* all others had their turn */
        return give(r, v.fine, false, mono_ms, meter);
    }
    if (v.suspect < r->n)
        return give(r, v.suspect, false, mono_ms, meter);
    if (v.press < r->n)
        return give(r, v.press, true, mono_ms, meter);
    if (v.probe < r->n && (ask < 0 || r->asked)) {
        r->asked = false;
        return give(r, v.probe, false, mono_ms, meter);
    }
    if (ask == 0)
        return give_ask(r);
    *until_ms = min64(v.fine_ms, v.other_ms);
    if (v.blocked || asking_ms >= 0)
        *until_ms = min64(*until_ms, r->started_ms + length);
    return MB_TURN_WAIT;
}

/* ---- what came of it ---- */

static void leave_alone(struct mb_meter *m, int64_t now)
{
    m->quiet_ms = max64(m->quiet_ms, now + (int64_t)m->timeout_ms * QUIET_NUM / QUIET_DEN);
}

/* One is back: those that went silent with it may be, too. */
static void wake_others(struct mb_round *r, int64_t since_ms, int64_t now)
{
    for (size_t i = 0; i < r->n; i++) {
        struct mb_meter *m = &r->meters[i];
        if (m->state != MB_OFFLINE || llabs(m->since_ms - since_ms) > TOGETHER_MS)
            continue;
        m->eager = true;
        m->due_ms = min64(m->due_ms, now);
    }
}

static void answered(struct mb_round *r, struct mb_meter *m, int64_t now)
{
    bool probe = m->state == MB_NEW || m->state == MB_OFFLINE;

    if (m->state == MB_OFFLINE)
        wake_others(r, m->since_ms, now);
    m->failures = 0;
    m->unsure -= m->unsure > 0;
    m->eager = false;
    m->quiet_ms = 0;
    set_state(m, MB_FINE, now);
    m->missed += slots(r, m, m->slot_ms + 1, now + 1);
    if (probe) { /* its values are wanted at once, an interval may be an hour */
        m->slot_ms = max64(m->slot_ms, next_slot(r, m, now) - m->interval_ms);
        m->due_ms = now;
    } else {
        m->slot_ms = next_slot(r, m, now);
        m->due_ms = m->slot_ms;
    }
}

static void put_off(struct mb_round *r, struct mb_meter *m, int64_t now)
{
    int drawn = m->probe_ms / JITTER_PART;

    m->due_ms = now + m->probe_ms - (int64_t)((uint64_t)draw(r) * (uint64_t)(drawn + 1) >> 32);
}

/* A probe failed: the next one is twice as far off. */
static void probe_failed(struct mb_round *r, struct mb_meter *m, int64_t now)
{
    m->probe_ms = m->state != MB_OFFLINE || m->probe_ms < MB_PROBE_MIN_MS ? MB_PROBE_MIN_MS : 2 * m->probe_ms;
    if (m->probe_ms > MB_PROBE_MAX_MS)
        m->probe_ms = MB_PROBE_MAX_MS;
    m->eager = false;
    set_state(m, MB_OFFLINE, now);
    put_off(r, m, now);
}

static void failed(struct mb_round *r, struct mb_meter *m, int64_t now)
{
    m->failures++;
    m->unsure = m->unsure + UNSURE > UNSURE_MAX ? UNSURE_MAX : m->unsure + UNSURE;
    leave_alone(m, now);
    if (m->state == MB_FINE) { /* once more in this interval */
        set_state(m, MB_SUSPECT, now);
        m->due_ms = m->quiet_ms;
        return;
    }
    move_on(r, m, now);
    if (m->state == MB_SUSPECT && m->failures < MB_FAILURES)
        m->due_ms = max64(m->slot_ms, m->quiet_ms);
    else
        probe_failed(r, m, now);
}

enum mb_state mb_round_done(struct mb_round *r, size_t meter, bool ok, int64_t mono_ms)
{
    struct mb_meter *m = &r->meters[meter];
    enum mb_state state = m->state;
    bool probe = state == MB_NEW || state == MB_OFFLINE;

    turn_round(r, mono_ms, round_length(r)); /* what became of it counts in the round in which it is known */
    if (r->pressing && state == MB_OFFLINE && !m->eager)
        r->without = 0;
    if (ok)
        answered(r, m, mono_ms);
    else
        failed(r, m, mono_ms);
    if (!ok) {
        r->trouble_from_ms = r->turn_ms;
        r->trouble_ms = mono_ms + round_length(r);
    }
    r->probed |= probe && !ok;
    r->pressed |= r->pressing && !ok;
    r->given |= state != MB_FINE && !r->pressing && !ok;
    r->pressing = false;
    return state;
}

void mb_round_hush(struct mb_round *r, size_t meter, int64_t mono_ms)
{
    leave_alone(&r->meters[meter], mono_ms);
}

/* ---- the line ---- */

void mb_round_line_down(struct mb_round *r, int64_t mono_ms)
{
    for (size_t i = 0; i < r->n; i++) {
        struct mb_meter *m = &r->meters[i];
        if (m->state == MB_OFFLINE && mono_ms - m->since_ms > TOGETHER_MS)
            continue;
        m->probe_ms = 0; /* because of the line */
        set_state(m, MB_OFFLINE, mono_ms);
    }
}

void mb_round_line_up(struct mb_round *r, int64_t mono_ms)
{
    start(r, mono_ms);
    for (size_t i = 0; i < r->n; i++) {
        struct mb_meter *m = &r->meters[i];
        m->quiet_ms = 0; /* nothing of before comes late on a line that was closed */
        if (m->state != MB_OFFLINE)
            continue;
        m->eager = !m->probe_ms;
        m->due_ms = m->eager ? mono_ms : mono_ms + MB_PROBE_MIN_MS;
    }
}

const char *mb_state_name(enum mb_state s)
{
    static const char *const names[] = {
        [MB_NEW] = "new", [MB_FINE] = "ok", [MB_SUSPECT] = "suspect", [MB_OFFLINE] = "offline"};

    return names[s];
}
