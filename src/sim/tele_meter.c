#include "sim/tele_meter.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#define UJ_PER_WH INT64_C(3600000000)
#define UL_PER_L  INT64_C(1000000)

#define DAY_S    86400
#define DAY_FROM 7
#define DAY_TO   22

/* Tariffs 1 and 2 of a meter on a bus. */
#define SUFFIX_DAY   4
#define SUFFIX_NIGHT 5

/* Where the meter of an old house stands: Wh of the four registers, varh, litres. */
#define OLD_IMPORT_DAY   INT64_C(4321098)
#define OLD_IMPORT_NIGHT INT64_C(5432109)
#define OLD_EXPORT_DAY   INT64_C(1234567)
#define OLD_EXPORT_NIGHT INT64_C(7654)
#define OLD_VARH         INT64_C(345678)
#define OLD_GAS          INT64_C(2345678)
#define OLD_WATER        INT64_C(456789)
#define APART            INT64_C(111111) /* between meters of several lines */

/* The connection's three phases; its registers are nobody's. */
static const struct meter_model connection = {.phases = MAINS_PHASES};

static void set_energy(struct tele_meter *m, enum meter_energy e, int64_t day_wh, int64_t night_wh)
{
    m->at.uj[e][SUFFIX_DAY] = day_wh * UJ_PER_WH;
    m->at.uj[e][SUFFIX_NIGHT] = night_wh * UJ_PER_WH;
    m->at.uj[e][0] = m->at.uj[e][SUFFIX_DAY] + m->at.uj[e][SUFFIX_NIGHT];
}

void tele_meter_init(struct tele_meter *m, uint64_t seed, unsigned number, int64_t read_every_s)
{
    int64_t more = APART * number;

    *m = (struct tele_meter){.at = {.model = &connection, .role = ROLE_GRID, .seed = seed}};
    m->read_every_s = read_every_s;
    set_energy(m, ENERGY_IMPORT, OLD_IMPORT_DAY + more, OLD_IMPORT_NIGHT + more);
    set_energy(m, ENERGY_EXPORT, OLD_EXPORT_DAY + more, OLD_EXPORT_NIGHT + more);
    set_energy(m, ENERGY_Q_IMPORT, OLD_VARH + more, OLD_VARH / 2 + more);
    set_energy(m, ENERGY_Q_EXPORT, OLD_VARH / 3 + more, OLD_VARH / 4 + more);
    for (int i = 0; i < TELE_QUADRANTS; i++)
        m->quadrant_uj[i] = (OLD_VARH / (i + 1) + more) * UJ_PER_WH;
    m->ul[TELE_GAS] = (OLD_GAS + more) * UL_PER_L;
    m->ul[TELE_WATER] = (OLD_WATER + more) * UL_PER_L;
}

void tele_meter_swap(struct tele_meter *m)
{
    set_energy(m, ENERGY_IMPORT, 12, 3);
    set_energy(m, ENERGY_EXPORT, 1, 0);
    set_energy(m, ENERGY_Q_IMPORT, 2, 1);
    set_energy(m, ENERGY_Q_EXPORT, 3, 2);
    memset(m->quadrant_uj, 0, sizeof m->quadrant_uj);
    m->quarter_s = m->peak_s = m->peak_w = 0;
    m->quarter_whole = false;
    m->swaps++;
}

/* Quadrants as the standard counts them: 1 P+ Q+, 2 P- Q+, 3 P- Q-, 4 P+ Q-. */
static unsigned quadrant(const struct mains_load *l)
{
    if (l->q_mvar >= 0)
        return l->p_mw >= 0 ? 0 : 1;
    return l->p_mw >= 0 ? 3 : 2;
}

