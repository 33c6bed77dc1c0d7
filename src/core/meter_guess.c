#include "core/meter_guess.h"

#include "core/mb_decode.h"
#include "core/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a reading may be, in thousandths. Another meter's registers, read with wrong types, fall far from it. */
#define VOLTAGE_MIN   80000
#define VOLTAGE_MAX   300000
#define FREQUENCY_MIN 45000
#define FREQUENCY_MAX 65000
#define POWER_MAX     1000000000    /* 1 MW */
#define ENERGY_MIN    1000          /* 1 Wh: zero would be anything that is not there */
#define ENERGY_MAX    1000000000000 /* 1 GWh */

struct answers {
    const struct guess_answer *v;
    size_t n;
};

/* ---- what to read ---- */

struct reads {
    struct guess_read *v;
    size_t n, max;
};

static bool same_read(const struct guess_read *a, const struct guess_read *b)
{
    return a->function == b->function && a->address == b->address && a->words == b->words;
}

static const struct guess_answer *find_answer(const struct answers *a, const struct guess_read *r)
{
    for (size_t i = 0; i < a->n; i++)
        if (same_read(&a->v[i].read, r))
            return &a->v[i];
    return NULL;
}

static void add_read(struct reads *reads, const struct answers *known, const struct guess_read *r)
{
    for (size_t i = 0; i < reads->n; i++)
        if (same_read(&reads->v[i], r))
            return;
    if (reads->n < reads->max && !find_answer(known, r))
        reads->v[reads->n++] = *r;
}

static struct guess_read read_of(const struct meter_register *r)
{
    return (struct guess_read){.address = r->address, .function = r->function, .words = r->words};
}

static void add_register(struct reads *reads, const struct answers *known, const struct meter_register *r)
{
    if (r) {
        struct guess_read read = read_of(r);
        add_read(reads, known, &read);
    }
}

static struct guess_read identify_read(const struct meter_identify *x)
{
    return (struct guess_read){.address = x->address, .function = x->function, .words = x->words};
}

static const struct meter_register *voltage_of(const struct meter_model *m)
{
    const struct meter_register *r = meter_model_register(m, QUANTITY(QUANTITY_VOLTAGE, 1));

    return r ? r : meter_model_register(m, QUANTITY(QUANTITY_VOLTAGE, 0));
}

static const struct meter_register *frequency_of(const struct meter_model *m)
{
    return meter_model_register(m, QUANTITY(QUANTITY_FREQUENCY, 0));
}

static const struct meter_register *power_of(const struct meter_model *m)
{
    return meter_model_register(m, QUANTITY(QUANTITY_POWER, 0));
}

static const struct meter_register *energy_of(const struct meter_model *m)
{
    const struct meter_register *r = meter_model_register(m, QUANTITY(QUANTITY_ENERGY_IMPORT, 0));

    return r ? r : meter_model_register(m, QUANTITY(QUANTITY_ENERGY_TOTAL, 0));
}

size_t meter_guess_reads(const struct meter_model *const *models, size_t n, struct guess_read *reads, size_t max)
{
    struct reads list = {.v = reads, .max = max};
    const struct answers none = {0};

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < models[i]->n_identify; k++) {
            struct guess_read r = identify_read(&models[i]->identify[k]);
            add_read(&list, &none, &r);
        }
    }
    for (size_t i = 0; i < n; i++) {
        add_register(&list, &none, voltage_of(models[i]));
        add_register(&list, &none, frequency_of(models[i]));
        if (!voltage_of(models[i]) && !frequency_of(models[i])) {
            add_register(&list, &none, power_of(models[i]));
            add_register(&list, &none, energy_of(models[i]));
        }
    }
    return list.n;
}

/* ---- what the answers say ---- */

enum seen { NOT_ASKED, REFUSED, ODD, GOOD };

static enum seen look(const struct meter_model *m, const struct meter_register *r, const struct answers *a, int64_t min,
                      int64_t max, int64_t *milli)
{
    if (!r)
        return NOT_ASKED;
    const struct guess_read read = read_of(r);
    const struct guess_answer *x = find_answer(a, &read);
    if (!x)
        return NOT_ASKED;
    if (!x->ok)
        return REFUSED;
    return mb_decode(m, r, x->words, milli) == MB_VALUE && *milli >= min && *milli <= max ? GOOD : ODD;
}

static bool holds(const struct meter_identify *x, const uint16_t *words)
{
    uint64_t number = 0;

    for (size_t i = 0; i < strlen(x->text); i++)
        if ((unsigned char)x->text[i] != (words[i / 2] >> (i % 2 ? 0 : 8) & 0xff))
            return false;
    for (size_t i = 0; i < x->words && i < 4; i++)
        number = number << 16 | words[i];
    return x->text[0] || number == x->number;
}

/* GOOD: it says itself that it is this model. ODD: it says something else. */
static enum seen identified(const struct meter_model *m, const struct answers *a, char why[METER_GUESS_WHY])
{
    enum seen seen = NOT_ASKED;

