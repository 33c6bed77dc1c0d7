#include "unit.h"

#include "sim/tele_say.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- checks and stamps ---- */

/* Of a telegram that a meter in the field sent. */
static void the_crc_is_a_meters_own(void **state)
{
    static char text[8192];

    (void)state;
    FILE *f = fopen("test/vectors/p1/be_FLU5-253769484-A_200512_1.p1", "rb");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *end = strrchr(text, '!');
    assert_non_null(end);
    assert_memory_equal(end, "!3AD7", 5);
    assert_int_equal(tele_crc16(text, (size_t)(end - text) + 1), 0x3AD7);
}

/* Summer time of 2016 ended on 30 October at 01:00 UTC, that of 2021 began on 28 March; of 2015 the months end on their
 * last Sundays' eves. */
static void stamps_turn_with_summer_time(void **state)
{
    static const struct {
        int64_t unix_s;
        const char *stamp, *winter;
    } cases[] = {
        {1477789199, "161030025959S", "161030015959W"}, {1477789200, "161030020000W", "161030020000W"},
        {1616893199, "210328015959W", "210328015959W"}, {1616893200, "210328030000S", "210328020000W"},
        {1445734800, "151025020000W", "151025020000W"}, {1445734799, "151025025959S", "151025015959W"},
        {1427590800, "150329030000S", "150329020000W"}, {951782400, "000229010000W", "000229010000W"},
    };
    char out[TELE_STAMP];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        tele_stamp(cases[i].unix_s, false, out);
        assert_string_equal(out, cases[i].stamp);
        tele_stamp(cases[i].unix_s, true, out);
        assert_string_equal(out, cases[i].winter);
    }
}