void tele_meter_run(struct tele_meter *m, int64_t ms, const struct board_input *in)
{
    bus_meter_run(&m->at, ms, in);
    m->quadrant_uj[quadrant(&m->at.load[0])] += llabs(m->at.load[0].q_mvar) * ms;
    m->ul[TELE_WATER] += in->flow.flow_ml[0] * ms;
    m->ul[TELE_GAS] += in->flow.flow_ml[1] * ms;
}

static bool same_month(int64_t a_s, int64_t b_s)
{
    time_t a = (time_t)a_s, b = (time_t)b_s;
    struct tm one, other;

    return gmtime_r(&a, &one) && gmtime_r(&b, &other) && one.tm_mon == other.tm_mon && one.tm_year == other.tm_year;
}

/* A quarter of an hour is one by the clock; of the first one, and of one in which the clock leapt, only a part is
 * known, and it is no peak. */
static void turn_quarter(struct tele_meter *m, int64_t unix_s)
{
    int64_t start = unix_s / TELE_QUARTER_S * TELE_QUARTER_S, drawn_uj = m->at.uj[ENERGY_IMPORT][0];

    if (start == m->quarter_s)
        return;
    if (start - m->quarter_s == TELE_QUARTER_S && unix_s == start && m->quarter_whole) {
        int64_t w = (drawn_uj - m->quarter_uj) / TELE_QUARTER_S / 1000000;
        if (!m->peak_s || !same_month(m->peak_s - 1, start - 1) || w > m->peak_w) {
            m->peak_w = w;
            m->peak_s = start;
        }
    }
    m->quarter_s = start;
    m->quarter_uj = drawn_uj;
    m->quarter_whole = unix_s == start;
}

/* A counter's tariffs, and their sum. */
static void tell_energy(const struct tele_meter *m, enum meter_energy e, int64_t out[TELE_TARIFFS])
{
    out[TELE_DAY] = m->at.uj[e][SUFFIX_DAY] / UJ_PER_WH;
    out[TELE_NIGHT] = m->at.uj[e][SUFFIX_NIGHT] / UJ_PER_WH;
    out[TELE_WHOLE] = out[TELE_DAY] + out[TELE_NIGHT];
}

static void tell_phases(const struct tele_meter *m, struct tele_now *out)
{
    for (int i = MAINS_PHASES; i >= 0; i--) {
        out->mw[i] = m->at.load[i].p_mw;
        out->mvar[i] = m->at.load[i].q_mvar;
        out->mv[i] = m->at.mv[i];
        out->mva[i] = llround(hypot((double)out->mw[i], (double)out->mvar[i]));
        out->ma[i] = out->mva[i] * 1000 / out->mv[i];
    }
}

void tele_meter_second(struct tele_meter *m, int64_t unix_s, int64_t house_s, struct tele_now *out)
{
    int64_t hour = house_s % DAY_S / 3600;

    turn_quarter(m, unix_s);
    for (int i = 0; i < TELE_PIPES; i++) {
        if (m->litres_s[i] && unix_s % m->read_every_s)
            continue;
        m->litres[i] = m->ul[i] / UL_PER_L;
        m->litres_s[i] = unix_s / m->read_every_s * m->read_every_s;
    }
    *out = (struct tele_now){.unix_s = unix_s, .day = hour >= DAY_FROM && hour < DAY_TO, .mhz = m->at.mhz};
    tell_phases(m, out);
    tell_energy(m, ENERGY_IMPORT, out->wh[TELE_IMPORT]);
    tell_energy(m, ENERGY_EXPORT, out->wh[TELE_EXPORT]);
    tell_energy(m, ENERGY_Q_IMPORT, out->varh[TELE_IMPORT]);
    tell_energy(m, ENERGY_Q_EXPORT, out->varh[TELE_EXPORT]);
    for (int i = 0; i < TELE_QUADRANTS; i++)
        out->quadrant_varh[i] = m->quadrant_uj[i] / UJ_PER_WH;
    memcpy(out->litres, m->litres, sizeof out->litres);
    memcpy(out->litres_s, m->litres_s, sizeof out->litres_s);
    out->import_uj = m->at.uj[ENERGY_IMPORT][0];
    out->export_uj = m->at.uj[ENERGY_EXPORT][0];
    out->quarter_w = (out->import_uj - m->quarter_uj) / TELE_QUARTER_S / 1000000;
    out->peak_w = m->peak_w;
    out->peak_s = m->peak_s;
}

