#include "core/phase_match.h"

#include "core/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TURNS 6
#define TURN  60000 /* thousandths of a degree */
#define HALF  (3 * TURN)
#define FULL  (TURNS * TURN)

/* A clamp that takes part. */
struct view {
    size_t port;   /* 0..2 */
    int64_t angle; /* of its current behind the board's voltage, whatever shift is set: 0 .. FULL - 1 */
    int64_t irms;
    bool enough;
};

static int64_t wrap(int64_t angle)
{
    return ((angle % FULL) + FULL) % FULL;
}

/* Of two directions: -HALF .. HALF - 1. */
static int64_t between(int64_t a, int64_t b)
{
    return wrap(a - b + HALF) - HALF;
}

static int64_t size(int64_t v)
{
    return v < 0 ? -v : v;
}

static unsigned nearest(int64_t angle)
{
    return (unsigned)(wrap(angle + TURN / 2) / TURN);
}

static bool is_near(int64_t angle)
{
    return size(between(angle, (int64_t)nearest(angle) * TURN)) <= PHASE_NEAR_MILLI;
}

static bool is_odd(unsigned turn)
{
    return turn % 2 != 0;
}

/* ---- words ---- */

#define DEGREES "%lld.%lld degrees at %lld.%03lld A"
#define DEGREES_OF(v)                                                                                                  \
    tenths(v) / 10, tenths(v) % 10, (long long)((v)->irms / 1000), (long long)((v)->irms % 1000)

/* Of a degree, 0 to 3599. */
static long long tenths(const struct view *v)
{
    return (v->angle + 50) / 100 % 3600;
}

PRINTF_LIKE(3, 4) static void append(char *text, size_t room, const char *fmt, ...)
{
    size_t n = strlen(text);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text + n, room - n, fmt, ap);
    va_end(ap);
}

static const char *phase_of(unsigned turn)
{
    static const char *const names[TURNS] = {
        [0] = "the board's own phase, the right way round", [1] = "the phase 240 behind, the wrong way round",
        [2] = "the phase 120 behind, the right way round",  [3] = "the board's own phase, the wrong way round",
        [4] = "the phase 240 behind, the right way round",  [5] = "the phase 120 behind, the wrong way round",
    };

    return names[turn % TURNS];
}

static void decide(struct phase_proposal *out, const struct view *v, unsigned turn)
{
    out->shift[v->port] = (uint8_t)(turn % TURNS);
    snprintf(out->why[v->port], sizeof out->why[0], DEGREES ": %s", DEGREES_OF(v), phase_of(turn));
}

static void too_little(struct phase_proposal *out, const struct view *v, const char *what)
{
    snprintf(out->why[v->port], sizeof out->why[0], "%lld.%03lld A are too little to tell%s",
             (long long)(v->irms / 1000), (long long)(v->irms % 1000), what);
}

/* What was measured, and no more. */
static void say_measured(struct phase_proposal *out, const struct view *v)
{
    if (v->enough)
        snprintf(out->why[v->port], sizeof out->why[0], DEGREES, DEGREES_OF(v));
    else
        too_little(out, v, "");
}

/* Ports of an odd turn, in words behind the summary. */
static void append_reversed(struct phase_proposal *out, const struct view *v, size_t n)
{
    const char *before = "; the wrong way round, or feeding in: port ";

    for (size_t i = 0; i < n; i++) {
        if (!is_odd(out->shift[v[i].port]))
            continue;
        append(out->summary, sizeof out->summary, "%s%zu", before, v[i].port + 1);
        before = ", ";
    }
}

/* ---- one phase ---- */

static void match_single(const struct view *v, size_t n, struct phase_proposal *out)
{
    struct view told[PHASE_CLAMPS];
    size_t n_told = 0;

    for (size_t i = 0; i < n; i++) {
        int64_t off = size(between(v[i].angle, 0));
        if (!v[i].enough) {
            too_little(out, &v[i], ": left as it is");
        } else if (off > PHASE_NEAR_1P_MILLI && off < HALF - PHASE_NEAR_1P_MILLI) {
            snprintf(out->why[v[i].port], sizeof out->why[0], DEGREES ": neither near 0 nor near 180, left as it is",
                     DEGREES_OF(&v[i]));
        } else {
            decide(out, &v[i], off <= PHASE_NEAR_1P_MILLI ? 0 : 3);
            told[n_told++] = v[i];
        }
    }
    out->known = n_told > 0;
    if (out->known)
        append(out->summary, sizeof out->summary, "%zu of %zu clamps can be told", n_told, n);
    else
        append(out->summary, sizeof out->summary,
               "no clamp can be told: each needs 0.5 A of a load that is near to ohmic");
    append_reversed(out, told, n_told);
}

/* ---- three phases ---- */

/* What speaks against two clamps that sit the same way round on two phases; NULL: nothing. */
static const char *against_pair(const struct view *first, const struct view *second)
{
    int64_t apart = wrap(second->angle - first->angle);

    if (!is_near(first->angle))
        return "the largest current lies between two multiples of 60 degrees: its load is not ohmic enough";
    if (!is_near(apart))
        return "the angle between the two largest currents lies between two multiples of 60 degrees";
    if (nearest(apart) == 0)
        return "the two largest currents seem to be on one phase";
    if (nearest(apart) == 3)
        return "the two largest currents are opposite: on one phase, or one of them feeding in";
    if (is_odd(nearest(apart)))
        return "one of the two largest currents is the wrong way round, or its load far from ohmic";
    return NULL;
}

