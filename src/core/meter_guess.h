/* Which model a unit may be, judged by what it answers to a few small reads. Pure: who owns the line makes the reads.
 * It never claims to know what only looks like it: registers that hold plausible values are likely, a name that stands
 * in the meter is sure.
 *
 *   models ── meter_guess_reads() ──► reads ──► answers ──┬── meter_guess_judge() ──► sure | likely, why
 *                                       ▲                 │
 *                                       └─ meter_guess_more(): what tells those apart that are likely */
#ifndef CORE_METER_GUESS_H
#define CORE_METER_GUESS_H

#include "core/meter_model.h"

#define METER_GUESS_WORDS 16
#define METER_GUESS_WHY   96

struct guess_read {
    uint16_t address;
    uint8_t function, words; /* words <= METER_GUESS_WORDS */
};

struct guess_answer {
    struct guess_read read;
    bool ok; /* false: refused, or silence */
    uint16_t words[METER_GUESS_WORDS];
};

struct guess {
    const struct meter_model *model;
    bool sure;
    int score;                 /* among likely ones: more is better */
    char why[METER_GUESS_WHY]; /* "voltage_l1 231.4 V, frequency 50.01 Hz" */
};

/* What to read: the registers that tell models for sure, then voltage and frequency of each model's map. Each read
 * once, at most max of them. Returns how many. */
size_t meter_guess_reads(const struct meter_model *const *models, size_t n, struct guess_read *reads, size_t max);

/* What else would tell those models apart that are likely by these answers: a second phase, energy. 0: nothing. */
size_t meter_guess_more(const struct meter_model *const *models, size_t n, const struct guess_answer *answers,
                        size_t n_answers, struct guess_read *reads, size_t max);

/* What the unit may be, the best first, at most max; those that are sure alone when there are any. Returns how many. */
size_t meter_guess_judge(const struct meter_model *const *models, size_t n, const struct guess_answer *answers,
                         size_t n_answers, struct guess *guesses, size_t max);

#endif