    for (size_t i = 0; i < m->n_identify; i++) {
        const struct meter_identify *x = &m->identify[i];
        const struct guess_read r = identify_read(x);
        const struct guess_answer *answer = find_answer(a, &r);
        if (!answer || !answer->ok)
            continue;
        seen = ODD;
        if (!holds(x, answer->words))
            continue;
        if (x->text[0])
            snprintf(why, METER_GUESS_WHY, "register 0x%04x holds \"%s\"", x->address, x->text);
        else
            snprintf(why, METER_GUESS_WHY, "register 0x%04x holds %llu", x->address, (unsigned long long)x->number);
        return GOOD;
    }
    return seen;
}

static void add_why(char why[METER_GUESS_WHY], const struct meter_register *r, int64_t milli)
{
    char name[QUANTITY_NAME], value[NUM_MAX + 1];
    size_t len = strlen(why);

    *num_put_milli(value, milli) = '\0';
    snprintf(why + len, METER_GUESS_WHY - len, "%s%s %s %s", len ? ", " : "", quantity_name(r->quantity, name), value,
             quantity_unit(r->quantity));
}

/* Looked at one by one; each that is there must be good. How many are, or -1. */
static int check(const struct meter_model *m, const struct answers *a, const struct meter_register *r, int64_t min,
                 int64_t max, char why[METER_GUESS_WHY])
{
    int64_t milli;

    if (!r)
        return 0;
    if (look(m, r, a, min, max, &milli) != GOOD)
        return -1;
    add_why(why, r, milli);
    return 1;
}

/* What speaks for and against it beyond that. */
static int extra_score(const struct meter_model *m, const struct answers *a)
{
    const struct meter_register *second = meter_model_register(m, QUANTITY(QUANTITY_VOLTAGE, 2));
    int64_t milli;
    char why[METER_GUESS_WHY];
    enum seen l2 = look(m, second, a, VOLTAGE_MIN, VOLTAGE_MAX, &milli);
    enum seen energy = look(m, energy_of(m), a, ENERGY_MIN, ENERGY_MAX, &milli);

    return (l2 == GOOD) - (l2 == REFUSED) + (energy == GOOD) - 2 * (energy == REFUSED) - (identified(m, a, why) == ODD);
}

/* Is it likely by what it measures? */
static bool measures_like(const struct meter_model *m, const struct answers *a, struct guess *g)
{
    g->why[0] = '\0';
    int voltage = check(m, a, voltage_of(m), VOLTAGE_MIN, VOLTAGE_MAX, g->why);
    int frequency = check(m, a, frequency_of(m), FREQUENCY_MIN, FREQUENCY_MAX, g->why);
    g->score = 3 * (voltage + frequency) + extra_score(m, a);
    return voltage == 1 && frequency >= 0;
}

/* The same of a model that tells neither voltage nor frequency: much may look like it, so that it comes last. */
static bool counts_like(const struct meter_model *m, const struct answers *a, struct guess *g)
{
    if (voltage_of(m) || frequency_of(m))
        return false;
    g->why[0] = '\0';
    g->score = extra_score(m, a);
    return check(m, a, power_of(m), -POWER_MAX, POWER_MAX, g->why) == 1 &&
           check(m, a, energy_of(m), ENERGY_MIN, ENERGY_MAX, g->why) == 1;
}

/* ---- the list ---- */

/* Into its place: sure ones first, then by score, else in the order of the models. */
static void insert(struct guess *guesses, size_t *n, size_t max, const struct guess *g)
{
    size_t at = *n;

    while (at > 0 &&
           (guesses[at - 1].sure < g->sure || (guesses[at - 1].sure == g->sure && guesses[at - 1].score < g->score)))
        at--;
    if (at == max)
        return;
    if (*n < max)
        (*n)++;
    memmove(&guesses[at + 1], &guesses[at], (*n - 1 - at) * sizeof *g);
    guesses[at] = *g;
}

static size_t keep_sure(const struct guess *guesses, size_t n)
{
    size_t sure = 0;

    while (sure < n && guesses[sure].sure)
        sure++;
    return sure ? sure : n;
}

size_t meter_guess_judge(const struct meter_model *const *models, size_t n, const struct guess_answer *answers,
                         size_t n_answers, struct guess *guesses, size_t max)
{
    const struct answers a = {answers, n_answers};
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        struct guess g = {.model = models[i]};
        g.sure = identified(models[i], &a, g.why) == GOOD;
        if (g.sure || measures_like(models[i], &a, &g))
            insert(guesses, &found, max, &g);
    }
    for (size_t i = 0, before = found; i < n && before == 0; i++) {
        struct guess g = {.model = models[i]};
        if (counts_like(models[i], &a, &g))
            insert(guesses, &found, max, &g);
    }
    return keep_sure(guesses, found);
}

size_t meter_guess_more(const struct meter_model *const *models, size_t n, const struct guess_answer *answers,
                        size_t n_answers, struct guess_read *reads, size_t max)
{
    const struct answers known = {answers, n_answers};
    struct reads list = {.v = reads, .max = max};
    struct guess *guesses = must(calloc(n + 1, sizeof *guesses));
    size_t found = meter_guess_judge(models, n, answers, n_answers, guesses, n);

    for (size_t i = 0; i < found && !guesses[i].sure; i++) {
        const struct meter_model *m = guesses[i].model;
        add_register(&list, &known, meter_model_register(m, QUANTITY(QUANTITY_VOLTAGE, 2)));
        add_register(&list, &known, energy_of(m));
    }
    free(guesses);
    return found > 1 ? list.n : 0;
}
