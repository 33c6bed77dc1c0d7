/* D0 telegrams (IEC 62056-21). */
#include "sim/tele_say.h"

#define STX 0x02
#define ETX 0x03

void tele_say_ident(const struct tele_kind *k, char speed, struct tele_text *t)
{
    static const struct {
        const char *maker, *meter;
    } idents[] = {
        [D0_PUSH] = {"ESY", "Q3DA1004 V3.04"}, [D0_EMH] = {"EMH", "----eHZ-E0018E"}, [D0_PULL] = {"ITR", "EM214"}};

    tele_say(t, "/%s%c%s\r\n", idents[k->variant].maker, speed, idents[k->variant].meter);
}

/* kWh of microjoules, with so many decimals. */
static void kwh(struct tele_text *t, int64_t uj, int whole, unsigned decimals)
{
    tele_say_number(t, uj / 360000, 7, whole, decimals);
}

static void push(const struct tele_now *now, const struct tele_says *says, struct tele_text *t)
{
    static const char *const phases[] = {"16.7.0", "36.7.0", "56.7.0", "76.7.0"};
    static const char *const volts[] = {"", "32.7.0", "52.7.0", "72.7.0"};

    tele_say(t, "\r\n1-0:0.0.0*255(1ESY11618%05u)\r\n1-0:1.8.0*255(", 10881 + says->swaps);
    kwh(t, now->import_uj, 8, 7);
    tele_say(t, "*kWh)\r\n1-0:2.8.0*255(");
    kwh(t, now->export_uj, 8, 7);
    tele_say(t, "*kWh)\r\n");
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        tele_say(t, "1-0:%s*255(", phases[i]);
        tele_say_number(t, now->mw[i], 3, 6, 2);
        tele_say(t, "*W)\r\n");
    }
    for (size_t i = 1; i < ARRAY_LEN(volts); i++) {
        tele_say(t, "1-0:%s*255(", volts[i]);
        tele_say_number(t, now->mv[i], 3, 3, 1);
        tele_say(t, "*V)\r\n");
    }
    tele_say(t, "1-0:14.7.0*255(");
    tele_say_number(t, now->mhz, 3, 2, 2);
    tele_say(t, "*Hz)\r\n1-0:96.5.5*255(80)\r\n0-0:96.1.255*255(1ESY1161810881)\r\n!\r\n");
}

static void emh(const struct tele_now *now, const struct tele_says *says, struct tele_text *t)
{
    tele_say(t, "\r\n1-0:0.0.0*255(331200-%07u)\r\n1-0:1.8.0*255(", 5009810 + says->swaps);
    kwh(t, now->import_uj, 6, 4);
    tele_say(t, ")\r\n1-0:2.8.0*255(");
    kwh(t, now->export_uj, 6, 4);
    tele_say(t, ")\r\n1-0:96.5.5*255(80)\r\n0-0:96.1.255*255(0000680476)\r\n!\r\n");
}

/* Several data sets on a line, older values beside the present ones. */
static void pull(const struct tele_now *now, const struct tele_says *says, struct tele_text *t)
{
    static const char *const amps[] = {"", "31.7.0", "51.7.0", "71.7.0"};
    unsigned char bcc = 0;

    tele_say(t, "%c", STX);
    size_t from = t->len; /* the check is of what is behind it */
    tele_say(t, "F.F(00000000)\r\n0.0.0(12400076700%05u)\r\n0.2.0(V01.69#EEA3546C)\r\n1.7.0(", 3202 + says->swaps);
    tele_say_number(t, now->mw[0] > 0 ? now->mw[0] : 0, 6, 2, 3);
    tele_say(t, "*kW)2.7.0(");
    tele_say_number(t, now->mw[0] < 0 ? -now->mw[0] : 0, 6, 2, 3);
    tele_say(t, "*kW)\r\n");
    for (int way = 0; way < TELE_WAYS; way++) {
        tele_say(t, "%d.8.1(", way + 1);
        tele_say_number(t, now->wh[way][TELE_DAY], 3, 6, 3);
        tele_say(t, "*kWh)%d.8.1*01(000012.345*kWh)\r\n%d.8.2(", way + 1, way + 1);
        tele_say_number(t, now->wh[way][TELE_NIGHT], 3, 6, 3);
        tele_say(t, "*kWh)\r\n");
    }
    for (size_t i = 1; i < ARRAY_LEN(amps); i++) {
        tele_say(t, "%s(+", amps[i]);
        tele_say_number(t, now->ma[i], 3, 3, 1);
        tele_say(t, "*A)\r\n");
    }
    tele_say(t, "C.1(53965555)\r\nC.8.1(024616.21*h)\r\n!\r\n%c", ETX);
    for (size_t i = from; i < t->len; i++)
        bcc ^= (unsigned char)t->bytes[i];
    t->bytes[t->len++] = (char)bcc;
}

/* What is behind the ident, of a meter that is asked for it. */
void tele_d0(const struct tele_kind *k, const struct tele_now *now, const struct tele_says *says, struct tele_text *t)
{
    if (k->variant == D0_PULL) {
        pull(now, says, t);
        return;
    }
    tele_say_ident(k, '5', t);
    if (k->variant == D0_PUSH)
        push(now, says, t);
    else
        emh(now, says, t);
}
