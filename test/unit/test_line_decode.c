/* Telegrams of lines, to values by code: real ones of P1, D0 and TIC (test/vectors), what is put together of them, what
 * is refused and told, in pieces of any size. */
#include "unit.h"

#include "core/line_decode.h"
#include "core/util.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct told {
    unsigned good, refused[LINE_REFUSED_KINDS];
    struct line_values values; /* of the last good one */
    unsigned bad;
    char ident[64], text[LINE_TEXT + 1], refused_text[LINE_TEXT + 1];
};

static struct told told;
static enum line_protocol protocol;
static void *decoding;

static void on_telegram(void *ctx, const struct line_telegram *t)
{
    assert_ptr_equal(ctx, &told);
    assert_true(t->len <= LINE_TEXT);
    if (!t->good) {
        told.refused[t->why]++;
        snprintf(told.refused_text, sizeof told.refused_text, "%.*s", (int)t->len, t->text);
        return;
    }
    told.good++;
    told.values = *t->values;
    told.bad = t->bad;
    snprintf(told.ident, sizeof told.ident, "%s", t->ident);
    snprintf(told.text, sizeof told.text, "%.*s", (int)t->len, t->text);
}

static int teardown(void **state)
{
    (void)state;
    free(decoding);
    decoding = NULL;
    return 0;
}

static void begin(enum line_protocol p)
{
    const struct line_decoder *d = line_decoder(p);

    free(decoding);
    decoding = malloc(d->size);
    protocol = p;
    memset(&told, 0, sizeof told);
    d->init(decoding);
}

static void bytes(const char *p, size_t n, size_t step)
{
    for (size_t at = 0, some; at < n; at += some) {
        some = n - at < step ? n - at : step;
        line_decoder(protocol)->bytes(decoding, (const uint8_t *)p + at, some, on_telegram, &told);
    }
}

static void text(const char *p)
{
    bytes(p, strlen(p), strlen(p));
}

static void pause_line(void)
{
    line_decoder(protocol)->pause(decoding, on_telegram, &told);
}

