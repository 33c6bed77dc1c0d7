/* D0 telegrams: real ones (test/vectors/d0) and what their index says of them; echoes, BCC, pieces, damage. */
#include "unit.h"

#include "core/d0_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS "test/vectors/d0/"

struct told {
    enum d0_end end;
    struct d0_telegram telegram;
    unsigned n, taken;
};

static struct d0_reader reader;

static void on_telegram(void *ctx, enum d0_end end, const struct d0_telegram *t)
{
    struct told *told = ctx;

    told->n++;
    told->end = end;
    if (t) {
        told->taken++;
        told->telegram = *t;
    }
}

static struct told read_all(const char *bytes, size_t len, size_t step)
{
    struct told t = {0};

    d0_reader_init(&reader);
    for (size_t at = 0, n; at < len; at += n) {
        n = len - at < step ? len - at : step;
        d0_reader_bytes(&reader, (const uint8_t *)bytes + at, n, on_telegram, &t);
    }
    d0_reader_pause(&reader, on_telegram, &t);
    return t;
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

struct owed {
    unsigned c, d, e;
    enum obis_unit unit;
    int64_t milli;
};

static const struct {
    const char *file, *ident;
    enum d0_end end;
    struct owed values[6];
} meters[] = {
    {"actaris_ace3k260_modee.d0",
     "ACE0\\3k260V01.18",
     D0_NO_BCC,
     {{1, 8, 0, OBIS_WH, 285400000}, {2, 8, 0, OBIS_WH, 120100000}}},
    {"elster_as1440_ack_echo.d0",
     "ELS5\\@V9.30 ",
     D0_NO_BCC,
     {{1, 8, 0, OBIS_WH, 285400000}, {2, 8, 0, OBIS_WH, 120100000}}},
    {"emh_ehz-e0018e_push_1.d0", "EMH5----eHZ-E0018E", D0_NO_BCC, {{1, 8, 1, OBIS_WH, 32942023100}}},
    {"emh_ehz-e0018e_push_2.d0", "EMH5----eHZ-E0018E", D0_NO_BCC, {{1, 8, 1, OBIS_WH, 32942023400}}},
    {"itron_em214_echo.d0",
     "ITR5EM214",
     D0_NO_BCC,
     {{1, 8, 1, OBIS_WH, 22108700000},
      {2, 8, 1, OBIS_WH, 10452000000},
      {1, 7, 0, OBIS_W, 490000},
      {31, 7, 0, OBIS_A, 800},
      {71, 7, 0, OBIS_A, 1200}}},
    {"siemens_2wr5_heat_modec_stx.d0", "", D0_BAD_BCC, {{0}}},
    {"siemens_2wr5_heat_push.d0",
     "SIE32WR5",
     D0_NO_BCC,
     {{6, 8, 255, OBIS_WH, 29055000000}, {6, 26, 255, OBIS_L, 1589280000}, {6, 6, 255, OBIS_W, 17200000}}},
};

static void test_meters(void **state)
{
    static char bytes[8192];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(meters); i++) {
        size_t n = load(meters[i].file, bytes, sizeof bytes);
        for (size_t step = 1; step < 9000; step *= 7) {
            struct told t = read_all(bytes, n, step);
            assert_int_equal(t.n, 1);
            assert_int_equal(t.end, meters[i].end);
            assert_string_equal(t.telegram.ident, meters[i].ident);
            for (const struct owed *o = meters[i].values; o->milli; o++) {
                const struct obis_value *v = d0_value(&t.telegram, o->c, o->d, o->e);
                assert_non_null(v);
                assert_int_equal(v->milli, o->milli);
                assert_int_equal(v->unit, o->unit);
            }
        }
    }
}

/* Several in a row, the second of them after a cut one, parity in bit 7. */
static void test_stream(void **state)
{
    static char bytes[32768];
    size_t n = 0;

    (void)state;
    for (int turn = 0; turn < 3; turn++) {
        n += load("emh_ehz-e0018e_push_1.d0", bytes + n, 4096);
        n += load("emh_ehz-e0018e_push_2.d0", bytes + n, 4096) - 60; /* cut in a value */
        bytes[n++] = '\r';
        bytes[n++] = '\n';
    }
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(bytes[i] | (__builtin_parity((unsigned)bytes[i]) ? 0x80 : 0));
    struct told t = read_all(bytes, n, 50);
    assert_int_equal(t.taken, 3);
    assert_int_equal(reader.ends[D0_CUT], 3);
}

/* A block with its BCC: taken; with any bit of it turned: not. */
static void test_bcc(void **state)
{
    static const char body[] = "1.8.0(000285.4*kWh)\r\n2.8.0(000120.1*kWh)\r\n!\r\n\x03";
    char bytes[128];
    uint8_t bcc = 0;

    (void)state;
    for (const char *p = body; *p; p++)
        bcc ^= (uint8_t)*p;
    size_t n = (size_t)sprintf(bytes, "/ELS5\\@V9.30 \r\n\x02%s%c", body, bcc);
    struct told t = read_all(bytes, n, 3);
    assert_int_equal(t.end, D0_GOOD);
    assert_int_equal(d0_value(&t.telegram, 1, 8, 0)->milli, 285400000);
    for (size_t at = 16; at < n; at++) {
        for (int bit = 0; bit < 7; bit++) {
            char was = bytes[at];
            bytes[at] = (char)(was ^ 1 << bit);
            t = read_all(bytes, n, n);
            const struct obis_value *v = t.taken ? d0_value(&t.telegram, 1, 8, 0) : NULL;
            assert_true(t.end != D0_GOOD);
            assert_true(!v || t.end == D0_NO_BCC); /* what ended it was damaged: without a check it stays */
            bytes[at] = was;
        }
    }
}

static void test_entries(void **state)
{
    static const char text[] = "/ABC5 x\r\n1.8.0*01(000001.0*kWh)1.8.0(000002.0*kWh)\r\n16.7.0(-00.250*kW)\r\n"
                               "0.9.1(123456)\r\n1.8.0(x)\r\n2.8.0(000001.0\r\n2.8.1(5)\r\n1.7(1*furlong)\r\n!\r\n";
    struct told t = read_all(text, sizeof text - 1, 1);

    (void)state;
    assert_int_equal(t.taken, 1);
    assert_int_equal(t.telegram.n, 3);
    assert_int_equal(d0_value(&t.telegram, 1, 8, 0)->milli, 2000000);
    assert_int_equal(d0_value(&t.telegram, 16, 7, 0)->milli, -250000);
    assert_int_equal(d0_value(&t.telegram, 2, 8, 1)->milli, 5000000);
    assert_int_equal(t.telegram.bad, 3);
}

static void test_too_long(void **state)
{
    static char bytes[D0_TELEGRAM_MAX + 100];
    struct told t;

    (void)state;
    memset(bytes, '1', sizeof bytes);
    bytes[0] = '/';
    t = read_all(bytes, sizeof bytes, 999);
    assert_int_equal(t.end, D0_TOO_LONG);
    memset(bytes, '\n', sizeof bytes);
    bytes[0] = '/';
    t = read_all(bytes, sizeof bytes, 999);
    assert_int_equal(t.taken, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_meters), cmocka_unit_test(test_stream),
                                       cmocka_unit_test(test_bcc), cmocka_unit_test(test_entries),
                                       cmocka_unit_test(test_too_long)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
