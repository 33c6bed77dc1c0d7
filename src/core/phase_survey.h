/* The measurement behind a phase match: some seconds of each clamp's angle and current, what they are together, what
 * phase_match() says to that, and the patch of settings that it comes to. It asks no clock and stores nothing.
 *
 *   phase_survey_init() ─► phase_survey_take(), each second of each clamp ─► full ─► phase_survey_judge()
 *                                                                                      └─► phase_survey_write()
 *   the result as JSON ─ phase_survey_patch(), against the settings in force by then ─► the desk
 *
 * Shift and flip are one turn to the board, of shift + 3 x flip times 60 degrees: by their sum a clamp is measured and
 * proposed for. An even turn is a clamp the right way round (0, 2, 4: the voltage's own phase and the two others), an
 * odd one a clamp the wrong way round. */
#ifndef CORE_PHASE_SURVEY_H
#define CORE_PHASE_SURVEY_H

#include "core/phase_match.h"
#include "core/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PHASE_SECONDS 10 /* of each clamp */
#define PHASE_WHY     160

struct cJSON;
struct jsonw;

struct phase_survey_clamp {
    bool on; /* it is enabled, and takes part */
    char name[64];
    uint8_t shift; /* that is set while it is measured: 0..5 */
    bool flip;
    size_t n; /* seconds so far */
    int64_t alpha[PHASE_SECONDS], irms[PHASE_SECONDS];
    int64_t last_ms; /* monotonic, of the newest second; before the first one, what it has to be newer than */
    /* once it was judged: */
    int64_t alpha_milli, irms_milli;
    uint8_t to_shift;
    bool to_flip;
};

struct phase_survey {
    enum phase phase;
    struct phase_survey_clamp clamp[PHASE_CLAMPS]; /* of port 1, 2, 3 */
    struct phase_proposal proposal;                /* known and summary, and why of each clamp */
};

/* For the clamps that these settings have enabled; a second counts when it is newer than from_ms. 0, or negative with
 * the reason: there is nothing to measure. */
int phase_survey_init(struct phase_survey *s, const struct settings *settings, int64_t from_ms,
                      char why[PHASE_WHY]) MUSTCHECK;

/* One second of a clamp (0..2). Ignored when it is not new, or there are enough. */
void phase_survey_take(struct phase_survey *s, size_t clamp, int64_t mono_ms, int64_t alpha_milli, int64_t irms_milli);

/* 0 .. 100, of all seconds; 100: there are enough. */
int phase_survey_percent(const struct phase_survey *s);

/* The first clamp (0..2) of which seconds are missing and none came for silent_ms; negative: there is none. */
int phase_survey_silent(const struct phase_survey *s, int64_t mono_ms, int64_t silent_ms);

/* Are phase, and the clamps' enable, shift and flip, still those that it began with? */
bool phase_survey_holds(const struct phase_survey *s, const struct settings *settings);

/* There are enough: ask phase_match(). Where a clamp carries current and its angle went round meanwhile, nothing is
 * known, whatever that says. */
void phase_survey_judge(struct phase_survey *s);

/* It came to no end, for this reason: nothing is known. */
void phase_survey_fail(struct phase_survey *s, const char *why);

/* {"known","phase","summary","ports":[{"port","name","alpha","irms","shift_now","shift","flip_now","flip","why"}],
 *  "patch"}: alpha in degrees, irms in A, null where none was measured; patch is empty when nothing is to be changed.
 */
void phase_survey_write(const struct phase_survey *s, struct jsonw *w);

/* The patch of such a result, a member of it, when the settings are still those that it was measured under; NULL with
 * the reason. */
const struct cJSON *phase_survey_patch(const struct cJSON *result, const struct settings *settings,
                                       char why[PHASE_WHY]);

/* The mean direction of n angles, in thousandths of a degree, above -180 up to 180. False when they are too far apart
 * to have one that a multiple of 60 degrees could be told by. */
bool phase_mean(const int64_t *milli, size_t n, int64_t *mean);

/* The middle one of n (at most PHASE_SECONDS), of an even number the mean of the middle two. */
int64_t phase_median(const int64_t *v, size_t n);

#endif