static void numbers_have_their_digits(void **state)
{
    static const struct {
        int64_t v;
        unsigned v_decimals;
        int whole;
        unsigned decimals;
        const char *text;
    } cases[] = {
        {34, 3, 6, 3, "000000.034"},
        {1247747, 3, 6, 3, "001247.747"},
        {193, 3, 2, 3, "00.193"},
        {234799, 3, 3, 1, "234.7"},
        {999, 3, 3, 0, "000"},
        {134904, 0, 9, 0, "000134904"},
        {-3455000, 3, 6, 2, "-003455.00"},
        {521857825309, 7, 8, 7, "00052185.7825309"},
        {7, 0, 2, 3, "07.000"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tele_text t = {0};
        tele_say_number(&t, cases[i].v, cases[i].v_decimals, cases[i].whole, cases[i].decimals);
        t.bytes[t.len] = '\0';
        assert_string_equal(t.bytes, cases[i].text);
    }
}

/* ---- telegrams ---- */

static const char *said(const char *protocol, const char *name, const struct tele_now *now)
{
    static struct tele_text t;
    const struct tele_says says = {.gas_channel = 1};
    const struct tele_kind *k = tele_kind_find(protocol, name);

    assert_non_null(k);
    t.len = 0;
    k->write(k, now, &says, &t);
    assert_true(t.len < sizeof t.bytes);
    t.bytes[t.len] = '\0';
    assert_int_equal(strlen(t.bytes), t.len);
    return t.bytes;
}

/* Groups as meters sent them (test/vectors/tic; those of standard mode: openHAB's capture of a Linky). */
static void groups_have_the_meters_checks(void **state)
{
    static const char *const historique[] = {
        "\nADCO 050022120078 2\r", "\nOPTARIF HC.. <\r", "\nISOUSC 45 ?\r",       "\nPTEC HP..  \r",
        "\nIMAX 049 L\r",          "\nHHPHC E 0\r",      "\nMOTDETAT 400000 F\r", "\nHCHC 094939439 8\r",
        "\nHCHP 127970334 7\r",    "\nIINST 009  \r",    "\nPAPP 02160 *\r",
    };
    static const char *const standard[] = {
        "\nVTIC\t02\tJ\r",
        "\nEAST\t011604109\t%\r",
        "\nEASF01\t002741488\tD\r",
        "\nEASF07\t000000000\t(\r",
        "\nPREF\t18\tH\r",
        "\nPCOUP\t18\t\"\r",
        "\nSTGE\t013A0501\t@\r",
        "\nEAIT\t000671631\t]\r",
        "\nURMS1\t234\tC\r",
        "\nIRMS2\t002\t1\r",
        "\nPRM\t12345678901234\t8\r",
        "\nRELAIS\t000\tB\r",
        "\nNJOURF+1\t00\tB\r",
        "\nSINSTS2\t00531\tA\r",
        "\nMSG1\tPAS DE          MESSAGE         \t<\r",
        "\nPJOURF+1\t00004001 06004002 22004001 NONUTILE NONUTILE NONUTILE NONUTILE NONUTILE NONUTILE NONUTILE "
        "NONUTILE\t.\r",
    };
    struct tele_now now = {.unix_s = 1618381585, .day = true};

    (void)state;
    now.wh[TELE_IMPORT][TELE_NIGHT] = 94939439;
    now.wh[TELE_IMPORT][TELE_DAY] = 127970334;
    now.ma[0] = 9000;
    now.mva[0] = 2160000;
    for (size_t i = 0; i < ARRAY_LEN(historique); i++)
        assert_non_null(strstr(said("tic-historique", "hc", &now), historique[i]));
    now.wh[TELE_IMPORT][TELE_NIGHT] = 2741488;
    now.wh[TELE_IMPORT][TELE_WHOLE] = 11604109;
    now.wh[TELE_EXPORT][TELE_WHOLE] = 671631;
    now.mv[1] = 234000;
    now.ma[2] = 2000;
    now.mva[2] = 531000;
    for (size_t i = 0; i < ARRAY_LEN(standard); i++)
        assert_non_null(strstr(said("tic", "tri", &now), standard[i]));
    assert_non_null(strstr(said("tic", "tri", &now), "\nDATE\tE210414082625\t\tA\r"));
}

/* Its values in the places where the paper's example has them. */
static void a_belgian_telegram_is_eMUCS(void **state)
{
    struct tele_now now = {.unix_s = 1589284449, .day = true, .peak_s = 1589024758, .peak_w = 2589, .quarter_w = 2351};

    (void)state;
    now.wh[TELE_IMPORT][TELE_DAY] = 34;
    now.wh[TELE_IMPORT][TELE_NIGHT] = 15758;
    now.wh[TELE_EXPORT][TELE_NIGHT] = 11;
    now.mv[1] = 234700;
    now.litres[TELE_GAS] = 112384;
    now.litres[TELE_WATER] = 872234;
    now.litres_s[TELE_GAS] = now.litres_s[TELE_WATER] = 1589287558;
    const char *text = said("p1", "be", &now);
    static const char *const lines[] = {
        "/FLU5\\253769484_A\r\n\r\n",
        "\n0-0:1.0.0(200512135409S)\r\n",
        "\n1-0:1.8.1(000000.034*kWh)\r\n",
        "\n1-0:1.8.2(000015.758*kWh)\r\n",
        "\n1-0:2.8.2(000000.011*kWh)\r\n",
        "\n1-0:1.4.0(02.351*kW)\r\n",
        "\n1-0:1.6.0(200509134558S)(02.589*kW)\r\n",
        "\n1-0:32.7.0(234.7*V)\r\n",
        "\n0-1:24.1.0(003)\r\n",
        "\n0-1:24.2.3(200512144558S)(00112.384*m3)\r\n",
        "\n0-3:24.1.0(007)\r\n",
        "\n0-3:24.2.1(200512144558S)(00872.234*m3)\r\n",
        "\n0-0:96.14.0(0001)\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        if (!strstr(text, lines[i]))
            fail_msg("%s is not in %s", lines[i], text);
}

static void each_kind_is_found(void **state)
{
    (void)state;
    assert_string_equal(tele_kind_find("p1", NULL)->name, "be");
    assert_string_equal(tele_kind_find("tic", NULL)->name, "tri");
    assert_int_equal(tele_kind_find("p1", "dsmr2")->baud, 9600);
    assert_int_equal(tele_kind_find("tic-historique", "tri")->baud, 1200);
    assert_null(tele_kind_find("p1", "tri"));
    assert_null(tele_kind_find("sml", NULL));
}

/* ---- what is measured ---- */

/* A steady load draws 1800 W: a quarter of an hour of it is the peak, the one in whose midst it began is none. */
static void the_peak_is_of_whole_quarters(void **state)
{
    struct tele_meter m;
    struct tele_now now;
    const struct board_input in = {.flow = {.clamp_w = {1800, 0, 0}, .flow_ml = {150, 420}}};
    const int64_t start = 1589284800 + 300; /* five minutes into a quarter */

    (void)state;
    tele_meter_init(&m, 1, 0, 300);
    tele_meter_run(&m, 0, &in);
    for (int64_t s = start; s <= start + 600 + 900; s++) {
        tele_meter_second(&m, s, 43200, &now);
        if (s < start + 600 + 900)
            assert_int_equal(now.peak_s, 0);
        tele_meter_run(&m, 1000, &in);
    }
    assert_int_equal(now.peak_w, 1800);
    assert_int_equal(now.peak_s, start + 600 + 900);
    assert_int_equal(now.quarter_w, 0);
    assert_int_equal(now.mw[0], 1800000);
    assert_int_equal(now.wh[TELE_IMPORT][TELE_WHOLE], 4321098 + 5432109 + 1800 * 1500 / 3600);
    /* Read each five minutes: the last time just now, when 1500 s had flowed. */
    assert_int_equal(now.litres[TELE_GAS], 2345678 + 1500 * 420 / 1000);
    assert_int_equal(now.litres[TELE_WATER], 456789 + 1500 * 150 / 1000);
    assert_int_equal(now.litres_s[TELE_GAS], start + 1500);
}

/* What it keeps in a file it has again; half of it changes nothing. */
static void counters_are_kept(void **state)
{
    struct tele_meter m, other;
    const struct board_input in = {.second = 3600, .flow = {.clamp_w = {2000, 5000, 0}, .flow_ml = {7, 9}}};
    char *text = NULL;
    size_t len = 0;

    (void)state;
    tele_meter_init(&m, 1, 3, 300);
    tele_meter_run(&m, 987654, &in);
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    tele_meter_keep(&m, out);
    fclose(out);
    tele_meter_init(&other, 1, 3, 300);
    assert_true(tele_meter_restore(&other, text));
    for (int e = 0; e < METER_ENERGIES; e++) {
        assert_int_equal(other.at.uj[e][0], m.at.uj[e][0]);
        for (int tariff = 4; tariff <= 5; tariff++)
            assert_int_equal(other.at.uj[e][tariff], m.at.uj[e][tariff]);
    }
    assert_memory_equal(other.quadrant_uj, m.quadrant_uj, sizeof m.quadrant_uj);
    assert_memory_equal(other.ul, m.ul, sizeof m.ul);
    tele_meter_init(&other, 1, 3, 300);
    text[strlen(text) / 2] = '\0';
    assert_false(tele_meter_restore(&other, text));
    assert_int_equal(other.at.uj[ENERGY_IMPORT][0], (4321098 + 5432109 + 2 * 333333) * INT64_C(3600000000));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_crc_is_a_meters_own),       cmocka_unit_test(stamps_turn_with_summer_time),
        cmocka_unit_test(numbers_have_their_digits),     cmocka_unit_test(groups_have_the_meters_checks),
        cmocka_unit_test(a_belgian_telegram_is_eMUCS),   cmocka_unit_test(each_kind_is_found),
        cmocka_unit_test(the_peak_is_of_whole_quarters), cmocka_unit_test(counters_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
