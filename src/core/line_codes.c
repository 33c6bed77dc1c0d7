#include "core/line_codes.h"

#include "core/util.h"

#include <assert.h>
#include <string.h>

enum {
    P1 = 1 << LINE_P1,
    D0 = 1 << LINE_D0,
    STANDARD = 1 << LINE_TIC,
    HISTORIQUE = 1 << LINE_TIC_HISTORIQUE,
    OBIS = P1 | D0,
    TIC = STANDARD | HISTORIQUE
};

#define GAUGE(u)     .unit[READING_GAUGE] = (u)
#define COUNTER(u)   .unit[READING_COUNTER] = (u)
#define BY(c, d, e)  .obis[READING_GAUGE] = {c, d, e}
#define SUM(c, d, e) .obis[READING_COUNTER] = {c, d, e}
#define LABELS(...)  .labels = {__VA_ARGS__}

/* A tariff's counter by its OBIS code, and one by its label. */
#define TARIFF(code, words, c, d, e)                                                                                   \
    {                                                                                                                  \
        code, words, .protocols = OBIS, COUNTER("Wh"), SUM(c, d, e)                                                    \
    }
#define LABEL(code, label, protocol, unit)                                                                             \
    {                                                                                                                  \
        code, label, .protocols = protocol, COUNTER(unit), LABELS(label)                                               \
    }

/* What is on the M-Bus of a P1 meter. */
#define DEVICE(code, words, u, t, of, is_known, n)                                                                     \
    {                                                                                                                  \
        code, words, .protocols = P1, COUNTER(u), .type = t, .known = is_known, .device = of, .nth = n                 \
    }
#define DEVICES(code, words, u, t, of, is_known)                                                                       \
    DEVICE(code, words, u, t, of, is_known, 1), DEVICE(code "-2", words " 2", u, t, of, is_known, 2),                  \
        DEVICE(code "-3", words " 3", u, t, of, is_known, 3), DEVICE(code "-4", words " 4", u, t, of, is_known, 4)

