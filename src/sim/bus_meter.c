#include "sim/bus_meter.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "sim/bus_wire.h"
#include "sim/rng.h"

#define DAY_S    86400
#define DAY_FROM 7  /* o'clock: tariff 1 from here … */
#define DAY_TO   22 /* … to here, else tariff 2 */
#define GAP      8  /* registers around those it has that it reads as 0 */

static const char *const roles[ROLES] = {"main", "solar", "boiler", "grid", "l1", "l2", "l3"};

/* The phases' voltages differ a little, so that a swap shows. */
static const int32_t offset_mv[MAINS_PHASES] = {0, 700, -900};

int meter_role_find(const char *name)
{
    for (int r = 0; r < ROLES; r++)
        if (strcasecmp(roles[r], name) == 0)
            return r;
    return -1;
}

const char *meter_role_name(enum meter_role role)
{
    return roles[role];
}

/* ---- measuring ---- */

/* What flows on each phase of what it sits on. */
static void role_loads(const struct bus_meter *m, const struct board_input *in, struct mains_load out[MAINS_PHASES])
{
    struct household_second part = in->flow;
    struct mains_load all[MAINS_PHASES];
    int64_t solar_mw = in->flow.clamp_w[1] * INT64_C(1000);

    memset(out, 0, MAINS_PHASES * sizeof *out);
    if (m->given) {
        out[0] = mains_typical(0, m->watts * 1000);
        return;
    }
    switch (m->role) {
    case ROLE_MAIN:
        part.clamp_w[1] = 0;
        mains_loads(&part, in->extra_w, out);
        return;
    case ROLE_SOLAR:
        out[2] = (struct mains_load){solar_mw, solar_mw / 20};
        return;
    case ROLE_BOILER:
        out[1] = mains_typical(1, in->flow.clamp_w[2] * INT64_C(1000));
        return;
    case ROLE_GRID:
        mains_loads(&in->flow, in->extra_w, out);
        return;
    default:
        mains_loads(&in->flow, in->extra_w, all);
        out[m->role - ROLE_L1] = all[m->role - ROLE_L1];
        return;
    }
}

static void measure(struct bus_meter *m, const struct board_input *in)
{
    struct mains_load phase[MAINS_PHASES], sum = {0, 0};
    int32_t mv = mains_mv(m->seed, in->second);

    role_loads(m, in, phase);
    for (int i = 0; i < MAINS_PHASES; i++) {
        sum.p_mw += phase[i].p_mw;
        sum.q_mvar += phase[i].q_mvar;
        m->load[i + 1] = phase[i];
        m->mv[i + 1] = mv + offset_mv[i];
    }
    m->load[0] = sum;
    m->mv[0] = (m->mv[1] + m->mv[2] + m->mv[3]) / MAINS_PHASES;
    m->mhz = 49970 + (int32_t)(60 * rng_unit(rng_mix(m->seed + (uint64_t)(in->second / 10))));
    if (m->model->phases != 1)
        return;
    m->load[1] = sum;
    m->load[2] = m->load[3] = (struct mains_load){0, 0};
    m->mv[0] = m->mv[1] = mv;
}

static void count(struct bus_meter *m, unsigned suffix, struct mains_load load, int64_t ms)
{
    m->uj[load.p_mw < 0 ? ENERGY_EXPORT : ENERGY_IMPORT][suffix] += llabs(load.p_mw) * ms;
    m->uj[load.q_mvar < 0 ? ENERGY_Q_EXPORT : ENERGY_Q_IMPORT][suffix] += llabs(load.q_mvar) * ms;
}

void bus_meter_run(struct bus_meter *m, int64_t ms, const struct board_input *in)
{
    int64_t hour = in->second % DAY_S / 3600;

    measure(m, in);
    for (unsigned i = 0; i <= MAINS_PHASES; i++)
        count(m, i, m->load[i], ms);
    count(m, hour >= DAY_FROM && hour < DAY_TO ? 4 : 5, m->load[0], ms);
}

