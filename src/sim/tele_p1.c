/* P1 telegrams. */
#include <inttypes.h>

#include "sim/tele_say.h"

enum {
    CLOCK = 1,     /* 1.0.0 */
    WINTER = 2,    /* it knows no summer time */
    TARIFFS = 4,   /* 1.8.1, 1.8.2 … */
    TOTALS = 8,    /* 1.8.0 … */
    REACTIVE = 16, /* 3.8.0 … */
    PHASES = 32,   /* power of each phase */
    VOLTS = 64,
    PEAK = 128,
    FREQUENCY = 256,
    LOG = 512,    /* failures of power, and how often voltage sagged */
    DUTCH = 1024, /* tariff 1 is the low one */
};

static const struct form {
    const char *ident, *version;
    unsigned has;
    int kwh, kw;          /* digits before the point; 0: whole Wh and W */
    unsigned kw_decimals; /* kWh have three */
    int amps;             /* digits before the point; 0: none */
    unsigned amps_decimals;
    const char *varh, *var;
    const char *gas;  /* the code's last part; "24.3.0": value on the next line; NULL: no M-Bus */
    bool water, dead; /* on channel 3; channel 4 is unassigned */
    const char *serial;
} forms[] = {
    [P1_DSMR2] = {"ISk5\\2MT382-1003", NULL, TARIFFS | DUTCH, 5, 4, 2, 0, 0, NULL, NULL, "24.3.0", false, false,
                  "96.1.0"},
    [P1_DSMR4] = {"KFM5KAIFA-METER", "1-3:0.2.8(42)", CLOCK | TARIFFS | PHASES | LOG | DUTCH, 6, 2, 3, 3, 0, NULL, NULL,
                  "24.2.1", false, false, "96.1.0"},
    [P1_DSMR5] = {"ISK5\\2M550T-1012", "1-3:0.2.8(50)", CLOCK | TARIFFS | PHASES | VOLTS | LOG | DUTCH, 6, 2, 3, 3, 0,
                  NULL, NULL, "24.2.1", false, true, "96.1.0"},
    [P1_BE] = {"FLU5\\253769484_A", "0-0:96.1.4(50217)", CLOCK | TARIFFS | PHASES | VOLTS | PEAK, 6, 2, 3, 3, 2, NULL,
               NULL, "24.2.3", true, false, "96.1.1"},
    [P1_LU] = {"Lux5\\253663629_D", "1-3:0.2.8(42)", CLOCK | TOTALS | REACTIVE | LOG, 6, 2, 3, 3, 0, "kvarh", NULL,
               "24.2.1", false, true, "96.1.0"},
    [P1_SE] = {"ELL5\\253833635_A", NULL, CLOCK | WINTER | TOTALS | REACTIVE | PHASES | VOLTS, 8, 4, 3, 3, 1, "kvarh",
               "kvar", NULL, false, false, "96.1.0"},
    [P1_AT] = {"EST5\\253710000_A", "1-3:0.2.8(50)", CLOCK | TARIFFS | TOTALS | REACTIVE, 0, 0, 0, 0, 0, "varh", "var",
               NULL, false, false, "96.1.0"},
    [P1_HU] = {"AUX59902759052", NULL, CLOCK | TARIFFS | TOTALS | REACTIVE | VOLTS | FREQUENCY, 6, 2, 3, 3, 0, "kvarh",
               "kvar", NULL, false, false, "96.1.0"},
};

#define WH_DIGITS 9 /* of whole Wh and W */

/* An energy of Wh. */
static void energy(struct tele_text *t, const struct form *f, const char *code, int64_t wh, const char *unit)
{
    tele_say(t, "1-0:%s(", code);
    if (f->kwh)
        tele_say_number(t, wh, 3, f->kwh, 3);
    else
        tele_say_number(t, wh, 0, WH_DIGITS, 0);
    tele_say(t, "*%s)\r\n", unit);
}

/* A power of milliwatts; none of the other direction's. unit NULL: that meter leaves it out. */
static void power(struct tele_text *t, const struct form *f, const char *code, int64_t mw, const char *unit)
{
    tele_say(t, "1-0:%s(", code);
    if (f->kw)
        tele_say_number(t, mw > 0 ? mw : 0, 6, f->kw, f->kw_decimals);
    else
        tele_say_number(t, mw > 0 ? mw : 0, 3, WH_DIGITS, 0);
    tele_say(t, unit ? "*%s)\r\n" : ")\r\n", unit);
}

