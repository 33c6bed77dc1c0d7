/* TIC: real captures (test/vectors/tic), groups made by the checksum's rule, damaged ones as users reported them. */
#include "unit.h"

#include "core/tic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS "test/vectors/tic/"

struct told {
    struct tic_frame last;
    unsigned frames;
};

static struct tic_reader reader;

static void on_frame(void *ctx, const struct tic_frame *f)
{
    struct told *t = ctx;

    t->frames++;
    t->last = *f;
}

static struct told read_all(enum tic_mode mode, const char *bytes, size_t len, size_t step)
{
    struct told t = {0};

    tic_reader_init(&reader, mode);
    for (size_t at = 0, n; at < len; at += n) {
        n = len - at < step ? len - at : step;
        tic_reader_bytes(&reader, (const uint8_t *)bytes + at, n, on_frame, &t);
    }
    return t;
}

static void owes(enum tic_mode mode, const struct tic_frame *f, const char *label, int64_t value)
{
    size_t n;
    const struct tic_label *labels = tic_labels(mode, &n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(labels[i].name, label) != 0)
            continue;
        if (!tic_has(f, i))
            fail_msg("%s is missing", label);
        assert_int_equal(f->milli[i], value * 1000);
        return;
    }
    fail_msg("no label %s", label);
}

