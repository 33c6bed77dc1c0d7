#include "unit.h"

#include "core/jsonw.h"
#include "core/phase_survey.h"
#include "core/util.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- phase_match() as a test says it, and what it was asked ---- */

static struct {
    struct phase_clamp clamps[PHASE_CLAMPS];
    enum phase phase;
    struct phase_proposal answer;
} match;

__attribute__((used)) void __wrap_phase_match(const struct phase_clamp clamps[PHASE_CLAMPS], enum phase phase,
                                              struct phase_proposal *out);

void __wrap_phase_match(const struct phase_clamp clamps[PHASE_CLAMPS], enum phase phase, struct phase_proposal *out)
{
    memcpy(match.clamps, clamps, sizeof match.clamps);
    match.phase = phase;
    *out = match.answer;
}

/* ---- settings of a board with three clamps, a pulse input and a serial port ---- */

static char names[][8] = {"main", "boiler", "rest", "water", "uart"};
static struct port_settings ports[5];
static struct settings settings;

static int setup(void **state)
{
    static const int numbers[] = {1, 2, 3, 4, 7};

    (void)state;
    memset(&settings, 0, sizeof settings);
    memset(&match, 0, sizeof match);
    for (size_t i = 0; i < ARRAY_LEN(ports); i++)
        ports[i] = (struct port_settings){.port = numbers[i], .name = names[i], .enable = true, .current = 50};
    settings.board.protocol = BOARD_FLX;
    settings.phase = PHASE_3PN;
    settings.port = ports;
    settings.n_port = ARRAY_LEN(ports);
    match.answer.known = true;
    return 0;
}

static struct phase_survey survey;

static void begin(void)
{
    char why[PHASE_WHY];

    assert_int_equal(phase_survey_init(&survey, &settings, 1000, why), 0);
}

/* All seconds of a clamp, the same each. */
static void fill(size_t clamp, int64_t alpha, int64_t irms)
{
    for (int i = 1; i <= PHASE_SECONDS; i++)
        phase_survey_take(&survey, clamp, 1000 + 1000 * i, alpha, irms);
}

static void fill_all(void)
{
    for (size_t i = 0; i < PHASE_CLAMPS; i++)
        fill(i, 1000, 2000);
}

static cJSON *written(void)
{
    struct jsonw w;
    cJSON *tree;

    jsonw_init(&w);
    phase_survey_write(&survey, &w);
    jsonw_raw(&w, "", 1);
    tree = cJSON_Parse(w.buf);
    assert_non_null(tree);
    jsonw_free(&w);
    return tree;
}

static void expect_json(const cJSON *tree, const char *member, const char *text)
{
    char *found = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(tree, member));

    assert_string_equal(found, text);
    cJSON_free(found);
}

static const cJSON *port(const cJSON *tree, int i)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(tree, "ports"), i);
}

/* ---- numbers ---- */

