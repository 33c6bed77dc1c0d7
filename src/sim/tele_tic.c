/* TIC frames (Enedis-NOI-CPT_02E historique, _54E standard). */
#include <inttypes.h>
#include <string.h>

#include "sim/tele_say.h"

#define STX 0x02
#define ETX 0x03

#define STAMP_FORM 14 /* "H210414082625" */

/* A group; stamp NULL: it has none. The sum is over label to data, of standard with the separator behind it. */
static void group(struct tele_text *t, bool standard, const char *label, const char *stamp, const char *data)
{
    char sep = standard ? '\t' : ' ';
    unsigned sum = 0;

    tele_say(t, "\n");
    size_t from = t->len;
    tele_say(t, "%s%c", label, sep);
    if (stamp)
        tele_say(t, "%s%c", stamp, sep);
    tele_say(t, "%s%c", data, sep);
    for (size_t i = from; i < t->len - !standard; i++)
        sum += (unsigned char)t->bytes[i];
    tele_say(t, "%c\r", (int)((sum & 0x3f) + 0x20));
}

static void number(struct tele_text *t, bool standard, const char *label, int64_t v, int digits)
{
    char data[24];

    snprintf(data, sizeof data, "%0*" PRId64, digits, v);
    group(t, standard, label, NULL, data);
}

/* Season and local time; of a clock that was not set in lower case, as the paper has it. */
static void season_stamp(const struct tele_now *now, const struct tele_says *says, char out[STAMP_FORM])
{
    char stamp[TELE_STAMP];

    tele_stamp(now->unix_s, false, stamp);
    snprintf(out, STAMP_FORM, "%c%.12s", stamp[TELE_STAMP - 2] == 'S' ? 'E' : 'H', stamp);
    if (says->clock_unset)
        snprintf(out, STAMP_FORM, "%c000101000000", out[0] == 'E' ? 'e' : 'h');
}

/* VA of which the connection draws, or gives. */
static int64_t drawn_va(const struct tele_now *now, unsigned phase)
{
    return now->mw[phase] >= 0 ? now->mva[phase] / 1000 : 0;
}

static int64_t amps(const struct tele_now *now, unsigned phase)
{
    return (now->ma[phase] + 500) / 1000;
}

static void standard_energies(struct tele_text *t, const struct tele_now *now)
{
    static const char *const zero[] = {"EASF03", "EASF04", "EASF05", "EASF06", "EASF07", "EASF08", "EASF09", "EASF10"};
    static const char *const quadrants[] = {"ERQ1", "ERQ2", "ERQ3", "ERQ4"};

    number(t, true, "EAST", now->wh[TELE_IMPORT][TELE_WHOLE], 9);
    number(t, true, "EASF01", now->wh[TELE_IMPORT][TELE_NIGHT], 9);
    number(t, true, "EASF02", now->wh[TELE_IMPORT][TELE_DAY], 9);
    for (size_t i = 0; i < ARRAY_LEN(zero); i++)
        number(t, true, zero[i], 0, 9);
    number(t, true, "EASD01", now->wh[TELE_IMPORT][TELE_WHOLE], 9);
    number(t, true, "EASD02", 0, 9);
    number(t, true, "EASD03", 0, 9);
    number(t, true, "EASD04", 0, 9);
    number(t, true, "EAIT", now->wh[TELE_EXPORT][TELE_WHOLE], 9);
    for (size_t i = 0; i < ARRAY_LEN(quadrants); i++)
        number(t, true, quadrants[i], now->quadrant_varh[i], 9);
}

static void standard_mains(struct tele_text *t, const struct tele_now *now, int phases, const char *stamp)
{
    static const char *const irms[] = {"IRMS1", "IRMS2", "IRMS3"}, *const urms[] = {"URMS1", "URMS2", "URMS3"};
    static const char *const sinsts[] = {"SINSTS1", "SINSTS2", "SINSTS3"};

    for (int i = 0; i < phases; i++)
        number(t, true, irms[i], amps(now, phases == 1 ? 0 : i + 1u), 3);
    for (int i = 0; i < phases; i++)
        number(t, true, urms[i], (now->mv[i + 1] + 500) / 1000, 3);
    number(t, true, "PREF", 18, 2);
    number(t, true, "PCOUP", 18, 2);
    number(t, true, "SINSTS", drawn_va(now, 0), 5);
    for (int i = 0; i < phases && phases > 1; i++)
        number(t, true, sinsts[i], drawn_va(now, i + 1u), 5);
    group(t, true, "SMAXSN", stamp, "02636");
    number(t, true, "SINSTI", now->mw[0] < 0 ? now->mva[0] / 1000 : 0, 5);
    group(t, true, "CCASN", stamp, "00806");
    group(t, true, "UMOY1", stamp, "230");
}