const struct line_code line_codes[] = {
    [LINE_NET] = {"net", "", .protocols = OBIS, GAUGE("W"), COUNTER("Wh"), .main = true, .known = true, .falls = true},
    [LINE_IMPORT] = {"import", "import", .protocols = OBIS, GAUGE("W"), BY(1, 7, 0), COUNTER("Wh"), SUM(1, 8, 0)},
    [LINE_EXPORT] = {"export", "export", .protocols = OBIS, GAUGE("W"), BY(2, 7, 0), COUNTER("Wh"), SUM(2, 8, 0)},
    [LINE_TIC_IMPORT] = {"import", "import", .protocols = TIC, COUNTER("Wh"), LABELS("EAST"), .main = true,
                         .known = true},
    [LINE_TIC_EXPORT] = {"export", "export", .protocols = STANDARD, COUNTER("Wh"), LABELS("EAIT")},
    TARIFF("1.8.1", "import T1", 1, 8, 1),
    TARIFF("1.8.2", "import T2", 1, 8, 2),
    TARIFF("1.8.3", "import T3", 1, 8, 3),
    TARIFF("1.8.4", "import T4", 1, 8, 4),
    TARIFF("2.8.1", "export T1", 2, 8, 1),
    TARIFF("2.8.2", "export T2", 2, 8, 2),
    TARIFF("2.8.3", "export T3", 2, 8, 3),
    TARIFF("2.8.4", "export T4", 2, 8, 4),
    {"3.8.0", "reactive import", .protocols = OBIS, GAUGE("VAR"), BY(3, 7, 0), COUNTER("VARh"), SUM(3, 8, 0)},
    {"3.8.1", "reactive import T1", .protocols = OBIS, COUNTER("VARh"), SUM(3, 8, 1)},
    {"3.8.2", "reactive import T2", .protocols = OBIS, COUNTER("VARh"), SUM(3, 8, 2)},
    {"4.8.0", "reactive export", .protocols = OBIS, GAUGE("VAR"), BY(4, 7, 0), COUNTER("VARh"), SUM(4, 8, 0)},
    {"4.8.1", "reactive export T1", .protocols = OBIS, COUNTER("VARh"), SUM(4, 8, 1)},
    {"4.8.2", "reactive export T2", .protocols = OBIS, COUNTER("VARh"), SUM(4, 8, 2)},
    {"21.7.0", "import L1", .protocols = OBIS, GAUGE("W"), BY(21, 7, 0)},
    {"41.7.0", "import L2", .protocols = OBIS, GAUGE("W"), BY(41, 7, 0)},
    {"61.7.0", "import L3", .protocols = OBIS, GAUGE("W"), BY(61, 7, 0)},
    {"22.7.0", "export L1", .protocols = OBIS, GAUGE("W"), BY(22, 7, 0)},
    {"42.7.0", "export L2", .protocols = OBIS, GAUGE("W"), BY(42, 7, 0)},
    {"62.7.0", "export L3", .protocols = OBIS, GAUGE("W"), BY(62, 7, 0)},
    {"32.7.0", "voltage L1", .protocols = OBIS | STANDARD, GAUGE("V"), BY(32, 7, 0), LABELS("URMS1")},
    {"52.7.0", "voltage L2", .protocols = OBIS | STANDARD, GAUGE("V"), BY(52, 7, 0), LABELS("URMS2")},
    {"72.7.0", "voltage L3", .protocols = OBIS | STANDARD, GAUGE("V"), BY(72, 7, 0), LABELS("URMS3")},
    {"31.7.0", "current L1", .protocols = OBIS | TIC, GAUGE("A"), BY(31, 7, 0), LABELS("IRMS1", "IINST", "IINST1")},
    {"51.7.0", "current L2", .protocols = OBIS | TIC, GAUGE("A"), BY(51, 7, 0), LABELS("IRMS2", "IINST2")},
    {"71.7.0", "current L3", .protocols = OBIS | TIC, GAUGE("A"), BY(71, 7, 0), LABELS("IRMS3", "IINST3")},
    {"1.4.0", "quarter", .protocols = OBIS, GAUGE("W"), BY(1, 4, 0)},
    {"1.6.0", "month peak", .protocols = OBIS, GAUGE("W"), BY(1, 6, 0)},
    {"14.7.0", "frequency", .protocols = OBIS, GAUGE("Hz"), BY(14, 7, 0)},
    {"13.7.0", "power factor", .protocols = OBIS, GAUGE(""), BY(13, 7, 0)},
    {"16.7.0", "power", .protocols = OBIS, GAUGE("W"), BY(16, 7, 0)},
    {"36.7.0", "power L1", .protocols = OBIS, GAUGE("W"), BY(36, 7, 0)},
    {"56.7.0", "power L2", .protocols = OBIS, GAUGE("W"), BY(56, 7, 0)},
    {"76.7.0", "power L3", .protocols = OBIS, GAUGE("W"), BY(76, 7, 0)},
    LABEL("base", "BASE", HISTORIQUE, "Wh"),
    LABEL("hchc", "HCHC", HISTORIQUE, "Wh"),
    LABEL("hchp", "HCHP", HISTORIQUE, "Wh"),
    LABEL("ejphn", "EJPHN", HISTORIQUE, "Wh"),
    LABEL("ejphpm", "EJPHPM", HISTORIQUE, "Wh"),
    LABEL("bbrhcjb", "BBRHCJB", HISTORIQUE, "Wh"),
    LABEL("bbrhpjb", "BBRHPJB", HISTORIQUE, "Wh"),
    LABEL("bbrhcjw", "BBRHCJW", HISTORIQUE, "Wh"),
    LABEL("bbrhpjw", "BBRHPJW", HISTORIQUE, "Wh"),
    LABEL("bbrhcjr", "BBRHCJR", HISTORIQUE, "Wh"),
    LABEL("bbrhpjr", "BBRHPJR", HISTORIQUE, "Wh"),
    LABEL("easf01", "EASF01", STANDARD, "Wh"),
    LABEL("easf02", "EASF02", STANDARD, "Wh"),
    LABEL("easf03", "EASF03", STANDARD, "Wh"),
    LABEL("easf04", "EASF04", STANDARD, "Wh"),
    LABEL("easf05", "EASF05", STANDARD, "Wh"),
    LABEL("easf06", "EASF06", STANDARD, "Wh"),
    LABEL("easf07", "EASF07", STANDARD, "Wh"),
    LABEL("easf08", "EASF08", STANDARD, "Wh"),
    LABEL("easf09", "EASF09", STANDARD, "Wh"),
    LABEL("easf10", "EASF10", STANDARD, "Wh"),
    LABEL("easd01", "EASD01", STANDARD, "Wh"),
    LABEL("easd02", "EASD02", STANDARD, "Wh"),
    LABEL("easd03", "EASD03", STANDARD, "Wh"),
    LABEL("easd04", "EASD04", STANDARD, "Wh"),
    LABEL("erq1", "ERQ1", STANDARD, "VARh"),
    LABEL("erq2", "ERQ2", STANDARD, "VARh"),
    LABEL("erq3", "ERQ3", STANDARD, "VARh"),
    LABEL("erq4", "ERQ4", STANDARD, "VARh"),
    {"papp", "apparent power", .protocols = HISTORIQUE, GAUGE("VA"), LABELS("PAPP")},
    {"sinsts", "apparent power in", .protocols = STANDARD, GAUGE("VA"), LABELS("SINSTS")},
    {"sinsts1", "apparent power in L1", .protocols = STANDARD, GAUGE("VA"), LABELS("SINSTS1")},
    {"sinsts2", "apparent power in L2", .protocols = STANDARD, GAUGE("VA"), LABELS("SINSTS2")},
    {"sinsts3", "apparent power in L3", .protocols = STANDARD, GAUGE("VA"), LABELS("SINSTS3")},
    {"sinsti", "apparent power out", .protocols = STANDARD, GAUGE("VA"), LABELS("SINSTI")},
    DEVICES("gas", "gas", "L", SENSOR_GAS, P1_GAS, true),
    DEVICES("water", "water", "L", SENSOR_WATER, P1_WATER, true),
    DEVICES("warm-water", "warm water", "L", SENSOR_WATER, P1_WARM_WATER, true),
    DEVICES("heat", "heat", "Wh", SENSOR_HEAT, P1_HEAT, false),
    {"heat", "heat", .protocols = D0, .type = SENSOR_HEAT, GAUGE("W"), BY(6, 6, 255), COUNTER("Wh"), SUM(6, 8, 255)},
    {"6.26", "heat volume", .protocols = D0, .type = SENSOR_HEAT, COUNTER("L"), SUM(6, 26, 255)},
};

