#include "unit.h"

#include "core/line_mask.h"

#include <stdio.h>
#include <string.h>

static void becomes(const char *text, const char *expect)
{
    char copy[512];

    snprintf(copy, sizeof copy, "%s", text);
    line_mask(copy);
    assert_string_equal(copy, expect);
}

static void p1(void **state)
{
    (void)state;
    becomes("/FLU5\\253769484_A\n\n0-0:96.1.4(50213)\n0-0:96.1.1(3153414733313031303231363035)\n"
            "0-0:1.0.0(200512135409S)\n1-0:1.8.1(000000.034*kWh)\n0-0:96.14.0(0001)\n0-0:96.13.0(48454c4c4f)\n"
            "0-1:24.1.0(003)\n0-1:96.1.1(37464C4F)\n0-1:24.2.3(200512134558S)(00112.384*m3)\n0-2:96.1.1()\n!3AD7",
            "/FLU5\\*********_*\n\n0-0:96.1.4(*****)\n0-0:96.1.1(****************************)\n"
            "0-0:1.0.0(200512135409S)\n1-0:1.8.1(000000.034*kWh)\n0-0:96.14.0(0001)\n0-0:96.13.0(**********)\n"
            "0-1:24.1.0(003)\n0-1:96.1.1(********)\n0-1:24.2.3(200512134558S)(00112.384*m3)\n0-2:96.1.1()\n!3AD7");
    becomes("/ADN9 6534\n", "/ADN9 ****\n");
}

static void d0(void **state)
{
    (void)state;
    becomes("/EMH5\n0.0.0(01234567)1.8.0(000123.45*kWh)C.1.0(99)(77)2.8.0(1)\n1-0:0.0.0*255(ABC)\n!",
            "/EMH5\n0.0.0(********)1.8.0(000123.45*kWh)C.1.0(**)(**)2.8.0(1)\n1-0:0.0.0*255(***)\n!");
}

static void tic(void **state)
{
    (void)state;
    becomes(".\nADCO 031428097115 @\nBASE 001234567 X\nPRM\t14295224261882\tN\nADSCX\t1\tA\nMSG1\tPAS DE MESSAGE\t<",
            ".\nADCO ************ @\nBASE 001234567 X\nPRM\t**************\t*\nADSCX\t1\tA\nMSG1\t*** ** *******\t<");
}

/* Of damaged ones as much as can be told; nothing behind the end is touched. */
static void what_is_cut(void **state)
{
    char text[] = "0-0:96.1.1(314\0 5";

    (void)state;
    becomes("", "");
    becomes("/", "/");
    becomes("/FLU", "/FLU");
    becomes("(12", "(12");
    becomes("0-0:96.1.1", "0-0:96.1.1");
    becomes("96.1.0(1", "96.1.0(*");
    becomes("ADCO", "ADCO");
    line_mask(text);
    assert_memory_equal(text, "0-0:96.1.1(***\0 5", sizeof text);
}

static void idents(void **state)
{
    static const char *const cases[][2] = {
        {"FLU5\\253769484_A", "FLU5\\*********_*"}, {"KAM5", "KAM5"}, {"", ""}, {"EMH", "EMH"}};
    char ident[48];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(ident, sizeof ident, "%s", cases[i][0]);
        line_mask_ident(ident);
        assert_string_equal(ident, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p1),          cmocka_unit_test(d0),     cmocka_unit_test(tic),
        cmocka_unit_test(what_is_cut), cmocka_unit_test(idents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