static void counters(struct tele_text *t, const struct form *f, const struct tele_now *now)
{
    static const char *const codes[TELE_WAYS][TELE_TARIFFS] = {{"1.8.0", "1.8.1", "1.8.2"},
                                                               {"2.8.0", "2.8.1", "2.8.2"}};
    static const char *const reactive[TELE_WAYS] = {"3.8.0", "4.8.0"};
    const char *unit = f->kwh ? "kWh" : "Wh";
    unsigned first = f->has & DUTCH ? TELE_NIGHT : TELE_DAY;

    for (int way = 0; way < TELE_WAYS; way++) {
        if (f->has & TOTALS)
            energy(t, f, codes[way][0], now->wh[way][TELE_WHOLE], unit);
        if (!(f->has & TARIFFS))
            continue;
        energy(t, f, codes[way][1], now->wh[way][first], unit);
        energy(t, f, codes[way][2], now->wh[way][TELE_DAY + TELE_NIGHT - first], unit);
    }
    for (int way = 0; way < TELE_WAYS && f->has & REACTIVE; way++)
        energy(t, f, reactive[way], now->varh[way][TELE_WHOLE], f->varh);
}

static void stamp(struct tele_text *t, const struct form *f, int64_t unix_s)
{
    char text[TELE_STAMP];

    tele_stamp(unix_s, f->has & WINTER, text);
    tele_say(t, "(%s)", text);
}

static void peak(struct tele_text *t, const struct form *f, const struct tele_now *now)
{
    int64_t w = now->peak_s ? now->peak_w : 0;

    power(t, f, "1.4.0", now->quarter_w * 1000, "kW");
    tele_say(t, "1-0:1.6.0");
    stamp(t, f, now->peak_s ? now->peak_s : now->unix_s / TELE_QUARTER_S * TELE_QUARTER_S);
    tele_say(t, "(%02" PRId64 ".%03" PRId64 "*kW)\r\n", w / 1000, w % 1000);
    tele_say(t, "0-0:98.1.0(2)(1-0:1.6.0)(1-0:1.6.0)(200501000000S)(200423192538S)(03.695*kW)(200401000000S)"
                "(200305122139S)(05.980*kW)\r\n");
}

static void powers(struct tele_text *t, const struct form *f, const struct tele_now *now)
{
    static const char *const codes[TELE_WAYS][MAINS_PHASES] = {{"21.7.0", "41.7.0", "61.7.0"},
                                                               {"22.7.0", "42.7.0", "62.7.0"}};
    const char *unit = f->kw ? "kW" : "W";

    power(t, f, "1.7.0", now->mw[0], unit);
    power(t, f, "2.7.0", -now->mw[0], unit);
    if (f->has & REACTIVE) {
        power(t, f, "3.7.0", now->mvar[0], f->var);
        power(t, f, "4.7.0", -now->mvar[0], f->var);
    }
    for (int way = 0; way < TELE_WAYS && f->has & PHASES; way++)
        for (int i = 0; i < MAINS_PHASES; i++)
            power(t, f, codes[way][i], way == TELE_IMPORT ? now->mw[i + 1] : -now->mw[i + 1], unit);
}

static void mains(struct tele_text *t, const struct form *f, const struct tele_now *now)
{
    static const char *const volts[MAINS_PHASES] = {"32.7.0", "52.7.0", "72.7.0"};
    static const char *const amps[MAINS_PHASES] = {"31.7.0", "51.7.0", "71.7.0"};

    for (int i = 0; i < MAINS_PHASES && f->has & VOLTS; i++) {
        tele_say(t, "1-0:%s(", volts[i]);
        tele_say_number(t, now->mv[i + 1], 3, 3, 1);
        tele_say(t, "*V)\r\n");
    }
    for (int i = 0; i < MAINS_PHASES && f->amps; i++) {
        tele_say(t, "1-0:%s(", amps[i]);
        tele_say_number(t, now->ma[i + 1], 3, f->amps, f->amps_decimals);
        tele_say(t, "*A)\r\n");
    }
    if (f->has & FREQUENCY) {
        tele_say(t, "1-0:14.7.0(");
        tele_say_number(t, now->mhz, 3, 2, 2);
        tele_say(t, "*Hz)\r\n");
    }
}