const size_t line_codes_len = ARRAY_LEN(line_codes);

static_assert(ARRAY_LEN(line_codes) <= LINE_CODES, "arrays by code hold all");

int line_code_find(enum line_protocol p, const char *code)
{
    for (size_t i = 0; i < line_codes_len; i++)
        if (line_code_has(i, p) && strcmp(line_codes[i].code, code) == 0)
            return (int)i;
    return -1;
}

int line_code_obis(enum line_protocol p, unsigned c, unsigned d, unsigned e, enum reading_kind *kind)
{
    for (size_t i = 0; i < line_codes_len; i++) {
        for (int k = 0; k < READING_KINDS; k++) {
            const struct line_code *x = &line_codes[i];
            if (!c || x->obis[k].c != c || x->obis[k].d != d || !line_code_has(i, p))
                continue;
            if (x->obis[k].e == e || (e == 255 && x->obis[k].e == 0)) {
                *kind = (enum reading_kind)k;
                return (int)i;
            }
        }
    }
    return -1;
}

int line_code_label(enum line_protocol p, const char *label, enum reading_kind *kind)
{
    for (size_t i = 0; i < line_codes_len; i++) {
        const struct line_code *x = &line_codes[i];
        for (size_t k = 0; k < LINE_LABELS && x->labels[k] && line_code_has(i, p); k++) {
            if (strcmp(x->labels[k], label) != 0)
                continue;
            *kind = x->unit[READING_COUNTER] ? READING_COUNTER : READING_GAUGE;
            return (int)i;
        }
    }
    return -1;
}

int line_code_device(enum p1_device device, unsigned nth)
{
    for (size_t i = 0; i < line_codes_len; i++)
        if (line_codes[i].nth && line_codes[i].nth == nth && line_codes[i].device == device)
            return (int)i;
    return -1;
}

enum obis_unit line_code_unit(size_t code, enum reading_kind kind)
{
    static const char *const names[OBIS_UNITS] = {
        [OBIS_PLAIN] = "", [OBIS_WH] = "Wh", [OBIS_W] = "W", [OBIS_VARH] = "VARh", [OBIS_VAR] = "VAR",
        [OBIS_VA] = "VA",  [OBIS_V] = "V",   [OBIS_A] = "A", [OBIS_HZ] = "Hz",     [OBIS_L] = "L"};
    const char *unit = line_codes[code].unit[kind];

    for (int u = 0; unit && u < OBIS_UNITS; u++)
        if (strcmp(names[u], unit) == 0)
            return (enum obis_unit)u;
    return OBIS_PLAIN;
}

bool line_code_rare(size_t code)
{
    return line_codes[code].nth || line_codes[code].type == SENSOR_HEAT;
}

const char *line_protocol_name(enum line_protocol p)
{
    static const char *const names[LINE_PROTOCOLS] = {"p1", "d0", "tic", "tic-historique"};

    return names[p];
}