void bus_meter_replace(struct bus_meter *m, int64_t wh)
{
    memset(m->uj, 0, sizeof m->uj);
    m->uj[ENERGY_IMPORT][0] = wh * INT64_C(3600000000);
}

/* ---- quantities ---- */

/* Apparent power in mVA: of the whole, the sum of the phases'. */
static double apparent(const struct bus_meter *m, unsigned suffix)
{
    double sum = 0;

    if (suffix)
        return hypot((double)m->load[suffix].p_mw, (double)m->load[suffix].q_mvar);
    for (unsigned i = 1; i <= MAINS_PHASES; i++)
        sum += apparent(m, i);
    return sum;
}

/* In A; of the whole, all conductors'. */
static double amps(const struct bus_meter *m, unsigned suffix)
{
    double sum = 0;

    if (suffix)
        return apparent(m, suffix) / m->mv[suffix];
    for (unsigned i = 1; i <= MAINS_PHASES; i++)
        sum += amps(m, i);
    return sum;
}

static bool is_energy(uint8_t quantity)
{
    return quantity_kind(quantity) == READING_COUNTER;
}

static int64_t energy_uj(const struct bus_meter *m, uint8_t quantity)
{
    unsigned suffix = quantity_suffix(quantity);

    switch (quantity_base(quantity)) {
    case QUANTITY_ENERGY_IMPORT:
        return m->uj[ENERGY_IMPORT][suffix];
    case QUANTITY_ENERGY_EXPORT:
        return m->uj[ENERGY_EXPORT][suffix];
    case QUANTITY_ENERGY_TOTAL:
        return m->uj[ENERGY_IMPORT][suffix] + m->uj[ENERGY_EXPORT][suffix];
    case QUANTITY_REACTIVE_ENERGY_IMPORT:
        return m->uj[ENERGY_Q_IMPORT][suffix];
    case QUANTITY_REACTIVE_ENERGY_EXPORT:
        return m->uj[ENERGY_Q_EXPORT][suffix];
    default:
        return m->uj[ENERGY_Q_IMPORT][suffix] + m->uj[ENERGY_Q_EXPORT][suffix];
    }
}

static int64_t gauge_milli(const struct bus_meter *m, uint8_t quantity)
{
    unsigned suffix = quantity_suffix(quantity) <= MAINS_PHASES ? quantity_suffix(quantity) : 0;
    const struct mains_load l = m->load[suffix];
    double s = apparent(m, suffix);

    switch (quantity_base(quantity)) {
    case QUANTITY_POWER:
        return l.p_mw;
    case QUANTITY_POWER_IMPORT:
        return l.p_mw > 0 ? l.p_mw : 0;
    case QUANTITY_POWER_EXPORT:
        return l.p_mw < 0 ? -l.p_mw : 0;
    case QUANTITY_REACTIVE_POWER:
        return l.q_mvar;
    case QUANTITY_APPARENT_POWER:
        return llround(s);
    case QUANTITY_POWER_FACTOR:
        return s > 0 ? llround(1000 * (double)l.p_mw / s) : 1000;
    case QUANTITY_VOLTAGE:
        return m->mv[suffix];
    case QUANTITY_CURRENT: /* of the whole: the mean of its conductors' */
        return llround(1000 * amps(m, suffix) / (suffix ? 1 : m->model->phases));
    case QUANTITY_CURRENT_SUM:
        return llround(1000 * amps(m, suffix));
    default:
        return m->mhz;
    }
}

int64_t bus_meter_milli(const struct bus_meter *m, uint8_t quantity)
{
    return is_energy(quantity) ? energy_uj(m, quantity) / 3600000 : gauge_milli(m, quantity);
}

/* ---- registers ---- */

/* value = raw x scale, so raw is what is measured over the scale: as a fraction, and as a whole number. */
static double raw_fraction(const struct bus_meter *m, const struct meter_register *r)
{
    if (is_energy(r->quantity))
        return (double)energy_uj(m, r->quantity) / 3600 / (double)r->scale_micro;
    return (double)gauge_milli(m, r->quantity) * 1000 / (double)r->scale_micro;
}