static size_t load(const char *name, char out[16384])
{
    char path[200];

    snprintf(path, sizeof path, "test/vectors/%s", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("no %s", path);
    size_t n = fread(out, 1, 16384, f);
    fclose(f);
    assert_in_range(n, 1, 16383);
    return n;
}

static void reads(enum line_protocol p, const char *name)
{
    static char file[16384];
    size_t n = load(name, file);

    begin(p);
    bytes(file, n, n);
    pause_line();
}

static const struct line_value *value(const char *code, enum reading_kind kind)
{
    int c = line_code_find(protocol, code);
    const struct line_value *found = NULL;

    if (c < 0)
        fail_msg("no code %s", code);
    for (size_t i = 0; i < told.values.n; i++) {
        if (told.values.v[i].code != c || told.values.v[i].kind != kind)
            continue;
        assert_null(found); /* each once */
        found = &told.values.v[i];
    }
    return found;
}

static void owes(const char *code, enum reading_kind kind, int64_t milli)
{
    const struct line_value *v = value(code, kind);

    if (!v)
        fail_msg("%s is missing", code);
    if (v->milli != milli)
        fail_msg("%s is %lld, not %lld", code, (long long)v->milli, (long long)milli);
}

static void counts(const char *code, int64_t milli)
{
    owes(code, READING_COUNTER, milli);
}

static void shows(const char *code, int64_t milli)
{
    owes(code, READING_GAUGE, milli);
}

/* ---- P1 ---- */

static void a_belgian_meter(void **state)
{
    (void)state;
    reads(LINE_P1, "p1/be_FLU5-253769484-A_200512_1.p1");
    assert_int_equal(told.good, 1);
    assert_string_equal(told.ident, "FLU5\\253769484_A");
    assert_int_equal(told.values.unix_s, 1589284449);
    assert_true(told.values.checked);
    counts("1.8.1", 34000);
    counts("1.8.2", 15758000);
    counts("import", 15792000); /* it tells no total */
    counts("export", 11000);
    shows("import", 0);
    shows("net", 0);
    shows("1.4.0", 2351000);
    shows("1.6.0", 2589000);
    assert_int_equal(value("1.6.0", READING_GAUGE)->stamp_s, 1589024758);
    shows("32.7.0", 234700);
    counts("gas", 112384000);
    assert_int_equal(value("gas", READING_COUNTER)->stamp_s, 1589283958);
    counts("water", 872234000);
    assert_null(value("gas-2", READING_COUNTER));
    counts("net", 15781000);
    assert_true(strncmp(told.text, "/FLU5", 5) == 0);
    assert_string_equal(told.text + strlen(told.text) - 5, "!3AD7");
}

/* Totals are never added to tariffs; Wh and W without thousands. */
static void an_austrian_meter(void **state)
{
    (void)state;
    reads(LINE_P1, "p1/at_EST5-253710000-A_221006_1.p1");
    counts("import", INT64_C(6545766000));
    counts("1.8.1", INT64_C(5017120000));
    counts("export", 58000);
    shows("import", 286000);
    shows("net", 286000);
    counts("3.8.0", 747000);
    shows("4.8.0", 166000);
}

static void a_meter_of_old_without_crc(void **state)
{
    (void)state;
    reads(LINE_P1, "p1/nl_KMP5-ZABF001587315_nots_1.p1");
    assert_int_equal(told.good, 1);
    assert_false(told.values.checked);
    assert_int_equal(told.values.unix_s, 0);
    counts("1.8.1", 185000000);
    counts("gas", 124477000);
    assert_null(value("import", READING_COUNTER)); /* one telegram alone does not tell what its tariffs are */
    assert_null(value("net", READING_GAUGE));
}

#define OLD(lines) "/KMP5 ZABF001587315111\r\n\r\n" lines "1-0:1.7.0(0001.00*kW)\r\n!\r\n"
#define T1         "1-0:1.8.1(00185.000*kWh)\r\n"
#define T2         "1-0:1.8.2(00084.000*kWh)\r\n"

/* A line that is lost in a telegram without a check is no fall of the sum. */
static void a_lost_tariff_is_no_fall(void **state)
{
    (void)state;
    begin(LINE_P1);
    text(OLD(T1 T2) OLD(T1 T2));
    counts("import", 269000000);
    text(OLD(T1 "1-0:1.8#2(00084.000*kWh)\r\n"));
    assert_int_equal(told.good, 3);
    assert_int_equal(told.bad, 1);
    counts("1.8.1", 185000000);
    assert_null(value("import", READING_COUNTER));
    text(OLD(T1 T2));
    assert_null(value("import", READING_COUNTER));
    text(OLD(T1 T2));
    counts("import", 269000000);
}

/* pitfall: gas on channel 2 after a swap; two of a kind; another unit than its kind has */
static void devices_are_known_by_their_type(void **state)
{
    (void)state;
    begin(LINE_P1);
    text("/ABC5x\r\n\r\n0-1:24.1.0(007)\r\n0-1:96.1.0(41)\r\n0-1:24.2.1(210101120000W)(00001.000*m3)\r\n"
         "0-2:24.1.0(003)\r\n0-2:96.1.0(41)\r\n0-2:24.2.1(210101120000W)(00002.000*m3)\r\n"
         "0-3:24.1.0(003)\r\n0-3:96.1.0(41)\r\n0-3:24.2.1(210101120000W)(00003.000*m3)\r\n"
         "0-4:24.1.0(012)\r\n0-4:96.1.0(41)\r\n0-4:24.2.1(210101120000W)(00004.000*GJ)\r\n!\r\n");
    counts("water", 1000000);
    counts("gas", 2000000);
    counts("gas-2", 3000000);
    counts("heat", INT64_C(1111111111)); /* 4 GJ */
    text("/ABC5x\r\n\r\n0-1:24.1.0(003)\r\n0-1:96.1.0(41)\r\n0-1:24.2.1(210101120000W)(00001.000*GJ)\r\n"
         "0-2:24.1.0(003)\r\n0-2:96.1.0()\r\n0-2:24.2.1(210101120000W)(00002.000*m3)\r\n!\r\n");
    assert_int_equal(told.good, 2);
    assert_null(value("gas", READING_COUNTER));
}

#define GAS(n, stamp, m3) "0-" n ":24.1.0(003)\r\n0-" n ":96.1.0(41)\r\n0-" n ":24.2.1(" stamp ")(" m3 "*m3)\r\n"
#define NOON              "210101120000W"

/* Of two gas meters one is out of reach: the other is not taken for it. One that never was beside it is a new meter. */
static void one_of_two_is_away(void **state)
{
    (void)state;
    begin(LINE_P1);
    text("/ABC5x\r\n\r\n" GAS("1", NOON, "00100.000") "!\r\n");
    text("/ABC5x\r\n\r\n" GAS("1", "700101010000W", "00100.000") GAS("2", NOON, "00001.000") "!\r\n");
    counts("gas", 1000000);
    text("/ABC5x\r\n\r\n" GAS("1", NOON, "00100.000") GAS("2", NOON, "00150.000") "!\r\n");
    counts("gas-2", 150000000);
    text("/ABC5x\r\n\r\n" GAS("1", "632525252525S", "00000.000") GAS("2", NOON, "00151.000") "!\r\n");
    assert_null(value("gas", READING_COUNTER));
    counts("gas-2", 151000000);
}

/* A value without a unit where one belongs says nothing; one with another unit is not read. */
static void units_must_be_theirs(void **state)
{
    (void)state;
    begin(LINE_P1);
    text("/ABC5x\r\n\r\n1-0:3.7.0(00.000)\r\n1-0:1.7.0(00.5*V)\r\n1-0:2.7.0(00.5*kW)\r\n1-0:13.7.0(0.97)\r\n!\r\n");
    assert_null(value("3.8.0", READING_GAUGE));
    assert_null(value("import", READING_GAUGE));
    shows("export", 500000);
    shows("13.7.0", 970);
    assert_int_equal(told.bad, 1);
}

static void refusals_have_a_reason_and_a_text(void **state)
{
    (void)state;
    begin(LINE_P1);
    text("/ABC5x\r\n\r\n1-0:1.7.0(00.500*kW)\r\n!FFFF\r\n");
    assert_int_equal(told.good, 0);
    assert_int_equal(told.refused[LINE_REFUSED_CRC], 1);
    assert_string_equal(told.refused_text, "/ABC5x\r\n\r\n1-0:1.7.0(00.500*kW)\r\n!FFFF");
    text("/ABC5x\r\n\r\n1-0:1.7\r\n/ABC5x\r\n");
    assert_int_equal(told.refused[LINE_REFUSED_CUT], 1);
    for (int r = 0; r < LINE_REFUSED_KINDS; r++)
        assert_true(*line_refused_name((enum line_refused)r) && *line_refused_words((enum line_refused)r));
}

/* Every real telegram: the same in pieces of any size, each value once, each code one of the protocol's. */
static void in_pieces_as_whole(void **state)
{
    static char file[16384];
    static struct told whole;
    struct dirent *e;
    unsigned files = 0;

    (void)state;
    DIR *d = opendir("test/vectors/p1");
    while (d && (e = readdir(d))) {
        char name[300];
        if (!strstr(e->d_name, ".p1"))
            continue;
        snprintf(name, sizeof name, "p1/%s", e->d_name);
        size_t n = load(name, file);
        for (size_t step = n; step; step = step == 1 ? 0 : step > 7 ? 7 : 1) {
            begin(LINE_P1);
            bytes(file, n, step);
            if (step == n)
                whole = told;
            assert_memory_equal(&whole, &told, sizeof told);
        }
        assert_true(whole.good + whole.refused[LINE_REFUSED_CRC] == 1);
        assert_true(whole.bad <= 4); /* two of them have lines of nobody */
        for (size_t i = 0; i < whole.values.n; i++) {
            const struct line_value *v = &whole.values.v[i];
            assert_true(line_code_has(v->code, LINE_P1) && line_codes[v->code].unit[v->kind]);
            assert_ptr_equal(value(line_codes[v->code].code, (enum reading_kind)v->kind), &told.values.v[i]);
        }
        files++;
    }
    if (d)
        closedir(d);
    assert_true(files > 30);
}

/* ---- D0 ---- */

static void a_push_meter(void **state)
{
    (void)state;
    reads(LINE_D0, "d0/emh_ehz-e0018e_push_1.d0");
    assert_string_equal(told.ident, "EMH5----eHZ-E0018E");
    counts("1.8.1", INT64_C(32942023100));
    reads(LINE_D0, "d0/siemens_2wr5_heat_push.d0");
    counts("heat", INT64_C(29055000000));
    counts("6.26", 1589280000);
    shows("heat", 17200000);
    assert_true(strncmp(told.text, "/SIE32WR5\n", 10) == 0);
    reads(LINE_D0, "d0/siemens_2wr5_heat_modec_stx.d0"); /* its BCC was lost on the way to the file */
    assert_int_equal(told.good, 0);
    assert_int_equal(told.refused[LINE_REFUSED_CRC], 1);
    static const char body[] = "1.8.0(1*kWh)\r\n!\r\n\x03";
    char bcc[2] = "";
    for (const char *p = body; *p; p++)
        bcc[0] ^= *p;
    text("/EMH5x\r\n\x02");
    text(body);
    text(bcc);
    assert_int_equal(told.good, 1);
    assert_true(told.values.checked);
    counts("import", 1000000);
}

static void a_meter_with_a_signed_sum(void **state)
{
    (void)state;
    begin(LINE_D0);
    text("/EMH5x\r\n\r\n1-0:16.7.0*255(-000123.45*W)\r\n1-0:36.7.0*255(-41*W)\r\n!\r\n/EMH5x\r\n\r\n"
         "1-0:16.7.0*255(-000123.45*W)\r\n!\r\n");
    shows("16.7.0", -123450);
    shows("net", -123450);
}

static void silence_ends_a_telegram(void **state)
{
    (void)state;
    begin(LINE_D0);
    text("/EMH5x\r\n\r\n1-0:1.8.0*255(000123.45*kWh)\r\n");
    pause_line();
    assert_int_equal(told.refused[LINE_REFUSED_CUT], 1);
    assert_true(strstr(told.refused_text, "000123.45") != NULL);
}

/* ---- TIC ---- */

/* A group with its checksum: historique without the last separator, standard with it. */
static void group(char *out, const char *body)
{
    bool standard = protocol == LINE_TIC;
    unsigned sum = 0;

    for (const char *p = body; *p; p++)
        sum += (unsigned char)*p;
    sum += standard ? '\t' : 0;
    sprintf(out + strlen(out), "\n%s%c%c\r", body, standard ? '\t' : ' ', (int)(sum & 0x3f) + 0x20);
}

static void frame(const char *const *groups)
{
    char out[2048] = "\x02";

    for (; *groups; groups++)
        group(out, *groups);
    strcat(out, "\x03");
    text(out);
}

static void a_historique_meter(void **state)
{
    (void)state;
    reads(LINE_TIC_HISTORIQUE, "tic/historique_hc_frame.tic");
    assert_int_equal(told.good, 1);
    counts("hchc", INT64_C(94939439000));
    counts("hchp", INT64_C(127970334000));
    counts("import", INT64_C(94939439000) + INT64_C(127970334000));
    shows("papp", 2160000);
    shows("31.7.0", 9000);
    assert_true(strstr(told.text, "PTEC HP..  \n") != NULL);
    assert_int_equal(told.values.unix_s, 0);
    assert_false(told.values.checked);
    reads(LINE_TIC_HISTORIQUE, "tic/linky_historique_bbr_capture.tic");
    assert_int_equal(told.good, 10);
    for (int r = 0; r < LINE_REFUSED_KINDS; r++)
        assert_int_equal(told.refused[r], 0);
    counts("bbrhpjr", 844115000);
    reads(LINE_TIC_HISTORIQUE, "tic/linky_historique_bbr_frame10.tic");
    counts("import", (INT64_C(18328721) + 23739545 + 1466099 + 2132883 + 860118 + 844115) * 1000);
}

static void a_lost_group_of_a_contract(void **state)
{
    (void)state;
    begin(LINE_TIC_HISTORIQUE);
    frame((const char *[]){"HCHC 000000100", "HCHP 000000200", NULL});
    counts("import", 300000);
    frame((const char *[]){"HCHP 000000200", "PAPP 00100", NULL});
    assert_int_equal(told.good, 2);
    assert_null(value("import", READING_COUNTER));
    char some[100] = "\x02";
    group(some, "HCHC 000000100");
    strcat(some, "\nHCHP 000000201 X\r\x03");
    text(some);
    assert_int_equal(told.refused[LINE_REFUSED_CRC], 1);
    assert_string_equal(told.refused_text, "HCHP 000000201 X");
    counts("hchc", 100000);
    assert_null(value("import", READING_COUNTER));
}

static void a_standard_meter(void **state)
{
    (void)state;
    begin(LINE_TIC);
    frame((const char *[]){"EAST\t011604109", "EASF01\t011604109", "EAIT\t000000012", "IRMS1\t004", "URMS1\t235",
                           "SINSTS\t00800", "SINSTI\t00000", "ERQ1\t000000007", NULL});
    counts("import", INT64_C(11604109000));
    counts("export", 12000);
    counts("easf01", INT64_C(11604109000));
    counts("erq1", 7000);
    shows("31.7.0", 4000);
    shows("32.7.0", 235000);
    shows("sinsts", 800000);
    shows("sinsti", 0);
}

/* What began before the line was opened is not held against it; the same later is. */
static void the_first_group_may_be_half(void **state)
{
    (void)state;
    begin(LINE_TIC_HISTORIQUE);
    text("P 000000200 X\r");
    assert_int_equal(told.refused[LINE_REFUSED_CRC] + told.refused[LINE_REFUSED_FORM], 0);
    frame((const char *[]){"BASE 000000100", NULL});
    counts("import", 100000);
    text("\nP 000000200 X\r");
    assert_int_equal(told.refused[LINE_REFUSED_CRC] + told.refused[LINE_REFUSED_FORM], 1);
    for (int i = 0; i < 300; i++)
        text("x");
    text("\r");
    assert_int_equal(told.refused[LINE_REFUSED_TOO_LONG], 1);
    assert_int_equal(strlen(told.refused_text), 300);
}

/* Never more than fits, whatever comes. */
static void text_without_an_end(void **state)
{
    (void)state;
    begin(LINE_TIC_HISTORIQUE);
    for (int i = 0; i < 3 * LINE_TEXT; i++)
        text("x");
    for (int i = 0; i < 3 * LINE_TEXT; i++)
        text("ADCO 1\r");
    frame((const char *[]){"BASE 000000100", NULL});
    assert_int_equal(told.good, 1);
    assert_true(strncmp(told.text, "BASE 000000100 ", 15) == 0 && strlen(told.text) == 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_belgian_meter, teardown),
        cmocka_unit_test_teardown(an_austrian_meter, teardown),
        cmocka_unit_test_teardown(a_meter_of_old_without_crc, teardown),
        cmocka_unit_test_teardown(a_lost_tariff_is_no_fall, teardown),
        cmocka_unit_test_teardown(devices_are_known_by_their_type, teardown),
        cmocka_unit_test_teardown(one_of_two_is_away, teardown),
        cmocka_unit_test_teardown(units_must_be_theirs, teardown),
        cmocka_unit_test_teardown(refusals_have_a_reason_and_a_text, teardown),
        cmocka_unit_test_teardown(in_pieces_as_whole, teardown),
        cmocka_unit_test_teardown(a_push_meter, teardown),
        cmocka_unit_test_teardown(a_meter_with_a_signed_sum, teardown),
        cmocka_unit_test_teardown(silence_ends_a_telegram, teardown),
        cmocka_unit_test_teardown(a_historique_meter, teardown),
        cmocka_unit_test_teardown(a_lost_group_of_a_contract, teardown),
        cmocka_unit_test_teardown(a_standard_meter, teardown),
        cmocka_unit_test_teardown(the_first_group_may_be_half, teardown),
        cmocka_unit_test_teardown(text_without_an_end, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
