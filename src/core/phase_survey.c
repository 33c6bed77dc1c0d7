#include "core/phase_survey.h"

#include "core/answer.h"
#include "core/jsonw.h"
#include "core/util.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define TURNS     6      /* a whole circle, by multiples of 60 degrees */
#define HALF      180000 /* thousandths of a degree */
#define DIRECTION 0.9    /* length of the mean of unit vectors: at 30 degrees to each side it is 0.87 */

/* ---- numbers ---- */

bool phase_mean(const int64_t *milli, size_t n, int64_t *mean)
{
    double x = 0, y = 0, to_rad = M_PI / HALF;

    for (size_t i = 0; i < n; i++) {
        x += cos((double)milli[i] * to_rad);
        y += sin((double)milli[i] * to_rad);
    }
    *mean = llround(atan2(y, x) / to_rad);
    if (*mean <= -HALF)
        *mean += 2 * HALF;
    return n && hypot(x, y) >= DIRECTION * (double)n;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int64_t phase_median(const int64_t *v, size_t n)
{
    int64_t sorted[PHASE_SECONDS];

    if (n == 0)
        return 0;
    memcpy(sorted, v, n * sizeof *v);
    qsort(sorted, n, sizeof *sorted, compare);
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static uint8_t turn_of(int shift, bool flip)
{
    return (uint8_t)((shift + (flip ? TURNS / 2 : 0)) % TURNS);
}

/* ---- measuring ---- */

static const struct port_settings *find_port(const struct settings *s, int port)
{
    for (size_t i = 0; s->board.protocol == BOARD_FLX && i < s->n_port; i++)
        if (s->port[i].port == port)
            return &s->port[i];
    return NULL;
}

/* The clamp when it is enabled, else NULL. */
static const struct port_settings *find_clamp(const struct settings *s, int port)
{
    const struct port_settings *p = find_port(s, port);

    return p && p->enable ? p : NULL;
}

int phase_survey_init(struct phase_survey *s, const struct settings *settings, int64_t from_ms, char why[PHASE_WHY])
{
    bool any = false;

    memset(s, 0, sizeof *s);
    s->phase = settings->phase;
    for (size_t i = 0; i < PHASE_CLAMPS; i++) {
        const struct port_settings *p = find_clamp(settings, (int)i + 1);
        struct phase_survey_clamp *c = &s->clamp[i];
        if (!p)
            continue;
        any = c->on = true;
        answer_clean(c->name, sizeof c->name, p->name ? p->name : "", p->name ? strlen(p->name) : 0);
        c->shift = (uint8_t)p->shift;
        c->flip = p->flip;
        c->last_ms = from_ms;
    }
    if (settings->board.protocol != BOARD_FLX)
        snprintf(why, PHASE_WHY, "phase match is for an FLX board: board.protocol is another");
    else if (!any)
        snprintf(why, PHASE_WHY, "no clamp is enabled: ports 1 to 3 are off");
    return any ? 0 : -1;
}

void phase_survey_take(struct phase_survey *s, size_t clamp, int64_t mono_ms, int64_t alpha_milli, int64_t irms_milli)
{
    struct phase_survey_clamp *c = &s->clamp[clamp];

    if (!c->on || c->n == PHASE_SECONDS || mono_ms <= c->last_ms)
        return;
    c->alpha[c->n] = alpha_milli;
    c->irms[c->n++] = irms_milli;
    c->last_ms = mono_ms;
}

int phase_survey_percent(const struct phase_survey *s)
{
    size_t n = 0, of = 0;

    for (size_t i = 0; i < PHASE_CLAMPS; i++) {
        n += s->clamp[i].n;
        of += s->clamp[i].on ? PHASE_SECONDS : 0;
    }
    return of ? (int)(100 * n / of) : 0;
}

int phase_survey_silent(const struct phase_survey *s, int64_t mono_ms, int64_t silent_ms)
{
    for (int i = 0; i < PHASE_CLAMPS; i++) {
        const struct phase_survey_clamp *c = &s->clamp[i];
        if (c->on && c->n < PHASE_SECONDS && mono_ms - c->last_ms >= silent_ms)
            return i;
    }
    return -1;
}

bool phase_survey_holds(const struct phase_survey *s, const struct settings *settings)
{
    bool holds = s->phase == settings->phase;

    for (size_t i = 0; i < PHASE_CLAMPS; i++) {
        const struct port_settings *p = find_clamp(settings, (int)i + 1);
        const struct phase_survey_clamp *c = &s->clamp[i];
        holds = holds && c->on == (p != NULL) && (!p || (c->shift == p->shift && c->flip == p->flip));
    }
    return holds;
}

/* ---- the verdict ---- */

/* A turn that stays leaves shift and flip as they are, however they come to it. */
static void split(struct phase_survey_clamp *c, uint8_t turn)
{
    bool flip = turn % 2 != 0;

    if (turn == turn_of(c->shift, c->flip)) {
        c->to_shift = c->shift;
        c->to_flip = c->flip;
        return;
    }
    c->to_shift = turn_of(turn, flip);
    c->to_flip = flip;
}

static void stay(struct phase_survey *s)
{
    for (size_t i = 0; i < PHASE_CLAMPS; i++)
        split(&s->clamp[i], turn_of(s->clamp[i].shift, s->clamp[i].flip));
}

static void measure(struct phase_survey *s, struct phase_clamp clamps[PHASE_CLAMPS], bool steady[PHASE_CLAMPS])
{
    for (size_t i = 0; i < PHASE_CLAMPS; i++) {
        struct phase_survey_clamp *c = &s->clamp[i];
        steady[i] = !c->on || phase_mean(c->alpha, c->n, &c->alpha_milli);
        c->irms_milli = phase_median(c->irms, c->n);
        clamps[i] = (struct phase_clamp){.present = c->on,
                                         .alpha_milli = c->alpha_milli,
                                         .irms_milli = c->irms_milli,
                                         .shift = turn_of(c->shift, c->flip)};
    }
}

void phase_survey_judge(struct phase_survey *s)
{
    struct phase_clamp clamps[PHASE_CLAMPS];
    struct phase_proposal *p = &s->proposal;
    bool steady[PHASE_CLAMPS];

    measure(s, clamps, steady);
    phase_match(clamps, s->phase, p);
    for (size_t i = 0; i < PHASE_CLAMPS; i++) {
        if (steady[i] || s->clamp[i].irms_milli < PHASE_ENOUGH_MILLI)
            continue;
        p->known = false;
        snprintf(p->why[i], sizeof p->why[i], "its angle went round while it was measured");
        snprintf(p->summary, sizeof p->summary,
                 "the angle at port %zu went round while it was measured: try again under a steady load", i + 1);
    }
    stay(s);
    for (size_t i = 0; p->known && i < PHASE_CLAMPS; i++)
        if (s->clamp[i].on)
            split(&s->clamp[i], p->shift[i]);
}

void phase_survey_fail(struct phase_survey *s, const char *why)
{
    memset(&s->proposal, 0, sizeof s->proposal);
    snprintf(s->proposal.summary, sizeof s->proposal.summary, "%s", why);
    stay(s);
}

/* ---- the result ---- */

static void put_measured(struct jsonw *w, const char *key, const struct phase_survey_clamp *c, int64_t milli)
{
    if (c->n == PHASE_SECONDS)
        jsonw_milli(w, key, milli);
    else
        jsonw_null(w, key);
}

static void put_port(struct jsonw *w, const struct phase_survey_clamp *c, int port, const char *why)
{
    jsonw_open(w, NULL, '{');
    jsonw_int(w, "port", port);
    jsonw_str(w, "name", c->name);
    put_measured(w, "alpha", c, c->alpha_milli);
    put_measured(w, "irms", c, c->irms_milli);
    jsonw_int(w, "shift_now", c->shift);
    jsonw_int(w, "shift", c->to_shift);
    jsonw_bool(w, "flip_now", c->flip);
    jsonw_bool(w, "flip", c->to_flip);
    jsonw_str(w, "why", why);
    jsonw_close(w, '}');
}

static void put_patch(struct jsonw *w, const struct phase_survey *s)
{
    bool any = false;
    char key[12];

    jsonw_open(w, "patch", '{');
    for (int i = 0; i < PHASE_CLAMPS; i++) {
        const struct phase_survey_clamp *c = &s->clamp[i];
        if (!c->on || (c->to_shift == c->shift && c->to_flip == c->flip))
            continue;
        if (!any)
            jsonw_open(w, "ports", '{');
        any = true;
        snprintf(key, sizeof key, "%d", i + 1);
        jsonw_open(w, key, '{');
        jsonw_int(w, "shift", c->to_shift);
        jsonw_bool(w, "flip", c->to_flip);
        jsonw_close(w, '}');
    }
    if (any)
        jsonw_close(w, '}');
    jsonw_close(w, '}');
}

void phase_survey_write(const struct phase_survey *s, struct jsonw *w)
{
    jsonw_open(w, NULL, '{');
    jsonw_bool(w, "known", s->proposal.known);
    jsonw_str(w, "phase", phase_name(s->phase));
    jsonw_str(w, "summary", s->proposal.summary);
    jsonw_open(w, "ports", '[');
    for (int i = 0; i < PHASE_CLAMPS; i++)
        if (s->clamp[i].on)
            put_port(w, &s->clamp[i], i + 1, s->proposal.why[i]);
    jsonw_close(w, ']');
    put_patch(w, s);
    jsonw_close(w, '}');
}

/* ---- the result, stored ---- */

static int number_of(const cJSON *o, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

    return cJSON_IsNumber(v) ? v->valueint : -1;
}

static bool is_still(const cJSON *port, const struct settings *settings)
{
    const struct port_settings *p = find_clamp(settings, number_of(port, "port"));

    return p && p->shift == number_of(port, "shift_now") &&
           p->flip == (bool)cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(port, "flip_now"));
}

const cJSON *phase_survey_patch(const cJSON *result, const struct settings *settings, char why[PHASE_WHY])
{
    const cJSON *ports = cJSON_GetObjectItemCaseSensitive(result, "ports"), *port;
    const char *phase = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, "phase"));

    if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(result, "known"))) {
        snprintf(why, PHASE_WHY, "this phase match came to no proposal: there is nothing to store");
        return NULL;
    }
    if (!phase || strcmp(phase, phase_name(settings->phase)) != 0) {
        snprintf(why, PHASE_WHY, "the setting phase is another since it was measured: match again");
        return NULL;
    }
    cJSON_ArrayForEach(port, ports)
    {
        if (is_still(port, settings))
            continue;
        snprintf(why, PHASE_WHY, "shift, flip or enable of port %d are others since it was measured: match again",
                 number_of(port, "port"));
        return NULL;
    }
    return cJSON_GetObjectItemCaseSensitive(result, "patch");
}
