/* Recognising a model by what a unit answers: each model as itself, and no other as likely that reads it wrongly. */
#include "unit.h"

#include "core/mb_decode.h"
#include "core/meter_guess.h"
#include "meter_house.h"

#define READS 256

/* How the meter answers where it has no register. */
enum gaps { GAPS_REFUSED, GAPS_ZERO };

static struct guess_read reads[READS];
static struct guess_answer answers[2 * READS];
static size_t n_answers;
static struct guess guesses[HOUSE_MAX];
static size_t n_guesses;

/* The quantity's value in a house, in its unit. */
static double value_of(uint8_t quantity, bool one_phase)
{
    if (one_phase && (quantity_suffix(quantity) == 2 || quantity_suffix(quantity) == 3))
        return 0;
    switch (quantity_base(quantity)) {
    case QUANTITY_VOLTAGE:
        return 231.4 - quantity_suffix(quantity);
    case QUANTITY_FREQUENCY:
        return 50.02;
    case QUANTITY_CURRENT:
        return 2.5;
    case QUANTITY_POWER_FACTOR:
        return 0.95;
    default:
        return quantity_kind(quantity) == READING_COUNTER ? 1234560 : 580;
    }
}

static uint64_t raw_of(const struct meter_register *r, double value)
{
    double raw = value * 1e6 / (double)r->scale_micro;
    float f = (float)raw;
    uint64_t bits;
    uint32_t low;

    if (r->type == METER_FLOAT64) {
        memcpy(&bits, &raw, sizeof bits);
        return bits;
    }
    if (r->type != METER_FLOAT32)
        return (uint64_t)(int64_t)(raw + 0.5);
    memcpy(&low, &f, sizeof low);
    return low;
}

/* The word at an address; false: there is none. Some Eastron meters and others keep single words of a value apart. */
static bool word_at(const struct meter_model *m, uint8_t function, unsigned address, bool one_phase, uint16_t *word)
{
    for (size_t i = 0; i < m->n_registers; i++) {
        const struct meter_register *r = &m->registers[i];
        if (r->function != function || address < r->address || address >= (unsigned)r->address + r->words)
            continue;
        unsigned at = address - r->address, shift = 16 * (m->low_word_first ? at : r->words - 1 - at);
        *word = (uint16_t)(raw_of(r, value_of(r->quantity, one_phase)) >> shift);
        return true;
    }
    for (size_t i = 0; i < m->n_identify; i++) {
        const struct meter_identify *x = &m->identify[i];
        if (x->function != function || address < x->address || address >= (unsigned)x->address + x->words)
            continue;
        size_t at = 2 * (address - x->address), len = strlen(x->text);
        *word = (uint16_t)((at < len ? x->text[at] : ' ') << 8 | (at + 1 < len ? x->text[at + 1] : ' '));
        return true;
    }
    return false;
}

static void answer(const struct meter_model *m, const struct guess_read *r, enum gaps gaps, bool one_phase)
{
    struct guess_answer *a = &answers[n_answers++];

    *a = (struct guess_answer){.read = *r, .ok = true};
    for (unsigned i = 0; i < r->words; i++)
        if (!word_at(m, r->function, r->address + i, one_phase, &a->words[i]) && gaps == GAPS_REFUSED)
            a->ok = false;
}

static void guess(const struct meter_model *m, enum gaps gaps, bool one_phase)
{
    const struct meter_model *const *models = (const struct meter_model *const *)house;
    size_t n = meter_guess_reads(models, n_house, reads, READS);

    n_answers = 0;
    for (size_t i = 0; i < n; i++)
        answer(m, &reads[i], gaps, one_phase);
    n = meter_guess_more(models, n_house, answers, n_answers, reads, READS);
    for (size_t i = 0; i < n; i++)
        answer(m, &reads[i], gaps, one_phase);
    n_guesses = meter_guess_judge(models, n_house, answers, n_answers, guesses, HOUSE_MAX);
}

static size_t place_of(const char *id)
{
    for (size_t i = 0; i < n_guesses; i++)
        if (strcmp(guesses[i].model->id, id) == 0)
            return i;
    return SIZE_MAX;
}

/* Does the other model read this meter's voltage right, so that taking it for the other is no mistake of ours? */
static bool reads_alike(const struct meter_model *m, const struct meter_model *other)
{
    static const char *const names[] = {"voltage_l1", "voltage"};

    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < 2; k++) {
            const struct meter_register *a = meter_model_register(m, quantity_find(names[i])),
                                        *b = meter_model_register(other, quantity_find(names[k]));
            if (a && b && a->address == b->address && a->function == b->function && a->type == b->type &&
                a->scale_micro == b->scale_micro && m->low_word_first == other->low_word_first)
                return true;
        }
    }
    return false;
}

static void each_model_is_taken_for_itself_or_its_like(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_house; i++) {
        for (int way = 0; way < 4; way++) {
            guess(house[i], way & 1 ? GAPS_ZERO : GAPS_REFUSED, way & 2);
            size_t place = place_of(house[i]->id);
            if (place == SIZE_MAX)
                fail_msg("%s is not recognised (%d)", house[i]->id, way);
            for (size_t k = 0; k < place; k++)
                if (!reads_alike(house[i], guesses[k].model))
                    fail_msg("%s is taken for %s: %s (%d)", house[i]->id, guesses[k].model->id, guesses[k].why, way);
            for (size_t k = 0; k < n_guesses; k++)
                assert_int_equal(guesses[k].sure, house[i]->n_identify > 0);
        }
    }
}

