/* The table of what telegrams tell: it is consistent, and finds what decoders have. */
#include "unit.h"

#include "core/line_codes.h"
#include "core/tic.h"

#include <stdio.h>
#include <string.h>

static const struct line_code *found(int code)
{
    assert_true(code >= 0 && (size_t)code < line_codes_len);
    return &line_codes[code];
}

static void a_code_and_its_words_are_there_once_for_a_protocol(void **state)
{
    (void)state;
    for (int p = 0; p < LINE_PROTOCOLS; p++) {
        unsigned mains = 0;
        for (size_t i = 0; i < line_codes_len; i++) {
            const struct line_code *x = &line_codes[i];
            if (!line_code_has(i, (enum line_protocol)p))
                continue;
            mains += x->main;
            assert_int_equal(line_code_find((enum line_protocol)p, x->code), i);
            for (size_t k = 0; k < i; k++)
                if (line_code_has(k, (enum line_protocol)p))
                    assert_string_not_equal(line_codes[k].words, x->words);
        }
        assert_int_equal(mains, 1);
    }
    assert_int_equal(line_code_find(LINE_P1, "easf01"), -1);
}

/* A code is part of an id's key and of a ledger's source, and its words of a name. */
static void each_can_be_used(void **state)
{
    (void)state;
    for (size_t i = 0; i < line_codes_len; i++) {
        const struct line_code *x = &line_codes[i];
        assert_true(x->protocols);
        assert_true(strlen(x->code) < LINE_CODE && strlen(x->words) < LINE_WORDS);
        assert_int_equal(x->code[strspn(x->code, "0123456789abcdefghijklmnopqrstuvwxyz.-")], '\0');
        assert_true(x->unit[READING_GAUGE] || x->unit[READING_COUNTER]);
        assert_true(!x->known || x->unit[READING_COUNTER]);
        assert_true(!x->falls || i == LINE_NET);
        for (int kind = 0; kind < READING_KINDS; kind++)
            if (x->unit[kind] && *x->unit[kind])
                assert_int_not_equal(line_code_unit(i, (enum reading_kind)kind), OBIS_PLAIN);
            else if (!x->unit[kind])
                assert_int_equal(x->obis[kind].c, 0);
    }
}

static void electricity_by_obis(void **state)
{
    static const struct {
        unsigned c, d, e;
        const char *code;
        enum reading_kind kind;
    } cases[] = {{1, 7, 0, "import", READING_GAUGE},    {1, 8, 0, "import", READING_COUNTER},
                 {2, 7, 0, "export", READING_GAUGE},    {2, 8, 0, "export", READING_COUNTER},
                 {1, 8, 1, "1.8.1", READING_COUNTER},   {2, 8, 4, "2.8.4", READING_COUNTER},
                 {3, 7, 0, "3.8.0", READING_GAUGE},     {4, 8, 2, "4.8.2", READING_COUNTER},
                 {61, 7, 0, "61.7.0", READING_GAUGE},   {32, 7, 0, "32.7.0", READING_GAUGE},
                 {71, 7, 0, "71.7.0", READING_GAUGE},   {1, 4, 0, "1.4.0", READING_GAUGE},
                 {1, 6, 0, "1.6.0", READING_GAUGE},     {16, 7, 0, "16.7.0", READING_GAUGE},
                 {1, 8, 255, "import", READING_COUNTER}};
    enum reading_kind kind;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int p = LINE_P1; p <= LINE_D0; p++) {
            int code = line_code_obis((enum line_protocol)p, cases[i].c, cases[i].d, cases[i].e, &kind);
            assert_string_equal(found(code)->code, cases[i].code);
            assert_int_equal(kind, cases[i].kind);
        }
    }
    for (int e = 5; e < 255; e++)
        assert_int_equal(line_code_obis(LINE_P1, 1, 8, (unsigned)e, &kind), -1);
    assert_int_equal(line_code_obis(LINE_P1, 0, 0, 0, &kind), -1);
    assert_int_equal(line_code_obis(LINE_TIC, 1, 8, 0, &kind), -1);
}