/* A counter starts anew behind its largest number; a gauge stays at its own. */
static uint64_t raw_whole(const struct bus_meter *m, const struct meter_register *r)
{
    bool is_signed = r->type == METER_INT16 || r->type == METER_INT32 || r->type == METER_INT64;
    uint64_t most = (r->words == 4 ? UINT64_MAX : (UINT64_C(1) << 16 * r->words) - 1) >> is_signed;

    if (is_energy(r->quantity))
        return (uint64_t)(energy_uj(m, r->quantity) / 3600 / r->scale_micro) & most;
    double v = round(raw_fraction(m, r));
    if (v < 0 && !is_signed)
        return 0;
    if (fabs(v) > (double)most)
        return v < 0 ? ~most : most;
    return (uint64_t)(int64_t)v;
}

static uint64_t raw_bits(const struct bus_meter *m, const struct meter_register *r)
{
    double d = raw_fraction(m, r);
    float f = (float)d;
    uint64_t wide;
    uint32_t narrow;

    if (r->type == METER_FLOAT64) {
        memcpy(&wide, &d, sizeof wide);
        return wide;
    }
    if (r->type == METER_FLOAT32) {
        memcpy(&narrow, &f, sizeof narrow);
        return narrow;
    }
    return raw_whole(m, r);
}

/* Word number i of a register, from 0, as it goes over the line. */
static uint16_t register_word(const struct bus_meter *m, const struct meter_register *r, unsigned i)
{
    unsigned behind = m->model->low_word_first ? i : r->words - 1u - i; /* words of lower value */
    uint16_t w = (uint16_t)(raw_bits(m, r) >> 16 * behind);

    return m->model->low_byte_first ? (uint16_t)(w << 8 | w >> 8) : w;
}

static uint16_t identify_word(const struct meter_identify *id, unsigned i)
{
    size_t len = strlen(id->text);
    uint16_t high = 2 * i < len ? (uint8_t)id->text[2 * i] : 0;
    uint16_t low = 2 * i + 1 < len ? (uint8_t)id->text[2 * i + 1] : 0;

    if (len)
        return (uint16_t)(high << 8 | low);
    return (uint16_t)(id->number >> 16 * (id->words - 1 - i));
}

/* What stands at this address: 0, or -1 when it is neither a register nor close to one. */
static int word_at(const struct bus_meter *m, int function, unsigned address, uint16_t *word)
{
    bool close = false;

    *word = 0;
    for (size_t i = 0; i < m->model->n_registers; i++) {
        const struct meter_register *r = &m->model->registers[i];
        if (r->function != function)
            continue;
        if (address >= r->address && address < r->address + r->words) {
            *word = register_word(m, r, address - r->address);
            return 0;
        }
        close |= address + GAP >= r->address && address < r->address + (unsigned)r->words + GAP;
    }
    for (size_t i = 0; i < m->model->n_identify; i++) {
        const struct meter_identify *id = &m->model->identify[i];
        if (id->function == function && address >= id->address && address < id->address + id->words) {
            *word = identify_word(id, address - id->address);
            return 0;
        }
    }
    return close && !m->strict ? 0 : -1;
}

uint8_t bus_meter_read(const struct bus_meter *m, int function, unsigned address, unsigned count, uint16_t *words)
{
    if (function != 3 && function != 4)
        return BUS_ILLEGAL_FUNCTION;
    if (count < 1 || count > BUS_READ_MAX || count > m->model->max_read)
        return BUS_ILLEGAL_VALUE;
    for (unsigned i = 0; i < count; i++)
        if (word_at(m, function, address + i, &words[i]) < 0)
            return BUS_ILLEGAL_ADDRESS;
    return BUS_NO_EXCEPTION;
}

void bus_meter_truth(const struct bus_meter *m, FILE *out)
{
    char name[QUANTITY_NAME];

    fputc('{', out);
    for (size_t i = 0; i < m->model->n_registers; i++) {
        uint8_t quantity = m->model->registers[i].quantity;
        fprintf(out, "%s\"%s\":%" PRId64, i ? "," : "", quantity_name(quantity, name), bus_meter_milli(m, quantity));
    }
    fputc('}', out);
}
