/* The conversation with a D0 meter that must be asked: modes A, B, C and E, echoes, meters that say nothing. */
#include "unit.h"

#include "core/d0_conv.h"

#include <stdio.h>
#include <string.h>

static struct d0_conv conv;
static char did[400]; /* what was done, in order */
static int64_t now;
static bool again;

static void say(const char *what, const char *more)
{
    size_t n = strlen(did);

    snprintf(did + n, sizeof did - n, "%s%s%s", n ? " " : "", what, more);
}

static void on_send(void *ctx, const void *bytes, size_t n)
{
    char shown[40] = "";

    assert_ptr_equal(ctx, &conv);
    for (size_t i = 0; i < n; i++) {
        char c = ((const char *)bytes)[i];
        snprintf(shown + strlen(shown), 8, c == '\r' ? "<" : c == '\n' ? ">" : c == 6 ? "^" : "%c", c);
    }
    say("send:", shown);
}

static void on_baud(void *ctx, int baud)
{
    char text[20];

    assert_ptr_equal(ctx, &conv);
    snprintf(text, sizeof text, "%d", baud);
    say("baud:", text);
}

static void on_ended(void *ctx, enum d0_conv_end end)
{
    static const char *const names[] = {"told", "no-ident", "no-data"};

    assert_ptr_equal(ctx, &conv);
    assert_false(d0_conv_busy(&conv));
    assert_int_equal(d0_conv_deadline(&conv), -1);
    say("end:", names[end]);
    if (again)
        d0_conv_start(&conv, now);
    again = false;
}

static const struct d0_conv_host host = {on_send, on_baud, on_ended};

static void begin(int most_baud)
{
    did[0] = '\0';
    now = 1000;
    d0_conv_init(&conv, &host, &conv, most_baud);
    d0_conv_start(&conv, now);
}

static void hears(const char *text)
{
    d0_conv_bytes(&conv, (const uint8_t *)text, strlen(text), now);
}

/* Time goes on; the conversation is called when it said. */
static void later(int64_t ms)
{
    int64_t end = now + ms;

    while (d0_conv_deadline(&conv) >= 0 && d0_conv_deadline(&conv) <= end) {
        now = d0_conv_deadline(&conv);
        d0_conv_tick(&conv, now);
    }
    now = end;
}

static void did_now(const char *what)
{
    assert_string_equal(did, what);
    did[0] = '\0';
}

static void mode_c_changes_the_speed_once_our_answer_is_sent(void **state)
{
    (void)state;
    begin(19200);
    did_now("baud:300 send:/?!<>");
    later(800);
    hears("/ELS5\\@V9.30 \r");
    did_now("");
    hears("\n");
    did_now("send:^050<>");
    later(199); /* six characters at 300 baud take 200 ms */
    did_now("");
    later(30);
    did_now("baud:9600");
    hears("\x02"
          "1.8.0(000285.4*kWh)\r\n");
    later(1400);
    hears("!\r\n\x03L");
    did_now("");
    later(300);
    did_now("end:told");
    assert_false(d0_conv_busy(&conv));
}

static void each_speed_of_modes_c_and_b(void **state)
{
    static const struct {
        char z;
        const char *does;
    } cases[] = {
        {'0', "send:^000<>"},
        {'1', "send:^010<> baud:600"},
        {'2', "send:^020<> baud:1200"},
        {'3', "send:^030<> baud:2400"},
        {'4', "send:^040<> baud:4800"},
        {'5', "send:^050<> baud:9600"},
        {'6', "send:^060<> baud:19200"},
        {'7', "send:^000<>"},
        {'9', "send:^000<>"},
        {'A', "baud:600"},
        {'E', "baud:9600"},
        {'F', "baud:19200"},
        {'G', ""},
        {' ', ""},
        {'z', ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char ident[] = "/XYZ?meter\r\n";
        ident[4] = cases[i].z;
        begin(19200);
        did_now("baud:300 send:/?!<>");
        hears(ident);
        later(250);
        did_now(cases[i].does);
        hears("1.8.0(1*kWh)\r\n!\r\n");
        later(300);
        did_now("end:told");
    }
}

/* An optical head sends back what we say; the speed changes as soon as all of our answer is back. */
static void echoes_are_passed_over(void **state)
{
    (void)state;
    begin(19200);
    hears("/?!\r\n");
    did_now("baud:300 send:/?!<>");
    hears("\x7f\x01/ITR5EM214\r\n");
    did_now("send:^050<>");
    later(150);
    hears("\x06"
          "050\r\n");
    did_now("baud:9600");
    later(2400);
    hears("1");
    did_now("");
    later(1500);
    did_now("end:no-data");
}

static void parity_bits_do_not_matter(void **state)
{
    (void)state;
    begin(19200);
    hears("\xaf"
          "ELS\xb5"
          "x\x8d\x0a");
    did_now("baud:300 send:/?!<> send:^050<>");
}

static void a_meter_that_does_not_answer(void **state)
{
    (void)state;
    begin(19200);
    hears("/?!\r\nnoise\r\n/EM\r\n");
    later(3499);
    did_now("baud:300 send:/?!<>");
    again = true;
    later(1);
    did_now("end:no-ident baud:300 send:/?!<>"); /* it may be started anew from there */
    assert_true(d0_conv_busy(&conv));
    hears("/EMH5\r\n");
    later(220 + 2500);
    did_now("send:^050<> baud:9600 end:no-data");
    for (int e = 0; e < D0_CONV_ENDS; e++)
        assert_true((*d0_conv_words((enum d0_conv_end)e) == '\0') == (e == D0_CONV_TOLD));
}

/* "!" is not always alone on its line: silence ends it then. */
static void data_without_an_end(void **state)
{
    (void)state;
    begin(19200);
    hears("/EMH 2wr\r\n1.8.0(00123*kWh)!");
    later(1499);
    did_now("baud:300 send:/?!<>");
    later(1);
    did_now("end:told");
}

/* A head that is not quick enough; over TCP nobody changes the speed, and the meter is asked to stay. */
static void a_line_that_is_slower_than_the_meter(void **state)
{
    (void)state;
    begin(4800);
    hears("/ELS6x\r\n");
    later(220);
    did_now("baud:300 send:/?!<> send:^040<> baud:4800");
    begin(300);
    hears("/ELS5x\r\n");
    later(220);
    hears("1.8.0(1*kWh)\r\n!\r\n");
    later(300);
    did_now("baud:300 send:/?!<> send:^000<> end:told");
}

static void who_stops_hears_no_more(void **state)
{
    (void)state;
    begin(19200);
    hears("/ELS5x\r\n");
    d0_conv_stop(&conv);
    did_now("baud:300 send:/?!<> send:^050<>");
    hears("1.8.0(1*kWh)\r\n!\r\n");
    later(100000);
    did_now("");
    assert_false(d0_conv_busy(&conv));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mode_c_changes_the_speed_once_our_answer_is_sent),
        cmocka_unit_test(each_speed_of_modes_c_and_b),
        cmocka_unit_test(echoes_are_passed_over),
        cmocka_unit_test(parity_bits_do_not_matter),
        cmocka_unit_test(a_meter_that_does_not_answer),
        cmocka_unit_test(data_without_an_end),
        cmocka_unit_test(a_line_that_is_slower_than_the_meter),
        cmocka_unit_test(who_stops_hears_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