/* 6.8 of a heat meter is its energy, 6.8.0 of an electricity meter is none of ours. */
static void heat_by_d0(void **state)
{
    enum reading_kind kind;

    (void)state;
    assert_string_equal(found(line_code_obis(LINE_D0, 6, 8, 255, &kind))->code, "heat");
    assert_int_equal(kind, READING_COUNTER);
    assert_string_equal(found(line_code_obis(LINE_D0, 6, 6, 255, &kind))->code, "heat");
    assert_int_equal(kind, READING_GAUGE);
    assert_string_equal(found(line_code_obis(LINE_D0, 6, 26, 255, &kind))->unit[kind], "L");
    assert_int_equal(line_code_obis(LINE_D0, 6, 8, 0, &kind), -1);
    assert_int_equal(line_code_obis(LINE_P1, 6, 8, 255, &kind), -1);
}

/* Each label that is read is a code, in the unit that it is read in. */
static void tic_by_labels(void **state)
{
    static const enum line_protocol protocols[] = {[TIC_HISTORIQUE] = LINE_TIC_HISTORIQUE, [TIC_STANDARD] = LINE_TIC};
    enum reading_kind kind;

    (void)state;
    for (int mode = TIC_HISTORIQUE; mode <= TIC_STANDARD; mode++) {
        size_t n;
        const struct tic_label *labels = tic_labels((enum tic_mode)mode, &n);
        for (size_t i = 0; i < n; i++) {
            int code = line_code_label(protocols[mode], labels[i].name, &kind);
            if (code < 0)
                fail_msg("%s is no code", labels[i].name);
            assert_int_equal(line_code_unit((size_t)code, kind), labels[i].unit);
            assert_int_equal(kind == READING_COUNTER, labels[i].unit == OBIS_WH || labels[i].unit == OBIS_VARH);
        }
    }
    assert_int_equal(line_code_label(LINE_TIC, "EAST", &kind), LINE_TIC_IMPORT);
    assert_int_equal(line_code_label(LINE_TIC, "EAIT", &kind), LINE_TIC_EXPORT);
    assert_int_equal(line_code_label(LINE_TIC_HISTORIQUE, "EAIT", &kind), -1);
    assert_int_equal(line_code_label(LINE_TIC, "EASF", &kind), -1);
    assert_int_equal(line_code_find(LINE_TIC_HISTORIQUE, "import"), LINE_TIC_IMPORT);
    assert_int_equal(line_code_find(LINE_TIC, "net"), -1);
}

static void devices_by_kind_and_order(void **state)
{
    static const struct {
        enum p1_device device;
        const char *code, *unit;
    } cases[] = {
        {P1_GAS, "gas", "L"}, {P1_WATER, "water", "L"}, {P1_WARM_WATER, "warm-water", "L"}, {P1_HEAT, "heat", "Wh"}};
    char second[LINE_CODE + 4];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct line_code *x = found(line_code_device(cases[i].device, 1));
        assert_string_equal(x->code, cases[i].code);
        assert_string_equal(x->unit[READING_COUNTER], cases[i].unit);
        assert_null(x->unit[READING_GAUGE]);
        snprintf(second, sizeof second, "%s-2", cases[i].code);
        assert_string_equal(found(line_code_device(cases[i].device, 2))->code, second);
        assert_true(line_code_device(cases[i].device, LINE_DEVICES) >= 0);
        assert_int_equal(line_code_device(cases[i].device, LINE_DEVICES + 1), -1);
        assert_int_equal(line_code_device(cases[i].device, 0), -1);
    }
    assert_int_equal(line_code_device(P1_NO_DEVICE, 1), -1);
    assert_int_equal(line_code_device(P1_OTHER_DEVICE, 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_and_its_words_are_there_once_for_a_protocol),
        cmocka_unit_test(each_can_be_used),
        cmocka_unit_test(electricity_by_obis),
        cmocka_unit_test(heat_by_d0),
        cmocka_unit_test(tic_by_labels),
        cmocka_unit_test(devices_by_kind_and_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