static void standard(const struct tele_now *now, const struct tele_says *says, int phases, struct tele_text *t)
{
    char stamp[STAMP_FORM];

    season_stamp(now, says, stamp);
    number(t, true, "ADSC", 41876097767 + says->swaps, 12);
    group(t, true, "VTIC", NULL, "02");
    group(t, true, "DATE", stamp, "");
    group(t, true, "NGTF", NULL, "H PLEINE/CREUSE ");
    group(t, true, "LTARF", NULL, now->day ? "  HEURE  PLEINE " : "  HEURE  CREUSE ");
    standard_energies(t, now);
    standard_mains(t, now, phases, stamp);
    group(t, true, "STGE", NULL, "013A0501");
    group(t, true, "MSG1", NULL, "PAS DE          MESSAGE         ");
    group(t, true, "PRM", NULL, "12345678901234");
    group(t, true, "RELAIS", NULL, "000");
    group(t, true, "NTARF", NULL, now->day ? "02" : "01");
    group(t, true, "NJOURF", NULL, "00");
    group(t, true, "NJOURF+1", NULL, "00");
    group(t, true, "PJOURF+1", NULL,
          "00004001 06004002 22004001 NONUTILE NONUTILE NONUTILE NONUTILE NONUTILE NONUTILE NONUTILE NONUTILE");
}

/* What a tariff is called, its counters by night and by day (NULL: one counter), and what it says now. */
static const struct option {
    const char *name, *night, *day, *now_night, *now_day;
} options[] = {
    [TIC_HC] = {"HC..", "HCHC", "HCHP", "HC..", "HP.."},
    [TIC_BASE] = {"BASE", NULL, "BASE", "TH..", "TH.."},
    [TIC_TEMPO] = {"BBR(", "BBRHCJB", "BBRHPJB", "HCJB", "HPJB"},
    [TIC_EJP] = {"EJP.", "EJPHN", "EJPHPM", "HN..", "PM.."},
    [TIC_HC_TRI] = {"HC..", "HCHC", "HCHP", "HC..", "HP.."},
};

static void historique_energies(struct tele_text *t, const struct option *o, const struct tele_now *now, bool tempo)
{
    static const char *const other[] = {"BBRHCJW", "BBRHPJW", "BBRHCJR", "BBRHPJR"};

    if (!o->night) {
        number(t, false, o->day, now->wh[TELE_IMPORT][TELE_WHOLE], 9);
        return;
    }
    number(t, false, o->night, now->wh[TELE_IMPORT][TELE_NIGHT], 9);
    number(t, false, o->day, now->wh[TELE_IMPORT][TELE_DAY], 9);
    for (int i = 0; i < (int)ARRAY_LEN(other) && tempo; i++)
        number(t, false, other[i], 1000000 * (i + 1), 9);
}

static void historique(const struct tele_now *now, const struct tele_says *says, int variant, struct tele_text *t)
{
    static const char *const iinst[] = {"IINST1", "IINST2", "IINST3"}, *const imax[] = {"IMAX1", "IMAX2", "IMAX3"};
    const struct option *o = &options[variant];
    bool tri = variant == TIC_HC_TRI;

    number(t, false, "ADCO", 50022120078 + says->swaps, 12);
    group(t, false, "OPTARIF", NULL, o->name);
    number(t, false, "ISOUSC", 45, 2);
    historique_energies(t, o, now, variant == TIC_TEMPO);
    group(t, false, "PTEC", NULL, now->day ? o->now_day : o->now_night);
    if (variant == TIC_TEMPO)
        group(t, false, "DEMAIN", NULL, "ROUG");
    for (unsigned i = 0; i < MAINS_PHASES && tri; i++)
        number(t, false, iinst[i], amps(now, i + 1), 3);
    for (unsigned i = 0; i < MAINS_PHASES && tri; i++)
        number(t, false, imax[i], 60, 3);
    if (!tri) {
        number(t, false, "IINST", amps(now, 0), 3);
        number(t, false, "IMAX", 49, 3);
    }
    if (tri)
        number(t, false, "PMAX", 6030, 5);
    number(t, false, "PAPP", drawn_va(now, 0), 5);
    if (variant != TIC_BASE && variant != TIC_EJP)
        group(t, false, "HHPHC", NULL, "E");
    group(t, false, "MOTDETAT", NULL, "400000");
    if (tri)
        group(t, false, "PPOT", NULL, "00");
}

void tele_tic(const struct tele_kind *k, const struct tele_now *now, const struct tele_says *says, struct tele_text *t)
{
    tele_say(t, "%c", STX);
    if (k->variant == TIC_TRI || k->variant == TIC_MONO)
        standard(now, says, k->variant == TIC_TRI ? MAINS_PHASES : 1, t);
    else
        historique(now, says, k->variant, t);
    tele_say(t, "%c", ETX);
}