static void what_stands_in_the_meter_is_sure(void **state)
{
    (void)state;
    guess(house_find("abb-b23"), GAPS_REFUSED, false);
    assert_int_equal(n_guesses, 1);
    assert_true(guesses[0].sure);
    assert_string_equal(guesses[0].model->id, "abb-b23");
    assert_string_equal(guesses[0].why, "register 0x8960 holds \"B23\"");
    guess(house_find("socomec-countis-e"), GAPS_ZERO, false);
    assert_int_equal(n_guesses, 1);
    assert_string_equal(guesses[0].why, "register 0xc350 holds \"SOCO\"");
}

static void why_is_told_in_numbers(void **state)
{
    (void)state;
    guess(house_find("finder-7m38"), GAPS_REFUSED, false);
    assert_true(n_guesses > 0);
    assert_false(guesses[0].sure);
    assert_string_equal(guesses[0].model->id, "finder-7m38");
    assert_string_equal(guesses[0].why, "voltage_l1 230.4 V, frequency 50.02 Hz");
}

/* It has integers at the addresses of an SDM (meters.md). */
static void an_eltako_is_no_sdm(void **state)
{
    (void)state;
    for (int gaps = GAPS_REFUSED; gaps <= GAPS_ZERO; gaps++) {
        guess(house_find("eltako-dsz15"), (enum gaps)gaps, false);
        assert_int_equal(n_guesses, 1);
        assert_string_equal(guesses[0].model->id, "eltako-dsz15");
        guess(house_find("eastron-sdm630"), (enum gaps)gaps, false);
        assert_int_equal(place_of("eltako-dsz15"), SIZE_MAX);
    }
}

static void phases_and_energy_tell_the_like_apart(void **state)
{
    (void)state;
    guess(house_find("eastron-sdm630"), GAPS_REFUSED, false);
    assert_true(place_of("eastron-sdm630") < place_of("eastron-sdm120"));
    guess(house_find("eastron-sdm120"), GAPS_REFUSED, false);
    assert_true(place_of("eastron-sdm120") < place_of("eastron-sdm630"));
    guess(house_find("chint-dtsu666"), GAPS_REFUSED, false);
    assert_int_equal(place_of("chint-dtsu666"), 0);
    guess(house_find("chint-dtsu666-new"), GAPS_REFUSED, false);
    assert_int_equal(place_of("chint-dtsu666-new"), 0);
    guess(house_find("chint-dtsu666-new"), GAPS_ZERO, false);
    assert_int_equal(place_of("chint-dtsu666-new"), 0);
    guess(house_find("carlogavazzi-em24"), GAPS_REFUSED, false);
    assert_int_equal(place_of("carlogavazzi-em24"), 0);
    assert_int_equal(place_of("carlogavazzi-em340"), SIZE_MAX);
}

static void a_unit_that_refuses_all_is_nothing_we_know(void **state)
{
    struct meter_model none = {.phases = 1};

    (void)state;
    guess(&none, GAPS_REFUSED, false);
    assert_int_equal(n_guesses, 0);
    guess(&none, GAPS_ZERO, false);
    assert_int_equal(n_guesses, 0);
}

static void reads_are_few_small_and_each_once(void **state)
{
    const struct meter_model *const *models = (const struct meter_model *const *)house;
    size_t n = meter_guess_reads(models, n_house, reads, READS);

    (void)state;
    assert_true(n > 10 && n <= 64);
    for (size_t i = 0; i < n; i++) {
        assert_true(reads[i].words >= 1 && reads[i].words <= 4);
        for (size_t k = 0; k < i; k++)
            assert_true(memcmp(&reads[i], &reads[k], sizeof *reads) != 0);
    }
    assert_int_equal(reads[0].address, 0x8960); /* what makes sure comes first */
    assert_int_equal(reads[1].address, 50000);
    assert_int_equal(meter_guess_reads(models, n_house, reads, 5), 5);
}

static void a_list_without_room_keeps_the_best(void **state)
{
    const struct meter_model *const *models = (const struct meter_model *const *)house;

    (void)state;
    guess(house_find("eastron-sdm630"), GAPS_REFUSED, false);
    assert_true(n_guesses > 3);
    struct guess best = guesses[0];
    assert_int_equal(meter_guess_judge(models, n_house, answers, n_answers, guesses, 1), 1);
    assert_ptr_equal(guesses[0].model, best.model);
    assert_int_equal(meter_guess_judge(models, n_house, answers, n_answers, guesses, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_model_is_taken_for_itself_or_its_like),
        cmocka_unit_test(what_stands_in_the_meter_is_sure),
        cmocka_unit_test(why_is_told_in_numbers),
        cmocka_unit_test(an_eltako_is_no_sdm),
        cmocka_unit_test(phases_and_energy_tell_the_like_apart),
        cmocka_unit_test(a_unit_that_refuses_all_is_nothing_we_know),
        cmocka_unit_test(reads_are_few_small_and_each_once),
        cmocka_unit_test(a_list_without_room_keeps_the_best),
    };

    return cmocka_run_group_tests(tests, house_setup, house_teardown);
}