/* Does each of three tell its phase by itself? */
static bool all_told(const struct view v[PHASE_CLAMPS])
{
    unsigned phases = 0;

    for (size_t i = 0; i < PHASE_CLAMPS; i++) {
        if (!v[i].enough || !is_near(v[i].angle))
            return false;
        phases |= 1u << nearest(v[i].angle) % 3;
    }
    return phases == 7;
}

/* The third gets what is left. False when its own current cannot be that of this phase. */
static bool match_rest(const struct view *v, unsigned turn, struct phase_proposal *out)
{
    bool fits = !v->enough || size(between(v->angle, (int64_t)turn * TURN)) <= HALF / 2;

    decide(out, v, turn);
    if (!v->enough)
        too_little(out, v, ": the phase that is left, the same way round as the others");
    else if (!fits)
        snprintf(out->why[v->port], sizeof out->why[0], DEGREES ": does not fit the phase that is left", DEGREES_OF(v));
    return fits;
}

/* Ports in the order of their phases. */
static void say_order(const struct view *v, size_t n, struct phase_proposal *out)
{
    const char *before = "in the order of the phases: port ";

    for (unsigned turn = 0; turn < TURNS; turn += 2)
        for (size_t i = 0; i < n; i++) {
            unsigned has = out->shift[v[i].port];
            if ((is_odd(has) ? has + 3 : has) % TURNS != turn)
                continue;
            append(out->summary, sizeof out->summary, "%s%zu", before, v[i].port + 1);
            before = ", ";
        }
    append_reversed(out, v, n);
}

static void give_up(struct phase_proposal *out, const char *reason)
{
    out->known = false;
    append(out->summary, sizeof out->summary, "%s; switch on an ohmic load on each phase, let nothing feed in", reason);
}

static bool match_pair(const struct view *v, size_t n, struct phase_proposal *out)
{
    const char *against = v[1].enough ? against_pair(&v[0], &v[1]) : "only one clamp carries enough current (0.5 A)";

    if (against) {
        give_up(out, against);
        return false;
    }
    unsigned first = nearest(v[0].angle), second = first + nearest(v[1].angle - v[0].angle);
    decide(out, &v[0], first);
    decide(out, &v[1], second);
    if (n < PHASE_CLAMPS || match_rest(&v[2], (TURNS + 2 * first - second % TURNS) % TURNS, out))
        return true;
    give_up(out, "two clamps seem to be on one phase, or one is the wrong way round");
    return false;
}

/* v: the largest current first. */
static void match_three(const struct view *v, size_t n, struct phase_proposal *out)
{
    if (!v[0].enough) {
        give_up(out, "no clamp carries enough current (0.5 A)");
    } else if (n == PHASE_CLAMPS && all_told(v)) {
        for (size_t i = 0; i < n; i++)
            decide(out, &v[i], nearest(v[i].angle));
        out->known = true;
    } else if (n == 1 && is_near(v[0].angle)) {
        decide(out, &v[0], nearest(v[0].angle));
        out->known = true;
    } else if (n == 1) {
        give_up(out, "the current lies between two multiples of 60 degrees");
    } else {
        out->known = match_pair(v, n, out);
    }
    if (out->known)
        say_order(v, n, out);
    for (size_t i = 0; i < n && !out->known; i++)
        say_measured(out, &v[i]);
}

/* ---- both ---- */

/* The lag behind the board's voltage as it is, not as the shift has turned it. */
static int64_t lag_of(const struct phase_clamp *c)
{
    return wrap(c->alpha_milli);
}

/* The clamps that take part, the largest current first; of equal ones the lower port. */
static size_t gather(const struct phase_clamp clamps[PHASE_CLAMPS], struct view v[PHASE_CLAMPS])
{
    size_t n = 0;

    for (size_t port = 0; port < PHASE_CLAMPS; port++) {
        const struct phase_clamp *c = &clamps[port];
        int64_t irms = c->irms_milli > 0 ? c->irms_milli : 0;
        size_t at = n;
        if (!c->present)
            continue;
        for (; at > 0 && v[at - 1].irms < irms; at--)
            v[at] = v[at - 1];
        v[at] = (struct view){port, lag_of(c), irms, irms >= PHASE_ENOUGH_MILLI};
        n++;
    }
    return n;
}

void phase_match(const struct phase_clamp clamps[PHASE_CLAMPS], enum phase phase, struct phase_proposal *out)
{
    struct view v[PHASE_CLAMPS];
    size_t n = gather(clamps, v);

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < PHASE_CLAMPS; i++) {
        out->shift[i] = clamps[i].shift % TURNS;
        if (!clamps[i].present)
            snprintf(out->why[i], sizeof out->why[i], "takes no part");
    }
    if (n == 0)
        append(out->summary, sizeof out->summary, "there is no clamp to match");
    else if (phase == PHASE_1P)
        match_single(v, n, out);
    else
        match_three(v, n, out);
    for (size_t i = 0; i < PHASE_CLAMPS && !out->known; i++)
        out->shift[i] = clamps[i].shift % TURNS;
}