/* "name":[…] */
static void list(FILE *out, const char *name, const int64_t *v, unsigned n)
{
    fprintf(out, ",\"%s\":[", name);
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "%s%" PRId64, i ? "," : "", v[i]);
    fputc(']', out);
}

void tele_now_truth(const struct tele_now *now, FILE *out)
{
    int64_t mv[MAINS_PHASES + 1];

    for (int i = 0; i <= MAINS_PHASES; i++)
        mv[i] = now->mv[i];
    fprintf(out, "\"unix_s\":%" PRId64 ",\"day\":%s,\"mhz\":%" PRId32, now->unix_s, now->day ? "true" : "false",
            now->mhz);
    list(out, "mw", now->mw, ARRAY_LEN(now->mw));
    list(out, "mvar", now->mvar, ARRAY_LEN(now->mvar));
    list(out, "mva", now->mva, ARRAY_LEN(now->mva));
    list(out, "ma", now->ma, ARRAY_LEN(now->ma));
    list(out, "mv", mv, ARRAY_LEN(mv));
    list(out, "import_wh", now->wh[TELE_IMPORT], TELE_TARIFFS);
    list(out, "export_wh", now->wh[TELE_EXPORT], TELE_TARIFFS);
    list(out, "import_varh", now->varh[TELE_IMPORT], TELE_TARIFFS);
    list(out, "export_varh", now->varh[TELE_EXPORT], TELE_TARIFFS);
    list(out, "quadrant_varh", now->quadrant_varh, TELE_QUADRANTS);
    list(out, "litres", now->litres, TELE_PIPES);
    list(out, "litres_s", now->litres_s, TELE_PIPES);
    fprintf(out, ",\"import_uj\":%" PRId64 ",\"export_uj\":%" PRId64, now->import_uj, now->export_uj);
    fprintf(out, ",\"quarter_w\":%" PRId64 ",\"peak_w\":%" PRId64 ",\"peak_s\":%" PRId64, now->quarter_w, now->peak_w,
            now->peak_s);
}

/* ---- kept in a file ---- */

/* Its counters one by one: n is from 0; NULL behind the last. */
static int64_t *counter(struct tele_meter *m, unsigned n)
{
    static const unsigned suffixes[] = {0, SUFFIX_DAY, SUFFIX_NIGHT};
    const unsigned energies = METER_ENERGIES * ARRAY_LEN(suffixes);

    if (n < energies)
        return &m->at.uj[n / ARRAY_LEN(suffixes)][suffixes[n % ARRAY_LEN(suffixes)]];
    n -= energies;
    if (n < TELE_QUADRANTS)
        return &m->quadrant_uj[n];
    n -= TELE_QUADRANTS;
    return n < TELE_PIPES ? &m->ul[n] : NULL;
}

void tele_meter_keep(const struct tele_meter *m, FILE *out)
{
    struct tele_meter copy = *m;
    int64_t *v;

    for (unsigned i = 0; (v = counter(&copy, i)) != NULL; i++)
        fprintf(out, " %" PRId64, *v);
}

bool tele_meter_restore(struct tele_meter *m, const char *text)
{
    struct tele_meter copy = *m;
    int64_t *v;
    char *end;

    for (unsigned i = 0; (v = counter(&copy, i)) != NULL; i++) {
        *v = strtoll(text, &end, 10);
        if (end == text || *v < 0)
            return false;
        text = end;
    }
    if (*text != '\0')
        return false;
    *m = copy;
    return true;
}