static void a_mean_on_the_circle(void **state)
{
    static const struct {
        int64_t v[4];
        size_t n;
        int64_t mean;
        bool known;
    } cases[] = {
        {{0}, 1, 0, true},
        {{10000, 20000, 30000}, 3, 20000, true},
        {{-10000, 350000, 10000, 730000}, 4, 0, true}, /* whole circles do not count */
        {{179000, -179000}, 2, 180000, true},          /* where numbers would give 0 */
        {{179500, -178500}, 2, -179500, true},
        {{-180000}, 1, 180000, true},
        {{239000, 241000}, 2, -120000, true},
        {{-25000, 25000}, 2, 0, true}, /* the mean has 0.906 of its length */
        {{-27000, 27000}, 2, 0, false},
        {{0, 180000}, 2, 90000, false},
        {{0, 120000, -120000}, 3, 0, false},
        {{0}, 0, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t mean;
        bool known = phase_mean(cases[i].v, cases[i].n, &mean);
        assert_int_equal(known, cases[i].known);
        if (known)
            assert_int_equal(mean, cases[i].mean);
        assert_true(mean > -180000 && mean <= 180000);
    }
}

static void a_mean_of_each_direction(void **state)
{
    (void)state;
    for (int64_t at = -180000; at < 360000; at += 500) {
        const int64_t v[] = {at - 20000, at + 20000, at, at + 360000, at - 5000, at + 5000};
        int64_t mean, want = (at % 360000 + 360000) % 360000;
        assert_true(phase_mean(v, ARRAY_LEN(v), &mean));
        assert_int_equal(mean, want > 180000 ? want - 360000 : want);
    }
}

static void a_median(void **state)
{
    static const int64_t v[] = {900000, 3, -1, 7, 5, 4, 6, 8, 2, 1};

    (void)state;
    assert_int_equal(phase_median(v, 0), 0);
    assert_int_equal(phase_median(v, 1), 900000);
    assert_int_equal(phase_median(v, 2), 450001);
    assert_int_equal(phase_median(v, 3), 3);
    assert_int_equal(phase_median(v, 10), 4); /* 4 and 5: the kettle of one second does not count */
    assert_int_equal(v[0], 900000);
}

/* ---- measuring ---- */

static void what_cannot_be_measured(void **state)
{
    char why[PHASE_WHY];

    (void)state;
    for (size_t i = 0; i < 3; i++)
        ports[i].enable = false;
    assert_true(phase_survey_init(&survey, &settings, 0, why) < 0);
    assert_string_equal(why, "no clamp is enabled: ports 1 to 3 are off");
    ports[1].enable = true;
    assert_int_equal(phase_survey_init(&survey, &settings, 0, why), 0);
    settings.board.protocol = BOARD_FLM02;
    assert_true(phase_survey_init(&survey, &settings, 0, why) < 0);
    assert_non_null(strstr(why, "board.protocol"));
    settings.board.protocol = BOARD_NONE;
    assert_true(phase_survey_init(&survey, &settings, 0, why) < 0);
}

static void only_new_seconds_count(void **state)
{
    (void)state;
    ports[2].enable = false;
    begin();
    phase_survey_take(&survey, 0, 1000, 1, 1); /* as old as the beginning */
    phase_survey_take(&survey, 0, 900, 1, 1);
    assert_int_equal(survey.clamp[0].n, 0);
    phase_survey_take(&survey, 0, 1001, 2, 3);
    phase_survey_take(&survey, 0, 1001, 4, 5); /* the same one, seen again */
    assert_int_equal(survey.clamp[0].n, 1);
    assert_int_equal(survey.clamp[0].alpha[0], 2);
    assert_int_equal(survey.clamp[0].irms[0], 3);
    phase_survey_take(&survey, 2, 2000, 1, 1); /* off */
    assert_int_equal(survey.clamp[2].n, 0);
    assert_int_equal(phase_survey_percent(&survey), 5); /* 1 of 20 */
    fill(0, 7, 7);
    fill(0, 8, 8);
    assert_int_equal(survey.clamp[0].n, PHASE_SECONDS);
    assert_int_equal(survey.clamp[0].alpha[PHASE_SECONDS - 1], 7);
    assert_int_equal(phase_survey_percent(&survey), 50);
    fill(1, 0, 0);
    assert_int_equal(phase_survey_percent(&survey), 100);
}

static void a_clamp_that_says_nothing(void **state)
{
    (void)state;
    ports[0].enable = false;
    begin();
    assert_int_equal(phase_survey_silent(&survey, 10999, 10000), -1);
    assert_int_equal(phase_survey_silent(&survey, 11000, 10000), 1);
    fill(1, 0, 0); /* up to 11000 */
    assert_int_equal(phase_survey_silent(&survey, 11000, 10000), 2);
    phase_survey_take(&survey, 2, 11000, 0, 0);
    assert_int_equal(phase_survey_silent(&survey, 20999, 10000), -1);
    assert_int_equal(phase_survey_silent(&survey, 21000, 10000), 2);
    fill(2, 0, 0); /* nothing of it is newer */
    assert_int_equal(phase_survey_silent(&survey, 21000, 10000), 2);
    for (int i = 0; i < PHASE_SECONDS; i++)
        phase_survey_take(&survey, 2, 12000 + i, 0, 0);
    assert_int_equal(phase_survey_silent(&survey, 1000000, 10000), -1); /* there are enough */
}

static void settings_that_change(void **state)
{
    (void)state;
    begin();
    assert_true(phase_survey_holds(&survey, &settings));
    ports[3].enable = false; /* no clamp */
    ports[0].current = 100;
    assert_true(phase_survey_holds(&survey, &settings));
    ports[1].shift = 2;
    assert_false(phase_survey_holds(&survey, &settings));
    ports[1].shift = 0;
    ports[2].flip = true;
    assert_false(phase_survey_holds(&survey, &settings));
    ports[2].flip = false;
    ports[0].enable = false;
    assert_false(phase_survey_holds(&survey, &settings));
    begin();
    ports[0].enable = true;
    assert_false(phase_survey_holds(&survey, &settings));
    begin();
    settings.phase = PHASE_1P;
    assert_false(phase_survey_holds(&survey, &settings));
    settings.phase = PHASE_3PN;
    settings.board.protocol = BOARD_NONE;
    assert_false(phase_survey_holds(&survey, &settings));
}

/* ---- the verdict ---- */

static void what_phase_match_is_asked(void **state)
{
    (void)state;
    ports[0].shift = 2;
    ports[1].shift = 1;
    ports[1].flip = true;
    ports[2].enable = false;
    begin();
    fill(0, -121000, 4000);
    for (int i = 1; i <= PHASE_SECONDS; i++)
        phase_survey_take(&survey, 1, 1000 + 1000 * i, i % 2 ? 178000 : -178000, i == 3 ? 90000 : 6000);
    phase_survey_judge(&survey);
    assert_int_equal(match.phase, PHASE_3PN);
    assert_true(match.clamps[0].present && match.clamps[1].present && !match.clamps[2].present);
    assert_int_equal(match.clamps[0].alpha_milli, -121000);
    assert_int_equal(match.clamps[0].irms_milli, 4000);
    assert_int_equal(match.clamps[0].shift, 2);
    assert_int_equal(match.clamps[1].alpha_milli, 180000);
    assert_int_equal(match.clamps[1].irms_milli, 6000);
    assert_int_equal(match.clamps[1].shift, 4); /* flip is three turns more */
}

static void turns_become_shift_and_flip(void **state)
{
    static const struct {
        int shift;
        bool flip;
        uint8_t turn;
        int to_shift;
        bool to_flip;
    } cases[] = {
        {0, false, 0, 0, false}, {0, false, 1, 4, true}, {0, false, 2, 2, false}, {0, false, 3, 0, true},
        {0, false, 4, 4, false}, {0, false, 5, 2, true}, {3, false, 3, 3, false}, /* what works stays as it is */
        {5, true, 2, 5, true},   {5, true, 0, 0, false}, {0, true, 0, 0, false},  {4, true, 1, 4, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ports[0].shift = cases[i].shift;
        ports[0].flip = cases[i].flip;
        match.answer.shift[0] = cases[i].turn;
        begin();
        fill_all();
        phase_survey_judge(&survey);
        assert_int_equal(survey.clamp[0].to_shift, cases[i].to_shift);
        assert_int_equal(survey.clamp[0].to_flip, cases[i].to_flip);
        assert_int_equal((survey.clamp[0].to_shift + 3 * survey.clamp[0].to_flip) % 6, cases[i].turn);
    }
}

static void an_angle_that_goes_round(void **state)
{
    (void)state;
    begin();
    fill(0, 0, 5000);
    fill(2, 0, 5000);
    for (int i = 1; i <= PHASE_SECONDS; i++) /* from import to export */
        phase_survey_take(&survey, 1, 1000 + 1000 * i, i < 6 ? 0 : 180000, 500);
    match.answer.shift[0] = 2;
    phase_survey_judge(&survey);
    assert_false(survey.proposal.known);
    assert_string_equal(survey.proposal.summary,
                        "the angle at port 2 went round while it was measured: try again under a steady load");
    assert_string_equal(survey.proposal.why[1], "its angle went round while it was measured");
    assert_int_equal(survey.clamp[0].to_shift, 0); /* nothing is proposed for the others either */
    for (int i = 0; i < PHASE_SECONDS; i++)
        survey.clamp[1].irms[i] = 499; /* no current: phase_match() has the word */
    phase_survey_judge(&survey);
    assert_true(survey.proposal.known);
}

/* ---- the result ---- */

static void a_result(void **state)
{
    (void)state;
    ports[2].enable = false;
    snprintf(match.answer.summary, sizeof match.answer.summary, "all is told");
    snprintf(match.answer.why[0], sizeof match.answer.why[0], "it fits");
    snprintf(match.answer.why[1], sizeof match.answer.why[1], "it is 120 degrees late");
    match.answer.shift[1] = 5;
    begin();
    fill(0, -1500, 4310);
    fill(1, 119999, 2000);
    phase_survey_judge(&survey);
    cJSON *tree = written();
    expect_json(tree, "known", "true");
    expect_json(tree, "phase", "\"3p+n\"");
    expect_json(tree, "summary", "\"all is told\"");
    expect_json(tree, "ports",
                "[{\"port\":1,\"name\":\"main\",\"alpha\":-1.5,\"irms\":4.31,\"shift_now\":0,\"shift\":0,"
                "\"flip_now\":false,\"flip\":false,\"why\":\"it fits\"},"
                "{\"port\":2,\"name\":\"boiler\",\"alpha\":119.999,\"irms\":2,\"shift_now\":0,\"shift\":2,"
                "\"flip_now\":false,\"flip\":true,\"why\":\"it is 120 degrees late\"}]");
    expect_json(tree, "patch", "{\"ports\":{\"2\":{\"shift\":2,\"flip\":true}}}");
    cJSON_Delete(tree);
}

static void a_result_of_a_failure(void **state)
{
    (void)state;
    begin();
    fill(0, 1000, 2000);
    phase_survey_take(&survey, 1, 2000, 5, 5);
    match.answer.shift[0] = 2;
    phase_survey_fail(&survey, "the board was lost");
    cJSON *tree = written();
    expect_json(tree, "known", "false");
    expect_json(tree, "summary", "\"the board was lost\"");
    expect_json(tree, "patch", "{}");
    expect_json(port(tree, 1), "alpha", "null");
    expect_json(port(tree, 1), "irms", "null");
    expect_json(port(tree, 1), "shift", "0");
    cJSON_Delete(tree);
}

static void a_result_that_is_stored(void **state)
{
    char why[PHASE_WHY] = "";

    (void)state;
    ports[2].shift = 4;
    match.answer.shift[1] = 3;
    match.answer.shift[2] = 4;
    begin();
    fill_all();
    phase_survey_judge(&survey);
    cJSON *tree = written(), *patch = cJSON_GetObjectItemCaseSensitive(tree, "patch");
    expect_json(tree, "patch", "{\"ports\":{\"2\":{\"shift\":0,\"flip\":true}}}");
    assert_ptr_equal(phase_survey_patch(tree, &settings, why), patch);
    ports[0].current = 250; /* what the angles do not hang on */
    assert_ptr_equal(phase_survey_patch(tree, &settings, why), patch);
    for (size_t i = 0; i < PHASE_CLAMPS; i++) { /* port 1 and 3 too: the sequence was told by all */
        struct port_settings was = ports[i];
        ports[i].shift = 1;
        assert_null(phase_survey_patch(tree, &settings, why));
        ports[i] = was;
        ports[i].flip = true;
        assert_null(phase_survey_patch(tree, &settings, why));
        ports[i] = was;
        ports[i].enable = false;
        assert_null(phase_survey_patch(tree, &settings, why));
        ports[i] = was;
    }
    assert_string_equal(why, "shift, flip or enable of port 3 are others since it was measured: match again");
    settings.phase = PHASE_1P;
    assert_null(phase_survey_patch(tree, &settings, why));
    settings.phase = PHASE_3PN;
    settings.board.protocol = BOARD_FLM02;
    assert_null(phase_survey_patch(tree, &settings, why));
    settings.board.protocol = BOARD_FLX;
    assert_ptr_equal(phase_survey_patch(tree, &settings, why), patch);
    cJSON_Delete(tree);
}

static void what_is_not_known_is_not_stored(void **state)
{
    char why[PHASE_WHY];

    (void)state;
    match.answer.known = false;
    match.answer.shift[0] = 2;
    begin();
    fill_all();
    phase_survey_judge(&survey);
    cJSON *tree = written();
    expect_json(tree, "patch", "{}");
    assert_null(phase_survey_patch(tree, &settings, why));
    assert_non_null(strstr(why, "no proposal"));
    assert_null(phase_survey_patch(NULL, &settings, why));
    cJSON_Delete(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mean_on_the_circle),
        cmocka_unit_test(a_mean_of_each_direction),
        cmocka_unit_test(a_median),
        cmocka_unit_test_setup(what_cannot_be_measured, setup),
        cmocka_unit_test_setup(only_new_seconds_count, setup),
        cmocka_unit_test_setup(a_clamp_that_says_nothing, setup),
        cmocka_unit_test_setup(settings_that_change, setup),
        cmocka_unit_test_setup(what_phase_match_is_asked, setup),
        cmocka_unit_test_setup(turns_become_shift_and_flip, setup),
        cmocka_unit_test_setup(an_angle_that_goes_round, setup),
        cmocka_unit_test_setup(a_result, setup),
        cmocka_unit_test_setup(a_result_of_a_failure, setup),
        cmocka_unit_test_setup(a_result_that_is_stored, setup),
        cmocka_unit_test_setup(what_is_not_known_is_not_stored, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