/* Cubic metres with three decimals. */
static void cubic(struct tele_text *t, int64_t litres)
{
    tele_say_number(t, litres, 3, 5, 3);
}

static void gas(struct tele_text *t, const struct form *f, const struct tele_now *now, unsigned channel)
{
    char when[TELE_STAMP];

    tele_say(t, "0-%u:24.1.0(%s)\r\n", channel, f->has & CLOCK ? "003" : "3");
    tele_say(t, "0-%u:%s(4730303339303031363532303530323136)\r\n", channel, f->serial);
    if (f->has & CLOCK) {
        tele_say(t, "0-%u:%s", channel, f->gas);
        stamp(t, f, now->litres_s[TELE_GAS]);
        tele_say(t, "(");
        cubic(t, now->litres[TELE_GAS]);
        tele_say(t, "*m3)\r\n");
        return;
    }
    tele_stamp(now->litres_s[TELE_GAS], false, when);
    tele_say(t, "0-%u:24.3.0(%.12s)(00)(60)(1)(0-%u:24.2.1)(m3)\r\n(", channel, when, channel);
    cubic(t, now->litres[TELE_GAS]);
    tele_say(t, ")\r\n0-%u:24.4.0(1)\r\n", channel);
}

/* A channel to which nothing is assigned any more stays in the telegram. */
static void dead(struct tele_text *t, const struct form *f, unsigned channel, bool typed)
{
    if (typed)
        tele_say(t, "0-%u:24.1.0(003)\r\n", channel);
    tele_say(t, "0-%u:%s()\r\n0-%u:24.2.1(700101010000W)(00000000)\r\n", channel, f->serial, channel);
}

static void mbus(struct tele_text *t, const struct form *f, const struct tele_now *now, const struct tele_says *says)
{
    if (!f->gas)
        return;
    if (says->gas_channel == 2)
        dead(t, f, 1, true); /* where the one before was */
    if (says->gas_channel)
        gas(t, f, now, says->gas_channel);
    if (f->water) {
        tele_say(t, "0-3:24.1.0(007)\r\n0-3:%s(3853414731323334353637383930)\r\n0-3:24.2.1", f->serial);
        stamp(t, f, now->litres_s[TELE_WATER]);
        tele_say(t, "(");
        cubic(t, now->litres[TELE_WATER]);
        tele_say(t, "*m3)\r\n");
    }
    if (f->dead)
        dead(t, f, 4, false);
}

static void head(struct tele_text *t, const struct form *f, const struct tele_now *now, const struct tele_says *says)
{
    tele_say(t, "/%s\r\n\r\n", f->ident);
    if (f->version)
        tele_say(t, "%s\r\n", f->version);
    if (f->has & CLOCK) {
        tele_say(t, "0-0:1.0.0");
        if (says->clock_unset)
            tele_say(t, "(000101010000W)");
        else
            stamp(t, f, now->unix_s);
        tele_say(t, "\r\n");
    }
    tele_say(t, "0-0:96.1.1(453030343030303639303333313239%02X)\r\n", 0x31 + says->swaps % 9);
}

void tele_p1(const struct tele_kind *k, const struct tele_now *now, const struct tele_says *says, struct tele_text *t)
{
    const struct form *f = &forms[k->variant];

    head(t, f, now, says);
    counters(t, f, now);
    if (f->has & PEAK)
        peak(t, f, now);
    tele_say(t, "0-0:96.14.0(000%d)\r\n", now->day == !(f->has & DUTCH) ? 1 : 2);
    powers(t, f, now);
    if (f->has & LOG)
        tele_say(t, "0-0:96.7.21(00015)\r\n0-0:96.7.9(00007)\r\n1-0:99.97.0(2)(0-0:96.7.19)(000104180320W)"
                    "(0000237126*s)(000101000001W)(2147483647*s)\r\n1-0:32.32.0(00000)\r\n1-0:32.36.0(00000)\r\n");
    mains(t, f, now);
    tele_say(t, "0-0:17.0.0(999.9*kW)\r\n0-0:96.3.10(1)\r\n0-0:96.13.0()\r\n");
    mbus(t, f, now, says);
    tele_say(t, "!");
    if (k->sure)
        tele_say(t, "%04X", tele_crc16(t->bytes, t->len));
    tele_say(t, "\r\n");
}