static size_t load(const char *name, char *out, size_t room)
{
    char path[120];

    snprintf(path, sizeof path, VECTORS "%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, room, f);
    fclose(f);
    assert_in_range(n, 1, room - 1);
    return n;
}

/* Groups, frames and values as counted apart from this decoder (SOURCES.tsv). */
static void test_captures(void **state)
{
    static char bytes[16384];

    (void)state;
    for (size_t step = 1; step <= 4096; step *= 8) {
        size_t n = load("linky_historique_bbr_capture.tic", bytes, sizeof bytes);
        struct told t = read_all(TIC_HISTORIQUE, bytes, n, step);
        assert_int_equal(t.frames, 10);
        assert_int_equal(reader.taken + reader.other, 160);
        assert_int_equal(reader.bad_sum + reader.bad_form + reader.too_long, 0);
        n = load("linky_historique_bbr_frame10.tic", bytes, sizeof bytes);
        t = read_all(TIC_HISTORIQUE, bytes, n, step);
        owes(TIC_HISTORIQUE, &t.last, "BBRHCJB", 18328721);
        owes(TIC_HISTORIQUE, &t.last, "BBRHPJB", 23739545);
        owes(TIC_HISTORIQUE, &t.last, "BBRHPJR", 844115);
        owes(TIC_HISTORIQUE, &t.last, "PAPP", 2840);
        owes(TIC_HISTORIQUE, &t.last, "IINST", 12);
        n = load("historique_hc_frame.tic", bytes, sizeof bytes); /* two checksums are spaces */
        t = read_all(TIC_HISTORIQUE, bytes, n, step);
        assert_int_equal(reader.taken + reader.other, 11);
        owes(TIC_HISTORIQUE, &t.last, "HCHC", 94939439);
        owes(TIC_HISTORIQUE, &t.last, "HCHP", 127970334);
        owes(TIC_HISTORIQUE, &t.last, "IINST", 9);
        owes(TIC_HISTORIQUE, &t.last, "PAPP", 2160);
    }
}

/* A group by the rule of Enedis-NOI-CPT_54E, 5.3.6. */
static size_t group(char *out, enum tic_mode mode, const char *body)
{
    char separator = mode == TIC_STANDARD ? '\t' : ' ';
    unsigned sum = mode == TIC_STANDARD ? '\t' : 0;

    for (const char *p = body; *p; p++)
        sum += (uint8_t)*p;
    return (size_t)sprintf(out, "\n%s%c%c\r", body, separator, (sum & 0x3f) + 0x20);
}

static void test_standard(void **state)
{
    char bytes[1024] = "\x02";
    size_t n = 1;
    static const char *const bodies[] = {"ADSC\t123456789012",
                                         "DATE\tE210414082625\t",
                                         "NGTF\t     TEMPO      ",
                                         "LTARF\t    HC  BLEU    ",
                                         "EAST\t011604109",
                                         "EASF01\t002741488",
                                         "EAIT\t000671631",
                                         "IRMS1\t001",
                                         "URMS1\t234",
                                         "SINSTS\t00046",
                                         "SMAXSN\tE210414063417\t00021",
                                         "PRM\t12345678901234"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        n += group(bytes + n, TIC_STANDARD, bodies[i]);
    bytes[n++] = 3;
    struct told t = read_all(TIC_STANDARD, bytes, n, 5);
    assert_int_equal(t.frames, 1);
    assert_int_equal(reader.taken, 6);
    assert_int_equal(reader.other, 6);
    owes(TIC_STANDARD, &t.last, "EAST", 11604109);
    owes(TIC_STANDARD, &t.last, "EAIT", 671631);
    owes(TIC_STANDARD, &t.last, "URMS1", 234);
    owes(TIC_STANDARD, &t.last, "SINSTS", 46);
}

/* As users reported them (meters.md): the first are refused, of the last the good ones are found. */
static void test_damaged(void **state)
{
    static const struct {
        enum tic_mode mode;
        const char *bytes;
        unsigned taken;
    } t[] = {
        {TIC_STANDARD, "\nEASD01\t06476 712\tA\r", 0},
        {TIC_HISTORIQUE, "\nISOUSC 45 \x7f\r", 0},
        {TIC_HISTORIQUE,
         "\nM?\xaa"
         "DETAT 000000 B\r",
         0},
        {TIC_HISTORIQUE, "\nHCHP 019571184 7\r\x04\x02\n", 1},
        {TIC_STANDARD,
         "\nEASF03\t001548023\t;\r\x0e"
         "EASF04\t002860327\tA\r",
         2},
        {TIC_STANDARD, "\nIRMS3\t004\t4\r\x0fURMS1\t235\tD\r", 2},
        {TIC_HISTORIQUE, "\nBASE  \r\nBASE\r\n  \r\n \r\nBASE 1 \r", 0},
        {TIC_STANDARD, "\nEAST\t\t\r\n\t\t\t\r\nEAST\t1\r", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        read_all(t[i].mode, t[i].bytes, strlen(t[i].bytes), 3);
        assert_int_equal(reader.taken, t[i].taken);
    }
}

/* A short frame during overload, interrupted ones, one whose end was lost: what was good in them is told once. */
static void test_frames(void **state)
{
    char bytes[512];
    size_t n = 0;

    (void)state;
    n += group(bytes + n, TIC_HISTORIQUE, "PAPP 02160");
    bytes[n++] = 4;
    n += group(bytes + n, TIC_HISTORIQUE, "BASE 000000001");
    n += group(bytes + n, TIC_HISTORIQUE, "PAPP 00001");
    n += group(bytes + n, TIC_HISTORIQUE, "BASE 000000002");
    bytes[n++] = 2;
    bytes[n++] = 3;
    struct told t = read_all(TIC_HISTORIQUE, bytes, n, n);
    assert_int_equal(t.frames, 3);
    owes(TIC_HISTORIQUE, &t.last, "BASE", 2);
    memset(bytes, 'A', sizeof bytes);
    bytes[sizeof bytes - 1] = '\r';
    t = read_all(TIC_HISTORIQUE, bytes, sizeof bytes, 100);
    assert_int_equal(reader.too_long, 1);
    assert_int_equal(t.frames, 0);
}

/* The parity bit of a 7E1 line that is read as 8N1. */
static void test_parity(void **state)
{
    static char bytes[16384];
    size_t n = load("linky_historique_bbr_capture.tic", bytes, sizeof bytes);

    (void)state;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(bytes[i] | (__builtin_parity((unsigned)bytes[i] & 0x7f) ? 0x80 : 0));
    struct told t = read_all(TIC_HISTORIQUE, bytes, n, 77);
    assert_int_equal(t.frames, 10);
    assert_int_equal(reader.taken + reader.other, 160);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_captures), cmocka_unit_test(test_standard),
                                       cmocka_unit_test(test_damaged), cmocka_unit_test(test_frames),
                                       cmocka_unit_test(test_parity)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
